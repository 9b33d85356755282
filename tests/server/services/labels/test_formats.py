"""Label files: what is written is read again, and what other tools write is understood."""

import contextlib
import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.errors import BadInput
from server.schemas.label import MOST_POINTS
from server.services.labels.formats import FORMATS, FileLabel, LabelFormat, Refused
from server.services.labels.formats.cvat import LONGEST_TOKEN, MOST_SHAPES
from trainer.contract import Places, PointLabel, TileTags, WeakLabel

EXPORTED = Path(__file__).parent / "exported"
COLORS = {
    "Road": "#804080",
    "Car": "#0000e8",
    "=Tree & <hedge>": "#6b8e23",
    "'-Übergang": "#102030",
}
NAMES = tuple(COLORS)
ALL = list(LabelFormat)
ONE_AN_IMAGE = (LabelFormat.CVAT, LabelFormat.COCO)
"""Formats that have no place for annotators."""
WITH_TILES = (LabelFormat.JSONL, LabelFormat.CSV)


def written(label_format: LabelFormat, labels: Iterable[WeakLabel]) -> bytes:
    return "".join(FORMATS[label_format].write(labels, COLORS)).encode()


def read(
    label_format: LabelFormat, content: bytes
) -> tuple[list[FileLabel | Refused], Counter[str]]:
    ignored: Counter[str] = Counter()
    found = list(FORMATS[label_format].read(io.BytesIO(content), ignored))
    return found, +ignored


def exported(label_format: LabelFormat, name: str) -> tuple[list[Any], Counter[str]]:
    return read(label_format, (EXPORTED / name).read_bytes())


file_names = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"
    ),
    min_size=1,
    max_size=12,
)


@st.composite
def weak_labels(draw: st.DrawFn) -> list[WeakLabel]:
    """Labels by image and annotator, as the server has them."""
    labels = []
    for image in sorted(draw(st.sets(file_names, max_size=4)), key=str.encode):
        width, height = draw(st.integers(16, 3000)), draw(st.integers(16, 3000))
        for number in range(draw(st.integers(1, 2))):
            one = draw(weak_label(image, width, height, f"a{number}"))
            labels.append(one)
    return labels


@st.composite
def weak_label(draw: st.DrawFn, image: str, width: int, height: int, annotator: str) -> WeakLabel:
    answers = draw(st.lists(st.sampled_from(["present", "absent", None]), min_size=4, max_size=4))
    present = [name for name, answer in zip(NAMES, answers, strict=True) if answer == "present"]
    absent = [name for name, answer in zip(NAMES, answers, strict=True) if answer == "absent"]
    axis = [st.floats(0, size, exclude_max=True) for size in (width, height)]
    clicks = draw(st.lists(st.tuples(*axis), max_size=3)) if present else []
    tiles = None
    if draw(st.booleans()):
        tagged = {name: tuple(draw(st.sets(st.integers(0, 5)))) for name in present}
        tiles = TileTags(rows=2, cols=3, present=tagged)
    return WeakLabel(
        image=image, width=width, height=height, present=present, absent=absent,
        points=[PointLabel(category=present[-1], x=x, y=y) for x, y in clicks], tiles=tiles,
        active_ms=1500, wall_ms=2500, annotator=annotator,
        labelled_at=datetime(2026, 11, 22, 10, tzinfo=UTC),
    )  # fmt: skip


def said(label: WeakLabel | FileLabel) -> tuple[Any, ...]:
    """What a label says, points to a hundredth of a pixel."""
    points = sorted((p.category, round(p.x, 2), round(p.y, 2)) for p in label.places.points)
    return (
        label.image,
        {*label.present, *(p.category for p in label.places.points)},
        {*label.absent},
        points,
    )


