"""Several processes under one foreground command: one Ctrl-C stops all, one death ends all."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

from rich.console import Console
from rich.text import Text

from server.processes import bound_to_parent

COLORS = ("cyan", "magenta", "yellow", "green", "blue")
POLL_SECONDS = 0.1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Child:
    """A process to run; the next one starts once `is_ready` says so."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    is_ready: Callable[[], bool] = lambda: True
    ready_seconds: float = 60
    may_end: bool = False
    """Its work comes to an end, well or not, while the others go on."""


class ChildFailed(Exception):
    """A child ended although nobody asked it to, or did not get ready in time."""


class Supervisor:
    """Runs children in the foreground of the main thread and leaves none of them behind.

    Each child has a session of its own, so that Ctrl-C reaches only the supervisor, which then ends
    all process groups: SIGTERM first, SIGKILL after `grace_seconds` or at the second Ctrl-C. When
    the supervisor itself is killed, the kernel kills the children.
    """

    def __init__(self, console: Console, grace_seconds: float = 20) -> None:
        self._console = console
        self._grace_seconds = grace_seconds
        self._running: list[_Running] = []
        self._stop_requests = 0

    def run(self, children: Sequence[Child], when_ready: Callable[[], None] = lambda: None) -> None:
        """Start all in turn, call `when_ready`, and return after someone asked for the end.

        Raises `ChildFailed` when a child ends by itself; the others are stopped before that.
        """
        width = max(len(child.name) for child in children)
        with self._counting_stop_requests():
            try:
                for position, child in enumerate(children):
                    prefix = Text(f"{child.name:<{width}} │ ", COLORS[position % len(COLORS)])
                    self._running.append(_Running(child, self._console, prefix))
                    if not self._wait_until(child.is_ready, child.ready_seconds):
                        raise ChildFailed(
                            f"{child.name} was not ready after {child.ready_seconds:g} s"
                        )
                if not self._stop_requests:
                    when_ready()
                self._wait_until(lambda: False, seconds=None)
            finally:
                self._stop_all()

    def _wait_until(self, condition: Callable[[], bool], seconds: float | None) -> bool:
        """Whether the condition came true, or the end was asked for, before the time was up."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while not self._stop_requests:
            for running in self._running:
                running.check()
            if condition():
                return True
            if deadline is not None and time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _stop_all(self) -> None:
        for running in reversed(self._running):
            running.signal(signal.SIGTERM)
        requests = self._stop_requests
        deadline = time.monotonic() + self._grace_seconds
        while any(running.is_alive() for running in self._running):
            if time.monotonic() > deadline or self._stop_requests > max(requests, 1):
                break
            time.sleep(POLL_SECONDS)
        for running in self._running:
            running.end()
        self._running.clear()

    @contextlib.contextmanager
    def _counting_stop_requests(self) -> Iterator[None]:
        # A handler may interrupt anything in this thread, so it takes no lock: it only counts.
        def count(_number: int, _frame: FrameType | None) -> None:
            self._stop_requests += 1

        previous = {number: signal.signal(number, count) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


class _Running:
    """A started child, and the thread that relays its output line by line."""

    def __init__(self, child: Child, console: Console, prefix: Text) -> None:
        self._name = child.name
        self._may_end = child.may_end
        self._process = subprocess.Popen(  # noqa: S603
            bound_to_parent(child.command),
            env={**os.environ, **child.environment},  # noqa: TID251
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._relay = threading.Thread(
            target=_relay_lines, args=(self._process.stdout, console, prefix), daemon=True
        )
        self._relay.start()

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def check(self) -> None:
        """Raise `ChildFailed` when the process has ended that was not to."""
        if not (self._may_end or self.is_alive()):
            self._relay.join(timeout=1)
            raise ChildFailed(f"{self._name} {describe_exit(self._process.returncode)}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process and to what it started in its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def end(self) -> None:
        """Kill what is left of the group and collect it."""
        self.signal(signal.SIGKILL)
        self._process.wait()
        self._relay.join(timeout=1)


def _relay_lines(lines: IO[str], console: Console, prefix: Text) -> None:
    for line in filter(str.strip, lines):
        console.print(Text.assemble(prefix, Text.from_ansi(line.rstrip())), soft_wrap=True)


def describe_exit(returncode: int) -> str:
    """How a process ended, in words: `ended with code 3`, `was ended by SIGKILL`."""
    if returncode < 0:
        return f"was ended by {signal.Signals(-returncode).name}"
    return f"ended by itself with code {returncode}"
