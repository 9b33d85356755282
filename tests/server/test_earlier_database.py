"""A database that an earlier version wrote, and what that version answered from it.

`database_0008.sql` has rows in every table, made by HTTP: a project of each mode, labels of every
kind, runs in every state. Times lie in the past, secrets are made up, and long files are short text.
"""

import csv
import io
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url

from server import db, migrations
from tests.earlier import holds
from tests.services.postgres import fresh_database

DATA = Path(__file__).parent / "data"
VERSION = "0008"
PASSWORD = "correct horse battery"
TILES = {
    "present": ["Road", "Car"], "absent": ["Tree"],
    "tiles": {"rows": 2, "cols": 3, "present": {"Road": [3, 4, 5], "Car": [4]}},
}  # fmt: skip
"""The label of image 23."""
MASK = bytes(index for index in range(3) for _ in range(16 * 64))
TIMING = {"wall_ms": 9000, "active_ms": 5000, "events": [
    {"at": 900, "kind": "input"}, {"at": 1500, "kind": "hidden"}, {"at": 3000, "kind": "visible"},
    {"at": 4000, "kind": "input"},
]}  # fmt: skip
TIMED = {"timing": TIMING}
NOT_STORED = {"/api/v1/about", "/api/v1/datasets", "/api/v1/recipes"}
LATER = {
    "/api/v1/audit", "/api/v1/audit/export", "/api/v1/images/{image_id}/deletion", "/api/v1/runs/{run_id}/deletion",
    "/api/v1/checkpoints/{checkpoint_id}/deletion", "/api/v1/datasets/{name}/deletion",
    "/api/v1/projects/{project_id}/deletion", "/api/v1/users/{user_id}/deletion",
    "/api/v1/images/{image_id}/labels", "/api/v1/me/sessions", "/api/v1/me/recovery-codes", "/api/v1/session/provider", "/api/v1/users/{user_id}/sessions", "/api/v1/users/{user_id}/tokens",
    "/api/v1/projects/{project_id}/members", "/api/v1/projects/{project_id}/forecast",
    "/api/v1/dataset-uploads", "/api/v1/dataset-uploads/{upload_id}", "/api/v1/dataset-uploads/{upload_id}/pairs",
    "/api/v1/dataset-uploads/{upload_id}/pairs/{number}/picture",
    "/api/v1/projects/{project_id}/images/count", "/api/v1/projects/{project_id}/first-steps",
    "/api/v1/projects/{project_id}/people", "/api/v1/projects/{project_id}/people/trails",
    "/api/v1/projects/{project_id}/people/labels", "/api/v1/projects/{project_id}/people/labels/{label_id}",
    "/api/v1/snapshots/{snapshot_id}/lines",
    "/api/v1/projects/{project_id}/rules", "/api/v1/projects/{project_id}/rules/versions",
    "/api/v1/projects/{project_id}/rules/versions/{version}", "/api/v1/projects/{project_id}/rules/readers",
    "/api/v1/projects/{project_id}/rules/pictures/{picture_id}", "/api/v1/projects/{project_id}/flags",
    "/api/v1/images/{image_id}/flags",
    "/api/v1/projects/{project_id}/team",
}  # fmt: skip
"""What that version did not have."""
WITHHELD = {("anna", "/images/10/prediction")}
"""Of an image that its person was never given: to annotators it is not there any more."""
DATED = {f"/images/{number}" for number in (1, 5, 6, 7)}
"""Annotators are not told any more when each of their images was imported."""
WORDS = {
    "projects": ("mode", "prefill", "supervision", "order"), "images": ("state",),
    "assignments": ("state",), "answers": ("value",), "sweep_places": ("answer",),
    "runs": ("state", "supervision"), "run_events": ("kind",), "gold_sets": ("state",),
    "users": ("role",),
}  # fmt: skip


def answers() -> list[dict[str, Any]]:
    """One for each request: who asked, for what, and what the earlier version answered."""
    lines = (DATA / f"answers_{VERSION}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def recorded(who: str, path: str) -> Any:
    return next(line["answer"] for line in answers() if (line["who"], line["path"]) == (who, path))


def load_sqlite(path: Path, script: str) -> None:
    """The tables, too, are those that the earlier version made."""
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


def load_postgresql(url: str, script: str) -> None:
    engine = db.make_engine(url)
    migrations.upgrade(engine, VERSION)
    _, *inserts = script.split("\nINSERT INTO ")
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
        connection.exec_driver_sql("DELETE FROM alembic_version")
        for insert in inserts:
            connection.exec_driver_sql(f"INSERT INTO {insert}")
            table = insert.partition(" ")[0]
            if insert.startswith(f"{table} (id, ") and table != "sweep_pages":
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
                )
    engine.dispose()


@pytest.fixture(scope="module")
def script() -> str:
    return (DATA / f"database_{VERSION}.sql").read_text("utf-8")


