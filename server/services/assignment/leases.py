"""Leases: who may label which image right now.

A lease is taken in one UPDATE whose WHERE clause holds all conditions, expiry included, so that
no image is handed to two people at once. On PostgreSQL, rows that another transaction is taking
are passed over (SKIP LOCKED); on SQLite writers queue.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import chain
from math import ceil
from statistics import median
from typing import Any

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session, aliased, defer
from sqlalchemy.sql.dml import ReturningUpdate
from sqlalchemy.sql.functions import GenericFunction

from server.db import Moment, UtcDateTime, session_scope, utcnow
from server.errors import Conflict, NotFound
from server.models import Assignment, Image, Label, Project
from server.models.image import AssignmentState, ImageState
from server.models.member import MemberRole
from server.services import members, projects
from server.services.assignment import gold_turns, holds, prefill
from server.services.images import verifying
from server.settings import get_settings

PACE_LABELS = 20
"""Labels of a person that tell how fast they are."""


class random_id(GenericFunction[str]):  # noqa: N801 - a function of SQL
    """32 random hex digits, different in each row."""

    type = String()
    inherit_cache = True


@compiles(random_id, "sqlite")
def _on_sqlite(_element: random_id, _compiler: Any, **_: Any) -> str:
    return "lower(hex(randomblob(16)))"


@compiles(random_id, "postgresql")
def _on_postgresql(_element: random_id, _compiler: Any, **_: Any) -> str:
    return "replace(gen_random_uuid()::text, '-', '')"


@dataclass(frozen=True)
class Lease:
    """The right of one annotator to one image until a moment."""

    id: str
    expires_at: datetime
    image_id: int


def take(project_id: int, annotator_id: int, count: int) -> list[Lease]:
    """Up to `count` more leases of verified images; fewer or none when not enough is left.

    Raises as `take_in`.
    """
    return complete(project_id, annotator_id, count, [])


def complete(project_id: int, annotator_id: int, count: int, taken: list[Lease]) -> list[Lease]:
    """Leases that were taken, and more of them, up to `count`, all of verified images.

    An image whose file has not been looked at yet is verified here, outside of a transaction; a
    bad one is set aside and another is taken. Raises as `take_in`.
    """
    leases = [lease for lease in taken if verifying.verify(lease.image_id)]
    while len(leases) < count:
        with session_scope() as session:
            taken = take_in(session, project_id, annotator_id, count - len(leases))
        if not taken:
            break
        leases += [lease for lease in taken if verifying.verify(lease.image_id)]
    return leases


def take_in(session: Session, project_id: int, annotator_id: int, wanted: int) -> list[Lease]:
    """Up to `wanted` more leases, of images that nobody may have looked at yet.

    A person may hold `max_leases`, and beyond them as many as they label in a minute, up to four
    times as many in all. Raises NotFound for the project, Conflict when too many leases are held.
    """
    # One person's requests queue, so that two of them can not take two slots of one image.
    holds.taking_leases(session, project_id, annotator_id)
    now = utcnow()
    of = {"project": project_id, "person": annotator_id, "now": now}
    version, held = session.connection().execute(_VERSION_AND_HELD, of).one_or_none() or (None, 0)
    if version is None:
        raise projects.missing(project_id)
    project = projects.require_open(projects.seen(session, project_id, version))
    _check_lease_limit(session, project.id, annotator_id, wanted, held)
    expires_at = now + timedelta(seconds=get_settings().lease_seconds)
    mixed = None
    place = gold_turns.next_place(session, project, annotator_id, wanted, held)
    # A gold image goes among others: alone it would be known for what it is.
    asked = {"project": project.id, "person": annotator_id, "wanted": 1, "now": now}
    if place is not None and (
        following := session.scalar(_next_assignments(project.overlap > 1), asked)
    ):
        mixed = gold_turns.lease(session, project.id, annotator_id, following, now, expires_at)
    others = wanted if mixed is None else wanted - 1
    asked["wanted"] = others
    taken = _take_next(session, project, asked, expires_at)
    if place is not None and mixed is not None:
        taken.insert(place, Lease(mixed.lease_id, expires_at, mixed.image_id))
    return taken


def _take_next(
    session: Session, project: Project, asked: dict[str, Any], expires_at: datetime
) -> list[Lease]:
    """Lease the next assignments, as `asked`, in the order in which they come."""
    statements = [_leasing(project.overlap > 1)]
    if project.overlaps_in_part:
        statements.insert(0, _leasing_begun(project.overlap))
    taken: list[Lease] = []
    for statement in statements:
        left = asked["wanted"] - len(taken)
        if not taken or left:
            given = asked | {"until": expires_at, "wanted": left}
            rows = session.connection().execute(statement, given)
            taken += [
                Lease(lease_id or "", expires_at, image_id)
                for *_, image_id, lease_id in sorted(rows.all())
            ]
    return taken


_HELD = select(func.count()).where(
    Assignment.project_id == bindparam("project"),
    Assignment.annotator_id == bindparam("person"),
    Assignment.state == AssignmentState.OPEN,
    Assignment.lease_expires_at > bindparam("now"),
)
_VERSION_AND_HELD = select(Project.version, _HELD.scalar_subquery()).where(
    Project.id == bindparam("project")
)
"""A project's version, and how many leases a person holds there."""


