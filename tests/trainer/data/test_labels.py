import json
from pathlib import Path

import numpy as np
import pytest

from trainer.data.labels import grid_of, read_labels
from trainer.errors import BadInput

CATEGORIES = ("road", "car", "train")


def line(**changes: object) -> str:
    return json.dumps({"image": "a.png", "width": 200, "height": 100} | changes)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("\n".join(lines))
    return path


def test_presence_is_three_valued_and_points_are_fractions(tmp_path: Path) -> None:
    text = line(present=["car"], absent=["train"], points=[{"category": "car", "x": 50, "y": 25.5}])
    label = read_labels(write(tmp_path, text), CATEGORIES, ["a.png"])["a.png"]
    assert label.presence.tolist() == [-1, 1, 0]
    np.testing.assert_allclose(label.points, [[1, 0.25, 0.255]])


def test_a_point_says_that_its_category_is_present(tmp_path: Path) -> None:
    text = line(points=[{"category": "road", "x": 0, "y": 0}])
    label = read_labels(write(tmp_path, text), CATEGORIES, ["a.png"])["a.png"]
    assert label.presence.tolist() == [1, -1, -1]


def test_images_are_found_by_path_or_by_a_file_name_that_is_unique(tmp_path: Path) -> None:
    names = ["x/a.png", "x/b.png", "y/b.png"]
    path = write(tmp_path, line(image="a.png", present=["car"]))
    assert list(read_labels(path, CATEGORIES, names)) == ["x/a.png"]
    with pytest.raises(BadInput, match=r"'b\.png' is not in the target"):
        read_labels(write(tmp_path, line(image="b.png")), CATEGORIES, names)


def test_a_folder_that_contradicts_is_another_image(tmp_path: Path) -> None:
    path = write(tmp_path, line(image="/data/x/a.png"), line(image="y/a.png"))
    with pytest.raises(BadInput, match=r":2: image: 'y/a\.png' is not in the target .*x/a\.png"):
        read_labels(path, CATEGORIES, ["x/a.png"])
    with pytest.raises(BadInput, match=r":1: image: /data/x/a\.png and y/a\.png .* a\.png"):
        read_labels(path, CATEGORIES, ["a.png"])


def test_a_byte_order_mark_and_separators_in_names_are_no_error(tmp_path: Path) -> None:
    name = "a\u2028b\x85.png"
    text = json.dumps({"image": name, "width": 9, "height": 9}, ensure_ascii=False)
    path = tmp_path / "labels.jsonl"
    path.write_bytes(f"\ufeff{text}\r\n{text}\n".encode())
    assert list(read_labels(path, CATEGORIES, [name])) == [name]


def test_a_category_in_another_spelling_is_the_same(tmp_path: Path) -> None:
    tags = {"rows": 1, "cols": 2, "present": {"cafe\u0301": [1]}}
    point = {"category": "cafe\u0301", "x": 1, "y": 1}
    text = line(present=["caf\u00e9", "cafe\u0301"], absent=["car"], points=[point], tiles=tags)
    label = read_labels(write(tmp_path, text), ("cafe\u0301", "car"), ["a.png"])["a.png"]
    assert label.presence.tolist() == [1, 0]


def test_a_point_a_hair_outside_is_in_the_image(tmp_path: Path) -> None:
    text = line(points=[{"category": "car", "x": 200.4, "y": -0.3}])
    label = read_labels(write(tmp_path, text), CATEGORIES, ["a.png"])["a.png"]
    assert 0.999 < label.points[0, 1] < 1
    assert label.points[0, 2] == 0


def test_annotators_who_disagree_leave_a_category_open(tmp_path: Path) -> None:
    point = {"category": "road", "x": 5, "y": 5}
    lines = [
        line(present=["road", "car"], absent=["train"], points=[point]),
        line(present=["car"], absent=["road"]),
        line(present=["road"], points=[{"category": "car", "x": 7, "y": 5}]),
    ]
    for order in (lines, lines[::-1]):
        label = read_labels(write(tmp_path, *order), CATEGORIES, ["a.png"])["a.png"]
        assert label.presence.tolist() == [-1, 1, 0]
        assert label.points[:, 0].tolist() == [1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "Invalid JSON"),
        (line(image="z.png"), "image: 'z.png' is not in the target dataset"),
        (line(present=["bus"]), "present: unknown category 'bus'; known are road, car, train"),
        (line(absent=["bus"]), "absent: unknown category 'bus'"),
        (line(points=[{"category": "bus", "x": 1, "y": 1}]), "points: unknown category 'bus'"),
        (line(points=[{"category": "car", "x": 201, "y": 1}]), "outside the 200 x 100 image"),
        (line(points=[{"category": "car", "x": -1, "y": 1}]), "points.0.x"),
        (line(present=["car"], absent=["car"]), "present and absent at once: car"),
        (line(absent=["car"], points=[{"category": "car", "x": 1, "y": 1}]), "absent car"),
        (line(width=0), "width"),
        (line(width=300), r"width, height: \(300, 100\)"),
        (line(points=[{"category": "car", "x": "NaN", "y": 1}]), "points.0.x"),
    ],
)
def test_a_bad_line_is_named_by_file_line_and_field(
    tmp_path: Path, text: str, message: str
) -> None:
    path = write(tmp_path, line(present=["road"]), "", text)
    with pytest.raises(BadInput, match=message) as raised:
        read_labels(path, CATEGORIES, ["a.png"])
    assert str(raised.value).startswith(f"{path}:3: ")


