"""Weak labels of images."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from server.api.deps import (
    Annotator,
    LabellingRoute,
    NumberCursor,
    ReadSessionDep,
    Viewer,
    number_of,
)
from server.api.problems import problems
from server.api.responses import sent
from server.db import session_scope
from server.errors import Forbidden
from server.models.member import MemberRole
from server.schemas.common import DatabaseId, Page
from server.schemas.label import LabelIn, LabelOut
from server.services import projects
from server.services.images import numbers
from server.services.labels import reading, submitting

router = APIRouter(tags=["labelling"], route_class=LabellingRoute)

EXAMPLE = {
    "lease_id": "5b0c1a3f7d7e4f7f9a5c2d0e8b6a4c21",
    "present": ["Road", "Car"],
    "absent": ["Bicyclist"],
    "points": [{"category": "Car", "x": 812.5, "y": 500.5}],
    "timing": {"wall_ms": 9033, "events": [{"at": 900, "kind": "input"}]},
}


@router.put(
    "/images/{image_id}/label",
    response_model=LabelOut,
    responses=problems(401, 403, 404, 409),
    openapi_extra={"requestBody": {"content": {"application/json": {"example": EXAMPLE}}}},
)
def put_label(
    image_id: DatabaseId,
    body: LabelIn,
    caller: Annotator,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")
    ] = None,
) -> Response:
    """Label an image, or correct one's own label.

    Sending the same request with the same Idempotency-Key again gives the same answer and stores
    nothing more. Without a lease it is a correction, of a sweep's answers too when it names no
    other categories, or work whose lease ran out and whose image nobody else has taken since. With
    `resolves` it is a reviewer's decision (lead), which counts in place of what others said of
    the image.
    """
    if body.resolves and not caller.leads:
        raise Forbidden(f"resolves: this needs the role {MemberRole.LEAD} in this project")
    with session_scope() as session:
        label = submitting.submit(session, image_id, caller.id, body, idempotency_key)
        # The number by which the image was asked for.
        known = {image_id: int(caller.thing.id)} if caller.thing else numbers.PLAIN
        return sent(reading.describe(session, [label], [caller.user], known)[0])


@router.get("/projects/{project_id}/labels/mine", responses=problems(401, 403, 404))
def list_own_labels(
    project_id: DatabaseId,
    caller: Viewer,
    session: ReadSessionDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: NumberCursor = None,
) -> Page[LabelOut]:
    """One's own current labels, newest first."""
    before = number_of(cursor) if cursor else None
    found = reading.list_own(session, project_id, caller.id, before, limit + 1)
    more = len(found) > limit
    shown = found[:limit]
    person = caller.in_project(projects.get(session, project_id))
    known = numbers.of_images(session, person, [label.image_id for label in shown])
    items = reading.describe(session, shown, [caller.user], known)
    return Page(items=items, next_cursor=str(items[-1].id) if more else None)
