"""What goes over the wire. Names and meanings are the interface; see the OpenAPI document."""
