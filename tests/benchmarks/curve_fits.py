"""Which fit foretells the next run best: the curves of `trainer.curves`, or a Gaussian process.

`python -m tests.benchmarks.curve_fits [PROJECTS]` holds both against runs that they were not shown, of
made projects whose true curves are of four shapes, two of them none that `trainer.curves` fits.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tests.benchmarks import gaussian_process
from trainer import curves

SHAPES: dict[str, Callable[[float], float]] = {
    "exponential": lambda u: 1 - math.exp(-u),
    "power": lambda u: 1 - (1 + u) ** -0.5,
    "logarithm": lambda u: math.log1p(u) / 4,
    "S in log-time": lambda u: u**1.5 / (1 + u**1.5),
}
SPREADS = (0.003, 0.01, 0.02)
"""Standard deviations of a run around its curve."""
EIGHTY = 1.2815515655446004
"""So many standard deviations to each side hold 80 % of a normal distribution."""
BETWEEN = 4


class Outcome(NamedTuple):
    """In points, root mean squares of what was foretold less what came."""

    next_run: float
    """With half as many hours again as the longest."""
    between: float
    """Of a run in the midst of the others."""
    inside: float
    """Share of next runs that came within the interval of 80 %."""


@dataclass
class _Project:
    """Hours and values of eight runs, and what came of one more."""

    hours: list[float]
    values: list[float]
    later: float
    came: float


def _made(random: np.random.Generator, shape: str, spread: float) -> _Project:
    longest = 10 ** random.uniform(-1, 1.5)
    hours = [0.0, *sorted(longest * random.uniform(0.03, 1, 6)), longest]
    scale, drop = longest * 10 ** random.uniform(-1, 0.5), random.uniform(0.1, 0.3)
    start = random.uniform(0.3, 0.5)

    def run(h: float) -> float:
        true = start + drop * SHAPES[shape](h / scale)
        return float(true + spread * random.standard_normal())

    return _Project(hours, [run(h) for h in hours], 1.5 * longest, run(1.5 * longest))


def compare(shape: str, spread: float, projects: int, seed: int = 3) -> tuple[Outcome, Outcome]:
    """Outcomes of the curves and of the process."""
    random = np.random.default_rng(seed)
    curve: list[tuple[float, float, bool]] = []
    process: list[tuple[float, float, bool]] = []
    for _ in range(projects):
        made = _made(random, shape, spread)
        hours, values = made.hours, made.values
        fewer = [*hours[:BETWEEN], *hours[BETWEEN + 1 :]]
        others = [*values[:BETWEEN], *values[BETWEEN + 1 :]]
        at, middle = hours[BETWEEN], values[BETWEEN]
        told = curves.fit(hours, values, draws=100).next_run(made.later)
        within = curves.fit(fewer, others, draws=2).value(at).estimate
        is_inside = told.low <= made.came <= told.high
        curve.append((told.estimate - made.came, within - middle, is_inside))
        mean, deviation = gaussian_process.predict(hours, values, made.later)
        within, _ = gaussian_process.predict(fewer, others, at)
        is_inside = abs(mean - made.came) <= EIGHTY * deviation
        process.append((mean - made.came, within - middle, is_inside))
    return _outcome(curve), _outcome(process)


def _outcome(errors: list[tuple[float, float, bool]]) -> Outcome:
    ahead, between, inside = np.array(errors, float).T
    return Outcome(
        100 * float(np.sqrt((ahead**2).mean())),
        100 * float(np.sqrt((between**2).mean())),
        float(inside.mean()),
    )


def main() -> None:
    """Print a table as documents have it."""
    projects = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    title = (
        "| true curve | spread | next run: curve | process | between: curve | process "
        "| inside 80 %: curve | process |"
    )
    sys.stdout.write(f"{title}\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
    for spread in SPREADS:
        for shape in SHAPES:
            one, other = compare(shape, spread, projects)
            figures = (
                f"{one.next_run:.2f}", f"{other.next_run:.2f}",
                f"{one.between:.2f}", f"{other.between:.2f}",
                f"{one.inside:.0%}", f"{other.inside:.0%}",
            )  # fmt: skip
            sys.stdout.write(f"| {shape} | {100 * spread:.1f} | {' | '.join(figures)} |\n")


if __name__ == "__main__":
    main()
