"""Signing in at an OpenID provider: whose account that opens, and what they may do from then on.

An account is known by the provider's issuer and subject, which stay a person's own; its e-mail
address counts at the first sign-in alone, and only verified: whoever types another's address into
their profile at the provider gets nothing here.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import structlog
from anyio.to_thread import run_sync
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db import session_scope
from server.errors import Conflict, Forbidden, NotFound, NotSignedIn, Unavailable, WeaksegError
from server.models import AuditEvent, Identity, User
from server.models.user import Role
from server.schemas.user import Email, UserChange
from server.security import new_secret
from server.services import audit
from server.services.accounts import guesses, sessions, users
from server.services.accounts.sessions import Browser
from server.services.audit import Thing
from server.settings import Settings, get_settings

if TYPE_CHECKING:
    from server.openid import Person

log = structlog.get_logger()

FLOW_LIFETIME = timedelta(minutes=10)
HOME = "/projects"
LONGEST_PATH = 1000
_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)
_RANK = {Role.ANNOTATOR: 0, Role.ENGINEER: 1, Role.ADMIN: 2}


def own_path(address: str | None) -> str:
    """The address if it is a path of this site, as visible ASCII characters; else the first page."""
    is_own = address and len(address) <= LONGEST_PATH and _OWN_PATH.fullmatch(address)
    return address if address and is_own else HOME


@dataclass(frozen=True)
class Flow:
    """A sign-in that was begun. The browser keeps it, and no other can end it."""

    state: str
    nonce: str
    verifier: str
    next: str
    """The page to go to."""

    @classmethod
    def begin(cls, next_page: str | None) -> "Flow":
        """A new one: what it is made of is guessed by nobody."""
        return cls(new_secret(), new_secret(), new_secret(), own_path(next_page))

    def kept(self) -> str:
        """As a cookie has it."""
        return ".".join((self.state, self.nonce, self.verifier, quote(self.next, safe="")))

    @classmethod
    def read(cls, text: str) -> "Flow | None":
        """What `kept` has written; None of anything else."""
        parts = text.split(".", 3)
        if len(parts) != 4 or not all(parts):
            return None
        state, nonce, verifier, next_page = parts
        return cls(state, nonce, verifier, own_path(unquote(next_page)))


@dataclass(frozen=True)
class Answer:
    """With what a browser comes back from the provider."""

    code: str | None
    issuer: str | None
    error: str | None


def require_provider() -> None:
    """Raise NotFound where none is set."""
    if get_settings().oidc_issuer is None:
        raise NotFound("no OpenID provider is set: WEAKSEG_OIDC_ISSUER", code="no-provider")


def _load() -> None:
    """It takes long: not where nobody signs in so, and never while others wait for an answer."""
    import server.openid  # noqa: F401, PLC0415


async def address_to_sign_in(flow: Flow, redirect_uri: str) -> str:
    """Where the browser goes. Raises NotFound without a provider, Unavailable when it is away."""
    require_provider()
    await run_sync(_load)
    from server import openid  # noqa: PLC0415 - as in `_load`

    asked = openid.Asked(redirect_uri, flow.state, flow.nonce, flow.verifier)
    try:
        return await openid.address_to_sign_in(asked)
    except Unavailable as error:
        _note(error)
        raise


async def address_to_sign_out(back_to: str) -> str | None:
    """Where the browser is signed out of the provider, if that is wanted and can be."""
    settings = get_settings()
    if settings.oidc_issuer is None or not settings.oidc_sign_out:
        return None
    await run_sync(_load)
    from server import openid  # noqa: PLC0415 - as in `_load`

    try:
        return await openid.address_to_sign_out(back_to)
    except Unavailable as error:
        _note(error)  # who leaves has left all the same
        return None


def _note(error: WeaksegError) -> None:
    """The log has what went wrong; pages of strangers do not."""
    log.warning("provider", code=error.problem_code, detail=error.detail)


async def enter(flow: Flow, answer: Answer, redirect_uri: str, browser: Browser) -> str:
    """Sign in whom the provider has sent; gives the secret of their session.

    Raises NotSignedIn, Forbidden and Conflict with a code for each reason, TooManyAttempts and
    Unavailable. What fails is counted by address, and is in the audit log.
    """
    await run_sync(_load)
    from server import openid  # noqa: PLC0415 - as in `_load`

    limits = guesses.limits_of_provider(browser.address)
    counted = await run_sync(guesses.count, limits)
    person = None
    try:
        if answer.error is not None or not answer.code:
            said = "".join(filter(str.isprintable, answer.error or "it sent no code"))[:100]
            raise NotSignedIn(f"the provider did not let you in: {said}", code="provider-refused")
        asked = openid.Asked(redirect_uri, flow.state, flow.nonce, flow.verifier)
        person = await openid.redeem(answer.code, answer.issuer, asked)
        return await run_sync(_let_in, person, browser, counted)
    except Unavailable as error:
        _note(error)
        await run_sync(_withdraw, counted)
        raise
    except WeaksegError as error:
        _note(error)
        who = await run_sync(_known_as, person)
        await run_sync(users.note_failure, error.problem_code, limits, counted, who)
        raise


def _known_as(person: "Person | None") -> int | None:
    """Whose account a person of the provider's has, if any."""
    if person is None:
        return None
    with session_scope(read_only=True) as session:
        identity = _find(session, person)
        return None if identity is None else identity.user_id


