"""Sign-in, accounts and API tokens."""

from fastapi import APIRouter, Request, Response, status

from server.api.deps import Admin, Reader, ReadSessionDep, Self, SessionDep
from server.api.problems import problems
from server.db import session_scope
from server.schemas.common import DatabaseId
from server.schemas.user import (
    Me,
    PasswordChange,
    Scope,
    SignIn,
    TokenCreated,
    TokenIn,
    TokenOut,
    UserChange,
    UserIn,
    UserOut,
)
from server.services import users
from server.services.users import SESSION_COOKIE
from server.settings import get_settings

router = APIRouter(tags=["accounts"])


def _drop_cookie(response: Response) -> None:
    response.delete_cookie(SESSION_COOKIE, path="/")


@router.post("/session", responses=problems(401, 429))
def sign_in(body: SignIn, request: Request, response: Response) -> Me:
    """Sign in a browser: sets a new session cookie and ends the one sent along."""
    address = request.client.host if request.client else "unknown"
    user, secret = users.sign_in(body.email, body.password.get_secret_value(), address)
    old = request.cookies.get(SESSION_COOKIE)
    if old:
        with session_scope() as session:
            users.end_session(session, old)
    settings = get_settings()
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=int(settings.session_lifetime.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=(
            request.url.scheme == "https"
            if settings.secure_cookies is None
            else settings.secure_cookies
        ),
        path="/",
    )
    return Me.from_row(user, scopes=sorted(Scope))


@router.delete("/session", status_code=status.HTTP_204_NO_CONTENT)
def sign_out(request: Request, response: Response, session: SessionDep) -> None:
    """Sign out this browser."""
    if secret := request.cookies.get(SESSION_COOKIE):
        users.end_session(session, secret)
    _drop_cookie(response)


@router.get("/me", responses=problems(401))
def show_me(caller: Reader) -> Me:
    """Who am I?"""
    return Me.from_row(caller.user, scopes=sorted(caller.scopes))


@router.post("/me/password", status_code=status.HTTP_204_NO_CONTENT, responses=problems(401, 403))
def change_password(
    body: PasswordChange, caller: Self, response: Response, session: SessionDep
) -> None:
    """Change one's own password. Ends all of one's sessions, this one too."""
    current, new = body.current.get_secret_value(), body.new.get_secret_value()
    users.change_password(session, caller.user, current, new)
    _drop_cookie(response)


@router.get("/users", responses=problems(401, 403))
def list_users(_caller: Admin, session: ReadSessionDep) -> list[UserOut]:
    """All accounts."""
    return [UserOut.model_validate(user) for user in users.list_all(session)]


@router.post("/users", status_code=status.HTTP_201_CREATED, responses=problems(401, 403, 409))
def create_user(body: UserIn, _caller: Admin, session: SessionDep) -> UserOut:
    """Add an account."""
    user = users.create(session, body.email, body.password.get_secret_value(), body.role)
    return UserOut.model_validate(user)


@router.patch("/users/{user_id}", responses=problems(401, 403, 404, 409))
def change_user(
    user_id: DatabaseId, body: UserChange, _caller: Admin, session: SessionDep
) -> UserOut:
    """Change an account's role or password, or lock it out."""
    return UserOut.model_validate(users.change(session, user_id, body))


@router.get("/tokens", responses=problems(401, 403))
def list_tokens(caller: Self, session: ReadSessionDep) -> list[TokenOut]:
    """One's own API tokens, newest first."""
    return [TokenOut.model_validate(token) for token in users.list_tokens(session, caller.user)]


@router.post("/tokens", status_code=status.HTTP_201_CREATED, responses=problems(401, 403, 409))
def create_token(body: TokenIn, caller: Self, session: SessionDep) -> TokenCreated:
    """Make an API token. The token itself is in this answer alone."""
    token, secret = users.create_token(session, caller.user, body, holder_scopes=caller.scopes)
    return TokenCreated.from_row(token, token=secret)


@router.delete(
    "/tokens/{token_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404),
)
def revoke_token(token_id: DatabaseId, caller: Self, session: SessionDep) -> None:
    """Revoke one of one's own tokens, at once."""
    users.revoke_token(session, caller.user, token_id)
