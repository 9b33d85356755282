"""The accounts that tests use."""

from server.models.user import Role

PASSWORD = "correct horse battery"
EMAILS = {role: f"{role.value}@example.org" for role in Role}
