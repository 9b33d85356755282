"""Curves of accuracy over labelling time, against values by hand and by simulation."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from tests.benchmarks import curve_fits
from trainer import curves

HOURS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)


def exponential(hours: float) -> float:
    return 0.7 - 0.3 * math.exp(-hours / 2)


def power(hours: float) -> float:
    return 0.8 - 0.4 / math.sqrt(1 + hours)


@pytest.mark.parametrize(
    ("truth", "family", "ceiling"), [(exponential, "exponential", 0.7), (power, "power", 0.8)]
)
def test_a_curve_without_noise_is_found_again(
    truth: Callable[[float], float], family: str, ceiling: float
) -> None:
    curve = curves.fit(HOURS, [truth(h) for h in HOURS])
    assert curve.family == family
    # Scales are searched for in steps of 6 %.
    assert curve.ceiling.estimate == pytest.approx(ceiling, abs=0.01)
    assert curve.value(3).estimate == pytest.approx(truth(3), abs=0.002)
    assert curve.gain(8).estimate == pytest.approx(truth(9) - truth(8), abs=0.002)
    assert curve.spread < 0.003


def test_the_fit_is_of_least_squares() -> None:
    """No curve of a fine grid of scales, drops and ceilings leaves less."""
    values = (0.30, 0.45, 0.42, 0.55, 0.60, 0.58)
    curve = curves.fit(HOURS, values)
    left = sum((v - curve.value(h).estimate) ** 2 for h, v in zip(HOURS, values, strict=True))
    hours, measured = np.array(HOURS), np.array(values)
    least = math.inf
    for scale in np.geomspace(0.2, 100, 200):
        for falling in (np.exp(-hours / scale), (1 + hours / scale) ** -0.5):
            ones = np.stack([np.ones_like(falling), -falling], 1)
            (ceiling, drop), *_ = np.linalg.lstsq(ones, measured, rcond=None)
            if drop >= 0 and ceiling <= 1:
                least = min(least, float(((ones @ (ceiling, drop) - measured) ** 2).sum()))
    assert left == pytest.approx(least, rel=0.02)


def test_labels_that_bring_nothing_are_expected_to_bring_nothing() -> None:
    curve = curves.fit(HOURS, [0.6, 0.55, 0.5, 0.45, 0.4, 0.35])
    assert curve.gain(8).estimate == 0
    assert curve.value(20).estimate == pytest.approx(0.475)


def test_no_curve_ends_above_one() -> None:
    curve = curves.fit(HOURS, [0.1 + 0.1 * h for h in HOURS])
    assert curve.ceiling.estimate <= 1
    assert curve.value(1000).high <= 1 + 1e-9


def test_runs_at_the_same_hours_count_as_one_with_their_mean_and_tell_the_spread() -> None:
    """Two seeds at each of four hours, 0.02 apart: 4 * 2 * 0.01^2 over 8 - 3 degrees of freedom."""
    hours = [h for h in (0.0, 1.0, 3.0, 9.0) for _ in range(2)]
    values = [exponential(h) + sign * 0.01 for h in (0.0, 1.0, 3.0, 9.0) for sign in (-1, 1)]
    curve = curves.fit(hours, values)
    assert curve.spread == pytest.approx(math.sqrt(4 * 2 * 0.01**2 / 5), rel=0.05)
    assert curve.value(3).estimate == pytest.approx(exponential(3), abs=0.003)


def test_what_images_are_validated_on_widens_levels_and_no_gain() -> None:
    values = [
        exponential(h) + e
        for h, e in zip(HOURS, (0, 1, -1, 1, -1, 0), strict=True)
        for e in [e / 200]
    ]
    without = curves.fit(HOURS, values)
    known = curves.fit(HOURS, values, [0.05, None, 0.05, 0.05, None, 0.05])
    assert known.gain(8) == without.gain(8)
    width = known.value(8).high - known.value(8).low
    assert width == pytest.approx(2 * 1.2816 * 0.05, rel=0.2)
    assert width > 3 * (without.value(8).high - without.value(8).low)


def test_the_same_runs_give_the_same_curve_and_another_seed_a_similar_one() -> None:
    values = (0.30, 0.45, 0.42, 0.55, 0.60, 0.58)
    one, again = curves.fit(HOURS, values), curves.fit(HOURS, values)
    assert one.gain(8) == again.gain(8)
    other = curves.fit(HOURS, values, seed=1).gain(8)
    assert other.estimate == one.gain(8).estimate
    assert other.high == pytest.approx(one.gain(8).high, abs=0.01)


@pytest.mark.parametrize(
    ("hours", "runs", "wanted"),
    [
        ([], 5, (0.0, 1.0, 0.5, 2.0, 0.25)),
        ([2.0], 4, (0.0, 1.0, 4.0, 0.5)),
        ([0.0, 2.0, 2.0, 2.0, 2.0, 2.0], 2, (1.0, 4.0)),
        ([0.0, 1.0, 2.0, 4.0], 1, (8.0,)),
    ],
)
def test_which_runs_are_missing(hours: list[float], runs: int, wanted: tuple[float, ...]) -> None:
    needed = curves.needed(hours)
    assert needed is not None
    assert (needed.runs, needed.hours) == (runs, wanted)
    with pytest.raises(ValueError, match="not enough"):
        curves.fit(hours, [0.5] * len(hours))


def test_five_runs_at_four_different_hours_are_enough() -> None:
    assert curves.needed([0, 1, 1, 2, 4]) is None


@pytest.mark.parametrize("spread", [0.003, 0.02])
def test_intervals_hold_what_they_are_to_hold(spread: float) -> None:
    """Nominal 80 % are within 70 to 90 % over 200 projects with curves of both kinds."""
    random = np.random.default_rng(7)
    held = {"gain": 0, "next run": 0}
    for number in range(200):
        longest = 10 ** random.uniform(-1, 1.5)
        hours = np.concatenate([[0], longest * random.uniform(0.03, 1, 6), [longest]])
        scale, drop = longest * 10 ** random.uniform(-1, 0.5), random.uniform(0.1, 0.3)
        ceiling = random.uniform(0.4, 0.8)

        def truth(h: float) -> float:
            falling = math.exp(-h / scale) if number % 2 else (1 + h / scale) ** -0.5  # noqa: B023
            return float(ceiling - drop * falling)  # noqa: B023

        values = [truth(h) + spread * random.standard_normal() for h in hours]
        curve = curves.fit(list(hours), values, draws=200)
        gain, later = curve.gain(longest, longest / 2), longest * 1.5
        held["gain"] += gain.low <= truth(later) - truth(longest) <= gain.high
        run = curve.next_run(later)
        held["next run"] += run.low <= truth(later) + spread * random.standard_normal() <= run.high
    assert all(140 <= count <= 180 for count in held.values()), held


def test_a_gaussian_process_foretells_the_next_run_worse() -> None:
    """Else it should take the curves' place: docs/benchmarks.md has the comparison at length."""
    for shape in ("exponential", "logarithm"):
        curve, process = curve_fits.compare(shape, 0.01, projects=20)
        assert curve.next_run < process.next_run
        assert abs(curve.inside - curves.LEVEL) < abs(process.inside - curves.LEVEL)


