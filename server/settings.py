"""Every setting of the server, read once from the environment (prefix WEAKSEG_) or `.env`."""

import ipaddress
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from server.errors import BadInput

PREFIX = "WEAKSEG_"
AccountRole = Literal["annotator", "engineer", "admin"]


def _pairs(given: object) -> object:
    """A JSON object as pairs: settings are kept by what they say, which no dict can be."""
    return tuple(given.items()) if isinstance(given, dict) else given


class SecretFiles(PydanticBaseSettingsSource):
    """Secrets that stand in files: for each secret setting `X`, the file that `X_FILE` names.

    A file holds the secret alone, as UTF-8; one line end after it is no part of it.
    """

    def __init__(
        self, settings: type[BaseSettings], *variables: PydanticBaseSettingsSource
    ) -> None:
        """`variables`: those of the environment and of `.env`; what stands first wins."""
        super().__init__(settings)
        self._given = {
            name.upper(): value
            for source in reversed(variables)
            if isinstance(source, EnvSettingsSource)
            for name, value in source.env_vars.items()
        }

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The file's content, None where no file is named; raises `BadInput`."""
        variable = f"{PREFIX}{field_name.upper()}"
        named = self._given.get(f"{variable}_FILE")
        if not named or not _is_secret(field):
            return None, field_name, False
        if self._given.get(variable):
            raise BadInput(f"{variable} and {variable}_FILE are both set: which one counts?")
        try:
            return _only_line(Path(named)), field_name, False
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise BadInput(f"{variable}_FILE: {named}: {reason}") from None

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields.items()
        found = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: secret for name, secret in found.items() if secret is not None}


def _only_line(file: Path) -> str:
    """The one line of a file; raises ValueError when it has none, or more, or is no text."""
    try:
        secret = file.read_bytes().decode()
    except UnicodeDecodeError:
        raise ValueError("is no UTF-8 text") from None
    secret = secret.removesuffix("\n")
    if not secret:
        raise ValueError("is empty")
    if not secret.isprintable():
        raise ValueError("has more than one line, or characters that nobody can see")
    return secret


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation == SecretStr | None


def secret_names(settings: type[BaseSettings]) -> tuple[str, ...]:
    """The settings that may also be given as files."""
    return tuple(name for name, field in settings.model_fields.items() if _is_secret(field))


