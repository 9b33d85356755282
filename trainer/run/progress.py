"""What a run says while it works: JSON lines in a file and on stdout, bars on a terminal."""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from trainer.contract import Failed, ProgressLine
from trainer.run.processes import Processes, is_main_process
from trainer.run_folder.atomic import naming
from trainer.run_folder.progress_log import FILE
from trainer.terminal import Screen, say


class Reporter:
    """Says each line in `progress.jsonl` and on stdout, where a person sees a `Screen` instead.

    Of several processes of one run only the main one says anything.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / FILE
        self._screen = Screen() if is_main_process() else None

    def __enter__(self) -> Self:
        if self._screen:
            self._screen.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._screen:
            with suppress(OSError):
                self._screen.__exit__(*error)

    def __call__(self, line: ProgressLine, *, kept: bool = True) -> None:
        """Say one line; in `progress.jsonl` too, if it is `kept`.

        Raises:
            OSError: the line cannot be written; names the file. A `Failed` one is said on stdout
                even then.
        """
        if self._screen is None:
            return
        text = line.model_dump_json()
        if kept:
            with suppress(OSError) if isinstance(line, Failed) else nullcontext():
                self._keep(text)
        if not (self._screen.is_seen and sys.stdout.isatty()):
            say(sys.stdout, text + "\n")
        with suppress(OSError):  # a terminal that is gone
            self._screen.show(line)

    def _keep(self, text: str) -> None:
        if not self._path.parent.is_dir():
            return
        before = self._path.stat().st_size if self._path.exists() else 0
        with naming(self._path):
            try:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(text + "\n")
            except OSError:
                # What is left of half a line would be the beginning of the next one.
                with suppress(OSError):
                    os.truncate(self._path, before)
                raise

    def working(self, on: str) -> AbstractContextManager[object]:
        """While entered, show that work is being done of which no line tells."""
        return self._screen.working(on) if self._screen else nullcontext()


def peak_memory(device: torch.device) -> int:
    """Most bytes used so far: of an accelerator, or on a CPU of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@dataclass(frozen=True)
class Interval:
    """What the steps since the previous line amount to."""

    losses: dict[str, float]
    images_per_second: float
    seconds_per_step: float
    data_share: float
    """Share of the time that was spent waiting for batches."""


class Means:
    """Mean of each loss, and speed, since the last time they were taken.

    Sums stay on the losses' device, for which nothing waits until they are taken.
    """

    def __init__(self, everyone: Processes, now: Callable[[], float] = time.perf_counter) -> None:
        self._everyone, self._now = everyone, now
        self._begin()

    def _begin(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}
        self._steps = self._images = 0
        self._waited = 0.0
        self._start = self._now()

    def add(self, losses: dict[str, Tensor], images: int) -> None:
        """One step's losses, and how many images this process saw in it."""
        self._steps += 1
        self._images += images
        for name, loss in losses.items():
            self._sums[name] = self._sums[name] + loss if name in self._sums else loss.clone()
            self._counts[name] = self._counts.get(name, 0) + 1

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Time inside is counted as spent on waiting for batches."""
        start = self._now()
        yield
        self._waited += self._now() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time inside is not counted at all."""
        start = self._now()
        yield
        self._start += self._now() - start

    def take(self) -> Interval:
        """The means over all processes; then begin anew."""
        totals = torch.stack(list(self._sums.values())).float()
        means = self._everyone.mean(totals).tolist()
        seconds = max(self._now() - self._start, 1e-9)
        interval = Interval(
            losses={
                name: total / self._counts[name]
                for name, total in zip(self._sums, means, strict=True)
            },
            images_per_second=self._images * self._everyone.count / seconds,
            seconds_per_step=seconds / self._steps,
            data_share=min(self._waited / seconds, 1.0),
        )
        self._begin()
        return interval
