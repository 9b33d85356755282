"""A second factor: codes of half a minute from an authenticator app (TOTP, RFC 6238).

For who has lost the app there are recovery codes, each of which is taken once in place of one of these.
"""

import hmac
import io
import secrets
from dataclasses import dataclass, replace
from datetime import datetime

import pyotp
import segno
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from server.db import session_scope, utcnow
from server.errors import BadInput, Conflict
from server.models import AuditEvent, RecoveryCode, User, UserSession
from server.models.user import Role
from server.security import hash_secret
from server.services import audit
from server.services.accounts import guesses, users
from server.services.audit import Thing
from server.settings import get_settings

ISSUER = "weakseg"
SECONDS = 30
CLOCKS_DIFFER = (0, -1, 1)
"""Half minutes by which the clock of the app may be off."""


RECOVERY_CODES = 10
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of recovery codes: none that looks like another."""
GROUPS, GROUP = 4, 4
"""16 letters of 31 are 79 bits: as with tokens, a plain hash of one is as good as a slow one."""


@dataclass(frozen=True)
class Offer:
    """A secret for an app, as text, as an address and as a picture of that."""

    secret: str
    uri: str
    picture: str
    """A QR code, as SVG."""


def offer(user: User) -> Offer:
    """A new secret; nothing is stored until a code of it is shown.

    Raises Forbidden where no passwords are: what else is asked for, the provider asks for.
    """
    users.require_passwords()
    secret = pyotp.random_base32()
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)
    drawn = io.BytesIO()
    segno.make(uri).save(drawn, kind="svg", scale=4, border=4, light="#fff", xmldecl=False)
    return Offer(secret, uri, drawn.getvalue().decode())


def enrol(user: User, password: str, secret: str, code: str) -> None:
    """Make a secret the person's second factor, in place of an earlier one and its recovery codes.

    Raises Forbidden when the password is wrong, BadInput when the code is, TooManyAttempts.
    """
    users.require_passwords()
    users.require_own_password(user, password)
    step = _step_of(secret, code, after=None)
    if step is None:
        raise BadInput("that is not the code that the app shows now", code="wrong-code")
    with session_scope() as session:
        if not users.still_opens(session, user):
            raise Conflict("the account was changed meanwhile; try again", code="changed")
        stored = users.get(session, user.id)
        before = {"had_one": stored.has_second_factor}
        stored.totp_secret, stored.totp_step = secret, step
        _forget_recovery_codes(session, user.id)
        on = Thing("user", user.id)
        audit.record(session, AuditEvent.SECOND_FACTOR_SET, on, before=before)


def remove(session: Session, user_id: int) -> None:
    """Take somebody's second factor away: for who has lost the app."""
    user = users.get(session, user_id)
    before = {"had_one": user.has_second_factor}
    user.totp_secret = user.totp_step = None
    _forget_recovery_codes(session, user_id)
    audit.record(session, AuditEvent.SECOND_FACTOR_REMOVED, Thing("user", user.id), before=before)


def count_code(user: User) -> list[int]:
    """Count a guess at a code. Raises TooManyAttempts."""
    return guesses.count(guesses.limits_of_code(user.id))


def takes(session: Session, user_id: int, code: str) -> bool:
    """Whether a code is right, of the app or for recovery; each is taken once.

    The account's row must be held.
    """
    user = users.get(session, user_id)
    if user.totp_secret is None:
        return True
    step = _step_of(user.totp_secret, code, after=user.totp_step)
    if step is None:
        return _takes_recovery_code(session, user_id, code)
    user.totp_step = step
    return True


def _takes_recovery_code(session: Session, user_id: int, code: str) -> bool:
    used = session.scalar(
        delete(RecoveryCode)
        .where(RecoveryCode.user_id == user_id, RecoveryCode.code_hash == _hash_of(code))
        .returning(RecoveryCode.id)
    )
    if used is None:
        return False
    after = {"left": recovery_codes(session, user_id).left}
    on, who = Thing("user", user_id), replace(audit.actor(), user_id=user_id)
    audit.record(session, AuditEvent.RECOVERY_CODE_USED, on, after=after, by=who)
    return True


@dataclass(frozen=True)
class RecoveryCodes:
    """What is known of a person's recovery codes: not which they are."""

    left: int
    made_at: datetime | None


def recovery_codes(session: Session, user_id: int) -> RecoveryCodes:
    """How many codes of a person are left to be used, and since when."""
    query = select(func.count(), func.min(RecoveryCode.created_at))
    left, made_at = session.execute(query.where(RecoveryCode.user_id == user_id)).one()
    return RecoveryCodes(left, made_at)


def draw_recovery_codes(user: User, password: str) -> list[str]:
    """New codes in place of all that are there. They are in this answer alone: hashes are stored.

    Raises Forbidden when the password is wrong, TooManyAttempts, Conflict `no-second-factor`.
    """
    users.require_own_password(user, password)
    codes = [_new_code() for _ in range(RECOVERY_CODES)]
    with session_scope() as session:
        if not users.still_opens(session, user):
            raise Conflict("the account was changed meanwhile; try again", code="changed")
        if not users.get(session, user.id).has_second_factor:
            raise Conflict("set up a second factor first", code="no-second-factor")
        before = {"left": _forget_recovery_codes(session, user.id)}
        session.add_all(RecoveryCode(user_id=user.id, code_hash=_hash_of(code)) for code in codes)
        after = {"left": len(codes)}
        on = Thing("user", user.id)
        audit.record(session, AuditEvent.RECOVERY_CODES_MADE, on, before=before, after=after)
    return codes


def _new_code() -> str:
    groups = ("".join(secrets.choice(LETTERS) for _ in range(GROUP)) for _ in range(GROUPS))
    return "-".join(groups)


def _hash_of(code: str) -> str:
    """Of a code as it may be typed: with spaces for dashes, or in capitals."""
    return hash_secret("".join(code.replace("-", " ").split()).lower())


def _forget_recovery_codes(session: Session, user_id: int) -> int:
    """Remove a person's codes; gives how many they were."""
    gone = delete(RecoveryCode).where(RecoveryCode.user_id == user_id).returning(RecoveryCode.id)
    return len(session.scalars(gone).all())


def _step_of(secret: str, code: str, after: int | None) -> int | None:
    """The half minute whose code this is, if it is near and later than another."""
    totp = pyotp.TOTP(secret)
    now = int(utcnow().timestamp()) // SECONDS
    typed = "".join(code.split())
    for step in (now + offset for offset in CLOCKS_DIFFER):
        is_code = hmac.compare_digest(totp.at(step * SECONDS).encode(), typed.encode())
        if is_code and (after is None or step > after):
            return step
    return None


def is_missing(user: User, signed_in: UserSession | None) -> bool:
    """Whether the person has to show one before anything else, in a session of theirs.

    Who comes with a password sets one up here; of who comes from an OpenID provider, the provider
    has asked for one.
    """
    if not (get_settings().admins_need_second_factor and user.role == Role.ADMIN):
        return False
    if signed_in is not None and signed_in.identity_id is not None:
        return not signed_in.second_factor
    return not user.has_second_factor
