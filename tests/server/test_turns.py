"""Turns, and the writers of an SQLite database that take them."""

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import IntegrityError, OperationalError

from server import db
from server.turns import Turns

PEOPLE = 40
"""More than an engine keeps connections if nobody says how many."""


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    turns, order = Turns(), list[int]()
    assert turns.take(0)

    def work(number: int) -> None:
        assert turns.take(30)
        order.append(number)
        turns.give_back()

    threads = []
    for number in range(8):
        thread = threading.Thread(target=work, args=(number,))
        thread.start()
        threads.append(thread)
        while len(turns._waiting) <= number:
            assert thread.is_alive()
    turns.give_back()
    for thread in threads:
        thread.join()
    assert order == list(range(8))
    assert turns.take(0)


def test_a_turn_that_does_not_come_leaves_the_queue() -> None:
    turns = Turns()
    assert turns.take(0)
    assert not turns.take(0.001)
    turns.give_back()
    assert turns.take(0)
    turns.give_back()
    assert turns.take(0)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = db.make_engine(f"sqlite:///{tmp_path}/turns.sqlite3")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE places (name TEXT PRIMARY KEY)"))
    return engine


def write(engine: Engine, name: str) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO places VALUES (:name)"), {"name": name})


def test_writers_of_one_process_do_not_try_at_the_same_time(engine: Engine) -> None:
    begun = count_open(engine)
    with ThreadPoolExecutor(PEOPLE) as pool:
        list(pool.map(lambda n: write(engine, str(n)), range(5 * PEOPLE)))
    assert max(begun) == 1
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM places")) == 5 * PEOPLE


def count_open(engine: Engine) -> list[int]:
    """How many are between their BEGIN IMMEDIATE and their end, whenever one begins."""
    open_ones, begun, guard = 0, list[int](), threading.Lock()

    @event.listens_for(engine, "before_cursor_execute")
    def _on_execute(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        nonlocal open_ones
        if statement == "BEGIN IMMEDIATE":
            with guard:
                open_ones += 1
                begun.append(open_ones)

    def _on_end(_connection: object) -> None:
        nonlocal open_ones
        with guard:
            open_ones -= 1

    for name in ("commit", "rollback"):
        event.listen(engine, name, _on_end)
    return begun


def fail_by_constraint(engine: Engine) -> None:
    with pytest.raises(IntegrityError):
        write(engine, "there")


def fail_by_exception(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), engine.begin():
        raise ZeroDivisionError


def fail_by_invalidation(engine: Engine) -> None:
    connection = engine.connect()
    connection.begin()
    connection.invalidate()
    connection.close()


@pytest.mark.parametrize("fail", [fail_by_constraint, fail_by_exception, fail_by_invalidation])
def test_a_writer_that_fails_gives_its_turn_back(
    engine: Engine, fail: Callable[[Engine], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "SQLITE_WAIT_SECONDS", 5)
    write(engine, "there")
    for number in range(3):
        fail(engine)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(write, engine, str(number)).result()


def test_readers_wait_for_nobody(engine: Engine) -> None:
    reader = engine.execution_options(use=db.Use.READ)
    with engine.begin() as writer, reader.connect() as connection:
        writer.execute(text("INSERT INTO places VALUES ('new')"))
        assert connection.scalar(text("SELECT count(*) FROM places")) == 0


def test_another_process_that_writes_is_waited_for_and_then_told(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "SQLITE_WAIT_SECONDS", 0.05)
    other = sqlite3.connect(tmp_path / "turns.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor(4) as pool:
        refused = [pool.submit(write, engine, str(n)) for n in range(4)]
        assert all(isinstance(each.exception(), OperationalError) for each in refused)
    other.execute("COMMIT")
    other.close()
    write(engine, "later")