def test_a_missing_or_binary_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read the label file"):
        read_labels(tmp_path / "gone.jsonl", CATEGORIES, [])
    path = tmp_path / "binary.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="cannot read the label file"):
        read_labels(path, CATEGORIES, [])


def tiles(rows: int, cols: int, **present: list[int]) -> dict[str, object]:
    return {"rows": rows, "cols": cols, "present": present}


def test_tiles_are_three_valued(tmp_path: Path) -> None:
    text = line(present=["road", "car"], absent=["train"], tiles=tiles(2, 3, car=[0, 5]))
    label = read_labels(write(tmp_path, text), CATEGORIES, ["a.png"])["a.png"]
    assert label.tiles is not None
    assert label.tiles.tolist() == [
        [[-1, -1, -1], [-1, -1, -1]],
        [[1, 0, 0], [0, 0, 1]],
        [[0, 0, 0], [0, 0, 0]],
    ]


def test_a_tile_says_that_its_category_is_present_and_no_tile_says_nothing(tmp_path: Path) -> None:
    text = line(tiles=tiles(1, 2, car=[1], road=[]))
    label = read_labels(write(tmp_path, text), CATEGORIES, ["a.png"])["a.png"]
    assert label.tiles is not None
    assert label.presence.tolist() == [-1, 1, -1]
    assert label.tiles[:, 0].tolist() == [[-1, -1], [0, 1], [-1, -1]]


def test_one_tile_is_the_image(tmp_path: Path) -> None:
    text = line(absent=["train"], tiles=tiles(1, 1, car=[0]))
    label = read_labels(write(tmp_path, text), CATEGORIES, ["a.png"])["a.png"]
    assert label.tiles is None
    assert label.presence.tolist() == [-1, 1, 0]


def test_a_run_has_the_grid_of_most_labels(tmp_path: Path) -> None:
    names = ["a.png", "b.png", "c.png", "d.png"]
    lines = [
        line(image="a.png", tiles=tiles(2, 1, car=[0])),
        line(image="b.png", tiles=tiles(2, 1, car=[1])),
        line(image="c.png", tiles=tiles(3, 3, car=[1]), absent=["train"]),
        line(image="d.png", present=["road"]),
    ]
    labels = read_labels(write(tmp_path, *lines), CATEGORIES, names)
    assert grid_of(labels.values()) == (2, 1)
    found = {name: label.tiles for name, label in labels.items()}
    assert {name: t is not None and t[1, :, 0].tolist() for name, t in found.items()} == {
        "a.png": [1, 0],
        "b.png": [0, 1],
        "c.png": [-1, -1],
        "d.png": [-1, -1],
    }
    assert labels["c.png"].presence.tolist() == [-1, 1, 0]
    other = found["c.png"]
    assert other is not None
    assert other[2, :, 0].tolist() == [0, 0]


def test_without_tiles_there_is_no_grid(tmp_path: Path) -> None:
    label = read_labels(write(tmp_path, line(present=["car"])), CATEGORIES, ["a.png"])["a.png"]
    assert label.tiles is None
    assert grid_of([label]) is None


def test_annotators_who_disagree_leave_a_tile_open(tmp_path: Path) -> None:
    lines = [
        line(present=["road"], tiles=tiles(1, 3, car=[0, 1], road=[0])),
        line(present=["road"], tiles=tiles(1, 3, car=[1])),
        line(absent=["road"], present=["car"]),
    ]
    for order in (lines, lines[::-1]):
        label = read_labels(write(tmp_path, *order), CATEGORIES, ["a.png"])["a.png"]
        assert label.tiles is not None
        assert label.presence.tolist() == [-1, 1, -1]
        assert label.tiles[:, 0].tolist() == [[-1] * 3, [-1, 1, 0], [-1] * 3]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"tiles": tiles(2, 2, bus=[0])}, "tiles.present: unknown category 'bus'"),
        ({"tiles": tiles(2, 2, car=[4])}, "tiles.present.car: there is no tile 4 of 2 x 2"),
        ({"tiles": tiles(2, 2, car=[-1])}, "tiles.present.car: there is no tile -1"),
        ({"tiles": tiles(2, 2, car=[1]), "absent": ["car"]}, "a tile with absent car"),
        ({"tiles": tiles(0, 2)}, "tiles.rows"),
        ({"tiles": {"rows": 2, "cols": 2, "absent": {}}}, "tiles.absent"),
    ],
)
def test_bad_tiles_are_named(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    path = write(tmp_path, line(**fields))
    with pytest.raises(BadInput, match=message) as raised:
        read_labels(path, CATEGORIES, ["a.png"])
    assert str(raised.value).startswith(f"{path}:1: ")


def test_a_category_is_named_in_any_spelling(tmp_path: Path) -> None:
    composed, parts = "Fu\u00dfg\u00e4nger", "Fu\u00dfga\u0308nger"
    text = line(
        present=[composed, "road"],
        absent=["car"],
        points=[{"category": composed, "x": 50, "y": 25}],
        tiles={"rows": 1, "cols": 2, "present": {composed: [1]}},
    )
    categories = ("car", parts, "road")
    label = read_labels(write(tmp_path, text), categories, ["a.png"])["a.png"]
    assert label.presence.tolist() == [0, 1, 1]
    assert label.points[:, 0].tolist() == [1]
    assert label.tiles is not None
    assert label.tiles[1].tolist() == [[0, 1]]
    with pytest.raises(BadInput, match="present and absent at once"):
        read_labels(
            write(tmp_path, line(present=[parts], absent=[composed])), categories, ["a.png"]
        )
