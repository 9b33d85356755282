"""Who may come in, and how that ends."""

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pwdlib import PasswordHash
from sqlalchemy import select, update

from server import security
from server.db import session_scope, utcnow
from server.errors import Conflict
from server.models import ApiToken, User, UserSession
from server.models.user import Role
from server.schemas.user import UserChange
from server.services.accounts import users
from tests.server.factories import make_user
from tests.server.one_database import ONE_DATABASE
from tests.server.people import EMAILS, PASSWORD

SignIn = Callable[[Role], TestClient]


def credentials(role: Role = Role.ANNOTATOR, password: str = PASSWORD) -> dict[str, str]:
    return {"email": EMAILS[role], "password": password}


def test_signing_in_and_out(app_client: Callable[[], TestClient], people: dict[Role, int]) -> None:
    client = app_client()
    assert client.get("/api/v1/me").status_code == 401
    answer = client.post("/api/v1/session", json=credentials())
    assert answer.json()["email"] == EMAILS[Role.ANNOTATOR]
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert client.get("/api/v1/me").json()["role"] == "annotator"
    secret = client.cookies["weakseg_session"]
    assert client.delete("/api/v1/session").status_code == 204
    client.cookies.set("weakseg_session", secret)
    assert client.get("/api/v1/me").status_code == 401, "the session must be gone on the server"


def test_the_cookie_is_secure_behind_tls(
    app_client: Callable[[], TestClient], people: dict[Role, int]
) -> None:
    client = app_client()
    client.base_url = client.base_url.copy_with(scheme="https")
    answer = client.post("/api/v1/session", json=credentials())
    assert "Secure" in answer.headers["set-cookie"]


def test_the_session_is_rotated_at_sign_in(annotator: TestClient) -> None:
    before = annotator.cookies["weakseg_session"]
    annotator.post("/api/v1/session", json=credentials())
    after = annotator.cookies["weakseg_session"]
    assert before != after
    annotator.cookies.set("weakseg_session", before)
    answer = annotator.get("/api/v1/me", headers={"Cookie": f"weakseg_session={before}"})
    assert answer.status_code == 401


def test_secrets_are_stored_as_hashes_alone(annotator: TestClient) -> None:
    token = annotator.post("/api/v1/tokens", json={"name": "t"}).json()["token"]
    with session_scope() as session:
        sessions = session.scalars(select(UserSession.secret_hash)).all()
        tokens = session.scalars(select(ApiToken.secret_hash)).all()
        passwords = session.scalars(select(User.password_hash)).all()
    assert annotator.cookies["weakseg_session"] not in sessions
    assert token not in tokens
    assert all(password.startswith("$argon2id$") for password in passwords)


def test_an_old_session_ends(annotator: TestClient) -> None:
    with session_scope() as session:
        session.execute(update(UserSession).values(expires_at=utcnow() - timedelta(seconds=1)))
    assert annotator.get("/api/v1/me").json()["code"] == "session-ended"


def test_wrong_credentials_look_alike(
    app_client: Callable[[], TestClient], people: dict[Role, int]
) -> None:
    client = app_client()
    wrong = client.post("/api/v1/session", json=credentials(password="wrong"))
    unknown = client.post("/api/v1/session", json={"email": "no@example.org", "password": "x"})
    assert (wrong.status_code, wrong.json()) == (unknown.status_code, unknown.json())
    assert wrong.json()["code"] == "wrong-credentials"


def test_an_unknown_account_takes_as_much_work_as_a_known_one() -> None:
    known = PasswordHash.recommended().hash("x")
    work = [stored.split("$")[1:4] for stored in (known, security._NOBODYS_PASSWORD)]
    assert work[0] == work[1]


def test_guessing_is_limited_for_the_account_alone(
    app_client: Callable[[], TestClient], people: dict[Role, int]
) -> None:
    client = app_client()
    for _ in range(10):
        answer = client.post("/api/v1/session", json=credentials(password="wrong"))
        assert answer.status_code == 401
    blocked = client.post("/api/v1/session", json=credentials())
    assert (blocked.status_code, blocked.json()["code"]) == (429, "too-many-attempts")
    other = client.post("/api/v1/session", json=credentials(Role.ENGINEER))
    assert other.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
