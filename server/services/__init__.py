"""What the product decides. Services are handed a session and never mention HTTP."""
