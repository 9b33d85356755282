import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from tests.trainer.conftest import MakeRun, Street
from trainer.__main__ import app
from trainer.contract import Score, TrainConfig

runner = CliRunner()


@pytest.fixture
def cards(street: Street, tmp_path: Path) -> dict[str, str]:
    paths = {}
    for card in (street.source, street.target, street.validation):
        path = tmp_path / f"{card.name}.yaml"
        path.write_text(yaml.safe_dump(card.model_dump(mode="json", exclude_defaults=True)))
        paths[card.name] = str(path)
    return paths


def train_arguments(cards: dict[str, str], street: Street, out: Path) -> list[str]:
    return [
        *("train", "--recipe", "tiny", "--source", cards["source"], "--target", cards["target"]),
        *("--labels", str(street.labels), "--validation", cards["validation"], "--out", str(out)),
    ]


def test_train_evaluate_and_predict(cards: dict[str, str], street: Street, tmp_path: Path) -> None:
    out = tmp_path / "out"
    changes = [
        "--set",
        "steps=3",
        "--set",
        "weights.point=0.5",
        "--set",
        "predict=false",
        "--set",
        "threads=1",
    ]
    result = runner.invoke(app, train_arguments(cards, street, out) + changes)
    assert result.exit_code == 0, result.output
    config = TrainConfig.model_validate_json((out / "config.json").read_text())
    assert (config.steps, config.weights.point, config.supervision) == (3, 0.5, "point")
    assert not (out / "predictions").exists()
    checkpoint = str(out / "checkpoints/step-000007.safetensors")
    result = runner.invoke(app, ["evaluate", checkpoint, "--target", cards["validation"]])
    assert result.exit_code == 0, result.output
    score = Score.model_validate_json(result.stdout)
    reported = json.loads((out / "report.json").read_text())["score"]
    assert score.miou == pytest.approx(reported["miou"])
    predicted = tmp_path / "predicted"
    images = str(street.root / "target")
    result = runner.invoke(
        app, ["predict", checkpoint, "--images", images, "--out", str(predicted)]
    )
    assert result.exit_code == 0, result.output
    lines = (predicted / "predictions.jsonl").read_text().splitlines()
    assert len(lines) == 6
    with Image.open(predicted / json.loads(lines[0])["mask"]) as mask:
        assert mask.size == (80, 60)


def test_a_run_directory_with_overrides_keeps_them(make_run: MakeRun) -> None:
    run_dir = make_run("source-only")
    arguments = ["train", str(run_dir), "--set", "warmup_steps=1", "--set", "steps=0"]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert json.loads((run_dir / "config.json").read_text())["steps"] == 0
    assert (run_dir / "checkpoints/step-000001.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "give RUN_DIR, or all of"),
        (["train", "gone"], "gone/config.json: cannot read"),
        (["train", "gone", "--set", "steps"], "write key=value"),
        (["train", "gone", "--recipe", "tiny"], "has its own config.json"),
        (["evaluate", "gone.safetensors", "--target", "x.yaml"], "gone.safetensors: cannot read"),
        (["predict", "gone.safetensors", "--images", "x", "--out", "y"], "gone.safetensors"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments: list[str], message: str) -> None:
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_an_unknown_recipe_and_override_are_refused(
    cards: dict[str, str], street: Street, tmp_path: Path
) -> None:
    arguments = train_arguments(cards, street, tmp_path / "out")
    result = runner.invoke(app, [*arguments, "--set", "stepz=3"])
    assert (result.exit_code, "did you mean 'steps'" in result.output) == (2, True)
    arguments[arguments.index("tiny")] = "huge"
    result = runner.invoke(app, arguments)
    assert (result.exit_code, "unknown recipe 'huge'" in result.output) == (2, True)


def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, street: Street) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"\x80\x04pickle")
    arguments = ["predict", str(path), "--images", str(street.root), "--out", str(tmp_path / "out")]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 2
    assert "broken.safetensors: cannot read as safetensors" in result.output


def test_the_program_reports_a_bad_configuration_on_both_streams(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"recipe": "tiny"}')
    result = subprocess.run(
        [sys.executable, "-m", "trainer", "train", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 2
    failed = json.loads(result.stdout)
    assert failed["kind"] == "failed"
    assert "config.json: supervision: Field required" in failed["error"]
    assert failed["error"] in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "progress.jsonl").read_text() == result.stdout
