"""Celery's broker for one machine: messages are files in a folder.

kombu's own filesystem transport lets a reader see a message, or a table of queues, before it is
written, which ends a worker. Here a message gets its name only when it is complete, one reader gets
it, and one process at a time looks at the tables.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

import structlog
from kombu import Connection
from kombu.transport import filesystem
from kombu.transport.virtual import BrokerState
from kombu.utils.json import dumps, loads

from server.messages import UNREADABLE, CarefulTransport, drop

log = structlog.get_logger()

_binding = threading.Lock()


class Channel(filesystem.Channel):
    """Messages are `<time>_<random>.<queue>.msg` in the data folder."""

    # kombu's two parent classes disagree on the name of the second parameter.
    def _put(  # type: ignore[override]
        self, queue: str, payload: dict[str, Any], **_options: Any
    ) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020}_{uuid4().hex}.{queue}.msg"
        unfinished = folder / f".{name}"
        unfinished.write_text(dumps(payload), encoding="utf-8")
        unfinished.rename(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> Any:  # noqa: ARG002
        for path in sorted(Path(self.data_folder_in).glob("[!.]*.msg")):
            if path.name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = Path(self.processed_folder) / path.name
            try:
                path.rename(taken)
            except FileNotFoundError:
                continue  # another reader was faster
            try:
                content = taken.read_text(encoding="utf-8")
                taken.unlink()
                return loads(content)
            except (OSError, *UNREADABLE) as error:
                drop(queue, error)
        raise Empty

    def queue_bind(self, *names: Any, **options: Any) -> None:
        """Bind a queue to an exchange.

        kombu notes the binding in the process's memory before it writes the table. Another thread
        that saw the note would send at once, to an exchange that has no queue yet.
        """
        with _binding:
            super().queue_bind(*names, **options)

    def get_table(self, exchange: str) -> Any:
        """The queues that are bound to an exchange, by the table's file and by this process.

        kombu does not bind again what a process has bound, be the file still there or not.
        """
        with self._tables_locked():
            bound = _read_table(self._table_file(exchange))
        of_this_process = (self.state.exchanges or {}).get(exchange, {}).get("table", ())
        known = [_row(*each) for each in of_this_process]
        return bound + [row for row in known if row not in bound]

    def _queue_bind(
        self, exchange: str, routing_key: str | None, pattern: str | None, queue: str | None
    ) -> None:
        path, row = self._table_file(exchange), _row(routing_key, pattern, queue)
        with self._tables_locked():
            bound = _read_table(path)
            if row not in bound:
                _write_table(path, [row, *bound])

    def _table_file(self, exchange: str) -> Path:
        return Path(self.control_folder) / f"{exchange}.exchange"

    def _delete(
        self, queue: str, exchange: str, routing_key: str, pattern: str, *_: Any, **__: Any
    ) -> None:
        self._purge(queue)
        path, row = self._table_file(exchange), _row(routing_key, pattern, queue)
        with self._tables_locked():
            bound = _read_table(path)
            if row in bound:
                _write_table(path, [each for each in bound if each != row])

    @contextmanager
    def _tables_locked(self) -> Iterator[None]:
        with (Path(self.control_folder) / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _row(routing_key: str | None, pattern: str | None, queue: str | None) -> tuple[str, str, str]:
    return routing_key or "", pattern or "", queue or ""


def _read_table(path: Path) -> list[tuple[str, str, str]]:
    """A table as it was written; one that cannot be read is dropped, and bound anew."""
    try:
        return [_row(*each) for each in loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        log.warning("table of queues dropped", path=str(path), error=str(error))
        path.unlink(missing_ok=True)
        return []


def _write_table(path: Path, rows: list[tuple[str, str, str]]) -> None:
    """The table has its name only when it is complete."""
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(dumps(rows))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


class Transport(CarefulTransport, filesystem.Transport):
    """kombu's transport with the channel above, and memory of its own for each folder."""

    Channel = Channel

    def __init__(self, client: Connection, **options: Any) -> None:
        super().__init__(client, **options)
        folders = client.transport_options or {}
        self.state = _state_of(folders["control_folder"])


@lru_cache
def _state_of(_control_folder: str) -> BrokerState:
    """What is known to be declared there; kombu takes all folders of a process for one."""
    return BrokerState()
