"""What labelling bought: accuracy of finished runs against the time in their labels."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import stdev
from typing import Any, NamedTuple, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.models import Run, RunFigures, Snapshot
from server.models.label import LabelKind
from server.models.run import Figures, RunState
from server.schemas.common import ProjectSupervision
from server.schemas.run import Baseline, CostCurve, CostPoint
from server.services import projects
from server.services.runs import figures
from trainer.contract import Report, Supervision

MS_PER_HOUR = 3_600_000
SHOWN = 12
"""Characters of a hash that tell settings apart."""


class _Finished(NamedTuple):
    """A run's row of the curve, without its report."""

    id: int
    supervision: Supervision
    recipe: str
    ended_at: Any
    snapshot_id: int | None
    labels: int | None
    images: int | None
    points: int | None
    answers: int | None
    active_ms: int | None
    wall_ms: int | None
    by_kind: Mapping[str, int] | None
    setting: str
    same_config: str
    figures: Figures


def of_project(session: Session, project_id: int) -> CostCurve:
    """One point for each finished run, in order of active hours. Raises NotFound.

    A run that used no person's labels cost none: its hours are 0. Three statements, however many
    runs and labels there are.
    """
    projects.get(session, project_id)
    finished = _finished(session, project_id)
    baselines = _baselines(finished)
    spreads = _spreads(finished)
    points = [
        _point(run, baselines.get(run.setting), spreads.get(run.same_config)) for run in finished
    ]
    points.sort(key=lambda p: (p.active_hours, p.run_id))
    kinds = [kind.value for kind in LabelKind]
    return CostCurve.model_construct(project_id=project_id, kinds=kinds, points=points)


def _finished(session: Session, project_id: int) -> list[_Finished]:
    rows = session.execute(
        select(
            Run.id, Run.supervision, Run.recipe, Run.finished_at, Run.created_at, Snapshot.id,
            Snapshot.labels, Snapshot.images, Snapshot.points, Snapshot.answers,
            Snapshot.active_ms, Snapshot.wall_ms, Snapshot.active_ms_by_kind,
            RunFigures.setting, RunFigures.same_config, RunFigures.figures,
        )
        .outerjoin(Snapshot, Snapshot.id == Run.snapshot_id)
        .outerjoin(RunFigures, RunFigures.run_id == Run.id)
        .where(Run.project_id == project_id, Run.state == RunState.SUCCEEDED)
        .order_by(Run.id)
    ).all()  # fmt: skip
    # Of what an earlier version finished, until the upkeep has come round to it.
    missing = _computed(session, [row[0] for row in rows if row[-1] is None])
    found = []
    for run_id, supervision, recipe, finished_at, created_at, *others in rows:
        counts, kept = others[:-3], others[-3:]
        used = counts if supervision.is_oracle else [None] * len(counts)
        first = run_id, supervision, recipe, finished_at or created_at
        found.append(_Finished._make((*first, *used, *missing.get(run_id, kept))))
    return found


def _computed(session: Session, run_ids: Sequence[int]) -> dict[int, tuple[str, str, Figures]]:
    """Setting, configuration and figures of runs, from their reports."""
    if not run_ids:
        return {}
    columns = (Run.id, Run.recipe, Run.config, Run.snapshot_id, Run.report)
    rows = session.execute(select(*columns).where(Run.id.in_(run_ids)))
    found = [figures.of(*row) for row in rows]
    return {each.run_id: (each.setting, each.same_config, each.figures) for each in found}


def _baselines(finished: Iterable[_Finished]) -> dict[str, _Finished]:
    """The newest source-only run of each setting."""
    newest: dict[str, _Finished] = {}
    for run in finished:
        if run.supervision is Supervision.SOURCE_ONLY:
            other = newest.get(run.setting)
            if other is None or (other.ended_at, other.id) < (run.ended_at, run.id):
                newest[run.setting] = run
    return newest


