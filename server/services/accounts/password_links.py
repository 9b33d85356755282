"""Links by which people set their password, once: invitations, and for who forgot theirs."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from server.db import session_scope, utcnow
from server.errors import Conflict, NotFound
from server.models import AuditEvent, PasswordLink, User
from server.security import hash_password, hash_secret, new_secret, require_good
from server.services import audit
from server.services.accounts import users
from server.services.audit import Thing

LIFETIME = timedelta(hours=48)


def make(session: Session, user_id: int) -> tuple[str, datetime]:
    """A link's secret, and when it ends; earlier ones of the person end now.

    Raises Conflict, and Forbidden where no passwords are.
    """
    users.require_passwords()
    user = users.locked(session, user_id)
    if not user.active:
        raise Conflict(f"{user.email} is locked out", code="locked-out")
    now = utcnow()
    old = (PasswordLink.user_id == user.id) | (PasswordLink.expires_at < now)
    session.execute(delete(PasswordLink).where(old))
    secret, expires_at = new_secret(), now + LIFETIME
    session.add(
        PasswordLink(user_id=user.id, secret_hash=hash_secret(secret), expires_at=expires_at)
    )
    after = {"expires_at": expires_at.isoformat()}
    audit.record(session, AuditEvent.PASSWORD_LINK_MADE, Thing("user", user.id), after=after)
    return secret, expires_at


def find(session: Session, secret: str) -> User:
    """Whose password a link sets. Raises NotFound, and Forbidden where no passwords are."""
    users.require_passwords()
    link = session.scalar(
        select(PasswordLink).where(
            PasswordLink.secret_hash == hash_secret(secret), PasswordLink.expires_at > utcnow()
        )
    )
    if link is None or not link.user.active:
        raise NotFound("this link has been used or has ended; ask for a new one", code="no-link")
    return link.user


def use(secret: str, password: str) -> User:
    """Set the password. Ends the link, and all sessions and tokens there were.

    Raises NotFound, or BadInput for a password that is easily guessed.
    """
    with session_scope(read_only=True) as session:
        user = find(session, secret)
    require_good(password, user.email)
    password_hash = hash_password(password)
    with session_scope() as session:
        stored = users.locked(session, user.id)
        find(session, secret)  # it may have been used, or the person locked out, meanwhile
        users.set_password(session, stored, password_hash)
    return stored
