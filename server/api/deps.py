"""What routes are handed: a session, who asks, and whether they may."""

import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar
from fastapi import Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import APIKeyCookie, HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session
from starlette.datastructures import Headers

from server.db import look, session_scope
from server.errors import Conflict, Forbidden, NotFound, NotSignedIn
from server.models import Project, User, UserSession
from server.models.member import MemberRole
from server.models.user import Role
from server.schemas.common import DatabaseId
from server.schemas.user import Scope
from server.services import audit, members
from server.services.accounts import credentials, second_factor, sessions, users
from server.services.accounts.sessions import Browser
from server.services.assignment import leases
from server.services.images.numbers import Person
from server.services.members import Kind, Membership, Thing
from server.settings import get_settings

_cookie = APIKeyCookie(
    name=sessions.COOKIE,
    auto_error=False,
    description=f"A signed-in browser; under https its name is `__Host-{sessions.COOKIE}`.",
)
_bearer = HTTPBearer(auto_error=False, description="An API token.")

MAX_BODY_OF_STRANGERS = 2**14
"""Bytes."""
_GUARDS: set[Callable[..., Any]] = set()
"""What `allow` and `allow_member` have made."""

THINGS: dict[str, Kind] = {
    "project_id": "project", "image_id": "image", "run_id": "run", "checkpoint_id": "checkpoint",
    "snapshot_id": "snapshot", "lease_id": "lease", "page_id": "page",
}  # fmt: skip
"""By the names that they have in paths. Of several in one path, the first here decides whose it is:
the route finds the others there."""
_NUMBER: TypeAdapter[int] = TypeAdapter(DatabaseId)

_RANK = {Role.ANNOTATOR: 0, Role.ENGINEER: 1, Role.ADMIN: 2}
_MEMBER_RANK = {role: rank for rank, role in enumerate(MemberRole)}


NumberCursor = Annotated[str | None, Query(max_length=10, pattern=r"^\d{1,10}$")]
"""The place in a list that is in order of numbers; None: its beginning."""

MULTIPART_FILES: dict[str, Any] = {
    "schema": {
        "type": "object",
        "required": ["files"],
        "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
    }
}
"""How a form with files is described, which a route reads by itself."""


def number_of(cursor: str) -> int:
    """The number that a cursor stands for, at most the highest that the database knows."""
    return min(int(cursor), 2**31 - 1)


def open_session() -> Iterator[Session]:
    """A session that commits before the response is sent, or rolls back."""
    with session_scope() as session:
        yield session


def open_read_session() -> Iterator[Session]:
    """A session for looking: on SQLite it does not queue behind writers."""
    with session_scope(read_only=True) as session:
        yield session


# scope="function": commit first, then respond; a failed commit must not answer 200.
SessionDep = Annotated[Session, Depends(open_session, scope="function")]
ReadSessionDep = Annotated[Session, Depends(open_read_session, scope="function")]


@dataclass(frozen=True)
class Caller:
    """Who asks, and with which scopes."""

    user: User
    scopes: frozenset[Scope]
    secret_hash: str = field(repr=False)
    """Of the session or token by which the caller is known."""
    session_id: int | None = None
    """Null for a token."""
    token_id: int | None = None
    signed_in: UserSession | None = field(default=None, repr=False)
    """The session."""
    thing: Thing | None = None
    """What the path names; None where that is nothing of a project."""
    membership: Membership | None = None
    """In the project of the thing."""

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def role(self) -> Role:
        return self.user.role

    def is_at_least(self, role: Role) -> bool:
        return _RANK[self.role] >= _RANK[role]

    @property
    def member_role(self) -> MemberRole:
        """In the project of what the path names, once it is known that they take part in it."""
        if self.membership is None:
            raise self.missing()
        return self.membership.role

    @property
    def leads(self) -> bool:
        """Whether they lead the project of what the path names."""
        return self.member_role == MemberRole.LEAD

    @property
    def inspects_runs(self) -> bool:
        """Whether they are told what machines say of runs: paths, errors, logs."""
        leads = self.membership is not None and self.leads
        return leads or self.is_at_least(Role.ENGINEER)

    def in_project(self, project: Project) -> Person:
        """As somebody who is told of images of a project, which is that of what the path names."""
        return Person(project, self.id, self.member_role)

    def missing(self) -> NotFound | Conflict:
        """What somebody is told of a thing that is not there, or not for them: the same."""
        match self.thing:
            case Thing(kind="lease" | "page"):
                return leases.lost()
            case Thing(kind=kind, id=number):
                return NotFound(f"there is no {kind} {number}")
            case None:
                return NotFound("there is no such thing")


