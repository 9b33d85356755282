"""Signing in at an OpenID provider, one that runs here: what is believed of it, and what is not."""

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server import openid
from server.db import is_postgresql, session_scope, utcnow
from server.models import AuditEntry, AuditEvent, Identity, User, UserSession
from server.models.user import Role
from server.schemas.user import Scope, TokenIn, UserChange
from server.security import hash_secret
from server.services import deletion
from server.services.accounts import credentials, sessions, single_sign_on, tokens, users
from server.settings import get_settings
from tests.server.people import EMAILS, PASSWORD
from tests.services.openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider, openid_providers

Clients = Callable[[], TestClient]
Set = Callable[..., None]
ANN = {"sub": "7f3a", "email": "ann@example.org", "email_verified": True}
CALLBACK = "http://testserver/api/v1/session/provider"


one_database = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what has nothing to do with how rows are stored."""


@pytest.fixture(scope="module")
def providers() -> Iterator[Callable[[dict[str, Any]], OpenIdProvider]]:
    with openid_providers() as fresh:
        yield fresh


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, database: str) -> Set:
    """Sets settings of the server, without WEAKSEG_; anything but text is JSON."""

    def change(**values: object) -> None:
        for name, value in values.items():
            text = value if isinstance(value, str) else json.dumps(value)
            monkeypatch.setenv(f"WEAKSEG_{name}", text)
        get_settings.cache_clear()

    return change


@pytest.fixture
def provider(
    providers: Callable[[dict[str, Any]], OpenIdProvider], settings: Set
) -> OpenIdProvider:
    """The provider of the settings. It signs in Ann, whoever comes."""
    made = providers(dict(ANN))
    settings(OIDC_ISSUER=made.issuer, OIDC_CLIENT_ID=CLIENT_ID, OIDC_CLIENT_SECRET=CLIENT_SECRET,
             OIDC_CREATE_ACCOUNTS=True)  # fmt: skip
    openid._known.clear()
    return made


@pytest.fixture
def client(app_client: Clients) -> TestClient:
    client = app_client()
    client.follow_redirects = False
    return client


def begin(client: TestClient, next_page: str | None = None) -> str:
    """The address to which a browser is sent."""
    answer = client.post("/api/v1/session/provider", json={"next": next_page})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["address"])


def enter(client: TestClient, provider: OpenIdProvider, next_page: str | None = None) -> Response:
    """To the provider and back."""
    return client.get(provider.authorize(begin(client, next_page)))


def problem_of(answer: Response) -> str:
    """Why somebody was sent back to the page for signing in."""
    assert answer.status_code == 303, answer.text
    address = urlsplit(answer.headers["location"])
    assert address.path == "/sign-in", answer.headers["location"]
    assert sessions.COOKIE not in answer.headers.get("set-cookie", "")
    return parse_qs(address.query)["problem"][0]


def me(client: TestClient) -> dict[str, Any]:
    answer = client.get("/api/v1/me")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def account(email: str) -> User:
    with session_scope(read_only=True) as session:
        user = users.find_by_email(session, email)
        assert user is not None
        return user


def lines(event: AuditEvent) -> list[AuditEntry]:
    with session_scope(read_only=True) as session:
        found = select(AuditEntry).where(AuditEntry.event == event).order_by(AuditEntry.id)
        return list(session.scalars(found))


def count(table: type) -> int:
    with session_scope(read_only=True) as session:
        return len(session.scalars(select(table)).all())


# --- there and back


def test_there_and_back(client: TestClient, provider: OpenIdProvider) -> None:
    answer = enter(client, provider, "/projects/1/label?x=y")
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/1/label?x=y")
    found = me(client)
    assert (found["email"], found["role"], found["is_ready"]) == (ANN["email"], "annotator", True)
    assert (found["by_provider"], found["has_password"]) == (True, False)
    linked, entered = lines(AuditEvent.IDENTITY_LINKED)[0], lines(AuditEvent.SIGNED_IN)[0]
    assert (linked.subject_id, linked.after) == (
        str(found["id"]), {"identity": 1, "issuer": provider.issuer},
    )  # fmt: skip
    assert (entered.user_id, entered.after) == (found["id"], {"identity": 1})
    again = enter(client, provider)
    assert again.headers["location"] == "/projects"
    assert me(client)["id"] == found["id"]
    assert count(UserSession) == 1, "the session before it has ended"
    assert len(lines(AuditEvent.IDENTITY_LINKED)) == 1


@one_database
def test_a_stranger_at_the_door_is_told_where_to_go(
    client: TestClient, provider: OpenIdProvider, settings: Set
) -> None:
    settings(OIDC_LABEL="Company account", OIDC_SCOPES=["email", "groups"])
    about = client.get("/api/v1/about").json()
    assert (about["passwords"], about["provider"]) == (True, "Company account")
    address = urlsplit(begin(client))
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert (address.path, asked.pop("of")) == ("/authorize", "company"), "its own query stays"
    assert asked["redirect_uri"] == CALLBACK
    assert asked["scope"] == "openid email groups"
    cookie = client.post("/api/v1/session/provider", json={}).headers["set-cookie"]
    for said in ("HttpOnly", "SameSite=lax", "Max-Age=600", "Path=/"):
        assert said in cookie
    for secret in (asked["state"], asked["nonce"]):
        assert len(secret) >= 43


@one_database
def test_under_https_the_flow_has_the_name_that_nobody_else_can_give(
    client: TestClient, provider: OpenIdProvider
) -> None:
    client.base_url = client.base_url.copy_with(scheme="https")
    answer = client.post("/api/v1/session/provider", json={})
    assert answer.headers["set-cookie"].startswith("__Host-weakseg_provider_")
    assert "Secure" in answer.headers["set-cookie"]
    back = provider.authorize(answer.json()["address"])
    assert back.startswith("https://testserver/api/v1/session/provider?")
    entered = client.get(back)
    assert entered.headers["location"] == "/projects"
    assert "__Host-weakseg_session" in entered.headers["set-cookie"]


@one_database
def test_without_a_provider_there_is_no_such_door(client: TestClient) -> None:
    assert client.get("/api/v1/about").json()["provider"] is None
    for answer in (
        client.post("/api/v1/session/provider", json={}),
        client.get("/api/v1/session/provider?state=a&code=b"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "no-provider")


@one_database
def test_no_other_site_begins_it_or_is_gone_to(
    client: TestClient, provider: OpenIdProvider
) -> None:
    theirs = {"Origin": "https://evil.example"}
    answer = client.post("/api/v1/session/provider", json={}, headers=theirs)
    assert answer.status_code == 403
    for away in ("https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example",
                 "javascript:alert(1)", "projects", "", "/a\r\nSet-Cookie: a=b", "/é",
                 "/" + "a" * 1001):  # fmt: skip
        assert enter(client, provider, away).headers["location"] == "/projects", away


@one_database
def test_a_public_client_has_no_secret(
    client: TestClient, provider: OpenIdProvider, settings: Set
) -> None:
    settings(OIDC_CLIENT_SECRET="")
    assert problem_of(enter(client, provider)) == "provider-unusable"
    provider.has_secret = False
    assert enter(client, provider).headers["location"] == "/projects"


# --- what is not believed


def hs256(provider: OpenIdProvider) -> Callable[[dict[str, Any]], str]:
    """Signed with the public key, as if it were a secret: everybody knows it."""
    public = provider.keys[0].as_pem(private=False)
    secret = OctKey.import_key(base64.urlsafe_b64encode(public).decode())
    header = {"alg": "HS256", "kid": provider.keys[0].kid}
    return lambda claims: jwt.encode(header, claims, secret)


def unsigned(claims: dict[str, Any]) -> str:
    parts = (json.dumps({"alg": "none"}), json.dumps(claims))
    return ".".join(base64.urlsafe_b64encode(p.encode()).decode().rstrip("=") for p in parts) + "."


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


@one_database
def test_an_id_token_that_is_wrong_in_any_way_opens_nothing(
    client: TestClient, provider: OpenIdProvider
) -> None:
    now, strange = int(time.time()), ECKey.generate_key("P-256", auto_kid=True)
    wrong: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "nonce": lambda c: c | {"nonce": "another"},
        "audience": lambda c: c | {"aud": "another client"},
        "audience of another party": lambda c: c | {"aud": "other", "azp": CLIENT_ID},
        "several audiences": lambda c: c | {"aud": [CLIENT_ID, "other"]},
        "another party": lambda c: c | {"azp": "other"},
        "issuer": lambda c: c | {"iss": "https://elsewhere.example"},
        "issuer with a slash": lambda c: c | {"iss": f"{c['iss']}/"},
        "expired": lambda c: c | {"exp": now - 120},
        "of the future": lambda c: c | {"iat": now + 600},
        "not yet": lambda c: c | {"nbf": now + 600},
        "no subject": lambda c: c | {"sub": ""},
        "a number as subject": lambda c: c | {"sub": 7},
        "a long subject": lambda c: c | {"sub": "a" * 256},
        "another access token": lambda c: c | {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        "an end that is no number": lambda c: c | {"exp": "never"},
        **{f"without {name}": without(name) for name in ("nonce", "aud", "iss", "exp", "sub")},
    }
    for name, said in wrong.items():
        provider.said = said
        assert problem_of(enter(client, provider)) == "bad-id-token", name
    provider.said = lambda claims: claims
    known = provider.keys[0]
    for name, sign in {
        "no signature": unsigned,
        "the public key as secret": hs256(provider),
        "a strange key": lambda c: jwt.encode({"alg": "ES256", "kid": strange.kid}, c, strange),
        "a strange key under a known name": lambda c: jwt.encode(
            {"alg": "ES256", "kid": known.kid}, c, strange
        ),
        "a key that it brings itself": lambda c: jwt.encode(
            {"alg": "ES256", "jwk": strange.as_dict(private=False)}, c, strange
        ),
        "changed": lambda c: provider.signed(c)[:-8] + "AAAAAAAA",
        "no token": lambda _: "",
        "no JSON": lambda _: "a.b.c",
    }.items():
        provider.sign = sign
        assert problem_of(enter(client, provider)) == "bad-id-token", name
    assert client.get("/api/v1/me").status_code == 401
    assert (count(User), count(Identity)) == (0, 0)
    assert {line.after["reason"] for line in lines(AuditEvent.SIGN_IN_FAILED) if line.after} == {
        "bad-id-token"
    }


@one_database
def test_a_new_key_is_known_at_once_and_an_old_one_no_more(
    client: TestClient, provider: OpenIdProvider
) -> None:
    assert enter(client, provider).headers["location"] == "/projects"
    old = provider.keys[0]
    provider.rotate()
    assert enter(client, provider).headers["location"] == "/projects"
    provider.sign = lambda c: jwt.encode({"alg": "ES256", "kid": old.kid}, c, old)
    assert problem_of(enter(client, provider)) == "bad-id-token"
    provider.sign = None
    for key, alg in (
        (RSAKey.generate_key(2048, auto_kid=True), "RS256"),
        (OKPKey.generate_key("Ed25519", auto_kid=True), "Ed25519"),
    ):
        provider.rotate(key, alg)
        assert enter(client, provider).headers["location"] == "/projects", alg


@one_database
def test_keys_of_other_kinds_are_passed_over(client: TestClient, provider: OpenIdProvider) -> None:
    provider.other_keys = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}, {"kty": "AKP", "kid": "of tomorrow"},
        {"kty": "EC", "crv": "P-256", "x": "?", "y": "?"}, {"kty": "RSA", "use": "enc"}, {},
    ]  # fmt: skip
    assert enter(client, provider).headers["location"] == "/projects"
    shared = OctKey.import_key("secret of both, long enough for it")
    provider.other_keys = [shared.as_dict(private=True, kid="shared")]
    provider.sign = lambda c: jwt.encode({"alg": "HS256", "kid": "shared"}, c, shared)
    assert problem_of(enter(client, provider)) == "bad-id-token"
    provider.keys, provider.other_keys = [], []
    assert problem_of(enter(client, provider)) == "provider-unusable"


@one_database
def test_an_answer_of_another_issuer_is_not_taken_to_this_one(
    client: TestClient, provider: OpenIdProvider
) -> None:
    asked = begin(client)
    back = provider.authorize(asked)
    iss = f"iss={provider.issuer.replace(':', '%3A').replace('/', '%2F')}"
    assert iss in back
    mixed = back.replace(iss, "iss=https%3A%2F%2Felsewhere.example")
    assert problem_of(client.get(mixed)) == "bad-id-token"
    assert "/token" not in provider.asked, "which would have told the code"
    without_issuer = provider.authorize(begin(client)).replace(f"&{iss}", "")
    assert problem_of(client.get(without_issuer)) == "bad-id-token", (
        "it says that it always names it"
    )


# --- bound to the browser, and once


@one_database
def test_only_the_browser_that_began_can_end_it(
    client: TestClient, app_client: Clients, provider: OpenIdProvider
) -> None:
    back = provider.authorize(begin(client))
    other = app_client()
    other.follow_redirects = False
    assert problem_of(other.get(back)) == "sign-in-expired"
    begin(other)
    assert problem_of(other.get(back)) == "sign-in-expired", "with a flow of its own"
    state = parse_qs(urlsplit(back).query)["state"][0]
    for wrong in (back.replace(state, state[:16] + "x" * 27), back.replace(state, ""),
                  back.partition("?")[0], f"{CALLBACK}?state={state[:16]}"):  # fmt: skip
        assert problem_of(client.get(wrong)) == "sign-in-expired"
    assert "/token" not in provider.asked
    assert not lines(AuditEvent.SIGN_IN_FAILED), "strangers write nothing"
    assert client.get(back).headers["location"] == "/projects"


@one_database
def test_a_callback_and_a_code_work_once(client: TestClient, provider: OpenIdProvider) -> None:
    back = provider.authorize(begin(client))
    kept = dict(client.cookies)
    assert client.get(back).headers["location"] == "/projects"
    assert problem_of(client.get(back)) == "sign-in-expired", "the browser has forgotten it"
    for name, value in kept.items():
        client.cookies.set(name, value, domain="testserver.local")
    assert problem_of(client.get(back)) == "code-refused"


@one_database
def test_a_code_of_somebody_else_is_not_taken(
    client: TestClient, app_client: Clients, provider: OpenIdProvider
) -> None:
    """PKCE: a code is worth nothing without what the browser that asked for it keeps."""
    theirs = parse_qs(urlsplit(provider.authorize(begin(app_client()))).query)["code"][0]
    mine = provider.authorize(begin(client))
    code = parse_qs(urlsplit(mine).query)["code"][0]
    assert problem_of(client.get(mine.replace(code, theirs))) == "code-refused"


@one_database
def test_two_windows_do_not_disturb_each_other(
    client: TestClient, provider: OpenIdProvider
) -> None:
    first, second = begin(client, "/projects/1"), begin(client, "/projects/2")
    assert client.get(provider.authorize(second)).headers["location"] == "/projects/2"
    assert client.get(provider.authorize(first)).headers["location"] == "/projects/1"
    assert count(UserSession) == 1


@one_database
def test_a_browser_keeps_so_many_flows(client: TestClient, provider: OpenIdProvider) -> None:
    begun = [begin(client) for _ in range(12)]
    assert len(client.cookies) == 8
    assert problem_of(client.get(provider.authorize(begun[3]))) == "sign-in-expired"
    assert client.get(provider.authorize(begun[4])).headers["location"] == "/projects"


def test_two_first_sign_ins_at_once_make_one_account(
    app_client: Clients, provider: OpenIdProvider
) -> None:
    browsers = [app_client() for _ in range(4)]
    for browser in browsers:
        browser.follow_redirects = False
    backs = [provider.authorize(begin(browser)) for browser in browsers]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda pair: pair[0].get(pair[1]), zip(browsers, backs, strict=True))
        )
    assert {answer.headers["location"] for answer in answers} == {"/projects"}
    assert (count(User), count(Identity)) == (1, 1)


def test_a_window_that_finds_an_account_made_meanwhile_has_it(
    app_client: Clients, provider: OpenIdProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking for whom the provider sent, and for an account of that address."""
    first, second = app_client(), app_client()
    for browser in (first, second):
        browser.follow_redirects = False
    find_by_email = users.find_by_email

    def find_late(session: Session, email: str) -> User | None:
        monkeypatch.undo()
        if is_postgresql(session):  # on SQLite nobody else writes before this has ended
            assert enter(second, provider).headers["location"] == "/projects"
        return find_by_email(session, email)

    monkeypatch.setattr(users, "find_by_email", find_late)
    assert enter(first, provider).headers["location"] == "/projects"
    assert (count(User), count(Identity)) == (1, 1)


