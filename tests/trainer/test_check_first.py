"""Commands that are given something they cannot use leave every folder as it was."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.trainer.conftest import MakeConfig, MakeRun, Street
from trainer.__main__ import app
from trainer.errors import BadInput
from trainer.run.train import train
from trainer.run_folder.config import new_config, write_config

runner = CliRunner()
FEW = {"warmup_steps": 1, "steps": 1, "evaluate_every": 1, "predict": False}


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder below one, byte for byte."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def new_run(cards: dict[str, str], out: Path, *more: str) -> list[str]:
    return ["train", "--recipe", "tiny", "--source", cards["source"], "--target", cards["target"],
            "--supervision", "source-only", "--out", str(out), *more]  # fmt: skip


def test_a_finished_run_is_not_changed_by_another_configuration(
    make_run: MakeRun, cards: dict[str, str]
) -> None:
    run_dir = make_run("source-only", **FEW)
    assert train(run_dir) == 0
    before = contents(run_dir)
    for arguments in (
        ["train", str(run_dir), "--set", "steps=12"],
        ["train", str(run_dir), "--set", "stepz=12"],
        new_run(cards, run_dir),
        new_run(cards, run_dir, "--set", "seed=3"),
    ):
        result = runner.invoke(app, arguments)
        assert (result.exit_code, contents(run_dir)) == (2, before), arguments
        assert "Traceback" not in result.output
    config = run_dir / "config.json"
    config.write_text(config.read_text().replace('"seed":0', '"seed":7'))
    edited = contents(run_dir)
    assert edited != before
    result = runner.invoke(app, ["train", str(run_dir)])
    assert (result.exit_code, contents(run_dir)) == (2, edited)
    assert "has a run of another config.json" in result.output


def test_a_run_goes_on_with_the_configuration_that_it_has(
    make_run: MakeRun, cards: dict[str, str], tmp_path: Path
) -> None:
    run_dir = make_run("source-only", **FEW)
    assert train(run_dir) == 0
    written = (run_dir / "config.json").read_bytes()
    result = runner.invoke(app, ["train", str(run_dir), "--set", "steps=1"])
    assert result.exit_code == 0, result.output
    assert (run_dir / "config.json").read_bytes() == written
    few = [text for name, value in FEW.items() for text in ("--set", f"{name}={value}")]
    arguments = new_run(cards, tmp_path / "new", *few, "--set", "threads=1")
    assert [runner.invoke(app, arguments).exit_code for _ in range(2)] == [0, 0]


@pytest.mark.parametrize(
    "changes",
    [["--set", "device=cuda:99"], ["--set", "start_from=gone.safetensors"], ["--labels", "gone"]],
)
def test_no_folder_is_made_for_a_run_that_cannot_begin(
    cards: dict[str, str], tmp_path: Path, changes: list[str]
) -> None:
    arguments = new_run(cards, tmp_path / "some/new", *changes)
    if "--labels" in changes:
        arguments[arguments.index("source-only")] = "image"
    assert runner.invoke(app, arguments).exit_code == 2
    assert not (tmp_path / "some").exists()


def test_a_configuration_that_cannot_be_used_does_not_replace_another(make_run: MakeRun) -> None:
    run_dir = make_run("source-only", **FEW)
    before = contents(run_dir)
    arguments = ["train", str(run_dir), "--set", "start_from=gone.safetensors"]
    assert runner.invoke(app, arguments).exit_code == 2
    assert contents(run_dir) == before


def test_out_is_no_file(cards: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    result = runner.invoke(app, new_run(cards, tmp_path / "out"))
    assert (result.exit_code, "out: is no folder" in result.output) == (2, True)
    assert (tmp_path / "out").read_text() == "mine"


def test_predictions_are_all_there_or_as_before(
    make_run: MakeRun, street: Street, tmp_path: Path
) -> None:
    run_dir = make_run("source-only", **FEW)
    assert train(run_dir) == 0
    checkpoint = str(run_dir / "checkpoints/last.safetensors")
    images, out = tmp_path / "images", tmp_path / "a/b"
    shutil.copytree(street.root / "target/images", images)
    arguments = ["predict", checkpoint, "--images", str(images), "--out", str(out)]
    whole = (images / "005.png").read_bytes()
    (images / "005.png").write_bytes(whole[:300])
    assert runner.invoke(app, arguments).exit_code == 2
    assert not (tmp_path / "a").exists()
    (images / "005.png").write_bytes(whole)
    assert runner.invoke(app, arguments).exit_code == 0
    before = contents(out)
    assert len(before) == 8
    (images / "005.png").write_bytes(whole[:300])
    (images / "000.png").write_bytes((street.root / "source/images/000.png").read_bytes())
    assert runner.invoke(app, arguments).exit_code == 2
    assert contents(out) == before


def test_a_study_of_another_configuration_is_left_alone(
    cards: dict[str, str], tmp_path: Path
) -> None:
    arguments = ["study", "--source", cards["source"], "--target", cards["validation"],
                 "--validation", cards["validation"], "--out", str(tmp_path / "out"), "--recipe",
                 "tiny", "--seeds", "1", "--tables", "supervision"]  # fmt: skip
    other = tmp_path / "out/runs/point-without-source/0"
    other.mkdir(parents=True)
    (other / "config.json").write_text("{}")
    before = contents(tmp_path / "out")
    result = runner.invoke(app, arguments)
    assert (result.exit_code, contents(tmp_path / "out")) == (2, before)


def test_gold_with_an_image_that_cannot_be_read_leaves_nothing(
    street: Street, tmp_path: Path
) -> None:
    shutil.copytree(street.root / "validation", tmp_path / "data")
    (tmp_path / "data/images/002.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    card = tmp_path / "data/card.yaml"
    card.write_text("name: data\nmasks: masks/{stem}.png\nids: {0: road, 1: building, 2: car}\n")
    arguments = ["gold", "--source", str(card), "--count", "3", "--out", str(tmp_path / "out")]
    assert runner.invoke(app, arguments).exit_code == 2
    assert not (tmp_path / "out").exists()


def test_the_later_of_two_runs_that_begin_in_one_folder_is_refused(
    make_config: MakeConfig, tmp_path: Path
) -> None:
    """The first has begun while the second was reading its data."""
    out, first, second = tmp_path / "out", make_config(steps=1), make_config(steps=2)
    assert new_config(out, first) == first
    assert new_config(out, second) == second
    write_config(out, first)
    (out / "checkpoints").mkdir()
    before = (out / "config.json").read_bytes()
    with pytest.raises(BadInput, match=r"has a run of another config\.json"):
        write_config(out, second)
    assert (out / "config.json").read_bytes() == before
    write_config(out, first)
    assert (out / "config.json").read_bytes() == before


def test_a_supervision_that_is_none_is_told_in_plain_words(make_run: MakeRun) -> None:
    run_dir = make_run()
    config = json.loads((run_dir / "config.json").read_text()) | {"supervision": "oracle"}
    (run_dir / "config.json").write_text(json.dumps(config))
    result = runner.invoke(app, ["train", str(run_dir)])
    assert result.exit_code == 2
    assert "supervision: Input should be 'source-only', 'pseudo', 'image', 'point' or 'dense'" in (
        result.stderr
    )
    assert "<" not in result.stderr
