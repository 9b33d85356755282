"""How many people label which images, changed while they do."""

from math import inf
from time import monotonic

from sqlalchemy import delete, func, literal, not_, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from server.bulk import TurnSize, short_turn
from server.db import is_postgresql, utcnow
from server.models import Assignment, Image, Project
from server.models.image import AssignmentState, ImageState
from server.services import projects
from server.services.assignment.leases import is_free

BATCH = 500
"""Images of one transaction, at most."""


def fit(project_id: int, seconds: float = inf) -> bool:
    """Give each of a project's images as many assignments as the project asks people for.

    What is done or leased stays, even where that is more than is asked for now. Images come in
    transactions of a few, so that nobody waits; returns whether there was time for all of them.
    """
    until = monotonic() + seconds
    last: int | None = 0
    size = TurnSize(BATCH)
    while last is not None:
        if monotonic() > until:
            return False
        with short_turn(size) as session:
            last = _fit_next(session, projects.get(session, project_id), last, size.rows)
    return True


def _fit_next(session: Session, project: Project, last: int, size: int) -> int | None:
    """Fit the images after one; returns the last of them. None: there is none."""
    # So that imports, and a further change, wait until this is done.
    session.refresh(project, projects.OVERLAP, with_for_update={"read": True})
    after = Image.is_own_of(project.id), Image.id > last
    few = select(Image.id).where(*after).order_by(Image.id).limit(size).subquery()
    end: int | None = session.scalar(select(func.max(few.c.id)))
    if end is not None:
        for slot in range(project.overlap):
            _fill(session, project, slot, (last + 1, end))
        _trim(session, project, (last + 1, end))
    return end


def _fill(session: Session, project: Project, slot: int, images: tuple[int, int]) -> None:
    """Open a slot of the images that do not have it, from the first to the last."""
    usable = (
        select(
            Image.project_id, Image.id, literal(slot), literal(AssignmentState.OPEN, Assignment.state.type),
            literal(project.new_priority()),
        )
        .where(
            Image.is_own_of(project.id),
            Image.id.between(*images),
            Image.state != ImageState.REJECTED,
            project.people_wanted_of(Image.id) > slot,
        )
        # One that is being rejected is waited for.
        .with_for_update(read=True)
    )  # fmt: skip
    columns = ["project_id", "image_id", "slot", "state", "priority"]
    dialect = postgresql if is_postgresql(session) else sqlite
    session.execute(
        dialect.insert(Assignment).from_select(columns, usable).on_conflict_do_nothing()
    )


def _trim(session: Session, project: Project, images: tuple[int, int]) -> None:
    """Remove free assignments that others of the same image make superfluous."""
    now = utcnow()
    other = aliased(Assignment)
    # Found by their images alone: by the project SQLite would look through all that wait in it.
    own = select(Image.id).where(Image.is_own_of(project.id), Image.id.between(*images))
    others = (
        select(func.count())
        .where(
            other.image_id == Assignment.image_id,
            other.id != Assignment.id,
            or_(not_(is_free(other, now)), other.slot < Assignment.slot),
        )
        .correlate(Assignment)
        .scalar_subquery()
    )
    session.execute(
        delete(Assignment)
        .where(
            Assignment.image_id.in_(own),
            Assignment.gold.is_(False),
            is_free(Assignment, now),
            others >= project.people_wanted_of(Assignment.image_id),
        )
        .execution_options(synchronize_session=False)
    )
