"""How sessions and tokens end: by whom, with what, and that nothing brings them back."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update
from sqlalchemy.exc import TimeoutError as PoolTimeout

from server import demo_content
from server.db import session_scope, utcnow
from server.errors import NotSignedIn
from server.models import ApiToken, User, UserSession
from server.models.user import Role
from server.schemas.user import Scope, TokenIn, UserChange
from server.security import Checked
from server.services.accounts import credentials, sessions, tokens, users
from server.services.accounts import sign_in as entering
from server.settings import get_settings
from tests.server.people import EMAILS, PASSWORD

Clients = Callable[[], TestClient]
NEW_PASSWORD = "quite another battery"
FAR = "9999-12-31T00:00:00Z"


def with_token(client: TestClient, token: str) -> TestClient:
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def me(client: TestClient) -> int:
    return client.get("/api/v1/me").status_code


@pytest.fixture
def access(
    sign_in: Callable[[Role], TestClient], app_client: Clients
) -> tuple[TestClient, list[TestClient]]:
    """A signed-in annotator, and all other ways in that they have: a browser, a token, its child."""
    first, second = sign_in(Role.ANNOTATOR), sign_in(Role.ANNOTATOR)
    wanted = {"name": "parent", "scopes": ["read", "admin"]}
    parent = with_token(app_client(), first.post("/api/v1/tokens", json=wanted).json()["token"])
    made = parent.post("/api/v1/tokens", json={"name": "child"}).json()
    others = [second, parent, with_token(app_client(), made["token"])]
    assert [me(client) for client in (first, *others)] == [200] * 4
    return first, others


def lock_out(admin: TestClient, user_id: int) -> None:
    assert admin.patch(f"/api/v1/users/{user_id}", json={"active": False}).is_success


def reset(admin: TestClient, user_id: int) -> None:
    change = {"password": NEW_PASSWORD}
    assert admin.patch(f"/api/v1/users/{user_id}", json=change).is_success


def end_all(admin: TestClient, user_id: int) -> None:
    assert admin.delete(f"/api/v1/users/{user_id}/access").status_code == 204


def demo_with_a_new_password(_admin: TestClient, user_id: int) -> None:
    role = {EMAILS[Role.ANNOTATOR]: Role.ANNOTATOR}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_content, "ACCOUNTS", role)
        demo_content.ensure_accounts(get_settings().data / "none", NEW_PASSWORD)


@pytest.mark.parametrize("ending", [lock_out, reset, end_all, demo_with_a_new_password])
def test_every_session_and_token_ends_and_stays_ended(
    admin: TestClient, access: tuple[TestClient, list[TestClient]], people: dict[Role, int],
    ending: Callable[[TestClient, int], None],
) -> None:  # fmt: skip
    ending(admin, people[Role.ANNOTATOR])
    first, others = access
    assert [me(client) for client in (first, *others)] == [401] * 4
    assert me(admin) == 200, "nobody else's"
    assert admin.patch(f"/api/v1/users/{people[Role.ANNOTATOR]}", json={"active": True}).is_success
    assert [me(client) for client in (first, *others)] == [401] * 4
    assert admin.get(f"/api/v1/users/{people[Role.ANNOTATOR]}/tokens").json() == []


def test_a_changed_password_ends_all_but_the_browser_it_was_changed_in(
    access: tuple[TestClient, list[TestClient]],
) -> None:
    first, others = access
    change = {"current": PASSWORD, "new": NEW_PASSWORD}
    assert first.post("/api/v1/me/password", json=change).status_code == 204
    assert [me(client) for client in (first, *others)] == [200, 401, 401, 401]


def test_a_token_that_changes_the_password_gets_no_session(
    access: tuple[TestClient, list[TestClient]],
) -> None:
    parent = access[1][1]
    change = {"current": PASSWORD, "new": NEW_PASSWORD}
    answer = parent.post("/api/v1/me/password", json=change)
    assert (answer.status_code, "set-cookie" in answer.headers) == (204, False)
    assert me(parent) == 401


def test_a_token_ends_with_the_one_that_made_it(
    access: tuple[TestClient, list[TestClient]], app_client: Clients
) -> None:
    first, (browser, parent, child) = access
    wanted = {"name": "b", "scopes": ["admin"]}
    own = with_token(app_client(), parent.post("/api/v1/tokens", json=wanted).json()["token"])
    grandchild = own.post("/api/v1/tokens", json={"name": "c", "scopes": ["admin"]}).json()
    last = with_token(app_client(), grandchild["token"])
    apart = first.post("/api/v1/tokens", json={"name": "apart"}).json()
    by_name = {token["name"]: token["id"] for token in first.get("/api/v1/tokens").json()}
    assert first.delete(f"/api/v1/tokens/{by_name['parent']}").status_code == 204
    assert [me(client) for client in (browser, parent, child, own, last)] == [200] + [401] * 4
    assert [token["id"] for token in first.get("/api/v1/tokens").json()] == [apart["id"]]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_token_lives_no_longer_than_the_one_that_made_it(
    annotator: TestClient, app_client: Clients
) -> None:
    ends = (utcnow() + timedelta(hours=1)).isoformat()
    wanted = {"name": "short", "scopes": ["read", "admin"], "expires_at": ends}
    made = annotator.post("/api/v1/tokens", json=wanted).json()
    program = with_token(app_client(), made["token"])
    silent = program.post("/api/v1/tokens", json={"name": "child", "scopes": ["admin"]}).json()
    assert moment(silent["expires_at"]) == moment(made["expires_at"]) == moment(ends)
    for later in (FAR, (utcnow() + timedelta(hours=2)).isoformat()):
        child = program.post("/api/v1/tokens", json={"name": "c", "expires_at": later}).json()
        assert moment(child["expires_at"]) == moment(ends)
    sooner = (utcnow() + timedelta(minutes=5)).isoformat()
    allowed = program.post("/api/v1/tokens", json={"name": "c", "expires_at": sooner})
    assert moment(allowed.json()["expires_at"]) == moment(sooner)


def test_there_is_a_longest_lifetime(
    annotator: TestClient, people: dict[Role, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lifetime(**fields: Any) -> timedelta:
        made = annotator.post("/api/v1/tokens", json={"name": "t", **fields}).json()
        return moment(made["expires_at"]) - moment(made["created_at"])

    second = timedelta(seconds=1)
    assert abs(lifetime(expires_at=FAR) - timedelta(days=365)) < second
    assert abs(lifetime() - timedelta(days=90)) < second
    monkeypatch.setenv("WEAKSEG_MAX_TOKEN_LIFETIME", "P7D")
    get_settings.cache_clear()
    assert abs(lifetime(expires_at=FAR) - timedelta(days=7)) < second
    assert abs(lifetime() - timedelta(days=7)) < second
    with session_scope() as session:
        owner = users.get(session, people[Role.ANNOTATOR])
        wanted = TokenIn(name="by the operator", expires_at=utcnow() + timedelta(days=30))
        token, _ = tokens.create(session, owner, wanted, holder_scopes=frozenset(Scope))
        assert token.expires_at is not None
        assert token.expires_at < utcnow() + timedelta(days=7)


def test_admins_see_and_end_everybodys_access(
    admin: TestClient, access: tuple[TestClient, list[TestClient]], people: dict[Role, int]
) -> None:
    first, (second, parent, _child) = access
    url = f"/api/v1/users/{people[Role.ANNOTATOR]}"
    tokens = admin.get(f"{url}/tokens").json()
    assert [token["name"] for token in tokens] == ["child", "parent"]
    assert all("token" not in token for token in tokens)
    sessions = admin.get(f"{url}/sessions").json()
    assert [one["current"] for one in sessions] == [False, False]
    assert admin.delete(f"{url}/sessions/{sessions[0]['id']}").status_code == 204
    assert [me(first), me(second)] == [200, 401]
    assert admin.delete(f"{url}/tokens/{tokens[1]['id']}").status_code == 204
    assert me(parent) == 401
    other = f"/api/v1/users/{people[Role.ENGINEER]}"
    for kind, number in (("sessions", sessions[1]["id"]), ("tokens", tokens[0]["id"])):
        assert admin.delete(f"{other}/{kind}/{number}").status_code == 404, "somebody else's"
        assert admin.get(f"/api/v1/users/987654/{kind}").status_code == 404


def test_one_sees_and_ends_ones_own_sessions(
    annotator: TestClient, sign_in: Callable[[Role], TestClient], app_client: Clients
) -> None:
    abroad = app_client()
    abroad.headers["User-Agent"] = "Browser\x01 on a phone" + "x" * 500
    credentials = {"email": EMAILS[Role.ANNOTATOR], "password": PASSWORD}
    assert abroad.post("/api/v1/session", json=credentials).is_success
    newest, own = annotator.get("/api/v1/me/sessions").json()
    assert [newest["current"], own["current"]] == [False, True]
    assert newest["browser"].startswith("Browser on a phonex")
    assert newest["address"] == "testclient"
    engineer = sign_in(Role.ENGINEER)
    assert engineer.delete(f"/api/v1/me/sessions/{newest['id']}").status_code == 404
    assert annotator.delete(f"/api/v1/me/sessions/{newest['id']}").status_code == 204
    assert [me(abroad), me(annotator)] == [401, 200]


def test_an_idle_session_ends(annotator: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def idle_for(**time: int) -> None:
        with session_scope() as session:
            session.execute(update(UserSession).values(last_used_at=utcnow() - timedelta(**time)))

    idle_for(days=3)
    assert me(annotator) == 200, "by default it ends after its lifetime alone"
    monkeypatch.setenv("WEAKSEG_SESSION_IDLE", "PT30M")
    get_settings.cache_clear()
    idle_for(minutes=29)
    assert me(annotator) == 200
    assert me(annotator) == 200, "which was a sign of life"
    [own] = annotator.get("/api/v1/me/sessions").json()
    assert utcnow() - moment(own["last_used_at"]) < timedelta(minutes=1)
    idle_for(minutes=31)
    assert me(annotator) == 401
    with session_scope() as session:
        at = utcnow() - timedelta(minutes=31)
        session.execute(update(UserSession).values(last_used_at=None, created_at=at))
    assert me(annotator) == 401, "of an earlier version"


def meanwhile(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Something that happens while a password is being looked at."""
    check = entering.check_password

    async def slow(password: str, password_hash: str | None) -> Checked:
        found = await check(password, password_hash)
        do()
        return found

    monkeypatch.setattr(entering, "check_password", slow)