def _spreads(finished: Iterable[_Finished]) -> dict[str, tuple[int, float | None]]:
    """How many runs differ by their seed alone, and the standard deviation of their mIoU."""
    alike: defaultdict[str, list[float | None]] = defaultdict(list)
    for run in finished:
        alike[run.same_config].append(run.figures["miou"])
    spreads: dict[str, tuple[int, float | None]] = {}
    for config, mious in alike.items():
        known = [miou for miou in mious if miou is not None]
        spreads[config] = len(mious), stdev(known) if len(known) > 1 else None
    return spreads


def baseline_of(session: Session, run: Run) -> Baseline | None:
    """What a run's gain is counted from; None when there is nothing."""
    if run.supervision is Supervision.SOURCE_ONLY:
        return None
    runs = session.scalars(
        select(Run).where(
            Run.project_id == run.project_id,
            Run.state == RunState.SUCCEEDED,
            Run.supervision == Supervision.SOURCE_ONLY,
            Run.recipe == run.recipe,
        )
    )
    own = figures.setting(run.recipe, run.config)
    alike = [other for other in runs if figures.setting(other.recipe, other.config) == own]
    found = max(alike, key=lambda o: (o.finished_at or o.created_at, o.id), default=None)
    if found is None:
        return None
    score = Report.model_validate(found.report).score
    return Baseline(run_id=found.id, miou=score.miou, iou=dict(score.iou))


def _point(
    run: _Finished, newest: _Finished | None, alike: tuple[int, float | None] | None
) -> CostPoint:
    scores = run.figures
    baseline = newest if run.supervision is not Supervision.SOURCE_ONLY else None
    before = baseline.figures["miou"] if baseline else None
    gain = scores["miou"] - before if scores["miou"] is not None and before is not None else None
    seeds, seed_deviation = alike or (1, None)
    by_kind = None
    if run.active_ms is None or run.by_kind:
        by_kind = {k.value: (run.by_kind or {}).get(k.value, 0) / MS_PER_HOUR for k in LabelKind}
    # Made of what was right when it was stored: looking at each of 20,000 numbers again takes longer
    # than all the rest.
    return CostPoint.model_construct(
        run_id=run.id,
        supervision=cast(ProjectSupervision, run.supervision),
        recipe=run.recipe,
        finished_at=run.ended_at,
        labels=run.labels or 0,
        images=run.images or 0,
        points=run.points or 0,
        active_hours=(run.active_ms or 0) / MS_PER_HOUR,
        wall_hours=(run.wall_ms or 0) / MS_PER_HOUR,
        miou=scores["miou"],
        source_only_miou=scores["source_only_miou"],
        presence_f1=scores["presence_f1"],
        point_accuracy=scores["point_accuracy"],
        selection=scores["selection"],
        baseline_run_id=baseline.id if baseline else None,
        baseline_miou=before,
        gain=gain,
        snapshot_id=run.snapshot_id,
        answers=0 if run.active_ms is None else run.answers,
        hours_by_kind=by_kind,
        presence_average_precision=scores["presence_average_precision"],
        weak_label_score=scores["weak_label_score"],
        setting=run.setting[:SHOWN],
        seeds=seeds,
        seed_deviation=seed_deviation,
        iou=scores["iou"],
        intervals=scores["intervals"],
    )


NESTED = ("hours_by_kind", "iou", "intervals")
"""Of a point, and written as columns of their own: `iou.Car`, `intervals.miou.low`."""


def as_csv(curve: CostCurve) -> str:
    """The points as CSV with a header; an unknown value is empty."""
    plain = [name for name in CostPoint.model_fields if name not in NESTED]
    names = dict.fromkeys([*plain, *(f"hours_by_kind.{kind}" for kind in curve.kinds)])
    rows = []
    for point in curve.points:
        row = dict(_flat("", point.model_dump(mode="json")))
        names |= dict.fromkeys(row)
        rows.append(row)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=[*names], lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}.", value)
        elif f"{prefix}{name}" not in NESTED:
            yield f"{prefix}{name}", value