# --- whose account it is


@one_database
def test_an_address_that_is_not_verified_takes_over_nothing(
    client: TestClient, provider: OpenIdProvider, people: dict[Role, int], settings: Set
) -> None:
    """Whoever types an admin's address into their profile at the provider."""
    admins = EMAILS[Role.ADMIN]
    for said, believes, why in (
        ({"email": admins, "email_verified": False}, True, "unverified-email"),
        ({"email": admins, "email_verified": "false"}, True, "unverified-email"),
        ({"email": admins, "email_verified": "true"}, True, "unverified-email"),
        ({"email": admins}, False, "unverified-email"),
        ({"email": admins, "email_verified": None}, False, "unverified-email"),
        ({}, True, "no-email"),
        ({"email": [admins], "email_verified": True}, False, "no-email"),
        ({"email": f"{admins}\0", "email_verified": True}, False, "no-email"),
        ({"email": "not an address", "email_verified": True}, False, "no-email"),
        # K is the sign of Kelvin, which is "k" in small letters.
        ({"email": "\u212aate@example.org", "email_verified": True}, False, "no-email"),
        ({"preferred_username": admins, "email_verified": True}, False, "no-email"),
    ):  # fmt: skip
        settings(OIDC_EMAIL_IS_VERIFIED=believes)
        provider.person = {"sub": "of a stranger"} | said
        assert problem_of(enter(client, provider)) == why, said
    assert count(Identity) == 0
    settings(OIDC_EMAIL_IS_VERIFIED=True)
    provider.person = {"sub": "of the admin", "email": admins}
    assert enter(client, provider).headers["location"] == "/projects", "the operator believes it"
    assert me(client)["id"] == people[Role.ADMIN]


