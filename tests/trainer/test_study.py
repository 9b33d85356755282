import json
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from tests.trainer.conftest import CATEGORIES, paint
from trainer.contract import Evaluated, Report, Score, Supervision
from trainer.study import (
    TABLES,
    Outcome,
    mean_and_spread,
    rank_correlation,
    results_text,
    study_command,
)


def outcome(seed: int, miou: float, scores: list[tuple[float, float]]) -> Outcome:
    evaluations = [
        Evaluated(step=step, phase="adaptation", score=Score(weak_label_score=weak, miou=miou))
        for step, (weak, miou) in enumerate(scores, start=1)
    ]
    report = Report(
        supervision=Supervision.POINT,
        selected_step=2,
        selection="best by held-out weak labels",
        score=Score(miou=miou, iou={"road": 0.9, "car": None}),
        seconds=90,
        device="cpu",
        labelled_images=3,
    )
    return Outcome(
        table="supervision",
        variant="point",
        seed=seed,
        report=report,
        evaluations=tuple(evaluations),
    )


def test_means_spreads_and_rank_correlation_of_hand_computed_values() -> None:
    assert mean_and_spread([0.5, 0.54, None]) == "52.0 ± 2.8"
    assert mean_and_spread([0.5]) == "50.0"
    assert mean_and_spread([None]) == "-"
    assert rank_correlation((1, 2, 3, 4), (10, 20, 40, 30)) == pytest.approx(0.8)
    assert rank_correlation((1, 1, 1), (1, 2, 3)) is None
    assert rank_correlation((1, 2), (1, 2)) is None


def test_the_tables_say_what_the_choice_without_masks_costs() -> None:
    runs = [
        outcome(0, 0.56, [(0.3, 0.50), (0.5, 0.56), (0.4, 0.58)]),
        outcome(1, 0.60, [(0.3, 0.50), (0.5, 0.60), (0.4, 0.55)]),
    ]
    text = results_text(runs)
    assert "| point | 58.0 ± 2.8 | 56.0, 60.0 | 1.5 | by held-out weak labels |" in text
    assert "| road | 90.0 ± 0.0 |" in text
    assert "| car | - |" in text
    assert "| point | 58.0 ± 2.8 | 56.5 ± 2.1 | 59.0 ± 1.4 | 0.75 |" in text


def test_variants_have_names_of_their_own() -> None:
    names = [variant.name for variants in TABLES.values() for variant in variants]
    assert len(set(names)) == len(names)


@pytest.fixture
def cards(tmp_path: Path) -> dict[str, Path]:
    paths = {}
    for seed, name in enumerate(("source", "target", "validation")):
        paint(tmp_path / name, 6, (64, 48), seed)
        card = {"name": name, "masks": "masks/{stem}.png", "ids": dict(enumerate(CATEGORIES))}
        paths[name] = tmp_path / name / "card.yaml"
        paths[name].write_text(yaml.safe_dump(card))
    return paths


def study(cards: dict[str, Path], out: Path, *more: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(study_command)
    options = [part for name, path in cards.items() for part in (f"--{name}", str(path))]
    fixed = ("--out", str(out), "--recipe", "tiny", "--seeds", "1", "--set", "threads=1")
    done = CliRunner().invoke(app, [*options, *fixed, *more])
    return done.exit_code, done.output


def test_a_study_runs_what_is_wanted_and_goes_on_where_it_stopped(
    cards: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "study"
    short = ("--set", "warmup_steps=0", "--set", "steps=1", "--tables", "supervision")
    names = ["dense", "point without source"]
    only = [part for name in names for part in ("--only", name)]
    code, output = study(cards, out, *short, *only)
    assert code == 0, output
    runs = json.loads((out / "results.json").read_text())
    assert [run["variant"] for run in runs] == names
    assert all(0 <= run["report"]["score"]["miou"] <= 1 for run in runs)
    dense, point = (
        json.loads((out / "runs" / folder / "0/config.json").read_text())
        for folder in ("dense", "point-without-source")
    )
    assert (dense["target"]["masks"], point["target"]["masks"]) == ("masks/{stem}.png", None)
    assert (dense["source"]["name"], point["source"]) == ("source", None)
    kept = out / "runs/dense/0/report.json"
    before = kept.stat().st_mtime_ns
    (out / "runs/point-without-source/0/report.json").unlink()
    code, output = study(cards, out, *short, *only)
    assert code == 0, output
    assert kept.stat().st_mtime_ns == before
    assert (out / "runs/point-without-source/0/report.json").exists()


def test_a_study_of_other_settings_needs_another_folder(
    cards: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "study"
    (out / "runs/source-only/0").mkdir(parents=True)
    (out / "runs/source-only/0/config.json").write_text("{}")
    code, output = study(cards, out, "--tables", "supervision")
    assert code == 2
    assert "source-only/0: has a run of another config.json" in " ".join(output.split())


@pytest.mark.parametrize("option", ["--tables", "--only"])
def test_what_is_not_known_is_refused(cards: dict[str, Path], tmp_path: Path, option: str) -> None:
    code, output = study(cards, tmp_path / "study", option, "everything")
    assert code == 2
    assert f"{option}: unknown 'everything'" in output
