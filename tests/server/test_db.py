"""Columns that hold a member of an enum, sessions for one statement, and lost connections."""

import time

import pytest
from sqlalchemy import (
    Column,
    MetaData,
    String,
    Table,
    create_engine,
    delete,
    func,
    insert,
    select,
    text,
)

from server.db import EnumText, look, make_engine, session_scope
from server.models import User
from server.models.run import RunState
from server.models.user import Role
from tests.server import factories

PROCESS = select(func.pg_backend_pid())
PLACES = Table("places", MetaData(), Column("state", EnumText(RunState, 20), primary_key=True))


def test_a_member_is_stored_as_its_text_and_another_text_is_read_as_it_is() -> None:
    with create_engine("sqlite://").begin() as connection:
        PLACES.create(connection)
        connection.execute(insert(PLACES).values(state=RunState.QUEUED))
        connection.execute(text("INSERT INTO places VALUES ('postponed')"))
        stored = select(PLACES.c.state)
        is_queued = PLACES.c.state.in_([RunState.QUEUED, RunState.RUNNING])
        assert connection.scalars(text("SELECT state FROM places")).all() == ["queued", "postponed"]
        assert connection.scalar(stored.where(is_queued)) is RunState.QUEUED
        assert connection.scalar(stored.where(~is_queued)) == "postponed"


def test_it_makes_the_same_column_as_text_does() -> None:
    made, plain = EnumText(RunState, 20), String(20)
    dialect = create_engine("sqlite://").dialect
    assert made.compile(dialect=dialect) == plain.compile(dialect=dialect)


def test_a_look_waits_for_no_writer_and_leaves_connections_as_they_were(database: str) -> None:
    def emails() -> list[str]:
        return look(lambda session: list(session.scalars(select(User.email).order_by(User.email))))

    factories.make_user("a@example.org")
    with session_scope() as session:
        session.add(User(email="b@example.org", password_hash="-", role=Role.ANNOTATOR))
        session.flush()
        assert emails() == ["a@example.org"]
    assert emails() == ["a@example.org", "b@example.org"]
    # The same connection begins transactions again, which can be taken back.
    for _ in range(3):
        with session_scope() as session:
            session.execute(delete(User))
            session.rollback()
        assert len(emails()) == 2


def test_a_connection_that_its_server_has_ended_is_replaced(migrated_postgresql: str) -> None:
    engine, other = make_engine(migrated_postgresql), create_engine(migrated_postgresql)
    with engine.connect() as connection, engine.connect() as second:
        ended = connection.scalar(PROCESS), second.scalar(PROCESS)
    with other.connect() as connection:
        for process in ended:
            connection.execute(select(func.pg_terminate_backend(process, 10_000)))
    with engine.connect() as connection, engine.connect() as second:
        assert not {connection.scalar(PROCESS), second.scalar(PROCESS)} & {*ended}
    for each in (engine, other):
        each.dispose()


@pytest.mark.parametrize(("idle_seconds", "asks"), [(1, 0), (60, 1)])
def test_a_server_is_asked_whether_it_is_there_after_a_while_alone(
    migrated_postgresql: str, monkeypatch: pytest.MonkeyPatch, idle_seconds: float, asks: int
) -> None:
    engine = make_engine(migrated_postgresql)
    asked, ping = [], engine.dialect.do_ping
    monkeypatch.setattr(engine.dialect, "do_ping", lambda c: (asked.append(c), ping(c))[1])
    with engine.connect() as connection:
        process = connection.scalar(PROCESS)
    now = time.monotonic()
    monkeypatch.setattr("server.db.time.monotonic", lambda: now + idle_seconds)
    with engine.connect() as connection:
        assert connection.scalar(PROCESS) == process
    assert len(asked) == asks
    engine.dispose()
