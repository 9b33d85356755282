"""What is sent to the database meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from server import db


@contextmanager
def noted() -> Iterator[list[tuple[str, Any]]]:
    """The statements with their parameters, as the driver is handed them."""
    sent: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, text: str, given: object, *_: object) -> None:
        sent.append((text, given))

    engine = db.get_engine()
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
