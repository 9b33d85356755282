"""Simulated annotators: what people would answer who see the masks, how long they take, what they get
wrong; and the client that sends it to a server as a browser does."""
