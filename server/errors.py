"""Errors that a client may see. Each carries its HTTP status and a stable code (RFC 9457).

WeaksegError
  ├─ NotSignedIn 401     ├─ Conflict 409          ├─ Unavailable 503
  ├─ Forbidden 403       ├─ BadInput 422          └─ StorageFull 507
  ├─ NotFound 404        ├─ TooManyAttempts 429
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ValidationError


class WeaksegError(Exception):
    """An error with a message for the client."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def __init__(self, detail: str, *, code: str | None = None, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problem_code = code or self.code
        self.extra = extra


class BadInput(WeaksegError):
    status = 422
    code = "bad-input"


class NotSignedIn(WeaksegError):
    status = 401
    code = "not-signed-in"


class Forbidden(WeaksegError):
    status = 403
    code = "forbidden"


class NotFound(WeaksegError):
    status = 404
    code = "not-found"


class Conflict(WeaksegError):
    status = 409
    code = "conflict"


class TooManyAttempts(WeaksegError):
    """The same request may succeed after `retry_after` seconds."""

    status = 429
    code = "too-many-attempts"

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TooManyStreams(TooManyAttempts):
    """Somebody listens to as many streams as one person may."""

    code = "too-many-streams"


class Unavailable(WeaksegError):
    """What the server itself needs is away for now: the same request may succeed later."""

    status = 503
    code = "unavailable"


class StorageFull(WeaksegError):
    """A disk of the server's is full: nothing was stored."""

    status = 507
    code = "storage-full"


def in_words(complaint: Mapping[str, Any]) -> str:
    """The message of one of a validation's errors, without what speaks to programmers alone."""
    return str(complaint["msg"]).removeprefix("Value error, ")


def first_complaint(error: ValidationError) -> tuple[str, str]:
    """Where the first mistake is (empty when it is between fields), and what it is."""
    first = error.errors(include_url=False)[0]
    return ".".join(str(part) for part in first["loc"]), in_words(first)
