import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.trainer.conftest import CATEGORIES, MakeRun, Street, lines_of, paint
from trainer.checkpoint import Provenance, load_segmenter, save_checkpoint
from trainer.contract import CheckpointInfo, ImagePrediction, Report, Score
from trainer.train import BAD_INPUT, FAILED, SUCCEEDED, Run, train


def kinds(run_dir: Path) -> list[object]:
    return [line["kind"] for line in lines_of(run_dir)]


def losses_of(run_dir: Path) -> dict[object, object]:
    return {
        line["step"]: line["losses"] for line in lines_of(run_dir) if line["kind"] == "progress"
    }


@pytest.mark.parametrize("supervision", ["source-only", "pseudo", "image", "point"])
def test_every_supervision_runs_to_its_end(
    make_run: MakeRun, capsys: pytest.CaptureFixture[str], supervision: str
) -> None:
    run_dir = make_run(supervision, warmup_steps=8, steps=12, evaluate_every=6, report_every=5)
    assert train(run_dir) == SUCCEEDED
    lines = lines_of(run_dir)
    assert capsys.readouterr().out == (run_dir / "progress.jsonl").read_text()
    assert lines[0] == {
        "kind": "started",
        "steps": 20,
        "device": "cpu",
        "source_images": 8,
        "target_images": 6,
        "labelled_images": 6 if supervision in ("image", "point") else 0,
        "validation_images": 3,
        "first_step": 0,
    }
    assert [(line["step"], line["phase"]) for line in lines if line["kind"] == "evaluated"] == [
        (8, "warm-up"),
        (14, "adaptation"),
        (20, "adaptation"),
    ]
    assert [line["step"] for line in lines if line["kind"] == "progress"] == [5, 10, 15, 20]
    assert lines[-1] == {"kind": "finished", "status": "succeeded"}
    report = Report.model_validate_json((run_dir / "report.json").read_text())
    assert (report.selected_step, report.supervision) == (20, supervision)
    assert report.score.miou is not None
    assert report.source_only is not None
    assert set(report.score.iou) == set(CATEGORIES)


def test_checkpoints_say_what_they_are_and_load(make_run: MakeRun) -> None:
    run_dir = make_run()
    train(run_dir)
    saved = [line for line in lines_of(run_dir) if line["kind"] == "checkpoint"]
    assert [line["step"] for line in saved] == [4, 7, 10]
    path = run_dir / str(saved[-1]["path"])
    info = CheckpointInfo.model_validate_json(path.with_suffix(".json").read_text())
    assert info.sha256 == saved[-1]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert info.size == path.stat().st_size
    config = (run_dir / "config.json").read_bytes()
    assert info.config_sha256 == hashlib.sha256(config).hexdigest()
    assert info.labels_sha256 is not None
    segmenter = load_segmenter(path)
    assert segmenter.categories == CATEGORIES
    assert segmenter.network(torch.zeros(1, 3, 48, 64)).logits.shape == (1, 3, 6, 8)
    assert set(load_file(path)) == set(segmenter.network.state_dict())


def test_every_target_image_is_predicted_at_its_own_size(make_run: MakeRun, street: Street) -> None:
    run_dir = make_run(colors=["#102030", "#405060", "#708090"])
    train(run_dir)
    text = (run_dir / "predictions/predictions.jsonl").read_text()
    predictions = [ImagePrediction.model_validate_json(line) for line in text.splitlines()]
    assert [each.image for each in predictions] == [f"images/{n:03d}.png" for n in range(6)]
    for each in predictions:
        with Image.open(run_dir / "predictions" / each.mask) as mask:
            assert (mask.mode, mask.size) == ("P", (80, 60))
            assert np.asarray(mask).max() < 3
            assert (mask.getpalette() or [])[:6] == [0x10, 0x20, 0x30, 0x40, 0x50, 0x60]
        assert (each.width, each.height) == (80, 60)
        assert set(each.presence) == set(CATEGORIES)
    assert [line for line in lines_of(run_dir) if line["kind"] == "predicting"][-1] == {
        "kind": "predicting",
        "done": 6,
        "total": 6,
    }


