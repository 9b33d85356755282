"""The audit log: lines that are added with what they tell of, in one transaction, and never changed.

Each line has the hash of itself and the one before, so that a missing or changed one shows. Whoever
adds lines computes them, at the end of their transaction, holding the one row that says where the
chain ends: no line is ever without its hash, there is no task that could be behind or dead, and since
that row is the last one that is locked, nobody waits for somebody who waits for them. On SQLite
writers queue anyway. What is logged is rare; labelling adds no line.

What the chain can not show is a database that somebody has rewritten from the first line to the last.
Who wants to see that too keeps the last hash elsewhere: it is in the server's log with each line.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import structlog
from sqlalchemy import Select, delete, event, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db import is_postgresql, session_scope, utcnow
from server.models import AuditChain, AuditEntry, AuditEvent, User
from server.settings import get_settings

log = structlog.get_logger()

START = "0" * 64
"""What stands for the hash before the first line."""
ROWS_AT_ONCE = 1000
_PENDING = "audit lines to add before commit"
_ADDED = "audit lines to log after commit"


@dataclass(frozen=True)
class Actor:
    """Who acts, and how they came in."""

    door: Literal["http", "command", "server"] = "server"
    user_id: int | None = None
    session_id: int | None = None
    token_id: int | None = None
    address: str | None = None
    request_id: str | None = None


_SERVER = Actor()
_acting: ContextVar[Actor] = ContextVar("acting", default=_SERVER)


class Thing(NamedTuple):
    """What something was done to, and the project that it is of."""

    kind: str
    """As it is called in the interface: `user`, `image`, `run`."""
    id: int | str
    project_id: int | None = None


def actor() -> Actor:
    """Who acts here: in a request its caller, once that is known."""
    return _acting.get()


def enter_by_http(address: str | None, request_id: str) -> None:
    """From here on a request acts, of whom is not known yet."""
    _acting.set(Actor("http", address=address and address[:100], request_id=request_id))


def enter_by_command() -> None:
    """From here on an operator acts, on the server's own machine."""
    _acting.set(Actor("command", address=f"uid {os.getuid()}"))


def identified(user_id: int, *, session_id: int | None, token_id: int | None) -> None:
    """The request that acts here is of this person, known by a session or a token."""
    _acting.set(replace(actor(), user_id=user_id, session_id=session_id, token_id=token_id))


def record(
    session: Session,
    what: AuditEvent,
    on: Thing | None = None,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    by: Actor | None = None,
) -> None:
    """Add a line when the session commits, and log it then; a rollback drops it.

    `before` and `after` are plain JSON, of ids and settings: no secret, no name or address that
    people give, no content of a label. Who acts is known of the request, unless `by` says it.
    """
    line = {
        "event": what,
        **asdict(by or actor()),
        "project_id": on and on.project_id,
        "subject": on and on.kind,
        "subject_id": on and str(on.id),
        "before": _plain(before),
        "after": _plain(after),
    }
    session.info.setdefault(_PENDING, []).append(line)


def _plain(said: Mapping[str, Any] | None) -> Any:
    """As it is read again: members of enums become their texts."""
    return None if said is None else json.loads(json.dumps(said))


def record_now(
    what: AuditEvent, on: Thing | None = None, after: Mapping[str, Any] | None = None
) -> None:
    """The same, in a transaction of its own: of what changes nothing else, such as a download."""
    with session_scope() as session:
        record(session, what, on, after=after)


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs, before and after."""
    differ = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in differ}, {name: after[name] for name in differ}


@event.listens_for(Session, "before_commit")
def _add_pending(session: Session) -> None:
    if session.in_nested_transaction() or not (lines := session.info.pop(_PENDING, None)):
        return
    session.flush()  # whatever else is locked is locked first
    last_id, last_hash = _hold_end(session)
    now = utcnow()
    for number, line in enumerate(lines, last_id + 1):
        line |= {"id": number, "at": now}
        last_hash = line["hash"] = hash_of(line, last_hash)
    session.execute(insert(AuditEntry), lines)
    session.execute(update(AuditChain).values(last_id=lines[-1]["id"], last_hash=last_hash))
    session.info[_ADDED] = lines


@event.listens_for(Session, "after_commit")
def _log_added(session: Session) -> None:
    if session.in_nested_transaction():
        return
    added = session.info.pop(_ADDED, ())
    if get_settings().demo:
        return  # whose lines are read by people, and not collected
    for line in added:
        said = {name: value for name, value in line.items() if value is not None}
        name = said.pop("event")
        log.info("audit", what=str(name), **{**said, "at": _moment(said["at"])})


@event.listens_for(Session, "after_rollback")
def _drop_pending(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_PENDING, None)
        session.info.pop(_ADDED, None)


def _hold_end(session: Session) -> tuple[int, str]:
    """Number and hash of the last line; until this transaction ends nobody else adds one."""
    end = select(AuditChain.last_id, AuditChain.last_hash).with_for_update()
    row = session.execute(end).one_or_none()
    if row is None:
        # Somebody else may be first.
        with suppress(IntegrityError), session.begin_nested():
            begin = {"anchor_id": 0, "anchor_hash": START, "last_id": 0, "last_hash": START}
            session.execute(insert(AuditChain).values(id=1, **begin))
        row = session.execute(end).one()
    return row.last_id, row.last_hash


LINE = (
    "id", "at", "event", "door", "user_id", "session_id", "token_id", "address", "request_id",
    "project_id", "subject", "subject_id", "before", "after",
)  # fmt: skip


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def as_json(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line as it is hashed and exported, without its hash."""
    return {**{name: line[name] for name in LINE}, "at": _moment(line["at"])}


