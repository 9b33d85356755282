import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from celery.beat import Scheduler
from kombu.simple import SimpleQueue
from kombu.utils.imports import symbol_by_name
from sqlalchemy.exc import IntegrityError

from server import db, filesystem_broker, queue
from server.db import session_scope
from server.models import User
from server.queue import get_app, send_after_commit
from server.settings import get_settings
from tests.services.processes import free_port


def user(email: str) -> User:
    return User(email=email, password_hash="none", role="admin")


@pytest.fixture
def sent(database: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What is sent, with the number of accounts that another session sees at that moment."""
    messages: list[tuple[Any, ...]] = []

    def note(*message: Any) -> None:
        with session_scope(read_only=True) as session:
            messages.append((*message, session.query(User).count()))

    monkeypatch.setattr(queue, "send", note)
    return messages


def test_a_message_leaves_after_the_commit(sent: list[tuple[Any, ...]]) -> None:
    with session_scope() as session:
        session.add(user("a"))
        send_after_commit(session, "task", 1)
        send_after_commit(session, "task", 2)
        send_after_commit(session, "task", 1)
        session.flush()
        assert sent == []
    assert sent == [("task", 1, 1), ("task", 2, 1)], "each once, when the row is there"


def test_a_message_is_dropped_with_its_transaction(sent: list[tuple[Any, ...]]) -> None:
    def change_and_fail() -> None:
        with session_scope() as session:
            send_after_commit(session, "task", 1)
            session.add(user("a"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_and_fail()
    with session_scope() as session:
        session.add(user("b"))
    assert sent == []


def test_a_savepoint_neither_sends_nor_drops(sent: list[tuple[Any, ...]]) -> None:
    with session_scope() as session:
        session.add(user("a"))
        session.flush()
        send_after_commit(session, "task", 1)
        with session.begin_nested():
            send_after_commit(session, "task", 2)
        assert sent == []
        with pytest.raises(IntegrityError), session.begin_nested():
            session.add(user("a"))
    assert sent == [("task", 1, 1), ("task", 2, 1)]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_broker_that_is_not_there_is_no_error(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WEAKSEG_BROKER_URL", f"redis://127.0.0.1:{free_port()}/0")
    db.dispose()
    with session_scope() as session:
        session.add(user("a"))
        send_after_commit(session, "task", 1)
    with session_scope(read_only=True) as session:
        assert session.query(User).count() == 1
    logged = capsys.readouterr()
    assert "message not sent" in logged.out + logged.err


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_readers_never_see_half_a_message_and_share_them_all(database: str) -> None:
    """The transport that comes with kombu fails here: a reader meets an empty file."""
    writing, count = threading.Event(), 600

    def write() -> None:
        with get_app().connection() as made, SimpleQueue(made, "runs") as runs:
            for number in range(count):
                runs.put({"number": number})

    def read(_reader: int) -> list[int]:
        numbers = []
        with get_app().connection() as made, SimpleQueue(made, "runs") as runs:
            while True:
                last_look = writing.is_set()
                try:
                    message = runs.get(block=False)
                except SimpleQueue.Empty:
                    if last_look:
                        return numbers
                    continue
                numbers.append(message.payload["number"])
                message.ack()

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read, reader) for reader in range(2)]
        try:
            pool.submit(write).result()
        finally:
            writing.set()
        numbers = [number for reader in readers for number in reader.result()]
    assert sorted(numbers) == list(range(count))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_queue_gets_its_own_messages_alone(database: str) -> None:
    with get_app().connection() as writer:
        for name in ("more.runs", "runs", "more.runs"):
            with SimpleQueue(writer, name) as to:
                to.put({"for": name})
    for name, count in (("runs", 1), ("more.runs", 2)):
        with get_app().connection() as reader, SimpleQueue(reader, name) as of:
            for _ in range(count):
                message = of.get(timeout=10)
                message.ack()
                assert message.payload == {"for": name}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_starts_at_once_does_not_trip_over_each_other(
    database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The transport that comes with kombu fails here: one reads the table that another makes."""
    for start in range(20):
        monkeypatch.setenv("WEAKSEG_DATA", str(tmp_path / str(start)))
        db.dispose()
        get_app()
        at_once = threading.Barrier(4)

        def put(number: int, at_once: threading.Barrier = at_once) -> None:
            at_once.wait(10)
            with get_app().connection() as made, SimpleQueue(made, "runs") as runs:
                runs.put({"number": number})

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(put, range(4)))


def put(number: int) -> None:
    with get_app().connection() as made, SimpleQueue(made, "runs") as runs:
        runs.put({"number": number})


def take() -> int:
    with get_app().connection() as made, SimpleQueue(made, "runs") as runs:
        message = runs.get(timeout=10)
        message.ack()
        return int(message.payload["number"])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("content", [b"", b"[[", b'[["runs", ', b"null", b"[1]", b"\xff\xfe", None])
def test_a_damaged_table_of_queues_is_dropped(
    database: str, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    put(0)
    tables = list((get_settings().data / "broker/control").glob("*.exchange"))
    assert tables
    for table in tables:
        table.unlink() if content is None else table.write_bytes(content)
    put(1)
    queue._app_for.cache_clear()
    filesystem_broker._state_of.cache_clear()  # as in a process that starts now
    put(2)
    assert [take(), take(), take()] == [0, 1, 2]
    said = capsys.readouterr()
    dropped = (said.out + said.err).count("table of queues dropped")
    assert dropped == (0 if content is None else len(tables)), "each once"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_table_is_never_seen_half_written(database: str, tmp_path: Path) -> None:
    path = tmp_path / "many.exchange"
    rows = [filesystem_broker._row(f"key {number}", "", f"queue {number}") for number in range(300)]
    filesystem_broker._write_table(path, rows)
    written = threading.Event()

    def read() -> list[int]:
        seen = []
        while not written.is_set():
            seen.append(len(filesystem_broker._read_table(path)))
        return seen

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for count in range(1, 100):
            filesystem_broker._write_table(path, rows[:count])
        written.set()
    assert all(0 < length <= 300 for reader in readers for length in reader.result())
    assert not list(tmp_path.glob(".*")), "nothing unfinished is left"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_clock_keeps_its_schedule_in_memory_and_cleans_soon_after_its_start(
    database: str,
) -> None:
    app = get_app()
    kind = symbol_by_name(app.conf.beat_scheduler)
    assert kind is Scheduler
    clock = kind(app=app)
    due = {name: entry.is_due() for name, entry in clock.schedule.items()}
    assert not any(is_due for is_due, _ in due.values())
    assert 590 < due["clean"].next <= 600
    assert due["sweep"].next <= 10
    # The clock that has sent it is due a day later.
    assert 86_390 < clock.reserve(clock.schedule["clean"]).is_due().next <= 86_400
