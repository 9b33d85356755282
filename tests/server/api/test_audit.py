"""The audit log over HTTP: each event of the list leaves a line, and the line says no secret."""

import json
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from server.db import session_scope
from server.models import AuditEntry, AuditEvent, Checkpoint
from server.models.user import Role
from server.services import audit
from server.services.accounts import sessions, users
from server.settings import get_settings
from server.storage import get_storage
from tests.server import factories
from tests.server.people import EMAILS, PASSWORD
from tests.server.statements import noted

NEW_PASSWORD = "quite another battery"
SECRETS = (PASSWORD, NEW_PASSWORD, "wsk_", "@example")


def lines(*events: AuditEvent) -> list[AuditEntry]:
    with session_scope(read_only=True) as session:
        found = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    return [line for line in found if not events or line.event in events]


def everything_said() -> str:
    with session_scope(read_only=True) as session:
        return b"".join(audit.export(session, audit.AuditFilter())).decode()


def last(event: AuditEvent) -> AuditEntry:
    found = lines(event)
    assert found, [line.event for line in lines()]
    return found[-1]


@pytest.fixture(autouse=True)
def no_secret_is_said(database: str) -> Any:
    yield
    said = everything_said()
    assert [secret for secret in SECRETS if secret in said] == []
    assert audit.verify().problem is None


def test_signing_in_and_out(app_client: Callable[[], TestClient], people: dict[Role, int]) -> None:
    client = app_client()
    wrong = {"email": EMAILS[Role.ENGINEER], "password": "not the password"}
    assert client.post("/api/v1/session", json=wrong).status_code == 401
    assert (
        client.post("/api/v1/session", json=wrong | {"email": "my password here"}).status_code
        == 401
    )
    right = wrong | {"password": PASSWORD}
    answer = client.post("/api/v1/session", json=right)
    assert answer.is_success
    assert client.delete("/api/v1/session").status_code == 204
    failed, unknown, entered, ended = lines()
    mine = str(people[Role.ENGINEER])
    assert (failed.event, failed.subject_id, failed.user_id, failed.after) == (
        AuditEvent.SIGN_IN_FAILED, mine, None, {"reason": "password"},
    )  # fmt: skip
    assert (unknown.subject_id, unknown.after) == (None, {"reason": "unknown-account"})
    assert (entered.event, entered.user_id) == (AuditEvent.SIGNED_IN, people[Role.ENGINEER])
    assert entered.request_id == answer.headers["X-Request-ID"]
    assert (entered.door, entered.address) == ("http", "testclient")
    assert (ended.event, ended.session_id, ended.subject_id) == (
        AuditEvent.SESSION_ENDED, entered.session_id, str(entered.session_id),
    )  # fmt: skip
    assert "my password here" not in everything_said()


