from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.conftest import MakeRun, lines_of
from tests.trainer.run.test_train import SMALL, many_labels
from trainer.contract import Report
from trainer.report.file import read_report
from trainer.run.resume import FILE
from trainer.run.train import SUCCEEDED, Run, train


class _StopAfter:
    """Asks to stop once it was looked at so many times, as a signal would."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    @property
    def requested(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def train_until_stopped(run_dir: Path, looks: int) -> int:
    """Train, but ask to stop after `looks` more steps."""
    original = Run.__init__

    def stop_soon(run: Run, folder: Path, report: object, stop: object, new: object) -> None:
        original(run, folder, report, _StopAfter(looks), new)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "__init__", stop_soon)
        return train(run_dir)


def report_of(run_dir: Path) -> Report:
    """A run's report but for the time that it took."""
    return read_report(run_dir).model_copy(update={"seconds": 0})


def assert_same_run(one: Path, other: Path, step: int) -> None:
    for file in (f"checkpoints/step-{step:06d}.safetensors", FILE):
        first, second = load_file(one / file), load_file(other / file)
        assert set(first) == set(second)
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert report_of(one) == report_of(other)


def test_a_run_that_was_just_saved_is_not_saved_again(make_run: MakeRun) -> None:
    run_dir = make_run(**SMALL, predict=False)
    assert train_until_stopped(run_dir, looks=3) == SUCCEEDED  # at the end of the warm-up
    saved = [line["step"] for line in lines_of(run_dir) if line["kind"] == "checkpoint"]
    assert saved == [4]


def test_the_best_checkpoint_so_far_is_remembered(make_run: MakeRun, tmp_path: Path) -> None:
    changes = {
        **SMALL,
        **many_labels(tmp_path, 20),
        "selection": "weak-labels",
        "evaluate_every": 1,
        "learning_rate": 3e-3,
        "predict": False,
    }
    whole, stopped = (make_run(name=name, **changes) for name in ("whole", "stopped"))
    assert train(whole) == SUCCEEDED
    assert train_until_stopped(stopped, looks=6) == SUCCEEDED
    assert train(stopped) == SUCCEEDED
    assert_same_run(whole, stopped, step=10)
    best = (stopped / "checkpoints/best.safetensors").read_bytes()
    assert best == (whole / "checkpoints/best.safetensors").read_bytes()
