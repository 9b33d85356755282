"""A server over a fresh database, on SQLite and on PostgreSQL, and somebody signed in to it."""

import io
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image as PillowImage
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Engine, event, insert, text

from server import db, migrations, security
from server.main import create_app
from server.models import User, UserSession
from server.models.user import Role
from server.services.accounts import sessions
from server.settings import get_settings
from tests.server.people import EMAILS, password_hash
from tests.server.statements import noted
from tests.services.postgres import fresh_database


@pytest.fixture(scope="session")
def engine_of() -> Iterator[Callable[[str], Engine]]:
    """The one engine of an address: to compile statements anew for each test takes long."""
    made: list[Engine] = []
    make = db.make_engine

    @cache
    def engine(url: str) -> Engine:
        made.append(make(url))
        if made[-1].dialect.name == "sqlite":
            event.listen(made[-1], "connect", _without_waiting_for_the_disk)
        return made[-1]

    yield engine
    for each in made:
        each.dispose()


def _without_waiting_for_the_disk(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """What a test writes need not survive a loss of power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _file: None)
        yield


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied: faster than migrating anew for each test."""
    path = tmp_path_factory.mktemp("template") / "weakseg.sqlite3"
    engine = db.make_engine(f"sqlite:///{path}")
    migrations.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each test gets its copy."""
    return tmp_path_factory.mktemp("database") / "weakseg.sqlite3"


@pytest.fixture(scope="session")
def migrated_postgresql(postgres_url: str) -> Iterator[str]:
    """URL of a migrated PostgreSQL database that tests empty before they use it."""
    with fresh_database(postgres_url) as url:
        engine = db.make_engine(url)
        migrations.upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(
    request: pytest.FixtureRequest,
    engine_of: Callable[[str], Engine],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """An empty, migrated database that the settings name; gives the kind."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("WEAKSEG_DATA", str(data))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(db, "make_engine", engine_of)
    if request.param == "postgresql":
        url = request.getfixturevalue("migrated_postgresql")
        _empty(engine_of(url))
        # Each new connection is a process that has yet to read the catalogue: they are kept.
        monkeypatch.setattr(engine_of(url), "dispose", lambda: None)
    else:
        file = request.getfixturevalue("sqlite_file")
        url = f"sqlite:///{file}"
        for earlier in file.parent.iterdir():
            earlier.unlink()
        shutil.copy(request.getfixturevalue("migrated_sqlite"), file)
    monkeypatch.setenv("WEAKSEG_DATABASE_URL", url)
    db.dispose()
    yield request.param
    db.dispose()


def _empty(engine: Engine) -> None:
    """Delete all rows and count ids from 1; TRUNCATE, which makes each file anew, takes far longer."""
    tables = reversed(db.Base.metadata.sorted_tables)
    with engine.begin() as connection:
        # The database lets go of no line of the audit log but of what was trimmed.
        connection.exec_driver_sql("UPDATE audit_chain SET anchor_id = 2147483647")
        connection.exec_driver_sql("; ".join(f"DELETE FROM {table.name}" for table in tables))
        counters = "SELECT setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences"
        connection.execute(text(counters))


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Argon2 with the least work: that of the product is slow on purpose."""
    hasher = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(security, "_passwords", hasher)
        yield


@pytest.fixture(autouse=True)
def kept_log_settings() -> Iterator[None]:
    """A command that a test calls in this process sets up logs for the tests after it as well."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def statements(database: str) -> Iterator[list[tuple[str, Any]]]:
    """What the test has sent to the database so far."""
    with noted() as sent:
        yield sent


@pytest.fixture(scope="session")
def application() -> FastAPI:
    """Made once: its routes take longer to make than a test, and settings are read as they are."""
    return create_app()


@pytest.fixture
def app_client(application: FastAPI, database: str) -> Iterator[Callable[[], TestClient]]:
    """Makes clients of one running application, each with its own cookies."""
    with TestClient(application, raise_server_exceptions=False) as first:
        clients = [first]

        def make() -> TestClient:
            client = TestClient(application, raise_server_exceptions=False)
            client.portal = first.portal  # or else each request starts an event loop of its own
            clients.append(client)
            return client

        yield make
        for client in clients[1:]:
            client.close()


@pytest.fixture
def people(database: str) -> dict[Role, int]:
    """One account of each role; gives their ids."""
    rows = [
        {"email": email, "password_hash": password_hash(), "role": role.value}
        for role, email in EMAILS.items()
    ]
    ids = insert(User).returning(User.id, sort_by_parameter_order=True)
    with db.get_engine().begin() as connection:
        return dict(zip(EMAILS, connection.scalars(ids, rows), strict=True))


@pytest.fixture
def sign_in(
    app_client: Callable[[], TestClient], people: dict[Role, int]
) -> Callable[[Role], TestClient]:
    """A client with a session of somebody with a role; test_users.py signs in by HTTP.

    No line of the audit log tells of it: each would take longer than most of what tests ask for.
    """

    def signed_in(role: Role) -> TestClient:
        client = app_client()
        secret, now = security.new_secret(), db.utcnow()
        session = {
            "user_id": people[role], "secret_hash": security.hash_secret(secret),
            "last_used_at": now, "expires_at": now + get_settings().session_lifetime,
            "address": "", "browser": "",
        }  # fmt: skip
        with db.get_engine().begin() as connection:
            connection.execute(insert(UserSession), session)
        client.cookies.set(sessions.COOKIE, secret, domain="testserver.local")
        return client

    return signed_in


@pytest.fixture
def admin(sign_in: Callable[[Role], TestClient]) -> TestClient:
    return sign_in(Role.ADMIN)


@pytest.fixture
def engineer(sign_in: Callable[[Role], TestClient]) -> TestClient:
    return sign_in(Role.ENGINEER)


@pytest.fixture
def annotator(sign_in: Callable[[Role], TestClient]) -> TestClient:
    return sign_in(Role.ANNOTATOR)


@pytest.fixture
def make_project(engineer: TestClient) -> Callable[..., dict[str, Any]]:
    """Makes a project by HTTP; keyword arguments are fields of its body."""

    def make(**fields: Any) -> dict[str, Any]:
        body = {
            "name": "Streets",
            "categories": [{"name": "Road"}, {"name": "Car"}, {"name": "Tree"}],
            "open_to_everybody": True,
        } | fields
        answer = engineer.post("/api/v1/projects", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return make


@pytest.fixture
def upload(engineer: TestClient) -> Callable[[int, dict[str, bytes]], dict[str, Any]]:
    """Uploads files by name into a project."""

    def send(project_id: int, files: dict[str, bytes]) -> dict[str, Any]:
        answer = engineer.post(
            f"/api/v1/projects/{project_id}/images",
            files=[("files", (name, content)) for name, content in files.items()],
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    return send


@pytest.fixture
def jpeg() -> Callable[..., bytes]:
    """Makes a JPEG whose content depends on `shade`."""

    def make(shade: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
        color = (shade % 256, shade // 256 % 256, 90)
        buffer = io.BytesIO()
        PillowImage.new("RGB", size, color).save(buffer, "JPEG")
        return buffer.getvalue()

    return make