@pytest.mark.parametrize("label_format", ALL)
@settings(max_examples=50, deadline=None)
@given(labels=weak_labels())
def test_what_is_written_is_read_again(label_format: LabelFormat, labels: list[WeakLabel]) -> None:
    found, ignored = read(label_format, written(label_format, labels))

    assert all(isinstance(label, FileLabel) for label in found)
    if label_format in ONE_AN_IMAGE:
        single = [label for label in one_each(labels) if label.present or label.absent]
        assert_same(found, single)
        assert ignored.total() == len(one_each(labels)) - len(single)
    else:
        assert_same(found, labels)
        assert not ignored
    if label_format in WITH_TILES:
        assert [tiles_of(label) for label in found] == [tiles_of(label) for label in labels]


def one_each(labels: list[WeakLabel]) -> list[WeakLabel]:
    """What all annotators of an image say together, leaving out what they dispute."""
    merged = []
    for _, group in groupby(labels, key=lambda label: label.image):
        first, *others = group
        for other in others:
            yes, no = {*first.present, *other.present}, {*first.absent, *other.absent}
            points = [p for p in (*first.points, *other.points) if p.category not in no]
            first = first.model_copy(
                update={
                    "present": tuple(yes - no),
                    "absent": tuple(no - yes),
                    "points": tuple(points),
                }
            )
        merged.append(first)
    return merged


def assert_same(found: list[Any], expected: list[WeakLabel]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert said(one)[:3] == said(other)[:3]
        for (_, x, y), (_, wanted_x, wanted_y) in zip(said(one)[3], said(other)[3], strict=True):
            assert abs(x - wanted_x) < 0.02
            assert abs(y - wanted_y) < 0.02


def tiles_of(label: WeakLabel | FileLabel) -> Any:
    """The grid and its tiles. A table has no place for the grid of a label without answers."""
    tiles = label.places.tiles
    if tiles is None or not (label.present or label.absent):
        return None
    return tiles.rows, tiles.cols, {n: {*t} for n, t in tiles.present.items()}


@pytest.mark.parametrize("label_format", ALL)
def test_a_large_file_is_written_piece_by_piece(label_format: LabelFormat) -> None:
    taken = 0

    def many() -> Iterator[WeakLabel]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield WeakLabel(image=f"{number:05}", width=64, height=48, present=("Road",))

    pieces = FORMATS[label_format].write(many(), COLORS)
    while not taken:
        next(pieces)
    assert taken < 10


# --- other tools' files


def test_a_label_studio_export_is_understood() -> None:
    found, ignored = exported(LabelFormat.LABEL_STUDIO, "label-studio.json")

    newest, oldest, fog, turned = found
    assert (newest.image, newest.author) == ("crossing.jpg", "second@example.org")
    assert (newest.present, newest.absent, newest.width) == (("Road",), ("Tree",), None)
    assert (oldest.author, oldest.present) == ("first@example.org", ("Road", "Car"))
    assert (oldest.width, oldest.height) == (640, 480)
    assert oldest.places.points == (PointLabel(category="Car", x=320.5, y=120.5),)
    assert (fog.image, fog.skipped) == ("cam 3/fog.jpg", True)
    assert (turned.present, turned.places) == (("Road",), Places())
    assert turned.image == "s3://street-images/cam3/turned.jpg"
    assert ignored == {
        "predictions": 1, "brushlabels": 1, "choices": 1, "rotated keypointlabels": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (
            "https://images.example.org/cam3/later%20on.jpg?size=full",
            "https://images.example.org/cam3/later%20on.jpg?size=full",
        ),
        ("gs://bucket/a/b.png", "gs://bucket/a/b.png"),
        ("/ls/data/upload/3/9b2d11aa-a.png", "a.png"),
        ("https://host/ls/data/upload/3/9b2d11aa-a.png", "a.png"),
        ("/ls/data/local-files/?d=cam3/a%20b&c.png", "cam3/a b&c.png"),
        ("/data/local-files?d=cam3/a+b.png", "cam3/a+b.png"),
        ("/tasks/7/resolve/?fileuri=czM6Ly9idWNrZXQvY2FtMi8xLnBuZw==", "s3://bucket/cam2/1.png"),
        (
            "https://h/ls/tasks/7/presign/?fileuri=czM6Ly9idWNrZXQvY2FtMi8xLnBuZw",
            "s3://bucket/cam2/1.png",
        ),
        ("/tasks/7/resolve/?fileuri=%%%", "/tasks/7/resolve/?fileuri=%%%"),
        ("/data/upload/3/9b2d11aa-a%26b.png", "a&b.png"),
        ("/data/upload/plain.png", "/data/upload/plain.png"),
        ("cam3/100%.jpg", "cam3/100%.jpg"),
        ("frame 000123", "frame 000123"),
        ("http://[broken/a.jpg", "http://[broken/a.jpg"),
    ],
)
def test_the_image_of_a_label_studio_task(address: str, name: str) -> None:
    task = {"data": {"note": "no file", "image": address}, "annotations": [{"result": []}]}
    (found,), _ = read(LabelFormat.LABEL_STUDIO, json.dumps([task]).encode())
    assert isinstance(found, FileLabel)
    assert found.image == name


