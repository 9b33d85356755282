"""Work on many rows: as few statements as there can be, in transactions that keep nobody waiting."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    Text,
    bindparam,
    cast,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine

from server.db import is_postgresql, session_scope

PAUSE = 0.3
"""Between two transactions, of the time that one takes."""
TURN_SECONDS = 0.1
"""So long one is to take: where it takes longer, the next has fewer rows."""
LEAST = 20
"""Rows of the first transaction, and of one where the database is slowest."""


class json_members(GenericFunction[Any]):  # noqa: N801 - a function of SQL
    """A row for each member of a JSON array, with the column `value`."""

    type = Text()
    inherit_cache = True


@compiles(json_members, "sqlite")
def _members_on_sqlite(element: json_members, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(json_members, "postgresql")
def _members_on_postgresql(element: json_members, compiler: Any, **options: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **options)} AS JSONB))"


class json_place(GenericFunction[Any]):  # noqa: N801 - a function of SQL
    """What a JSON array has at an index, as text or, on SQLite, as what it is."""

    type = Text()
    inherit_cache = True


@compiles(json_place, "sqlite")
def _place_on_sqlite(element: json_place, compiler: Any, **options: Any) -> str:
    array, index = (compiler.process(part, **options) for part in element.clauses)
    return f"json_extract({array}, '$[{index}]')"


@compiles(json_place, "postgresql")
def _place_on_postgresql(element: json_place, compiler: Any, **options: Any) -> str:
    array, index = (compiler.process(part, **options) for part in element.clauses)
    return f"({array} ->> {index})"


def values(columns: Mapping[str, TypeEngine[Any]], rows: Iterable[Sequence[object]]) -> Select[Any]:
    """Rows as a query, in their order: numbers, text and null, by the names of their columns.

    They go to the database as one text, whatever their number: a parameter for each value would
    take longer to prepare than the database takes to store it.
    """
    member = _members([*map(list, rows)])
    return select(
        *(
            _typed(json_place(member, literal_column(str(index))), kind).label(name)
            for index, (name, kind) in enumerate(columns.items())
        )
    )


def numbers(whole: Iterable[int]) -> Select[int]:
    """Whole numbers as a query, sent as `values` sends rows."""
    return select(cast(_members([*whole]), Integer))


def _members(array: Sequence[object]) -> ColumnElement[Any]:
    """What is in an array, a row each."""
    text = bindparam(None, json.dumps(array, ensure_ascii=False), type_=Text)
    return json_members(text).table_valued("value").c.value


def _typed(value: Any, kind: TypeEngine[Any]) -> Any:
    stored = kind.impl if isinstance(kind, TypeDecorator) else kind
    return value if isinstance(stored, String) else cast(value, kind)


class TurnSize:
    """How many rows the next of many transactions has: what a short one is enough for."""

    def __init__(self, most: int) -> None:
        self.rows = min(LEAST, most)
        self._most = most

    def took(self, seconds: float) -> None:
        """A transaction of so many rows has taken so long; the next has four times as many at most."""
        fitting = int(self.rows * min(4.0, TURN_SECONDS / max(seconds, 1e-6)))
        self.rows = min(self._most, max(LEAST, fitting))


@contextmanager
def short_turn(size: TurnSize | None = None) -> Iterator[Session]:
    """One of many transactions that write, as `session_scope`'s; `size` is told how long it takes.

    SQLite lets the writers of other processes in by chance: after each there is a pause, without
    which they could wait until the last.
    """
    with session_scope() as session:
        session.connection()  # what it waits for other writers is not its own time
        began = time.monotonic()
        yield session
    seconds = time.monotonic() - began
    if size is not None:
        size.took(seconds)
    if not is_postgresql(session):
        time.sleep(seconds * PAUSE)
