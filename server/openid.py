"""What is asked of an OpenID provider, and what of its answers is believed.

The authorization code flow of OpenID Connect Core 1.0 with PKCE (RFC 7636). Authlib makes the
requests and checks claims, joserfc signatures. The operator has named the provider, which may be on
a network of the company's own: unlike addresses of pictures, its are not held to be public. Its
other addresses are what it says itself, by the same connection that is believed of who may do what.

Both libraries, and httpx, take long to load: whoever needs this imports it then.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ValidationError

from server.errors import NotSignedIn, Unavailable, first_complaint
from server.settings import Settings, get_settings

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA",
)  # fmt: skip
"""By which an ID token may be signed: never by none, nor with a secret that both sides know, as
which a public key could be passed off."""
CLOCKS_DIFFER = 60
"""Seconds."""
LONGEST_SUBJECT = 255
MAX_ANSWER = 2**20
"""Bytes."""
SECONDS = 10
"""For one answer of the provider's."""
MOST_AT_ONCE = 20
"""Requests to the provider; strangers can cause some."""
KNOWN_FOR, AWAY_FOR = 300.0, 5.0
"""Seconds in which the provider is not asked again what its addresses are, or whether it is back."""


class Provider(BaseModel):
    """What a provider says of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


@dataclass(frozen=True)
class Asked:
    """What was sent along with a browser, to be found in the answers."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Person:
    """Whom the provider has signed in."""

    issuer: str
    subject: str
    claims: Mapping[str, Any]
    """Of the ID token and, where that lacks some, of the provider's account (userinfo)."""

    @property
    def used_second_factor(self) -> bool:
        """Whether the ID token says so (RFC 8176)."""
        return "mfa" in (self.claims.get("amr") or ())


@dataclass(frozen=True)
class _Known:
    found: Provider | Unavailable
    until: float


_known: dict[str, _Known] = {}
_open_requests = 0


async def provider() -> Provider:
    """The provider of the settings. Raises Unavailable."""
    settings = get_settings()
    issuer = _issuer(settings)
    known = _known.get(issuer)
    if known is None or known.until < time.monotonic():
        known = _known[issuer] = await _discover(issuer, settings)
    if isinstance(known.found, Unavailable):
        raise Unavailable(known.found.detail, code=known.found.problem_code)
    return known.found


def _issuer(settings: Settings) -> str:
    if settings.oidc_issuer is None:
        raise AssertionError("nobody asks where there is no provider")
    return settings.oidc_issuer


async def _discover(issuer: str, settings: Settings) -> _Known:
    address = get_well_known_url(issuer, external=True)
    try:
        found = _read_provider(await _get(address, settings), address, issuer)
    except Unavailable as error:
        return _Known(error, time.monotonic() + AWAY_FOR)
    return _Known(found, time.monotonic() + KNOWN_FOR)


def _read_provider(content: Any, address: str, issuer: str) -> Provider:
    try:
        found = Provider.model_validate(content)
    except ValidationError as error:
        field, why = first_complaint(error)
        raise _unusable(f"{address}: {field}: {why}") from error
    if found.issuer != issuer:
        raise _unusable(
            f"WEAKSEG_OIDC_ISSUER is {issuer}, but the provider calls itself {found.issuer}"
        )
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint",
                 "end_session_endpoint"):  # fmt: skip
        at = getattr(found, name)
        if at is not None and not _is_as_safe(at, issuer):
            raise _unusable(f"{address}: {name} is no https:// address: {at}")
    return found


