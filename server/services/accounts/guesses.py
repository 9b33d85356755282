"""How many guesses at a password are let through, and from where.

A guess is counted before it is looked at, so that many at once are no more than one after the other;
the right one is taken back. Counts are in the database: they hold for all processes together.
"""

import hashlib
import ipaddress
import math
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from server.db import is_postgresql, session_scope, utcnow
from server.errors import TooManyAttempts
from server.models import SignInFailure
from server.settings import get_settings

LOCK = 0x67756573
WIDER = 10
"""So many times as many guesses, from all addresses together or at all accounts from one."""


@dataclass(frozen=True)
class Limit:
    """So many guesses about one thing within the time of the settings."""

    subject: str
    most: int


def limits_of_sign_in(email: str, address: str, device: str | None) -> tuple[Limit, ...]:
    """What limits a sign-in: the first is its own, which the right password clears.

    From a `device` on which the person was signed in before, what others guess does not count: who
    locks an account by guessing locks it for strangers alone.
    """
    most = get_settings().sign_in_attempts
    if device is not None:
        return (_limit(f"device:{device}", most),)
    account, network = email.strip().lower(), _network(address)
    return (
        _limit(f"from:{network} {account}", most),
        _limit(f"email:{account}", WIDER * most),
        _limit(f"address:{network}", WIDER * most),
    )


def limits_of_own_password(user_id: int) -> tuple[Limit, ...]:
    """What limits somebody who is signed in and says their current password."""
    return (_limit(f"own:{user_id}", get_settings().sign_in_attempts),)


def limits_of_code(user_id: int) -> tuple[Limit, ...]:
    """What limits codes of a second factor, of who knows the password."""
    return (_limit(f"code:{user_id}", get_settings().sign_in_attempts),)


def limits_of_provider(address: str) -> tuple[Limit, ...]:
    """What limits those who come from an OpenID provider: many may, of one company's address."""
    most = WIDER * get_settings().sign_in_attempts
    return (_limit(f"provider:{_network(address)}", most),)


def _limit(subject: str, most: int) -> Limit:
    return Limit(subject[:400], most)


def _network(address: str) -> str:
    """An address as it is counted: of IPv6 the /64, which is one customer's."""
    with suppress(ValueError):
        ip = ipaddress.ip_address(address)
        if isinstance(ip, ipaddress.IPv4Address):
            return str(ip)
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip), 64), strict=False))
    return address


def count(limits: Sequence[Limit]) -> list[int]:
    """Count one guess against all limits, or none; gives the ids to take it back by.

    Raises TooManyAttempts where it is one too many.
    """
    with session_scope(read_only=True) as session:
        _refuse(session, limits)  # most are refused here, which takes no writer's turn
    with session_scope() as session:
        _lock(session, limits)
        _refuse(session, limits)
        rows = [SignInFailure(subject=limit.subject) for limit in limits]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def _lock(session: Session, limits: Iterable[Limit]) -> None:
    """Until this transaction ends nobody else counts any of these. On SQLite writers queue."""
    if not is_postgresql(session):
        return
    digests = (hashlib.sha256(limit.subject.encode()).digest() for limit in limits)
    keys = {int.from_bytes(digest[:4], "big", signed=True) for digest in digests}
    for key in sorted(keys):  # in one order, so that no two wait for each other
        session.execute(select(func.pg_advisory_xact_lock(LOCK, key)))


def _refuse(session: Session, limits: Iterable[Limit]) -> None:
    now = utcnow()
    since = now - get_settings().sign_in_window
    for limit in limits:
        mine = select(SignInFailure.at).where(
            SignInFailure.subject == limit.subject, SignInFailure.at > since
        )
        last = mine.order_by(SignInFailure.at.desc()).offset(limit.most - 1).limit(1)
        first: datetime | None = session.scalar(last)
        if first is not None:
            seconds = max(1, math.ceil((first - since).total_seconds()))
            minutes = math.ceil(seconds / 60)
            raise TooManyAttempts(
                f"too many failed attempts; try again in {minutes} minutes", retry_after=seconds
            )


def filled(session: Session, limits: Iterable[Limit], counted: Collection[int]) -> list[Limit]:
    """The limits that a guess, counted under these ids, has reached: the next is refused."""
    since = utcnow() - get_settings().sign_in_window
    reached = []
    for limit in limits:
        mine = select(SignInFailure.id).where(
            SignInFailure.subject == limit.subject, SignInFailure.at > since
        )
        newest = session.scalars(mine.order_by(SignInFailure.id.desc()).limit(limit.most)).all()
        if len(newest) == limit.most and newest[0] in counted:
            reached.append(limit)
    return reached


def take_back(session: Session, ids: Sequence[int], cleared: Limit | None = None) -> None:
    """Uncount a guess: it was right, or never looked at; with it all that one limit has counted."""
    session.execute(delete(SignInFailure).where(SignInFailure.id.in_(ids)))
    if cleared is not None:
        session.execute(delete(SignInFailure).where(SignInFailure.subject == cleared.subject))


def forget_old(session: Session) -> None:
    """Remove what no limit counts any more."""
    since = utcnow() - get_settings().sign_in_window
    session.execute(delete(SignInFailure).where(SignInFailure.at < since))