def _withdraw(counted: list[int]) -> None:
    with session_scope() as session:
        guesses.take_back(session, counted)


def _let_in(person: "Person", browser: Browser, counted: list[int]) -> str:
    role = _role_of(person.claims, get_settings())
    if role is None and get_settings().oidc_role_claim is not None:
        _take_role_away(person)
        raise Forbidden(
            f"the claim {get_settings().oidc_role_claim} has none of the values of "
            "WEAKSEG_OIDC_ROLES",
            code="no-role",
        )
    try:
        return _begin_session(person, role, browser, counted)
    except (IntegrityError, Conflict) as error:
        if isinstance(error, Conflict) and error.problem_code != "email-taken":
            raise
        # Their other window was first.
        return _begin_session(person, role, browser, counted)


def _begin_session(
    person: "Person", role: Role | None, browser: Browser, counted: list[int]
) -> str:
    with session_scope() as session:
        identity = _identity(session, person, role)
        user = users.get(session, identity.user_id)
        if role is not None and user.role != role and user.active:
            users.change(session, user.id, UserChange(role=role))
        user = users.locked(session, user.id)
        if not user.active:
            raise Forbidden(f"the account {user.id} is locked out", code="locked-out")
        # It may have been unlinked until the account was held.
        if session.scalar(select(Identity.id).where(Identity.id == identity.id)) is None:
            raise NotSignedIn("the link with the account was removed", code="sign-in-expired")
        guesses.take_back(session, counted)
        guesses.forget_old(session)
        second_factor = person.used_second_factor or get_settings().oidc_second_factor
        return sessions.start(
            session, user, browser, identity=identity, second_factor=second_factor
        )


# --- what somebody may do


def _role_of(claims: Mapping[str, Any], settings: Settings) -> Role | None:
    """The highest of the roles that the claim's values stand for, or the default.

    None: refused where a claim says it, else as it is here.
    """
    if settings.oidc_role_claim is None:
        return None
    from server.openid import claim  # noqa: PLC0415 - as in `_load`

    said = claim(claims, settings.oidc_role_claim)
    values = said if isinstance(said, list) else [said]
    roles = [Role(role) for value, role in settings.oidc_roles if value in values]
    if roles:
        return max(roles, key=_RANK.__getitem__)
    default = settings.oidc_default_role
    return None if default is None else Role(default)


def _take_role_away(person: "Person") -> None:
    """Of who has lost every role at the provider, at once: sessions and tokens that were open end.

    Raises Conflict for the last active admin, of whom nothing changes.
    """
    with session_scope() as session:
        identity = _find(session, person)
        user = None if identity is None else session.get(User, identity.user_id)
        if user is None or user.deleted_at is not None or not user.active:
            return
        users.change(session, user.id, UserChange(role=Role.ANNOTATOR))
        users.end_all_access(session, user.id)


