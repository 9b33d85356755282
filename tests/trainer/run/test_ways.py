"""Every way to learn: a run to its end, and one that is stopped on the way and goes on."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.trainer.conftest import (
    BACKBONE,
    CATEGORIES,
    PRODUCTS_OWN,
    MakeConfig,
    Street,
    begin,
    lines_of,
)
from tests.trainer.run.test_resume import assert_same_run, train_until_stopped
from tests.trainer.run.test_train import SMALL
from trainer.contract import Progress, Supervision, TrainConfig
from trainer.method.frozen_features import FOLDER
from trainer.report.file import read_report
from trainer.run.train import SUCCEEDED, train

# What its frozen stages make is kept: the small backbone cannot be divided behind them.
FEW = PRODUCTS_OWN | {
    "warmup_steps": 2,
    "steps": 5,
    "evaluate_every": 3,
    "report_every": 2,
    "feature_cache_bytes": 10**9,
}


def tiled_labels(street: Street, path: Path) -> str:
    """The street's labels with tags for 2 x 2 tiles: buildings above, road below."""
    tiles = {"rows": 2, "cols": 2, "present": {"building": [0, 1], "road": [2, 3]}}
    lines = [json.loads(line) | {"tiles": tiles} for line in street.labels.read_text().splitlines()]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return str(path)


def ways_to_learn(street: Street, tmp_path: Path) -> dict[str, dict[str, object]]:
    """Every supervision, and what else changes which parts a run has."""
    mixed = {"weights": {"class_mix": 1}}
    # Of crops nothing is kept.
    small = {"backbone": BACKBONE, "initial_weights": street.weights, "frozen_stages": 2}
    return {
        "source-only": {},
        "pseudo": {"color_jitter": 0.5, "pixel_adaptation": "fda"},
        "pseudo with ranked labels": {"pseudo_labels": "ranked"} | mixed,
        "image": small | mixed | {"crop_height": 32, "crop_width": 32, "height": 48, "width": 64},
        "point": {"rare_category_temperature": 0.1, "logit_stride": 4},
        "dense": {"target": street.validation, "labels": None, "source_every": 3},
        "point without source": {"source": None, "warmup_steps": 0, "steps": 7},
        "point with tiles": {"labels": tiled_labels(street, tmp_path / "tiled.jsonl")},
    }


WAYS = (
    "source-only",
    "pseudo",
    "pseudo with ranked labels",
    "image",
    "point",
    "dense",
    "point without source",
    "point with tiles",
)


@dataclass(frozen=True)
class Whole:
    """A run that came to its end without a stop."""

    way: str
    config: TrainConfig
    run_dir: Path
    said: str
    """On stdout."""

    @property
    def notes(self) -> str:
        return " ".join(read_report(self.run_dir).notes)

    @property
    def supervision(self) -> str:
        return self.config.supervision.value


@pytest.fixture(scope="module", params=WAYS)
def whole(
    request: pytest.FixtureRequest,
    make_config: MakeConfig,
    street: Street,
    tmp_path_factory: pytest.TempPathFactory,
) -> Whole:
    way, folder = request.param, tmp_path_factory.mktemp("way")
    changes = SMALL | FEW | ways_to_learn(street, folder)[way]
    config = make_config(way.split(" ")[0], **changes)
    run_dir = begin(folder / "whole", config)
    with redirect_stdout(io.StringIO()) as said:
        assert train(run_dir) == SUCCEEDED
    return Whole(way, config, run_dir, said.getvalue())


def test_every_supervision_runs_to_its_end(whole: Whole) -> None:
    lines = lines_of(whole.run_dir)
    assert (
        f"the first {whole.config.frozen_stages} stages make of the images"
        in lines[0].pop("notes")[0]
    )
    assert whole.said == (whole.run_dir / "progress.jsonl").read_text()
    supervision = whole.supervision
    dense, without_source = supervision == "dense", "without source" in whole.way
    assert lines[0] == {
        "kind": "started",
        "steps": 7,
        "device": "cpu",
        "source_images": 0 if without_source else 8,
        "target_images": 3 if dense else 6,
        "labelled_images": {"image": 6, "point": 6, "dense": 3}.get(supervision, 0),
        "validation_images": 3,
        "first_step": 0,
    }
    evaluated = [(line["step"], line["phase"]) for line in lines if line["kind"] == "evaluated"]
    adapted = [(step, "adaptation") for step in (3, 6, 7)]
    warmed_up = [(2, "warm-up"), (5, "adaptation"), (7, "adaptation")]
    assert evaluated == (adapted if without_source else warmed_up)
    progress = [line for line in lines if line["kind"] == "progress"]
    assert [line["step"] for line in progress] == [2, 4, 6, 7]
    assert lines[-1] == {"kind": "finished", "status": "succeeded"}
    assert not (whole.run_dir / FOLDER).exists()
    report = read_report(whole.run_dir)
    assert (report.selected_step, report.supervision) == (7, supervision)
    assert report.score.miou is not None
    assert (report.source_only is None) == without_source
    assert set(report.score.iou) == set(CATEGORIES)
    told = [Progress.model_validate(line) for line in progress]
    assert report.losses == pytest.approx(
        {name: loss for each in told for name, loss in each.losses.items()}
    )
    last = told[-1]
    # The last line is of one step, which shows the source unless only some steps do.
    assert ("source" in last.losses) == (whole.config.source_every == 1 and not without_source)
    assert ("source" in report.losses) != without_source
    adapts = not without_source and supervision in ("pseudo", "image", "point")
    rates = {"backbone", "head"} | ({"discriminators"} if adapts else set())
    assert set(last.learning_rates) == rates
    assert 0 <= (last.data_share or 0) <= 1
    assert (last.memory_bytes or 0) > 50_000_000


def test_a_stopped_run_goes_on_as_if_it_had_not_been(whole: Whole, tmp_path: Path) -> None:
    stopped = begin(tmp_path / "stopped", whole.config)
    assert train_until_stopped(stopped, looks=3) == SUCCEEDED
    lines = lines_of(stopped)
    assert lines[-1] == {"kind": "finished", "status": "interrupted"}
    assert [line["step"] for line in lines if line["kind"] == "checkpoint"][-1] == 4
    assert not (stopped / "report.json").exists()
    assert (stopped / FOLDER).exists() == ("is kept on disk" in whole.notes)
    assert train(stopped) == SUCCEEDED
    started = [line["first_step"] for line in lines_of(stopped) if line["kind"] == "started"]
    assert started == [0, 4]
    assert losses_of(stopped) == losses_of(whole.run_dir)
    assert_same_run(whole.run_dir, stopped, step=7)


def losses_of(run_dir: Path) -> dict[object, object]:
    return {
        line["step"]: line["losses"] for line in lines_of(run_dir) if line["kind"] == "progress"
    }


def test_the_source_is_shown_in_the_warm_up_and_then_now_and_again(make_config: MakeConfig) -> None:
    config = make_config("pseudo", warmup_steps=3, steps=7, source_every=3)
    assert [n for n in range(10) if config.shows_source(n)] == [0, 1, 2, 3, 6, 9]
    alone = config.model_copy(update={"supervision": Supervision.SOURCE_ONLY})
    assert all(alone.shows_source(n) for n in range(10))
