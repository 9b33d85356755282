"""Accounts, sign-in, sessions and API tokens."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db import session_scope, utcnow
from server.errors import BadInput, Conflict, Forbidden, NotFound, NotSignedIn, TooManyAttempts
from server.models import ApiToken, SignInFailure, User, UserSession
from server.models.user import Role
from server.schemas.user import Scope, TokenIn, UserChange
from server.security import (
    TOKEN_PREFIX,
    hash_password,
    hash_secret,
    new_secret,
    verify_password,
    was_hashed_as_typed,
)
from server.settings import get_settings

SESSION_COOKIE = "weakseg_session"
TOKEN_LIFETIME = timedelta(days=90)
MAX_TOKENS = 100


def create(session: Session, email: str, password: str, role: Role) -> User:
    """A new account. Raises Conflict when the address is taken."""
    user = User(email=email.strip().lower(), password_hash=hash_password(password), role=role)
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(f"there is already an account for {email}", code="email-taken") from error
    return user


def find_by_email(session: Session, email: str) -> User | None:
    if "\0" in email:
        return None  # PostgreSQL would refuse to look for it
    return session.scalar(select(User).where(User.email == email.strip().lower()))


def get(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound(f"there is no user {user_id}")
    return user


def list_all(session: Session) -> list[User]:
    return list(session.scalars(select(User).order_by(User.email)))


def change(session: Session, user_id: int, wanted: UserChange) -> User:
    """Change role, activity or password. A changed password or a lock-out ends all sessions.

    Raises Conflict when the last active admin would be lost.
    """
    user = get(session, user_id)
    if wanted.role is not None:
        user.role = wanted.role
    if wanted.active is not None:
        user.active = wanted.active
    if wanted.password is not None:
        user.password_hash = hash_password(wanted.password.get_secret_value())
    if wanted.password is not None or wanted.active is False:
        session.execute(delete(UserSession).where(UserSession.user_id == user.id))
    session.flush()
    admins = select(func.count()).where(User.role == Role.ADMIN, User.active)
    if not session.scalar(admins):
        raise Conflict("this is the last active admin", code="last-admin")
    return user


def change_password(session: Session, user: User, current: str, new: str) -> None:
    """One's own password. Ends all of one's sessions; raises Forbidden when `current` is wrong."""
    if not verify_password(current, user.password_hash):
        raise Forbidden("the current password is wrong", code="wrong-password")
    stored = get(session, user.id)
    stored.password_hash = hash_password(new)
    session.execute(delete(UserSession).where(UserSession.user_id == user.id))


def sign_in(email: str, password: str, address: str) -> tuple[User, str]:
    """The account and the secret of a new browser session.

    Failures are counted per account and per address, in transactions of their own, so that they
    stay counted when the request fails. Raises TooManyAttempts or NotSignedIn.
    """
    subjects = (f"email:{email.strip().lower()}"[:400], f"address:{address}"[:400])
    with session_scope(read_only=True) as session:
        _refuse_guessing(session, subjects)
        user = find_by_email(session, email)
    right = verify_password(password, user.password_hash if user and user.active else None)
    with session_scope() as session:
        if user is None or not right:
            session.add_all(SignInFailure(subject=subject) for subject in subjects)
        else:
            secret = start_session(session, user)
            if was_hashed_as_typed(password, user.password_hash):
                get(session, user.id).password_hash = hash_password(password)
            session.execute(delete(SignInFailure).where(SignInFailure.subject == subjects[0]))
            return user, secret
    raise NotSignedIn("the e-mail address or the password is wrong", code="wrong-credentials")


def _refuse_guessing(session: Session, subjects: tuple[str, str]) -> None:
    settings = get_settings()
    since = utcnow() - settings.sign_in_window
    allowed = (settings.sign_in_attempts, 10 * settings.sign_in_attempts)
    for subject, most in zip(subjects, allowed, strict=True):
        failures = select(func.count()).where(
            SignInFailure.subject == subject, SignInFailure.at > since
        )
        if (session.scalar(failures) or 0) >= most:
            minutes = int(settings.sign_in_window.total_seconds() // 60) or 1
            raise TooManyAttempts(f"too many failed attempts; try again in {minutes} minutes")


def start_session(session: Session, user: User) -> str:
    """A new browser session; returns its secret. Clears away what has run out."""
    secret = new_secret()
    now = utcnow()
    session.execute(delete(UserSession).where(UserSession.expires_at < now))
    session.execute(
        delete(SignInFailure).where(SignInFailure.at < now - get_settings().sign_in_window)
    )
    session.add(
        UserSession(
            user_id=user.id,
            secret_hash=hash_secret(secret),
            expires_at=now + get_settings().session_lifetime,
        )
    )
    return secret


_SIGNED_IN = (
    select(User)
    .join(UserSession, UserSession.user_id == User.id)
    .where(
        UserSession.secret_hash == bindparam("secret"), UserSession.expires_at > bindparam("now")
    )
)
"""Made once: every request asks for it."""


def find_session(session: Session, secret: str) -> User:
    """The account of a browser session. Raises NotSignedIn."""
    user = session.scalar(_SIGNED_IN, {"secret": hash_secret(secret), "now": utcnow()})
    if user is None or not user.active:
        raise NotSignedIn("the session has ended; sign in again", code="session-ended")
    return user


def end_session(session: Session, secret: str) -> None:
    session.execute(delete(UserSession).where(UserSession.secret_hash == hash_secret(secret)))


def create_token(
    session: Session, owner: User, wanted: TokenIn, *, holder_scopes: frozenset[Scope]
) -> tuple[ApiToken, str]:
    """A token and its secret. It can not do more than the one it was made with."""
    if missing := set(wanted.scopes) - holder_scopes:
        raise Forbidden(f"you do not hold the scope {min(missing)} yourself", code="scope")
    now = utcnow()
    expires_at: datetime = wanted.expires_at or now + TOKEN_LIFETIME
    if expires_at <= now:
        raise BadInput("expires_at is in the past")
    if len(list_tokens(session, owner)) >= MAX_TOKENS:
        raise Conflict(f"{MAX_TOKENS} tokens are the most; revoke one first", code="too-many")
    secret = TOKEN_PREFIX + new_secret()
    token = ApiToken(
        user_id=owner.id,
        name=wanted.name,
        secret_hash=hash_secret(secret),
        scopes=sorted(set(wanted.scopes)),
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    return token, secret


def list_tokens(session: Session, owner: User) -> list[ApiToken]:
    return list(
        session.scalars(
            select(ApiToken).where(ApiToken.user_id == owner.id).order_by(ApiToken.id.desc())
        )
    )


def revoke_token(session: Session, owner: User, token_id: int) -> None:
    token = session.get(ApiToken, token_id)
    if token is None or token.user_id != owner.id:
        raise NotFound(f"you have no token {token_id}")
    session.delete(token)


def find_token(session: Session, secret: str) -> ApiToken:
    """The token behind a Bearer header. Raises NotSignedIn."""
    now = utcnow()
    token = session.scalar(select(ApiToken).where(ApiToken.secret_hash == hash_secret(secret)))
    if token is None or not token.user.active or (token.expires_at and token.expires_at <= now):
        raise NotSignedIn("the API token is unknown, revoked or expired", code="bad-token")
    return token


def note_token_use(token: ApiToken) -> None:
    """Write down, to the minute, that a token was used: most requests need no writer's turn."""
    now = utcnow()
    if token.last_used_at is None or now - token.last_used_at > timedelta(minutes=1):
        with session_scope() as session:
            session.execute(
                update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=now)
            )