def _is_as_safe(address: str, issuer: str) -> bool:
    """Whether what is sent there is read by nobody on the way, or no more than with the issuer."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    has_host = bool(parts.hostname) and not parts.username
    return has_host and parts.scheme in ("https", urlsplit(issuer).scheme)


def _unusable(detail: str) -> Unavailable:
    return Unavailable(_clean(detail), code="provider-unusable")


def _away(detail: str) -> Unavailable:
    return Unavailable(_clean(detail), code="provider-away")


def _clean(said: str) -> str:
    """What somebody else may have said, for a log: no line breaks, and not for ever."""
    return "".join(filter(str.isprintable, said))[:500]


# --- to and fro


async def address_to_sign_in(asked: Asked) -> str:
    """Where the browser goes, to come back to `redirect_uri`. Raises Unavailable."""
    settings = get_settings()
    found = await provider()
    address: str = prepare_grant_uri(
        found.authorization_endpoint,
        settings.oidc_client_id,
        "code",
        redirect_uri=asked.redirect_uri,
        scope=" ".join(dict.fromkeys(("openid", *settings.oidc_scopes))),
        state=asked.state,
        nonce=asked.nonce,
        code_challenge=create_s256_code_challenge(asked.verifier),
        code_challenge_method="S256",
    )
    return address


async def address_to_sign_out(back_to: str) -> str | None:
    """Where the browser is signed out too, if the provider has such a place.

    OpenID Connect RP-Initiated Logout 1.0. No ID token is kept to be shown there, so that some
    providers ask the person once more. Raises Unavailable.
    """
    found = await provider()
    if found.end_session_endpoint is None:
        return None
    client_id = get_settings().oidc_client_id
    url = httpx.URL(found.end_session_endpoint)
    return str(url.copy_merge_params({"client_id": client_id, "post_logout_redirect_uri": back_to}))


async def redeem(code: str, issuer: str | None, asked: Asked) -> Person:
    """Whom a code stands for, that the browser has brought; `issuer`: who gave it, as it says.

    Raises NotSignedIn when anything about it is not as it has to be, and Unavailable.
    """
    settings = get_settings()
    found = await provider()
    _require_issuer(found, issuer)
    tokens = await _exchange(code, asked, found, settings)
    claims = await _verified(tokens, asked.nonce, found, settings)
    if _lacks(claims, settings) and found.userinfo_endpoint and "access_token" in tokens:
        claims = await _with_account(claims, str(tokens["access_token"]), found, settings)
    return Person(found.issuer, claims["sub"], claims)


def _require_issuer(found: Provider, issuer: str | None) -> None:
    """RFC 9207: another provider's answer is not taken to this one."""
    if issuer is None and not found.authorization_response_iss_parameter_supported:
        return
    if issuer != found.issuer:
        raise NotSignedIn(
            _clean(f"the answer is of the issuer {issuer}, not of {found.issuer}"),
            code="bad-id-token",
        )


async def _exchange(
    code: str, asked: Asked, found: Provider, settings: Settings
) -> Mapping[str, Any]:
    """The tokens that the provider gives for a code, once."""
    body = prepare_token_request(
        "authorization_code",
        redirect_uri=asked.redirect_uri,
        code=code,
        code_verifier=asked.verifier,
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url, headers, body = _client(found, settings).prepare(
        "POST", found.token_endpoint, headers, body
    )
    status, content = await _ask("POST", url, settings, headers=headers, body=body)
    if not isinstance(content, dict):
        raise _away(f"{found.token_endpoint} answered {status}, and no JSON object")
    if error := content.get("error"):
        why = _clean(f"the provider refused the code: {error} {content.get('error_description')}")
        if error in ("invalid_client", "unauthorized_client"):
            raise _unusable(f"{why}; it does not accept WEAKSEG_OIDC_CLIENT_ID or its secret")
        raise NotSignedIn(why, code="code-refused")
    if status != httpx.codes.OK:
        raise _away(f"{found.token_endpoint} answered {status}")
    return content


def _client(found: Provider, settings: Settings) -> ClientAuth:
    """How this server shows who it is (OpenID Connect Core 1.0, section 9)."""
    name = settings.oidc_client_id or ""
    if settings.oidc_client_secret is None:
        return ClientAuth(name, None, "none")
    secret = settings.oidc_client_secret.get_secret_value()
    methods = found.token_endpoint_auth_methods_supported
    if "client_secret_post" in methods and "client_secret_basic" not in methods:
        return ClientAuth(name, secret, "client_secret_post")
    # RFC 6749, section 2.3.1: both are coded as in forms first.
    return ClientAuth(quote(name, safe=""), quote(secret, safe=""), "client_secret_basic")


# --- what is believed


async def _verified(
    tokens: Mapping[str, Any], nonce: str, found: Provider, settings: Settings
) -> dict[str, Any]:
    """The claims of an ID token, all of which hold (OpenID Connect Core 1.0, section 3.1.3.7).

    The keys are asked for each time: one that the provider has withdrawn opens nothing any more, and
    a new one is known at once. People sign in rarely.
    """
    keys = _keys(await _get(found.jwks_uri, settings), found.jwks_uri)
    with _doubts():
        signed = jwt.decode(
            str(tokens.get("id_token", "")),
            keys,
            registry=JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False),
        )
        claims = CodeIDToken(
            signed.claims,
            signed.header,
            options={
                "iss": {"essential": True, "value": found.issuer},
                "aud": {"essential": True, "value": settings.oidc_client_id},
                "sub": {"essential": True},
            },
            params={
                "nonce": nonce,
                "client_id": settings.oidc_client_id,
                "access_token": tokens.get("access_token"),
            },
        )
        claims.validate(leeway=CLOCKS_DIFFER)
        if len(claims["sub"]) > LONGEST_SUBJECT:
            raise ValueError("the claim sub is too long")
    return dict(claims)