# --- whose account it is


def _find(session: Session, person: "Person") -> Identity | None:
    return session.scalar(
        select(Identity).where(
            Identity.issuer == person.issuer, Identity.subject_hash == _hash(person.subject)
        )
    )


def _hash(subject: str) -> str:
    return hashlib.sha256(subject.encode(errors="surrogatepass")).hexdigest()


def _identity(session: Session, person: "Person", role: Role | None) -> Identity:
    """As whom the person is known, with an account that is there: found, linked or made."""
    identity = _find(session, person)
    if identity is not None:
        known = session.get(User, identity.user_id)
        if known is not None and known.deleted_at is None:
            return identity
    email = _verified_email(person.claims, get_settings())
    user = users.find_by_email(session, email)
    if user is None:
        user = _made(session, email, role, was_deleted=identity is not None)
    elif (made_meanwhile := _linked(session, user, person)) is not None:
        return made_meanwhile
    if identity is None:
        identity = Identity(issuer=person.issuer, subject_hash=_hash(person.subject))
    identity.user_id = user.id
    session.add(identity)
    session.flush()
    after = {"identity": identity.id, "issuer": person.issuer}
    audit.record(session, AuditEvent.IDENTITY_LINKED, Thing("user", user.id), after=after)
    return identity


def _made(session: Session, email: str, role: Role | None, *, was_deleted: bool) -> User:
    if was_deleted:
        raise Forbidden(
            "the account was deleted; an admin can add one anew", code="account-deleted"
        )
    settings = get_settings()
    if not settings.oidc_create_accounts:
        raise Forbidden(
            "there is no account for the address; an admin can add one", code="no-account"
        )
    return users.create(
        session, email, None, role or Role(settings.oidc_default_role or "annotator")
    )


def _linked(session: Session, user: User, person: "Person") -> Identity | None:
    """As whom the account knows the person, whose other window was faster; None: it knows nobody.

    Raises Forbidden when another person of the provider's has the account. An address is given to
    somebody else in time; what its first owner has here is not.
    """
    if not user.active:
        raise Forbidden(f"the account {user.id} is locked out", code="locked-out")
    linked = select(Identity).where(Identity.user_id == user.id, Identity.issuer == person.issuer)
    known = session.scalars(linked).all()
    own = next((one for one in known if one.subject_hash == _hash(person.subject)), None)
    if known and own is None:
        raise Forbidden(
            f"the account {user.id} is linked with somebody else at the provider: "
            "weakseg user unlink parts the two",
            code="other-identity",
        )
    return own


def _verified_email(claims: Mapping[str, Any], settings: Settings) -> str:
    """The address by which an account is found or made.

    Raises NotSignedIn without one, and where the provider does not say that it is verified.
    """
    said = claims.get("email")
    try:
        email = _EMAIL.validate_python(said, strict=True)
    except ValidationError:
        raise NotSignedIn("the provider says no e-mail address", code="no-email") from None
    # In small letters a sign of another alphabet may be one of the first: K (Kelvin) becomes k.
    if email != re.sub("[A-Z]", lambda found: found[0].lower(), str(said).strip()):
        raise NotSignedIn("the e-mail address can be read in two ways", code="no-email")
    verified = claims.get("email_verified")
    if verified is None and settings.oidc_email_is_verified:
        return email
    if verified is not True:
        raise NotSignedIn(
            "the provider does not say that the e-mail address is verified (email_verified)",
            code="unverified-email",
        )
    return email


def unlink(session: Session, user_id: int) -> int:
    """Forget as whom providers know somebody, and end their access; gives how many there were."""
    users.get(session, user_id)
    users.end_all_access(session, user_id)
    mine = delete(Identity).where(Identity.user_id == user_id).returning(Identity.id)
    ids = sorted(session.scalars(mine))
    if ids:
        before = {"identities": ids}
        audit.record(session, AuditEvent.IDENTITY_REMOVED, Thing("user", user_id), before=before)
    return len(ids)
