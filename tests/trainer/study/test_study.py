import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from tests.trainer.conftest import CATEGORIES, lines_of, paint
from trainer.contract import Evaluated, Report, Score, Supervision
from trainer.contract.cards import load_card
from trainer.contract.config import NOT_OF_THE_PAPER
from trainer.run_folder.config import read_config
from trainer.run_folder.progress_log import read_history
from trainer.study.command import study_command
from trainer.study.plan import TABLES, Labels, Study
from trainer.study.results import Outcome, mean_and_spread, rank_correlation, results_text

DEADLINE_SECONDS = 600


def outcome(
    seed: int,
    miou: float,
    scores: list[tuple[float, float]],
    warm_up: float = 0.2,
    variant: str = "point",
) -> Outcome:
    evaluations = [
        Evaluated(step=step, phase="adaptation", score=Score(weak_label_score=weak, miou=miou))
        for step, (weak, miou) in enumerate(scores, start=1)
    ]
    report = Report(
        supervision=Supervision.POINT,
        selected_step=2,
        selection="best by held-out weak labels",
        score=Score(miou=miou, iou={"road": 0.9, "car": None}),
        source_only=Score(miou=warm_up),
        seconds=90,
        device="cpu",
        labelled_images=3,
    )
    return Outcome(
        table="supervision",
        variant=variant,
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
    assert "| point | 58.0 ± 2.8 | - | 56.0, 60.0 | 1.5 | best by held-out weak labels |" in text
    assert "| road | 90.0 ± 0.0 |" in text
    assert "| car | - |" in text
    assert "| point | 58.0 ± 2.8 | 56.5 ± 2.1 | 59.0 ± 1.4 | 0.75 |" in text


def test_of_equal_weak_label_scores_the_checkpoint_that_the_run_chose_counts() -> None:
    text = results_text([outcome(0, 0.50, [(0.5, 0.60), (0.5, 0.50)])])
    assert "| point | 50.0 | 50.0 | 60.0 | - |" in text


def test_a_score_is_told_as_a_share_of_what_masks_would_earn() -> None:
    all_masks = [outcome(seed, miou, [], variant="dense") for seed, miou in enumerate((0.7, 0.9))]
    runs = [outcome(0, 0.4, [], variant="source-only"), outcome(0, 0.7, []), *all_masks]
    text = results_text(runs)
    assert "| point | 70.0 | 75 % |" in text
    assert "| source-only | 40.0 | 0 % |" in text
    assert "| dense | 80.0 ± 14.1 | 100 % |" in text
    assert "%" not in results_text(runs[:2])


def test_fewer_labelled_images_are_a_part_of_more(cards: dict[str, Path], tmp_path: Path) -> None:
    card = load_card(str(cards["target"]))
    some = Study(card, card, card, tmp_path / "study", "tiny", {})
    some.out.mkdir()
    files = [some.out / Labels(images=count).file for count in (2, 4, None)]
    for count in (2, 4, None):
        some.write_labels(Labels(images=count))
    two, four, all_of_them = (file.read_text().splitlines() for file in files)
    assert (len(two), len(four), len(all_of_them)) == (2, 4, 6)
    assert [line for line in all_of_them if line in four] == four
    assert [line for line in four if line in two] == two


def test_a_run_may_choose_the_network_after_the_warm_up() -> None:
    text = results_text([outcome(0, 0.70, [(0.3, 0.60), (0.2, 0.50)], warm_up=0.70)])
    assert "| point | 70.0 | 50.0 | 70.0 | - |" in text


def test_variants_have_names_of_their_own() -> None:
    names = [variant.name for variants in TABLES.values() for variant in variants]
    assert len(set(names)) == len(names)


def test_the_paper_s_terms_are_its_own_whatever_a_recipe_leaves_out(
    cards: dict[str, Path], tmp_path: Path
) -> None:
    card = load_card(str(cards["target"]))
    study = Study(card, card, card, tmp_path / "study", "cpu-small", {})
    papers = [each for each in TABLES["terms"] if each.name.endswith(", paper")]
    assert len(papers) == 3
    for variant in papers:
        weights = read_config(study.prepare(variant, 0))[0].weights
        used = {name for name, weight in weights if weight}
        assert used >= {"output_alignment", "category_alignment", "point"}, variant.name
        assert used.isdisjoint(NOT_OF_THE_PAPER), variant.name


@pytest.fixture
def cards(tmp_path: Path) -> dict[str, Path]:
    paths = {}
    for seed, name in enumerate(("source", "target", "validation")):
        paint(tmp_path / name, 6, (64, 48), seed)
        card = {"name": name, "masks": "masks/{stem}.png", "ids": dict(enumerate(CATEGORIES))}
        paths[name] = tmp_path / name / "card.yaml"
        paths[name].write_text(yaml.safe_dump(card))
    return paths


def options_of(cards: dict[str, Path], out: Path) -> list[str]:
    options = [part for name, path in cards.items() for part in (f"--{name}", str(path))]
    return [*options, "--out", str(out), "--recipe", "tiny", "--seeds", "1"]


def study(cards: dict[str, Path], out: Path, *more: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(study_command)
    options = [*options_of(cards, out), "--set", "threads=1"]
    done = CliRunner().invoke(app, [*options, *more])
    return done.exit_code, done.output


def trainings_of(study_pid: int) -> set[int]:
    """Processes that a study has started and that have not ended."""
    children = Path(f"/proc/{study_pid}/task/{study_pid}/children").read_text().split()
    return {int(pid) for pid in children}


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.usefixtures("forked_trainers")
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
    code, output = study(cards, out, *short, *only, "--jobs", "2")
    assert code == 0, output
    assert kept.stat().st_mtime_ns == before
    assert (out / "runs/point-without-source/0/report.json").exists()
    kept.write_text('{"score": {"miou": 2}}')
    code, output = study(cards, out, *short, *only, "--dry")
    assert code == 2
    assert output.startswith(f"error: {kept}: supervision: ")
    assert len(output.splitlines()) == 1


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


LONG = ("--set", "steps=100000", "--set", "warmup_steps=0", "--tables", "supervision")


def test_without_running_anything_nothing_is_written(
    cards: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "study"
    code, output = study(cards, out, "--dry")
    assert (code, output) == (2, f"error: {out}: no run is finished\n")
    assert not out.exists()


@pytest.mark.usefixtures("forked_trainers")
def test_a_run_that_fails_stops_the_others(cards: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "study"
    out.mkdir()
    (out / "points-1.jsonl").write_text("{}\n")
    only = ("--only", "dense", "--only", "point without source")
    others = trainings_of(os.getpid())  # of this process's other tests
    code, output = study(cards, out, *LONG, *only, "--jobs", "2")
    assert code == 2
    assert "runs/point-without-source/0: " in output
    assert "points-1.jsonl:1: image: Field required" in " ".join(output.split())
    assert not (out / "runs/dense/0/report.json").exists()
    assert trainings_of(os.getpid()) <= others


@pytest.mark.usefixtures("forked_trainers")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_runs_at_once_share_the_cores_and_save_when_the_study_is_stopped(
    cards: dict[str, Path], tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "study"
    only = ("--only", "dense", "--only", "point without source")
    options = [*options_of(cards, out), *LONG, *only, "--jobs", "2"]
    # The option makes this a process of its own, whichever its trainings are.
    command = [sys.executable, "-u", "-m", "trainer", "study", *options]
    run_dirs = [out / "runs" / name / "0" for name in ("dense", "point-without-source")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: all(read_history(each).progress for each in run_dirs))
            trainings = trainings_of(process.pid)
            cores = [os.sched_getaffinity(pid) for pid in trainings]
            process.send_signal(number)
            assert process.wait(timeout=DEADLINE_SECONDS) != 0
        finally:
            process.terminate()
    assert not any(Path(f"/proc/{pid}").exists() for pid in trainings)
    everywhere = os.sched_getaffinity(0)
    assert [len(each) for each in cores] == [max(len(everywhere) // 2, 1)] * 2
    assert len(set.union(*cores)) == min(len(everywhere), 2 * len(cores[0]))
    for run_dir in run_dirs:
        assert lines_of(run_dir)[-1] == {"kind": "finished", "status": "interrupted"}
        assert json.loads((run_dir / "config.json").read_text())["threads"] is None
