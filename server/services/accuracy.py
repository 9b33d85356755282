"""What labelling bought: accuracy of finished runs against the time in their labels."""

import csv
import io
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.models import Run
from server.models.run import RunState
from server.schemas.common import ProjectSupervision
from server.schemas.run import CostCurve, CostPoint
from server.services import projects
from trainer.contract import Report, Score, Supervision

MS_PER_HOUR = 3_600_000


def cost_curve(session: Session, project_id: int) -> CostCurve:
    """One point for each finished run, in order of active hours. Raises NotFound.

    A run that used no person's labels cost none: its hours are 0.
    """
    projects.get(session, project_id)
    runs = session.scalars(
        select(Run).where(Run.project_id == project_id, Run.state == RunState.SUCCEEDED.value)
    )
    points = sorted((_point(run) for run in runs), key=lambda p: (p.active_hours, p.run_id))
    return CostCurve(project_id=project_id, points=points)


def _point(run: Run) -> CostPoint:
    supervision = Supervision(run.supervision)
    report = Report.model_validate(run.report)
    snapshot = run.snapshot if supervision.is_oracle else None
    baseline = report.source_only or Score()
    return CostPoint(
        run_id=run.id,
        supervision=cast(ProjectSupervision, supervision),
        recipe=run.recipe,
        finished_at=run.finished_at or run.created_at,
        labels=snapshot.labels if snapshot else 0,
        images=snapshot.images if snapshot else 0,
        points=snapshot.points if snapshot else 0,
        active_hours=snapshot.active_ms / MS_PER_HOUR if snapshot else 0,
        wall_hours=snapshot.wall_ms / MS_PER_HOUR if snapshot else 0,
        miou=report.score.miou,
        source_only_miou=baseline.miou,
        presence_f1=report.score.presence_f1,
        point_accuracy=report.score.point_accuracy,
        selection=report.selection,
    )


def as_csv(curve: CostCurve) -> str:
    """The points as CSV with a header; an unknown value is empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(CostPoint.model_fields), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(point.model_dump(mode="json") for point in curve.points)
    return text.getvalue()