def test_label_studio_can_import_what_is_exported() -> None:
    """What its import asks for: data, and annotations with results whose controls exist."""
    label = WeakLabel(
        image="a.jpg", width=200, height=100, present=("Road",), absent=("Car",), annotator="a17",
        points=(PointLabel(category="Road", x=50, y=25),), active_ms=8120,
    )  # fmt: skip
    (task,) = json.loads(written(LabelFormat.LABEL_STUDIO, [label]))
    assert task["data"] == {"image": "a.jpg"}
    (annotation,) = task["annotations"]
    assert "completed_by" not in annotation, "an unknown person makes its import fail"
    assert (annotation["was_cancelled"], annotation["ground_truth"]) == (False, False)
    assert annotation["lead_time"] == 8.12
    kinds = [(r["from_name"], r["to_name"], r["type"]) for r in annotation["result"]]
    assert kinds == [
        ("present", "image", "choices"), ("absent", "image", "choices"),
        ("points", "image", "keypointlabels"),
    ]  # fmt: skip
    point = annotation["result"][2]
    assert (point["value"]["x"], point["value"]["y"]) == (25, 25)
    assert (point["original_width"], point["original_height"]) == (200, 100)
    assert len({result["id"] for result in annotation["result"]}) == 3


def test_a_cvat_export_is_understood() -> None:
    found, ignored = exported(LabelFormat.CVAT, "cvat.xml")

    crossing, outside = found
    assert (crossing.image, crossing.width, crossing.height, crossing.line) == (
        "cam3/crossing & bridge.jpg", 640, 480, 57,
    )  # fmt: skip
    assert (crossing.present, crossing.absent) == (("Road",), ("Tree",))
    assert [(p.category, p.x, p.y) for p in crossing.places.points] == [
        ("Car", 320.5, 120.5), ("Car", 16.25, 479.75), ("Road", 639.999, 0),
    ]  # fmt: skip
    assert (outside.image, outside.line) == ("cam3/outside.jpg", 80)
    assert (outside.places, outside.outside) == (Places(), (("Car", 700, 10),))
    assert ignored == {"box": 1, "skeleton": 1, "mask": 1, "images without tags and points": 1}


def test_cvat_can_read_what_is_exported() -> None:
    label = WeakLabel(
        image='a "b" <c>&\u0001.jpg', width=64, height=48, present=("Road",), absent=("Car",),
        points=(PointLabel(category="Road", x=1.23456, y=2),),
    )  # fmt: skip
    root = ElementTree.fromstring(written(LabelFormat.CVAT, [label]))
    assert root.findtext("version") == "1.1"
    assert [name.text for name in root.findall("meta/task/labels/label/name")] == list(NAMES)
    (image,) = root.findall("image")
    assert image.attrib["name"] == 'a "b" <c>&\ufffd.jpg'
    assert [tag.attrib["label"] for tag in image.findall("tag")] == ["Road", "Car"]
    (points,) = image.findall("points")
    assert points.attrib == {
        "label": "Road", "source": "manual", "occluded": "0", "points": "1.235,2.0", "z_order": "0",
    }  # fmt: skip


