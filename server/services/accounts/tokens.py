"""API tokens: how programs are let in, by a person and for a time."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.orm import Session

from server.db import utcnow
from server.errors import BadInput, Conflict, Forbidden, NotFound, NotSignedIn
from server.models import ApiToken, AuditEvent, User, UserSession
from server.schemas.user import Scope, TokenIn
from server.security import TOKEN_PREFIX, hash_secret, new_secret
from server.services import audit
from server.services.accounts import credentials, users
from server.services.audit import Thing
from server.settings import get_settings

LIFETIME = timedelta(days=90)
MAX_TOKENS = 100


def create(
    session: Session,
    owner: User,
    wanted: TokenIn,
    *,
    holder_scopes: frozenset[Scope],
    made_with: str | None = None,
) -> tuple[ApiToken, str]:
    """A token and its secret.

    It can not do more than the session or token it was made with, whose secret has the hash
    `made_with`, and lives no longer than such a token. None stands for the operator.
    """
    if missing := set(wanted.scopes) - holder_scopes:
        raise Forbidden(f"you do not hold the scope {min(missing)} yourself", code="scope")
    if not users.locked(session, owner.id).active:
        raise Conflict(f"{owner.email} is locked out", code="locked-out")
    parent = _parent(session, made_with)
    expires_at = _expiry(wanted.expires_at, parent)
    if len(list_of(session, owner.id)) >= MAX_TOKENS:
        raise Conflict(f"{MAX_TOKENS} tokens are the most; revoke one first", code="too-many")
    secret = TOKEN_PREFIX + new_secret()
    token = ApiToken(
        user_id=owner.id,
        name=wanted.name,
        secret_hash=hash_secret(secret),
        scopes=sorted(set(wanted.scopes)),
        expires_at=expires_at,
        parent_id=parent and parent.id,
    )
    session.add(token)
    session.flush()
    made = {
        "user_id": owner.id,
        "scopes": token.scopes,
        "expires_at": token.expires_at and token.expires_at.isoformat(),
        "made_with": token.parent_id,
    }
    audit.record(session, AuditEvent.TOKEN_MADE, Thing("token", token.id), after=made)
    return token, secret


def _parent(session: Session, secret_hash: str | None) -> ApiToken | None:
    """The token with which another is made, if it is one. Raises NotSignedIn when it has ended."""
    if secret_hash is None:
        return None
    found = select(ApiToken).where(ApiToken.secret_hash == secret_hash)
    # Held, so that it is not revoked before its child is there, which would then outlive it.
    token = session.scalar(found.with_for_update(key_share=True, of=ApiToken))
    lives = select(UserSession.id).where(UserSession.secret_hash == secret_hash)
    if token is None and session.scalar(lives) is None:
        raise NotSignedIn("the session has ended; sign in again", code="session-ended")
    return token


def _expiry(wanted: datetime | None, parent: ApiToken | None) -> datetime:
    """When a new token ends: as wanted, but no later than its parent and the longest there is.

    Raises BadInput when that would be in the past.
    """
    now = utcnow()
    if wanted is not None and wanted <= now:
        raise BadInput("expires_at is in the past")
    longest = now + get_settings().max_token_lifetime
    ends = parent.expires_at if parent and parent.expires_at else longest
    return min(wanted or now + LIFETIME, longest, ends)


BY_SECRET = select(ApiToken).where(
    ApiToken.secret_hash == bindparam("secret"),
    or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > bindparam("now")),
)
"""Made once: every request asks for it."""


def find(session: Session, secret: str) -> ApiToken:
    """The token behind a Bearer header. Raises NotSignedIn."""
    return require_valid(session.scalar(BY_SECRET, credentials.known_by(secret)))


def require_valid(found: ApiToken | None) -> ApiToken:
    """What `BY_SECRET` found, if it lets in. Raises NotSignedIn."""
    if found is None or not found.user.active:
        raise NotSignedIn("the API token is unknown, revoked or expired", code="bad-token")
    return found


def list_of(session: Session, owner_id: int) -> list[ApiToken]:
    """The tokens of a person, newest first."""
    return list(
        session.scalars(
            select(ApiToken).where(ApiToken.user_id == owner_id).order_by(ApiToken.id.desc())
        )
    )


def revoke(session: Session, owner_id: int, token_id: int) -> None:
    """End a token of a person, with those that it made. Raises NotFound."""
    with_it = _made_with(session, owner_id, token_id)
    mine = (ApiToken.id == token_id) & (ApiToken.user_id == owner_id)
    if session.scalar(delete(ApiToken).where(mine).returning(ApiToken.id)) is None:
        raise NotFound(f"there is no such token {token_id}")
    for each in (token_id, *with_it):
        ended = {"user_id": owner_id}
        audit.record(session, AuditEvent.TOKEN_ENDED, Thing("token", each), before=ended)


def _made_with(session: Session, owner_id: int, token_id: int) -> list[int]:
    """The tokens that a token has made, and those that they have made: they end with it."""
    parents = select(ApiToken.id, ApiToken.parent_id).where(ApiToken.user_id == owner_id)
    found: list[int] = []
    # A token is made after its parent.
    for each, parent in session.execute(parents.order_by(ApiToken.id)):
        if parent is not None and parent in (token_id, *found):
            found.append(each)
    return found
