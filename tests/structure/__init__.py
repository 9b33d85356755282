"""How the code is built: its rooms, the arrows between them, and what a change touches."""
