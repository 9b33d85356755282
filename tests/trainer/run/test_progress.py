import json
import os
import pty
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from tests.trainer.conftest import MakeRun
from trainer.contract import Finished, Progress
from trainer.run.processes import Processes
from trainer.run.progress import Means, Reporter
from trainer.run.train import SUCCEEDED, train
from trainer.run_folder.progress_log import read_history


class _Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def progress(step: int, **losses: float) -> Progress:
    return Progress(
        step=step,
        steps=100,
        phase="adaptation",
        losses=losses,
        learning_rate=0.1,
        images_per_second=1,
        eta_seconds=1,
    )


def test_means_are_of_the_steps_that_had_a_loss() -> None:
    clock = _Clock()
    means = Means(Processes(Accelerator(cpu=True)), clock)
    means.add({"source": torch.tensor(1.0)}, images=4)
    with means.waiting():
        clock.time += 2
    with means.paused():
        clock.time += 50
    means.add({"source": torch.tensor(3.0), "point": torch.tensor(5.0)}, images=8)
    clock.time += 6
    taken = means.take()
    assert taken.losses == {"source": 2.0, "point": 5.0}
    assert taken.images_per_second == pytest.approx(12 / 8)
    assert taken.seconds_per_step == pytest.approx(4)
    assert taken.data_share == pytest.approx(2 / 8)
    means.add({"point": torch.tensor(7.0)}, images=1)
    clock.time += 1
    assert means.take().losses == {"point": 7.0}


def test_a_sum_does_not_change_the_losses_that_it_is_of() -> None:
    means, loss = Means(Processes(Accelerator(cpu=True))), torch.tensor(1.0)
    means.add({"source": loss}, images=1)
    means.add({"source": loss}, images=1)
    assert loss == 1


def test_final_losses_are_means_over_the_last_tenth_of_their_own_lines(tmp_path: Path) -> None:
    report = Reporter(tmp_path)
    for step in range(1, 21):
        report(progress(step, source=step, **({"early": 2.0 * step} if step <= 10 else {})))
    report(progress(20, source=40))  # done again after a stop
    with (tmp_path / "progress.jsonl").open("a") as file:
        file.write('{"kind": "progress", "st')
    assert read_history(tmp_path).final_losses() == {"source": (19 + 40) / 2, "early": 20.0}


def test_lines_go_to_the_file_and_to_stdout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Reporter(tmp_path) as report:
        report(Finished(status="succeeded"))
    said = capsys.readouterr()
    assert json.loads(said.out) == {"kind": "finished", "status": "succeeded"}
    assert said.out == (tmp_path / "progress.jsonl").read_text()
    assert said.err == ""


def test_only_the_main_process_speaks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    with Reporter(tmp_path) as report, report.working("evaluating"):
        report(Finished(status="succeeded"))
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "progress.jsonl").exists()


def read_terminal(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            read = os.read(descriptor, 4096)
        except OSError:  # Linux says so when the other end is closed
            return
        if not read:
            return
        yield read


def test_a_terminal_shows_bars_and_words_in_place_of_lines(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = make_run(height=32, width=32)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    terminal, theirs = pty.openpty()
    with ThreadPoolExecutor() as others:
        seen = others.submit(lambda: b"".join(read_terminal(terminal)))
        with os.fdopen(theirs, "w") as screen, redirect_stdout(screen), redirect_stderr(screen):
            status = train(run_dir)
        raw = seen.result().decode()
    os.close(terminal)
    assert status == SUCCEEDED, raw
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", raw)
    assert '{"kind"' not in text
    assert "step 10: mean IoU" in text
    assert re.search(r"adaptation +━+ 10/10 loss \d+\.\d+ · \d+\.\d images/s · 0:00:00 left", text)
    assert re.search(r"predicting +━+ 6/6", text)
    assert "succeeded" in text
