"""Gold images: pictures with known answers, mixed into the work."""

from fastapi import APIRouter, status

from server.api.deps import (
    GuardedRoute,
    Lead,
    LeadReader,
    ReadSessionDep,
    SessionDep,
    Viewer,
)
from server.api.problems import problems
from server.schemas.common import DatabaseId
from server.schemas.gold import GoldIn, GoldOut, Quality
from server.services.quality import gold_answers, gold_set

router = APIRouter(prefix="/projects", tags=["projects"], route_class=GuardedRoute)


@router.post(
    "/{project_id}/gold",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(401, 403, 404, 409),
)
def make_gold(project_id: DatabaseId, body: GoldIn, _caller: Lead, session: SessionDep) -> GoldOut:
    """Have images of the source domain made into gold ones, whose answers its masks tell.

    They are made once a project; the same request again changes nothing, or retries what failed.
    """
    return gold_set.request(session, project_id, body.count)


@router.get("/{project_id}/gold", responses=problems(401, 403, 404))
def show_gold(project_id: DatabaseId, _caller: LeadReader, session: ReadSessionDep) -> GoldOut:
    """How far a project's gold images are."""
    return gold_set.status(session, project_id)


@router.get("/{project_id}/quality", responses=problems(401, 403, 404))
def show_quality(project_id: DatabaseId, caller: Viewer, session: ReadSessionDep) -> Quality:
    """How well people answer gold images, with 95 % intervals.

    Annotators see themselves alone, as they stood when the day began (UTC).
    """
    if caller.leads:
        return gold_answers.measure(session, project_id)
    return gold_answers.measure_own(session, project_id, caller.id)
