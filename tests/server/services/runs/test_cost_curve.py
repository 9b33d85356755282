import csv
import io
from datetime import UTC, datetime

import pytest

from server.db import session_scope
from server.errors import NotFound
from server.models.run import Run, RunState
from server.schemas.run import CostCurve
from server.services.runs import cost_curve
from tests.server.factories import make_project, make_run, make_snapshot
from trainer.contract import Report, Score, Supervision

HOUR = 3_600_000


def finish(
    project_id: int, supervision: Supervision, miou: float | None, snapshot_id: int | None = None
) -> int:
    report = Report(
        supervision=supervision, selected_step=10, selection="last step",
        score=Score(miou=miou, presence_f1=0.5), source_only=Score(miou=0.25), seconds=1,
        device="cpu", labelled_images=1,
    )  # fmt: skip
    return make_run(
        project_id, RunState.SUCCEEDED, supervision=supervision.value, snapshot_id=snapshot_id,
        report=report.model_dump(mode="json"), finished_at=datetime(2026, 11, 22, tzinfo=UTC),
    )  # fmt: skip


def curve_of(project_id: int) -> CostCurve:
    with session_scope(read_only=True) as session:
        return cost_curve.of_project(session, project_id)


def test_each_finished_run_is_a_point_at_the_hours_in_its_labels(database: str) -> None:
    project_id, other_id = make_project(), make_project("Other")
    small = make_snapshot(project_id, "a" * 64, active_ms=HOUR // 2, wall_ms=HOUR, labels=60)
    large = make_snapshot(project_id, "b" * 64, active_ms=3 * HOUR, wall_ms=4 * HOUR, labels=400)
    most = finish(project_id, Supervision.POINT, 0.625, large)
    some = finish(project_id, Supervision.IMAGE, 0.5, small)
    none = finish(project_id, Supervision.SOURCE_ONLY, 0.25)
    guessed = finish(project_id, Supervision.PSEUDO, 0.375, large)
    make_run(project_id, RunState.FAILED)
    finish(other_id, Supervision.PSEUDO, 0.9)

    points = curve_of(project_id).points

    assert [(p.run_id, p.active_hours, p.wall_hours, p.labels, p.miou) for p in points] == [
        (none, 0, 0, 0, 0.25),
        (guessed, 0, 0, 0, 0.375),
        (some, 0.5, 1, 60, 0.5),
        (most, 3, 4, 400, 0.625),
    ]
    assert {p.source_only_miou for p in points} == {0.25}


def test_a_gain_is_counted_from_the_newest_source_only_run_of_the_same_recipe_and_data(
    database: str,
) -> None:
    project_id = make_project()
    data = {"source": {"name": "town"}, "validation": {"name": "street"}, "categories": ["Road"]}

    def run(
        supervision: Supervision, miou: float | None, recipe: str = "tiny", **other: object
    ) -> int:
        run_id = finish(project_id, supervision, miou)
        with session_scope() as session:
            made = session.get_one(Run, run_id)
            made.recipe, made.config = recipe, data | other
        return run_id

    run(Supervision.SOURCE_ONLY, 0.75)
    newest = run(Supervision.SOURCE_ONLY, 0.25)
    run(Supervision.SOURCE_ONLY, 0.9, recipe="demo")
    run(Supervision.SOURCE_ONLY, 0.9, source={"name": "village"})
    run(Supervision.SOURCE_ONLY, 0.9, validation=None)
    held = run(Supervision.POINT, 0.5)
    alone = run(Supervision.POINT, 0.5, recipe="cpu-small")
    unknown = run(Supervision.PSEUDO, None)
    points = {point.run_id: point for point in curve_of(project_id).points}
    found = {
        run_id: (points[run_id].baseline_run_id, points[run_id].baseline_miou, points[run_id].gain)
        for run_id in (held, alone, unknown, newest)
    }
    assert found == {
        held: (newest, 0.25, 0.25),
        alone: (None, None, None),
        unknown: (newest, 0.25, None),
        newest: (None, None, None),
    }
    with session_scope(read_only=True) as session:
        for run_id, (baseline_id, miou, _) in found.items():
            baseline = cost_curve.baseline_of(session, session.get_one(Run, run_id))
            told = (baseline.run_id, baseline.miou) if baseline else (None, None)
            assert told == (baseline_id, miou)


def test_csv_has_a_header_and_leaves_unknown_values_empty(database: str) -> None:
    project_id = make_project()
    run_id = finish(project_id, Supervision.PSEUDO, None)

    text = cost_curve.as_csv(curve_of(project_id))

    assert text.splitlines() == [
        "run_id,supervision,recipe,finished_at,labels,images,points,active_hours,wall_hours,"
        "miou,source_only_miou,presence_f1,point_accuracy,selection,baseline_run_id,baseline_miou,gain",
        f"{run_id},pseudo,tiny,2026-11-22T00:00:00Z,0,0,0,0.0,0.0,,0.25,0.5,,last step,,,",
    ]
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["miou"] == ""


def test_a_project_that_is_not_there(database: str) -> None:
    with pytest.raises(NotFound):
        curve_of(1)
