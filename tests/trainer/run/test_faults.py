"""Files cut short, listeners that go away, and starts that were killed: no run is lost to them."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import save_file

from tests.trainer.conftest import MakeConfig, MakeRun, begin, copy_of, lines_of
from tests.trainer.run.test_resume import assert_same_run, train_until_stopped
from tests.trainer.run.test_train import SMALL, many_labels
from trainer.errors import BAD_INPUT
from trainer.models.checkpoint import find_complete, read_safetensors
from trainer.report.file import read_report
from trainer.run.resume import FILE, PREVIOUS
from trainer.run.train import SUCCEEDED, train

FEW = SMALL | {"warmup_steps": 2, "steps": 4, "evaluate_every": 2, "predict": False}
"""Saves after steps 2, 4 and 6."""
SECONDS = 120


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 64)


def one_bit_turned(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


Damage = Callable[[Path], None]
DAMAGES: list[Damage] = [cut_short, emptied, garbage, one_bit_turned]


def announced(run_dir: Path) -> list[int]:
    """Steps of the checkpoints that the newest start told of."""
    lines = lines_of(run_dir)
    first = max(i for i, line in enumerate(lines) if line["kind"] == "started")
    return [int(str(line["step"])) for line in lines[first:] if line["kind"] == "checkpoint"]


@pytest.fixture(scope="module")
def whole(make_config: MakeConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that came to its end, to be copied."""
    run_dir = begin(tmp_path_factory.mktemp("faults") / "whole", make_config(**FEW))
    assert train(run_dir) == SUCCEEDED
    return run_dir


@pytest.mark.parametrize("damage", [cut_short, one_bit_turned])
def test_a_damaged_state_gives_way_to_the_one_before(
    whole: Path, tmp_path: Path, damage: Damage
) -> None:
    damaged = copy_of(whole, tmp_path / "damaged")
    assert (damaged / PREVIOUS).exists()
    damage(damaged / FILE)
    assert train(damaged) == SUCCEEDED
    assert_same_weights(whole, damaged)
    (note,) = read_report(damaged).notes
    assert "training-state.safetensors is damaged" in note
    assert "goes on from step 4" in note
    assert {"notes": [note]}.items() <= [
        line for line in lines_of(damaged) if line["kind"] == "started"
    ][-1].items()


def assert_same_weights(one: Path, other: Path) -> None:
    file = "checkpoints/step-000006.safetensors"
    assert (one / file).read_bytes() == (other / file).read_bytes()


def damage_both_states(run_dir: Path) -> None:
    cut_short(run_dir / FILE)
    emptied(run_dir / PREVIOUS)


def first_step(run_dir: Path) -> object:
    """Where the newest start went on."""
    return [line["first_step"] for line in lines_of(run_dir) if line["kind"] == "started"][-1]