@pytest.mark.parametrize("ending", ["lock-out", "reset"])
def test_a_sign_in_that_is_overtaken_opens_nothing(
    people: dict[Role, int], monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    def change(**fields: Any) -> None:
        with session_scope() as session:
            users.change(session, people[Role.ANNOTATOR], UserChange.model_validate(fields))

    def end() -> None:
        if ending == "reset":
            change(password=NEW_PASSWORD)
        else:
            change(active=False)

    meanwhile(monkeypatch, end)
    with pytest.raises(NotSignedIn):
        asyncio.run(entering.enter(EMAILS[Role.ANNOTATOR], PASSWORD, sessions.Browser(), None))
    with session_scope(read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(UserSession)) == 0


def test_a_session_or_token_that_was_just_ended_makes_no_token(people: dict[Role, int]) -> None:
    """The caller was let in; then everything of theirs was ended; then the token is to be made."""
    with session_scope() as session:
        owner = session.get_one(User, people[Role.ANNOTATOR])
        parent, _ = tokens.create(session, owner, TokenIn(name="p"), holder_scopes=frozenset(Scope))
        sessions.start(session, owner)
        [own] = sessions.list_of(session, owner.id)
    with session_scope() as session:
        users.end_all_access(session, owner.id)
    for used in (parent, own):
        with session_scope() as session, pytest.raises(NotSignedIn):
            tokens.create(
                session, owner, TokenIn(name="c"), holder_scopes=frozenset(Scope),
                made_with=used.secret_hash,
            )  # fmt: skip
    with session_scope(read_only=True) as session:
        assert session.scalar(select(func.count()).select_from(ApiToken)) == 0


def test_who_only_looks_is_answered_where_nothing_can_be_written(
    annotator: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a session was used is not worth a refusal."""
    with session_scope() as session:
        session.execute(update(UserSession).values(last_used_at=utcnow() - timedelta(minutes=5)))

    def full() -> None:
        raise PoolTimeout

    monkeypatch.setattr(credentials, "session_scope", full)
    assert me(annotator) == 200