@one_database
def test_what_the_id_token_lacks_is_asked_of_the_account(
    client: TestClient, provider: OpenIdProvider, people: dict[Role, int]
) -> None:
    provider.person = {"sub": "b"}
    provider.account = {"sub": "a", "email": EMAILS[Role.ADMIN], "email_verified": True}
    assert problem_of(enter(client, provider)) == "bad-id-token", "it is somebody else's"
    provider.account = {"sub": "b", "email": EMAILS[Role.ADMIN], "email_verified": False}
    assert problem_of(enter(client, provider)) == "unverified-email"
    # Verified is the address that stands beside it, and no other.
    provider.person = {"sub": "b", "email_verified": True}
    assert problem_of(enter(client, provider)) == "unverified-email"
    provider.account["email_verified"] = True
    assert enter(client, provider).headers["location"] == "/projects"
    assert me(client)["id"] == people[Role.ADMIN]


def test_an_account_is_known_by_its_subject_and_not_by_its_address(
    client: TestClient, provider: OpenIdProvider, people: dict[Role, int]
) -> None:
    provider.person = ANN | {"email": EMAILS[Role.ENGINEER].upper()}
    assert enter(client, provider).headers["location"] == "/projects"
    assert me(client)["id"] == people[Role.ENGINEER], "the address finds it the first time"
    provider.person = ANN | {"email": EMAILS[Role.ADMIN]}
    assert enter(client, provider).headers["location"] == "/projects"
    assert me(client)["id"] == people[Role.ENGINEER], "and never again"
    provider.person = ANN | {"sub": "a new colleague", "email": EMAILS[Role.ENGINEER]}
    assert problem_of(enter(client, provider)) == "other-identity"
    with session_scope() as session:
        assert single_sign_on.unlink(session, people[Role.ENGINEER]) == 1
    assert client.get("/api/v1/me").status_code == 401, "its sessions have ended"
    assert enter(client, provider).headers["location"] == "/projects"
    assert me(client)["id"] == people[Role.ENGINEER]
    assert lines(AuditEvent.IDENTITY_REMOVED)[0].before == {"identities": [1]}


