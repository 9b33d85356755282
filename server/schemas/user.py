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


MIN_PASSWORD = 12


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


Code = Annotated[str, Field(max_length=40, examples=["123 456"])]


class SignIn(In):
    email: str = Field(max_length=320, examples=["admin@demo.local"])
    password: GivenPassword
    code: Code | None = None
    """Of the authenticator app, for who has a second factor; or a recovery code, once."""


class ProviderSignIn(In):
    """A sign-in at the OpenID provider that is to be begun."""

    next: str | None = Field(default=None, max_length=2000, examples=["/projects/1/label"])
    """The page of this site to go to afterwards."""


class ProviderAddress(Out):
    address: str
    """Where the browser goes."""


class SignedOut(Out):
    provider: str
    """An address of the OpenID provider's, where the browser is signed out too."""


class UserOut(Out):
    id: int
    email: str
    role: Role
    active: bool
    created_at: datetime
    has_second_factor: bool


class Me(UserOut):
    scopes: list[Scope]
    """All of them in a browser session; a token's own otherwise."""
    must_change_password: bool
    """Before a session may do anything else."""
    needs_second_factor: bool
    """Likewise: one is required, and not set up."""
    is_ready: bool
    """Neither of these is to be done first."""
    by_provider: bool
    """Whether the session was begun at an OpenID provider, which then asks for second factors."""
    has_password: bool
    """Whether one can sign in with a password."""


class UserIn(In):
    email: Email = Field(examples=["lead@example.org"])
    password: NewPassword | None = None
    """Null: an invitation, `POST /users/{id}/password-link`, lets the person set it."""
    role: Role = Role.ANNOTATOR
    must_change: bool = True
    """Whether the password has to be changed at the first sign-in."""


class UserChange(In):
    role: Role | None = None
    active: bool | None = None
    password: NewPassword | None = None
    must_change: bool = True
    """Whether a password that is set here has to be changed at the next sign-in."""


class PasswordLinkOut(Out):
    """A link by which somebody sets their password, once."""

    secret: str
    """Shown this once; only a hash of it is stored."""
    path: str
    """Of the page that takes the password, below the address of the server."""
    expires_at: datetime


class PasswordLinkSecret(In):
    secret: str = Field(max_length=100)


class PasswordLinkUse(PasswordLinkSecret):
    password: NewPassword


class PasswordLinkOwner(Out):
    email: str


class SecondFactorOffer(Out):
    """A secret for an authenticator app, not stored yet."""

    secret: str
    uri: str
    """`otpauth://...`, as apps open it."""
    picture: str
    """The same as a QR code, in SVG."""


class SecondFactor(In):
    secret: str = Field(pattern="^[A-Z2-7]{32}$")
    code: Code
    """Of the app, to show that it has the secret."""
    password: GivenPassword


class OwnPassword(In):
    password: GivenPassword


class RecoveryCodesOut(Out):
    """Codes that are left; which they are was said when they were made."""

    left: int
    made_at: datetime | None


class NewRecoveryCodes(Out):
    """Each is taken once in place of a code of the app; shown this once."""

    codes: list[str] = Field(examples=[["k7mf-2qxd-9hbw-tn4c"]])


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
