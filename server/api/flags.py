"""Flags on images: raised by who labels, answered by leads."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, status
from sqlalchemy.orm import Session

from server.api.deps import (
    Annotator,
    Caller,
    GuardedRoute,
    Lead,
    NumberCursor,
    ReadSessionDep,
    SessionDep,
    Viewer,
    number_of,
)
from server.api.problems import problems
from server.models import Flag
from server.schemas.common import DatabaseId, Page
from server.schemas.flag import FlagAnswerIn, FlagIds, FlagIn, FlagOut
from server.services import flags, projects
from server.services.flags import FlagState
from server.services.images import lookup, numbers

router = APIRouter(tags=["flags"], route_class=GuardedRoute)


def _whose(caller: Caller) -> int | None:
    """Whose flags somebody may see, by id; None: everybody's."""
    return None if caller.leads else caller.id


@router.put("/images/{image_id}/flag", responses=problems(401, 403, 404, 409))
def put_flag(image_id: DatabaseId, body: FlagIn, caller: Annotator, session: SessionDep) -> FlagOut:
    """Flag an image with a word for the project's leads; a person has one flag on an image.

    In other words it is open again, and its answer goes. In the same words it stays as it is.
    """
    flag = flags.put(session, image_id, caller.id, body.text)
    return _described(session, caller, flag.project_id, [flag])[0]


def _described(
    session: Session, caller: Caller, project_id: int, found: Sequence[Flag]
) -> list[FlagOut]:
    person = caller.in_project(projects.get(session, project_id))
    given = numbers.of_images(session, person, {flag.image_id for flag in found})
    known = {image_id: (number, numbers.name_of(number)) for image_id, number in given.items()}
    return [
        FlagOut.of(flag, is_for_lead=caller.leads, known=known.get(flag.image_id)) for flag in found
    ]


@router.delete(
    "/images/{image_id}/flag",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404, 409),
)
def take_flag_back(image_id: DatabaseId, caller: Annotator, session: SessionDep) -> None:
    """Take one's own flag back, if there is one. 409 `flag-answered` once it is answered."""
    flags.take_back(session, image_id, caller.id)


@router.get("/images/{image_id}/flags", responses=problems(401, 403, 404))
def list_image_flags(
    image_id: DatabaseId, caller: Viewer, session: ReadSessionDep
) -> list[FlagOut]:
    """The flags on an image, oldest first; who does not lead sees their own."""
    project_id = lookup.get(session, image_id).project_id
    found = flags.of_image(session, image_id, _whose(caller))
    return _described(session, caller, project_id, found)


@router.get("/projects/{project_id}/flags", responses=problems(401, 403, 404))
def list_flags(
    project_id: DatabaseId,
    caller: Viewer,
    session: ReadSessionDep,
    state: Annotated[
        FlagState | None,
        Query(description="`unread`: one's own with an answer that one has not read."),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: NumberCursor = None,
) -> Page[FlagOut]:
    """The flags of a project, newest first; who does not lead sees their own."""
    projects.get(session, project_id)
    whose = caller.id if state == "unread" else _whose(caller)
    before = number_of(cursor) if cursor else None
    found = flags.page(session, project_id, whose, state, before, limit + 1)
    items = _described(session, caller, project_id, found[:limit])
    return Page(items=items, next_cursor=str(items[-1].id) if len(found) > limit else None)


@router.put("/projects/{project_id}/flags/read", status_code=status.HTTP_204_NO_CONTENT,
            responses=problems(401, 403, 404))  # fmt: skip
def note_flags_read(
    project_id: DatabaseId, body: FlagIds, caller: Annotator, session: SessionDep
) -> None:
    """Say that the caller has read the answers to these flags of theirs."""
    flags.note_read(session, project_id, caller.id, body.ids)


@router.put("/projects/{project_id}/flags/{flag_id}/answer", responses=problems(401, 403, 404, 409))
def answer_flag(
    project_id: DatabaseId,
    flag_id: DatabaseId,
    body: FlagAnswerIn,
    caller: Lead,
    session: SessionDep,
) -> FlagOut:
    """Answer a flag, which closes it; who flagged the image is shown the answer.

    409 `flag-changed` where it says something else than at `flagged_at`, or was answered since.
    """
    found = flags.answer(session, project_id, flag_id, caller.id, body)
    return FlagOut.of(found, is_for_lead=True)
