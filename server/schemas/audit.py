"""The audit log, as it is read."""

from datetime import datetime
from typing import Any

from server.models import AuditEvent
from server.schemas.common import Out


class AuditEntryOut(Out):
    """Who did what, when, from where, to what: ids, and no secret or content of a label."""

    id: int
    """One more than that of the line before."""
    at: datetime
    event: AuditEvent
    door: str
    """`http`, `command` (the operator, on the server's machine) or `server`, by itself."""
    user_id: int | None
    user: str | None
    """What `user_id` is called now."""
    session_id: int | None
    token_id: int | None
    address: str | None
    request_id: str | None
    project_id: int | None
    subject: str | None
    """What kind of thing it was done to."""
    subject_id: str | None
    subject_name: str | None
    """What it is called now, of a person."""
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str
    """SHA-256 over the line and the hash of the line before."""
