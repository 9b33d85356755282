"""Browser sessions: begun when somebody signs in, shown by a cookie, ended one by one."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from server.db import session_scope, utcnow
from server.errors import NotFound, NotSignedIn
from server.models import AuditEvent, Identity, User, UserSession
from server.security import hash_secret, new_secret
from server.services import audit
from server.services.accounts import credentials
from server.services.audit import Thing
from server.settings import get_settings

COOKIE = "weakseg_session"


@dataclass(frozen=True)
class Browser:
    """Where somebody signs in from: an address, and what the program calls itself."""

    address: str = "unknown"
    name: str = ""


def start(
    session: Session,
    user: User,
    browser: Browser = Browser(),
    *,
    identity: Identity | None = None,
    second_factor: bool = False,
) -> str:
    """A new browser session; returns its secret. Clears away what has run out.

    `identity`: by which an OpenID provider has signed the person in, with a second factor or not.
    """
    secret = new_secret()
    now = utcnow()
    session.execute(delete(UserSession).where(UserSession.expires_at < now))
    started = UserSession(
        user_id=user.id,
        secret_hash=hash_secret(secret),
        expires_at=now + lifetime(by_provider=identity is not None),
        last_used_at=now,
        address=browser.address[:100],
        browser="".join(filter(str.isprintable, browser.name))[:200],
        identity_id=identity and identity.id,
        second_factor=second_factor,
    )
    session.add(started)
    session.flush()
    who = replace(audit.actor(), user_id=user.id, session_id=started.id, token_id=None)
    after = None if identity is None else {"identity": identity.id}
    audit.record(session, AuditEvent.SIGNED_IN, Thing("user", user.id), after=after, by=who)
    return secret


def lifetime(*, by_provider: bool) -> timedelta:
    """How long a browser stays signed in that has signed in now."""
    settings = get_settings()
    longest = settings.session_lifetime
    return min(longest, settings.oidc_session_lifetime) if by_provider else longest


BY_SECRET = select(UserSession).where(
    UserSession.secret_hash == bindparam("secret"), UserSession.expires_at > bindparam("now")
)
"""Made once: every request asks for it."""


def find(session: Session, secret: str) -> UserSession:
    """The browser session with its account. Raises NotSignedIn."""
    return require_open(session.scalar(BY_SECRET, credentials.known_by(secret)))


def require_open(found: UserSession | None) -> UserSession:
    """What `BY_SECRET` found, if it lets in. Raises NotSignedIn."""
    if found is None or not found.user.active or not _is_kept(found, utcnow()):
        raise NotSignedIn("the session has ended; sign in again", code="session-ended")
    return found


def _is_kept(found: UserSession, now: datetime) -> bool:
    """Whether the settings still let a session be: its age without use, and how it was begun."""
    settings = get_settings()
    if settings.oidc_only and found.identity_id is None:
        return False
    if found.identity_id is not None and now - found.created_at > settings.oidc_session_lifetime:
        return False
    idle = settings.session_idle
    return idle is None or now - (found.last_used_at or found.created_at) <= idle


def list_of(session: Session, owner_id: int) -> list[UserSession]:
    """The sessions of a person that have not run out, newest first."""
    now = utcnow()
    found = session.scalars(
        select(UserSession)
        .where(UserSession.user_id == owner_id, UserSession.expires_at > now)
        .order_by(UserSession.id.desc())
    )
    return [each for each in found if _is_kept(each, now)]


def revoke(session: Session, owner_id: int, session_id: int) -> None:
    """End one session of a person. Raises NotFound."""
    mine = (UserSession.id == session_id) & (UserSession.user_id == owner_id)
    if session.scalar(delete(UserSession).where(mine).returning(UserSession.id)) is None:
        raise NotFound(f"there is no such session {session_id}")
    ended = {"user_id": owner_id}
    audit.record(session, AuditEvent.SESSION_ENDED, Thing("session", session_id), before=ended)


def end(session: Session, secret: str) -> None:
    """Sign out: end the session with this secret, if there is one."""
    mine = delete(UserSession).where(UserSession.secret_hash == hash_secret(secret))
    ended = session.execute(mine.returning(UserSession.id, UserSession.user_id)).one_or_none()
    if ended is not None:
        who = replace(audit.actor(), user_id=ended.user_id, session_id=ended.id)
        on = Thing("session", ended.id)
        audit.record(
            session, AuditEvent.SESSION_ENDED, on, before={"user_id": ended.user_id}, by=who
        )


def sign_out(secret: str) -> bool:
    """End the session with this secret; whether an OpenID provider had begun it."""
    with session_scope() as session:
        begun_by = select(UserSession.identity_id).where(
            UserSession.secret_hash == hash_secret(secret)
        )
        identity_id = session.scalar(begun_by)
        end(session, secret)
    return identity_id is not None
