"""Masks of two values, as medical data have them, through the commands."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.trainer.conftest import shape_with
from trainer.__main__ import app
from trainer.contract import Score
from trainer.models.checkpoint import Provenance, TrainedSegmenter, save_checkpoint
from trainer.models.segmenter import build_segmenter

runner = CliRunner()
NAMES = ("background", "tumour")


def scans(folder: Path, value: int, *, bits: int = 8, extra: str = "") -> Path:
    """Two pictures, of which the second has a tumour whose id is `value`; gives the card."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(2):
        mask = np.zeros((48, 64), np.uint8)
        if number:
            mask[8:24, 8:40] = value
        Image.new("RGB", (64, 48), (90 * number, 0, 0)).save(folder / f"images/{number}.png")
        picture = Image.fromarray(mask.astype(bool)) if bits == 1 else Image.fromarray(mask)
        picture.save(folder / f"masks/{number}.png")
    card = folder / "card.yaml"
    card.write_text(
        "name: scans\nmasks: masks/{stem}.png\nids: {0: background, 1: tumour}\n" + extra
    )
    return card


def labels_of(card: Path, out: Path) -> list[dict[str, list[str]]]:
    made = runner.invoke(app, ["make-oracle-labels", "--card", str(card), "--out", str(out)])
    assert made.exit_code == 0, made.output
    return [json.loads(line) for line in out.read_text().splitlines()]


def checkpoint(folder: Path) -> Path:
    shape = shape_with(categories=NAMES, height=48, width=64)
    network = build_segmenter(shape).eval()
    segmenter = TrainedSegmenter(network, shape)
    saved = save_checkpoint(folder, 0, segmenter, Score(), Provenance("0" * 64, None))
    return folder / saved.path


def test_one_bit_is_0_and_1(tmp_path: Path) -> None:
    card = scans(tmp_path / "scans", 1, bits=1)
    first, second = labels_of(card, tmp_path / "labels.jsonl")
    assert (first["present"], first["absent"]) == (["background"], ["tumour"])
    assert second["present"] == ["background", "tumour"]


def test_an_id_that_no_card_names_stops_every_command(tmp_path: Path) -> None:
    card = str(scans(tmp_path / "scans", 255))
    trained = checkpoint(tmp_path / "trained")
    out = tmp_path / "out"
    commands = (
        ["make-oracle-labels", "--card", card, "--out", str(out)],
        ["gold", "--source", card, "--count", "2", "--out", str(out)],
        ["evaluate", str(trained), "--target", card],
        ["train", "--recipe", "tiny", "--source", card, "--target", card, "--out", str(out)],
        ["study", "--source", card, "--target", card, "--validation", card, "--out", str(out),
         "--recipe", "tiny"],
    )  # fmt: skip
    for command in commands:
        result = runner.invoke(app, command)
        assert result.exit_code == 2, (command, result.output)
        assert "masks/1.png: id 255 on 512 pixels is neither a category" in result.output
        assert "Traceback" not in result.output
        assert not out.exists(), command


def test_masks_of_one_category_give_no_mean_iou(tmp_path: Path) -> None:
    card = scans(tmp_path / "scans", 255, extra="void: others\n")
    arguments = ["evaluate", str(checkpoint(tmp_path / "trained")), "--target", str(card)]
    result = runner.invoke(app, arguments)
    assert result.exit_code == 0, result.output
    score = Score.model_validate_json(result.stdout)
    assert score.miou is None
    assert "target: of 2 masks 8.3 % of the pixels are void: id 255 8.3 %" in result.stderr
    assert "target: none of the masks looked at has tumour" in result.stderr
    assert "no mean IoU: the masks have one category alone" in result.stderr


def test_masks_that_are_all_void_cannot_be_scored_on(tmp_path: Path) -> None:
    card = scans(tmp_path / "scans", 255, extra="void: others\n")
    card.write_text(card.read_text().replace("0: background, 1", "7: background, 1"))
    arguments = ["evaluate", str(checkpoint(tmp_path / "trained")), "--target", str(card)]
    result = runner.invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "all pixels of all 2 masks are void" in result.stderr


@pytest.mark.parametrize("all_void", [True, False])
def test_labels_say_nothing_of_what_masks_cannot_tell(tmp_path: Path, all_void: bool) -> None:
    card = scans(tmp_path / "scans", 1, extra="void: [9]\n")
    if all_void:
        Image.new("L", (64, 48), 9).save(tmp_path / "scans/masks/0.png")
    first, second = labels_of(card, tmp_path / "labels.jsonl")
    assert second["present"] == ["background", "tumour"]
    known = ([], []) if all_void else (["background"], ["tumour"])
    assert (first["present"], first["absent"]) == known
