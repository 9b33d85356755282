"""The accounts that tests use."""

from functools import cache

from server.models.user import Role
from server.security import hash_password

PASSWORD = "correct horse battery"
EMAILS = {role: f"{role.value}@example.org" for role in Role}


@cache
def password_hash() -> str:
    """Of the one password; hashing is slow on purpose, so it is done once."""
    return hash_password(PASSWORD)