def _check_lease_limit(
    session: Session, project_id: int, annotator_id: int, wanted: int, held: int
) -> None:
    most = get_settings().max_leases
    if held + wanted > most:
        most = min(4 * most, most + _a_minute(session, project_id, annotator_id))
    if held + wanted > most:
        raise Conflict(
            f"you hold {held} leases here; at most {most} are allowed at a time",
            code="too-many-leases",
        )


def _a_minute(session: Session, project_id: int, annotator_id: int) -> int:
    """How many images a person labels in a minute, by their last ones; 0 while they are new."""
    latest = session.scalars(
        select(Label.active_ms)
        .where(
            Label.project_id == project_id,
            Label.annotator_id == annotator_id,
            Label.skipped.is_(None),
            Label.partial.is_(False),
        )
        .order_by(Label.id.desc())
        .limit(PACE_LABELS)
    ).all()
    if len(latest) < PACE_LABELS // 4:
        return 0
    return ceil(60_000 / max(1, median(latest)))


def is_free(assignment: Any, now: Moment) -> ColumnElement[bool]:
    """Open, and not leased to anybody: an expired lease is none."""
    return and_(
        assignment.state == AssignmentState.OPEN,
        or_(assignment.lease_expires_at.is_(None), assignment.lease_expires_at <= now),
    )


@cache
def _leasing(overlapping: bool) -> ReturningUpdate[int, float, int, str | None]:
    """Lease the next assignments: `_next_assignments` with its parameters, and `until`.

    Made once: to put it together takes longer than the database takes.
    """
    return _leasing_picked(_next_assignments(overlapping).cte("picked"), Assignment.slot)


def _leasing_picked(
    picked: CTE, first: SQLColumnExpression[int]
) -> ReturningUpdate[int, float, int, str | None]:
    """Lease what is still free; what comes back is in order by `first`, priority and import."""
    now = bindparam("now", type_=UtcDateTime)
    return (
        update(Assignment)
        .where(Assignment.id.in_(select(picked.c.id)), is_free(Assignment, now))
        .values(
            annotator_id=bindparam("person"),
            lease_id=random_id(),
            lease_expires_at=bindparam("until"),
            **prefill.SHOWN_PLAINLY,
        )
        .returning(first, -Assignment.priority, Assignment.image_id, Assignment.lease_id)
        .execution_options(synchronize_session=False)
    )


@cache
def _next_assignments(overlapping: bool) -> Select[int]:
    """Ids of the next free assignments, at most one an image.

    Its parameters are `project`, `person`, `wanted` and `now`; `overlapping` projects have several
    assignments an image, for different people.
    """
    query = (
        select(Assignment.id)
        .where(*_waits())
        .order_by(Assignment.slot, Assignment.priority.desc(), Assignment.image_id)
        .limit(bindparam("wanted", type_=Integer))
        .with_for_update(skip_locked=True)
    )
    return query.where(_is_next_for_them()) if overlapping else query


LOOKED_AT = 200
"""Further answers to images that are looked through for some that a person can give."""


@cache
def _leasing_begun(people: int) -> ReturningUpdate[int, float, int, str | None]:
    """Lease the next assignments where some images are for several people and others are for one.

    Image by image, in their order: one that somebody has begun goes on to others at once, so that
    it is soon known how far they agree. Where few are left, some may not be found.
    """
    wanted = bindparam("wanted", type_=Integer)
    in_order = Assignment.priority.desc(), Assignment.image_id
    columns = Assignment.id, Assignment.priority, Assignment.image_id, Assignment.slot
    branches = []
    for slot in range(people):
        waits: ColumnElement[bool] = and_(Assignment.slot == slot, *_waits())
        if slot:
            # Of these there may be very many that nobody has begun.
            few = select(Assignment.id).where(waits).order_by(*in_order).limit(LOOKED_AT)
            waits = Assignment.id.in_(few)
        found = select(*columns).where(waits, _is_next_for_them())
        found = found.order_by(*in_order).limit(wanted).with_for_update(skip_locked=True)
        branches.append(select(found.subquery()))
    every = union_all(*branches).subquery()
    picked = (
        select(every.c.id)
        .order_by(every.c.priority.desc(), every.c.image_id, every.c.slot)
        .limit(wanted)
    )
    return _leasing_picked(picked.cte("picked"), literal(0))


