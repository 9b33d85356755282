"""A second factor: codes of half a minute from an authenticator app (TOTP, RFC 6238)."""

import hmac
import io
from dataclasses import dataclass

import pyotp
import segno
from sqlalchemy.orm import Session

from server.db import session_scope, utcnow
from server.errors import BadInput, Conflict
from server.models import AuditEvent, User, UserSession
from server.models.user import Role
from server.services import audit, guesses, users
from server.services.audit import Thing
from server.settings import get_settings

ISSUER = "weakseg"
SECONDS = 30
CLOCKS_DIFFER = (0, -1, 1)
"""Half minutes by which the clock of the app may be off."""


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
    """Make a secret the person's second factor, in place of an earlier one.

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
        on = Thing("user", user.id)
        audit.record(session, AuditEvent.SECOND_FACTOR_SET, on, before=before)


def remove(session: Session, user_id: int) -> None:
    """Take somebody's second factor away: for who has lost the app."""
    user = users.get(session, user_id)
    before = {"had_one": user.has_second_factor}
    user.totp_secret = user.totp_step = None
    audit.record(session, AuditEvent.SECOND_FACTOR_REMOVED, Thing("user", user.id), before=before)


def count_code(user: User) -> list[int]:
    """Count a guess at a code. Raises TooManyAttempts."""
    return guesses.count(guesses.limits_of_code(user.id))


def takes(session: Session, user_id: int, code: str) -> bool:
    """Whether a code is right; each is taken once. The account's row must be held."""
    user = users.get(session, user_id)
    if user.totp_secret is None:
        return True
    step = _step_of(user.totp_secret, code, after=user.totp_step)
    if step is not None:
        user.totp_step = step
    return step is not None


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