def test_the_guess_that_locks_says_so_once(
    app_client: Callable[[], TestClient], people: dict[Role, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_SIGN_IN_ATTEMPTS", "2")
    get_settings.cache_clear()
    client = app_client()
    wrong = {"email": EMAILS[Role.ENGINEER], "password": "not the password"}
    answers = [client.post("/api/v1/session", json=wrong).status_code for _ in range(4)]
    assert answers == [401, 401, 429, 429]
    assert [line.event for line in lines()] == [
        AuditEvent.SIGN_IN_FAILED, AuditEvent.SIGN_IN_FAILED, AuditEvent.SIGN_IN_LOCKED,
    ]  # fmt: skip
    assert last(AuditEvent.SIGN_IN_LOCKED).after == {"by": "from"}


def test_accounts(
    admin: TestClient, people: dict[Role, int], app_client: Callable[[], TestClient]
) -> None:
    me = people[Role.ADMIN]
    body = {"email": "new@example.org", "password": PASSWORD, "role": "annotator"}
    made = admin.post("/api/v1/users", json=body).json()["id"]
    url = f"/api/v1/users/{made}"
    assert admin.patch(url, json={"role": "engineer"}).is_success
    assert admin.patch(url, json={"role": "engineer"}).is_success  # changes nothing
    link = admin.post(f"{url}/password-link").json()["secret"]
    use = {"secret": link, "password": NEW_PASSWORD}
    assert app_client().post("/api/v1/password-link", json=use).status_code == 204
    assert admin.patch(url, json={"active": False}).is_success
    assert admin.patch(url, json={"active": True}).is_success
    assert admin.delete(f"{url}/access").status_code == 204
    assert admin.delete(f"{url}/second-factor").status_code == 204
    told = [(line.event, line.user_id) for line in lines() if line.subject_id == str(made)]
    assert told == [
        (AuditEvent.USER_MADE, me), (AuditEvent.ROLE_CHANGED, me),
        (AuditEvent.PASSWORD_LINK_MADE, me), (AuditEvent.PASSWORD_SET, None),
        (AuditEvent.ACCESS_ENDED, None), (AuditEvent.USER_LOCKED, me),
        (AuditEvent.ACCESS_ENDED, me), (AuditEvent.USER_UNLOCKED, me), (AuditEvent.ACCESS_ENDED, me),
        (AuditEvent.SECOND_FACTOR_REMOVED, me),
    ]  # fmt: skip
    role = last(AuditEvent.ROLE_CHANGED)
    assert (role.before, role.after) == ({"role": "annotator"}, {"role": "engineer"})
    assert link not in everything_said()


def test_ones_own_password_and_second_factor(engineer: TestClient, people: dict[Role, int]) -> None:
    change = {"current": "wrong wrong wrong", "new": NEW_PASSWORD}
    assert engineer.post("/api/v1/me/password", json=change).status_code == 403
    assert last(AuditEvent.SIGN_IN_FAILED).after == {"reason": "own-password"}
    assert engineer.post("/api/v1/me/password", json=change | {"current": PASSWORD}).is_success
    before = last(AuditEvent.ACCESS_ENDED).before
    assert before is not None
    assert len(before["sessions"]) == 1
    assert last(AuditEvent.SIGNED_IN).id > last(AuditEvent.ACCESS_ENDED).id
    secret = engineer.post("/api/v1/me/second-factor").json()["secret"]
    body = {"secret": secret, "code": pyotp.TOTP(secret).now(), "password": NEW_PASSWORD}
    assert engineer.put("/api/v1/me/second-factor", json=body).is_success
    assert last(AuditEvent.SECOND_FACTOR_SET).subject_id == str(people[Role.ENGINEER])
    assert secret not in everything_said()


def test_tokens(engineer: TestClient, app_client: Callable[[], TestClient]) -> None:
    wanted = {"name": "nightly", "scopes": ["read", "admin"]}
    parent = engineer.post("/api/v1/tokens", json=wanted).json()
    client = app_client()
    client.headers["Authorization"] = f"Bearer {parent['token']}"
    child = client.post("/api/v1/tokens", json={"name": "child"}).json()
    assert engineer.delete(f"/api/v1/tokens/{parent['id']}").status_code == 204
    first, second = lines(AuditEvent.TOKEN_MADE)
    assert (first.token_id, second.token_id) == (None, parent["id"])
    assert first.session_id is not None
    assert first.after is not None
    assert first.after["scopes"] == ["admin", "read"]
    assert second.after is not None
    assert second.after["made_with"] == parent["id"]
    ended = [line.subject_id for line in lines(AuditEvent.TOKEN_ENDED)]
    assert ended == [str(parent["id"]), str(child["id"])]
    assert parent["token"] not in everything_said()


def test_sessions_that_are_ended(
    engineer: TestClient, sign_in: Callable[[Role], TestClient]
) -> None:
    sign_in(Role.ENGINEER)
    other = next(one for one in engineer.get("/api/v1/me/sessions").json() if not one["current"])
    assert engineer.delete(f"/api/v1/me/sessions/{other['id']}").status_code == 204
    assert last(AuditEvent.SESSION_ENDED).subject_id == str(other["id"])


def test_settings_of_projects(engineer: TestClient, make_project: Callable[..., Any]) -> None:
    project = make_project(name="Elm Street", description="where Ann lives")
    url = f"/api/v1/projects/{project['id']}"
    made = last(AuditEvent.PROJECT_MADE)
    assert (made.project_id, made.subject) == (project["id"], "project")
    assert engineer.patch(url, json={"overlap": 2, "mode": project["mode"]}).is_success
    changed = last(AuditEvent.SETTINGS_CHANGED)
    assert (changed.before, changed.after) == ({"overlap": 1}, {"overlap": 2, "written": []})
    assert engineer.patch(url, json={"name": "Oak Street"}).is_success
    assert last(AuditEvent.SETTINGS_CHANGED).after == {"written": ["name"]}
    count = len(lines())
    assert engineer.patch(url, json={"name": "Oak Street", "overlap": 2}).is_success
    assert len(lines()) == count
    assert [word for word in ("Elm", "Oak", "Ann") if word in everything_said()] == []


def test_imports_and_exports(
    engineer: TestClient, make_project: Callable[..., Any], upload: Callable[..., Any],
    jpeg: Callable[..., bytes], people: dict[Role, int],
) -> None:  # fmt: skip
    project = make_project()["id"]
    upload(project, {"of-ann.jpg": jpeg(1), "b.jpg": jpeg(2), "c.jpg": b"none"})
    assert last(AuditEvent.IMAGES_IMPORTED).after == {"imported": 2, "skipped": 0, "rejected": 1}
    count = len(lines())
    upload(project, {"of-ann.jpg": jpeg(1)})
    assert len(lines()) == count, "nothing was stored"
    ndjson = {"Content-Type": "application/x-ndjson"}
    manifest = '{"uri": "x/1.jpg"}\n{"uri": "x/2.jpg"}\n'
    url = f"/api/v1/projects/{project}"
    assert engineer.post(f"{url}/images", content=manifest, headers=ndjson).is_success
    assert last(AuditEvent.IMAGES_IMPORTED).after == {"imported": 2, "skipped": 0, "rejected": 0}
    label = {"image": "b.jpg", "width": 64, "height": 48, "present": ["Road"], "absent": ["Car"]}
    body = json.dumps(
        label
        | {
            "active_ms": 1,
            "wall_ms": 1,
            "annotator": "a1",
            "points": [],
            "labelled_at": "2026-11-22T10:00:00Z",
        }
    )
    imports = f"{url}/labels/import?format=jsonl"
    assert engineer.post(f"{imports}&dry_run=true", content=body).json()["imported"] == 1
    assert lines(AuditEvent.LABELS_IMPORTED) == []
    assert engineer.post(imports, content=body).json()["imported"] == 1
    said = last(AuditEvent.LABELS_IMPORTED).after
    assert said is not None
    assert (said["annotator_id"], said["imported"]) == (people[Role.ENGINEER], 1)
    assert engineer.get(f"{url}/labels/export").is_success
    assert last(AuditEvent.LABELS_EXPORTED).project_id == project
    assert [word for word in ("of-ann", "b.jpg", "Road") if word in everything_said()] == []


def test_runs_and_what_is_downloaded_of_them(engineer: TestClient) -> None:
    project = factories.make_trainable_project()
    run = engineer.post(f"/api/v1/projects/{project}/runs", json={"recipe": "tiny"}).json()
    started = last(AuditEvent.RUN_STARTED)
    assert (started.subject_id, started.project_id) == (str(run["id"]), project)
    assert started.after == {
        "recipe": "tiny", "supervision": "point", "snapshot_id": run["snapshot"]["id"],
        "automatic": False,
    }  # fmt: skip
    assert engineer.post(f"/api/v1/runs/{run['id']}/cancel").is_success
    assert engineer.post(f"/api/v1/runs/{run['id']}/cancel").is_success
    assert [line.before for line in lines(AuditEvent.RUN_CANCELLED)] == [{"state": "queued"}]
    assert engineer.post(f"/api/v1/runs/{run['id']}/resume").is_success
    assert last(AuditEvent.RUN_RESUMED).before == {"state": "cancelled"}
    url = f"/api/v1/snapshots/{run['snapshot']['id']}/labels.jsonl"
    assert engineer.head(url).is_success
    assert lines(AuditEvent.SNAPSHOT_DOWNLOADED) == [], "nothing was taken"
    tag = engineer.get(url).headers["ETag"]
    assert engineer.get(url, headers={"If-None-Match": tag}).status_code == 304
    assert engineer.get(url, headers={"Range": "bytes=5-9"}).status_code == 206
    taken = lines(AuditEvent.SNAPSHOT_DOWNLOADED)
    assert [line.subject_id for line in taken] == [str(run["snapshot"]["id"])] * 2


def test_a_checkpoint_that_is_downloaded(engineer: TestClient, people: dict[Role, int]) -> None:
    project = factories.make_project()
    run_id = factories.make_run(project)
    content = b"weights"
    get_storage().put_bytes("runs/1/weights", content)
    with session_scope() as session:
        session.add(
            Checkpoint(run_id=run_id, step=1, miou=None, score={}, size=len(content),
                       sha256="0" * 64, storage_key="runs/1/weights")
        )  # fmt: skip
    assert engineer.get("/api/v1/checkpoints/1/file").status_code == 200
    taken = lines(AuditEvent.CHECKPOINT_DOWNLOADED)
    assert [(line.user_id, line.project_id) for line in taken] == [(people[Role.ENGINEER], project)]


def test_a_decision_in_place_of_what_others_said(
    engineer: TestClient, annotator: TestClient, make_project: Callable[..., Any],
    upload: Callable[..., Any], jpeg: Callable[..., bytes],
) -> None:  # fmt: skip
    project = make_project(overlap=2)["id"]
    upload(project, {"a.jpg": jpeg(1)})
    body: dict[str, Any] = {
        "present": ["Road"],
        "absent": ["Car", "Tree"],
        "points": [],
        "timing": {"wall_ms": 1000, "events": []},
    }
    leases = annotator.post(f"/api/v1/projects/{project}/leases", json={"count": 1}).json()
    count = len(lines())
    with noted() as sent:
        url = f"/api/v1/images/{leases[0]['image']['id']}/label"
        annotator.post(f"/api/v1/leases/{leases[0]['id']}/heartbeat")
        assert annotator.put(url, json=body | {"lease_id": leases[0]["id"]}).is_success
        assert annotator.get(f"/api/v1/images/{leases[0]['image']['id']}/file").is_success
        annotator.post(f"/api/v1/projects/{project}/leases", json={"count": 1})
    assert [text for text, _ in sent if "audit" in text] == [], "labelling adds no statement"
    assert len(lines()) == count
    headers = {"Idempotency-Key": "decision-1"}
    decided = [engineer.put(url, json=body | {"resolves": True}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in decided] == [200, 200]
    (corrected,) = lines(AuditEvent.LABEL_CORRECTED)
    assert corrected.after == {"label_id": decided[0].json()["id"]}
    assert (corrected.subject, corrected.project_id) == ("image", project)


def test_admins_read_it_in_pages_and_as_lines_of_json(
    admin: TestClient,
    engineer: TestClient,
    make_project: Callable[..., Any],
    people: dict[Role, int],
) -> None:
    for number in range(3):
        make_project(name=f"Streets {number}")
    url = "/api/v1/audit"
    assert engineer.get(url).status_code == 403
    assert engineer.get(f"{url}/export").status_code == 403
    made = admin.get(url, params={"event": "project-made", "limit": 2}).json()
    assert [line["project_id"] for line in made["items"]] == [3, 2]
    rest = admin.get(url, params={"event": "project-made", "cursor": made["next_cursor"]}).json()
    assert ([line["project_id"] for line in rest["items"]], rest["next_cursor"]) == ([1], None)
    assert rest["items"][0]["user"] == EMAILS[Role.ENGINEER]
    with session_scope() as session:
        sessions.start(session, users.get(session, people[Role.ADMIN]))
    theirs = admin.get(url, params={"user_id": people[Role.ADMIN]}).json()["items"]
    assert [line["event"] for line in theirs] == ["signed-in"]
    assert theirs[0]["subject_name"] == EMAILS[Role.ADMIN]
    assert admin.get(url, params={"until": "2020-01-01T00:00:00Z"}).json()["items"] == []
    assert admin.get(url, params={"event": "nonsense"}).status_code == 422
    exported = admin.get(f"{url}/export")
    assert exported.headers["content-type"].startswith("application/x-ndjson")
    numbers = [json.loads(line)["id"] for line in exported.text.splitlines()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert last(AuditEvent.AUDIT_EXPORTED).user_id == people[Role.ADMIN]


def test_commands_say_that_an_operator_did_it() -> None:
    audit.enter_by_command()
    with session_scope() as session:
        users.create(session, "op@example.org", PASSWORD, Role.ADMIN)
    made = last(AuditEvent.USER_MADE)
    assert (made.door, made.user_id, made.after) == ("command", None, {"role": "admin"})
    assert (made.address or "").startswith("uid ")
