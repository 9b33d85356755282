"""The people of a project: what each is there, what they did, how fast and how well, and since when not.

What is counted over all labels is a measure, which a large project keeps; times are those of `pace`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from pydantic import TypeAdapter
from sqlalchemy import Select, and_, case, exists, func, select
from sqlalchemy.orm import Session, aliased

from server.db import utcnow
from server.models import ApiToken, Label, User, UserSession
from server.models.member import MemberRole
from server.models.user import Role
from server.schemas.people import PaceOut, TeamOut, TeamPerson
from server.services import measures, members, projects
from server.services.measures import Measure
from server.services.members import Participant
from server.services.quality import gold_answers, pace


@dataclass(frozen=True)
class Work:
    """What one person did in a project."""

    answers_today: int = 0
    answers: int = 0
    skipped: int = 0
    active_ms: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True)
class Counted:
    """What everybody did, as of a day."""

    day: date
    people: dict[int, Work]


def count(session: Session, project_id: int, only: int | None = None) -> Counted:
    """What everybody did, or one person. Raises NotFound."""
    projects.get(session, project_id)
    midnight = datetime.combine(utcnow().date(), time.min, tzinfo=UTC)
    query = _sums(project_id, midnight)
    rows = session.execute(query if only is None else query.where(Label.annotator_id == only))
    return Counted(
        midnight.date(),
        {
            person: Work(today, answers, skipped, active_ms, last_at)
            for person, today, answers, skipped, active_ms, last_at in rows
        },
    )


def _sums(project_id: int, midnight: datetime) -> Select[int, int, int, int, int, datetime]:
    earlier = aliased(Label)
    was_labelled = exists().where(
        earlier.image_id == Label.image_id,
        earlier.annotator_id == Label.annotator_id,
        earlier.partial.is_(False),
        earlier.created_at < midnight,
    )
    is_answer = and_(Label.has_answers(), Label.partial.is_(False))
    is_new = and_(is_answer, Label.created_at >= midnight, ~was_labelled)

    return (
        select(
            Label.annotator_id,
            func.count(case((is_new, 1))),
            func.count(case((is_answer, 1))),
            func.count(case((and_(Label.current, Label.skipped.is_not(None)), 1))),
            func.sum(Label.active_ms),
            func.max(Label.created_at),
        )
        .where(Label.project_id == project_id)
        .group_by(Label.annotator_id)
    )


MEASURE = Measure("team", TypeAdapter(Counted), count)


def of_project(session: Session, project_id: int, *, only: int | None = None) -> TeamOut:
    """Everybody who takes part or has labelled, or one person alone. Raises NotFound."""
    project = projects.get(session, project_id)
    if only is None:
        counted = measures.read(session, project_id, MEASURE)
    else:
        counted = count(session, project_id, only)
    paces = _paces(session, project_id, only)
    there = {one.user.id: one for one in members.list_all(session, project)}
    ids = {*there, *counted.people} if only is None else {only}
    users = session.scalars(select(User).where(User.id.in_(ids)).order_by(User.email)).all()
    seen = _last_use(session, ids)
    is_today = counted.day == utcnow().date()
    people = []
    for user in users:
        work, own = counted.people.get(user.id, Work()), paces.get(user.id)
        moments = [at for at in (seen.get(user.id), work.last_at) if at is not None]
        people.append(
            TeamPerson(
                user_id=user.id,
                email=user.email,
                role=_role(user, there.get(user.id)),
                is_member=user.id in there and there[user.id].is_member,
                active=user.active,
                answers_today=work.answers_today if is_today else 0,
                answers=work.answers,
                skipped=work.skipped,
                active_ms=work.active_ms,
                per_image=own.per_image if own else None,
                per_answer=own.per_answer if own else None,
                right=own.right if own else None,
                last_seen_at=max(moments, default=None),
            )
        )
    return TeamOut(project_id=project_id, people=people)


def _paces(session: Session, project_id: int, only: int | None) -> dict[int, PaceOut]:
    """Of all that each person did. What one reads of oneself is told but of the days before."""
    found = {
        int(one.annotator[1:]): one
        for one in pace.of_project(session, project_id, only=only).paces
        if one.by == "all" and one.annotator is not None
    }
    if only is not None:
        for quality in gold_answers.measure_own(session, project_id, only).annotators:
            if only in found:
                right = {"right": quality.total.recall}
                found[only] = found[only].model_copy(update=right)
    return found


def _role(user: User, participant: Participant | None) -> MemberRole | None:
    if user.role == Role.ADMIN and user.active:
        return MemberRole.LEAD
    return None if participant is None else participant.role


def _last_use(session: Session, ids: Collection[int]) -> dict[int, datetime]:
    """By person, when a session or token of theirs was used last."""
    found: dict[int, datetime] = {}
    for table in (UserSession, ApiToken):
        rows = session.execute(
            select(table.user_id, func.max(table.last_used_at))
            .where(table.user_id.in_(ids), table.last_used_at.is_not(None))
            .group_by(table.user_id)
        )
        for person, at in rows:
            if at is not None:
                found[person] = max(at, found.get(person, at))
    return found


COLUMNS = (
    "user_id", "email", "role", "is_member", "active",
    "answers_today", "answers", "skipped", "active_ms",
    "per_image.median", "per_image.mean", "per_image.p90",
    "per_answer.median", "per_answer.mean", "per_answer.p90",
    "right.hits", "right.of", "right.share", "right.low", "right.high", "last_seen_at",
)  # fmt: skip


def as_csv(team: TeamOut) -> str:
    """One row a person; an unknown value is empty."""
    return pace.sheet(team.people, COLUMNS)
