"""Whose turn it is to be given a gold image.

To the person it is an image like any other. Each person has an assignment of their own for a
gold image, once; whether the next one is gold is drawn by a secret from how many they have been
given, so that nobody can foresee it, or get another draw by giving an image back.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session

from server.models import Assignment, GoldImage, Label, Project
from server.models.image import AssignmentState
from server.security import is_drawn
from server.services.assignment import prefill


@dataclass(frozen=True)
class Hold:
    """A gold image that a person was given among others."""

    image_id: int
    lease_id: str


_HAS_ANY_AND_ANSWERED = select(
    exists().where(GoldImage.project_id == bindparam("project")),
    select(func.count())
    .where(
        Label.project_id == bindparam("project"),
        Label.annotator_id == bindparam("person"),
        Label.current,
        Label.partial.is_(False),
    )
    .scalar_subquery(),
)
"""Whether a project has gold images, and how many images a person has labelled there."""


def next_place(
    session: Session, project: Project, annotator_id: int, wanted: int, held: int
) -> int | None:
    """Which of the next images that a person gets is to be a gold one, counted from 0; None: none.

    `held` is how many leases the person holds in the project.

    One at most of those that are asked for at once. Those that they hold already bar no other:
    whoever looks far ahead would get fewer than the project's share.
    """
    if project.source is None or not project.gold_share or project.gold_set is None:
        return None
    of = {"project": project.id, "person": annotator_id}
    has_any, answered = session.execute(_HAS_ANY_AND_ANSWERED, of).one()
    if not has_any:
        return None
    given = held + answered
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
            Assignment.state == AssignmentState.OPEN,
            or_(Assignment.lease_expires_at.is_(None), Assignment.lease_expires_at <= now),
        )
        .order_by(Assignment.id)
        .limit(1)
    )
    lease_id = secrets.token_hex(16)
    hold = {"annotator_id": annotator_id, "lease_id": lease_id, "lease_expires_at": until}
    columns = hold | prefill.SHOWN_PLAINLY
    image_id = session.scalar(
        update(Assignment)
        .where(Assignment.id == left.scalar_subquery())
        .values(**columns)
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
                   state=AssignmentState.OPEN, **columns)
    )  # fmt: skip
    session.flush()
    return image_id
