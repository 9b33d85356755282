"""Standard output and standard error: what a person at a terminal sees of long work, and streams that
may be closed or have nobody at their other end."""

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Task, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from trainer.contract import (
    CheckpointSaved,
    Evaluated,
    Finished,
    Predicting,
    Progress,
    ProgressLine,
    Score,
    Started,
)


class _Count(MofNCompleteColumn):
    """How much of how much; nothing where nobody can say."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


class Screen:
    """Bars on stderr while it is entered; nothing at all where stderr is not a terminal."""

    def __init__(self) -> None:
        self.is_seen = sys.stderr.isatty()
        self._bars = Bars(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=24),
            _Count(),
            TextColumn("{task.fields[details]}"),
            console=Console(stderr=True),
            disable=not self.is_seen,
        )
        self._steps = self._bars.add_task("starting", total=None, visible=False, details="")
        self._images = self._bars.add_task("predicting", total=None, visible=False, details="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, line: ProgressLine) -> None:
        """Move the bars by a run's line, or say it in words."""
        if isinstance(line, Started):
            self._bars.update(
                self._steps, total=line.steps, completed=line.first_step, visible=True
            )
        elif isinstance(line, Progress):
            self._bars.update(
                self._steps, completed=line.step, description=line.phase, details=_speed(line)
            )
        elif isinstance(line, Predicting):
            self._bars.update(self._images, total=line.total, completed=line.done, visible=True)
        if self.is_seen and (words := _words(line)):
            self._bars.console.print(words, highlight=False, soft_wrap=True)

    @contextmanager
    def working(self, on: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """A bar of its own for some work; call what is yielded with how much is done."""
        bar = self._bars.add_task(on, total=total, details="")
        try:
            yield lambda done: self._bars.update(bar, completed=done)
        finally:
            self._bars.remove_task(bar)


def _speed(line: Progress) -> str:
    parts = [
        f"loss {line.loss:.3f}" if line.loss is not None else "",
        f"{line.images_per_second:.1f} images/s",
        f"{timedelta(seconds=round(line.eta_seconds))} left",
    ]
    return " · ".join(part for part in parts if part)


def _words(line: ProgressLine) -> str:
    """A sentence about what happens once in a while."""
    if isinstance(line, Started):
        return "\n".join(line.notes)
    if isinstance(line, Evaluated):
        return f"step {line.step}: {_score(line.score)}"
    if isinstance(line, CheckpointSaved):
        return f"step {line.step}: saved {line.path}"
    if isinstance(line, Finished):
        return line.status
    return ""


def _score(score: Score) -> str:
    known = {
        "mean IoU": score.miou,
        "held-out weak labels": score.weak_label_score,
        "presence F1": score.presence_f1,
    }
    told = [f"{name} {100 * value:.1f} %" for name, value in known.items() if value is not None]
    return ", ".join(told) or "nothing to score on"


GONE = {errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO}
"""What a write says once the reader of a pipe, or the terminal, is gone for good."""


def open_closed_streams() -> None:
    """Put /dev/null where a program was started with stdout or stderr closed.

    Otherwise the next file that is opened gets their number, and whatever is printed.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_WRONLY)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            # Kept for the life of the process.
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))


def say(stream: TextIO, text: str) -> None:
    """Write and flush; one that cannot be written to any more is passed over from then on.

    The work that is spoken of goes on whether or not anybody listens.
    """
    try:
        stream.write(text)
        stream.flush()
    except ValueError:
        return  # closed in this process
    except OSError as error:
        if error.errno in GONE:
            _turn_to_null(stream)


def _turn_to_null(stream: TextIO) -> None:
    """What is buffered, and written at the end of the process, must not fail either."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, stream.fileno())
        finally:
            os.close(null)