def test_hindsight_uses_only_what_was_there_before() -> None:
    values = [exponential(h) for h in HOURS]
    (judged,) = curves.hindsight(HOURS, values)
    assert (judged.index, judged.came) == (5, values[5])
    alone = curves.fit(HOURS[:5], values[:5]).next_run(8.0)
    assert judged.forecast == alone
    assert judged.inside == (alone.low <= values[5] <= alone.high)
    (surprised,) = curves.hindsight(HOURS, [*values[:5], 0.2])
    assert surprised.forecast == alone
    assert not surprised.inside


def test_rank_correlation_by_hand() -> None:
    """Ranks 1 2.5 2.5 4 5 against 1 3 2 5 4: Pearson's of them is 8.5 / sqrt(9.5 * 10)."""
    found = curves.rank_correlation([0.1, 0.2, 0.2, 0.3, 0.4], [10, 30, 20, 50, 40])
    assert found is not None
    assert found.estimate == pytest.approx(8.5 / math.sqrt(95))
    z, half = math.atanh(found.estimate), 1.2815516 * math.sqrt((1 + found.estimate**2 / 2) / 2)
    assert (found.low, found.high) == pytest.approx((math.tanh(z - half), math.tanh(z + half)))


def test_rank_correlation_where_there_is_none_to_tell() -> None:
    assert curves.rank_correlation([1, 2, 3, 4], [1, 2, 3, 4]) is None
    assert curves.rank_correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]) is None
    perfect = curves.rank_correlation([1, 2, 3, 4, 5], [5, 4, 3, 2, 1])
    assert perfect is not None
    assert perfect.estimate == pytest.approx(-1)
