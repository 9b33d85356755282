"""Errors that a client may see. Each carries its HTTP status and a stable code (RFC 9457).

WeaksegError
  ├─ NotSignedIn 401     ├─ Conflict 409
  ├─ Forbidden 403       ├─ BadInput 422
  ├─ NotFound 404        └─ TooManyAttempts 429
"""

from typing import ClassVar

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
    status = 429
    code = "too-many-attempts"


def first_complaint(error: ValidationError) -> tuple[str, str]:
    """Where the first mistake is (empty when it is between fields), and what it is."""
    first = error.errors(include_url=False)[0]
    return ".".join(str(part) for part in first["loc"]), first["msg"].removeprefix("Value error, ")