def _waits() -> tuple[ColumnElement[bool], ...]:
    """Whether an assignment of the `project` can be given to somebody now."""
    now = bindparam("now", type_=UtcDateTime)
    return (
        Assignment.project_id == bindparam("project"),
        Assignment.gold.is_(False),
        is_free(Assignment, now),
        ~holds.covers(Assignment.image_id, now),
    )


def _is_next_for_them() -> ColumnElement[bool]:
    """Whether the `person` is not at its image, and all assignments before are taken."""
    now = bindparam("now", type_=UtcDateTime)
    other = aliased(Assignment)
    same_image = and_(other.image_id == Assignment.image_id, other.id != Assignment.id)
    is_mine = and_(
        other.annotator_id == bindparam("person"),
        or_(other.state == AssignmentState.DONE, other.lease_expires_at > now),
    )
    comes_first = and_(other.slot < Assignment.slot, is_free(other, now))
    return ~exists().where(same_image, or_(is_mine, comes_first))


def renew(session: Session, lease_id: str, annotator_id: int) -> Lease:
    """Hold a lease for its full time again. Raises Conflict when it is lost."""
    now = utcnow()
    expires_at = now + timedelta(seconds=get_settings().lease_seconds)
    image_id = session.scalar(
        update(Assignment)
        .where(_is_held(lease_id, annotator_id, now))
        .values(lease_expires_at=expires_at)
        .returning(Assignment.image_id)
    )
    if image_id is None:
        raise lost()
    return Lease(lease_id, expires_at, image_id)


def renew_all(session: Session, lease_ids: Sequence[str], annotator_id: int) -> list[Lease]:
    """Hold several leases for their full time again; those that are lost are left out."""
    now = utcnow()
    expires_at = now + timedelta(seconds=get_settings().lease_seconds)
    held = session.execute(
        update(Assignment)
        .where(
            Assignment.lease_id.in_(lease_ids),
            _is_open(annotator_id, now),
            Assignment.project_id.in_(members.where(annotator_id, MemberRole.ANNOTATOR)),
        )
        .values(lease_expires_at=expires_at)
        .returning(Assignment.lease_id, Assignment.image_id)
    )
    return [Lease(lease_id or "", expires_at, image_id) for lease_id, image_id in held]


def release_all(session: Session, lease_ids: Sequence[str], annotator_id: int) -> None:
    """Give images back for somebody else, but for those whose leases are lost."""
    session.execute(
        update(Assignment)
        .where(
            Assignment.lease_id.in_(lease_ids),
            _is_open(annotator_id, utcnow()),
            Assignment.project_id.in_(members.where(annotator_id, MemberRole.ANNOTATOR)),
        )
        .values(annotator_id=None, lease_id=None, lease_expires_at=None, **prefill.NOT_SHOWN)
    )


def release(session: Session, lease_id: str, annotator_id: int) -> None:
    """Give an image back for somebody else. Raises Conflict when the lease is lost."""
    given_back = session.scalar(
        update(Assignment)
        .where(_is_held(lease_id, annotator_id, utcnow()))
        .values(annotator_id=None, lease_id=None, lease_expires_at=None, **prefill.NOT_SHOWN)
        .returning(Assignment.id)
    )
    if given_back is None:
        raise lost()


def requeue(session: Session, project: Project, image_ids: Sequence[int]) -> int:
    """Open the done assignments of images again; returns of how many images. Labels stay.

    Raises NotFound, and then changes nothing, when one is no image of the project.
    """
    known = select(Image.id).where(Image.is_own_of(project.id), Image.id.in_(image_ids))
    if missing := set(image_ids) - set(session.scalars(known)):
        raise NotFound(f"there is no image {min(missing)} in this project")
    opened = session.scalars(
        update(Assignment)
        .where(Assignment.image_id.in_(image_ids), Assignment.state == AssignmentState.DONE)
        .values(
            state=AssignmentState.OPEN,
            annotator_id=None,
            lease_id=None,
            lease_expires_at=None,
        )
        .returning(Assignment.image_id)
        .execution_options(synchronize_session=False)
    )
    return len(set(opened))


@dataclass(frozen=True)
class Shown:
    """What the holder of an assignment was shown."""

    blind: bool | None
    prefilled: list[int] | None
    prefilled_by: str | None


