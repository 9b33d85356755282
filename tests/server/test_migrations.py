"""The migrations make the tables that the models name, and keep what is in them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, text

from server import db, migrations, models

BEFORE_MODES = "0001"
AT = "2026-11-22 10:00:00+00:00"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    fresh_postgres_database: Callable[[], str],
) -> Any:
    url = f"sqlite:///{tmp_path}/weakseg.sqlite3"
    if request.param == "postgresql":
        url = fresh_postgres_database()
    made = db.make_engine(url)
    yield made
    made.dispose()


def test_the_migrations_make_the_models_tables(engine: Engine) -> None:
    migrations.upgrade(engine)

    def is_compared(_item: object, name: str | None, *_: object) -> bool:
        # SQLite does not tell that one of its columns runs downwards.
        return name != "ix_assignments_queue"

    options = {"compare_type": True, "include_object": is_compared}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, models.Project.metadata) == []


def downgrade(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        command.downgrade(migrations.config(connection), revision)


def insert(connection: Connection, table: str, **columns: Any) -> None:
    names = ", ".join(columns)
    values = ", ".join(f":{name}" for name in columns)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), columns)


def fill_as_before(engine: Engine) -> None:
    """Three projects of the first tables; the last has an image that two people disagree on."""
    kinds = (["image"], ["point"], ["image", "point"])
    with engine.begin() as connection:
        for number, given in enumerate(kinds, 1):
            insert(connection, "projects", id=number, name=f"P{number}", description="",
                   label_kinds=json.dumps(given), overlap=2, recipe="tiny", supervision="point",
                   show_predictions=True, prefill=number == 3, created_at=AT)  # fmt: skip
        for number, name in ((1, "Road"), (2, "Car")):
            insert(connection, "categories", id=number, project_id=3, position=number, name=name,
                   color="#000000", key=name[0].lower())  # fmt: skip
        for person in (1, 2):
            insert(connection, "users", id=person, email=f"{person}@example.org",
                   password_hash="-", role="annotator", active=True, created_at=AT)  # fmt: skip
        for image in (1, 2):
            insert(connection, "images", id=image, project_id=3, external_id=f"{image}.jpg",
                   split="train", state="ready", created_at=AT)  # fmt: skip
        for person, present, absent in ((1, "[1, 2]", "[]"), (2, "[1]", "[2]")):
            insert(connection, "labels", id=person, project_id=3, image_id=1, annotator_id=person,
                   revision=1, current=True, present=present, absent=absent, points="[]",
                   active_ms=1, wall_ms=1, trail="[]", request_hash="-", created_at=AT)  # fmt: skip


def test_label_kinds_become_modes_and_labels_stay(engine: Engine) -> None:
    migrations.upgrade(engine, BEFORE_MODES)
    fill_as_before(engine)
    migrations.upgrade(engine)
    with engine.connect() as connection:
        projects = connection.execute(text("SELECT mode, prefill FROM projects ORDER BY id")).all()
        answers = connection.execute(
            text("SELECT label_id, category_id, value FROM answers ORDER BY 1, 2")
        ).all()
        images = connection.execute(
            text("SELECT labelled, disputed_at IS NOT NULL FROM images ORDER BY id")
        ).all()
        secrets = connection.scalars(text("SELECT blind_secret FROM projects")).all()
    assert [tuple(row) for row in projects] == [
        ("tags", "none"), ("points", "none"), ("tags-and-points", "model"),
    ]  # fmt: skip
    assert [tuple(row) for row in answers] == [
        (1, 1, "present"), (1, 2, "present"), (2, 1, "present"), (2, 2, "absent"),
    ]  # fmt: skip
    assert [tuple(row) for row in images] == [(True, True), (False, False)]
    assert len(set(secrets)) == 3


def test_the_way_back_keeps_the_labels(engine: Engine) -> None:
    migrations.upgrade(engine, BEFORE_MODES)
    fill_as_before(engine)
    migrations.upgrade(engine)
    downgrade(engine, BEFORE_MODES)
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT label_kinds, prefill FROM projects ORDER BY id"))
        found = [(json.loads(k) if isinstance(k, str) else k, bool(p)) for k, p in rows]
        assert connection.scalar(text("SELECT count(*) FROM labels")) == 2
    assert found == [(["image"], False), (["point"], False), (["image", "point"], True)]


def test_images_of_one_name_in_two_spellings_become_two_names(engine: Engine) -> None:
    composed, parts, free = "caf\u00e9.jpg", "cafe\u0301.jpg", "cafe\u0301 (2).jpg"
    odd = ("a\u1ebf.jpg", "a\u00ea\u0301.jpg", "ae\u0302\u0301.jpg", "ae\u0302\u0301 (2).jpg")
    names = ("a.jpg", parts, composed, *odd)
    migrations.upgrade(engine, BEFORE_MODES)
    fill_as_before(engine)
    with engine.begin() as connection:
        for number, name in enumerate(names, 11):
            insert(connection, "images", id=number, project_id=1, external_id=name,
                   split="train", state="ready", created_at=AT)  # fmt: skip
        insert(connection, "images", id=30, project_id=2, external_id=parts, split="train",
               state="ready", created_at=AT)  # fmt: skip
    migrations.upgrade(engine)
    query = "SELECT external_id, comparable_id FROM images WHERE project_id = :p ORDER BY id"
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query), {"p": 1})]
        other = [tuple(row) for row in connection.execute(text(query), {"p": 2})]
        assert connection.scalar(text("SELECT count(*) FROM labels")) == 2
    assert [name for name, _ in found] == [
        "a.jpg", free, composed, odd[0], "a\u00ea\u0301 (3).jpg", "ae\u0302\u0301 (4).jpg", odd[3],
    ]  # fmt: skip
    assert all(normalize("NFC", name) == comparable for name, comparable in found)
    assert other == [(parts, composed)]
    downgrade(engine, BEFORE_MODES)
