"""A small OpenID provider on this machine: discovery, codes with PKCE, signed ID tokens, userinfo.

What a test changes of it, it says at once: whom it signs in, with which keys, and what it says wrong.
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey, Key

CLIENT_ID = "weakseg at the company"
CLIENT_SECRET = "of the client: %/+"

Claims = dict[str, Any]


@dataclass
class OpenIdProvider:
    """Whom it signs in is `person`; `said` changes claims right before they are signed."""

    issuer: str
    person: Claims
    account: Claims | None = None
    """What userinfo says; None: what `person` has."""
    metadata: Claims = field(default_factory=dict)
    """In place of what it says of itself."""
    said: Callable[[Claims], Claims] = lambda claims: claims
    sign: Callable[[Claims], str] | None = None
    """In place of its own signature."""
    has_secret: bool = True
    takes_codes_again: bool = False
    fails: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """What is answered at a path, whatever was asked."""
    asked: list[str] = field(default_factory=list)
    alg: str = ""
    keys: list[Key] = field(default_factory=list)
    other_keys: list[Claims] = field(default_factory=list)
    """Which it says too, and does not sign with."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rotate()

    def rotate(self, key: Key | None = None, alg: str = "ES256") -> None:
        """Sign with a new key from now on, and know the old one no more."""
        self.alg, self.keys = alg, [key or ECKey.generate_key("P-256", auto_kid=True)]

    def authorize(self, address: str) -> str:
        """What a browser is sent back to once the person has signed in there."""
        given = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert given["client_id"] == CLIENT_ID
        assert given["response_type"] == "code"
        assert given["code_challenge_method"] == "S256"
        assert "openid" in given["scope"].split()
        code = secrets.token_urlsafe(16)
        self._codes[code] = given
        back = {"code": code, "state": given["state"], "iss": self.issuer}
        return f"{given['redirect_uri']}?{urlencode(back)}"

    def answer(self, path: str, form: dict[str, str], sent: str) -> tuple[int, Any]:
        """Status and JSON; `sent`: the Authorization header."""
        match path:
            case "/.well-known/openid-configuration":
                return 200, self._described()
            case "/keys":
                keys = [key.as_dict(private=False, use="sig", alg=self.alg) for key in self.keys]
                return 200, {"keys": [*self.other_keys, *keys]}
            case "/token":
                return self._tokens(form, sent)
            case "/userinfo" if sent == "Bearer access":
                return 200, self.person if self.account is None else self.account
        return 404, {"error": "nothing here"}

    def _described(self) -> Claims:
        here = self.issuer
        return {
            "issuer": here,
            "authorization_endpoint": f"{here}/authorize?of=company",
            "token_endpoint": f"{here}/token",
            "jwks_uri": f"{here}/keys",
            "userinfo_endpoint": f"{here}/userinfo",
            "end_session_endpoint": f"{here}/bye",
            "authorization_response_iss_parameter_supported": True,
        } | self.metadata

    def _tokens(self, form: dict[str, str], sent: str) -> tuple[int, Any]:
        if not self._is_client(form, sent):
            return 401, {"error": "invalid_client"}
        code = form.get("code", "")
        begun = self._codes.get(code) if self.takes_codes_again else self._codes.pop(code, None)
        if begun is None or form["redirect_uri"] != begun["redirect_uri"]:
            return 400, {"error": "invalid_grant", "error_description": "no such code\nat all"}
        if create_s256_code_challenge(form["code_verifier"]) != begun["code_challenge"]:
            return 400, {"error": "invalid_grant", "error_description": "not who asked"}
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300,
            "nonce": begun["nonce"], **self.person,
        }  # fmt: skip
        claims = self.said(claims)
        token = self.signed(claims) if self.sign is None else self.sign(claims)
        return 200, {"access_token": "access", "token_type": "Bearer", "id_token": token}

    def signed(self, claims: Claims) -> str:
        """An ID token of its newest key."""
        key = self.keys[0]
        header = {"alg": self.alg, "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=[self.alg])

    def _is_client(self, form: dict[str, str], sent: str) -> bool:
        if not self.has_secret:
            return form.get("client_id") == CLIENT_ID and not sent
        kind, _, coded = sent.partition(" ")
        name, _, secret = base64.b64decode(coded).decode().partition(":")
        return (kind, unquote(name), unquote(secret)) == ("Basic", CLIENT_ID, CLIENT_SECRET)


@contextmanager
def openid_providers() -> Iterator[Callable[[Claims], OpenIdProvider]]:
    """Makes one after the other, at one address of this machine; each takes the last one's place."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()

    def fresh(person: Claims) -> OpenIdProvider:
        made = _Handler.providers[port] = OpenIdProvider(f"http://127.0.0.1:{port}", person)
        return made

    try:
        yield fresh
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    providers: ClassVar[dict[int, OpenIdProvider]] = {}

    def log_message(self, *_: object) -> None:
        """Tests read no log of it."""

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer({name: values[0] for name, values in parse_qs(body).items()})

    def _answer(self, form: dict[str, str]) -> None:
        provider = self.providers[self.server.server_address[1]]  # type: ignore[index]
        path = urlsplit(self.path).path
        provider.asked.append(path)
        if path == "/authorize":
            self.send_response(303)
            self.send_header("Location", provider.authorize(self.path))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if path in provider.fails:
            status, content = provider.fails[path]
        else:
            status, said = provider.answer(path, form, self.headers.get("Authorization", ""))
            content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
