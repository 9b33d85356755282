"""Sweeps: one category answered for a page of images at a time."""

from typing import Annotated

from fastapi import APIRouter, Path, status

from server.api.deps import Annotator, GuardedRoute, ReadSessionDep, SessionDep, Viewer
from server.api.problems import problems
from server.db import session_scope
from server.schemas.common import DatabaseId
from server.schemas.sweep import (
    SweepAnswers,
    SweepCategory,
    SweepHeartbeat,
    SweepIn,
    SweepOut,
    SweepStored,
)
from server.services import measures, projects
from server.services.assignment import sweep_counts, sweep_pages
from server.services.images import lookup, numbers
from server.services.labels import sweep_answers

router = APIRouter(tags=["labelling"], route_class=GuardedRoute)

PagePath = Annotated[str, Path(max_length=32)]


@router.get("/projects/{project_id}/sweeps", responses=problems(401, 403, 404, 503))
def list_sweeps(
    project_id: DatabaseId, caller: Viewer, session: ReadSessionDep
) -> list[SweepCategory]:
    """What is left to sweep of each category, in the project's order.

    Of more than 20,000 images as they were counted last, which is done again when they change.
    """
    person = caller.in_project(projects.seen(session, project_id))
    is_personal = person.is_kept_from_gold
    measure = sweep_counts.left_to(person.id) if is_personal else sweep_counts.LEFT
    left = measures.read(session, project_id, measure)
    return [SweepCategory(category=name, left=n) for name, n in left.items()]


@router.post("/projects/{project_id}/sweeps", responses=problems(401, 403, 404, 409))
def take_sweep(project_id: DatabaseId, body: SweepIn, caller: Annotator) -> SweepOut | None:
    """Take a page of images for one category, the likeliest first. Null: nothing is left now.

    Nobody else is given them before the page is answered, given back, or its time has run out.
    Images that the caller is to judge blind are on no page that a model has sorted.
    """
    page = sweep_pages.take(project_id, caller.id, body.category, body.held)
    if page is None:
        return None
    with session_scope(read_only=True) as session:
        images = lookup.get_all(session, (place.image_id for place in page.places))
        person = caller.in_project(projects.seen(session, project_id))
        given = numbers.of_images(session, person, list(images))
    known = {image.id: numbers.known_as(image, given) for image in images.values()}
    return SweepOut.of(page, body.category, images, known)


@router.put("/sweeps/{page_id}/answers", responses=problems(401, 403, 409))
def put_sweep_answers(
    page_id: PagePath, body: SweepAnswers, caller: Annotator, session: SessionDep
) -> SweepStored:
    """Answer each image of a page. The same again changes nothing; other answers correct the first.

    Nothing is said of other categories: what the caller says of them, before or after, stays.
    """
    return sweep_answers.submit(session, page_id, caller.id, body, caller.member_role)


@router.post("/sweeps/{page_id}/heartbeat", responses=problems(401, 403, 409))
def renew_sweep(page_id: PagePath, caller: Annotator, session: SessionDep) -> SweepHeartbeat:
    """Hold a page for its full time again."""
    until = sweep_pages.renew(session, page_id, caller.id)
    return SweepHeartbeat(id=page_id, expires_at=until)


@router.delete(
    "/sweeps/{page_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 409),
)
def release_sweep(page_id: PagePath, caller: Annotator, session: SessionDep) -> None:
    """Give the images of an unanswered page back."""
    sweep_pages.release(session, page_id, caller.id)
