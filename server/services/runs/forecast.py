"""What the next hour of labelling is expected to bring, by kind of label, and whether to stop."""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from server.models.label import LabelKind
from server.schemas.forecast import (
    Answer,
    CategoryGain,
    Estimate,
    Forecast,
    JudgedForecast,
    KindForecast,
    Measure,
    MissingRuns,
    Ranking,
    Stop,
)
from server.schemas.run import CostPoint
from server.services import projects
from server.services.runs import cost_curve
from trainer.contract import Supervision

if TYPE_CHECKING:
    from trainer.curves import Curve, Interval, Judged

COME_WITH_OTHERS = (LabelKind.CORRECTIONS, LabelKind.REVIEW)
WAYS = tuple(kind for kind in LabelKind if kind not in COME_WITH_OTHERS)
"""Kinds in which an hour can be asked for."""
DEVIATIONS = 2 * 1.2815515655446004
"""So many standard deviations wide is an interval of 80 %."""
CATEGORY_DRAWS = 200
KEPT = 512
"""Curves that a process keeps: the same runs have the same."""


def of_project(session: Session, project_id: int) -> Forecast:
    """A forecast for each kind of label and supervision that the newest run can be held against.

    By mIoU, or by the score of held-out weak labels where no run has one. Raises NotFound.
    """
    threshold = projects.get(session, project_id).stop_below
    points = cost_curve.of_project(session, project_id).points
    has_miou = any(p.miou is not None for p in points)
    measure: Measure = "miou" if has_miou else "weak_label_score"
    newest = max(points, key=lambda p: (p.finished_at, p.run_id), default=None)
    alike = [p for p in points if newest and p.setting == newest.setting]
    kinds = [_of_kind(measure, *line) for line in _lines(measure, alike)]
    return Forecast(
        project_id=project_id,
        measure=measure,
        recipe=newest.recipe if newest else None,
        stop_below=threshold,
        kinds=kinds,
        stop=_stop(kinds, threshold),
        ranking=_ranking(points),
    )


Line = tuple[LabelKind, Supervision, list[CostPoint]]


def _lines(measure: str, points: Sequence[CostPoint]) -> list[Line]:
    """Runs of one kind of label and supervision, in the order they ended in, after those without labels."""
    known = [p for p in points if getattr(p, measure) is not None]
    known.sort(key=lambda p: (p.finished_at, p.run_id))
    free = [p for p in known if p.supervision == Supervision.SOURCE_ONLY]
    lines: defaultdict[tuple[LabelKind, Supervision], list[CostPoint]] = defaultdict(list)
    for point in known:
        kind = _kind_of(point)
        if kind is not None:
            lines[kind, point.supervision].append(point)
    return [(*key, [*free, *runs]) for key, runs in sorted(lines.items())]


def _kind_of(point: CostPoint) -> LabelKind | None:
    """The kind of label that most of a run's time went into; None where it had none."""
    hours = point.hours_by_kind or {}
    most = max(WAYS, key=lambda kind: hours.get(kind, 0))
    return most if hours.get(most, 0) > 0 else None


def _of_kind(
    measure: str, kind: LabelKind, supervision: Supervision, points: Sequence[CostPoint]
) -> KindForecast:
    from trainer import curves  # noqa: PLC0415 - the web process starts without numpy

    hours = tuple(p.active_hours for p in points)
    values = tuple(float(getattr(p, measure)) for p in points)
    now = max(hours)
    told = KindForecast(kind=kind, supervision=supervision, runs=len(points), hours=now)
    if missing := curves.needed(hours):
        told.missing = MissingRuns(runs=missing.runs, hours=list(missing.hours))
        return told
    curve = _curve(hours, values, tuple(_error(p, measure) for p in points), curves.DRAWS)
    told.family = curve.family
    told.now, told.ceiling = _estimate(curve.value(now)), _estimate(curve.ceiling)
    told.gain = _estimate(curve.gain(now))
    told.categories = _by_category(points, now)
    told.judged = [
        JudgedForecast(
            run_id=points[each.index].run_id,
            hours=hours[each.index],
            forecast=_estimate(each.forecast),
            came=each.came,
            inside=each.inside,
        )
        for each in _hindsight(hours, values)
    ]
    return told


def _by_category(points: Sequence[CostPoint], now: float) -> list[CategoryGain]:
    """Most first; of categories that enough runs were scored on."""
    from trainer import curves  # noqa: PLC0415 - as above

    gains = []
    for name in dict.fromkeys(chain.from_iterable(p.iou for p in points)):
        scored = [(p.active_hours, iou) for p in points if (iou := p.iou.get(name)) is not None]
        hours, values = tuple(h for h, _ in scored), tuple(iou for _, iou in scored)
        if curves.needed(hours) is None and now in hours:
            gain = _curve(hours, values, (), CATEGORY_DRAWS).gain(now)
            gains.append(CategoryGain(category=name, gain=_estimate(gain)))
    return sorted(gains, key=lambda each: -each.gain.estimate)


@lru_cache(KEPT)
def _curve(
    hours: tuple[float, ...],
    values: tuple[float, ...],
    errors: tuple[float | None, ...],
    draws: int,
) -> "Curve":
    from trainer import curves  # noqa: PLC0415 - as above

    return curves.fit(hours, values, errors, draws=draws)


@lru_cache(KEPT)
def _hindsight(hours: tuple[float, ...], values: tuple[float, ...]) -> "tuple[Judged, ...]":
    from trainer import curves  # noqa: PLC0415 - as above

    return tuple(curves.hindsight(hours, values))


def _error(point: CostPoint, measure: str) -> float | None:
    interval = point.intervals.get(measure)
    return (interval["high"] - interval["low"]) / DEVIATIONS if interval else None


def _estimate(interval: "Interval") -> Estimate:
    return Estimate(estimate=interval.estimate, low=interval.low, high=interval.high)


def _stop(kinds: Sequence[KindForecast], threshold: float | None) -> Stop:
    """By the kind that is expected to bring most."""
    known = [(each.gain.estimate, each) for each in kinds if each.gain is not None]
    best = max(known, key=lambda pair: pair[0], default=None)
    if best is None:
        return Stop(answer="not-known")
    gain, kind = best
    answer: Answer = "not-asked"
    if threshold is not None:
        answer = "stop" if gain < threshold else "go-on"
    return Stop(answer=answer, kind=kind.kind, supervision=kind.supervision, gain=kind.gain)


def _ranking(points: Sequence[CostPoint]) -> Ranking | None:
    """How held-out weak labels rank the runs that masks rank too."""
    from trainer import curves  # noqa: PLC0415 - as above

    pairs = [
        (p.weak_label_score, p.miou)
        for p in points
        if p.weak_label_score is not None and p.miou is not None
    ]
    if not pairs:
        return None
    found = curves.rank_correlation([score for score, _ in pairs], [miou for _, miou in pairs])
    return Ranking(runs=len(pairs), correlation=_estimate(found) if found else None)
