from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from trainer.__main__ import app
from trainer.contract import DatasetCard, TileTags, WeakLabel
from trainer.data.labels import read_labels
from trainer.data.marking import Question
from trainer.data.oracle import oracle_labels

CATEGORIES = ("road", "car", "sky")
CARD = "name: town\nroot: .\nmasks: masks/{stem}.png\nids: {0: road, 1: car, 2: sky}\nvoid: [255]\n"


def town(folder: Path) -> DatasetCard:
    ids = dict(enumerate(CATEGORIES))
    return DatasetCard(name="town", root=folder, masks="masks/{stem}.png", ids=ids, void=(255,))


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
    first, second = oracle_labels(town(tmp_path), Question(CATEGORIES, points=3), seed=1)
    assert (first.present, first.absent) == (("road", "car"), ("sky",))
    assert second.present == ("road", "car", "sky")
    assert [point.category for point in first.points] == ["road"] * 3 + ["car"] * 3
    for point in first.points[3:]:
        assert 12 <= point.x < 28
        assert 12 <= point.y < 18
    assert oracle_labels(town(tmp_path), Question(CATEGORIES, points=3), seed=1)[0] == first
    assert oracle_labels(town(tmp_path), Question(CATEGORIES, points=3), seed=2)[0] != first


def test_command_writes_the_label_file(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    arguments = [
        "make-oracle-labels",
        "--card",
        str(tmp_path / "card.yaml"),
        "--out",
        str(tmp_path / "labels.jsonl"),
    ]
    result = CliRunner().invoke(app, [*arguments, "--points", "0"])
    assert result.exit_code == 0
    lines = (tmp_path / "labels.jsonl").read_text().splitlines()
    labels = [WeakLabel.model_validate_json(line) for line in lines]
    assert [label.image for label in labels] == ["images/a.png", "images/b.png"]
    assert not labels[0].points


def test_tiles_follow_the_masks(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    # The car is at rows 10-19 of 40, columns 10-29 of 50; sky, of the second, at rows 30-39.
    first, second = oracle_labels(town(tmp_path), Question(CATEGORIES, points=1, tiles=(4, 2)))
    assert first.tiles == TileTags(rows=4, cols=2, present={"road": tuple(range(8)), "car": (2, 3)})
    assert second.tiles is not None
    assert second.tiles.present["sky"] == (6, 7)
    assert second.tiles.present["road"] == (0, 1, 2, 3, 4, 5)
    assert oracle_labels(town(tmp_path), Question(CATEGORIES, points=1))[0].tiles is None


def test_a_few_pixels_in_a_tile_do_not_count(tmp_path: Path) -> None:
    """Present in the image at 0.5, so from 0.05 in a tile."""
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    mask = np.zeros((20, 20), np.uint8)
    mask[:, :10] = 1
    mask[0, 10:14] = 1
    Image.fromarray(mask).save(tmp_path / "masks/a.png")
    Image.new("RGB", (20, 20)).save(tmp_path / "images/a.png")
    (label,) = oracle_labels(town(tmp_path), Question(CATEGORIES, points=1, tiles=(1, 2)))
    assert label.tiles is not None
    assert label.tiles.present == {"road": (1,), "car": (0,)}


def test_points_are_distinct_and_the_margin_is_kept_where_there_is_room(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    for margin, (left, right, top, bottom) in {
        0: (10, 30, 10, 20),
        3: (13, 27, 13, 17),
        9: (14, 26, 14, 16),
    }.items():
        label = oracle_labels(town(tmp_path), Question(CATEGORIES, points=24), margin=margin)[0]
        on_car = [(point.x, point.y) for point in label.points if point.category == "car"]
        assert len(set(on_car)) == 24
        assert all(left < x < right and top < y < bottom for x, y in on_car)


def test_the_points_do_not_depend_on_how_many_masks_are_looked_at_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path)
    made = []
    for cores in (1, 4):
        monkeypatch.setattr("trainer.data.oracle.cores_here", lambda cores=cores: cores)
        question = Question(CATEGORIES, points=5, tiles=(2, 2))
        made.append(oracle_labels(town(tmp_path), question))
    assert made[0] == made[1]
    assert [label.image for label in made[0]] == ["images/a.png", "images/b.png"]


def test_a_region_with_fewer_pixels_than_points_gives_all_of_them(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    label = oracle_labels(town(tmp_path), Question(CATEGORIES, points=500))[0]
    assert sum(point.category == "car" for point in label.points) == 200


def test_what_the_command_writes_is_read_as_labels(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    out = tmp_path / "labels.jsonl"
    arguments = [
        "make-oracle-labels",
        "--card",
        str(tmp_path / "card.yaml"),
        "--out",
        str(out),
        "--seed",
        "5",
    ]
    options = ["--points", "2", "--tiles", "2x3", "--margin", "1"]
    assert CliRunner().invoke(app, [*arguments, *options]).exit_code == 0
    labels = read_labels(out, CATEGORIES, ["images/a.png", "images/b.png"])
    assert labels["images/a.png"].presence.tolist() == [1, 1, 0]
    assert len(labels["images/a.png"].points) == 4
    tiles = labels["images/a.png"].tiles
    assert tiles is not None
    assert tiles.shape == (3, 2, 3)
    assert tiles[1].tolist() == [[1, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("tiles", ["2", "2x", "axb", "0x2", "2x17", "2x2x2"])
def test_a_grid_is_rows_by_columns(tmp_path: Path, tiles: str) -> None:
    write_dataset(tmp_path)
    arguments = [
        "make-oracle-labels",
        "--card",
        str(tmp_path / "card.yaml"),
        "--out",
        str(tmp_path / "out.jsonl"),
    ]
    result = CliRunner().invoke(app, [*arguments, "--tiles", tiles])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"error: --tiles {tiles!r}: write ROWSxCOLUMNS, each 1 to 16" in result.stderr
    assert not (tmp_path / "out.jsonl").exists()