@one_database
def test_accounts_are_made_only_where_the_operator_wants_it(
    client: TestClient, provider: OpenIdProvider, settings: Set, people: dict[Role, int]
) -> None:
    settings(OIDC_CREATE_ACCOUNTS=False)
    assert problem_of(enter(client, provider)) == "no-account"
    assert (count(User), count(Identity)) == (len(people), 0)
    with session_scope() as session:
        users.create(session, ANN["email"], None, Role.ENGINEER)
    assert enter(client, provider).headers["location"] == "/projects"
    assert me(client)["role"] == "engineer", "which no claim says"


def test_who_is_locked_out_stays_out(
    client: TestClient, provider: OpenIdProvider, people: dict[Role, int]
) -> None:
    assert enter(client, provider).headers["location"] == "/projects"
    ann = me(client)["id"]
    with session_scope() as session:
        users.change(session, ann, UserChange(active=False))
        users.change(session, people[Role.ENGINEER], UserChange(active=False))
    assert client.get("/api/v1/me").status_code == 401
    assert problem_of(enter(client, provider)) == "locked-out"
    assert lines(AuditEvent.SIGN_IN_FAILED)[-1].subject_id == str(ann)
    provider.person = {"sub": "new", "email": EMAILS[Role.ENGINEER], "email_verified": True}
    assert problem_of(enter(client, provider)) == "locked-out"
    assert count(Identity) == 1