def identify(
    request: Request,
    _documented: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """The caller, by token or by cookie.

    Raises NotSignedIn. The session used here ends before the route's own begins.
    """
    thing = _thing_of(request)
    if bearer is not None:
        token, membership = look(
            lambda session: members.find_token(session, bearer.credentials, thing)
        )
        credentials.note_use(token)
        scopes = frozenset(Scope(s) for s in token.scopes)
        caller = Caller(
            token.user,
            scopes,
            token.secret_hash,
            token_id=token.id,
            thing=thing,
            membership=membership,
        )
    elif cookie := request.cookies.get(cookie_name(request, sessions.COOKIE)):
        found, membership = look(lambda session: members.find_session(session, cookie, thing))
        credentials.note_use(found)
        scopes = frozenset(Scope)
        caller = Caller(
            found.user,
            scopes,
            found.secret_hash,
            session_id=found.id,
            signed_in=found,
            thing=thing,
            membership=membership,
        )
    else:
        raise NotSignedIn("sign in, or send an API token as Authorization: Bearer")
    request.state.user_id = caller.id
    if membership is not None and membership.image_id is not None:
        # By the number under which it was given: from here on it is the image, at every route.
        request.path_params["image_id"] = str(membership.image_id)
    return caller


def _thing_of(request: Request) -> Thing | None:
    """What the path names, if it is of a project."""
    for name, kind in THINGS.items():
        if (text := request.path_params.get(name)) is not None:
            if kind in ("lease", "page"):
                return Thing(kind, str(text).replace("\0", ""))
            try:
                return Thing(kind, _NUMBER.validate_python(text))
            except ValidationError:
                return None  # the route says what is wrong with it
    return None


def is_secure(request: Request) -> bool:
    """Whether the browser speaks https with us, or with a proxy that says so."""
    wanted = get_settings().secure_cookies
    return request.scope["scheme"] == "https" if wanted is None else wanted


def cookie_name(request: Request, name: str) -> str:
    """What a cookie of ours is called: `__Host-` is a name that no other site can give one.

    Under https the plain name is not read, since a page of a neighbouring domain could have set it.
    """
    return f"__Host-{name}" if is_secure(request) else name


def set_cookie(
    request: Request, response: Response, name: str, value: str, lifetime: timedelta
) -> None:
    """Give the browser a cookie that no page reads and no other site's form brings along."""
    response.set_cookie(
        cookie_name(request, name),
        value,
        max_age=int(lifetime.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=is_secure(request),
        path="/",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Let the browser forget a cookie of ours."""
    name = cookie_name(request, name)
    response.delete_cookie(name, path="/", secure=is_secure(request), httponly=True, samesite="lax")


def host_of(headers: Headers) -> str:
    """The name by which the server was called, as it is compared: without port, in small letters."""
    name = re.sub(r":\d*$", "", headers.get("host", ""))
    return name.strip("[]").lower().rstrip(".")


def browser_of(request: Request) -> Browser:
    """Where a request comes from."""
    address = request.client.host if request.client else "unknown"
    return Browser(address, request.headers.get("user-agent", ""))


async def known(
    request: Request,
    cookie: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """The caller, found once for a request. Raises NotSignedIn."""
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        caller = request.state.caller = await run_in_threadpool(identify, request, cookie, bearer)
        audit.identified(caller.id, session_id=caller.session_id, token_id=caller.token_id)
    return caller


def allow(
    role: Role, scope: Scope, *, unready: bool = False
) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency that lets through callers with this role or a higher one, and the scope.

    With `unready`, those too who have to change their password or set up a second factor first.
    """

    async def check(caller: Annotated[Caller, Depends(known)]) -> Caller:
        if not unready:
            _refuse_unready(caller)
        if not caller.is_at_least(role):
            raise Forbidden(f"this needs the role {role}; yours is {caller.role}")
        if scope not in caller.scopes:
            raise Forbidden(f"this token does not have the scope {scope}", code="scope")
        return caller

    _GUARDS.add(check)
    return check


def allow_member(role: MemberRole, scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    """A dependency that lets through who has this role or a higher one in the project of what the
    path names, and the scope.

    To who takes no part in it, it is as if the thing were not there.
    """

    async def check(caller: Annotated[Caller, Depends(known)]) -> Caller:
        require_member(caller, role, scope)
        return caller

    _GUARDS.add(check)
    return check


def require_member(caller: Caller, role: MemberRole, scope: Scope) -> None:
    """Raise Forbidden or NotFound unless they may; nothing where the path names no number."""
    _refuse_unready(caller)
    if scope not in caller.scopes:
        raise Forbidden(f"this token does not have the scope {scope}", code="scope")
    if caller.thing is None:
        return
    is_image = caller.thing.kind == "image"
    if caller.membership is None or (is_image and not caller.membership.sees_image):
        raise caller.missing()
    if _MEMBER_RANK[caller.member_role] < _MEMBER_RANK[role]:
        raise Forbidden(
            f"this needs the role {role} in this project; yours is {caller.member_role}"
        )


def _refuse_unready(caller: Caller) -> None:
    """Of sessions alone: a token is made by who is ready."""
    if caller.signed_in is None:
        return
    if users.must_change_password(caller.user, caller.signed_in):
        raise Forbidden("change your password first", code="password-change-needed")
    if second_factor.is_missing(caller.user, caller.signed_in):
        raise Forbidden("set up a second factor first", code="second-factor-needed")


class GuardedRoute(APIRoute):
    """Reads a JSON body only once it is known who sends it and that they may.

    Where nobody has to be known, as to sign in, a body is small.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = self._answering()
        if self.body_field is None:
            return answer
        guards = [call for call in _calls(self.dependant) if call in _GUARDS]

        async def answer_who_may(request: Request) -> Response:
            if guards:
                caller = await known(request, await _cookie(request), await _bearer(request))
                for guard in guards:
                    await guard(caller)
            else:
                request.state.longest_body = MAX_BODY_OF_STRANGERS
            return await answer(request)

        return answer_who_may

    def _answering(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request that may be read whole."""
        return super().get_route_handler()


class LabellingRoute(GuardedRoute):
    """Answers few requests at once: what labelling asks for all day, in milliseconds each.

    More threads than processors only take Python's lock from each other: of 32 people the unlucky
    wait twice as long. Whoever sends a body slowly keeps nobody waiting.
    """

    def _answering(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super()._answering()

        async def answer_in_turn(request: Request) -> Response:
            await request.body()
            async with _turns():
                return await answer(request)

        return answer_in_turn


LABELLING_AT_ONCE = 3
_limiter: RunVar[CapacityLimiter] = RunVar("labelling requests at once")


def _turns() -> CapacityLimiter:
    """Those of this event loop, of which a process that serves has one."""
    try:
        return _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(LABELLING_AT_ONCE)
        _limiter.set(limiter)
        return limiter


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    """What a route depends on, and what that does."""
    for dependency in dependant.dependencies:
        if dependency.call is not None:
            yield dependency.call
        yield from _calls(dependency)


# Of the installation.
Reader = Annotated[Caller, Depends(allow(Role.ANNOTATOR, Scope.READ))]
Labeller = Annotated[Caller, Depends(allow(Role.ANNOTATOR, Scope.LABEL))]
Creator = Annotated[Caller, Depends(allow(Role.ENGINEER, Scope.ADMIN))]
Admin = Annotated[Caller, Depends(allow(Role.ADMIN, Scope.ADMIN))]
Self = Annotated[Caller, Depends(allow(Role.ANNOTATOR, Scope.ADMIN))]
Unready = Annotated[Caller, Depends(allow(Role.ANNOTATOR, Scope.ADMIN, unready=True))]
UnreadyReader = Annotated[Caller, Depends(allow(Role.ANNOTATOR, Scope.READ, unready=True))]

# Of the project of what the path names.
Viewer = Annotated[Caller, Depends(allow_member(MemberRole.VIEWER, Scope.READ))]
Annotator = Annotated[Caller, Depends(allow_member(MemberRole.ANNOTATOR, Scope.LABEL))]
LeadReader = Annotated[Caller, Depends(allow_member(MemberRole.LEAD, Scope.READ))]
Importer = Annotated[Caller, Depends(allow_member(MemberRole.LEAD, Scope.IMPORT))]
Runner = Annotated[Caller, Depends(allow_member(MemberRole.LEAD, Scope.RUNS))]
Lead = Annotated[Caller, Depends(allow_member(MemberRole.LEAD, Scope.ADMIN))]


def choose(caller: Reader) -> Caller:
    """Who may choose what a project is made of: who makes projects, and who leads one."""
    if caller.is_at_least(Role.ENGINEER) or look(lambda s: members.leads_any(s, caller.id)):
        return caller
    raise Forbidden(f"this needs the role {Role.ENGINEER}, or that of a lead in some project")


Chooser = Annotated[Caller, Depends(choose)]
