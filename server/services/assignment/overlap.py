"""How many people label each image, changed while they do."""

from sqlalchemy import delete, func, literal, not_, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from server.db import is_postgresql, utcnow
from server.models import Assignment, Image, Project
from server.models.image import AssignmentState, ImageState
from server.services.assignment.leases import is_free


def fit(session: Session, project: Project) -> None:
    """Give each of a project's images as many assignments as the overlap says.

    What is done or leased stays, even where that is more than is asked for now. The caller has
    changed the project's row in this transaction, so that imports wait.
    """
    for slot in range(project.overlap):
        _fill(session, project, slot)
    _trim(session, project)
    # New assignments of images that have a place in the order already.
    project.prioritised_for = ""


def _fill(session: Session, project: Project, slot: int) -> None:
    """Open a slot of all images that do not have it."""
    usable = (
        select(
            Image.project_id, Image.id, literal(slot), literal(AssignmentState.OPEN, Assignment.state.type),
            literal(project.new_priority()),
        )
        .where(
            Image.is_own_of(project.id),
            Image.state != ImageState.REJECTED,
        )
        # One that is being rejected is waited for.
        .with_for_update(read=True)
    )  # fmt: skip
    columns = ["project_id", "image_id", "slot", "state", "priority"]
    dialect = postgresql if is_postgresql(session) else sqlite
    session.execute(
        dialect.insert(Assignment).from_select(columns, usable).on_conflict_do_nothing()
    )


def _trim(session: Session, project: Project) -> None:
    """Remove free assignments that others of the same image make superfluous."""
    now = utcnow()
    other = aliased(Assignment)
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
            Assignment.project_id == project.id,
            Assignment.gold.is_(False),
            is_free(Assignment, now),
            others >= project.overlap,
        )
        .execution_options(synchronize_session=False)
    )