def test_a_deleted_account_stays_gone(
    client: TestClient, provider: OpenIdProvider, people: dict[Role, int]
) -> None:
    assert enter(client, provider).headers["location"] == "/projects"
    ann = me(client)["id"]
    said = deletion.delete_user(ann, people[Role.ADMIN])
    assert any("hash" in remark for remark in said.remarks), "which is told before"
    assert problem_of(enter(client, provider)) == "account-deleted"
    with session_scope(read_only=True) as session:
        assert [user.email for user in session.scalars(select(User))].count(ANN["email"]) == 0
        assert ANN["sub"] not in str([vars(each) for each in session.scalars(select(Identity))])
        added = None
    with session_scope() as session:
        added = users.create(session, ANN["email"], None, Role.ANNOTATOR).id
    assert enter(client, provider).headers["location"] == "/projects", "an admin wants them back"
    assert me(client)["id"] == added != ann


# --- what they may do


ROLES = {"weakseg": "annotator", "ml": "engineer", "heads": "admin"}


def test_roles_follow_the_claim_at_each_sign_in(
    client: TestClient, provider: OpenIdProvider, settings: Set, people: dict[Role, int]
) -> None:
    settings(OIDC_ROLE_CLAIM="realm_access.roles", OIDC_ROLES=ROLES)
    for groups, role in (
        (["weakseg", "others"], "annotator"), (["ml", "heads", 3, None], "admin"), ("ml", "engineer"),
    ):  # fmt: skip
        provider.person = ANN | {"realm_access": {"roles": groups}}
        assert enter(client, provider).headers["location"] == "/projects"
        assert me(client)["role"] == role
    changed = lines(AuditEvent.ROLE_CHANGED)
    assert [(line.before, line.after) for line in changed] == [
        ({"role": "annotator"}, {"role": "admin"}), ({"role": "admin"}, {"role": "engineer"}),
    ]  # fmt: skip