@ONE_DATABASE
def test_requests_from_other_sites_are_refused(
    annotator: TestClient, headers: dict[str, str]
) -> None:
    answer = annotator.post("/api/v1/tokens", json={"name": "t"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross-site")
    assert annotator.get("/api/v1/tokens").json() == []


def test_requests_from_our_own_pages_are_not(annotator: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}
    answer = annotator.post("/api/v1/tokens", json={"name": "t"}, headers=headers)
    assert answer.status_code == 201


def bearer(client: TestClient, token: str) -> dict[str, str]:
    client.cookies.clear()
    return {"Authorization": f"Bearer {token}"}


def test_a_token_is_shown_once_and_works_until_revoked(
    annotator: TestClient, app_client: Callable[[], TestClient]
) -> None:
    made = annotator.post("/api/v1/tokens", json={"name": "nightly", "scopes": ["read"]}).json()
    program = app_client()
    headers = bearer(program, made["token"])
    me = program.get("/api/v1/me", headers=headers).json()
    assert (me["email"], me["scopes"]) == (EMAILS[Role.ANNOTATOR], ["read"])
    [listed] = annotator.get("/api/v1/tokens").json()
    assert "token" not in listed
    assert listed["last_used_at"] is not None
    assert annotator.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert program.get("/api/v1/me", headers=headers).json()["code"] == "bad-token"


def test_a_token_does_what_its_scopes_say(
    engineer: TestClient, app_client: Callable[[], TestClient]
) -> None:
    made = engineer.post("/api/v1/tokens", json={"name": "r", "scopes": ["read"]}).json()
    program = app_client()
    headers = bearer(program, made["token"])
    body = {"name": "P", "categories": [{"name": "Road"}]}
    refused = program.post("/api/v1/projects", json=body, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "scope")


def test_a_token_can_not_make_a_stronger_one(
    engineer: TestClient, app_client: Callable[[], TestClient]
) -> None:
    made = engineer.post("/api/v1/tokens", json={"name": "a", "scopes": ["admin"]}).json()
    program = app_client()
    headers = bearer(program, made["token"])
    wanted = {"name": "b", "scopes": ["admin", "runs"]}
    assert program.post("/api/v1/tokens", json=wanted, headers=headers).status_code == 403


def test_an_expired_token_is_refused(
    annotator: TestClient, app_client: Callable[[], TestClient]
) -> None:
    made = annotator.post("/api/v1/tokens", json={"name": "t"}).json()
    with session_scope() as session:
        session.execute(update(ApiToken).values(expires_at=utcnow() - timedelta(seconds=1)))
    program = app_client()
    headers = bearer(program, made["token"])
    assert program.get("/api/v1/me", headers=headers).status_code == 401
    past = {"name": "t", "expires_at": "2001-01-01T00:00:00Z"}
    assert annotator.post("/api/v1/tokens", json=past).status_code == 422


def test_nobody_revokes_anothers_token(annotator: TestClient, engineer: TestClient) -> None:
    made = annotator.post("/api/v1/tokens", json={"name": "t"}).json()
    assert engineer.delete(f"/api/v1/tokens/{made['id']}").status_code == 404


def test_accounts_are_the_admins(admin: TestClient, people: dict[Role, int]) -> None:
    body = {"email": "New@Example.org ", "password": "a long password", "role": "engineer"}
    made = admin.post("/api/v1/users", json=body)
    assert (made.status_code, made.json()["email"]) == (201, "new@example.org")
    assert admin.post("/api/v1/users", json=body).json()["code"] == "email-taken"
    short = body | {"email": "x@example.org", "password": "short"}
    assert admin.post("/api/v1/users", json=short).status_code == 422


def test_a_locked_out_person_is_out_at_once(
    admin: TestClient, annotator: TestClient, people: dict[Role, int]
) -> None:
    token = annotator.post("/api/v1/tokens", json={"name": "t"}).json()["token"]
    url = f"/api/v1/users/{people[Role.ANNOTATOR]}"
    assert admin.patch(url, json={"active": False}).status_code == 200
    assert annotator.get("/api/v1/me").status_code == 401
    assert annotator.post("/api/v1/session", json=credentials()).status_code == 401
    headers = bearer(annotator, token)
    assert annotator.get("/api/v1/me", headers=headers).status_code == 401


COMPOSED, DECOMPOSED = "caf\u00e9 au lait at six", "cafe\u0301 au lait at six"


def test_a_password_is_the_same_however_it_is_typed(
    admin: TestClient, app_client: Callable[[], TestClient]
) -> None:
    for number, (given, typed) in enumerate(
        [
            (COMPOSED, DECOMPOSED),
            (DECOMPOSED, COMPOSED),
            ("\uff41 stork in july", "a stork in july"),
        ]
    ):
        email = f"{number}@example.org"
        made = admin.post("/api/v1/users", json={"email": email, "password": given})
        assert made.status_code == 201, made.text
        client = app_client()
        signed_in = client.post("/api/v1/session", json={"email": email, "password": typed})
        assert signed_in.status_code == 200
        change = {"current": given, "new": f"another {typed}"}
        assert client.post("/api/v1/me/password", json=change).status_code == 204
        again = {"email": email, "password": f"another {given}"}
        assert client.post("/api/v1/session", json=again).status_code == 200
    few = admin.post("/api/v1/users", json={"email": "f@b.c", "password": "e\u0301" * 11})
    assert few.status_code == 422, "eleven letters, however many characters spell them"


def test_a_hash_from_before_spellings_were_one_still_opens(
    app_client: Callable[[], TestClient], people: dict[Role, int]
) -> None:
    old = PasswordHash.recommended().hash(DECOMPOSED)
    with session_scope() as session:
        session.get_one(User, people[Role.ANNOTATOR]).password_hash = old
    client = app_client()
    wrong = client.post("/api/v1/session", json=credentials(password=COMPOSED))
    assert wrong.status_code == 401, "of this hash only one spelling is known"
    for typed in (DECOMPOSED, COMPOSED):
        answer = client.post("/api/v1/session", json=credentials(password=typed))
        assert answer.status_code == 200, "made anew at the first sign-in"


def test_the_last_admin_stays(admin: TestClient, people: dict[Role, int]) -> None:
    url = f"/api/v1/users/{people[Role.ADMIN]}"
    for change in ({"role": "annotator"}, {"active": False}):
        assert admin.patch(url, json=change).json()["code"] == "last-admin"
    assert admin.get("/api/v1/users").status_code == 200


@pytest.mark.parametrize("change", [{"role": Role.ANNOTATOR}, {"active": False}])
def test_two_admins_do_not_take_each_other_away(
    people: dict[Role, int], change: dict[str, Any]
) -> None:
    two = [people[Role.ADMIN], make_user("second@example.org", role=Role.ADMIN)]
    both_began = threading.Barrier(2)

    def take_away(user_id: int) -> str:
        try:
            with session_scope() as session:
                # On SQLite the second begins when the first has ended.
                with contextlib.suppress(threading.BrokenBarrierError):
                    both_began.wait(0.5)
                users.change(session, user_id, UserChange(**change))
                time.sleep(0.2)
        except Conflict as error:
            return error.problem_code
        return "changed"

    with ThreadPoolExecutor() as threads:
        assert sorted(threads.map(take_away, two)) == ["changed", "last-admin"]
    with session_scope(read_only=True) as session:
        is_admin = select(User.id).where(User.role == Role.ADMIN, User.active)
        assert len(session.scalars(is_admin).all()) == 1


ODD = [
    "a\u0085b", "a\u2028b", "a\u202ab", "a\u202cb", "a\u202eb", "a\u2066b", "a\u2069b", "a\x1bb",
    "a\x7fb", "a\nb", "a\ufffeb", "a\ufffab", "a\U0010ffffb",
]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_name_that_somebody_gives_reads_as_another(
    admin: TestClient, engineer: TestClient, name: str
) -> None:
    road = [{"name": "Road"}]
    made = engineer.post(
        "/api/v1/projects", json={"name": "Straße \u200f", "categories": road}
    ).json()
    project = f"/api/v1/projects/{made['id']}"
    new = made["categories"] + [{"name": name}]
    fields = ("id", "name")
    changed = [{key: c[key] for key in fields if key in c} for c in new]
    tried: list[tuple[TestClient, str, str, dict[str, Any]]] = [
        (engineer, "POST", "/api/v1/projects", {"name": name, "categories": road}),
        (engineer, "POST", "/api/v1/projects", {"name": "b", "categories": [{"name": name}]}),
        (engineer, "PATCH", project, {"name": name}),
        (engineer, "PATCH", project, {"categories": changed}),
        (admin, "POST", "/api/v1/tokens", {"name": name}),
        (admin, "POST", "/api/v1/users", {"email": f"{name}@b.org", "password": "long enough 12"}),
        (admin, "POST", "/api/v1/users", {"email": f"a@{name}.org", "password": "long enough 12"}),
    ]
    for client, method, path, body in tried:
        answer = client.request(method, path, json=body)
        assert answer.status_code == 422, (path, answer.text)
        assert all(c.isprintable() for c in answer.json()["detail"]), (path, answer.text)


def test_changing_ones_password_ends_the_sessions(annotator: TestClient) -> None:
    change: dict[str, Any] = {"current": "wrong", "new": "another long one"}
    assert annotator.post("/api/v1/me/password", json=change).status_code == 403
    change["current"] = PASSWORD
    before = annotator.cookies["weakseg_session"]
    assert annotator.post("/api/v1/me/password", json=change).status_code == 204
    assert annotator.get("/api/v1/me").status_code == 200, "this browser goes on, in a new session"
    assert annotator.cookies["weakseg_session"] != before
    annotator.cookies.clear()
    with_old = annotator.get("/api/v1/me", headers={"Cookie": f"weakseg_session={before}"})
    assert with_old.status_code == 401
    new = credentials(password="another long one")
    assert annotator.post("/api/v1/session", json=new).status_code == 200
