"""What a person at a terminal sees of long work: bars, and a sentence for each event."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Self

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