@one_database
def test_a_lost_role_takes_effect(
    client: TestClient, provider: OpenIdProvider, settings: Set, people: dict[Role, int]
) -> None:
    settings(OIDC_ROLE_CLAIM="groups", OIDC_ROLES=ROLES)
    provider.person = ANN | {"groups": ["heads"]}
    assert enter(client, provider).headers["location"] == "/projects"
    body = {"name": "mine", "scopes": ["read"]}
    token = client.post("/api/v1/tokens", json=body).json()["token"]
    for groups in ([], ["others"], "", {"heads": 1}, [["heads"]], None):
        provider.person = ANN | {"groups": groups}
        assert problem_of(enter(client, provider)) == "no-role", groups
        assert client.get("/api/v1/me").status_code == 401
    program = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/me", headers=program).status_code == 401
    assert account(ANN["email"]).role == Role.ANNOTATOR
    provider.person = ANN | {"sub": "new", "email": "bob@example.org"}
    assert problem_of(enter(client, provider)) == "no-role", "the claim is missing"
    assert count(User) == len(people) + 1
    settings(OIDC_DEFAULT_ROLE="engineer")
    assert enter(client, provider).headers["location"] == "/projects"
    assert me(client)["role"] == "engineer"


def test_a_session_from_the_provider_ends_after_a_time(
    client: TestClient, app_client: Clients, provider: OpenIdProvider, settings: Set,
    people: dict[Role, int],
) -> None:  # fmt: skip
    answer = enter(client, provider)
    assert "max-age=43200" in answer.headers["set-cookie"].lower()
    by_password = app_client()
    body = {"email": EMAILS[Role.ANNOTATOR], "password": PASSWORD}
    assert by_password.post("/api/v1/session", json=body).is_success

    def status_after(**time_ago: int) -> int:
        """As it is for sessions that were begun so long ago, and by an earlier version."""
        now = utcnow()
        begun, ends = now - timedelta(**time_ago), now + timedelta(days=13)
        with session_scope() as session:
            session.execute(update(UserSession).values(created_at=begun, expires_at=ends))
            found = list(session.scalars(select(UserSession)))
            hashes = {each.secret_hash for each in found if each.identity_id is not None}
            still = credentials.holders(session, hashes)
        status = client.get("/api/v1/me").status_code
        assert bool(still) == (status == 200), "streams end with it"
        return status

    assert status_after(hours=11, minutes=58) == 200
    assert status_after(hours=12, minutes=1) == 401
    assert by_password.get("/api/v1/me").status_code == 200, "a password's is as long as ever"
    settings(OIDC_SESSION_LIFETIME="PT30M")
    assert status_after(minutes=31) == 401
    settings(OIDC_SESSION_LIFETIME="P30D")
    assert status_after(hours=13) == 200
    assert "max-age=1209600" in enter(client, provider).headers["set-cookie"].lower(), "as all"


def test_the_last_admin_is_not_lost_by_a_claim(
    client: TestClient, provider: OpenIdProvider, settings: Set
) -> None:
    settings(OIDC_ROLE_CLAIM="groups", OIDC_ROLES=ROLES)
    provider.person = ANN | {"groups": ["heads"]}
    assert enter(client, provider).headers["location"] == "/projects"
    for groups in (["ml"], []):
        provider.person = ANN | {"groups": groups}
        assert problem_of(enter(client, provider)) == "last-admin"
        assert me(client)["role"] == "admin", "nothing has changed"
    with session_scope() as session:
        users.create(session, "other@example.org", None, Role.ADMIN)
    provider.person = ANN | {"groups": ["ml"]}
    assert enter(client, provider).headers["location"] == "/projects"
    assert me(client)["role"] == "engineer"


