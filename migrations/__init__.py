"""Database migrations, shipped with the server."""
