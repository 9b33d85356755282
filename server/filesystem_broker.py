"""Celery's broker for one machine: messages are files in a folder.

kombu's own filesystem transport lets a reader see a message, or a table of queues, before it is
written, which ends a worker. Here a message gets its name only when it is complete, one reader gets
it, and one process at a time looks at the tables.
"""

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from queue import Empty
from typing import Any
from uuid import uuid4

from kombu import Connection
from kombu.transport import filesystem
from kombu.transport.virtual import BrokerState
from kombu.utils.json import dumps, loads

from server.messages import UNREADABLE, CarefulTransport, drop

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
        """The queues that are bound to an exchange."""
        with self._tables_locked():
            return super().get_table(exchange)

    def _queue_bind(self, *names: Any) -> None:
        with self._tables_locked():
            super()._queue_bind(*names)

    def _delete(self, *names: Any, **options: Any) -> None:
        with self._tables_locked():
            super()._delete(*names, **options)

    @contextmanager
    def _tables_locked(self) -> Iterator[None]:
        with (Path(self.control_folder) / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


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
