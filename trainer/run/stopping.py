"""A request to stop, which a run answers after the step that it is in."""

import signal
from types import FrameType
from typing import Self


class Interrupted(Exception):
    """The run was asked to stop."""


class StopSignals:
    """While entered, SIGTERM, SIGINT and a terminal that is closed only set `requested`."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Self:
        # nohup ignores SIGHUP, and so do we then.
        self._before = {
            number: signal.signal(number, self._request)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.requested = True
