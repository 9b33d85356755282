"""Runs and their progress."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response, status
from fastapi.responses import FileResponse, StreamingResponse

from server.api import event_stream
from server.api.deps import GuardedRoute, ReadSessionDep, Runner, SessionDep, Viewer
from server.api.downloads import send_file
from server.api.event_stream import Listener, Streams
from server.api.problems import problems
from server.errors import NotFound
from server.schemas.common import DatabaseId
from server.schemas.run import MetricPoint, RunDetail, RunIn, RunOut
from server.services.runs import cost_curve, runs

router = APIRouter(
    tags=["runs"], lifespan=event_stream.ending_at_shutdown, route_class=GuardedRoute
)

REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
EventId = Annotated[int, Query(ge=0, le=2**31 - 1)]
STREAM_EXAMPLE = (
    "id: 41\nevent: progress\n"
    'data: {"id": 41, "kind": "progress", "at": "2026-11-22T10:00:00Z", "attempt": 1, '
    '"payload": {"step": 10, "steps": 450, "losses": {"segmentation": 1.2}}}\n\n'
    'event: end\ndata: {"state": "succeeded"}\n\n'
)


@router.post(
    "/projects/{project_id}/runs",
    status_code=status.HTTP_201_CREATED,
    responses=problems(401, 403, 404, 409),
)
def create_run(project_id: DatabaseId, body: RunIn, caller: Runner) -> RunOut:
    """Queue a run. With supervision `image` or `point` it trains on a snapshot of the labels.

    409 `no-source`, `no-labels` or `no-images` when the project is not ready for it.
    """
    return RunOut.of(runs.create(project_id, body, caller.id), inspects=True)


@router.get("/projects/{project_id}/runs", responses=problems(401, 403, 404))
def list_runs(project_id: DatabaseId, caller: Viewer, session: ReadSessionDep) -> list[RunOut]:
    """A project's runs, newest first."""
    inspects = caller.inspects_runs
    return [RunOut.of(run, inspects=inspects) for run in runs.list_all(session, project_id)]


@router.get("/runs/{run_id}", responses=problems(401, 403, 404))
def show_run(run_id: DatabaseId, caller: Viewer, session: ReadSessionDep) -> RunDetail:
    """One run with its configuration and, when it succeeded, its report."""
    run = runs.get(session, run_id)
    url = f"/api/v1/runs/{run_id}/report.html" if runs.report_page(run) else None
    baseline = cost_curve.baseline_of(session, run)
    return RunDetail.of(run, inspects=caller.inspects_runs, report_url=url, baseline=baseline)


@router.get(
    "/runs/{run_id}/report.html",
    responses=problems(401, 403, 404)
    | {200: {"content": {"text/html": {"schema": {"type": "string"}}}}},
    response_class=FileResponse,
)
def run_report(
    run_id: DatabaseId, request: Request, caller: Viewer, session: ReadSessionDep
) -> Response:
    """The report of a run that succeeded, as one page that needs nothing else.

    Notes of the machine are left out for who neither leads the project nor is an engineer.
    """
    run = runs.get(session, run_id)
    page = runs.report_page(run)
    if page is None:
        raise NotFound(f"run {run_id} has no report page")
    kind = "text/html; charset=utf-8"
    answer: Response
    if caller.inspects_runs:
        answer = send_file(request, page, tag=f"{run_id}-{run.attempt}", media_type=kind)
    else:
        headers = {"Cache-Control": "private, no-cache"}
        answer = Response(runs.told_page(page), headers=headers, media_type=kind)
    # The page was made on another machine: whatever is in it, it can do nothing here.
    answer.headers["Content-Security-Policy"] = REPORT_POLICY
    return answer


@router.post("/runs/{run_id}/cancel", responses=problems(401, 403, 404, 409))
def cancel_run(run_id: DatabaseId, _caller: Runner, session: SessionDep) -> RunOut:
    """Cancel a run. A running one is `cancelled` when its trainer has stopped."""
    return RunOut.of(runs.cancel(session, run_id), inspects=True)


@router.post("/runs/{run_id}/resume", responses=problems(401, 403, 404, 409))
def resume_run(run_id: DatabaseId, _caller: Runner, session: SessionDep) -> RunOut:
    """Queue a failed or cancelled run again; it goes on from its last checkpoint."""
    return RunOut.of(runs.resume(session, run_id), inspects=True)


@router.get("/runs/{run_id}/metrics", responses=problems(401, 403, 404))
def list_metrics(
    run_id: DatabaseId,
    caller: Viewer,
    session: ReadSessionDep,
    after: EventId = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[MetricPoint]:
    """What a run reported, oldest first. For the next page pass the last id as `after`."""
    runs.get(session, run_id)
    found = runs.events_after(session, run_id, after, limit)
    return [MetricPoint.of(event, inspects=caller.inspects_runs) for event in found]


async def _listening(
    run_id: DatabaseId, request: Request, caller: Viewer
) -> AsyncIterator[Listener]:
    """Counted until the answer has ended, however it does."""
    streams: Streams = request.app.state.streams
    async with streams.listen(run_id, caller) as listener:
        yield listener


@router.get(
    "/runs/{run_id}/events",
    responses=problems(401, 403, 404, 429)
    | {
        200: {
            "description": "Server-sent events: `event` is the kind, `data` a MetricPoint.",
            "content": {"text/event-stream": {"example": STREAM_EXAMPLE}},
        }
    },
    response_class=StreamingResponse,
)
async def stream_run_events(
    listener: Annotated[Listener, Depends(_listening)],
    after: EventId = 0,
    last_event_id: Annotated[int | None, Header(ge=0, le=2**31 - 1)] = None,
) -> StreamingResponse:
    """What a run reports, as it happens, until an `end` event when the run is final.

    Starts after `Last-Event-ID` or `after`. A connection lasts ten minutes at most, and ends when
    the session or token does; browsers connect again by themselves and go on where they were. 429
    `too-many-streams` says in `Retry-After` when to try again.
    """
    start = after if last_event_id is None else last_event_id
    return StreamingResponse(
        listener.events(start),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
