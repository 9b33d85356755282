"""What finished runs say in small, kept beside them: a report is long, and the cost curve has many."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import session_scope
from server.models import Run, RunFigures
from server.models.run import Figures, Range, RunState
from trainer.contract import Report, Score

log = structlog.get_logger()

SETTING = ("source", "validation", "categories")
"""With the recipe: what two runs must have in common for one to be held against the other."""
MACHINE = frozenset({"seed", "device", "threads", "warm_ups"})
MOST_AT_ONCE = 100
"""Runs of an earlier version that one round of the upkeep reads."""


def keep(session: Session, run: Run) -> None:
    """Store the figures of a run that has its report."""
    session.merge(of(run.id, run.recipe, run.config, run.snapshot_id, run.report))


def keep_missing() -> None:
    """Store those of runs that an earlier version finished."""
    with session_scope() as session:
        without = select(Run).where(
            Run.state == RunState.SUCCEEDED,
            ~select(RunFigures).where(RunFigures.run_id == Run.id).exists(),
        )
        for run in session.scalars(without.order_by(Run.id.desc()).limit(MOST_AT_ONCE)):
            try:
                keep(session, run)
            except ValidationError as error:  # the others, and what else is to be done, go on
                log.warning("run without figures", run=run.id, reason=str(error).partition("\n")[0])


def of(
    run_id: int,
    recipe: str,
    config: Mapping[str, Any],
    snapshot_id: int | None,
    report: Mapping[str, Any] | None,
) -> RunFigures:
    """The row for a run, which is not stored by this."""
    alike = {name: value for name, value in config.items() if name not in MACHINE}
    return RunFigures(
        run_id=run_id,
        setting=setting(recipe, config),
        same_config=_hash([alike, snapshot_id]),
        figures=_figures(Report.model_validate(report)),
    )


def setting(recipe: str, config: Mapping[str, Any]) -> str:
    """The same for runs that can be held against each other."""
    return _hash([recipe, *(config.get(name) for name in SETTING)])


def _hash(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _figures(report: Report) -> Figures:
    score, warm_up = report.score, report.source_only or Score()
    return Figures(
        miou=score.miou,
        iou=dict(score.iou),
        presence_f1=score.presence_f1,
        presence_average_precision=score.presence_average_precision,
        point_accuracy=score.point_accuracy,
        weak_label_score=score.weak_label_score,
        source_only_miou=warm_up.miou,
        selection=report.selection,
        intervals={
            name: Range(low=found.low, high=found.high)
            for name, found in (report.breakdown.intervals if report.breakdown else {}).items()
        },
    )
