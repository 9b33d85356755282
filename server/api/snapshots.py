"""Snapshots: immutable label files."""

import json
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.responses import FileResponse

from server.api.deps import GuardedRoute, LeadReader, ReadSessionDep, Runner
from server.api.downloads import note_download, send_file
from server.api.problems import problems
from server.models import AuditEvent
from server.schemas.common import DatabaseId, Page
from server.schemas.people import SnapshotLine
from server.schemas.snapshot import SnapshotOut
from server.services.audit import Thing
from server.services.labels import snapshots, tracing
from server.storage import get_storage
from trainer.contract import PointLabel, WeakLabel

router = APIRouter(tags=["snapshots"], route_class=GuardedRoute)

NDJSON = "application/x-ndjson"
EXAMPLE = WeakLabel(
    image="cam3/000123.jpg",
    width=2048,
    height=1024,
    present=("Road", "Car"),
    absent=("Train",),
    points=(PointLabel(category="Car", x=812.5, y=500.5),),
    active_ms=8120,
    wall_ms=9033,
    annotator="a17",
    labelled_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
)
LINE = json.dumps(EXAMPLE.model_dump(mode="json")) + "\n"


@router.post(
    "/projects/{project_id}/snapshots",
    status_code=status.HTTP_201_CREATED,
    responses=problems(401, 403, 404, 409),
)
def create_snapshot(project_id: DatabaseId, _caller: Runner) -> SnapshotOut:
    """Make a snapshot of the labels as they are now; the same labels give the same one again."""
    return SnapshotOut.of(snapshots.create(project_id))


@router.get("/projects/{project_id}/snapshots", responses=problems(401, 403, 404))
def list_snapshots(
    project_id: DatabaseId, _caller: LeadReader, session: ReadSessionDep
) -> list[SnapshotOut]:
    """A project's snapshots, newest first."""
    return [SnapshotOut.of(snapshot) for snapshot in snapshots.list_all(session, project_id)]


@router.get("/snapshots/{snapshot_id}/lines", responses=problems(401, 403, 404))
def list_snapshot_lines(
    snapshot_id: DatabaseId,
    _caller: LeadReader,
    session: ReadSessionDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=15, pattern=r"^\d{1,15}$")] = None,
) -> Page[SnapshotLine]:
    """The lines of the label file, in its order, each with the labels whose time it has."""
    snapshot = snapshots.get(session, snapshot_id)
    lines, more = tracing.lines_of(session, snapshot, int(cursor or 0), limit)
    return Page(items=lines, next_cursor=None if more is None else str(more))


@router.head("/snapshots/{snapshot_id}/labels.jsonl", include_in_schema=False)
@router.get(
    "/snapshots/{snapshot_id}/labels.jsonl",
    responses=problems(401, 403, 404, 416) | {200: {"content": {NDJSON: {"example": LINE}}}},
    response_class=FileResponse,
)
def snapshot_labels(
    snapshot_id: DatabaseId, request: Request, _caller: LeadReader, session: ReadSessionDep
) -> Response:
    """The label file: one JSON object for each image and annotator. Takes Range."""
    snapshot = snapshots.get(session, snapshot_id)
    answer = send_file(
        request,
        get_storage().existing_path(snapshot.storage_key),
        tag=snapshot.sha256,
        sha256=snapshot.sha256,
        media_type=NDJSON,
        filename=f"labels-{snapshot.project_id}-{snapshot.sha256[:12]}.jsonl",
    )
    on = Thing("snapshot", snapshot.id, snapshot.project_id)
    return note_download(request, answer, AuditEvent.SNAPSHOT_DOWNLOADED, on)
