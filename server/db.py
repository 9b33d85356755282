"""One engine for SQLite (WAL) and PostgreSQL, and the session that every layer is handed."""

import select
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import (
    BindParameter,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    String,
    TypeDecorator,
    create_engine,
    event,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from server.errors import StorageFull, Unavailable, WeaksegError
from server.settings import get_settings
from server.turns import Turns

log = structlog.get_logger()
T = TypeVar("T")
Member = TypeVar("Member", bound=StrEnum)

SQLITE_WAIT_SECONDS = 30
"""How long a transaction that writes waits for others to end."""
HAS_TURN = "has-turn"
"""Of a connection whose transaction is its process's only one that writes."""
WAITS_FOR = "waits-for"
"""Of a connection: for how many seconds it waits for other processes' writers."""
POSTGRESQL_CONNECT_SECONDS = 5
USED_AT = "used-at"
"""Of a connection of PostgreSQL's: when it was given back, by the monotonic clock."""
ASKED_AFTER_SECONDS = 30
"""So long a connection lies unused before its server is asked whether it is there: a trip for each
transaction would cost more than many of their statements."""
RETRY_SECONDS = (0.1, 2.0)
"""The first and the longest wait before a transaction is tried again."""
DATABASE_ERRORS = (OperationalError, InterfaceError, PoolTimeout)
"""What SQLAlchemy raises when the database is away, among them mistakes of our own: see `trouble`."""

_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
}  # fmt: skip
_POSTGRESQL_DISK_FULL = "53100"


class Use(StrEnum):
    """What a session is for."""

    WRITE = "write"
    READ = "read"
    """On SQLite it does not queue behind writers."""
    LOOK = "look"
    """One statement that reads: it needs no transaction of more, nor the two trips for its ends."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always with UTC as its zone: SQLite would give it back without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"a moment without time zone: {value}")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, _dialect: Dialect) -> datetime | None:
        if value is None or not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Moment = datetime | BindParameter[datetime]
"""A moment, or the parameter of a statement that is made once."""


class EnumText(TypeDecorator[Member]):
    """A member of an enum, stored as the text of its value.

    A text that is no member, from a later version of the program, is read as it is.
    """

    impl = String
    cache_ok = True

    def __init__(self, members: type[Member], length: int) -> None:
        super().__init__(length)
        self.members = members

    def process_bind_param(self, value: Member | None, _dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> Member | None:
        member: Member | None = self._by_text.get(value, value)
        return member

    @cached_property
    def _by_text(self) -> dict[str, Member]:
        return {member.value: member for member in self.members}


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def utcnow() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def make_engine(url: str) -> Engine:
    """An engine with the settings each database needs for many writers."""
    if make_url(url).get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    # A host that is gone answers nothing, and the system alone would wait for minutes.
    given = (
        {}
        if "connect_timeout" in make_url(url).query
        else {"connect_timeout": POSTGRESQL_CONNECT_SECONDS}
    )
    return _postgresql_engine(url, given)


def _postgresql_engine(url: str, connect_args: dict[str, Any]) -> Engine:
    # As many as are in use at once are kept: each new one is a process of the server's, which has
    # yet to read the catalogue. Whoever used one last comes first, so that few are at work.
    engine = create_engine(
        url, pool_size=30, max_overflow=0, pool_use_lifo=True, connect_args=connect_args
    )

    @event.listens_for(engine, "checkin")
    def _on_checkin(_connection: Any, record: Any) -> None:
        record.info[USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _on_checkout(connection: Any, record: Any, _proxy: object) -> None:
        used_at = record.info.get(USED_AT)  # not there while it is new
        if used_at is not None and _may_be_lost(connection, used_at):
            _require_answer(engine, connection)

    return engine


def _may_be_lost(connection: Any, used_at: float) -> bool:
    """Whether a connection that nobody has used since a moment may have ended.

    A server that ends one says so, and its system closes it: then there is something to read.
    """
    if connection.closed or time.monotonic() - used_at > ASKED_AFTER_SECONDS:
        return True
    heard = select.poll()
    heard.register(connection.fileno(), select.POLLIN)
    return bool(heard.poll(0))


def _require_answer(engine: Engine, connection: Any) -> None:
    """Ask the server of a connection whether it is there; if not, the pool makes others."""
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error


def _sqlite_engine(url: str) -> Engine:
    database = make_url(url).database
    if database:
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    # One for each thread of a web process: whoever waits for a connection waits in no order.
    engine = create_engine(
        url,
        connect_args={"timeout": SQLITE_WAIT_SECONDS},
        pool_size=48,
        max_overflow=16,
        pool_use_lifo=True,
    )
    turns = Turns()

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        # The driver's own transaction handling begins too late for the BEGIN below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute(f"PRAGMA busy_timeout={int(SQLITE_WAIT_SECONDS * 1000)}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Any) -> None:
        _begin_on_sqlite(connection, turns)

    @event.listens_for(engine, "checkin")
    @event.listens_for(engine, "invalidate")
    def _on_end(_connection: Any, record: Any, _error: object = None) -> None:
        if record.info.pop(HAS_TURN, False):
            turns.give_back()

    return engine


def _begin_on_sqlite(connection: Any, turns: Turns) -> None:
    match connection.get_execution_options().get("use", Use.WRITE):
        case Use.READ:
            connection.exec_driver_sql("BEGIN")
        case Use.WRITE:
            # A transaction that reads first and writes later fails at once, without waiting, when
            # another one wrote in between; taking the write lock at the start makes writers queue.
            _take_turn(connection, turns)
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _take_turn(connection: Any, turns: Turns) -> None:
    """Wait for this process's other writers first.

    SQLite's own waiting is a look now and then, with growing pauses: of many that wait so, some
    are passed over for seconds. Between processes, which are few, it does.
    """
    info = connection.connection.info
    if info.get(HAS_TURN):
        return
    began = time.monotonic()
    info[HAS_TURN] = turns.take(SQLITE_WAIT_SECONDS)
    left = round(max(0.0, SQLITE_WAIT_SECONDS - (time.monotonic() - began)))
    if left != info.get(WAITS_FOR, SQLITE_WAIT_SECONDS):
        connection.exec_driver_sql(f"PRAGMA busy_timeout={1000 * left}")
        info[WAITS_FOR] = left


@lru_cache
def get_engine() -> Engine:
    """The process's engine."""
    return make_engine(get_settings().sqlalchemy_url)


