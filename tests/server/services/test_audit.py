"""The audit log: what adds a line, what shows that one is missing, what is forgotten."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

import pytest
import structlog
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DatabaseError

from server.db import session_scope, utcnow
from server.models import AuditChain, AuditEntry, AuditEvent
from server.services import audit
from server.services.audit import Actor, AuditFilter, Thing
from server.settings import get_settings

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def _the_server_acts() -> Iterator[None]:
    """Whoever was at work before in this process."""
    before = audit._acting.set(Actor())
    yield
    audit._acting.reset(before)


def add(count: int, what: AuditEvent = AuditEvent.SIGNED_IN) -> None:
    for number in range(count):
        with session_scope() as session:
            audit.record(session, what, Thing("user", number), after={"n": number})


def fail(what: AuditEvent) -> None:
    """Record something in a transaction that comes to nothing."""
    with suppress(RuntimeError), session_scope() as session:
        audit.record(session, what)
        raise RuntimeError


def lines() -> list[AuditEntry]:
    with session_scope(read_only=True) as session:
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def without_guard(statement: str) -> None:
    """As somebody would who is at the database itself."""
    with session_scope() as session:
        if session.get_bind().dialect.name == "sqlite":
            names = ("audit_entries_update", "audit_entries_delete")
            made = [
                session.scalar(
                    text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": name}
                )
                for name in names
            ]
            for name in names:
                session.execute(text(f"DROP TRIGGER {name}"))
            session.execute(text(statement))
            for each in made:
                session.execute(text(str(each)))
        else:
            session.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER USER"))
            session.execute(text(statement))
            session.execute(text("ALTER TABLE audit_entries ENABLE TRIGGER USER"))


def test_a_line_comes_with_what_it_tells_of_or_not_at_all() -> None:
    fail(AuditEvent.SIGNED_IN)
    assert lines() == []
    with session_scope() as session:
        audit.record(
            session,
            AuditEvent.ROLE_CHANGED,
            Thing("user", 7),
            before={"role": "annotator"},
            after={"role": "admin"},
        )
        audit.record(session, AuditEvent.DELETED, Thing("image", 3, 2))
    first, second = lines()
    assert (first.id, first.event, first.subject, first.subject_id, first.before, first.after) == (
        1, AuditEvent.ROLE_CHANGED, "user", "7", {"role": "annotator"}, {"role": "admin"},
    )  # fmt: skip
    assert (second.id, second.project_id, second.before, second.door) == (2, 2, None, "server")


def test_the_hashes_are_those_that_the_guide_describes() -> None:
    """Computed here anew from what is exported, as somebody does who has only the file."""
    add(3)
    with session_scope(read_only=True) as session:
        exported = [json.loads(line) for line in audit.export(session, AuditFilter())]
    previous = "0" * 64
    for line in exported:
        expected = line.pop("hash")
        plain = json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        previous = sha256(f"{previous}\n{plain}".encode()).hexdigest()
        assert previous == expected
    assert [line["id"] for line in exported] == [1, 2, 3]
    assert audit.verify() == audit.Verified(3, 1, 3, previous, None)


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        ("UPDATE audit_entries SET user_id = 9 WHERE id = 3", "line 3 was changed"),
        ("UPDATE audit_entries SET after = '{\"n\": 5}' WHERE id = 2", "line 2 was changed"),
        ("UPDATE audit_entries SET at = '2020-01-01 00:00:00+00:00' WHERE id = 4", "line 4 was changed"),
        ("DELETE FROM audit_entries WHERE id = 2", "line 2 is missing"),
        ("DELETE FROM audit_entries WHERE id IN (1, 2)", "lines 1 to 2 are missing"),
        ("DELETE FROM audit_entries WHERE id >= 4", "lines 4 to 5, the last, are missing"),
        ("DELETE FROM audit_entries", "lines 1 to 5, the last, are missing"),
        ("UPDATE audit_entries SET id = 6 WHERE id = 5", "line 5 is missing"),
    ],
)  # fmt: skip
def test_a_missing_or_changed_line_shows(harm: str, problem: str) -> None:
    add(5)
    assert audit.verify().problem is None
    without_guard(harm)
    assert audit.verify().problem == problem


def test_a_log_written_anew_shows_against_a_hash_that_was_kept() -> None:
    add(3)
    kept = audit.verify().last_id, audit.verify().last_hash
    assert audit.verify(kept).problem is None
    add(1)
    assert audit.verify(kept).problem is None
    without_guard("DELETE FROM audit_entries")
    with session_scope() as session:
        session.execute(update(AuditChain).values(last_id=0, last_hash=audit.START))
    add(4)
    assert audit.verify().problem is None
    assert audit.verify(kept).problem == "line 3 does not have the hash that was kept elsewhere"


@pytest.mark.parametrize(
    "statement",
    [
        update(AuditEntry).values(user_id=1),
        delete(AuditEntry),
        delete(AuditEntry).where(AuditEntry.id == 1),
    ],
)
def test_the_database_refuses_to_change_a_line(statement: object) -> None:
    add(2)
    with pytest.raises(DatabaseError, match="only added to"), session_scope() as session:
        session.execute(statement)  # type: ignore[call-overload]
    assert len(lines()) == 2


def test_many_who_add_at_once_make_one_chain() -> None:
    def several() -> None:
        for _ in range(5):
            with session_scope() as session:
                audit.record(session, AuditEvent.SIGNED_IN)
                audit.record(session, AuditEvent.SESSION_ENDED)

    threads = [threading.Thread(target=several) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = audit.verify()
    assert (found.problem, found.lines, found.last_id) == (None, 60, 60)


def test_the_first_line_of_all_is_added_once(database: str) -> None:
    """The row that the migration makes may be gone."""
    with session_scope() as session:
        session.execute(delete(AuditChain))
    add(2)
    assert audit.verify().problem is None


def test_what_is_old_goes_and_the_rest_is_verified_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = utcnow()
    for days in (400, 366, 200, 300, 1):  # a clock of one machine goes wrong
        at = now - timedelta(days=days)
        monkeypatch.setattr(audit, "utcnow", lambda at=at: at)
        add(1)
    monkeypatch.setattr(audit, "utcnow", lambda: now)
    kept = audit.verify().last_id, audit.verify().last_hash
    first_kept = 2, lines()[1].hash
    assert audit.trim() == 2
    assert [entry.id for entry in lines()] == [3, 4, 5, 6]
    assert lines()[-1].event == AuditEvent.LOG_TRIMMED
    assert lines()[-1].after == {"lines": 2, "last_id": 2}
    found = audit.verify(kept)
    assert (found.problem, found.first_id, found.lines) == (None, 3, 4)
    assert audit.verify(first_kept).problem is None  # the anchor still has its hash
    assert audit.trim() == 0
    without_guard("DELETE FROM audit_entries WHERE id = 3")
    assert audit.verify().problem == "line 3 is missing"


def test_a_demo_keeps_its_lines_out_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEAKSEG_DEMO", "true")
    get_settings.cache_clear()
    with structlog.testing.capture_logs() as logged:
        add(1)
    assert len(lines()) == 1
    assert logged == []


def test_each_line_is_in_the_log_with_its_request() -> None:
    with structlog.testing.capture_logs() as logged:
        audit.enter_by_http("192.0.2.7", "request-1")
        audit.identified(5, session_id=8, token_id=None)
        with session_scope() as session:
            audit.record(session, AuditEvent.DELETED, Thing("run", 3, 1))
        fail(AuditEvent.DELETED)
    (line,) = logged
    assert line["event"] == "audit"
    assert line["log_level"] == "info"
    assert (line["what"], line["user_id"], line["session_id"], line["request_id"]) == (
        "deleted", 5, 8, "request-1",
    )  # fmt: skip
    assert line["hash"] == lines()[0].hash


def test_changes_are_what_differs() -> None:
    before, after = {"overlap": 1, "mode": "tags"}, {"overlap": 2, "mode": "tags", "order": "rare"}
    assert audit.changes(before, after) == (
        {"overlap": 1, "order": None},
        {"overlap": 2, "order": "rare"},
    )


def test_pages_are_filtered_and_go_on_where_they_stopped(database: str) -> None:
    add(3)
    add(2, AuditEvent.DELETED)

    def numbers(wanted: AuditFilter, before: int | None = None, limit: int = 10) -> list[int]:
        with session_scope(read_only=True) as session:
            return [entry.id for entry in audit.page(session, wanted, before, limit)]

    assert numbers(AuditFilter()) == [5, 4, 3, 2, 1]
    assert numbers(AuditFilter(), 4, 2) == [3, 2]
    assert numbers(AuditFilter(event=AuditEvent.DELETED)) == [5, 4]
    assert numbers(AuditFilter(until=utcnow() - timedelta(minutes=5))) == []
    assert numbers(AuditFilter(since=utcnow() - timedelta(minutes=5), user_id=3)) == []


def test_who_adds_no_line_sends_no_statement(
    statements: Callable[[], object], database: str
) -> None:
    with session_scope() as session:
        session.execute(text("SELECT 1"))
    assert not [sent for sent, _ in statements if "audit" in sent]  # type: ignore[attr-defined]