def hash_of(line: Mapping[str, Any], previous: str) -> str:
    """SHA-256, in hex, of the hash of the line before, a line break, and this line as JSON.

    The JSON is that of `as_json`, in UTF-8, with sorted names and no space.
    """
    text = json.dumps(as_json(line), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


# --- to be read


@dataclass(frozen=True)
class AuditFilter:
    """Which lines are asked for; None: whatever they have there."""

    event: AuditEvent | None = None
    user_id: int | None = None
    project_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def _asked_for(wanted: AuditFilter) -> Select[AuditEntry]:
    query = select(AuditEntry)
    for column, value in (
        (AuditEntry.event, wanted.event),
        (AuditEntry.user_id, wanted.user_id),
        (AuditEntry.project_id, wanted.project_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(AuditEntry.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditEntry.at < wanted.until)
    return query


def page(session: Session, wanted: AuditFilter, before: int | None, limit: int) -> list[AuditEntry]:
    """Lines with a number below `before`, newest first."""
    query = _asked_for(wanted).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return list(session.scalars(query))


def names(session: Session, entries: list[AuditEntry]) -> dict[int, str]:
    """How the people whom lines name are called now, by id."""
    ids = {entry.user_id for entry in entries} | {
        int(entry.subject_id) for entry in entries if entry.subject == "user" and entry.subject_id
    }
    found = select(User.id, User.email).where(User.id.in_({i for i in ids if i is not None}))
    return dict(session.execute(found).all())


def export(session: Session, wanted: AuditFilter) -> Iterator[bytes]:
    """Lines of JSON, oldest first, each with its hash."""
    query = _asked_for(wanted).order_by(AuditEntry.id).execution_options(yield_per=ROWS_AT_ONCE)
    for entry in session.scalars(query):
        line = as_json(_columns(entry)) | {"hash": entry.hash}
        yield json.dumps(line, ensure_ascii=False).encode() + b"\n"
        session.expunge(entry)


def _columns(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in LINE}


# --- to be trusted


@dataclass(frozen=True)
class Verified:
    """What was found of the chain."""

    lines: int
    first_id: int
    last_id: int
    last_hash: str
    problem: str | None
    """The first thing that is wrong."""


@contextmanager
def _one_moment() -> Iterator[Session]:
    """A session that sees everything as it was at one moment."""
    with session_scope(read_only=True) as session:
        if is_postgresql(session):
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


def verify(kept: tuple[int, str] | None = None) -> Verified:
    """Compute every hash anew, while others add lines.

    With the number and the hash of a line that was kept elsewhere, also whether that line is still
    the same.
    """
    with _one_moment() as session:
        chain = session.scalar(select(AuditChain))
        first, previous = (chain.anchor_id, chain.anchor_hash) if chain else (0, START)
        count, number = 0, first
        known = {first: previous}
        problem = None
        query = select(AuditEntry).order_by(AuditEntry.id)
        with closing(session.scalars(query.execution_options(yield_per=ROWS_AT_ONCE))) as entries:
            for entry in entries:
                if problem := _wrong_with(entry, number, previous):
                    break
                count, number, previous = count + 1, entry.id, entry.hash
                if kept and number == kept[0]:
                    known[number] = previous
                session.expunge(entry)
    if problem is None:
        problem = _wrong_at_end(chain, number, previous)
    if problem is None and kept is not None:
        problem = _wrong_with_kept(kept, known, first)
    return Verified(count, first + 1, number, previous, problem)


def _wrong_with(entry: AuditEntry, after: int, previous: str) -> str | None:
    if entry.id <= after:
        return f"line {entry.id} is older than what was trimmed"
    if entry.id == after + 2:
        return f"line {after + 1} is missing"
    if entry.id > after + 1:
        return f"lines {after + 1} to {entry.id - 1} are missing"
    if hash_of(_columns(entry), previous) != entry.hash:
        return f"line {entry.id} was changed"
    return None


def _wrong_at_end(chain: AuditChain | None, number: int, last_hash: str) -> str | None:
    if chain is None:
        return "the row that says where the log ends is missing"
    if number < chain.last_id:
        return f"lines {number + 1} to {chain.last_id}, the last, are missing"
    if (number, last_hash) != (chain.last_id, chain.last_hash):
        return f"line {number} is not the last that was added"
    return None


def _wrong_with_kept(kept: tuple[int, str], known: Mapping[int, str], trimmed: int) -> str | None:
    number, kept_hash = kept
    if number < trimmed:
        return None  # trimmed since: the chain begins after it
    if number not in known:
        return f"line {number}, whose hash was kept elsewhere, is missing"
    if known[number] != kept_hash:
        return f"line {number} does not have the hash that was kept elsewhere"
    return None


# --- to be forgotten


def trim() -> int:
    """Remove the lines that are older than the setting says; returns how many.

    What is left begins with the hash of the last one that went: it can be verified as before.
    """
    keep = get_settings().audit_keep
    with session_scope() as session:
        last_id, _ = _hold_end(session)
        # Up to the first that stays: clocks of several machines may differ.
        stays = select(func.min(AuditEntry.id)).where(AuditEntry.at >= utcnow() - keep)
        end = (session.scalar(stays) or last_id + 1) - 1
        anchor = session.scalar(select(AuditEntry.hash).where(AuditEntry.id == end))
        if anchor is None:
            return 0
        count = session.scalar(select(func.count()).where(AuditEntry.id <= end)) or 0
        session.execute(update(AuditChain).values(anchor_id=end, anchor_hash=anchor))
        session.execute(delete(AuditEntry).where(AuditEntry.id <= end))
        record(session, AuditEvent.LOG_TRIMMED, after={"lines": count, "last_id": end})
        return count