class Settings(BaseSettings):
    """The defaults are a complete installation on one machine, with all its state below `data`.

    A variable that is empty counts as unset.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    data: Path = Path("data")
    database_url: SecretStr | None = None
    """`postgresql+psycopg://...`; unset: SQLite below `data`."""
    database_password: SecretStr | None = None
    """Of the user whom `database_url` names, where it does not have one."""
    broker_url: SecretStr | None = None
    """`redis://...`; unset: Celery's filesystem broker below `data`."""
    broker_password: SecretStr | None = None
    """For `broker_url`, where it does not have one."""
    image_root: Path | None = None
    """Paths in a manifest are relative to this folder; unset: `data`/images."""
    image_links: bool = False
    """Whether links below `image_root` may lead out of it."""
    image_hosts: tuple[str, ...] = ()
    """Hosts from which a manifest may name https:// images; empty: none."""
    dataset_root: Path | None = None
    """Folder of dataset cards (*.yaml); unset: `data`/datasets."""

    umask: str = Field(default="077", pattern=r"^0?[0-7]{3}$")
    """What nobody else may do with the files that `weakseg` makes, in octal, as the shell has it."""

    secure_cookies: bool | None = None
    """Mark the session cookie Secure; unset: when the request came by https."""
    forwarded_allow_ips: str | None = Field(
        default=None,
        validation_alias=AliasChoices("WEAKSEG_FORWARDED_ALLOW_IPS", "FORWARDED_ALLOW_IPS"),
    )
    """Proxies, by address or network with commas between, that are believed who asks and whether by
    https; unset: those on this machine."""
    insecure: bool = False
    """Listen beyond this machine without TLS and without a proxy that is known."""
    accel_prefix: str | None = Field(default=None, pattern=r"^/([A-Za-z0-9_-]+/)+$")
    """The proxy in front (nginx) sends pictures itself: below this address it has what is below
    `data`/files, for X-Accel-Redirect alone; unset: the server sends them."""
    allowed_hosts: tuple[str, ...] = ()
    """Names by which browsers may call the server (`*.example.org` too); empty: any."""
    trusted_origins: tuple[str, ...] = ()
    """Origins, besides the server's own, from which a browser may change things."""
    session_lifetime: timedelta = timedelta(days=14)
    session_idle: timedelta | None = Field(default=None, ge=timedelta(minutes=2))
    """A session without a request for this long has ended; unset: however long."""
    max_token_lifetime: timedelta = Field(default=timedelta(days=365), gt=timedelta(0))
    """The longest that a new API token may live."""
    admins_need_second_factor: bool = False
    """Whether an admin without a second factor may do nothing but set one up."""
    sign_in_attempts: int = Field(default=10, ge=1)
    """Failed attempts allowed for an account from one address within `sign_in_window`."""
    sign_in_window: timedelta = timedelta(minutes=15)

    oidc_issuer: str | None = Field(default=None, max_length=500)
    """Sign-in by OpenID Connect at this provider: its issuer, as its ID tokens spell it."""
    oidc_client_id: str | None = None
    """Under which the provider knows this server."""
    oidc_client_secret: SecretStr | None = None
    """Unset: the provider knows it as a public client."""
    oidc_label: str = Field(default="Single sign-on", min_length=1, max_length=60)
    """Of the button on the sign-in page."""
    oidc_scopes: tuple[str, ...] = ("openid", "email")
    """What the provider is asked for; `openid` is always."""
    oidc_role_claim: str | None = None
    """The claim whose values say what somebody may do; `a.b` is b within a. Unset: admins say it."""
    oidc_roles: Annotated[tuple[tuple[str, AccountRole], ...], BeforeValidator(_pairs)] = ()
    """Values of `oidc_role_claim` and their roles; of several the highest counts."""
    oidc_default_role: AccountRole | None = None
    """Of who has none of `oidc_roles`; unset: they are refused. Without a role claim, of who is new;
    unset: annotator."""
    oidc_create_accounts: bool = False
    """Whether who has no account yet is given one at the first sign-in."""
    oidc_email_is_verified: bool = False
    """Believe the provider's e-mail addresses where it does not say whether they are verified."""
    oidc_second_factor: bool = False
    """Whether the provider asks for a second factor though its ID tokens do not say so (`amr`)."""
    oidc_sign_out: bool = True
    """Whether signing out leads to the provider, to be signed out there too, where it has that."""
    oidc_origin: str | None = Field(default=None, pattern=r"^https?://[^/?#@\s]+$")
    """The address by which browsers call this server; unset: as the request has it."""
    oidc_ca_file: Path | None = None
    """Certificates (PEM) that are believed of the provider besides the usual ones."""
    oidc_session_lifetime: timedelta = Field(default=timedelta(hours=12), ge=timedelta(minutes=2))
    """How long somebody stays signed in whom the provider has sent, where `session_lifetime` is not
    shorter: it says again then what they may do."""
    oidc_only: bool = False
    """Whether nobody signs in with a password that is kept here."""

    metrics_token: SecretStr | None = None
    """Bearer token for /metrics; unset: only from the machine itself."""

    min_free_bytes: int = Field(default=64 * 2**20, ge=0)
    """A server with less room for files than this calls itself not ready."""
    max_image_bytes: int = 50 * 2**20
    keep_metadata: bool = False
    """Whether stored pictures keep what their files say besides pixels, such as where they were made."""
    max_image_pixels: int = 60_000_000
    max_image_side: int = 20_000
    max_manifest_bytes: int = 256 * 2**20
    max_upload_files: int = 1000

    max_dataset_bytes: int = Field(default=20 * 2**30, ge=2**20)
    """Of one uploaded dataset, unpacked, and of its archive."""
    max_dataset_files: int = Field(default=100_000, ge=1)
    """Of one uploaded dataset, images and masks together."""
    dataset_quota_bytes: int = Field(default=100 * 2**30, ge=0)
    """Of all uploaded datasets; 0: nothing can be uploaded."""
    keep_uploads: timedelta = Field(default=timedelta(days=7), ge=timedelta(hours=1))
    """How long an upload is kept that nobody finishes."""

    lease_seconds: int = Field(default=90, ge=1)
    max_leases: int = Field(default=16, ge=1)
    """Open leases that one person may hold in one project."""
    max_streams: int = Field(default=20, ge=1)
    """Streams of runs that one person may have open in each web process."""
    max_streams_in_all: int = Field(default=1000, ge=1, le=10_000)
    """Streams of runs in each web process."""

    sweep_seconds: float = Field(default=10, gt=0)
    """How often beat looks for runs to start and for dead ones."""
    heartbeat_seconds: float = Field(default=2, gt=0)
    stale_seconds: float = Field(default=60, gt=0)
    """A running run whose heartbeat is older than this has lost its worker."""
    cancel_grace_seconds: float = Field(default=30, gt=0)
    max_attempts: int = Field(default=3, ge=1)
    device: str = "auto"
    """Device that this worker trains on; runs on one device go one after the other, unless
    `trainings` says more."""
    worker_name: str | None = None
    """Unset: the machine's name."""
    trainer_threads: int | None = None
    trainings: int = Field(default=1, ge=1, le=64)
    """How many trainings this worker has on its device at the same time."""
    warm_ups: Path | None = None
    """Folder where trainings keep the ends of their last few warm-ups, which later runs with the same
    source and settings take over. Unset: each does its own."""

    clean_daily: bool = True
    """Whether a worker removes once a day what no row needs, as `weakseg clean` does."""
    clean_after_seconds: float = Field(default=3600, ge=60)
    """What is younger than this is never removed."""

    audit_keep: timedelta = Field(default=timedelta(days=365), ge=timedelta(days=1))
    """How long lines of the audit log are kept."""

    log_json: bool = False
    demo: bool = False

    @model_validator(mode="after")
    def _has_sane_limits(self) -> Self:
        if self.stale_seconds < 3 * self.heartbeat_seconds:
            raise ValueError("WEAKSEG_STALE_SECONDS must be at least 3 x WEAKSEG_HEARTBEAT_SECONDS")
        return self

    @model_validator(mode="after")
    def _passwords_have_a_place(self) -> Self:
        for name, url, password in (
            ("DATABASE", self.database_url, self.database_password),
            ("BROKER", self.broker_url, self.broker_password),
        ):
            if password is not None and (why := _why_no_place(url)):
                raise ValueError(f"{PREFIX}{name}_PASSWORD: {PREFIX}{name}_URL {why}")
        return self

    @model_validator(mode="after")
    def _provider_is_whole(self) -> Self:
        if self.oidc_issuer is None:
            if self.oidc_only:
                raise ValueError(
                    "WEAKSEG_OIDC_ONLY: WEAKSEG_OIDC_ISSUER is not set, so that nobody could sign in"
                )
            return self
        if why := _why_no_issuer(self.oidc_issuer):
            raise ValueError(f"WEAKSEG_OIDC_ISSUER {why}")
        if self.oidc_client_id is None:
            raise ValueError("WEAKSEG_OIDC_CLIENT_ID: WEAKSEG_OIDC_ISSUER needs it too")
        if (self.oidc_role_claim is None) != (not self.oidc_roles):
            raise ValueError("WEAKSEG_OIDC_ROLE_CLAIM and WEAKSEG_OIDC_ROLES need each other")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Besides what pydantic reads, the files in which secrets stand.

        A `.env` that is not there would be asked for each setting, which takes as long as the rest.
        """
        files = SecretFiles(settings_cls, env_settings, dotenv_settings)
        has_file = isinstance(dotenv_settings, EnvSettingsSource) and dotenv_settings.env_vars
        variables = (env_settings, dotenv_settings) if has_file else (env_settings,)
        return init_settings, *variables, files, file_secret_settings

    def why_not_listen(self, host: str, *, has_tls: bool) -> str | None:
        """Why the server should not listen at an address: passwords would travel in the clear."""
        if self.insecure or has_tls or self.forwarded_allow_ips or _is_loopback(host):
            return None
        return (
            f"{host or 'every address'} is beyond this machine: passwords and cookies would travel "
            "in the clear, and behind a proxy all people would have one address. Set "
            "FORWARDED_ALLOW_IPS to the address of the proxy that does TLS, or give serve a "
            "--certificate; WEAKSEG_INSECURE=true listens all the same"
        )

    @property
    def sqlalchemy_url(self) -> str:
        """Of the database, with its password."""
        if self.database_url is not None:
            return _with_password(self.database_url, self.database_password)
        return f"sqlite:///{self.data.absolute() / 'weakseg.sqlite3'}"

    @property
    def celery_url(self) -> str | None:
        """Of the broker, with its password; None: the filesystem broker."""
        if self.broker_url is None:
            return None
        return _with_password(self.broker_url, self.broker_password)

    @property
    def withheld(self) -> int:
        """`umask` as bits of a file's mode."""
        return int(self.umask, 8)

    @property
    def files(self) -> Path:
        """Root of the local file storage."""
        return self.data.absolute() / "files"

    @property
    def images(self) -> Path:
        return (self.image_root or self.data / "images").absolute()

    @property
    def datasets(self) -> Path:
        return (self.dataset_root or self.data / "datasets").absolute()

    @property
    def uploaded_cards(self) -> Path:
        """Folder of the cards of uploaded datasets."""
        return self.files / "datasets" / "cards"

    @property
    def runs(self) -> Path:
        """Run directories of this worker."""
        return self.data.absolute() / "runs"


