"""The audit log: who did what."""

import tempfile
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from server.api.deps import Admin, GuardedRoute, NumberCursor, ReadSessionDep, number_of
from server.api.downloads import pieces
from server.api.problems import problems
from server.models import AuditEvent
from server.schemas.audit import AuditEntryOut
from server.schemas.common import DatabaseId, Page
from server.services import audit
from server.services.audit import AuditFilter

router = APIRouter(prefix="/audit", tags=["audit"], route_class=GuardedRoute)

NDJSON = "application/x-ndjson"


def audit_filter(
    event: AuditEvent | None = None,
    user_id: Annotated[DatabaseId | None, Query(description="Who did it.")] = None,
    project_id: DatabaseId | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> AuditFilter:
    """Which lines are asked for."""
    return AuditFilter(event, user_id, project_id, since, until)


AuditFilterDep = Annotated[AuditFilter, Depends(audit_filter)]


@router.get("", responses=problems(401, 403))
def list_audit(
    _caller: Admin,
    wanted: AuditFilterDep,
    session: ReadSessionDep,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    cursor: NumberCursor = None,
) -> Page[AuditEntryOut]:
    """Who did what, newest first."""
    before = number_of(cursor) if cursor else None
    found = audit.page(session, wanted, before, limit + 1)
    shown = found[:limit]
    names = audit.names(session, shown)
    items = [
        AuditEntryOut.from_row(
            entry,
            user=names.get(entry.user_id or 0),
            subject_name=names.get(int(entry.subject_id or 0)) if entry.subject == "user" else None,
        )
        for entry in shown
    ]
    return Page(items=items, next_cursor=str(shown[-1].id) if len(found) > limit else None)


@router.get(
    "/export",
    responses=problems(401, 403) | {200: {"content": {NDJSON: {"schema": {"type": "string"}}}}},
    response_class=StreamingResponse,
)
def export_audit(
    _caller: Admin, wanted: AuditFilterDep, session: ReadSessionDep
) -> StreamingResponse:
    """The same as lines of JSON, oldest first: by the hashes of all lines one sees that none is missing."""
    # The file is whole before it is sent: a slow reader must not hold a transaction open.
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it was sent
    try:
        file.writelines(audit.export(session, wanted))
        audit.record_now(AuditEvent.AUDIT_EXPORTED)
    except BaseException:
        file.close()
        raise
    headers = {
        "Content-Disposition": 'attachment; filename="audit.jsonl"',
        "Content-Length": str(file.tell()),
    }
    return StreamingResponse(pieces(file), media_type=NDJSON, headers=headers)
