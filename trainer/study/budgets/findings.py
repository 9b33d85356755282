"""What the runs of a study say: means and paired differences with intervals, and curves."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from trainer import curves
from trainer.curves import Curve, Interval
from trainer.study.budgets.plan import DENSE, SOURCE_ONLY
from trainer.study.budgets.running import Finished

SECONDS_PER_HOUR = 3600
LEVEL = 0.8
"""Of all intervals."""
INTEGRATED = 2000
"""Steps of the integral over Student's density."""

Way = tuple[str, str, str]
"""A recipe, a kind of label and an order: one way to spend the time."""


@dataclass(frozen=True)
class Mean:
    """Of one value a seed, which are independent."""

    mean: float
    error: float | None
    """Standard error; None with a single value."""
    count: int

    @property
    def half(self) -> float | None:
        """Half of the width of the interval."""
        return self._half(1)

    def is_beyond_chance(self, comparisons: int) -> bool:
        """Whether the interval leaves out 0, widened for so many comparisons (Bonferroni)."""
        half = self._half(comparisons)
        return half is not None and abs(self.mean) > half

    def _half(self, comparisons: int) -> float | None:
        if self.error is None:
            return None
        return student_quantile(1 - (1 - LEVEL) / 2 / comparisons, self.count - 1) * self.error


def mean_of(values: Sequence[float]) -> Mean:
    """Mean and standard error."""
    count = len(values)
    if count < 2:
        return Mean(values[0], None, 1)
    return Mean(statistics.mean(values), statistics.stdev(values) / math.sqrt(count), count)


@cache
def student_quantile(probability: float, freedom: int) -> float:
    """Below which Student's t lies with this probability, of at least a half.

    By Simpson's rule in the angle that t = sqrt(freedom) tan(angle) makes, in which the density is a
    power of its cosine, and bisection.
    """
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        angles = np.linspace(0, middle, INTEGRATED + 1)
        weights = np.where(np.arange(INTEGRATED + 1) % 2, 4.0, 2.0)
        weights[[0, -1]] = 1
        share = weights @ np.cos(angles) ** (freedom - 1) * middle / INTEGRATED / 3
        low, high = (middle, high) if 0.5 + scale * share < probability else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


def way_of(run: Finished) -> Way:
    """How the time of a run was spent."""
    return run.cell.recipe, run.cell.kind, run.cell.order


def _mious(runs: Iterable[Finished]) -> dict[tuple[Way, float, int], float]:
    """By way, budget and seed."""
    return {
        (way_of(run), run.cell.budget, run.cell.seed): run.report.score.miou
        for run in runs
        if run.report.score.miou is not None
    }


@dataclass(frozen=True)
class Choice:
    """How to label within one budget."""

    budget: float
    best: Way
    miou: Mean
    alike: tuple[Way, ...]
    """Others whose difference from it is within chance, or cannot be told."""
    others: tuple[tuple[Way, Mean], ...]
    """Every other way with its mean, the best first."""


def choices(runs: Sequence[Finished]) -> list[Choice]:
    """For each budget the way with the highest mean mIoU, and those that may be as good."""
    mious = _mious(run for run in runs if run.cell.is_labelled)
    found = []
    for budget in sorted({budget for _, budget, _ in mious}):
        by_way: dict[Way, dict[int, float]] = {}
        for (way, at, seed), miou in mious.items():
            if at == budget:
                by_way.setdefault(way, {})[seed] = miou
        means = {way: mean_of(list(by_seed.values())) for way, by_seed in by_way.items()}
        ranked = sorted(means, key=lambda way: -means[way].mean)
        best = ranked[0]
        alike = tuple(
            way for way in ranked[1:] if not _differs(by_way[best], by_way[way], len(ranked) - 1)
        )  # fmt: skip
        others = tuple((way, means[way]) for way in ranked[1:])
        found.append(Choice(budget, best, means[best], alike, others))
    return found


