"""What the next hour of labelling buys: saturating curves through measured runs. Needs no torch.

A curve is `v(h) = ceiling - drop * g(h / scale)` of three parameters: `h` hours of labelling, `v` an
accuracy in 0..1, and `g` either exponential, `exp(-u)`, or a power, `(1 + u) ** -0.5`. Both start
at 1 and fall to 0; the one that fits better is taken. For a given scale the other two are linear,
so that a search over scales finds the least squares without a start value (variable projection:
Golub and Pereyra, SIAM J. Numer. Anal. 10, 1973). Labels never make a curve fall, and no curve ends
above 1.

Intervals are of a parametric bootstrap: all runs are drawn anew around the curve, and fitted again.
What seeds change is drawn for each run with the spread that its residuals have, which is itself
uncertain where runs are few. What other validation images would change is common to all runs, which
are scored on the same ones: it moves a level, and no gain.

Shapes: `n` run, `k` candidate (family and scale), `b` draw.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Family = Literal["exponential", "power"]

LEVEL = 0.8
"""Of all intervals: so often what they are about is to be inside."""
DRAWS = 400
FEWEST_RUNS = 5
FEWEST_HOURS = 4
"""So many different hours at least, none among them: with fewer, three parameters fit anything."""
FEWEST_RANKED = 5
SCALES = 120
"""For each family, from a fiftieth of the longest hours to twenty times them."""


@dataclass(frozen=True)
class Interval:
    """An estimate, and where the truth is with probability `LEVEL`."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True)
class Needed:
    """Why there is no curve yet."""

    runs: int
    """So many more."""
    hours: tuple[float, ...]
    """At which active hours they would tell most; 0 is a run without labels."""


@dataclass(frozen=True)
class _Parameters:
    """Of one curve for each draw; the first is the fit to what was measured."""

    power: NDArray[np.bool_]
    scale: Floats
    ceiling: Floats
    drop: Floats

    def at(self, hours: float) -> Floats:
        """(b,) values."""
        u = hours / self.scale
        return self.ceiling - self.drop * np.where(self.power, (1 + u) ** -0.5, np.exp(-u))


@dataclass(frozen=True)
class Curve:
    """A fitted curve with its draws."""

    runs: int
    spread: float
    """Standard deviation of a run around the curve."""
    _fit: _Parameters
    _shift: Floats
    """(b,) what other validation images would add to every value."""
    _noise: Floats
    """(b,) what one more run would be off the curve."""

    @property
    def family(self) -> Family:
        """Which of the two fits better."""
        return "power" if self._fit.power[0] else "exponential"

    @property
    def ceiling(self) -> Interval:
        """Where it ends, however long people label."""
        return _interval(self._fit.ceiling, self._shift)

    def value(self, hours: float) -> Interval:
        """The accuracy that is expected after so many hours."""
        return _interval(self._fit.at(hours), self._shift)

    def next_run(self, hours: float) -> Interval:
        """Where one run with so many hours of labels is expected: wider, since runs differ."""
        return _interval(self._fit.at(hours), self._noise)

    def gain(self, hours: float, more: float = 1.0) -> Interval:
        """What `more` hours after the first `hours` are expected to add."""
        return _interval(self._fit.at(hours + more) - self._fit.at(hours))


