"""Sign-in, accounts and API tokens."""

from fastapi import APIRouter, Request, Response, status
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session

from server.api.deps import (
    Admin,
    GuardedRoute,
    ReadSessionDep,
    Self,
    SessionDep,
    Unready,
    UnreadyReader,
    browser_of,
    cookie_name,
    set_cookie,
)
from server.api.problems import problems
from server.models import User, UserSession
from server.schemas.common import DatabaseId
from server.schemas.user import (
    Me,
    NewRecoveryCodes,
    OwnPassword,
    PasswordChange,
    PasswordLinkOut,
    PasswordLinkOwner,
    PasswordLinkSecret,
    PasswordLinkUse,
    RecoveryCodesOut,
    Scope,
    SecondFactor,
    SecondFactorOffer,
    SessionOut,
    SignIn,
    TokenCreated,
    TokenIn,
    TokenOut,
    UserChange,
    UserIn,
    UserOut,
)
from server.services.accounts import password_links, second_factor, sessions, tokens, users
from server.services.accounts import sign_in as entering
from server.settings import get_settings

PAGE_OF_LINKS = "/sign-in"
"""Where the browser takes a password by a link."""

router = APIRouter(tags=["accounts"], route_class=GuardedRoute)


@router.post("/session", responses=problems(401, 403, 429, 503))
async def sign_in(body: SignIn, request: Request, response: Response) -> Me:
    """Sign in a browser: sets a new session cookie and ends the one sent along.

    Wrong guesses are counted by account and address together, and ten times as many by each alone;
    429 says in `Retry-After` when the next is taken. A second cookie tells that somebody was signed
    in here before: what others guess does not count then.
    """
    device = request.cookies.get(cookie_name(request, entering.DEVICE_COOKIE))
    password = body.password.get_secret_value()
    entered = await entering.enter(body.email, password, browser_of(request), device, body.code)
    if old := request.cookies.get(cookie_name(request, sessions.COOKIE)):
        await run_in_threadpool(sessions.sign_out, old)
    _set_cookies(request, response, entered.session_secret, entered.device)
    return _me(entered.user, frozenset(Scope), None)


def _me(user: User, scopes: frozenset[Scope], signed_in: UserSession | None) -> Me:
    needed = second_factor.is_missing(user, signed_in)
    must_change = users.must_change_password(user, signed_in)
    return Me.from_row(
        user,
        scopes=sorted(scopes),
        must_change_password=must_change,
        needs_second_factor=needed,
        is_ready=not (needed or must_change),
        by_provider=signed_in is not None and signed_in.identity_id is not None,
        has_password=users.has_password(user),
    )


def _set_cookies(request: Request, response: Response, secret: str, device: str) -> None:
    set_cookie(request, response, sessions.COOKIE, secret, get_settings().session_lifetime)
    set_cookie(request, response, entering.DEVICE_COOKIE, device, entering.DEVICE_LIFETIME)


@router.get("/me", responses=problems(401))
def show_me(caller: UnreadyReader) -> Me:
    """Who am I?"""
    return _me(caller.user, caller.scopes, caller.signed_in)


@router.post(
    "/me/password",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 429, 503),
)
def change_password(
    body: PasswordChange,
    caller: Unready,
    request: Request,
    response: Response,
    session: SessionDep,
) -> None:
    """Change one's own password. Ends all of one's sessions and tokens; this browser gets a new one."""
    current, new = body.current.get_secret_value(), body.new.get_secret_value()
    user = users.change_password(session, caller.user, current, new)
    if caller.session_id is not None:
        secret = sessions.start(session, user, browser_of(request))
        _set_cookies(request, response, secret, entering.mark_of_device(user))


@router.post("/me/second-factor", responses=problems(401, 403))
def offer_second_factor(caller: Unready) -> SecondFactorOffer:
    """A new secret for an authenticator app; it counts once it is confirmed."""
    return SecondFactorOffer.from_row(second_factor.offer(caller.user))


@router.put(
    "/me/second-factor",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 409, 429, 503),
)
def confirm_second_factor(body: SecondFactor, caller: Unready) -> None:
    """Make it one's second factor, in place of an earlier one: signing in asks for a code."""
    password = body.password.get_secret_value()
    second_factor.enrol(caller.user, password, body.secret, body.code)


@router.get("/me/recovery-codes", responses=problems(401, 403))
def show_recovery_codes(caller: Self, session: ReadSessionDep) -> RecoveryCodesOut:
    """How many of one's recovery codes are left."""
    return RecoveryCodesOut.from_row(second_factor.recovery_codes(session, caller.id))


@router.post(
    "/me/recovery-codes",
    status_code=status.HTTP_201_CREATED,
    responses=problems(401, 403, 409, 429, 503),
)
def draw_recovery_codes(body: OwnPassword, caller: Self) -> NewRecoveryCodes:
    """New recovery codes in place of those that are there, for who loses the authenticator app.

    409 `no-second-factor` where there is none. Another app ends the codes.
    """
    password = body.password.get_secret_value()
    return NewRecoveryCodes(codes=second_factor.draw_recovery_codes(caller.user, password))


@router.get("/me/sessions", responses=problems(401, 403))
def list_sessions(caller: Self, session: ReadSessionDep) -> list[SessionOut]:
    """The browsers in which one is signed in, newest first."""
    return _sessions_out(session, caller.id, caller.session_id)


@router.delete(
    "/me/sessions/{session_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404),
)
def end_session(session_id: DatabaseId, caller: Self, session: SessionDep) -> None:
    """End one of one's own sessions, at once."""
    sessions.revoke(session, caller.id, session_id)


