"""Accounts, sign-in, sessions and API tokens."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, or_, select, union_all, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from server.db import session_scope, trouble, utcnow
from server.errors import BadInput, Conflict, Forbidden, NotFound, NotSignedIn, Unavailable
from server.models import ApiToken, AuditEvent, Identity, PasswordLink, User, UserSession
from server.models.user import Role
from server.schemas.user import Scope, TokenIn, UserChange
from server.security import (
    TOKEN_PREFIX,
    hash_password,
    hash_secret,
    is_hash,
    new_secret,
    no_password,
    normalized,
    require_good,
    verify_password,
)
from server.services import audit, guesses
from server.services.audit import Thing
from server.settings import get_settings

SESSION_COOKIE = "weakseg_session"
DEVICE_COOKIE = "weakseg_device"
TOKEN_LIFETIME = timedelta(days=90)
MAX_TOKENS = 100


def create(
    session: Session, email: str, password: str | None, role: Role, *, must_change: bool = False
) -> User:
    """A new account; without a password nobody opens it until a link has set one.

    Raises Conflict when the address is taken, and BadInput for a password that is easily guessed.
    """
    if password is None:
        password_hash = no_password()
    else:
        require_good(password, email)
        password_hash = hash_password(password)
    user = User(
        email=email.strip().lower(),
        password_hash=password_hash,
        role=role,
        must_change_password=must_change and password is not None,
    )
    session.add(user)
    try:
        session.flush()
    except IntegrityError as error:
        raise Conflict(f"there is already an account for {email}", code="email-taken") from error
    audit.record(session, AuditEvent.USER_MADE, Thing("user", user.id), after={"role": role})
    return user


def find_by_email(session: Session, email: str) -> User | None:
    """The account with an address, however its letters are typed."""
    if "\0" in email:
        return None  # PostgreSQL would refuse to look for it
    named = User.email == email.strip().lower()
    return session.scalar(select(User).where(named, User.deleted_at.is_(None)))


def get(session: Session, user_id: int) -> User:
    """Raises NotFound, for who was deleted too."""
    user = session.get(User, user_id)
    if user is None or user.deleted_at is not None:
        raise NotFound(f"there is no user {user_id}")
    return user


def list_all(session: Session) -> list[User]:
    """All accounts, those that are locked out too, by address."""
    return list(session.scalars(select(User).where(User.deleted_at.is_(None)).order_by(User.email)))


def change(session: Session, user_id: int, wanted: UserChange) -> User:
    """Change role, activity or password.

    A changed password or a lock-out ends all sessions and tokens, for good. Raises Conflict when
    the last active admin would be lost, and BadInput for a password that is easily guessed.
    """
    password_hash = None
    if wanted.password is not None:
        with session_scope(read_only=True) as looking:
            email = get(looking, user_id).email
        require_good(wanted.password.get_secret_value(), email)
        # Before the lock: nobody else's change waits for it.
        password_hash = hash_password(wanted.password.get_secret_value())
    if wanted.role not in (None, Role.ADMIN) or wanted.active is False:
        _lock_admins(session)
    user = locked(session, user_id)
    if wanted.role is not None:
        _change_role(session, user, wanted.role)
    if wanted.active is not None and wanted.active != user.active:
        what = AuditEvent.USER_UNLOCKED if wanted.active else AuditEvent.USER_LOCKED
        audit.record(session, what, Thing("user", user.id))
        user.active = wanted.active
    if password_hash is not None:
        set_password(session, user, password_hash, must_change=wanted.must_change)
    if wanted.active is False:
        end_all_access(session, user.id)
    session.flush()
    _require_an_admin(session)
    return user


def lock_out_for_good(session: Session, user_id: int) -> User:
    """The account, locked, without a way in. Raises NotFound, Conflict for the last active admin."""
    _lock_admins(session)
    user = locked(session, user_id)
    user.active = False
    end_all_access(session, user_id)
    session.flush()
    _require_an_admin(session)
    return user


def _require_an_admin(session: Session) -> None:
    admins = select(func.count()).where(User.role == Role.ADMIN, User.active)
    if not session.scalar(admins):
        raise Conflict("this is the last active admin", code="last-admin")


def _change_role(session: Session, user: User, role: Role) -> None:
    if user.role == role:
        return
    before, after = {"role": user.role}, {"role": role}
    audit.record(
        session, AuditEvent.ROLE_CHANGED, Thing("user", user.id), before=before, after=after
    )
    user.role = role


def _lock_admins(session: Session) -> None:
    """Until this transaction ends, whoever else would take one of them away waits.

    Else two who take each other away at once would both still see the other.
    """
    active = select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id)
    session.execute(active.with_for_update(key_share=True))


def locked(session: Session, user_id: int) -> User:
    """The account as it is now; until this transaction ends nobody else changes it or gives it access.

    Whoever gives access takes this first and looks again whether it may: else a session or token
    could come to be just after all of them were ended.
    """
    # Without "key share" it would wait for everybody who writes a row that names the account.
    lock = {"key_share": True}
    user = session.get(User, user_id, with_for_update=lock, populate_existing=True)
    if user is None or user.deleted_at is not None:
        raise NotFound(f"there is no user {user_id}")
    return user


def set_password(
    session: Session, user: User, password_hash: str, *, must_change: bool = False
) -> None:
    """Give an account a new password, which ends all of its sessions, tokens and links."""
    user.password_hash = password_hash
    user.must_change_password = must_change
    audit.record(
        session, AuditEvent.PASSWORD_SET, Thing("user", user.id), after={"must_change": must_change}
    )
    end_all_access(session, user.id)


def end_all_access(session: Session, user_id: int) -> None:
    """End every session, token and link of a person, those too that are made at this moment."""
    locked(session, user_id)
    sessions = session.scalars(
        delete(UserSession).where(UserSession.user_id == user_id).returning(UserSession.id)
    )
    tokens = session.scalars(
        delete(ApiToken).where(ApiToken.user_id == user_id).returning(ApiToken.id)
    )
    ended = {"sessions": sorted(sessions), "tokens": sorted(tokens)}
    audit.record(session, AuditEvent.ACCESS_ENDED, Thing("user", user_id), before=ended)
    session.execute(delete(PasswordLink).where(PasswordLink.user_id == user_id))


def has_password(user: User) -> bool:
    """Whether a password opens the account."""
    return is_hash(user.password_hash) and not get_settings().oidc_only


def must_change_password(user: User, signed_in: UserSession | None) -> bool:
    """Whether that comes before anything else: in a session that was begun with the password."""
    by_provider = signed_in is not None and signed_in.identity_id is not None
    return user.must_change_password and not by_provider


def require_passwords() -> None:
    """Raise Forbidden where people sign in at an OpenID provider alone."""
    if get_settings().oidc_only:
        raise Forbidden(
            "passwords are switched off here (WEAKSEG_OIDC_ONLY): people sign in at the provider",
            code="no-passwords",
        )


def change_password(session: Session, user: User, current: str, new: str) -> User:
    """One's own password. Ends all of one's sessions and tokens.

    Raises what `require_own_password` does, and BadInput for one that is easily guessed or the
    same.
    """
    require_passwords()
    require_own_password(user, current)
    require_good(new, user.email)
    if normalized(new) == normalized(current):
        raise BadInput("the new password is the current one", code="same-password")
    password_hash = hash_password(new)
    if not still_opens(session, user):
        raise NotSignedIn("the session has ended; sign in again", code="session-ended")
    stored = get(session, user.id)
    set_password(session, stored, password_hash)
    return stored


def require_own_password(user: User, current: str) -> None:
    """Raise Forbidden unless it is the person's password. Not for within a transaction.

    Guesses are counted, as those at the door are: raises TooManyAttempts.
    """
    limits = guesses.limits_of_own_password(user.id)
    counted = guesses.count(limits)
    try:
        is_right = verify_password(current, user.password_hash)
    except Unavailable:
        with session_scope() as session:
            guesses.take_back(session, counted)
        raise
    if not is_right:
        note_failure("own-password", limits, counted, user.id)
        raise Forbidden("the current password is wrong", code="wrong-password")
    with session_scope() as session:
        guesses.take_back(session, counted, cleared=limits[0])


def note_failure(
    reason: str, limits: Iterable[guesses.Limit], counted: Collection[int], user_id: int | None
) -> None:
    """Write into the audit log that a guess was wrong, and whether no more are taken now.

    Not what was typed: it may be a password, or the address of somebody who has no account.
    """
    who = None if user_id is None else Thing("user", user_id)
    with session_scope() as session:
        audit.record(session, AuditEvent.SIGN_IN_FAILED, who, after={"reason": reason})
        for limit in guesses.filled(session, limits, counted):
            kind = limit.subject.partition(":")[0]
            audit.record(session, AuditEvent.SIGN_IN_LOCKED, who, after={"by": kind})


@dataclass(frozen=True)
class Browser:
    """Where somebody signs in from: an address, and what the program calls itself."""

    address: str = "unknown"
    name: str = ""


def still_opens(session: Session, user: User) -> bool:
    """Whether the account is still open by the password that was found right before."""
    now = locked(session, user.id)
    return now.active and now.password_hash == user.password_hash


def start_session(
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
        expires_at=now + session_lifetime(by_provider=identity is not None),
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


def session_lifetime(*, by_provider: bool) -> timedelta:
    """How long a browser stays signed in that has signed in now."""
    settings = get_settings()
    longest = settings.session_lifetime
    return min(longest, settings.oidc_session_lifetime) if by_provider else longest


SIGNED_IN = select(UserSession).where(
    UserSession.secret_hash == bindparam("secret"), UserSession.expires_at > bindparam("now")
)
"""Made once: every request asks for it."""
WITH_TOKEN = select(ApiToken).where(
    ApiToken.secret_hash == bindparam("secret"),
    or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > bindparam("now")),
)


def find_session(session: Session, secret: str) -> UserSession:
    """The browser session with its account. Raises NotSignedIn."""
    return require_open(session.scalar(SIGNED_IN, known_by(secret)))


def find_token(session: Session, secret: str) -> ApiToken:
    """The token behind a Bearer header. Raises NotSignedIn."""
    return require_valid(session.scalar(WITH_TOKEN, known_by(secret)))


def known_by(secret: str) -> dict[str, object]:
    """The parameters of `SIGNED_IN` and `WITH_TOKEN`."""
    return {"secret": hash_secret(secret), "now": utcnow()}


def require_open(found: UserSession | None) -> UserSession:
    """What `SIGNED_IN` found, if it lets in. Raises NotSignedIn."""
    if found is None or not found.user.active or not _is_kept(found, utcnow()):
        raise NotSignedIn("the session has ended; sign in again", code="session-ended")
    return found


def require_valid(found: ApiToken | None) -> ApiToken:
    """What `WITH_TOKEN` found, if it lets in. Raises NotSignedIn."""
    if found is None or not found.user.active:
        raise NotSignedIn("the API token is unknown, revoked or expired", code="bad-token")
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


def list_sessions(session: Session, owner_id: int) -> list[UserSession]:
    """The sessions of a person that have not run out, newest first."""
    now = utcnow()
    found = session.scalars(
        select(UserSession)
        .where(UserSession.user_id == owner_id, UserSession.expires_at > now)
        .order_by(UserSession.id.desc())
    )
    return [each for each in found if _is_kept(each, now)]


def revoke_session(session: Session, owner_id: int, session_id: int) -> None:
    """End one session of a person. Raises NotFound."""
    mine = (UserSession.id == session_id) & (UserSession.user_id == owner_id)
    if session.scalar(delete(UserSession).where(mine).returning(UserSession.id)) is None:
        raise NotFound(f"there is no such session {session_id}")
    ended = {"user_id": owner_id}
    audit.record(session, AuditEvent.SESSION_ENDED, Thing("session", session_id), before=ended)


def end_session(session: Session, secret: str) -> None:
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
        end_session(session, secret)
    return identity_id is not None


def create_token(
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
    if not locked(session, owner.id).active:
        raise Conflict(f"{owner.email} is locked out", code="locked-out")
    parent = _token_made_with(session, made_with)
    expires_at = _expiry(wanted.expires_at, parent)
    if len(list_tokens(session, owner.id)) >= MAX_TOKENS:
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


def _token_made_with(session: Session, secret_hash: str | None) -> ApiToken | None:
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
    return min(wanted or now + TOKEN_LIFETIME, longest, ends)


def list_tokens(session: Session, owner_id: int) -> list[ApiToken]:
    """The tokens of a person, newest first."""
    return list(
        session.scalars(
            select(ApiToken).where(ApiToken.user_id == owner_id).order_by(ApiToken.id.desc())
        )
    )


def revoke_token(session: Session, owner_id: int, token_id: int) -> None:
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


def holders(session: Session, secret_hashes: Collection[str]) -> dict[str, User]:
    """Whose the sessions and tokens with these hashes are, of those that still let in.

    One statement, by the rules of `find_session` and `find_token`.
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
