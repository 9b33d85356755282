"""Signing in with a password: guesses are counted, hashing waits for its place, a session begins."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from anyio.to_thread import run_sync
from sqlalchemy.orm import Session

from server.db import session_scope, utcnow
from server.errors import NotSignedIn, Unavailable
from server.models import User
from server.security import Checked, check_password, new_secret, opened, signed
from server.services.accounts import guesses, second_factor, sessions, users
from server.services.accounts.guesses import Limit
from server.services.accounts.sessions import Browser

DEVICE_COOKIE = "weakseg_device"
DEVICE_LIFETIME = timedelta(days=180)


@dataclass(frozen=True)
class Entered:
    """A browser that was let in, and what it is given to keep."""

    user: User
    session_secret: str
    device: str
    """Shown at the next sign-in, it says that this person was signed in here before."""


@dataclass(frozen=True)
class _Attempt:
    """A guess that was counted."""

    user: User | None
    limits: tuple[Limit, ...]
    counted: list[int]


async def enter(
    email: str, password: str, browser: Browser, device: str | None, code: str | None = None
) -> Entered:
    """Sign somebody in, with the code of their second factor if they have one.

    Raises TooManyAttempts, NotSignedIn, or Unavailable when too many others are at it; Forbidden
    where no passwords are.
    """
    users.require_passwords()
    attempt = await run_sync(_begin, email, browser, device)
    is_open = attempt.user is not None and attempt.user.active
    stored = attempt.user.password_hash if attempt.user and is_open else None
    try:
        checked = await check_password(password, stored)
    except Unavailable:
        await run_sync(_withdraw, attempt)
        raise
    return await run_sync(_finish, attempt, checked, browser, code)


def _begin(email: str, browser: Browser, device: str | None) -> _Attempt:
    with session_scope(read_only=True) as session:
        user = users.find_by_email(session, email)
    known = _known_device(user, device) if user and device else None
    limits = guesses.limits_of_sign_in(email, browser.address, known)
    return _Attempt(user, limits, guesses.count(limits))


def _withdraw(attempt: _Attempt) -> None:
    with session_scope() as session:
        guesses.take_back(session, attempt.counted)


def _finish(attempt: _Attempt, checked: Checked, browser: Browser, code: str | None) -> Entered:
    user = attempt.user
    wrong = NotSignedIn("the e-mail address or the password is wrong", code="wrong-credentials")
    if user is None or not checked.is_right:
        reason = "password" if user else "unknown-account"
        users.note_failure(reason, attempt.limits, attempt.counted, user.id if user else None)
        raise wrong
    counted = _count_code(attempt, user, code) if user.has_second_factor else []
    with session_scope() as session:
        if not users.still_opens(session, user):
            raise wrong
        is_code = second_factor.takes(session, user.id, code or "")
        if is_code:
            return _let_in(session, user, attempt, counted, checked, browser)
    limits = guesses.limits_of_code(user.id)
    users.note_failure("code", limits, counted, user.id)
    raise NotSignedIn("the code is wrong, or was used before", code="wrong-code")


def _let_in(
    session: Session,
    user: User,
    attempt: _Attempt,
    counted: list[int],
    checked: Checked,
    browser: Browser,
) -> Entered:
    guesses.take_back(session, [*attempt.counted, *counted], cleared=attempt.limits[0])
    guesses.forget_old(session)
    user = users.get(session, user.id)
    user.password_hash = checked.anew or user.password_hash
    secret = sessions.start(session, user, browser)
    return Entered(user, secret, mark_of_device(user))


def _count_code(attempt: _Attempt, user: User, code: str | None) -> list[int]:
    """Count a guess at a code. Raises NotSignedIn when none was said, and TooManyAttempts."""
    if not code:
        _withdraw(attempt)
        raise NotSignedIn("the code of your authenticator app is needed", code="second-factor")
    return second_factor.count_code(user)


def mark_of_device(user: User) -> str:
    """What a browser keeps to be known at the next sign-in; a new password ends it."""
    return signed(f"{user.id}.{utcnow().timestamp():.0f}.{new_secret()}", user.password_hash)


def _known_device(user: User, mark: str) -> str | None:
    """The name of a device on which this person was signed in not long ago."""
    text = opened(mark, user.password_hash)
    if text is None:
        return None
    user_id, since, name = text.split(".", 2)
    began = datetime.fromtimestamp(int(since), tz=utcnow().tzinfo)
    return name if int(user_id) == user.id and utcnow() - began < DEVICE_LIFETIME else None
