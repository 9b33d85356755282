"""Gold images: pictures with known answers, mixed into the work."""

from fastapi import APIRouter, status

from server.api.deps import EngineerReader, ProjectAdmin, ReadSessionDep, SessionDep
from server.api.problems import problems
from server.schemas.common import DatabaseId
from server.schemas.gold import GoldIn, GoldOut
from server.services import gold

router = APIRouter(prefix="/projects", tags=["projects"])


@router.post(
    "/{project_id}/gold",
    status_code=status.HTTP_202_ACCEPTED,
    responses=problems(401, 403, 404, 409),
)
def make_gold(
    project_id: DatabaseId, body: GoldIn, _caller: ProjectAdmin, session: SessionDep
) -> GoldOut:
    """Have images of the source domain made into gold ones, whose answers its masks tell.

    They are made once a project; the same request again changes nothing, or retries what failed.
    """
    return gold.request(session, project_id, body.count)


@router.get("/{project_id}/gold", responses=problems(401, 403, 404))
def show_gold(project_id: DatabaseId, _caller: EngineerReader, session: ReadSessionDep) -> GoldOut:
    """How far a project's gold images are."""
    return gold.status(session, project_id)