def test_a_coco_export_is_understood() -> None:
    found, ignored = exported(LabelFormat.COCO, "coco.json")

    crossing, tagged = found
    assert (crossing.image, crossing.width, crossing.height) == ("cam3/crossing.jpg", 640, 480)
    assert crossing.places.points == (PointLabel(category="Car", x=320.5, y=120.5),)
    assert (crossing.present, crossing.absent) == ((), ("Tree",))
    assert (tagged.image, tagged.present) == ("cam3/tagged.jpg", ("Road",))
    assert ignored == {
        "annotations without a visible keypoint": 2, "images without tags and points": 1,
    }  # fmt: skip


def test_coco_tools_can_read_what_is_exported() -> None:
    label = WeakLabel(
        image="a.jpg", width=64, height=48, present=("Car",), absent=("Road",),
        points=(PointLabel(category="Car", x=10.5, y=20.5),),
    )  # fmt: skip
    content = json.loads(written(LabelFormat.COCO, [label]))
    ids = {category["name"]: category["id"] for category in content["categories"]}
    (image,) = content["images"]
    assert (image["pos_category_ids"], image["neg_category_ids"]) == ([ids["Car"]], [ids["Road"]])
    assert content["annotations"] == [
        {
            "id": 1, "image_id": image["id"], "category_id": ids["Car"], "keypoints": [10, 20, 2],
            "num_keypoints": 1, "bbox": [10, 20, 1, 1], "area": 1, "iscrowd": 0,
        }
    ]  # fmt: skip


# --- tables


def test_no_cell_of_a_table_is_a_formula() -> None:
    label = WeakLabel(
        image="=HYPERLINK(A1)", width=64, height=48, present=("+1", "-1", "@x"), absent=("\uff1d2", "'=3"),
        annotator="\t=1",
    )  # fmt: skip
    content = written(LabelFormat.CSV, [label]).decode()
    cells = [cell for row in csv.reader(io.StringIO(content)) for cell in row]
    assert [
        cell for cell in cells if cell and cell[0] in "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
    ] == []
    (found,), _ = read(LabelFormat.CSV, content.encode())
    assert isinstance(found, FileLabel)
    assert (found.image, found.author) == ("=HYPERLINK(A1)", "\t=1")
    assert (found.present, found.absent) == (("+1", "-1", "@x"), ("\uff1d2", "'=3"))


def test_a_table_as_a_spreadsheet_saves_it() -> None:
    content = (
        "\ufeffImage;category;answer;points;tiles\r\n"
        "b.jpg;Road;present;;\r\n"
        "a.jpg;Car;Present;10 20.5; 2x2: 0 3\r\n"
        ";;;;\r\n"
        "b.jpg; Car ;absent;;\r\n"
    )
    found, _ = read(LabelFormat.CSV, content.encode())
    assert [(one.image, one.present, one.absent, one.line) for one in found] == [
        ("b.jpg", ("Road",), ("Car",), 2), ("a.jpg", ("Car",), (), 3),
    ]  # fmt: skip
    assert found[1].places.points == (PointLabel(category="Car", x=10, y=20.5),)
    assert found[1].places.tiles == TileTags(rows=2, cols=2, present={"Car": (0, 3)})


