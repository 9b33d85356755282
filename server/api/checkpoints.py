"""Checkpoints: lists and downloads."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from server.api.deps import GuardedRoute, LeadReader, ReadSessionDep, Viewer
from server.api.downloads import note_download, send_file
from server.api.problems import problems
from server.models import AuditEvent
from server.schemas.common import DatabaseId
from server.schemas.run import CheckpointOut
from server.services.audit import Thing
from server.services.runs import checkpoints, runs

router = APIRouter(tags=["checkpoints"], route_class=GuardedRoute)

SAFETENSORS = "application/vnd.safetensors"


@router.get("/runs/{run_id}/checkpoints", responses=problems(401, 403, 404))
def list_checkpoints(
    run_id: DatabaseId, _caller: Viewer, session: ReadSessionDep
) -> list[CheckpointOut]:
    """A run's checkpoints in order of steps."""
    run = runs.get(session, run_id)
    return [
        CheckpointOut.of(checkpoint, run) for checkpoint in checkpoints.list_of_run(session, run)
    ]


@router.head("/checkpoints/{checkpoint_id}/file", include_in_schema=False)
@router.get(
    "/checkpoints/{checkpoint_id}/file",
    responses=problems(401, 403, 404, 416)
    | {
        200: {"content": {SAFETENSORS: {"schema": {"type": "string", "format": "binary"}}}},
        206: {"description": "The range that was asked for."},
    },
    response_class=FileResponse,
)
def checkpoint_file(
    checkpoint_id: DatabaseId, request: Request, _caller: LeadReader, session: ReadSessionDep
) -> Response:
    """The weights (safetensors). Takes Range, If-Range and If-None-Match; the ETag is the sha256."""
    checkpoint = checkpoints.get(session, checkpoint_id)
    answer = send_file(
        request,
        checkpoints.whole_file(session, checkpoint),
        tag=checkpoint.sha256,
        sha256=checkpoint.sha256,
        media_type=SAFETENSORS,
        filename=checkpoint.filename,
    )
    on = Thing("checkpoint", checkpoint.id, runs.get(session, checkpoint.run_id).project_id)
    return note_download(request, answer, AuditEvent.CHECKPOINT_DOWNLOADED, on)
