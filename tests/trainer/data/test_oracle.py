from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from trainer.__main__ import app
from trainer.contract import DatasetCard, WeakLabel
from trainer.data.oracle import oracle_labels

CARD = "name: town\nroot: .\nmasks: masks/{stem}.png\nids: {0: road, 1: car, 2: sky}\n"


def write_dataset(folder: Path) -> None:
    for part in ("images", "masks"):
        (folder / part).mkdir()
    for stem in ("a", "b"):
        mask = np.zeros((40, 50), np.uint8)
        mask[10:20, 10:30] = 1
        mask[0, 0] = 255
        if stem == "b":
            mask[30:] = 2
        Image.fromarray(mask).save(folder / f"masks/{stem}.png")
        Image.new("RGB", (50, 40)).save(folder / f"images/{stem}.png")
    (folder / "card.yaml").write_text(CARD)


def test_labels_follow_the_masks(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    card = DatasetCard(
        name="town", root=tmp_path, masks="masks/{stem}.png", ids={0: "road", 1: "car", 2: "sky"}
    )
    first, second = oracle_labels(card, ("road", "car", "sky"), points=3, seed=1)
    assert (first.present, first.absent) == (("road", "car"), ("sky",))
    assert second.present == ("road", "car", "sky")
    assert [point.category for point in first.points] == ["road"] * 3 + ["car"] * 3
    for point in first.points[3:]:
        assert 12 <= point.x < 28
        assert 12 <= point.y < 18
    assert oracle_labels(card, ("road", "car", "sky"), points=3, seed=1)[0] == first
    assert oracle_labels(card, ("road", "car", "sky"), points=3, seed=2)[0] != first


def test_command_writes_the_label_file(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    arguments = ["--card", str(tmp_path / "card.yaml"), "--out", str(tmp_path / "labels.jsonl")]
    result = CliRunner().invoke(app, ["make-oracle-labels", *arguments, "--points", "0"])
    assert result.exit_code == 0
    lines = (tmp_path / "labels.jsonl").read_text().splitlines()
    labels = [WeakLabel.model_validate_json(line) for line in lines]
    assert [label.image for label in labels] == ["images/a.png", "images/b.png"]
    assert not labels[0].points