@pytest.mark.parametrize(
    "content",
    [
        ",image,width,height,category,answer,points\n0,a.png,64.0,48.0,Car,present,10 10\n",
        "Unnamed: 0,image,width,height,category,answer,points\n0,a.png,64,48.,Car,present,10 10\n",
        "Unnamed: 0.1,Unnamed: 0,image,width,height,category,answer,points\n"
        "0,0,a.png,64,48,Car,present,10 10\n",
        "image,width,height,category,answer,points,\na.png,64,48,Car,present,10 10,\n",
        "image,width,height,category,answer,points\na.png,64,48,Car,present,10 10,,\n",
        'sep=;\nimage;width;height;category;answer;points\na.png;64,0;48,0;Car;present;"10,0 10"\n',
        '\ufeff"sep=;"\r\nimage;width;height;category;answer;points\r\na.png;64;48;Car;present;10 10\r\n',
        "image, width, height ,category,answer,points\n a.png , 64, 48 , Car ,present , 10 10 \n",
        "image,width,height,category,answer,points\n" + "a.png,64,48,Car,present,10 10\n" * 2,
    ],
)
def test_a_table_as_other_tools_write_it(content: str) -> None:
    (found,), _ = read(LabelFormat.CSV, content.encode())
    assert isinstance(found, FileLabel)
    assert (found.image, found.width, found.height) == ("a.png", 64, 48)
    clicked = PointLabel(category="Car", x=10, y=10)
    assert (found.present, found.places) == (("Car",), Places(points=(clicked,)))


def test_rows_that_contradict_are_refused_with_the_line() -> None:
    rows = "a,64,48,Car,present\na,64,48,Car,absent\nb,64,48,Car,present\nb,63,48,Road,present\n"
    found, _ = read(LabelFormat.CSV, f"image,width,height,category,answer\n{rows}".encode())
    assert [one.line for one in found] == [3, 5]
    assert all(isinstance(one, Refused) for one in found)


def test_a_line_separator_in_a_text_ends_no_line() -> None:
    name = "a\u2028b\x85c\u2029.png"
    line = json.dumps({"image": name, "width": 9, "height": 9}, ensure_ascii=False)
    found, _ = read(LabelFormat.JSONL, f"\ufeff{line}\r\n{line}\r\n".encode())
    assert [one.image for one in found if isinstance(one, FileLabel)] == [name, name]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a,,,Car,perhaps,,", "neither present nor absent"),
        ("a,,,Car,present,10,", "'10' is not x and y"),
        ("a,,,Car,present,10 nan,", "is not x and y"),
        ("a,,,Car,absent,10 10,", "which is absent"),
        ("a,1.5,,Car,present,,", "width: '1.5'"),
        ("a,,,Car,present,,2 by 2", "tiles: '2 by 2'"),
        ("a,,,Car,present,,17x2: 1", "1 to 16"),
        ("a,,,Car,present,,\na,,,Car,absent,,", "both present and absent"),
        ("a,,,Car,present,,2x2: 1\na,,,Road,present,,3x3: 1", "another grid"),
    ],
)
def test_a_wrong_row_refuses_its_label_alone(row: str, reason: str) -> None:
    header = "image,width,height,category,answer,points,tiles"
    content = f"{header}\nb,,,Car,present,,\n{row}\n"
    (fine, wrong), _ = read(LabelFormat.CSV, content.encode())
    assert isinstance(fine, FileLabel)
    assert isinstance(wrong, Refused)
    assert wrong.name == "a"
    assert reason in wrong.reason
    assert wrong.line in (3, 4)


# --- files that are none


