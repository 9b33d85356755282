"""Whose turn it is to be given a gold image.

To the person it is an image like any other. Each person has an assignment of their own for a
gold image, once; whether the next one is gold is drawn by a secret from how many they have been
given, so that nobody can foresee it, or get another draw by giving an image back.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session

from server.models import Assignment, GoldImage, Handout, Image, Label, Project
from server.models.image import AssignmentState, ImageState
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


def _stands_for(assignment_id: int) -> Select[bool, bool]:
    return (
        select(
            Image.state == ImageState.READY,
            exists().where(
                Handout.image_id == Image.id, Handout.annotator_id == bindparam("person")
            ),
        )
        .join(Assignment, Assignment.image_id == Image.id)
        .where(Assignment.id == assignment_id)
    )


def lease(
    session: Session,
    project_id: int,
    annotator_id: int,
    in_place_of: int,
    now: datetime,
    until: datetime,
) -> Hold | None:
    """Lease a person a gold image, in place of another assignment that they would be given.

    Where they were given that one's image before, on a page of a sweep or in a lease that they left,
    it is a gold image that they were given before and left too, else a new one: those that come
    again would tell the others. Where its file has yet to be looked at, which takes a while, it is
    none. None: there is none such.

    The caller has made this person's requests queue.
    """
    stands_for = session.execute(_stands_for(in_place_of), {"person": annotator_id}).one_or_none()
    is_ready, was_given = stands_for or (False, False)
    if not is_ready:
        return None
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
    if was_given:
        image_id = session.scalar(
            update(Assignment)
            .where(Assignment.id == left.scalar_subquery())
            .values(**columns)
            .returning(Assignment.image_id)
            .execution_options(synchronize_session=False)
        )
    else:
        image_id = _assign_new(session, project_id, annotator_id, columns)
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