@lru_cache
def _session_factories() -> dict[Use, sessionmaker[Session]]:
    engines = {use: get_engine().execution_options(use=use) for use in Use}
    if get_engine().dialect.name != "sqlite":
        engines[Use.LOOK] = engines[Use.LOOK].execution_options(isolation_level="AUTOCOMMIT")
    return {use: sessionmaker(bound, expire_on_commit=False) for use, bound in engines.items()}


def dispose() -> None:
    """Forget engine and settings: for tests, and for a process that forks."""
    if get_engine.cache_info().currsize:
        get_engine().dispose()
    get_engine.cache_clear()
    _session_factories.cache_clear()
    get_settings.cache_clear()


@contextmanager
def session_scope(*, read_only: bool = False) -> Iterator[Session]:
    """A session that commits at the end and rolls back on an error."""
    with _session_factories()[Use.READ if read_only else Use.WRITE].begin() as session:
        yield session


def look(found: Callable[[Session], T]) -> T:
    """What one statement finds, without a transaction around it."""
    with _session_factories()[Use.LOOK]() as session:
        return found(session)


def trouble(error: Exception) -> WeaksegError | None:
    """What to tell of an error that the database has and the statement has not; else None.

    Away, restarting, locked and full are troubles that pass; a wrong statement is a mistake of ours.
    """
    if isinstance(error, PoolTimeout):
        return Unavailable("all connections to the database are in use", code="database-away")
    if not isinstance(error, DBAPIError):
        return None
    code = getattr(error.orig, "sqlite_errorcode", None)
    return _postgresql_trouble(error) if code is None else _sqlite_trouble(code & 0xFF)


def _postgresql_trouble(error: DBAPIError) -> WeaksegError | None:
    if getattr(error.orig, "sqlstate", None) == _POSTGRESQL_DISK_FULL:
        return StorageFull("the disk of the server's database is full")
    if error.connection_invalidated or isinstance(error, DATABASE_ERRORS):
        return Unavailable("the database cannot be reached at the moment", code="database-away")
    return None


def _sqlite_trouble(code: int) -> WeaksegError | None:
    if code == sqlite3.SQLITE_FULL:
        return StorageFull("the disk of the server's database is full")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable("the database is busy with something else", code="database-busy")
    if code in _SQLITE_AWAY:
        return Unavailable("the file of the database cannot be used", code="database-away")
    return None


def retried(work: Callable[[], T], *, seconds: float) -> T:
    """The result of a whole transaction, tried again for this long while the database is away.

    The work may have been committed although its answer was lost, so it must bear being done twice.
    """
    until = time.monotonic() + seconds
    wait, longest = RETRY_SECONDS
    while True:
        try:
            return work()
        except DATABASE_ERRORS as error:
            if trouble(error) is None or time.monotonic() + wait > until:
                raise
            log.warning("transaction tried again", error=str(error).partition("\n")[0])
        time.sleep(wait)
        wait = min(2 * wait, longest)


def is_postgresql(session: Session) -> bool:
    """Whether row locks exist here; on SQLite writers already queue."""
    return session.get_bind().dialect.name == "postgresql"
