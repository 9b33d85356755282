"""Accounts and their passwords."""

from collections.abc import Collection, Iterable

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db import session_scope
from server.errors import BadInput, Conflict, Forbidden, NotFound, NotSignedIn, Unavailable
from server.models import ApiToken, AuditEvent, PasswordLink, User, UserSession
from server.models.user import Role
from server.schemas.user import UserChange
from server.security import (
    hash_password,
    is_hash,
    no_password,
    normalized,
    require_good,
    verify_password,
)
from server.services import audit
from server.services.accounts import guesses
from server.services.audit import Thing
from server.settings import get_settings


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


def still_opens(session: Session, user: User) -> bool:
    """Whether the account is still open by the password that was found right before."""
    now = locked(session, user.id)
    return now.active and now.password_hash == user.password_hash
