"""What lets a request in: the secret of a browser session or of an API token, stored as its hash."""

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import func, select, union_all, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from server.db import session_scope, trouble, utcnow
from server.models import ApiToken, User, UserSession
from server.security import hash_secret
from server.settings import get_settings


def known_by(secret: str) -> dict[str, object]:
    """The parameters of `sessions.BY_SECRET` and `tokens.BY_SECRET`."""
    return {"secret": hash_secret(secret), "now": utcnow()}


def holders(session: Session, secret_hashes: Collection[str]) -> dict[str, User]:
    """Whose the sessions and tokens with these hashes are, of those that still let in.

    One statement, by the rules of `sessions.find` and `tokens.find`.
    """
    now = utcnow()
    tokens = select(ApiToken.secret_hash, ApiToken.user_id).where(
        ApiToken.secret_hash.in_(secret_hashes),
        ApiToken.expires_at.is_(None) | (ApiToken.expires_at > now),
    )
    signed_in = select(UserSession.secret_hash, UserSession.user_id).where(
        UserSession.secret_hash.in_(secret_hashes), UserSession.expires_at > now
    )
    if (idle := get_settings().session_idle) is not None:
        last_used = func.coalesce(UserSession.last_used_at, UserSession.created_at)
        signed_in = signed_in.where(last_used >= now - idle)
    began_by = now - get_settings().oidc_session_lifetime
    by_password = UserSession.identity_id.is_(None)
    signed_in = signed_in.where(by_password | (UserSession.created_at >= began_by))
    if get_settings().oidc_only:
        signed_in = signed_in.where(UserSession.identity_id.is_not(None))
    open_ones = union_all(tokens, signed_in).subquery()
    found = session.execute(
        select(open_ones.c.secret_hash, User)
        .join(User, User.id == open_ones.c.user_id)
        .where(User.active)
    )
    return {row.secret_hash: row.User for row in found}


def note_use(used: ApiToken | UserSession) -> None:
    """Write down, to the minute, that it was used: most requests need no writer's turn.

    Where nothing can be written, as on a full disk, who only looks is answered all the same.
    """
    now = utcnow()
    if used.last_used_at is not None and now - used.last_used_at <= timedelta(minutes=1):
        return
    table = type(used)
    try:
        with session_scope() as session:
            session.execute(update(table).where(table.id == used.id).values(last_used_at=now))
    except SQLAlchemyError as error:
        if trouble(error) is None:
            raise