def finish(session: Session, lease_id: str, annotator_id: int, image_id: int) -> Shown:
    """Turn a lease into a done assignment. Raises Conflict when it is lost."""
    held = {"lease": lease_id, "person": annotator_id, "image": image_id, "now": utcnow()}
    shown = session.connection().execute(_FINISHING, held).one_or_none()
    if shown is None:
        raise lost()
    return Shown(*shown)


def finish_unleased(
    session: Session, wanted: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], Assignment]:
    """Finish assignments that nobody holds, for labels that come without a lease.

    By (annotator, image), as they are wanted; a pair is missing when somebody else holds or did
    all assignments of the image. This is how work is kept whose lease ran out while the annotator
    was offline.
    """
    if not wanted:
        return {}
    now = utcnow()
    is_own = and_(is_free(Assignment, now), Assignment.gold.is_(False))
    annotators, image_ids = (set(ids) for ids in zip(*wanted, strict=True))
    of_gold = and_(Assignment.gold, Assignment.slot.in_(annotators))
    found = session.scalars(
        select(Assignment)
        .where(
            Assignment.image_id.in_(image_ids),
            Assignment.state == AssignmentState.OPEN,
            # A gold one is somebody's own, whether or not they have given it back.
            or_(is_own, Assignment.annotator_id.in_(annotators), of_gold),
        )
        .order_by(Assignment.image_id, Assignment.slot)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    open_ones: dict[int, list[Assignment]] = defaultdict(list)
    for assignment in found:
        open_ones[assignment.image_id].append(assignment)
    finished = {}
    for annotator_id, image_id in wanted:
        if (best := _best(open_ones[image_id], annotator_id, now)) is not None:
            open_ones[image_id].remove(best)
            _finish(best, annotator_id)
            finished[annotator_id, image_id] = best
    return finished


def _best(open_ones: Sequence[Assignment], annotator_id: int, now: datetime) -> Assignment | None:
    """One's own before those that nobody holds."""
    mine = (
        each
        for each in open_ones
        if each.annotator_id == annotator_id or (each.gold and each.slot == annotator_id)
    )
    free = (
        each
        for each in open_ones
        if not each.gold and (each.lease_expires_at is None or each.lease_expires_at <= now)
    )
    return next(chain(mine, free), None)


def _finish(assignment: Assignment, annotator_id: int) -> None:
    if assignment.annotator_id != annotator_id:
        assignment.blind = assignment.prefilled = assignment.prefilled_by = None
    assignment.annotator_id = annotator_id
    assignment.state = AssignmentState.DONE
    assignment.lease_expires_at = None


def _is_held(
    lease_id: str | BindParameter[str], annotator_id: int | BindParameter[int], now: Moment
) -> ColumnElement[bool]:
    return and_(Assignment.lease_id == lease_id, _is_open(annotator_id, now))


def _is_open(annotator_id: int | BindParameter[int], now: Moment) -> ColumnElement[bool]:
    return and_(
        Assignment.annotator_id == annotator_id,
        Assignment.state == AssignmentState.OPEN,
        Assignment.lease_expires_at > now,
    )


_FINISHING = (
    update(Assignment)
    .where(
        _is_held(bindparam("lease"), bindparam("person"), bindparam("now")),
        Assignment.image_id == bindparam("image"),
    )
    .values(state=AssignmentState.DONE, lease_expires_at=None)
    .returning(Assignment.blind, Assignment.prefilled, Assignment.prefilled_by)
    .execution_options(synchronize_session=False)
)


def lost() -> Conflict:
    """The one answer for a lease that expired, was given back, or was never this person's."""
    return Conflict("this lease has expired or is not yours", code="lease-lost")


def taken() -> Conflict:
    """The one answer for an image whose assignments are all somebody else's."""
    return Conflict(
        "somebody else has labelled this image, or is labelling it now", code="image-taken"
    )


_LEASED = (
    select(Image, Label)
    .outerjoin(
        Label,
        and_(Label.image_id == Image.id, Label.annotator_id == bindparam("person"), Label.current),
    )
    .where(Image.id.in_(bindparam("images", expanding=True)), Image.state == ImageState.READY)
    .options(defer(Label.trail))
)


def leased_images(
    session: Session, leases: Sequence[Lease], annotator_id: int
) -> dict[int, tuple[Image, Label | None]]:
    """The verified images of leases with the annotator's own current label, by image."""
    of = {"images": [lease.image_id for lease in leases], "person": annotator_id}
    return {image.id: (image, label) for image, label in session.execute(_LEASED, of)}
