"""Accounts, sessions, tokens."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, SecretStr, StringConstraints

from server.models.user import Role
from server.schemas.common import In, Name, Out, safe_name
from server.security import normalized

Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, max_length=320, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$"
    ),
    AfterValidator(safe_name),
]
MAX_PASSWORD = 200


MIN_PASSWORD = 10


def _long_enough(password: SecretStr) -> SecretStr:
    if len(normalized(password.get_secret_value())) < MIN_PASSWORD:
        raise ValueError(f"should have at least {MIN_PASSWORD} letters, whatever they are made of")
    return password


GivenPassword = Annotated[SecretStr, Field(max_length=4 * MAX_PASSWORD)]
"""As it was typed: one letter may be several characters then."""
NewPassword = Annotated[
    SecretStr, Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD), AfterValidator(_long_enough)
]


class Scope(StrEnum):
    """What a token may be used for; it never allows more than its owner's role does."""

    READ = "read"
    """Look at everything the owner may look at."""
    LABEL = "label"
    """Lease images and submit labels."""
    IMPORT = "import"
    """Import images."""
    RUNS = "runs"
    """Start and cancel runs, make snapshots."""
    ADMIN = "admin"
    """Projects, users, tokens."""


class SignIn(In):
    email: str = Field(max_length=320, examples=["admin@demo.local"])
    password: GivenPassword


class UserOut(Out):
    id: int
    email: str
    role: Role
    active: bool
    created_at: datetime


class Me(UserOut):
    scopes: list[Scope]
    """All of them in a browser session; a token's own otherwise."""


class UserIn(In):
    email: Email = Field(examples=["lead@example.org"])
    password: NewPassword
    role: Role = Role.ANNOTATOR


class UserChange(In):
    role: Role | None = None
    active: bool | None = None
    password: NewPassword | None = None


class SessionOut(Out):
    """A signed-in browser."""

    id: int
    created_at: datetime
    last_used_at: datetime | None
    """To the minute."""
    expires_at: datetime
    address: str | None
    browser: str | None
    """What it called itself (User-Agent)."""
    current: bool
    """Whether this request came from it."""


class PasswordChange(In):
    current: GivenPassword
    new: NewPassword


class TokenIn(In):
    name: Name = Field(examples=["nightly import"])
    scopes: list[Scope] = Field(default=[Scope.READ], min_length=1, max_length=5)
    expires_at: AwareDatetime | None = None
    """Null: in 90 days. No later than WEAKSEG_MAX_TOKEN_LIFETIME allows, nor than the token that
    makes it: the answer says when."""


class TokenOut(Out):
    id: int
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenCreated(TokenOut):
    token: str
    """Shown this once; only a hash of it is stored. Send it as `Authorization: Bearer ...`."""
