"""What the next hour is expected to bring, of projects that have few runs and of such that have many."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.db import session_scope
from server.errors import NotFound
from server.models import Run
from server.models.run import RunState
from server.schemas.forecast import Forecast
from server.services.runs import figures, forecast
from tests.server.factories import make_project, make_run, make_snapshot
from trainer import curves

HOUR = 3_600_000
STARTED = datetime(2026, 11, 22, tzinfo=UTC)


def finish(project_id: int, hours: float, *, kind: str = "tags", **fields: Any) -> int:
    """A run after so many hours of one kind of label; without any it is source-only."""
    number = fields.pop("number", 0)
    score = {
        name: fields.pop(name) for name in ("miou", "iou", "weak_label_score") if name in fields
    }
    supervision = fields.pop("supervision", "image") if hours else "source-only"
    snapshot_id = None
    if hours:
        ms = round(hours * HOUR)
        sha256 = f"{kind}{hours}{number}{fields}"[:64]
        snapshot_id = make_snapshot(project_id, sha256, active_ms=ms, active_ms_by_kind={kind: ms})
    report = {
        "supervision": supervision, "selected_step": 1, "selection": "last step", "score": score,
        "seconds": 1, "device": "cpu", "labelled_images": 1,
    }  # fmt: skip
    run_id = make_run(
        project_id, RunState.SUCCEEDED, supervision=supervision, snapshot_id=snapshot_id,
        report=report, finished_at=STARTED + timedelta(hours=hours + number), **fields,
    )  # fmt: skip
    with session_scope() as session:
        figures.keep(session, session.get_one(Run, run_id))
    return run_id


def forecast_of(project_id: int) -> Forecast:
    with session_scope(read_only=True) as session:
        return forecast.of_project(session, project_id)


def rising(hours: float, most: float = 0.6) -> float:
    return most - 0.3 * math.exp(-hours)


def test_a_project_without_runs_and_one_that_is_not_there(database: str) -> None:
    told = forecast_of(make_project(stop_below=0.01))
    assert (told.kinds, told.stop.answer, told.recipe, told.ranking) == (
        [],
        "not-known",
        None,
        None,
    )
    with pytest.raises(NotFound):
        forecast_of(99)


def test_after_one_run_it_says_which_are_missing(database: str) -> None:
    project_id = make_project(stop_below=0.01)
    finish(project_id, 2, miou=0.5)
    told = forecast_of(project_id)
    (kind,) = told.kinds
    assert (kind.kind, kind.runs, kind.hours, kind.gain, kind.judged) == ("tags", 1, 2, None, [])
    assert kind.missing is not None
    assert (kind.missing.runs, kind.missing.hours) == (4, [0, 1, 4, 0.5])
    assert told.stop.answer == "not-known"


def test_a_forecast_is_of_the_curve_through_its_own_runs_and_those_without_labels(
    database: str,
) -> None:
    project_id = make_project(stop_below=0.01)
    hours = (0, 0.5, 1, 2, 3)
    for h in hours:
        finish(project_id, h, miou=rising(h), iou={"Road": 0.9, "Car": rising(h, 0.5)})
        finish(project_id, h or 1.5, miou=0.2, recipe="demo", number=-9)
    told = forecast_of(project_id)
    (kind,) = told.kinds
    assert (told.measure, told.recipe, kind.runs, kind.hours) == ("miou", "tiny", 5, 3)
    gain = curves.fit(hours, [rising(h) for h in hours]).gain(3)
    assert kind.gain is not None
    assert (kind.gain.estimate, kind.gain.low, kind.gain.high) == (
        gain.estimate, gain.low, gain.high,
    )  # fmt: skip
    assert [each.category for each in kind.categories] == ["Car", "Road"]
    assert kind.categories[1].gain.estimate == pytest.approx(0)
    # The hour after the third brings 0.3 * (exp(-3) - exp(-4)), about one point.
    assert kind.gain.estimate == pytest.approx(0.0094, abs=0.001)
    assert told.stop.answer == "stop"


@pytest.mark.parametrize(
    ("stop_below", "answer"), [(None, "not-asked"), (0.001, "go-on"), (0.5, "stop")]
)
def test_whether_to_stop_goes_by_the_kind_that_brings_most(
    database: str, stop_below: float | None, answer: str
) -> None:
    project_id = make_project(stop_below=stop_below)
    for h in (0, 0.5, 1, 2, 3):
        finish(project_id, h, miou=rising(h))
    for h in (0.5, 1, 2, 3):
        finish(project_id, h, kind="points", supervision="point", miou=rising(h / 2, 0.62))
    finish(project_id, 1, kind="tiles", miou=0.5, number=0.5)
    told = forecast_of(project_id)
    assert [(k.kind, k.missing is None) for k in told.kinds] == [
        ("points", True), ("tags", True), ("tiles", False),
    ]  # fmt: skip
    assert (told.stop.answer, told.stop.kind, told.stop.supervision) == (answer, "points", "point")


def test_past_forecasts_stand_beside_what_came(database: str) -> None:
    project_id = make_project()
    for h in (0, 0.5, 1, 2, 3):
        finish(project_id, h, miou=rising(h))
    surprising = finish(project_id, 4, miou=0.2)
    ((judged,),) = (kind.judged for kind in forecast_of(project_id).kinds)
    assert (judged.run_id, judged.came, judged.inside) == (surprising, 0.2, False)
    assert judged.forecast.estimate == pytest.approx(rising(4), abs=0.01)


def test_without_masks_the_weak_label_score_stands_in(database: str) -> None:
    project_id = make_project()
    for h in (0.25, 0.5, 1, 2, 3):
        finish(project_id, h, weak_label_score=rising(h))
    told = forecast_of(project_id)
    assert told.measure == "weak_label_score"
    assert told.kinds[0].gain is not None
    assert told.ranking is None


def test_how_well_weak_labels_rank_what_masks_rank(database: str) -> None:
    project_id = make_project()
    for number, (score, miou) in enumerate([(0.1, 0.2), (0.2, 0.3), (0.3, 0.25), (0.4, 0.5)]):
        finish(project_id, 1, weak_label_score=score, miou=miou, number=number)
    ranking = forecast_of(project_id).ranking
    assert ranking is not None
    assert (ranking.runs, ranking.correlation) == (4, None)
    finish(project_id, 1, weak_label_score=0.5, miou=0.6, number=9)
    ranking = forecast_of(project_id).ranking
    assert ranking is not None
    assert ranking.correlation is not None
    assert ranking.correlation.estimate == pytest.approx(0.9)  # 1 - 6 * 2 / (5 * 24)