DEEP = b"[" * 100_000
LONG = b"a" * 2 * LONGEST_TOKEN
WRONG_FILES = [
    (LabelFormat.JSONL, b'{"image": "a"}\nnot json\n', "line 2: not JSON"),
    (LabelFormat.JSONL, b"[1]\n", "line 1: not a JSON object"),
    (LabelFormat.JSONL, DEEP, "line 1: not JSON"),
    (LabelFormat.JSONL, b'"' + b"a" * 2**21, "line 1: longer than"),
    (LabelFormat.JSONL, b"\xff\xfe\n", "line 1: not JSON"),
    (LabelFormat.CSV, b"", "no column 'image'"),
    (LabelFormat.CSV, b"image,category\n", "no column 'answer'"),
    (LabelFormat.CSV, b"image,category,answer,point\n", "unknown column 'point'"),
    (LabelFormat.CSV, b"image,category,answer\na,b,present,d\n", "line 2: more cells"),
    (LabelFormat.CSV, b"image,category,answer\n\xff,b,present\n", "UTF-8"),
    (LabelFormat.CSV, b'image,category,answer\n"' + b"a" * 200_000, "line 2: not a table"),
    (LabelFormat.CSV, b'"' + b"a" * 200_000, "no column 'image'"),
    (LabelFormat.LABEL_STUDIO, b"", "the end"),
    (LabelFormat.LABEL_STUDIO, b'{"images": [1]}', "array of tasks"),
    (LabelFormat.LABEL_STUDIO, b'[{"data": {}}, ', "too early"),
    (LabelFormat.LABEL_STUDIO, b'[{"data": NaN}]', "NaN"),
    (LabelFormat.LABEL_STUDIO, b"[] []", "after the end"),
    (LabelFormat.LABEL_STUDIO, b"[1 2]", "'2' where , or ] should be"),
    (LabelFormat.LABEL_STUDIO, DEEP, "recursion"),
    (LabelFormat.LABEL_STUDIO, b'["\xff"]', "UTF-8"),
    (LabelFormat.LABEL_STUDIO, b"[" + b"1" * 5000 + b"]", "not JSON"),
    (LabelFormat.CVAT, b"", "line 1: not XML: no element found"),
    (LabelFormat.CVAT, b"<annotations>\n<image></annotations>", "line 2: not XML: mismatched tag"),
    (LabelFormat.CVAT, b"<html/>", "begins with <html>"),
    (LabelFormat.CVAT, b"<annotations><track/></annotations>", "CVAT for images 1.1"),
    (LabelFormat.CVAT, b"<annotations>" + b"<a>" * 200, "inside of 100 others"),
    (LabelFormat.CVAT, b'<?xml version="1.0" encoding="nonsense"?><annotations/>', "not XML"),
    (LabelFormat.CVAT, b"<annotations><image name='" + LONG, "line 1: a tag or comment of more"),
    (
        LabelFormat.CVAT,
        b"<annotations>\n<image a='1' b='" + LONG + b"'/>",
        "line 2: a tag or comment",
    ),
    (LabelFormat.CVAT, b"<annotations><image><" + LONG, "a tag or comment"),
    (LabelFormat.CVAT, b"<annotations><!--" + LONG + b"--></annotations>", "a tag or comment"),
    (LabelFormat.CVAT, b"<!--" + LONG + b"--><annotations/>", "a tag or comment"),
    (LabelFormat.CVAT, b"<annotations><?a " + LONG + b"?></annotations>", "a tag or comment"),
    (LabelFormat.CVAT, b"<annotations></" + LONG, "a tag or comment"),
    (LabelFormat.CVAT, ("<annotations><a b='" + "a" * 2**21).encode("utf-16"), "a tag or comment"),
    (LabelFormat.COCO, b"[]", "no images"),
    (LabelFormat.COCO, b"[1]", "not COCO"),
    (LabelFormat.COCO, b'{"images": []}', "no images"),
    (LabelFormat.COCO, b'{"images": [{"id": 1}]}', "images[0]: file_name"),
    (LabelFormat.COCO, b"{1: 2}", "not JSON"),
    (
        LabelFormat.COCO,
        b'{"images": [{"id": 1, "file_name": "a.png", "width": 9, "height": 9},'
        b'{"id": 1, "file_name": "b.png", "width": 9, "height": 9}]}',
        "images[1]: the id 1 is that of a.png and of b.png",
    ),
    (
        LabelFormat.COCO,
        b'{"categories": [{"id": 2, "name": "Road"}, {"id": 2, "name": "Car"}]}',
        "categories[1]: the id 2 is that of Road and of Car",
    ),
    (
        LabelFormat.LABEL_STUDIO,
        b'[{"image": "/data/upload/1/a.png", "id": 1, "annotator": 1, "annotation_id": 1}]',
        "JSON-MIN: take its export as JSON",
    ),
    (LabelFormat.CSV, b"image,category,answer,answer\n", "'answer' is there twice"),
    (LabelFormat.CSV, b"sep=;\nimage;category;answer\na;b;present;d\n", "line 3: more cells"),
    (
        LabelFormat.COCO,
        b'{"annotations": [{"image_id": 1, "category_id": 1, "keypoints": [1]}]}',
        "three numbers",
    ),
    (
        LabelFormat.COCO,
        b'{"images": [{"id": 1, "file_name": "a", "width": 9, "height": 9}],'
        b'"annotations": [{"image_id": 7, "category_id": 1, "keypoints": [1, 1, 2]}]}',
        "image 7",
    ),
]