def _interval(draws: Floats, added: Floats | None = None) -> Interval:
    around = draws if added is None else draws + added
    low, high = np.quantile(around[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(draws[0]), float(low), float(high))


def needed(hours: Sequence[float]) -> Needed | None:
    """Which runs are missing before a curve says anything; None when there are enough.

    Args:
        hours: active hours in the labels of each run, 0 for a run without labels.
    """
    distinct = sorted(set(hours))
    missing = max(FEWEST_RUNS - len(hours), FEWEST_HOURS - len(distinct), 0)
    if not missing:
        return None
    return Needed(missing, tuple(_wanted(distinct)[:missing]))


def _wanted(distinct: Sequence[float]) -> list[float]:
    """Hours that lie best between those that there are."""
    longest = max(distinct, default=0.0) or 1.0
    wished = (0.0, longest, longest / 2, longest * 2, longest / 4, longest * 4)
    return [each for each in wished if each not in distinct]


def fit(
    hours: Sequence[float],
    values: Sequence[float],
    errors: Sequence[float | None] = (),
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Curve:
    """The curve through runs. The same input gives the same curve.

    Args:
        hours: active hours in the labels of each run, not negative.
        values: their accuracy in 0..1.
        errors: standard error of each over validation images; none, or None, where not known.
        draws: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        ValueError: `needed` says that there are not enough runs.
    """
    if needed(hours) is not None:
        raise ValueError(f"{len(hours)} runs are not enough")
    random = np.random.default_rng(seed)
    at, counts, means, within = _grouped(np.array(hours, float), np.array(values, float))
    best, rest = _fitted(at, counts, means[None])
    freedom = len(hours) - 3
    spread = math.sqrt(max(rest[0] + within, 0.0) / freedom)
    # How well the spread itself is known: that of a normal sample.
    spreads = spread * np.sqrt(freedom / random.chisquare(freedom, draws))
    clean = np.array([best.at(hour)[0] for hour in at])
    drawn = clean + spreads[:, None] * random.standard_normal((draws, len(at))) / np.sqrt(counts)
    again, _ = _fitted(at, counts, drawn)
    known = [error for error in errors if error is not None]
    shift = (float(np.mean(known)) if known else 0.0) * random.standard_normal(draws)
    noise = spreads * random.standard_normal(draws)
    return Curve(
        runs=len(hours),
        spread=spread,
        _fit=_joined(best, again),
        _shift=np.concatenate([[0.0], shift]),
        _noise=np.concatenate([[0.0], noise]),
    )


def _grouped(hours: Floats, values: Floats) -> tuple[Floats, Floats, Floats, float]:
    """Different hours, how many runs each has, their mean, and the squares within groups.

    Runs at the same hours differ by their seeds: for the fit, their mean says as much as they do.
    """
    at, place, counts = np.unique(hours, return_inverse=True, return_counts=True)
    means = np.bincount(place, values) / counts
    within = float(((values - means[place]) ** 2).sum())
    return at, counts.astype(float), means, within


def _fitted(at: Floats, counts: Floats, values_bn: Floats) -> tuple[_Parameters, Floats]:
    """Least squares for each draw, and what they leave."""
    scales = np.geomspace(at[-1] / 50, at[-1] * 20, SCALES)
    u = at / scales[:, None]
    falling_kn = np.concatenate([np.exp(-u), (1 + u) ** -0.5])
    weights = counts / counts.sum()
    mean_k, mean_b = falling_kn @ weights, values_bn @ weights
    centred_kn = falling_kn - mean_k[:, None]
    square_k = centred_kn**2 @ weights
    product_kb = (centred_kn * weights) @ values_bn.T
    total_b = (values_bn - mean_b[:, None]) ** 2 @ weights
    drop_kb = np.maximum(-product_kb / square_k[:, None], 0)
    ceiling_kb = mean_b + drop_kb * mean_k[:, None]
    rest_kb = total_b + 2 * drop_kb * product_kb + drop_kb**2 * square_k[:, None]
    # Where the ceiling would be above 1, it is 1, and the drop alone is left to fit.
    below_bn = 1 - values_bn
    own_k = falling_kn**2 @ weights
    cross_kb = (falling_kn * weights) @ below_bn.T
    capped_kb = np.maximum(cross_kb / own_k[:, None], 0)
    over = ceiling_kb > 1
    capped_rest = below_bn**2 @ weights - 2 * capped_kb * cross_kb + capped_kb**2 * own_k[:, None]
    drop_kb = np.where(over, capped_kb, drop_kb)
    ceiling_kb = np.where(over, 1.0, ceiling_kb)
    rest_kb = np.where(over, capped_rest, rest_kb)
    best_b, draw = rest_kb.argmin(0), np.arange(len(values_bn))
    power = best_b >= SCALES
    found = _Parameters(
        power, scales[best_b % SCALES], ceiling_kb[best_b, draw], drop_kb[best_b, draw]
    )
    return found, np.maximum(rest_kb[best_b, draw], 0) * counts.sum()


def _joined(one: _Parameters, other: _Parameters) -> _Parameters:
    return _Parameters(
        power=np.concatenate([one.power, other.power]),
        scale=np.concatenate([one.scale, other.scale]),
        ceiling=np.concatenate([one.ceiling, other.ceiling]),
        drop=np.concatenate([one.drop, other.drop]),
    )


@dataclass(frozen=True)
class Judged:
    """What was forecast for a run from those before it, and what came."""

    index: int
    """Of the run."""
    forecast: Interval
    came: float

    @property
    def inside(self) -> bool:
        """Whether it came as the interval said."""
        return self.forecast.low <= self.came <= self.forecast.high


def hindsight(
    hours: Sequence[float], values: Sequence[float], *, last: int = 20, draws: int = DRAWS
) -> list[Judged]:
    """For each of the last runs what those before it foretold; runs in the order they ended in."""
    return list(_judged(hours, values, last, draws))


def _judged(
    hours: Sequence[float], values: Sequence[float], last: int, draws: int
) -> Iterator[Judged]:
    for index in range(max(len(hours) - last, 1), len(hours)):
        if needed(hours[:index]) is None:
            curve = fit(hours[:index], values[:index], draws=draws)
            yield Judged(index, curve.next_run(hours[index]), values[index])


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> Interval | None:
    """Spearman's, of average ranks; None for fewer than five, or where all of one are alike.

    The interval is normal in Fisher's z with the variance of Bonett and Wright, Psychometrika 65
    (2000).
    """
    count = len(one)
    if count < FEWEST_RANKED or len(set(one)) == 1 or len(set(other)) == 1:
        return None
    first, second = _ranks(one), _ranks(other)
    estimate = float(np.clip(np.corrcoef(first, second)[0, 1], -1, 1))
    if abs(estimate) == 1:
        return Interval(estimate, estimate, estimate)
    half = _NORMAL * math.sqrt((1 + estimate**2 / 2) / (count - 3))
    z = math.atanh(estimate)
    return Interval(estimate, math.tanh(z - half), math.tanh(z + half))


_NORMAL = 1.2815515655446004
"""The normal distribution's quantile at 0.9: 80 % lie within so many standard deviations."""


def _ranks(values: Sequence[float]) -> Floats:
    """From 0; the same values have the mean of their ranks."""
    _, place, counts = np.unique(np.array(values, float), return_inverse=True, return_counts=True)
    upper = np.cumsum(counts)
    return np.asarray(upper - (counts + 1) / 2, float)[place]
