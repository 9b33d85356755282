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

from tests.trainer.conftest import (
    CATEGORIES,
    PRODUCTS_OWN,
    MakeConfig,
    MakeRun,
    Street,
    begin,
    copy_of,
    lines_of,
    paint,
    weak_label,
)
from trainer.contract import (
    CheckpointInfo,
    DatasetCard,
    Evaluated,
    ImagePrediction,
    Score,
)
from trainer.data.images import ResizedImages
from trainer.data.labels import write_labels
from trainer.data.samples import list_samples
from trainer.errors import BAD_INPUT
from trainer.inference.predict import predict_images
from trainer.models.checkpoint import Provenance, load_segmenter, save_checkpoint
from trainer.report.file import read_report
from trainer.run.train import FAILED, SUCCEEDED, train


def kinds(run_dir: Path) -> list[object]:
    return [line["kind"] for line in lines_of(run_dir)]


SMALL = {"height": 32, "width": 32}


@pytest.fixture(scope="module")
def finished(make_config: MakeConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that came to its end, to be copied."""
    run_dir = begin(tmp_path_factory.mktemp("train") / "finished", make_config())
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr("trainer.run.selection.Evaluator.measure")  # what was just assessed is known
        assert train(run_dir) == SUCCEEDED
    return run_dir


def test_checkpoints_say_what_they_are_and_load(finished: Path) -> None:
    run_dir = finished
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
    changes = {"warmup_steps": 30, "steps": 30, "evaluate_every": 30}
    run_dir = make_run(**changes, learning_rate=1e-3, frozen_stages=2)
    train(run_dir)
    report = read_report(run_dir)
    assert report.score.miou is not None
    assert report.score.miou > 0.6


def test_the_same_weights_are_the_same_bytes(make_run: MakeRun) -> None:
    run_dir = make_run(steps=0, predict=False)
    assert train(run_dir) == SUCCEEDED
    (path,) = (run_dir / "checkpoints").glob("step-*.safetensors")
    segmenter = load_segmenter(path)
    made_from = Provenance("0" * 64, None)
    again = {save_checkpoint(run_dir, 9, segmenter, Score(), made_from).sha256 for _ in range(20)}
    assert again == {hashlib.sha256(path.read_bytes()).hexdigest()}


def test_a_finished_run_started_again_tells_of_its_checkpoints_predicts_and_reports(
    finished: Path, tmp_path: Path
) -> None:
    run_dir = copy_of(finished, tmp_path / "run")
    first = read_report(run_dir)
    (run_dir / "report.json").unlink()
    assert train(run_dir) == SUCCEEDED
    again = read_report(run_dir)
    assert again.breakdown == first.breakdown
    end = kinds(run_dir).index("finished") + 1
    saved = [line["path"] for line in lines_of(run_dir)[:end] if line["kind"] == "checkpoint"]
    since = lines_of(run_dir)[end:]
    assert [line["path"] for line in since if line["kind"] == "checkpoint"] == saved
    assert [line["kind"] for line in since if line["kind"] != "checkpoint"] == [
        "started", "predicting", "finished"
    ]  # fmt: skip
    assert (run_dir / "report.json").exists()


@pytest.mark.usefixtures("forked_trainers")
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


def test_a_state_of_another_configuration_is_refused(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_dir = copy_of(finished, tmp_path / "run")
    config = run_dir / "config.json"
    config.write_text(config.read_text().replace('"seed":0', '"seed":1'))
    before = (run_dir / "progress.jsonl").read_bytes()
    capsys.readouterr()
    assert train(run_dir) == BAD_INPUT
    failed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "has a run of another config.json" in failed["error"]
    assert (run_dir / "progress.jsonl").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(make_run: MakeRun) -> None:
    run_dir = make_run()
    (run_dir / "checkpoints").write_text("a file where the folder should be")
    assert train(run_dir) == FAILED
    failed = lines_of(run_dir)[-1]
    assert failed["kind"] == "failed"
    assert "checkpoints" in str(failed["error"])


def test_a_damaged_state_is_named_and_gives_way(finished: Path, tmp_path: Path) -> None:
    run_dir = copy_of(finished, tmp_path / "run")
    (run_dir / "checkpoints/training-state.safetensors").write_bytes(b"nothing")
    assert train(run_dir) == SUCCEEDED
    [*_, again] = [line for line in lines_of(run_dir) if line["kind"] == "started"]
    assert "training-state.safetensors is damaged" in str(again["notes"])


def test_a_loss_that_is_not_finite_stops_the_run(make_run: MakeRun) -> None:
    # Weight decay of 100 a step multiplies the head's weights by -99 until they overflow.
    run_dir = make_run(
        **PRODUCTS_OWN, learning_rate=1, head_learning_rate_factor=100, weight_decay=1, steps=60
    )
    assert train(run_dir) == FAILED
    failed = lines_of(run_dir)[-1]
    assert failed["kind"] == "failed"
    assert "is not finite; images of the batch: images/" in str(failed["error"])


def test_without_validation_a_tenth_of_the_labels_is_held_out(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run_dir = make_run(**many_labels(tmp_path, 20), validation=None)
    train(run_dir)
    started = lines_of(run_dir)[0]
    assert (started["labelled_images"], started["target_images"]) == (18, 20)
    report = read_report(run_dir)
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


def many_labels(folder: Path, count: int) -> dict[str, object]:
    """A target of `count` painted images and their weak labels, as changes of a configuration."""
    paint(folder / "many", count, (32, 32), seed=9)
    names = [f"images/{number:03d}.png" for number in range(count)]
    labels = folder / "many.jsonl"
    write_labels(labels, [weak_label(folder / "many", name) for name in names])
    target = {"name": "many", "root": str(folder / "many")}
    return {"target": target, "labels": str(labels)}


SELECTING = SMALL | {"warmup_steps": 2, "steps": 4, "evaluate_every": 1, "predict": False}


@pytest.mark.parametrize(
    ("rule", "field", "words"),
    [
        ("weak-labels", "weak_label_score", "best score on 2 held-out weak labels"),
        ("masks", "miou", "best mean IoU on 3 validation masks"),
    ],
)
def test_the_selected_checkpoint_has_the_best_score(
    make_run: MakeRun, tmp_path: Path, rule: str, field: str, words: str
) -> None:
    labels = many_labels(tmp_path, 20)
    run_dir = make_run(**(SELECTING | labels | {"selection": rule, "learning_rate": 3e-3}))
    assert train(run_dir) == SUCCEEDED
    evaluated = [
        Evaluated.model_validate(line) for line in lines_of(run_dir) if line["kind"] == "evaluated"
    ]
    scores = {each.step: each.score for each in evaluated}
    assert list(scores) == [2, 3, 4, 5, 6]
    report = read_report(run_dir)
    values = {step: getattr(score, field) for step, score in scores.items()}
    assert report.selected_step == max(values, key=lambda step: (values[step], step))
    assert report.selection == words
    assert report.score == scores[report.selected_step]
    assert (report.last_step, report.last_score) == (6, scores[6])
    assert report.score.miou is not None
    assert (report.score.weak_label_score is None) == (rule == "masks")
    folder = run_dir / "checkpoints"
    for name, step in (("best", report.selected_step), ("last", 6)):
        for suffix in ("safetensors", "json"):
            linked = (folder / f"{name}.{suffix}").read_bytes()
            assert linked == (folder / f"step-{step:06d}.{suffix}").read_bytes()


def test_predictions_are_the_selected_checkpoints(
    make_run: MakeRun, street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.run.selection.is_better", lambda _rule, _score, best: best is None)
    run_dir = make_run(**(SELECTING | {"selection": "masks", "predict": True}))
    assert train(run_dir) == SUCCEEDED
    report = read_report(run_dir)
    assert (report.selected_step, report.last_step) == (2, 6)
    again = run_dir / "again"
    segmenter = load_segmenter(run_dir / "checkpoints/step-000002.safetensors")
    card = DatasetCard(name="target", root=street.target.root)
    samples = list_samples(card, with_masks=False)
    predict_images(segmenter, ResizedImages(samples, segmenter.size), again)
    name = "predictions.jsonl"
    assert (run_dir / "predictions" / name).read_text() == (again / name).read_text()


def test_too_few_labels_leave_the_last_step_selected(make_run: MakeRun) -> None:
    run_dir = make_run(**(SELECTING | {"selection": "weak-labels"}))
    assert train(run_dir) == SUCCEEDED
    report = read_report(run_dir)
    assert report.selected_step == report.last_step == 6
    assert report.selection == "last step: there are too few weak labels to hold any out"
    assert not (run_dir / "checkpoints/best.safetensors").exists()


def test_a_run_starts_from_a_checkpoint(make_run: MakeRun) -> None:
    first = make_run("source-only", name="first", **(SELECTING | {"steps": 0}))
    assert train(first) == SUCCEEDED
    begun = first / "checkpoints/step-000002.safetensors"
    second = make_run(name="second", **(SELECTING | {"warmup_steps": 0, "start_from": str(begun)}))
    assert train(second) == SUCCEEDED
    tensors, same = load_file(begun), load_file(second / "checkpoints/step-000000.safetensors")
    assert all(torch.equal(tensors[name], same[name]) for name in tensors)
    scores = [read_report(run_dir) for run_dir in (first, second)]
    assert scores[1].source_only == scores[0].score


def test_presence_is_calibrated_and_the_checkpoint_knows_it(make_run: MakeRun) -> None:
    run_dir = make_run(**SELECTING)
    assert train(run_dir) == SUCCEEDED
    shape = load_segmenter(run_dir / "checkpoints/last.safetensors").shape
    assert len(shape.presence_offsets) == len(CATEGORIES)
    assert shape.presence_scale != 1


def test_a_warm_up_without_a_source_is_refused(make_run: MakeRun) -> None:
    run_dir = make_run(source=None, warmup_steps=0)
    config = json.loads((run_dir / "config.json").read_text()) | {"warmup_steps": 3}
    (run_dir / "config.json").write_text(json.dumps(config))
    assert train(run_dir) == BAD_INPUT
    assert "config.json: warmup_steps: 3, but there is no source domain" in str(
        lines_of(run_dir)[-1]["error"]
    )
