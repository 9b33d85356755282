"""What labelling bought: accuracy of finished runs against the time in their labels."""

import csv
import io
from collections.abc import Iterable
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.models import Run
from server.models.run import RunState
from server.schemas.common import ProjectSupervision
from server.schemas.run import Baseline, CostCurve, CostPoint
from server.services import projects
from trainer.contract import Report, Score, Supervision

MS_PER_HOUR = 3_600_000


def of_project(session: Session, project_id: int) -> CostCurve:
    """One point for each finished run, in order of active hours. Raises NotFound.

    A run that used no person's labels cost none: its hours are 0.
    """
    projects.get(session, project_id)
    runs = session.scalars(
        select(Run).where(Run.project_id == project_id, Run.state == RunState.SUCCEEDED)
    )
    finished = list(runs)
    points = sorted(
        (_point(run, _newest_baseline(run, finished)) for run in finished),
        key=lambda p: (p.active_hours, p.run_id),
    )
    return CostCurve(project_id=project_id, points=points)


def baseline_of(session: Session, run: Run) -> Baseline | None:
    """What a run's gain is counted from; None when there is nothing."""
    runs = session.scalars(
        select(Run).where(
            Run.project_id == run.project_id,
            Run.state == RunState.SUCCEEDED,
            Run.supervision == Supervision.SOURCE_ONLY,
            Run.recipe == run.recipe,
        )
    )
    found = _newest_baseline(run, runs)
    if found is None:
        return None
    score = Report.model_validate(found.report).score
    return Baseline(run_id=found.id, miou=score.miou, iou=dict(score.iou))


def _newest_baseline(run: Run, finished: Iterable[Run]) -> Run | None:
    if run.supervision == Supervision.SOURCE_ONLY:
        return None
    alike = [
        other
        for other in finished
        if other.supervision == Supervision.SOURCE_ONLY and _setting(other) == _setting(run)
    ]
    return max(
        alike, key=lambda other: (other.finished_at or other.created_at, other.id), default=None
    )


def _setting(run: Run) -> tuple[object, ...]:
    """What two runs must have in common for one to be held against the other."""
    return run.recipe, *(run.config.get(name) for name in ("source", "validation", "categories"))


def _point(run: Run, baseline: Run | None) -> CostPoint:
    report = Report.model_validate(run.report)
    snapshot = run.snapshot if run.supervision.is_oracle else None
    warm_up = report.source_only or Score()
    from_miou = Report.model_validate(baseline.report).score.miou if baseline else None
    gain = None
    if report.score.miou is not None and from_miou is not None:
        gain = report.score.miou - from_miou
    return CostPoint(
        run_id=run.id,
        supervision=cast(ProjectSupervision, run.supervision),
        recipe=run.recipe,
        finished_at=run.finished_at or run.created_at,
        labels=snapshot.labels if snapshot else 0,
        images=snapshot.images if snapshot else 0,
        points=snapshot.points if snapshot else 0,
        active_hours=snapshot.active_ms / MS_PER_HOUR if snapshot else 0,
        wall_hours=snapshot.wall_ms / MS_PER_HOUR if snapshot else 0,
        miou=report.score.miou,
        source_only_miou=warm_up.miou,
        presence_f1=report.score.presence_f1,
        point_accuracy=report.score.point_accuracy,
        selection=report.selection,
        baseline_run_id=baseline.id if baseline else None,
        baseline_miou=from_miou,
        gain=gain,
    )


def as_csv(curve: CostCurve) -> str:
    """The points as CSV with a header; an unknown value is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(CostPoint.model_fields), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(point.model_dump(mode="json") for point in curve.points)
    return text.getvalue()
