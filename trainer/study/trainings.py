"""Trainings in processes of their own, several at once."""

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Self, cast

from trainer.errors import BadInput
from trainer.report.file import is_finished

STDERR_KEPT = 10_000
"""So many of the last bytes that a training says, among which is why it failed."""


class Trainings:
    """Trainings at work. Those that are when this is left are told to save, and waited for.

    While entered, SIGTERM raises SystemExit, as Ctrl+C raises KeyboardInterrupt.
    """

    def __init__(self, jobs: int, *, sharing: bool) -> None:
        """Make room.

        Args:
            jobs: for so many trainings at once.
            sharing: divide the cores among them, in place of giving all cores to each.
        """
        self._free = _shares(jobs) if sharing else _shares(1) * jobs
        self._said = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGTERM, _end)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            stopped = self._at_work()
            for training in stopped:
                training.process.terminate()
            for training in stopped:
                training.process.communicate()
            self._said.close()
        finally:
            signal.signal(signal.SIGTERM, self._before)

    @property
    def has_room(self) -> bool:
        """Whether one more can be started."""
        return bool(self._free)

    @property
    def run_dirs(self) -> list[Path]:
        """Of those at work, in the order in which they were started."""
        return [training.run_dir for training in self._at_work()]

    def start(self, run_dir: Path) -> None:
        """Train a run directory."""
        cores = self._free.pop(0)
        with _kept_to(cores):
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "trainer", "train", str(run_dir)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        training = _Training(run_dir, cores, process, cast(IO[bytes], process.stderr))
        self._said.register(training.stderr, selectors.EVENT_READ, training)

    def next_finished(self) -> Path:
        """Wait for the first that comes to its end; gives its run directory.

        Raises:
            BadInput: it failed; the message says which and why.
        """
        while True:
            for key, _ in self._said.select():
                training: _Training = key.data
                if training.listen():
                    continue
                self._said.unregister(training.stderr)
                self._free.append(training.cores)
                training.conclude()
                return training.run_dir

    def _at_work(self) -> list["_Training"]:
        return [key.data for key in self._said.get_map().values()]


@dataclass
class _Training:
    run_dir: Path
    cores: frozenset[int]
    process: subprocess.Popen[bytes]
    stderr: IO[bytes]
    said: bytes = b""

    def listen(self) -> bool:
        """Take what there is on stderr; False when there will be no more."""
        heard = os.read(self.stderr.fileno(), STDERR_KEPT)
        self.said = (self.said + heard)[-STDERR_KEPT:]
        return bool(heard)

    def conclude(self) -> None:
        """Wait for the end of a process that says no more.

        Raises:
            BadInput: the training failed.
        """
        with self.process:
            status = self.process.wait()
        if status or not is_finished(self.run_dir):
            raise BadInput(f"{self.run_dir}: {self._why(status)}")

    def _why(self, status: int) -> str:
        if status < 0:
            return f"it was ended by {signal.Signals(-status).name}"
        lines = self.said.decode(errors="replace").strip().splitlines()
        if not status or not lines:
            return f"it failed with status {status}" if status else "it was interrupted"
        return lines[-1].removeprefix("error: ")


def _shares(count: int) -> list[frozenset[int]]:
    """Cores for each of so many processes: equally many, since threads are part of a result."""
    cores = sorted(os.sched_getaffinity(0))
    each = max(len(cores) // count, 1)
    starts = (number * each % len(cores) for number in range(count))
    return [frozenset(cores[start : start + each]) for start in starts]


@contextmanager
def _kept_to(cores: Collection[int]) -> Iterator[None]:
    """Processes that are started inside have these cores alone, and as many threads."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise SystemExit(128 + number)
