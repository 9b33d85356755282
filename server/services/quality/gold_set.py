"""The gold images of a project: pictures of the source domain, mixed into the work to see how well people answer."""

import secrets

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from server.errors import Conflict, WeaksegError
from server.models import AuditEvent, GoldImage, GoldSet, Handout, Image, Project
from server.models.gold import GoldState
from server.queue import send_after_commit
from server.schemas.gold import GoldOut
from server.services import audit, datasets, projects
from server.services.audit import Thing

MAX_SEED = 2**31 - 1


def request(session: Session, project_id: int, count: int) -> GoldOut:
    """Have gold images made. The same request again changes nothing; after a failure it retries.

    Raises NotFound, Conflict `no-source`, `no-images` and, when others were made, `gold-exists`.
    """
    projects.require_open(projects.get(session, project_id))
    # Two requests at once: the second finds what the first has stored.
    project = session.get_one(Project, project_id, with_for_update=True)
    _refuse_unprepared(session, project)
    stored = session.get(GoldSet, project_id)
    if stored is None:
        stored = GoldSet(project_id=project_id, wanted=count, state=GoldState.MAKING,
                         seed=secrets.randbelow(MAX_SEED), category_ids=_ids(project),
                         plain_until=session.scalar(select(func.max(Handout.id))) or 0)  # fmt: skip
        session.add(stored)
    elif stored.state == GoldState.FAILED:
        stored.state, stored.error, stored.wanted = GoldState.MAKING, None, count
        if not _made(session, project_id):
            stored.category_ids = _ids(project)
    elif stored.wanted != count:
        raise Conflict(
            f"this project has its gold images already: {stored.wanted} were asked for",
            code="gold-exists",
        )
    session.flush()
    if stored.state == GoldState.MAKING:
        on = Thing("project", project_id, project_id)
        audit.record(session, AuditEvent.GOLD_REQUESTED, on, after={"count": count})
        send_after_commit(session, "make_gold", project_id)
    return status(session, project_id)


def _ids(project: Project) -> list[int]:
    return [category.id for category in project.categories]


def _refuse_unprepared(session: Session, project: Project) -> None:
    if project.source is None:
        raise Conflict("this project has no source domain", code="no-source")
    try:
        datasets.get_usable(project.source, {category.name for category in project.categories})
    except WeaksegError as error:
        raise Conflict(f"the source domain: {error.detail}", code="no-source") from error
    own = exists().where(Image.is_own_of(project.id))
    if not session.scalar(select(own)):
        raise Conflict(
            "import the project's own images first: gold ones are named like them",
            code="no-images",
        )


def status(session: Session, project_id: int) -> GoldOut:
    """How far a project's gold images are. Raises NotFound."""
    projects.get(session, project_id)
    stored = session.get(GoldSet, project_id)
    if stored is None:
        return GoldOut(state=None, wanted=0, made=0, error=None)
    made = _made(session, project_id)
    return GoldOut(state=stored.state, wanted=stored.wanted, made=made, error=stored.error)


def _made(session: Session, project_id: int) -> int:
    query = select(func.count()).where(GoldImage.project_id == project_id)
    return session.scalar(query) or 0
