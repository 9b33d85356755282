"""Gold images: pictures of the source domain, mixed into the work to see how well people answer.

To the person they are images like any other. Each person has an assignment of their own for a
gold image, once; whether the next one is gold is drawn by a secret from how many they have been
given, so that nobody can foresee it, or get another draw by giving an image back.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session

from server.errors import Conflict, WeaksegError
from server.models import Assignment, GoldImage, GoldSet, Image, Label, Project
from server.models.gold import GoldState
from server.models.image import AssignmentState
from server.queue import send_after_commit
from server.schemas.gold import GoldOut
from server.security import is_drawn
from server.services import datasets, projects

MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class Hold:
    """A gold image that a person was given among others."""

    image_id: int
    lease_id: str


def request(session: Session, project_id: int, count: int) -> GoldOut:
    """Have gold images made. The same request again changes nothing; after a failure it retries.

    Raises NotFound, Conflict `no-source`, `no-images` and, when others were made, `gold-exists`.
    """
    projects.get(session, project_id)
    # Two requests at once: the second finds what the first has stored.
    project = session.get_one(Project, project_id, with_for_update=True)
    _refuse_unprepared(session, project)
    stored = session.get(GoldSet, project_id)
    if stored is None:
        stored = GoldSet(project_id=project_id, wanted=count, state=GoldState.MAKING.value,
                         seed=secrets.randbelow(MAX_SEED), category_ids=_ids(project))  # fmt: skip
        session.add(stored)
    elif stored.state == GoldState.FAILED:
        stored.state, stored.error, stored.wanted = GoldState.MAKING.value, None, count
        if not _made(session, project_id):
            stored.category_ids = _ids(project)
    elif stored.wanted != count:
        raise Conflict(
            f"this project has its gold images already: {stored.wanted} were asked for",
            code="gold-exists",
        )
    session.flush()
    if stored.state == GoldState.MAKING:
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
    state = GoldState(stored.state)
    return GoldOut(state=state, wanted=stored.wanted, made=made, error=stored.error)


def _made(session: Session, project_id: int) -> int:
    query = select(func.count()).where(GoldImage.project_id == project_id)
    return session.scalar(query) or 0


def next_place(
    session: Session, project: Project, annotator_id: int, wanted: int, now: datetime
) -> int | None:
    """Which of the next images that a person gets is to be a gold one, counted from 0; None: none.

    One at most of those that are asked for at once. Those that they hold already bar no other:
    whoever looks far ahead would get fewer than the project's share.
    """
    has_any = exists().where(GoldImage.project_id == project.id)
    if project.source is None or not project.gold_share or not session.scalar(select(has_any)):
        return None
    held = session.scalar(
        select(func.count()).where(
            Assignment.project_id == project.id,
            Assignment.annotator_id == annotator_id,
            Assignment.state == AssignmentState.OPEN.value,
            Assignment.lease_expires_at > now,
        )
    )
    given = (held or 0) + _answered(session, project.id, annotator_id)
    secret, share = project.blind_secret, project.gold_share
    draws = (is_drawn(secret, f"gold:{annotator_id}:{given + i}", share) for i in range(wanted))
    return next((place for place, is_gold in enumerate(draws) if is_gold), None)


def lease(
    session: Session, project_id: int, annotator_id: int, now: datetime, until: datetime
) -> Hold | None:
    """Lease a person a gold image that they left unanswered, or a new one; None: all are used.

    The caller has made this person's requests queue.
    """
    left = (
        select(Assignment.id)
        .where(
            Assignment.project_id == project_id,
            Assignment.gold,
            Assignment.slot == annotator_id,
            Assignment.state == AssignmentState.OPEN.value,
            or_(Assignment.lease_expires_at.is_(None), Assignment.lease_expires_at <= now),
        )
        .order_by(Assignment.id)
        .limit(1)
    )
    lease_id = secrets.token_hex(16)
    columns = {"annotator_id": annotator_id, "lease_id": lease_id, "lease_expires_at": until}
    image_id = session.scalar(
        update(Assignment)
        .where(Assignment.id == left.scalar_subquery())
        .values(**columns, blind=None, prefilled=None, prefilled_by=None)
        .returning(Assignment.image_id)
        .execution_options(synchronize_session=False)
    ) or _assign_new(session, project_id, annotator_id, columns)
    return None if image_id is None else Hold(image_id, lease_id)


def _assign_new(
    session: Session, project_id: int, annotator_id: int, columns: dict[str, Any]
) -> int | None:
    had = exists().where(Assignment.image_id == GoldImage.image_id, Assignment.slot == annotator_id)
    left = session.scalars(
        select(GoldImage.image_id).where(GoldImage.project_id == project_id, ~had)
    ).all()
    if not left:
        return None
    image_id = secrets.choice(left)
    session.add(
        Assignment(project_id=project_id, image_id=image_id, slot=annotator_id, gold=True,
                   state=AssignmentState.OPEN.value, **columns)
    )  # fmt: skip
    session.flush()
    return image_id


def _answered(session: Session, project_id: int, annotator_id: int) -> int:
    query = select(func.count()).where(
        Label.project_id == project_id,
        Label.annotator_id == annotator_id,
        Label.current,
        Label.partial.is_(False),
    )
    return session.scalar(query) or 0
