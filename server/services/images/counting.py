"""How many images of a project are where: kept as they change, and now and then counted anew.

Triggers of the database keep the table (the migration `image_counts` tells how), so that it is right
whoever writes.
"""

from collections.abc import Sequence

import structlog
from sqlalchemy import and_, case, delete, exists, func, insert, literal, select, union_all
from sqlalchemy.orm import Session, aliased

from server.db import session_scope, utcnow
from server.models import Assignment, Image, ImageCount
from server.models.image import AssignmentState, ImageState
from server.schemas.project import ImageCounts
from server.services.images.numbers import Person

log = structlog.get_logger()

Kept = tuple[int, int, int, int, int, int]
"""Images that are registered, ready and rejected, those of which somebody's answer is wanted, and
the answers that are wanted and given."""
_KEPT = (
    ImageCount.registered, ImageCount.ready, ImageCount.rejected, ImageCount.unfinished,
    ImageCount.answers_open, ImageCount.answers_done,
)  # fmt: skip
NOTHING: Kept = (0, 0, 0, 0, 0, 0)
_SUMS = [func.coalesce(func.sum(column), 0).label(column.key) for column in _KEPT]


def of_projects(session: Session, project_ids: Sequence[int]) -> dict[int, ImageCounts]:
    """Per project, how many images are where."""
    kept = {
        project_id: tuple(sums)
        for project_id, *sums in session.execute(
            select(ImageCount.project_id, *_SUMS)
            .where(ImageCount.project_id.in_(project_ids))
            .group_by(ImageCount.project_id)
        )
    }
    leased = dict(
        session.execute(
            select(Assignment.project_id, func.count(Assignment.image_id.distinct()))
            .where(
                Assignment.project_id.in_(project_ids),
                Assignment.lease_expires_at > utcnow(),
                Assignment.state == AssignmentState.OPEN,
                Assignment.gold.is_(False),
            )
            .group_by(Assignment.project_id)
        ).all()
    )
    counts = {}
    for project_id in project_ids:
        registered, ready, rejected, unfinished, wanted, given = kept.get(project_id, NOTHING)
        counts[project_id] = ImageCounts(
            total=registered + ready + rejected,
            registered=registered,
            ready=ready,
            rejected=rejected,
            labelled=registered + ready - unfinished,
            leased=leased.get(project_id, 0),
            answers=given,
            answers_wanted=given + wanted,
        )
    return counts


def told_to(session: Session, person: Person, counts: ImageCounts) -> ImageCounts:
    """A project's counts as a person may know them.

    Who may not find out which images are gold is told what others have finished and what they have
    done themselves, gold or not: each answer and each lease moves these as any other. An image whose
    file has not been looked at counts as ready, since to be leased makes it so.
    """
    if not person.is_kept_from_gold:
        return counts
    mine = and_(Assignment.project_id == person.project.id, Assignment.annotator_id == person.id)
    is_leased = and_(
        Assignment.state == AssignmentState.OPEN, Assignment.lease_expires_at > utcnow()
    )
    is_done = Assignment.state == AssignmentState.DONE
    of_gold = and_(is_done, Assignment.gold)
    done, gold_done, held = session.execute(
        select(
            func.count().filter(is_done),
            func.count().filter(of_gold),
            func.count().filter(is_leased),
        ).where(mine)
    ).one()
    other = aliased(Assignment)
    is_open = exists().where(
        other.image_id == Assignment.image_id, other.state == AssignmentState.OPEN
    )
    finished_with_me = session.scalar(
        select(func.count(Assignment.id))
        .join(Image, Image.id == Assignment.image_id)
        .where(mine, is_done, ~is_open, Image.is_own_of(person.project.id),
               Image.state != ImageState.REJECTED)
    )  # fmt: skip
    by_others = session.scalar(
        select(func.count(Assignment.image_id.distinct())).where(
            Assignment.project_id == person.project.id,
            Assignment.annotator_id != person.id,
            is_leased,
            Assignment.gold.is_(False),
        )
    )
    there = counts.registered + counts.ready
    return counts.model_copy(
        update={
            "registered": 0,
            "ready": there,
            "labelled": min(there, counts.labelled - (finished_with_me or 0) + done),
            "leased": (by_others or 0) + held,
            "answers": min(counts.answers_wanted, counts.answers + gold_done),
        }
    )


def add_up() -> None:
    """Make one row a project of the differences that statements have left."""
    with session_scope(read_only=True) as session:
        several = session.scalars(
            select(ImageCount.project_id).group_by(ImageCount.project_id).having(func.count() > 1)
        ).all()
    for project_id in several:
        with session_scope() as session:
            _replace(session, project_id, NOTHING)


def _replace(session: Session, project_id: int, more: Kept) -> None:
    """One row for all of a project's that are there, and a difference."""
    rows = session.execute(
        delete(ImageCount).where(ImageCount.project_id == project_id).returning(*_KEPT)
    ).all()
    sums = [sum(of_column) for of_column in zip(*rows, more, strict=True)]
    names = [column.key for column in _KEPT]
    values = dict(zip(names, sums, strict=True))
    session.execute(insert(ImageCount).values(project_id=project_id, **values))


def check() -> dict[int, Kept]:
    """Count all images anew, and put right what was kept wrong; gives the differences by project."""
    with session_scope(read_only=True) as session:
        counted = _counted(session)
    wrong = {project_id: more for project_id, more in counted.items() if any(more)}
    for project_id, more in wrong.items():
        log.error("counts of images were wrong", project_id=project_id, differences=more)
        with session_scope() as session:
            _replace(session, project_id, more)
    return wrong


def _counted(session: Session) -> dict[int, Kept]:
    """By project, how many more images there are than was kept: in one statement, as of one moment."""
    states = [func.count().filter(Image.state == state) for state in ImageState]
    nothing = [literal(0).label(column.key) for column in _KEPT]
    is_open = Assignment.state == AssignmentState.OPEN
    assigned = (
        func.count(case((is_open, Assignment.image_id)).distinct()),
        func.count().filter(is_open),
        func.count().filter(Assignment.state == AssignmentState.DONE),
    )
    parts = union_all(
        select(Image.project_id, *states, *nothing[3:])
        .where(Image.gold.is_(False))
        .group_by(Image.project_id),
        select(Assignment.project_id, *nothing[:3], *assigned)
        .where(Assignment.gold.is_(False))
        .group_by(Assignment.project_id),
        select(ImageCount.project_id, *(-sums for sums in _SUMS)).group_by(ImageCount.project_id),
    )
    found: dict[int, Kept] = {}
    for project_id, *part in session.execute(parts):
        sums = zip(found.get(project_id, NOTHING), part, strict=True)
        registered, ready, rejected, unfinished, wanted, given = (a + b for a, b in sums)
        found[project_id] = registered, ready, rejected, unfinished, wanted, given
    return found
