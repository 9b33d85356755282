"""Secrets: passwords (argon2), random tokens, and the hashes under which they are stored."""

import hashlib
import hmac
import secrets
import unicodedata

from pwdlib import PasswordHash

_passwords = PasswordHash.recommended()
# Of a password that nobody knows. Written down, since to make one takes long, at each start.
_NOBODYS_PASSWORD = "$argon2id$v=19$m=65536,t=3,p=4$4n1jOJKMxPyeOOOj/Xh5LQ$9ZvfS2lauSyPaHhZ7tH/9rI16CsMWv2TzLH72UGnnqI"  # noqa: S105

TOKEN_PREFIX = "wsk_"  # noqa: S105 - how our tokens begin, so that a leaked one is recognised


def normalized(password: str) -> str:
    """The one spelling (NFKC) of a password: keyboards write the same letters in several ways."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """An argon2id hash with its own salt, the same for every way to type the password."""
    return _passwords.hash(normalized(password))


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is right; takes equally long when there is no such account."""
    stored = password_hash or _NOBODYS_PASSWORD
    right = _passwords.verify(normalized(password), stored) or was_hashed_as_typed(
        password, password_hash
    )
    return right and password_hash is not None


def was_hashed_as_typed(password: str, password_hash: str | None) -> bool:
    """Whether it is the password of a hash from before spellings were made one."""
    if password == normalized(password):
        return False
    return _passwords.verify(password, password_hash or _NOBODYS_PASSWORD)


def new_secret() -> str:
    """256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is stored of a random token: without a guessable input no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_drawn(secret: str, what: str, share: float) -> bool:
    """Whether something is among a share that nobody can foresee: the same answer each time."""
    digest = hmac.digest(secret.encode(), what.encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") < share * 2**64
