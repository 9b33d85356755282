"""Who takes part in which project: looked up here alone, by whatever of a project is asked for."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    bindparam,
    exists,
    or_,
    select,
    true,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from server.errors import BadInput, Conflict, NotFound
from server.models import (
    ApiToken,
    Assignment,
    Checkpoint,
    GoldSet,
    Handout,
    Image,
    Member,
    Project,
    Run,
    Snapshot,
    SweepPage,
    User,
    UserSession,
)
from server.models.audit import AuditEvent
from server.models.member import MemberRole
from server.models.user import Role
from server.services import audit
from server.services.accounts import credentials, sessions, tokens, users

Kind = Literal["project", "image", "handout", "run", "checkpoint", "snapshot", "lease", "page"]
"""What is found by its id, and is of one project."""

_ID: BindParameter[Any] = bindparam("thing")
_PROJECT_OF: dict[Kind, ColumnElement[Any]] = {
    "project": _ID,
    "image": select(Image.project_id).where(Image.id == _ID).scalar_subquery(),
    "handout": select(Handout.project_id).where(Handout.id == _ID).scalar_subquery(),
    "run": select(Run.project_id).where(Run.id == _ID).scalar_subquery(),
    "checkpoint": (
        select(Run.project_id)
        .join(Checkpoint, Checkpoint.run_id == Run.id)
        .where(Checkpoint.id == _ID)
        .scalar_subquery()
    ),
    "snapshot": select(Snapshot.project_id).where(Snapshot.id == _ID).scalar_subquery(),
    "lease": select(Assignment.project_id).where(Assignment.lease_id == _ID).scalar_subquery(),
    "page": select(SweepPage.project_id).where(SweepPage.id == _ID).scalar_subquery(),
}


class Thing(NamedTuple):
    """What a request is about."""

    kind: Kind
    id: int | str


@dataclass(frozen=True)
class Membership:
    """What somebody may do in a project."""

    project_id: int
    role: MemberRole
    sees_image: bool = True
    """Where the thing is an image: whether it is there for them.

    To annotators those alone are that they were given once, to label them: who could look at all
    the others would know gold ones by their absence from lists. To viewers no gold ones are.
    """
    image_id: int | None = None
    """Of the image, where the thing is the number under which somebody was given it."""


def find_session(
    session: Session, secret: str, thing: Thing | None
) -> tuple[UserSession, Membership | None]:
    """The browser session with its account, and what its person is where a thing is.

    One statement: a membership that ends has ended at the next request. Raises NotSignedIn.
    """
    if thing is None:
        return sessions.find(session, secret), None
    thing = _by_handout(thing)
    found, place = _find(session, _of_session(thing.kind), secret, thing)
    opened = sessions.require_open(found)
    return opened, _membership(opened.user, place)


def find_token(
    session: Session, secret: str, thing: Thing | None
) -> tuple[ApiToken, Membership | None]:
    """The same, of an API token."""
    if thing is None:
        return tokens.find(session, secret), None
    thing = _by_handout(thing)
    found, place = _find(session, _of_token(thing.kind), secret, thing)
    valid = tokens.require_valid(found)
    return valid, _membership(valid.user, place)


def _by_handout(thing: Thing) -> Thing:
    """An image by the number under which somebody was given it, where that is what it is."""
    if thing.kind == "image" and int(thing.id) >= Handout.NUMBERS_FROM:
        return Thing("handout", int(thing.id) - Handout.NUMBERS_FROM)
    return thing


class _Place(NamedTuple):
    """A project, if there is one, as one person finds it."""

    project_id: int | None = None
    is_open: bool | None = None
    role: MemberRole | None = None
    was_given: bool = False
    is_gold: bool = False
    """Of a thing that is an image."""
    image_id: int | None = None
    """Of a handout."""


def _find(
    session: Session, statement: Select[Any], secret: str, thing: Thing
) -> tuple[Any, _Place]:
    given = credentials.known_by(secret) | {"thing": thing.id}
    row = session.execute(statement, given).one_or_none()
    return (None, _Place()) if row is None else (row[0], _Place(*row[1:]))


# Made once: every request asks for one of them.
@cache
def _of_session(kind: Kind) -> Select[Any]:
    return _with_place(sessions.BY_SECRET.select_from(UserSession), UserSession.user_id, kind)


@cache
def _of_token(kind: Kind) -> Select[Any]:
    return _with_place(tokens.BY_SECRET.select_from(ApiToken), ApiToken.user_id, kind)


def is_numbered() -> ColumnElement[bool]:
    """Whether a handout gives its image a number: since its project has gold images."""
    return exists().where(
        GoldSet.project_id == Handout.project_id, GoldSet.plain_until < Handout.id
    )


def _with_place(holder: Select[Any], user_id: SQLColumnExpression[int], kind: Kind) -> Select[Any]:
    """Sessions or tokens with the project of a thing, and what their person is there."""
    own = and_(Member.project_id == Project.id, Member.user_id == user_id)
    columns: list[ColumnElement[Any]] = []
    if kind == "image":
        own_handout = and_(Handout.annotator_id == user_id, ~is_numbered())
        given = exists().where(Handout.image_id == _ID, own_handout)
        columns = [given, select(Image.gold).where(Image.id == _ID).scalar_subquery()]
    elif kind == "handout":
        own_handout = and_(Handout.annotator_id == user_id, is_numbered())
        of_handout = select(Handout.image_id).where(Handout.id == _ID).scalar_subquery()
        columns = [exists().where(Handout.id == _ID, own_handout), true(), of_handout]
    return (
        holder.add_columns(Project.id, Project.open_to_everybody, Member.role, *columns)
        .outerjoin(Project, and_(Project.id == _PROJECT_OF[kind], Project.deleted_at.is_(None)))
        .outerjoin(Member, own)
    )


def _membership(user: User, place: _Place) -> Membership | None:
    """Of a person in a project; None: they take no part in it, or there is none.

    An admin leads every project. In one that is open, who is no member is what their account is.
    """
    if place.project_id is None:
        return None
    role = place.role
    if user.role == Role.ADMIN:
        role = MemberRole.LEAD
    elif role is None and place.is_open:
        role = MemberRole.of_account(user.role)
    match role:
        case None:
            return None
        case MemberRole.ANNOTATOR:
            return Membership(place.project_id, role, place.was_given, place.image_id)
        case MemberRole.VIEWER:
            return Membership(place.project_id, role, not place.is_gold, place.image_id)
        case _:
            return Membership(place.project_id, role, image_id=place.image_id)


def of_people(
    session: Session, people: Collection[User], project_ids: Collection[int]
) -> dict[tuple[int, int], MemberRole]:
    """What each of some people is in each of some projects, by (person, project): one statement."""
    rows = session.execute(
        select(Project.id, Project.open_to_everybody, Member.user_id, Member.role)
        .outerjoin(
            Member,
            and_(Member.project_id == Project.id, Member.user_id.in_({user.id for user in people})),
        )
        .where(Project.id.in_(project_ids))
    ).all()
    opened = {project_id: is_open for project_id, is_open, _, _ in rows}
    given = {(user_id, project_id): role for project_id, _, user_id, role in rows}
    found = {}
    for user in people:
        for project_id, is_open in opened.items():
            pair = user.id, project_id
            if one := _membership(user, _Place(project_id, is_open, given.get(pair))):
                found[pair] = one.role
    return found


def where(user_id: int, least: MemberRole) -> Select[int]:
    """Ids of the projects in which a person is at least this: for rows that a body names."""
    person, project, member = aliased(User), aliased(Project), aliased(Member)
    roles = list(MemberRole)
    enough = roles[roles.index(least) :]
    accounts = [role for role in Role if MemberRole.of_account(role) in enough]
    by_account = and_(project.open_to_everybody, member.role.is_(None), person.role.in_(accounts))
    return (
        select(project.id)
        .join(person, person.id == user_id)
        .outerjoin(member, and_(member.project_id == project.id, member.user_id == person.id))
        .where(or_(person.role == Role.ADMIN, member.role.in_(enough), by_account))
    )


def projects_of(session: Session, user: User) -> dict[int, MemberRole]:
    """What a person is in the projects in which they take part, by project."""
    rows = session.execute(
        select(Project.id, Project.open_to_everybody, Member.role).outerjoin(
            Member, and_(Member.project_id == Project.id, Member.user_id == user.id)
        )
    )
    found = {}
    for row in rows:
        if one := _membership(user, _Place(*row)):
            found[one.project_id] = one.role
    return found


def leads_any(session: Session, user_id: int) -> bool:
    """Whether a person leads some project."""
    leads = exists().where(Member.user_id == user_id, Member.role == MemberRole.LEAD)
    return bool(session.scalar(select(leads)))


@dataclass(frozen=True)
class Participant:
    """Somebody who takes part in a project."""

    user: User
    role: MemberRole
    is_member: bool
    """Whether somebody made them a member; otherwise by their account alone."""


def list_all(session: Session, project: Project) -> list[Participant]:
    """Who takes part in a project by their own account or as its member, in order of addresses.

    Admins lead every project; those who are no members of this one are not listed.
    """
    known = {member.user_id: member for member in _members(session, project.id)}
    found = [Participant(member.user, member.role, True) for member in known.values()]
    if project.open_to_everybody:
        accounts = session.scalars(select(User).where(User.active, User.role != Role.ADMIN))
        found += [
            Participant(user, MemberRole.of_account(user.role), False)
            for user in accounts
            if user.id not in known
        ]
    return sorted(found, key=lambda one: one.user.email)


def _members(session: Session, project_id: int) -> list[Member]:
    return list(session.scalars(select(Member).where(Member.project_id == project_id)))


def add(session: Session, project: Project, email: str, role: MemberRole) -> Member:
    """Make somebody a member. Raises BadInput for an unknown address, Conflict for a member."""
    user = users.find_by_email(session, email)
    if user is None:
        raise BadInput(f"email: there is no account {email}", code="unknown-account")
    try:
        return join(session, project, user.id, role)
    except IntegrityError as error:
        raise Conflict(f"{email} is a member already", code="member-already") from error


def join(session: Session, project: Project, user_id: int, role: MemberRole) -> Member:
    """Make a person a member. Raises IntegrityError for one who is."""
    member = Member(project_id=project.id, user_id=user_id, role=role)
    session.add(member)
    session.flush()
    _record(session, AuditEvent.MEMBER_ADDED, member, after={"role": role})
    return member


def change(session: Session, project: Project, user_id: int, role: MemberRole) -> Member:
    """Give a member another role. Raises NotFound."""
    member = _get(session, project, user_id)
    before, after = {"role": member.role}, {"role": role}
    if before != after:
        member.role = role
        _record(session, AuditEvent.MEMBER_CHANGED, member, before, after)
    return member


def remove(session: Session, project: Project, user_id: int) -> None:
    """Take a member's part away, at once; what they labelled stays.

    Raises NotFound, and Conflict where that would not end it: in a project that is open to
    everybody.
    """
    member = _get(session, project, user_id)
    if project.open_to_everybody:
        raise Conflict(
            "this project is open to everybody with an account: whoever is removed is still in",
            code="project-open",
        )
    session.delete(member)
    _record(session, AuditEvent.MEMBER_REMOVED, member, before={"role": member.role})


def _record(
    session: Session,
    what: AuditEvent,
    member: Member,
    before: dict[str, MemberRole] | None = None,
    after: dict[str, MemberRole] | None = None,
) -> None:
    on = audit.Thing("user", member.user_id, member.project_id)
    audit.record(session, what, on, before=before, after=after)


def _get(session: Session, project: Project, user_id: int) -> Member:
    member = session.get(Member, (project.id, user_id))
    if member is None:
        raise NotFound(f"there is no member {user_id} in this project")
    return member


def close(session: Session, project: Project) -> None:
    """Before a project is open to everybody no more: who has taken part in it stays a member."""
    for one in list_all(session, project):
        if not one.is_member:
            join(session, project, one.user.id, one.role)
