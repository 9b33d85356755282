"""Times of things that are compared, taken in turn so that a busy machine disturbs all alike."""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from trainer.bench.result import Clock
from trainer.contract import DatasetCard

SHORTEST = 0.02
"""Seconds that one repetition takes at least: shorter calls are repeated within it."""
FEWEST_ROUNDS = 2


@dataclass(frozen=True)
class Conditions:
    """What all parts are measured under."""

    device: torch.device
    repeat: int = 7
    """Rounds, in each of which everything that is compared is timed once."""
    seconds: float = 120.0
    """No further round of a comparison begins after so long."""
    threads: int | None = None
    clock: Clock = "wall"
    quick: bool = False
    """Shapes so small that the figures say nothing: to see that everything works."""
    source: DatasetCard | None = None
    target: DatasetCard | None = None
    """Real images for `loading`; drawn ones where there are none."""

    @property
    def on_accelerator(self) -> bool:
        """Whether the device is not the host itself."""
        return self.device.type != "cpu"


@dataclass
class Timing:
    """Seconds of one call, in each round."""

    seconds: list[float] = field(default_factory=list)
    """By the clock of the conditions."""
    process_seconds: list[float] = field(default_factory=list)
    """By the process clock; on an accelerator, what the host has to do."""

    @property
    def median(self) -> float:
        """Seconds of one call."""
        return statistics.median(self.seconds)

    def row(self) -> dict[str, float]:
        """Median and quartiles, for a table."""
        low, high = quartiles(self.seconds)
        return {
            "seconds": self.median,
            "low": low,
            "high": high,
            "process_seconds": statistics.median(self.process_seconds),
        }


def quartiles(values: list[float]) -> tuple[float, float]:
    """The lower and the upper one; of fewer than two values, those themselves."""
    if len(values) < FEWEST_ROUNDS:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def ratio(above: Timing, below: Timing) -> float:
    """Median over rounds of how many times as long `above` takes."""
    return statistics.median(a / b for a, b in zip(above.seconds, below.seconds, strict=True))


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all that it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def side_by_side(
    conditions: Conditions, compared: Mapping[str, Callable[[], object]]
) -> dict[str, Timing]:
    """Time each of several things in turn, round by round.

    Each is called twice before: the first call may compile and choose algorithms.

    Args:
        conditions: the device that is waited for, and how long to go on.
        compared: by name; each does the same however often it is called.
    """
    calls = {}
    for name, run in compared.items():
        run()
        once = _time(run, 1, conditions)[0]
        calls[name] = 1 if conditions.quick else math.ceil(SHORTEST / max(once, 1e-6))
    timings = {name: Timing() for name in compared}
    order = list(compared)
    for _ in rounds(conditions):
        for name in order:
            seconds, process_seconds = _time(compared[name], calls[name], conditions)
            timings[name].seconds.append(seconds)
            timings[name].process_seconds.append(process_seconds)
        order.append(order.pop(0))  # nothing always follows the same other
    return timings


def rounds(conditions: Conditions) -> Iterator[int]:
    """Numbers of a comparison's rounds, of which the last begins before its time is over.

    There are enough for a spread, however short the time.
    """
    end = time.perf_counter() + conditions.seconds
    for number in range(conditions.repeat):
        if number >= FEWEST_ROUNDS and time.perf_counter() > end:
            return
        yield number


def _time(run: Callable[[], object], calls: int, conditions: Conditions) -> tuple[float, float]:
    """Seconds of one call by the conditions' clock, and by the process clock."""
    synchronise(conditions.device)
    start, process_start = time.perf_counter(), time.process_time()
    for _ in range(calls):
        run()
    synchronise(conditions.device)
    wall, process = time.perf_counter() - start, time.process_time() - process_start
    return (wall if conditions.clock == "wall" else process) / calls, process / calls


def device_name(device: torch.device) -> str:
    """What the device is sold as."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "CPU"