@pytest.mark.parametrize(("label_format", "content", "says"), WRONG_FILES)
def test_a_file_of_another_kind_is_refused_in_one_line(
    label_format: LabelFormat, content: bytes, says: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        read(label_format, content)
    assert says in refusal.value.detail
    assert "\n" not in refusal.value.detail


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">',
        '<!ENTITY lol SYSTEM "file:///etc/passwd">',
        '<!ENTITY % lol SYSTEM "http://127.0.0.1:1/evil.dtd"> %lol;',
        "",
    ],
)
def test_xml_that_declares_entities_is_refused(declaration: str) -> None:
    content = (
        f'<?xml version="1.0"?>\n<!DOCTYPE annotations [{declaration}]>\n'
        '<annotations><image name="&lol;" width="9" height="9"><tag label="a"/></image></annotations>'
    )
    with pytest.raises(BadInput, match="line 2: a document type is not allowed"):
        read(LabelFormat.CVAT, content.encode())


@pytest.mark.parametrize("label_format", ALL)
@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=200), cut=st.integers(0, 400))
def test_no_content_raises_anything_else(
    label_format: LabelFormat, content: bytes, cut: int
) -> None:
    label = WeakLabel(
        image="a", width=64, height=48, present=("Road",), absent=("Car",),
        points=(PointLabel(category="Road", x=3, y=4),), tiles=TileTags(rows=2, cols=2),
    )  # fmt: skip
    whole = written(label_format, [label])
    for candidate in (content, whole[:cut] + content + whole[cut:]):
        with contextlib.suppress(BadInput):
            read(label_format, candidate)


def test_a_long_json_element_is_read_in_pieces() -> None:
    """Elements and numbers that lie across the border of what is read at a time."""
    tasks = [
        {"data": {"image": f"{n}.jpg"}, "annotations": [{"result": [], "note": "x" * 700_000}]}
        for n in range(5)
    ]
    found, _ = read(LabelFormat.LABEL_STUDIO, json.dumps(tasks, indent=1).encode())
    assert [one.image for one in found if isinstance(one, FileLabel)] == [
        f"{n}.jpg" for n in range(5)
    ]