@contextmanager
def _doubts() -> Iterator[None]:
    """Whatever the libraries find wrong is one answer; which it was is for the log."""
    try:
        yield
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        why = _clean(f"the ID token can not be believed: {type(error).__name__}: {error}")
        raise NotSignedIn(why, code="bad-id-token") from error


def _keys(content: Any, address: str) -> KeySet:
    """The provider's keys to verify signatures with; those of other kinds are passed over."""
    listed = content.get("keys") if isinstance(content, dict) else None
    keys: list[RSAKey | ECKey | OKPKey] = []
    for each in listed if isinstance(listed, list) else ():
        if not isinstance(each, dict) or each.get("use", "sig") != "sig":
            continue
        if each.get("kty") not in ("RSA", "EC", "OKP"):
            continue  # such as a secret, with which nobody signs here
        try:
            key = JWKRegistry.import_key(each)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey):
            keys.append(key)
    if not keys:
        raise _unusable(f"{address} has no key to verify signatures with")
    return KeySet([*keys])


def _lacks(claims: Mapping[str, Any], settings: Settings) -> bool:
    """Whether the ID token is without something that is needed: many keep it short."""
    role = settings.oidc_role_claim
    return "email" not in claims or (role is not None and claim(claims, role) is None)


def claim(claims: Mapping[str, Any], name: str) -> Any:
    """A claim by its whole name, or else by the names along the way to it; None without it."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


async def _with_account(
    claims: Mapping[str, Any], access_token: str, found: Provider, settings: Settings
) -> dict[str, Any]:
    """The claims with what the provider's account has besides."""
    address = found.userinfo_endpoint or ""
    said = await _get(address, settings, {"Authorization": f"Bearer {access_token}"})
    # OpenID Connect Core 1.0, section 5.3.2: else somebody else's could be put in its place.
    if not isinstance(said, dict) or said.get("sub") != claims["sub"]:
        raise NotSignedIn(_clean(f"{address} is not of whom the ID token is"), code="bad-id-token")
    whole = said | dict(claims)
    if "email" not in claims:
        whole["email_verified"] = said.get("email_verified")  # it says something of that address
    return whole


# --- on the wire


async def _get(url: str, settings: Settings, headers: Mapping[str, str] | None = None) -> Any:
    status, content = await _ask("GET", url, settings, headers=headers)
    if status != httpx.codes.OK or content is None:
        raise _away(f"{url} answered {status}, or no JSON")
    return content


async def _ask(
    method: str,
    url: str,
    settings: Settings,
    *,
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
) -> tuple[int, Any]:
    """Status and JSON of an answer, None where it is none. Redirects are not followed."""
    # What is sent is not packed: a few bytes could become very many.
    sent = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
    global _open_requests  # noqa: PLW0603 - of this process
    if _open_requests >= MOST_AT_ONCE:
        raise Unavailable("too many people sign in at this moment; try again", code="sign-in-busy")
    _open_requests += 1
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(
                timeout=SECONDS, trust_env=False, verify=_trusted(settings.oidc_ca_file)
            ) as client,
            client.stream(
                method, url, headers=sent, content=body, follow_redirects=False
            ) as response,
        ):
            return response.status_code, await _json(response)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise _away(f"{url} can not be reached: {type(error).__name__} {error}") from error
    finally:
        _open_requests -= 1


async def _json(response: httpx.Response) -> Any:
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > MAX_ANSWER:
            raise _away(f"{response.url} answers more than {MAX_ANSWER} bytes")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=1)
def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Whose certificates are believed."""
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise _unusable(f"WEAKSEG_OIDC_CA_FILE: {ca_file}: {error}") from error
    return context
