import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete

from server.db import session_scope
from server.errors import NotFound
from server.models import Image, Label, Run, RunFigures
from server.models.run import RunState
from server.schemas.run import CostCurve
from server.services.labels import snapshots
from server.services.runs import cost_curve, figures
from tests.server.factories import (
    add_images,
    add_label,
    make_project,
    make_run,
    make_snapshot,
    make_user,
)
from tests.server.statements import noted
from trainer.contract import Report, Score, Supervision

HOUR = 3_600_000


def finish(
    project_id: int,
    supervision: Supervision,
    miou: float | None,
    snapshot_id: int | None = None,
    iou: dict[str, float | None] | None = None,
    **fields: Any,
) -> int:
    report = Report(
        supervision=supervision, selected_step=10, selection="last step",
        score=Score(miou=miou, presence_f1=0.5, iou=iou or {}), source_only=Score(miou=0.25), seconds=1,
        device="cpu", labelled_images=1,
    )  # fmt: skip
    run_id = make_run(
        project_id, RunState.SUCCEEDED, supervision=supervision.value, snapshot_id=snapshot_id,
        report=report.model_dump(mode="json"), finished_at=datetime(2026, 11, 22, tzinfo=UTC),
        **fields,
    )  # fmt: skip
    with session_scope() as session:
        figures.keep(session, session.get_one(Run, run_id))
    return run_id


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
            figures.keep(session, made)
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

    setting = figures.setting("tiny", {})[:12]
    kinds = ("tags", "points", "tiles", "sweeps", "corrections", "review")
    assert text.splitlines() == [
        "run_id,supervision,recipe,finished_at,labels,images,points,active_hours,wall_hours,"
        "miou,source_only_miou,presence_f1,point_accuracy,selection,baseline_run_id,baseline_miou,gain,"
        "snapshot_id,answers,presence_average_precision,weak_label_score,setting,seeds,seed_deviation,"
        + ",".join(f"hours_by_kind.{kind}" for kind in kinds),
        f"{run_id},pseudo,tiny,2026-11-22T00:00:00Z,0,0,0,0.0,0.0,,0.25,0.5,,last step,,,,"
        + f",0,,,{setting},1,,0.0,0.0,0.0,0.0,0.0,0.0",
    ]
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["miou"] == ""


def flat(value: object, name: str = "") -> dict[str, str]:
    """Every figure of plain data by its dotted name, as a sheet writes it."""
    if isinstance(value, dict):
        return {k: v for key, each in value.items() for k, v in flat(each, f"{name}.{key}").items()}
    return {name[1:]: "" if value is None else str(value)}


def test_csv_has_each_figure_that_json_has(database: str) -> None:
    project_id = make_project()
    snapshot_id = make_snapshot(project_id, active_ms=HOUR, wall_ms=2 * HOUR, labels=7, answers=21,
                                active_ms_by_kind={"tags": HOUR // 4, "review": 3 * HOUR // 4})  # fmt: skip
    finish(project_id, Supervision.SOURCE_ONLY, 0.25)
    run_id = finish(
        project_id, Supervision.POINT, 0.5, snapshot_id, iou={"Road": 0.75, "a.b": None}
    )
    with session_scope() as session:
        kept = session.get_one(RunFigures, run_id)
        kept.figures = {**kept.figures, "intervals": {"miou": {"low": 0.4, "high": 0.6}}}

    curve = curve_of(project_id)

    rows = list(csv.DictReader(io.StringIO(cost_curve.as_csv(curve))))
    points = [flat(point.model_dump(mode="json")) for point in curve.points]
    assert [{k: v for k, v in row.items() if v} for row in rows] == [
        {k: v for k, v in point.items() if v} for point in points
    ]
    assert rows[1]["intervals.miou.high"] == "0.6"
    assert rows[1]["hours_by_kind.review"] == "0.75"
    assert rows[1]["iou.Road"] == "0.75"


def test_runs_that_differ_by_their_seed_tell_how_far_they_are_apart(database: str) -> None:
    project_id = make_project()
    for seed, miou in enumerate((0.5, 0.52, 0.54)):
        finish(
            project_id, Supervision.PSEUDO, miou, config={"steps": 5, "seed": seed, "device": "x"}
        )
    finish(project_id, Supervision.PSEUDO, 0.7, config={"steps": 6, "seed": 0})

    points = curve_of(project_id).points

    assert [point.seeds for point in points] == [3, 3, 3, 1]
    assert [point.seed_deviation for point in points] == [pytest.approx(0.02)] * 3 + [None]


def test_a_run_of_an_earlier_version_has_the_same_figures_before_and_after_the_upkeep(
    database: str,
) -> None:
    project_id = make_project()
    run_id = finish(project_id, Supervision.PSEUDO, 0.5)
    kept = curve_of(project_id)
    with session_scope() as session:
        session.delete(session.get_one(RunFigures, run_id))
    assert curve_of(project_id) == kept
    figures.keep_missing()
    with session_scope(read_only=True) as session:
        assert session.get(RunFigures, run_id) is not None
    assert curve_of(project_id) == kept


def test_a_report_that_nobody_can_read_stops_no_other_run_from_being_kept(database: str) -> None:
    project_id = make_project()
    run_id = finish(project_id, Supervision.PSEUDO, 0.5)
    damaged = make_run(project_id, RunState.SUCCEEDED, report={"score": "?"})
    with session_scope() as session:
        session.delete(session.get_one(RunFigures, run_id))
    figures.keep_missing()
    with session_scope(read_only=True) as session:
        assert session.get(RunFigures, run_id) is not None
        assert session.get(RunFigures, damaged) is None


def test_what_is_asked_of_the_database_grows_with_neither_runs_nor_labels(database: str) -> None:
    """And what is read of each run is small: no report."""
    project_id = make_project()

    def asked() -> list[str]:
        with noted() as sent:
            curve_of(project_id)
        return [text for text, _ in sent if text.startswith("SELECT")]

    finish(project_id, Supervision.PSEUDO, 0.5)
    few = asked()
    for number in range(8):
        finish(project_id, Supervision.POINT, 0.5, make_snapshot(project_id, f"{number:064}"))
    assert asked() == few
    assert len(few) <= 3
    assert not any("runs.report" in text or "FROM labels" in text for text in few)


def test_labels_and_images_that_are_deleted_stay_in_the_figures_of_runs(database: str) -> None:
    project_id, annotator_id = make_project(), make_user()
    (image_id,) = add_images(project_id, ["a.png"])
    add_label(project_id, image_id, annotator_id, active_ms=HOUR)
    snapshot_id = snapshots.create(project_id).id
    finish(project_id, Supervision.IMAGE, 0.5, snapshot_id)
    before = curve_of(project_id)
    with session_scope() as session:
        session.execute(delete(Label))
        session.execute(delete(Image))
    assert curve_of(project_id) == before
    assert before.points[0].hours_by_kind is not None
    assert before.points[0].hours_by_kind["tags"] == before.points[0].active_hours == 1


def test_a_project_that_is_not_there(database: str) -> None:
    with pytest.raises(NotFound):
        curve_of(1)