def _differs(one: Mapping[int, float], other: Mapping[int, float], comparisons: int) -> bool:
    """Whether the difference, paired by seed, is beyond the chance of so many comparisons."""
    paired = [one[seed] - other[seed] for seed in sorted(one.keys() & other.keys())]
    return bool(paired) and mean_of(paired).is_beyond_chance(comparisons)


@dataclass(frozen=True)
class Effect:
    """What an order of work earns over a random one at equal seconds."""

    recipe: str
    kind: str
    order: str
    gain: Mean
    """Mean over budgets of the difference in mIoU, of each seed."""
    by_budget: tuple[tuple[float, float], ...]
    """(budget, mean over seeds)."""
    comparisons: int = 1
    """So many orders are judged in all."""

    @property
    def verdict(self) -> str:
        """In words, no more than the seeds allow."""
        if self.gain.half is None:
            return "one seed: no interval, so nothing that could not be chance"
        if not self.gain.is_beyond_chance(self.comparisons):
            return "within chance"
        return "pays" if self.gain.mean > 0 else "costs"


def order_effects(runs: Sequence[Finished]) -> list[Effect]:
    """Each order against `random`, with the same recipe, kind, seed and budget."""
    mious = _mious(run for run in runs if run.cell.is_labelled)
    ways = dict.fromkeys(way for way, _, _ in mious)
    found = []
    for recipe, kind, order in ways:
        if order == "random":
            continue
        by_seed: dict[int, list[float]] = {}
        by_budget: dict[float, list[float]] = {}
        for (way, budget, seed), miou in mious.items():
            if way != (recipe, kind, order):
                continue
            plain = mious.get(((recipe, kind, "random"), budget, seed))
            if plain is not None:
                by_seed.setdefault(seed, []).append(miou - plain)
                by_budget.setdefault(budget, []).append(miou - plain)
        if by_seed:
            gain = mean_of([statistics.mean(each) for each in by_seed.values()])
            means = tuple((at, statistics.mean(each)) for at, each in sorted(by_budget.items()))
            found.append(Effect(recipe, kind, order, gain, means))
    return [replace(effect, comparisons=len(found)) for effect in found]


@dataclass(frozen=True)
class Fit:
    """The curve of one way, or why there is none yet."""

    way: Way
    hours: tuple[float, ...]
    mious: tuple[float, ...]
    curve: Curve | None
    missing: int = 0
    """Runs."""

    def next_hour(self) -> Interval | None:
        """What one more hour is expected to add to the longest labels."""
        return self.curve.gain(max(self.hours)) if self.curve else None


def fits(runs: Sequence[Finished]) -> list[Fit]:
    """A curve for each way, which begins with the source-only runs of its recipe."""
    begin: dict[str, list[Finished]] = {}
    by_way: dict[Way, list[Finished]] = {}
    for run in runs:
        if run.report.score.miou is None:
            continue
        if run.cell.kind == SOURCE_ONLY:
            begin.setdefault(run.cell.recipe, []).append(run)
        elif run.cell.kind != DENSE:
            by_way.setdefault(way_of(run), []).append(run)
    return [_fit(way, [*begin.get(way[0], []), *found]) for way, found in by_way.items()]


def _fit(way: Way, runs: Sequence[Finished]) -> Fit:
    hours = tuple(run.active_seconds / SECONDS_PER_HOUR for run in runs)
    mious = tuple(run.report.score.miou or 0.0 for run in runs)
    needed = curves.needed(hours)
    if needed is not None:
        return Fit(way, hours, mious, None, needed.runs)
    return Fit(way, hours, mious, curves.fit(hours, mious))


def references(runs: Sequence[Finished]) -> dict[tuple[str, str], Mean]:
    """Mean mIoU by recipe and kind, of runs that nobody labelled for."""
    found: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        if not run.cell.is_labelled and run.report.score.miou is not None:
            found.setdefault((run.cell.recipe, run.cell.kind), []).append(run.report.score.miou)
    return {key: mean_of(values) for key, values in found.items()}
