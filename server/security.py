"""Secrets: passwords (argon2), random tokens, and the hashes under which they are stored."""

import asyncio
import hashlib
import hmac
import os
import re
import secrets
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from pwdlib import PasswordHash
from zxcvbn import zxcvbn

from server.errors import BadInput, Unavailable

T = TypeVar("T")
R = TypeVar("R")

_passwords = PasswordHash.recommended()
# Of a password that nobody knows. Written down, since to make one takes long, at each start.
_NOBODYS_PASSWORD = "$argon2id$v=19$m=65536,t=3,p=4$4n1jOJKMxPyeOOOj/Xh5LQ$9ZvfS2lauSyPaHhZ7tH/9rI16CsMWv2TzLH72UGnnqI"  # noqa: S105

_NO_PASSWORD = "none:"  # noqa: S105
_LONGEST_LOOKED_AT = 72
"""Characters of which zxcvbn estimates the guesses; longer ones take it long."""
_LEAST_SCORE = 3
"""Of 0 to 4: at least 10**8 guesses."""

NICENESS = 5
"""By which hashing steps back: to a third of the share of whoever answers requests meanwhile."""

TOKEN_PREFIX = "wsk_"  # noqa: S105 - how our tokens begin, so that a leaked one is recognised


def normalized(password: str) -> str:
    """The one spelling (NFKC) of a password: keyboards write the same letters in several ways."""
    return unicodedata.normalize("NFKC", password)


class HashingPlaces:
    """Where passwords are hashed: a few at a time, since each takes memory and a core for long.

    Whoever asks for a password to be hashed waits here, and not in a thread that answers requests.
    """

    def __init__(self, places: int, waiting: int, seconds: float) -> None:
        """So many at a time; so many more may wait, each for so many seconds at most."""
        self._pool = ThreadPoolExecutor(places, "hashing", initializer=_give_way)
        self._room = threading.Semaphore(places + waiting)
        self._seconds = seconds

    def run(self, work: Callable[[str, T], R], password: str, other: T) -> R:
        """The work's result. Raises Unavailable when no place gets free in time."""
        future = self._begin(work, password, other)
        try:
            return future.result(self._seconds)
        except TimeoutError as error:
            future.cancel()
            raise _busy() from error

    async def wait_for(self, work: Callable[[str, T], R], password: str, other: T) -> R:
        """The same, for who must not block."""
        future = self._begin(work, password, other)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._seconds)
        except TimeoutError as error:
            raise _busy() from error

    def _begin(self, work: Callable[[str, T], R], password: str, other: T) -> "Future[R]":
        if not self._room.acquire(blocking=False):
            raise _busy()
        future = self._pool.submit(work, password, other)
        future.add_done_callback(lambda _: self._room.release())
        return future


def _give_way() -> None:
    """Let this thread, and those that it starts, take less of a core that others want too."""
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own
        thread = threading.get_native_id()
        now = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, now + NICENESS)


def _busy() -> Unavailable:
    return Unavailable("too many people sign in at this moment; try again", code="sign-in-busy")


_places = HashingPlaces(places=2, waiting=40, seconds=10)


class Checked(NamedTuple):
    """What was found of a password."""

    is_right: bool
    anew: str | None = None
    """Its hash as it is made today, where the stored one is of an earlier kind."""


def hash_password(password: str) -> str:
    """An argon2id hash with its own salt, the same for every way to type the password.

    Takes long: not for within a transaction. Raises Unavailable when no place to hash gets free.
    """
    return _places.run(_hash, password, None)


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is right; takes equally long when there is no such account.

    Not for within a transaction. Raises Unavailable when no place to hash gets free.
    """
    return _places.run(_check, password, password_hash).is_right


async def check_password(password: str, password_hash: str | None) -> Checked:
    """The same, for who must not block, with the hash to store from now on."""
    return await _places.wait_for(_check, password, password_hash)


def _hash(password: str, _nothing: None) -> str:
    return _passwords.hash(normalized(password))


def no_password() -> str:
    """What stands in place of a hash for who has no password yet; no two are the same."""
    return f"{_NO_PASSWORD}{new_secret()}"


def is_hash(stored: str) -> bool:
    """Whether it is the hash of a password, and not what stands in place of one."""
    return stored.startswith("$")


def require_good(password: str, email: str) -> None:
    """Raise BadInput for a password that is guessed among the first: common, a pattern, one's name.

    How many guesses it takes is estimated by zxcvbn (Wheeler, USENIX Security 2016) from lists of
    common passwords, names and words, keyboards, dates and repeats.
    """
    spelled = normalized(password).casefold()
    name = email.casefold()
    local = name.partition("@")[0]
    if name in spelled or local == spelled:
        raise BadInput("the password is made of the e-mail address", code="weak-password")
    parts = [name, local, *re.split(r"[@._+-]", name)]
    found = zxcvbn(normalized(password)[:_LONGEST_LOOKED_AT], parts)
    if found["score"] < _LEAST_SCORE:
        warning = found["feedback"]["warning"].rstrip(".") or "it is made of common parts"
        why = f"the password would be guessed among the first ({warning[:1].lower()}{warning[1:]})"
        raise BadInput(f"{why}; take several words that nobody puts together", code="weak-password")


def _check(password: str, password_hash: str | None) -> Checked:
    if password_hash is None or not is_hash(password_hash):
        password_hash = None
    stored = password_hash or _NOBODYS_PASSWORD
    if _passwords.verify(normalized(password), stored):
        return Checked(password_hash is not None)
    # Of a hash from before spellings were made one, only the spelling opens with which it was made.
    if password == normalized(password) or not _passwords.verify(password, stored):
        return Checked(is_right=False)
    return Checked(is_right=True, anew=_hash(password, None)) if password_hash else Checked(False)


def new_secret() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is stored of a random token: without a guessable input no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def signed(text: str, key: str) -> str:
    """The text with a signature that nobody makes without the key."""
    return f"{text}.{hmac.digest(key.encode(), text.encode(), hashlib.sha256).hex()}"


def opened(sealed: str, key: str) -> str | None:
    """The text that was signed with this key; None of any other."""
    text = sealed.rpartition(".")[0]
    is_ours = hmac.compare_digest(signed(text, key).encode(), sealed.encode(errors="replace"))
    return text if is_ours else None


def is_drawn(secret: str, what: str, share: float) -> bool:
    """Whether something is among a share that nobody can foresee: the same answer each time."""
    digest = hmac.digest(secret.encode(), what.encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") < share * 2**64