def _why_no_place(url: SecretStr | None) -> str | None:
    """Why a password cannot be put into an address; None when it can."""
    if url is None:
        return "is not set"
    authority = urlsplit(url.get_secret_value()).netloc
    if not authority:
        return "names no host"
    if ";" in url.get_secret_value():
        return "names several hosts: write the password into each"
    user, _, _ = authority.rpartition("@")
    return "has a password already" if ":" in user else None


def _why_no_issuer(issuer: str) -> str | None:
    """Why an address can not be a provider's issuer (OpenID Connect Discovery 1.0, section 2)."""
    parts = urlsplit(issuer)
    if parts.query or parts.fragment or parts.username or not parts.hostname:
        return "is no address without ?, # and @"
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return None
    return "has to begin with https://, unless the provider is on this machine"


def _with_password(url: SecretStr, password: SecretStr | None) -> str:
    """The address with a password in it, coded so that any character may be one of it."""
    address = url.get_secret_value()
    if password is None:
        return address
    authority = urlsplit(address).netloc
    user, _, host = authority.rpartition("@")
    coded = quote(password.get_secret_value(), safe="")
    return address.replace(f"//{authority}", f"//{user}:{coded}@{host}", 1)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@lru_cache
def get_settings() -> Settings:
    """The process's settings; a test that changes the environment clears the cache."""
    return Settings()
