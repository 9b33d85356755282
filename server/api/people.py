"""Who labels, how much, and how long people take."""

import tempfile
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from server.api.deps import Caller, GuardedRoute, NumberCursor, ReadSessionDep, Viewer, number_of
from server.api.downloads import pieces
from server.api.problems import problems
from server.api.responses import sent
from server.schemas.common import DatabaseId, Page
from server.schemas.people import Dimension, PeopleOut, TeamOut, TimedLabel, TrailOut
from server.services import projects
from server.services.images import numbers
from server.services.labels import tracing
from server.services.quality import pace, team

router = APIRouter(prefix="/projects", tags=["people"], route_class=GuardedRoute)

LINES = "application/x-ndjson"


@router.get(
    "/{project_id}/people",
    response_model=PeopleOut,
    responses=problems(401, 403, 404, 503)
    | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def show_people(
    project_id: DatabaseId,
    caller: Viewer,
    session: ReadSessionDep,
    wanted: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    pseudonyms: bool = False,
) -> Response:
    """Seconds per image and per answer, of everybody and of each person.

    Of more than 20,000 images or labels as they were counted last, which is done again when they
    change; 503 `being-counted` until it was done first. Annotators see themselves alone. With `pseudonyms`, nobody's address is told.
    """
    only = None if caller.leads else caller.id
    people = pace.of_project(session, project_id, only=only, names=not pseudonyms)
    if wanted == "json":
        return sent(people)
    return Response(
        pace.as_csv(people),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="people-{project_id}.csv"'},
    )


@router.get("/{project_id}/people/labels", responses=problems(401, 403, 404))
def list_timed_labels(
    project_id: DatabaseId,
    caller: Viewer,
    session: ReadSessionDep,
    annotator: Annotated[str | None, Query(pattern=r"^a\d{1,9}$")] = None,
    by: Dimension = "all",
    value: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: NumberCursor = None,
) -> Page[TimedLabel]:
    """The labels that one figure of `people` counts, newest first.

    `annotator`, `by` and `value` are those of the figure. Annotators get their own alone.
    """
    wanted = None if annotator is None else int(annotator[1:])
    figure = tracing.Figure(wanted if caller.leads else caller.id, by, value)
    before = number_of(cursor) if cursor else None
    found = tracing.labels_of(session, project_id, figure, before, limit + 1)
    more = len(found) > limit
    items = _as_known(session, caller, project_id, found[:limit])
    return Page(items=items, next_cursor=str(found[limit - 1].id) if more else None)


def _as_known(
    session: Session, caller: Caller, project_id: int, labels: Sequence[TimedLabel]
) -> list[TimedLabel]:
    """Labels with the numbers and names under which the caller knows their images."""
    person = caller.in_project(projects.get(session, project_id))
    known = numbers.of_images(session, person, {label.image_id for label in labels})
    return [
        label.model_copy(update={"image_id": number, "image": numbers.name_of(number)})
        if (number := known.get(label.image_id))
        else label
        for label in labels
    ]


@router.get("/{project_id}/people/labels/{label_id}", responses=problems(401, 403, 404))
def show_trail(
    project_id: DatabaseId, label_id: DatabaseId, caller: Viewer, session: ReadSessionDep
) -> TrailOut:
    """The events that the time of a label was computed from. Annotators see their own labels' alone."""
    only = None if caller.leads else caller.id
    trail = tracing.trail_of(session, project_id, label_id, only=only)
    (label,) = _as_known(session, caller, project_id, [trail.label])
    return trail.model_copy(update={"label": label})


@router.get(
    "/{project_id}/team",
    response_model=TeamOut,
    responses=problems(401, 403, 404, 503)
    | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def show_team(
    project_id: DatabaseId,
    caller: Viewer,
    session: ReadSessionDep,
    wanted: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> TeamOut | Response:
    """Who takes part, what they did today and in all, how fast and how well, and when last seen.

    Who does not lead sees themselves alone. Of large projects it may be as old as counting takes
    twenty times.
    """
    people = team.of_project(session, project_id, only=None if caller.leads else caller.id)
    if wanted == "json":
        return people
    return Response(
        team.as_csv(people),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="team-{project_id}.csv"'},
    )


@router.get(
    "/{project_id}/people/trails",
    responses=problems(401, 403, 404) | {200: {"content": {LINES: {"schema": {"type": "string"}}}}},
    response_class=StreamingResponse,
)
def export_trails(
    project_id: DatabaseId, caller: Viewer, session: ReadSessionDep
) -> StreamingResponse:
    """The raw events that every time is computed from, one revision a line, by pseudonyms.

    Annotators get their own alone.
    """
    # Whole before it is sent: a slow reader must not hold a transaction open.
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it was sent
    try:
        only = None if caller.leads else caller.id
        pace.export_trails(file, session, project_id, only=only)
    except BaseException:
        file.close()
        raise
    headers = {
        "Content-Disposition": f'attachment; filename="trails-{project_id}.jsonl"',
        "Content-Length": str(file.tell()),
    }
    return StreamingResponse(pieces(file), media_type=LINES, headers=headers)