@pytest.fixture(scope="module")
def migrated_file(script: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The earlier version's SQLite file, migrated, to be copied."""
    path = tmp_path_factory.mktemp("earlier") / "weakseg.sqlite3"
    load_sqlite(path, script)
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="module")
def migrated_name(script: str, postgres_url: str) -> Iterator[str]:
    """The name of the earlier version's PostgreSQL database, migrated, to be copied."""
    with fresh_database(postgres_url) as url:
        load_postgresql(url, script)
        upgrade(url)
        yield str(make_url(url).database)


def upgrade(url: str) -> None:
    engine = db.make_engine(url)
    migrations.upgrade(engine)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    """The earlier version's database, migrated; the settings name it."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("WEAKSEG_DATA", str(data))
    monkeypatch.chdir(tmp_path)
    with ExitStack() as copies:
        if request.param == "postgresql":
            server, migrated = map(request.getfixturevalue, ("postgres_url", "migrated_name"))
            url = copies.enter_context(fresh_database(server, like=migrated))
            monkeypatch.setenv("WEAKSEG_DATABASE_URL", url)
        else:
            shutil.copy(request.getfixturevalue("migrated_file"), data / "weakseg.sqlite3")
        db.dispose()
        write_files(db.get_engine(), data / "files")
        yield db.get_engine()
        db.dispose()


def write_files(engine: Engine, folder: Path) -> None:
    """What the rows say is in storage: who reads it is not told the difference."""
    kinds = {
        "images": "SELECT storage_key, 'file of images ' || id FROM images",
        "predictions": "SELECT mask_key, 'file of predictions ' || id FROM predictions",
        "snapshots": "SELECT storage_key, 'file of snapshots ' || id FROM snapshots",
        "checkpoints": "SELECT storage_key, 'weights of checkpoint ' || id FROM checkpoints",
    }
    with engine.connect() as connection:
        rows = [row for query in kinds.values() for row in connection.execute(text(query))]
        masks = connection.scalars(text("SELECT mask_key FROM gold_images")).all()
    files = {key: content.encode() for key, content in rows if key is not None}
    files |= dict.fromkeys(masks, MASK) | {"runs/1/report-1.html": b"<p>report of run 1</p>"}
    for key, content in files.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)


@pytest.fixture
def client_of(application: FastAPI, engine: Engine) -> Iterator[Callable[[str], TestClient]]:
    """A browser in which somebody is still signed in."""
    with TestClient(application, raise_server_exceptions=False) as client:

        def of(who: str) -> TestClient:
            client.cookies.set("weakseg_session", f"session of {who}", domain="testserver.local")
            return client

        yield of


def test_everything_reads_as_before(client_of: Callable[[str], TestClient]) -> None:
    different = []
    for request in answers():
        who, path = request["who"], request["path"]
        answer = client_of(who).get(f"/api/v1{path}")
        content, before = _content(answer, path), request["answer"]
        if path.endswith("format=csv"):
            content, before = ([*csv.DictReader(io.StringIO(sheet))] for sheet in (content, before))
        if who == "anna" and path in DATED:
            content["created_at"] = before["created_at"]
        if (who, path) in WITHHELD:
            assert (answer.status_code, content["code"]) == (404, "not-found")
        elif answer.status_code != request["status"] or not holds(content, before):
            different.append((who, path, answer.status_code, content, before))
    assert different == []


def _content(answer: Any, path: str) -> Any:
    """A file as its text; of a filtered list the ids, and of quality what no clock changes."""
    kind = answer.headers["content-type"].partition(";")[0]
    if kind not in ("application/json", "application/problem+json") or "export" in path:
        return answer.text
    content = answer.json()
    if "/images?" in path and "items" in content:
        return {"ids": [item["id"] for item in content["items"]]} | {
            "next_cursor": content["next_cursor"]
        }
    if path.endswith("/quality"):
        content.pop("until", None)
    return content


def test_every_list_and_detail_is_asked_for(application: FastAPI) -> None:
    document = application.openapi()
    asked = {line["path"].partition("?")[0].strip("/") for line in answers()}
    routes = [path for path, methods in document["paths"].items() if "get" in methods]
    missing = [
        route
        for route in routes
        if route.startswith("/api/v1/")
        and route not in NOT_STORED | LATER
        and not any(_is_of(path, route.removeprefix("/api/v1/")) for path in asked)
    ]
    assert missing == []


def _is_of(path: str, route: str) -> bool:
    """Whether a path is one of a route with `{names}` for its parts."""
    parts = list(zip(path.split("/"), route.split("/"), strict=False))
    return path.count("/") == route.count("/") and all(
        part == name or name.startswith("{") for part, name in parts
    )


def test_labels_are_added_beside_the_earlier_ones(client_of: Callable[[str], TestClient]) -> None:
    point = {"points": [{"category": "Road", "x": 1.5, "y": 2.5}]}
    tile = {"tiles": {"rows": 2, "cols": 3, "present": {"Road": [5]}}}
    for project, more in ((1, {}), (2, point), (3, point), (4, tile)):
        content = {"present": ["Road"], "absent": ["Car", "Tree"]} | more
        anna, url = client_of("anna"), f"/api/v1/projects/{project}"
        leases = anna.post(f"{url}/leases", json={"count": 16}).json()
        for lease in leases:
            body = content | {"lease_id": lease["id"], "timing": TIMING}
            stored = anna.put(f"/api/v1/images/{lease['image']['id']}/label", json=body)
            assert stored.status_code == 200, stored.text
            assert stored.json() | content | {"partial": False} == stored.json()
        new = {lease["image"]["id"] for lease in leases}
        labels = anna.get(f"{url}/labels/mine").json()["items"]
        assert new
        assert new <= {label["image_id"] for label in labels}
        earlier = recorded("anna", f"/projects/{project}/labels/mine")["items"]
        assert holds(
            [label for label in labels if label["image_id"] not in new],
            [label for label in earlier if label["image_id"] not in new],
        )


def test_a_label_sent_again_is_the_one_it_made(client_of: Callable[[str], TestClient]) -> None:
    def send(present: list[str]) -> Any:
        content = {"present": present, "absent": ["Tree"], "timing": TIMING}
        key = {"Idempotency-Key": "anna-4b"}
        return client_of("anna").put("/api/v1/images/5/label", json=content, headers=key).json()

    assert holds(send(["Road", "Car"]), recorded("anna", "/images/5")["history"][0])
    assert send(["Car"])["code"] == "key-reused"


def test_the_labels_make_the_same_snapshots(client_of: Callable[[str], TestClient]) -> None:
    for project in (1, 2, 3, 4):
        path = f"/projects/{project}/snapshots"
        made = client_of("engineer").post(f"/api/v1{path}")
        assert holds(made.json(), recorded("engineer", path)[0])


def test_what_is_written_is_spelled_as_before(
    client_of: Callable[[str], TestClient], engine: Engine
) -> None:
    before = spellings(engine)
    for who, method, path, body in (
        ("admin", "POST", "/projects", {"name": "New", "categories": [{"name": "Road"}]}),
        ("admin", "PATCH", "/projects/5", {"mode": "tiles", "prefill": "model", "order": "rare"}),
        ("admin", "POST", "/users", {"email": "new@example.org", "password": PASSWORD}),
        ("engineer", "POST", "/runs/4/resume", None),
        ("engineer", "POST", "/runs/5/cancel", None),
        ("admin", "POST", "/projects/1/images/requeue", {"image_ids": [1]}),
        ("anna", "PUT", "/images/1/label", {"present": ["Road"], "unsure": ["Car"]} | TIMED),
        ("anna", "PUT", "/images/24/label", TILES | TIMED),
    ):
        answer = client_of(who).request(method, f"/api/v1{path}", json=body)
        assert answer.is_success, (path, answer.text)
    now = spellings(engine)
    assert {name: words - before[name] for name, words in now.items() if words - before[name]} == {}
    assert stored_label(engine, image_id=24) == stored_label(engine, image_id=23)


def spellings(engine: Engine) -> dict[str, set[str]]:
    """What stands in each column that takes one of a few words."""
    found = {}
    with engine.connect() as connection:
        for table, columns in WORDS.items():
            for column in columns:
                query = text(f'SELECT DISTINCT "{column}" FROM {table}')
                found[f"{table}.{column}"] = set(connection.scalars(query))
    return found


def stored_label(engine: Engine, image_id: int) -> Any:
    """The plain columns of the latest label of an image."""
    columns = "present, absent, unsure, points, tiles, trail, prefilled"
    query = f"SELECT {columns} FROM labels WHERE image_id = {image_id} ORDER BY id DESC"
    with engine.connect() as connection:
        return connection.execute(text(query)).first()


def test_everybody_still_takes_part_in_every_project(
    client_of: Callable[[str], TestClient],
) -> None:
    listed = client_of("admin").get("/api/v1/projects").json()
    assert {project["open_to_everybody"] for project in listed} == {True}
    of_account = {"annotator": "annotator", "engineer": "lead", "admin": "lead"}
    for who in ("anna", "engineer", "admin"):
        client = client_of(who)
        role = of_account[client.get("/api/v1/me").json()["role"]]
        found = client.get("/api/v1/projects").json()
        assert [(one["id"], one["role"]) for one in found] == [(one["id"], role) for one in listed]


def test_accounts_and_tokens_are_good(application: FastAPI, engine: Engine) -> None:
    with TestClient(application) as client:
        body = {"email": "anna@example.org", "password": PASSWORD}
        assert client.post("/api/v1/session", json=body).is_success
        client.cookies.clear()
        codes = {}
        for name in ("nightly", "reader", "labeller", "ended"):
            headers = {"Authorization": f"Bearer wsk_{name}"}
            answer = client.get("/api/v1/me", headers=headers)
            codes[name] = (answer.status_code, set(answer.json().get("scopes", ())))
        admin = {"Cookie": "weakseg_session=session of admin"}
        listed = [
            {one["name"] for one in client.get(f"/api/v1/users/{n}/tokens", headers=admin).json()}
            for n in (1, 2, 3, 4, 5)
        ]
    assert set().union(*listed) == set(codes)
    assert codes == {
        "nightly": (200, {"read", "label", "import", "runs", "admin"}),
        "reader": (200, {"read"}),
        "labeller": (200, {"read", "label"}),
        "ended": (401, set()),
    }
