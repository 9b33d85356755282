"""A database that goes away and comes back: 503 meanwhile, and nothing is lost."""

import contextlib
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from server import db, migrations
from server.db import session_scope
from server.main import create_app
from server.models import Prediction, User
from server.models.user import Role
from server.schemas.run import RunIn
from server.services.accounts import sessions
from server.services.runs import claims, directory, execution, predictions_import, runs
from tests.server.factories import (
    add_images,
    eventually,
    make_project,
    make_trainable_project,
    run_row,
)
from tests.services.postgres import Postgres, own_postgres

SCRIPT = Path(__file__).parent / "services" / "runs" / "scripted_trainer.py"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with own_postgres() as started, pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEAKSEG_DATABASE_URL", started.url)
        db.dispose()
        migrations.upgrade(db.get_engine())
        yield started
        db.dispose()


@pytest.fixture
def postgres(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Postgres]:
    monkeypatch.setenv("WEAKSEG_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WEAKSEG_HEARTBEAT_SECONDS", "0.1")
    monkeypatch.setenv("WEAKSEG_STALE_SECONDS", "30")
    db.dispose()
    yield server
    db.dispose()


def signed_in() -> TestClient:
    client = TestClient(create_app(), raise_server_exceptions=False)
    with session_scope() as session:
        user = User(email="admin@example.org", password_hash="none", role=Role.ADMIN.value)
        session.add(user)
        session.flush()
        secret = sessions.start(session, user)
    client.cookies.set(sessions.COOKIE, secret)
    return client


def test_requests_are_told_to_come_again(
    postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    client = signed_in()
    project = make_project()
    assert client.get(f"/api/v1/projects/{project}").status_code == 200
    postgres.stop()
    capsys.readouterr()
    for method, path in (
        ("GET", f"/api/v1/projects/{project}"), ("GET", "/api/v1/me"), ("POST", "/api/v1/projects"),
        ("PUT", "/api/v1/images/1/label"), ("GET", "/api/v1/images/1/file"),
    ):  # fmt: skip
        answer = client.request(method, path, json={})
        assert answer.status_code == 503, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.json()["code"] == "database-away"
        said = "".join(capsys.readouterr())
        assert said.count("\n") == 1, said
        assert "the database cannot be reached" in said
    wrong = client.post("/api/v1/session", json={"email": "a@b.c", "password": "x"})
    assert wrong.status_code == 503
    ready = client.get("/health/ready")
    assert ready.status_code == 503
    assert "database" in ready.json()["detail"]
    assert client.get("/health/live").status_code == 200
    postgres.start()
    assert client.get(f"/api/v1/projects/{project}").status_code == 200, "the first one after it"
    assert client.get("/health/ready").status_code == 200


def play(scene: str, run_id: int) -> threading.Thread:
    command = (sys.executable, str(SCRIPT), scene)
    worker = threading.Thread(target=execution.execute, args=(run_id,), kwargs={"command": command})
    worker.start()
    return worker


def queue_run() -> int:
    project_id = make_trainable_project(name=f"p{time.monotonic_ns()}")
    return runs.create(project_id, RunIn(), None).id


@pytest.mark.parametrize("moment", ["trainer ends", "publishing", "last word"])
def test_a_restart_while_a_run_ends_costs_nothing(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The database stops at a moment and is started again."""
    stopped = threading.Event()

    def stop() -> None:
        if not stopped.is_set():
            postgres.stop()
            stopped.set()

    run_id = queue_run()
    hooks = {
        "publishing": (predictions_import, "_import_batch"),
        "last word": (claims, "lock_held"),
    }
    if moment in hooks:
        module, name = hooks[moment]
        real = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given: (stop(), real(*given))[1])
    worker = play("succeed_later", run_id)
    folder = directory.path_of(run_id)
    eventually((folder / "starts").exists)
    if moment == "trainer ends":
        stop()
    (folder / "go").touch()
    assert stopped.wait(60)
    # Its process ends with the thread that started it, so that has to be this one.
    postgres.start()
    worker.join(60)
    found = run_row(run_id)
    assert (found.state, found.attempt, found.interruptions) == ("succeeded", 1, 0)
    assert (folder / "starts").read_text() == "x", "the trainer ran once"
    with session_scope(read_only=True) as session:
        shown = session.query(Prediction).filter_by(run_id=run_id).count()
        kinds = [event.kind for event in runs.events_after(session, run_id, 0, 100)]
    assert shown == 4
    assert kinds.count("finished") == 1


def test_a_locked_sqlite_is_busy_and_not_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("WEAKSEG_DATABASE_URL", raising=False)
    monkeypatch.setattr(db, "SQLITE_WAIT_SECONDS", 0.1)
    db.dispose()
    migrations.upgrade(db.get_engine())
    client = signed_in()
    file = str(tmp_path / "data/weakseg.sqlite3")
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = client.post("/api/v1/tokens", json={"name": "one"})
        assert (answer.status_code, answer.json()["code"]) == (503, "database-busy")
        assert answer.headers["retry-after"]
        other.execute("ROLLBACK")
    assert client.post("/api/v1/tokens", json={"name": "one"}).status_code == 201
    db.dispose()


def test_a_full_sqlite_says_so_and_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("WEAKSEG_DATABASE_URL", raising=False)
    db.dispose()
    migrations.upgrade(db.get_engine())
    client = signed_in()
    project = make_project()
    add_images(project, ["a.png"])
    # Its own limit on pages makes the same error as a disk without room.
    db.get_engine().dispose()
    event.listen(
        db.get_engine(), "connect", lambda raw, _record: raw.execute("PRAGMA max_page_count=1")
    )
    notes = [client.post("/api/v1/tokens", json={"name": f"{n}" * 60}) for n in range(10, 100)]
    full = [answer for answer in notes if answer.status_code == 507]
    assert full, {answer.status_code for answer in notes}
    assert full[0].json()["code"] == "storage-full"
    assert "database" in full[0].json()["detail"]
    assert client.get(f"/api/v1/projects/{project}").status_code == 200
    db.dispose()