@pytest.mark.parametrize(
    "filler",
    [
        b"a" * 3 * LONGEST_TOKEN,
        b" " * 3 * LONGEST_TOKEN,
        b"<![CDATA[" + b"a" * 3 * LONGEST_TOKEN + b"]]>",
        b"<a/>" * LONGEST_TOKEN,
        b"<a b='" + b"a" * (LONGEST_TOKEN // 2) + b"'/>",
    ],
    ids=["text", "space", "characters", "many tags", "an attribute"],
)
def test_much_between_the_labels_of_cvat_is_passed_over(filler: bytes) -> None:
    image = b'<image name="a.png" width="64" height="48"><tag label="Road">%s</tag></image>'
    found, _ = read(LabelFormat.CVAT, b"<annotations>" + image % filler + b"</annotations>")
    assert [label.present for label in found if isinstance(label, FileLabel)] == [("Road",)]


def test_the_answer_of_a_tag_may_have_much_space_around_it() -> None:
    answer = b" " * 60 + b"false" + b" " * 10**6
    image = (
        b'<annotations><image name="a.png" width="64" height="48"><tag label="Road">'
        b'<attribute name="present">' + answer + b"</attribute></tag></image></annotations>"
    )
    found, _ = read(LabelFormat.CVAT, image)
    assert [label.absent for label in found if isinstance(label, FileLabel)] == [("Road",)]


def many_points(label_format: LabelFormat, count: int) -> bytes:
    """A label of `a.png` with so many points, and one of `b.png` with one."""
    clicks = ((count, "a.png"), (1, "b.png"))
    if label_format is LabelFormat.CSV:
        # Of one cell there is a longest, which has room for fewer.
        rows = [f'{name},64,48,Road,present,"{"; ".join(["3 4"] * part)}"' for number, name in clicks
                for part in [1000] * (number // 1000) + [number % 1000]]  # fmt: skip
        # A row that says the same again is passed over.
        rows = [row.replace("3 4", f"3.{at} 4") for at, row in enumerate(rows)]
        return "\n".join(["image,width,height,category,answer,points", *rows]).encode()
    if label_format is LabelFormat.CVAT:
        images = "".join(
            f'<image name="{name}" width="64" height="48"><points label="Road" '
            f'points="{";".join(["3,4"] * number)}"/></image>' for number, name in clicks
        )  # fmt: skip
        return f"<annotations>{images}</annotations>".encode()
    if label_format is LabelFormat.COCO:
        return json.dumps({
            "categories": [{"id": 1, "name": "Road"}],
            "images": [{"id": number, "file_name": name, "width": 64, "height": 48}
                       for number, name in clicks],
            "annotations": [
                {"id": at, "image_id": number, "category_id": 1, "keypoints": [3, 4, 2], "bbox": [0, 0, 1, 1]}
                for number, _ in clicks for at in range(number)],
        }).encode()  # fmt: skip
    point = {"type": "keypointlabels", "original_width": 64, "original_height": 48,
             "value": {"x": 5, "y": 5, "keypointlabels": ["Road"]}}  # fmt: skip
    return json.dumps([
        {"data": {"image": name}, "annotations": [{"result": [point] * number}]}
        for number, name in clicks
    ]).encode()  # fmt: skip


@pytest.mark.parametrize("label_format", [form for form in ALL if form is not LabelFormat.JSONL])
def test_a_label_of_very_many_points_is_refused_by_itself(label_format: LabelFormat) -> None:
    found, _ = read(label_format, many_points(label_format, MOST_POINTS))
    points = {
        label.image: len(label.places.points) for label in found if isinstance(label, FileLabel)
    }
    assert points == {"a.png": MOST_POINTS, "b.png": 1}
    found, _ = read(label_format, many_points(label_format, MOST_POINTS + 1))
    assert [label.image for label in found if isinstance(label, FileLabel)] == ["b.png"]
    [refused] = [one for one in found if isinstance(one, Refused)]
    assert f"more than {MOST_POINTS} points" in refused.reason


def test_an_image_of_very_many_tags_is_refused_by_itself() -> None:
    tags = b"<tag label='Road'/>"
    image = b'<image name="%s" width="64" height="48">%s</image>'
    content = image % (b"a", tags * (MOST_SHAPES + 1)) + image % (b"b", tags * MOST_SHAPES)
    found, _ = read(LabelFormat.CVAT, b"<annotations>" + content + b"</annotations>")
    assert [type(one) for one in found] == [Refused, FileLabel]
