"""What a run says while it works: JSON lines in a file and on stdout, a bar on a terminal."""

import sys
import time
from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from torch import Tensor

from trainer.contract import Predicting, Progress, ProgressLine, Started


class Reporter:
    """Writes each line to `progress.jsonl` and stdout, and moves the bar."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / "progress.jsonl"
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._train = self._bar.add_task("training", total=None, visible=False)
        self._predict = self._bar.add_task("predicting", total=None, visible=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, line: ProgressLine) -> None:
        """Say one line."""
        text = line.model_dump_json()
        if self._path.parent.is_dir():
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text + "\n")
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        if isinstance(line, Started):
            self._bar.update(self._train, total=line.steps, completed=line.first_step, visible=True)
        elif isinstance(line, Progress):
            self._bar.update(self._train, completed=line.step, description=line.phase)
        elif isinstance(line, Predicting):
            self._bar.update(self._predict, total=line.total, completed=line.done, visible=True)


class Means:
    """Mean of each loss and the speed since the last time they were taken."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = defaultdict(int)
        self._steps = self._images = 0
        self._start = time.perf_counter()

    def add(self, losses: dict[str, Tensor], images: int) -> None:
        """One step's losses, on any device, and how many images it saw."""
        self._steps += 1
        self._images += images
        for name, loss in losses.items():
            self._sums[name] = self._sums[name] + loss if name in self._sums else loss.clone()
            self._counts[name] += 1

    def take(self) -> tuple[dict[str, float], float, float]:
        """Mean losses, images a second and seconds a step, and begin anew."""
        means = {name: total.item() / self._counts[name] for name, total in self._sums.items()}
        seconds = time.perf_counter() - self._start
        taken = means, self._images / seconds, seconds / max(self._steps, 1)
        self._begin()
        return taken