@one_database
def test_of_admins_who_need_a_second_factor_the_provider_asks_one(
    client: TestClient, provider: OpenIdProvider, settings: Set, people: dict[Role, int]
) -> None:
    settings(ADMINS_NEED_SECOND_FACTOR=True)
    with session_scope() as session:
        users.get(session, people[Role.ADMIN]).must_change_password = True
    provider.person = ANN | {"email": EMAILS[Role.ADMIN]}
    assert enter(client, provider).status_code == 303
    found = me(client)
    assert (found["needs_second_factor"], found["is_ready"]) == (True, False)
    assert found["must_change_password"] is False, "nobody came by it"
    assert client.get("/api/v1/users").json()["code"] == "second-factor-needed"
    for amr, trusted, is_in in (
        (["pwd"], False, False),
        (["pwd", "mfa"], False, True),
        ([], True, True),
    ):
        settings(OIDC_SECOND_FACTOR=trusted)
        provider.person["amr"] = amr
        assert enter(client, provider).status_code == 303
        assert client.get("/api/v1/users").is_success == is_in, amr


# --- passwords off


@one_database
def test_where_passwords_are_off_none_opens_anything(
    client: TestClient, provider: OpenIdProvider, settings: Set, people: dict[Role, int],
    sign_in: Callable[[Role], TestClient],
) -> None:  # fmt: skip
    by_password = sign_in(Role.ADMIN)
    link = by_password.post(f"/api/v1/users/{people[Role.ENGINEER]}/password-link").json()["secret"]
    settings(OIDC_ONLY=True)
    assert client.get("/api/v1/about").json()["passwords"] is False
    assert by_password.get("/api/v1/me").status_code == 401, "the session was begun with one"
    provider.person = ANN | {"email": EMAILS[Role.ADMIN]}
    assert enter(client, provider).status_code == 303
    assert me(client)["has_password"] is False
    mine = f"/api/v1/users/{people[Role.ENGINEER]}"
    credentials = {"email": EMAILS[Role.ENGINEER], "password": PASSWORD}
    code = {"secret": "A" * 32, "code": "123456", "password": PASSWORD}
    for method, path, body in (
        ("POST", "/api/v1/session", credentials),
        ("POST", "/api/v1/users", {"email": "new@example.org", "password": PASSWORD}),
        ("PATCH", mine, {"password": PASSWORD}),
        ("POST", f"{mine}/password-link", None),
        ("POST", "/api/v1/password-link/owner", {"secret": link}),
        ("POST", "/api/v1/password-link", {"secret": link, "password": PASSWORD}),
        ("POST", "/api/v1/me/password", {"current": PASSWORD, "new": "quite another battery"}),
        ("POST", "/api/v1/me/second-factor", None),
        ("PUT", "/api/v1/me/second-factor", code),
    ):
        answer = client.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "no-passwords"), path
    assert client.post("/api/v1/users", json={"email": "new@example.org"}).status_code == 201
    with session_scope() as session:  # as `weakseg token add` does, on the server's machine
        admin = users.get(session, people[Role.ADMIN])
        wanted = TokenIn(name="break-glass", scopes=[Scope.READ, Scope.ADMIN])
        _, token = tokens.create(session, admin, wanted, holder_scopes=frozenset(Scope))
    provider.fails["/token"] = (500, b"")
    client.cookies.clear()
    program = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/v1/users", headers=program).status_code == 200


def test_a_stream_of_a_password_session_ends_too(
    provider: OpenIdProvider, settings: Set, people: dict[Role, int]
) -> None:
    with session_scope() as session:
        secret = sessions.start(session, users.get(session, people[Role.ADMIN]))
    hashed = hash_secret(secret)
    with session_scope(read_only=True) as session:
        assert set(credentials.holders(session, [hashed])) == {hashed}
        settings(OIDC_ONLY=True)
        assert credentials.holders(session, [hashed]) == {}


# --- out again


@one_database
def test_signing_out_ends_the_session_and_leads_to_the_provider(
    client: TestClient, provider: OpenIdProvider, settings: Set, people: dict[Role, int],
    annotator: TestClient,
) -> None:  # fmt: skip
    def leave() -> Response:
        assert enter(client, provider).headers["location"] == "/projects"
        kept = client.cookies[sessions.COOKIE]
        answer = client.delete("/api/v1/session")
        client.cookies.set(sessions.COOKIE, kept, domain="testserver.local")
        assert client.get("/api/v1/me").status_code == 401
        client.cookies.clear()
        return answer

    answer = leave()
    address = urlsplit(answer.json()["provider"])
    assert (answer.status_code, address.path) == (200, "/bye")
    assert parse_qs(address.query) == {
        "client_id": [CLIENT_ID], "post_logout_redirect_uri": ["http://testserver/sign-in"],
    }  # fmt: skip
    provider.metadata = {"end_session_endpoint": None}
    openid._known.clear()
    assert leave().status_code == 204
    provider.metadata = {}
    openid._known.clear()
    settings(OIDC_SIGN_OUT=False)
    assert leave().status_code == 204
    settings(OIDC_SIGN_OUT=True)
    assert annotator.delete("/api/v1/session").status_code == 204, "it was begun with a password"
    assert enter(client, provider).headers["location"] == "/projects"
    provider.fails["/.well-known/openid-configuration"] = (500, b"")
    openid._known.clear()
    assert client.delete("/api/v1/session").status_code == 204, "who leaves has left"


