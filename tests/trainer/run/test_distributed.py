"""Two processes on one CPU, as `torchrun` starts them."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.conftest import PRODUCTS_OWN, MakeRun, lines_of
from trainer.contract import Progress
from trainer.run.resume import FILE
from trainer.run.train import SUCCEEDED, train

# The last option keeps it from putting one of Python's before `-m`: what it starts would be no fork.
TORCHRUN = ("torch.distributed.run", "--nproc-per-node", "2", "--standalone", "--no-python")
# Without dropout a step does not depend on how many processes draw its random numbers; SGD does
# not blow up differences in the last digit as AdamW does where a gradient is near zero.
SHORT = PRODUCTS_OWN | {
    "height": 32,
    "width": 32,
    "warmup_steps": 1,
    "steps": 2,
    "report_every": 1,
    "presence_dropout": 0,
    "optimizer": "sgd",
    "learning_rate": 0.01,
    "predict": False,
    "frozen_stages": 2,
    "feature_cache_bytes": 10**9,
}


def start(run_dir: Path, *options: str) -> subprocess.Popen[str]:
    """With an option of Python torchrun itself is no fork."""
    python = sys.executable
    return subprocess.Popen(
        [python, *options, "-m", *TORCHRUN, python, "-m", "trainer", "train", str(run_dir)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def progress_of(run_dir: Path) -> list[Progress]:
    return [
        Progress.model_validate(each) for each in lines_of(run_dir) if each["kind"] == "progress"
    ]


@pytest.mark.usefixtures("forked_trainers")
def test_two_processes_train_as_one_with_the_double_batch(make_run: MakeRun) -> None:
    one, two = make_run(name="one", batch_size=4, **SHORT), make_run(name="two", **SHORT)
    assert train(one) == SUCCEEDED
    process = start(two, "-u")
    out, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert out == (two / "progress.jsonl").read_text(), "only one process speaks"
    assert lines_of(two)[-1] == {"kind": "finished", "status": "succeeded"}
    for alone, together in zip(progress_of(one), progress_of(two), strict=True):
        assert alone.losses.keys() == together.losses.keys()
        for name, loss in alone.losses.items():
            assert abs(loss - together.losses[name]) < 1e-5, name
    expected, found = load_file(one / FILE), load_file(two / FILE)
    assert expected.keys() == found.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-5, msg=name)


@pytest.mark.usefixtures("forked_trainers")
def test_sigterm_stops_all_processes_at_one_saved_step(make_run: MakeRun) -> None:
    run_dir = make_run(**(SHORT | {"steps": 100_000, "evaluate_every": 100_000}))
    process = start(run_dir)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["kind"] == "progress" and json.loads(line)["step"] > 2:
            break
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=300)
    saved, finished = (json.loads(line) for line in rest.splitlines()[-2:])
    assert finished == {"kind": "finished", "status": "interrupted"}, errors
    assert (saved["kind"], (run_dir / saved["path"]).exists()) == ("checkpoint", True)


@pytest.mark.usefixtures("forked_trainers")
def test_what_one_process_cannot_do_ends_the_run_with_one_line(make_run: MakeRun) -> None:
    run_dir = make_run(**(SHORT | {"labels": "gone.jsonl"}))
    process = start(run_dir)
    out, errors = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "gone.jsonl: cannot read the label file" in json.loads(out)["error"]
    assert f"error: {json.loads(out)['error']}" in errors