def test_without_any_whole_state_the_newest_whole_checkpoint_gives_the_weights(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run_dir = make_run(**FEW | many_labels(tmp_path, 20) | {"selection": "weak-labels"})
    assert train(run_dir) == SUCCEEDED
    last = run_dir / "checkpoints/step-000006.safetensors"
    before, report = last.read_bytes(), read_report(run_dir)
    damage_both_states(run_dir)
    assert train(run_dir) == SUCCEEDED
    assert first_step(run_dir) == 6
    assert last.read_bytes() == before
    again = read_report(run_dir)
    assert (again.selected_step, again.score) == (report.selected_step, report.score)
    assert again.source_only == report.source_only
    damage_both_states(run_dir)
    one_bit_turned(last)
    assert train(run_dir) == SUCCEEDED
    assert first_step(run_dir) == 4
    (note,) = read_report(run_dir).notes
    assert note.endswith("the run goes on from the weights of step 4, with new optimizers")
    assert announced(run_dir) == [2, 4, 6]


def test_the_weights_that_a_run_goes_on_from_are_those_of_the_checkpoint(
    make_run: MakeRun,
) -> None:
    run_dir = make_run(**FEW)
    assert train_until_stopped(run_dir, looks=4) == SUCCEEDED
    damage_both_states(run_dir)
    kept = run_dir / "checkpoints/step-000004.safetensors"
    for file in (run_dir / "checkpoints").glob("step-000005.*"):
        file.unlink()
    content = kept.read_bytes()
    assert train_until_stopped(run_dir, looks=0) == SUCCEEDED
    assert first_step(run_dir) == 4
    assert kept.read_bytes() == content
    tensors, _ = read_safetensors(kept)
    after, _ = read_safetensors(run_dir / "checkpoints/step-000005.safetensors")
    state, _ = read_safetensors(run_dir / FILE)
    name = "head.classifier.weight"
    assert (after[name] - tensors[name]).abs().max() < 0.05, "one step away"
    assert (state[f"segmenter/{name}"] - tensors[name]).abs().max() < 0.05


def test_a_checkpoint_that_was_made_from_other_labels_gives_no_weights(
    make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = many_labels(tmp_path, 20)
    run_dir = make_run(**FEW | labels)
    assert train_until_stopped(run_dir, looks=4) == SUCCEEDED
    damage_both_states(run_dir)
    with Path(str(labels["labels"])).open("a") as file:
        file.write("\n")
    assert train(run_dir) == BAD_INPUT
    assert "has a run with other labels" in capsys.readouterr().err


def test_without_any_whole_state_or_checkpoint_the_run_begins_anew(
    whole: Path, tmp_path: Path
) -> None:
    run_dir = copy_of(whole, tmp_path / "run")
    damage_both_states(run_dir)
    for checkpoint in (run_dir / "checkpoints").glob("step-*.safetensors"):
        emptied(checkpoint)
    assert train(run_dir) == SUCCEEDED
    (note,) = read_report(run_dir).notes
    assert note.endswith("the run begins anew")


def test_every_start_tells_of_what_was_saved(make_run: MakeRun) -> None:
    run_dir = make_run(**FEW)
    train_until_stopped(run_dir, looks=4)
    before = [line["step"] for line in lines_of(run_dir) if line["kind"] == "checkpoint"]
    assert train(run_dir) == SUCCEEDED
    again = announced(run_dir)
    assert again[: len(before)] == before
    assert sorted(set(again)) == sorted({2, 4, 6, *before})
    hashes = {
        line["path"]: line["sha256"] for line in lines_of(run_dir) if line["kind"] == "checkpoint"
    }
    for path, digest in hashes.items():
        assert hashlib.sha256((run_dir / str(path)).read_bytes()).hexdigest() == digest
    assert train(run_dir) == SUCCEEDED, "a run that has ended tells of them too"
    assert announced(run_dir) == sorted({2, 4, 6, *before})


def test_a_run_that_stops_in_its_warm_up_goes_on_as_if_it_had_not(
    whole: Path, make_run: MakeRun
) -> None:
    stopped = make_run(**FEW)
    assert train_until_stopped(stopped, looks=0) == SUCCEEDED
    assert train(stopped) == SUCCEEDED
    assert first_step(stopped) == 1
    assert_same_run(whole, stopped, step=6)


def test_a_checkpoint_without_its_json_is_saved_again(whole: Path, make_run: MakeRun) -> None:
    stopped = make_run(**FEW)
    train_until_stopped(stopped, looks=3)
    (stopped / "checkpoints/step-000004.json").unlink()
    assert train(stopped) == SUCCEEDED
    assert announced(stopped) == [4, 2, 4, 6]
    assert_same_run(whole, stopped, step=6)


def test_the_last_checkpoint_is_written_again_from_the_state(whole: Path, tmp_path: Path) -> None:
    run_dir = copy_of(whole, tmp_path / "run")
    last = run_dir / "checkpoints/step-000006.safetensors"
    before = last.read_bytes()
    config_sha256 = json.loads(last.with_suffix(".json").read_text())["config_sha256"]
    assert find_complete(run_dir, 6, config_sha256)
    assert not find_complete(run_dir, 6, "of another configuration")
    for damage in DAMAGES:
        last.write_bytes(before)
        damage(last)
        assert not find_complete(run_dir, 6, config_sha256), damage
    assert train(run_dir) == SUCCEEDED
    assert last.read_bytes() == before
    assert (run_dir / "checkpoints/last.safetensors").read_bytes() == before
    assert read_report(run_dir).selected_step == 6


def test_a_damaged_best_checkpoint_gives_way_to_the_next_best(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run_dir = make_run(
        **FEW | many_labels(tmp_path, 20) | {"selection": "weak-labels", "learning_rate": 3e-3}
    )
    assert train(run_dir) == SUCCEEDED
    # As if the middle one had been the best.
    tensors, header = read_safetensors(run_dir / FILE)
    position = json.loads(header["position"])
    position["best"] = {"step": 4, "score": {"weak_label_score": 1.0}}
    save_file(tensors, run_dir / FILE, header | {"position": json.dumps(position)})
    cut_short(run_dir / "checkpoints/step-000004.safetensors")
    assert train(run_dir) == SUCCEEDED
    report = read_report(run_dir)
    scores = {step: score_of(run_dir, step) for step in (2, 6)}
    assert report.selected_step == max(scores, key=lambda step: (scores[step], step))
    assert "step 4, which was selected, is damaged" in report.notes[-1]
    chosen = run_dir / f"checkpoints/step-{report.selected_step:06d}.safetensors"
    assert (run_dir / "checkpoints/best.safetensors").read_bytes() == chosen.read_bytes()


def score_of(run_dir: Path, step: int) -> float:
    info = json.loads((run_dir / f"checkpoints/step-{step:06d}.json").read_text())
    return float(info["score"]["weak_label_score"])


class Trainer:
    """A trainer as a worker starts it, whose lines this test reads."""

    def __init__(self, run_dir: Path, *redirections: str) -> None:
        shell = f'exec "$0" -m trainer train "$1" {" ".join(redirections)}'
        self.process = subprocess.Popen(
            ["sh", "-c", shell, sys.executable, str(run_dir)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.run_dir = run_dir

    def wait_for_step(self, step: int) -> None:
        until = time.monotonic() + SECONDS
        path = self.run_dir / "progress.jsonl"
        while time.monotonic() < until and self.process.poll() is None:
            if path.exists() and f'"step":{step},' in path.read_text():
                return
            time.sleep(0.02)
        raise AssertionError(f"step {step} was not reached: {self.process.poll()}")


@pytest.mark.parametrize("closed", ["both readers", ">&- 2>&-"])
def test_the_last_step_is_saved_though_nobody_listens(
    make_run: MakeRun, request: pytest.FixtureRequest, closed: str
) -> None:
    if closed == "both readers":  # otherwise its streams are closed before Python starts
        request.getfixturevalue("forked_trainers")
    run_dir = make_run(**SMALL | {"warmup_steps": 20_000, "report_every": 1, "predict": False})
    trainer = Trainer(run_dir, closed if closed.startswith(">") else "")
    try:
        assert trainer.process.stdout is not None
        assert trainer.process.stderr is not None
        if not closed.startswith(">"):
            assert "started" in trainer.process.stdout.readline()
            trainer.process.stdout.close()
        if closed == "both readers":
            trainer.process.stderr.close()
        trainer.wait_for_step(3)
        trainer.process.send_signal(signal.SIGTERM)
        assert trainer.process.wait(SECONDS) == 0
    finally:
        trainer.process.kill()
        trainer.process.wait()
        for pipe in (trainer.process.stdout, trainer.process.stderr):
            if pipe:
                pipe.close()
    lines = lines_of(run_dir)
    assert lines[-1] == {"kind": "finished", "status": "interrupted"}
    saved = lines[-2]
    assert saved["kind"] == "checkpoint"
    assert saved["step"] == [line["step"] for line in lines if line["kind"] == "progress"][-1]
    content = (run_dir / str(saved["path"])).read_bytes()
    assert hashlib.sha256(content).hexdigest() == saved["sha256"]