# --- when the provider is away, or is not what it should be


@one_database
def test_a_provider_that_is_away_or_answers_nonsense_is_a_clear_answer(
    client: TestClient, provider: OpenIdProvider, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {
        "/.well-known/openid-configuration": "begin", "/keys": "bad", "/token": "bad",
        "/userinfo": "bad",
    }  # fmt: skip
    provider.person = {"sub": "a"}
    provider.account = ANN | {"sub": "a"}
    for path in wrong:
        for status, content in (
            (500, b"<html>"), (200, b"<html>"), (200, b"[]"), (200, b"null"), (200, b"7"),
            (302, b"{}"), (200, b'{"a":' * 5000), (200, b" " * (2**20 + 1)), (204, b""),
        ):  # fmt: skip
            provider.fails = {}
            openid._known.clear()
            address = begin(client)
            provider.fails = {path: (status, content)}
            openid._known.clear()
            begun = client.post("/api/v1/session/provider", json={})
            where = (path, status, content[:10], begun.text)
            if path.endswith("configuration"):
                assert begun.status_code == 503, where
                assert begun.json()["code"].startswith("provider-"), where
            code = problem_of(client.get(provider.authorize(address)))
            assert code in ("provider-away", "provider-unusable", "bad-id-token"), (code, where)


@one_database
def test_what_a_provider_says_of_itself_has_to_fit(
    client: TestClient, provider: OpenIdProvider
) -> None:
    for said, why in (
        ({"issuer": "https://other.example"}, "calls itself https://other.example"),
        ({"issuer": f"{provider.issuer}/"}, "calls itself"),
        ({"token_endpoint": "ftp://a.example/token"}, "token_endpoint is no https"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri"),
        ({"jwks_uri": "https://"}, "jwks_uri"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
        ({"userinfo_endpoint": 7}, "userinfo_endpoint"),
    ):  # fmt: skip
        provider.metadata = said
        openid._known.clear()
        answer = client.post("/api/v1/session/provider", json={})
        assert (answer.status_code, answer.json()["code"]) == (503, "provider-unusable"), said
        assert why in answer.json()["detail"]


@one_database
def test_who_is_away_is_asked_again_a_moment_later(
    client: TestClient, provider: OpenIdProvider, settings: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # and does not listen
        settings(OIDC_ISSUER=f"http://127.0.0.1:{silent.getsockname()[1]}")
        answer = client.post("/api/v1/session/provider", json={})
        assert (answer.status_code, answer.json()["code"]) == (503, "provider-away")
        assert answer.headers["retry-after"]
    settings(OIDC_ISSUER=provider.issuer)
    provider.fails["/.well-known/openid-configuration"] = (500, b"")
    for _ in range(3):
        assert client.post("/api/v1/session/provider", json={}).status_code == 503
    assert len(provider.asked) == 1, "strangers can not make it be asked for ever"
    monkeypatch.setattr(openid, "AWAY_FOR", -1)
    openid._known.clear()
    assert client.post("/api/v1/session/provider", json={}).status_code == 503
    provider.fails = {}
    assert begin(client)
    monkeypatch.setattr(openid, "MOST_AT_ONCE", 0)
    openid._known.clear()
    busy = client.post("/api/v1/session/provider", json={})
    assert (busy.status_code, busy.json()["code"]) == (503, "sign-in-busy")


@one_database
def test_who_is_refused_there_or_comes_too_often_is_told(
    client: TestClient, provider: OpenIdProvider, settings: Set
) -> None:
    settings(SIGN_IN_ATTEMPTS=1)
    state = parse_qs(urlsplit(begin(client)).query)["state"][0]
    denied = client.get(f"{CALLBACK}?state={state}&error=access_denied&error_description=<b>")
    assert problem_of(denied) == "provider-refused"
    assert "access_denied" not in denied.headers["location"], "anybody can write that"
    assert enter(client, provider).headers["location"] == "/projects", "which is not counted"
    client.cookies.clear()
    for _ in range(9):
        address = provider.authorize(begin(client))
        code = parse_qs(urlsplit(address).query)["code"][0]
        assert problem_of(client.get(address.replace(code, "guessed"))) == "code-refused"
    provider.asked.clear()
    assert problem_of(enter(client, provider)) == "too-many-attempts"
    assert "/token" not in provider.asked
    assert [line.after for line in lines(AuditEvent.SIGN_IN_LOCKED)] == [{"by": "provider"}]
