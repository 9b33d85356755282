"""What is sent to the database meanwhile, and what it takes."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from server import db


@contextmanager
def _heard(name: str, listener: Callable[..., None]) -> Iterator[None]:
    """A listener to events of the database's engine meanwhile."""
    engine = db.get_engine()
    event.listen(engine, name, listener)
    try:
        yield
    finally:
        event.remove(engine, name, listener)


@contextmanager
def noted() -> Iterator[list[tuple[str, Any]]]:
    """The statements with their parameters, as the driver is handed them."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, text: str, given: object, *_: object) -> None:
        sent.append((text, given))

    with _heard("before_cursor_execute", note):
        yield sent


@contextmanager
def steps_counted() -> Iterator[Counter[str]]:
    """How many hundreds of instructions SQLite's machine is given meanwhile."""
    steps: Counter[str] = Counter()

    def count() -> int:
        steps["hundreds"] += 1
        return 0

    def watch(connection: Any, *_: object) -> None:
        connection.set_progress_handler(count, 100)

    db.dispose()
    try:
        with _heard("checkout", watch):
            yield steps
    finally:
        db.dispose()  # and with it the connections that count