def test_a_longer_run_learns_the_street(make_run: MakeRun) -> None:
    run_dir = make_run(warmup_steps=30, steps=30, learning_rate=1e-3, evaluate_every=30)
    train(run_dir)
    report = Report.model_validate_json((run_dir / "report.json").read_text())
    assert report.score.miou is not None
    assert report.score.miou > 0.6


class _StopAfter:
    """Asks to stop once it was looked at so many times, as a signal would."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    @property
    def requested(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def test_the_same_weights_are_the_same_bytes(make_run: MakeRun) -> None:
    run_dir = make_run(steps=0, predict=False)
    assert train(run_dir) == SUCCEEDED
    (path,) = (run_dir / "checkpoints").glob("step-*.safetensors")
    segmenter = load_segmenter(path)
    made_from = Provenance("0" * 64, None)
    again = {save_checkpoint(run_dir, 9, segmenter, Score(), made_from).sha256 for _ in range(20)}
    assert again == {hashlib.sha256(path.read_bytes()).hexdigest()}


@pytest.mark.parametrize("stopped_after", [2, 6])
def test_a_stopped_run_goes_on_as_if_it_had_not_been(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, stopped_after: int
) -> None:
    whole, stopped = make_run(name="whole"), make_run(name="stopped")
    assert train(whole) == SUCCEEDED
    with monkeypatch.context() as patch:
        original = Run.__init__

        def stop_soon(run: Run, run_dir: Path, report: object, stop: object) -> None:
            original(run, run_dir, report, _StopAfter(stopped_after))  # type: ignore[arg-type]

        patch.setattr(Run, "__init__", stop_soon)
        assert train(stopped) == SUCCEEDED
    lines = lines_of(stopped)
    assert lines[-1] == {"kind": "finished", "status": "interrupted"}
    saved = [line["step"] for line in lines if line["kind"] == "checkpoint"]
    assert saved == sorted({4, stopped_after + 1} if stopped_after > 3 else {stopped_after + 1})
    assert not (stopped / "report.json").exists()
    assert train(stopped) == SUCCEEDED
    assert [line["first_step"] for line in lines_of(stopped) if line["kind"] == "started"] == [
        0,
        stopped_after + 1,
    ]
    assert losses_of(stopped) == losses_of(whole)
    last = "checkpoints/step-000010.safetensors"
    first, second = load_file(whole / last), load_file(stopped / last)
    assert all(torch.equal(first[name], second[name]) for name in first)
    reports = [
        Report.model_validate_json((run_dir / "report.json").read_text())
        for run_dir in (whole, stopped)
    ]
    assert reports[0].source_only == reports[1].source_only
    assert reports[0].score == reports[1].score


def test_a_finished_run_started_again_only_predicts_and_reports(make_run: MakeRun) -> None:
    run_dir = make_run()
    train(run_dir)
    (run_dir / "report.json").unlink()
    assert train(run_dir) == SUCCEEDED
    again = kinds(run_dir)[kinds(run_dir).index("finished") + 1 :]
    assert again == ["started", "predicting", "finished"]
    assert (run_dir / "report.json").exists()


def test_sigterm_saves_and_ends_well(make_run: MakeRun) -> None:
    run_dir = make_run(warmup_steps=5, steps=100_000, evaluate_every=100_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer", "train", str(run_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["kind"] == "progress" and json.loads(line)["step"] > 5:
            break
    os.kill(process.pid, signal.SIGTERM)
    rest, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    saved, finished = (json.loads(line) for line in rest.splitlines()[-2:])
    assert finished == {"kind": "finished", "status": "interrupted"}
    assert (run_dir / saved["path"]).exists()
    assert (run_dir / "checkpoints/training-state.safetensors").exists()


def test_a_state_of_another_configuration_is_refused(make_run: MakeRun) -> None:
    run_dir = make_run()
    train(run_dir)
    config = run_dir / "config.json"
    config.write_text(config.read_text().replace('"seed":0', '"seed":1'))
    assert train(run_dir) == BAD_INPUT
    assert "has a run of another config.json" in str(lines_of(run_dir)[-1]["error"])


def test_a_folder_that_cannot_be_written_is_named(make_run: MakeRun) -> None:
    run_dir = make_run()
    (run_dir / "checkpoints").write_text("a file where the folder should be")
    assert train(run_dir) == FAILED
    failed = lines_of(run_dir)[-1]
    assert failed["kind"] == "failed"
    assert "checkpoints" in str(failed["error"])


def test_a_damaged_state_is_named(make_run: MakeRun) -> None:
    run_dir = make_run()
    train(run_dir)
    (run_dir / "checkpoints/training-state.safetensors").write_bytes(b"nothing")
    assert train(run_dir) == BAD_INPUT
    assert "training-state.safetensors" in str(lines_of(run_dir)[-1]["error"])


def test_a_loss_that_is_not_finite_stops_the_run(make_run: MakeRun) -> None:
    # Weight decay of 100 a step multiplies the head's weights by -99 until they overflow.
    run_dir = make_run(learning_rate=1, head_learning_rate_factor=100, weight_decay=1, steps=60)
    assert train(run_dir) == FAILED
    failed = lines_of(run_dir)[-1]
    assert failed["kind"] == "failed"
    assert "is not finite; images of the batch: images/" in str(failed["error"])


def test_without_validation_a_tenth_of_the_labels_is_held_out(
    make_run: MakeRun, street: Street, tmp_path: Path
) -> None:
    paint(tmp_path / "many", 20, (32, 32), seed=9)
    target = {"name": "many", "root": str(tmp_path / "many")}
    labels = tmp_path / "many.jsonl"
    point = {"category": "road", "x": 16, "y": 30}
    labels.write_text(
        "".join(
            json.dumps(
                {
                    "image": f"images/{number:03d}.png",
                    "width": 32,
                    "height": 32,
                    "present": ["road", "building"],
                    "points": [point],
                }
            )
            + "\n"
            for number in range(20)
        )
    )
    run_dir = make_run(target=target, labels=str(labels), validation=None)
    train(run_dir)
    started = lines_of(run_dir)[0]
    assert (started["labelled_images"], started["target_images"]) == (18, 20)
    report = Report.model_validate_json((run_dir / "report.json").read_text())
    assert report.score.miou is None
    assert report.score.presence_f1 is not None
    assert report.score.point_accuracy is not None
    assert len((run_dir / "predictions/predictions.jsonl").read_text().splitlines()) == 20


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"source": {"name": "gone", "root": "gone", "ids": {"0": "road"}}},
            "gone is not a folder",
        ),
        ({"source": {"name": "bare", "ids": {"0": "bus"}}}, "ids: names none"),
        ({"labels": "gone.jsonl"}, "gone.jsonl: cannot read the label file"),
        ({"device": "cuda:7"}, "there is no CUDA device"),
    ],
)
def test_bad_data_is_one_clear_line(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], message: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    run_dir = make_run(**changes)
    assert train(run_dir) == BAD_INPUT
    (failed,) = lines_of(run_dir)
    assert failed["kind"] == "failed"
    assert message in str(failed["error"])


def test_a_label_of_another_size_is_refused(make_run: MakeRun, street: Street) -> None:
    run_dir = make_run(labels="labels.jsonl")
    text = street.labels.read_text().replace('"width":80', '"width":800')
    (run_dir / "labels.jsonl").write_text(text)
    assert train(run_dir) == BAD_INPUT
    assert "is 80 x 60, but its label says 800 x 60" in str(lines_of(run_dir)[-1]["error"])


def test_a_broken_image_is_named(make_run: MakeRun, tmp_path: Path) -> None:
    paint(tmp_path / "broken", 3, (32, 32), seed=9)
    (tmp_path / "broken/images/001.png").write_text("text")
    run_dir = make_run("pseudo", target={"name": "broken", "root": str(tmp_path / "broken")})
    assert train(run_dir) == BAD_INPUT
    assert "001.png: cannot decode the image" in str(lines_of(run_dir)[-1]["error"])
