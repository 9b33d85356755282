"""The trainer as a process group of its own, whose lines are read without blocking."""

import contextlib
import fcntl
import os
import queue
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from server import trainer_commands
from server.processes import bound_to_parent

LOCK, LOG = "trainer.lock", "trainer.log"
KILL_SECONDS = 10
LOG_TAIL_LINES = 15
FULL_BELOW = 2**16
"""Bytes; a disk with less room is full for a log file."""
LOG_TAIL_BYTES = 16_384


class TrainerProcess:
    """Runs `command RUN_DIR`; stderr goes to `trainer.log` in the run's directory.

    One trainer works in a directory at a time: the process keeps a lock file open, and one that a
    lost worker left behind is killed before the next starts.
    """

    def __init__(self, command: Sequence[str], run_dir: Path) -> None:
        self._log = run_dir / LOG
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._kill_at: float | None = None
        with _locked(run_dir / LOCK) as lock, self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                bound_to_parent(trainer_commands.train(run_dir, command), signal.SIGTERM),
                env=trainer_commands.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
                pass_fds=[lock.fileno()],
            )
            lock.write(str(self._process.pid))
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    def _read(self, stdout: IO[str]) -> None:
        for line in stdout:
            self._lines.put(line)
        self._lines.put(None)

    @property
    def pid(self) -> int:
        """Also the id of its process group."""
        return self._process.pid

    def read_lines(self, seconds: float) -> tuple[list[str], bool]:
        """Lines that come within this time, and whether they were the last ones."""
        until = time.monotonic() + seconds
        lines: list[str] = []
        while (left := until - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                return lines, True
            lines.append(line)
        self._kill_when_due()
        return lines, False

    def stop(self, grace_seconds: float) -> None:
        """Ask the process group to end; it is killed when it has not after this time."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + grace_seconds
            self._signal(signal.SIGTERM)

    def _kill_when_due(self) -> None:
        # A child that the trainer left behind would keep stdout open for ever.
        if self._process.poll() is not None or (
            self._kill_at is not None and time.monotonic() > self._kill_at
        ):
            self._signal(signal.SIGKILL)

    def close(self) -> int:
        """Wait for the end, kill what is left of the group; returns the exit status."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_SECONDS)
        self._signal(signal.SIGKILL)
        status = self._process.wait()
        self._reader.join(timeout=KILL_SECONDS)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
        return status

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def describe_end(self, status: int) -> str:
        """How the process ended, with the last lines that it logged."""
        tail = self._log_tail()
        if not tail and shutil.disk_usage(self._log.parent).free < FULL_BELOW:
            # It could not even write down why.
            tail = f"the disk with {self._log.parent} is full"
        if status >= 0:
            return f"the trainer ended with status {status}" + (f":\n{tail}" if tail else "")
        name = signal.Signals(-status).name
        why = "; the machine may have run out of memory" if name == "SIGKILL" else ""
        return f"the trainer was ended by {name}{why}" + (f":\n{tail}" if tail else "")

    def _log_tail(self) -> str:
        with self._log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - LOG_TAIL_BYTES))
            text = log.read().decode("utf-8", errors="replace")
        return "\n".join(text.strip().splitlines()[-LOG_TAIL_LINES:])


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[IO[str]]:
    """The lock file, open and locked; the lock lives on in a child that inherits the file."""
    with path.open("a+", encoding="utf-8") as file:
        deadline = time.monotonic() + KILL_SECONDS
        while not _try_lock(file):
            if time.monotonic() > deadline:
                raise OSError(f"{path}: another trainer works here and could not be ended")
            _kill_holder(file)
            time.sleep(0.05)
        file.truncate(0)
        yield file


@contextlib.contextmanager
def work_folder_is_free(folder: Path) -> Iterator[bool]:
    """Whether no trainer works in a run's folder; none can start there meanwhile."""
    path = folder / LOCK
    if not path.exists():
        yield True
        return
    with path.open("a+", encoding="utf-8") as file:
        yield _try_lock(file)


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _kill_holder(file: IO[str]) -> None:
    file.seek(0)
    if pid := file.read().strip():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(pid), signal.SIGKILL)