def _sessions_out(session: Session, owner_id: int, current: int | None) -> list[SessionOut]:
    return [
        SessionOut.from_row(each, current=each.id == current)
        for each in sessions.list_of(session, owner_id)
    ]


@router.get("/users", responses=problems(401, 403))
def list_users(_caller: Admin, session: ReadSessionDep) -> list[UserOut]:
    """All accounts."""
    return [UserOut.model_validate(user) for user in users.list_all(session)]


@router.post("/users", status_code=status.HTTP_201_CREATED, responses=problems(401, 403, 409))
def create_user(body: UserIn, _caller: Admin, session: SessionDep) -> UserOut:
    """Add an account, with a first password or without one."""
    if body.password is not None:
        users.require_passwords()
    password = None if body.password is None else body.password.get_secret_value()
    user = users.create(session, body.email, password, body.role, must_change=body.must_change)
    return UserOut.model_validate(user)


@router.patch("/users/{user_id}", responses=problems(401, 403, 404, 409))
def change_user(
    user_id: DatabaseId, body: UserChange, _caller: Admin, session: SessionDep
) -> UserOut:
    """Change an account's role or password, or lock it out.

    A new password and a lock-out end all of its sessions and tokens, for good.
    """
    if body.password is not None:
        users.require_passwords()
    return UserOut.model_validate(users.change(session, user_id, body))


@router.post(
    "/users/{user_id}/password-link",
    status_code=status.HTTP_201_CREATED,
    responses=problems(401, 403, 404, 409),
)
def make_password_link(user_id: DatabaseId, _caller: Admin, session: SessionDep) -> PasswordLinkOut:
    """A link by which somebody sets their password, once, within 48 hours.

    It is in this answer alone, and ends earlier ones. Nothing else ends before it is used.
    """
    secret, expires_at = password_links.make(session, user_id)
    return PasswordLinkOut(secret=secret, path=f"{PAGE_OF_LINKS}#{secret}", expires_at=expires_at)


@router.post("/password-link/owner", responses=problems(403, 404))
def show_password_link(body: PasswordLinkSecret, session: ReadSessionDep) -> PasswordLinkOwner:
    """Whose password a link sets."""
    return PasswordLinkOwner.from_row(password_links.find(session, body.secret))


@router.post(
    "/password-link", status_code=status.HTTP_204_NO_CONTENT, responses=problems(403, 404, 503)
)
def use_password_link(body: PasswordLinkUse) -> None:
    """Set a password by a link. Ends the link, and all sessions and tokens of the account."""
    password_links.use(body.secret, body.password.get_secret_value())


@router.delete(
    "/users/{user_id}/second-factor",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404),
)
def remove_second_factor(user_id: DatabaseId, _caller: Admin, session: SessionDep) -> None:
    """Take somebody's second factor away: for who has lost the app."""
    second_factor.remove(session, user_id)


@router.get("/users/{user_id}/sessions", responses=problems(401, 403, 404))
def list_user_sessions(
    user_id: DatabaseId, caller: Admin, session: ReadSessionDep
) -> list[SessionOut]:
    """The browsers in which somebody is signed in, newest first."""
    return _sessions_out(session, users.get(session, user_id).id, caller.session_id)


@router.delete(
    "/users/{user_id}/sessions/{session_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404),
)
def end_user_session(
    user_id: DatabaseId, session_id: DatabaseId, _caller: Admin, session: SessionDep
) -> None:
    """End somebody's session, at once."""
    sessions.revoke(session, user_id, session_id)


@router.get("/users/{user_id}/tokens", responses=problems(401, 403, 404))
def list_user_tokens(
    user_id: DatabaseId, _caller: Admin, session: ReadSessionDep
) -> list[TokenOut]:
    """Somebody's API tokens, newest first."""
    owner = users.get(session, user_id)
    return [TokenOut.model_validate(token) for token in tokens.list_of(session, owner.id)]


@router.delete(
    "/users/{user_id}/tokens/{token_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404),
)
def revoke_user_token(
    user_id: DatabaseId, token_id: DatabaseId, _caller: Admin, session: SessionDep
) -> None:
    """Revoke somebody's token, and those that it made, at once."""
    tokens.revoke(session, user_id, token_id)


@router.delete(
    "/users/{user_id}/access",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404),
)
def end_user_access(user_id: DatabaseId, _caller: Admin, session: SessionDep) -> None:
    """End all of somebody's sessions and tokens, at once. They may sign in again."""
    users.end_all_access(session, user_id)


@router.get("/tokens", responses=problems(401, 403))
def list_tokens(caller: Self, session: ReadSessionDep) -> list[TokenOut]:
    """One's own API tokens, newest first."""
    return [TokenOut.model_validate(token) for token in tokens.list_of(session, caller.id)]


@router.post("/tokens", status_code=status.HTTP_201_CREATED, responses=problems(401, 403, 409))
def create_token(body: TokenIn, caller: Self, session: SessionDep) -> TokenCreated:
    """Make an API token. The token itself is in this answer alone.

    One that is made with a token ends with it, at the latest.
    """
    token, secret = tokens.create(
        session, caller.user, body, holder_scopes=caller.scopes, made_with=caller.secret_hash
    )
    return TokenCreated.from_row(token, token=secret)


@router.delete(
    "/tokens/{token_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404),
)
def revoke_token(token_id: DatabaseId, caller: Self, session: SessionDep) -> None:
    """Revoke one of one's own tokens, at once."""
    tokens.revoke(session, caller.id, token_id)
