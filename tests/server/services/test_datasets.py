import os
from pathlib import Path

import pytest
import yaml

from server.errors import Conflict, NotFound
from server.services import datasets
from server.settings import get_settings
from tests.server.factories import CATEGORIES, make_dataset

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def write_card(name: str, content: object) -> Path:
    folder = get_settings().datasets
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def test_a_card_is_known_by_its_file_and_lies_below_its_folder(database: str) -> None:
    path = make_dataset("streets", 3, description="Noise")

    card = datasets.get("streets")

    assert card.root == path.parent / "streets"
    (listed,) = datasets.list_all()
    assert (listed.name, listed.description, listed.images) == ("streets", "Noise", 3)
    assert (listed.has_masks, listed.categories) == (True, list(CATEGORIES))
    assert listed.problem is None


def test_a_card_without_a_name_takes_its_files(database: str) -> None:
    write_card("plain", {"root": "plain"})
    assert datasets.get("plain").name == "plain"


def test_a_listing_is_counted_by_its_lines(database: str) -> None:
    path = write_card("listed", {"listing": "listing.jsonl", "ids": {0: "Road"}})
    (path.parent / "listing.jsonl").write_text('{"image": "a", "path": "a.png"}\n\n')
    (listed,) = datasets.list_all()
    assert (listed.images, listed.problem) == (1, None)


def test_the_same_placeholder_stands_for_the_same_text_in_an_image_that_counts(
    database: str,
) -> None:
    path = write_card("cities", {"images": "{city}/{city}_1.png"})
    for name in ("ulm/ulm_1.png", "ulm/bonn_1.png"):
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).touch()
    (listed,) = datasets.list_all()
    assert listed.images == 1


@pytest.mark.parametrize("name", ["missing", "../streets", "/etc/passwd", ""])
def test_an_unknown_name_says_which_are_known(database: str, name: str) -> None:
    make_dataset("streets")
    with pytest.raises(NotFound, match="known are: streets"):
        datasets.get(name)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("root: [", "broken.yaml: cannot be read"),
        ("- a list", "broken.yaml: a dataset card is a mapping"),
        ({"roots": "x"}, "broken.yaml: roots: Extra inputs"),
        ({"ids": {"a": "Road"}}, "broken.yaml: ids.a"),
        ({"masks": "masks/{x}.png"}, "broken.yaml: masks: {x} is not in images: images/*"),
        ({"name": "other"}, "broken.yaml: name: 'other' must be the file's, 'broken'"),
    ],
)
def test_a_wrong_card_names_file_and_field(database: str, content: object, complaint: str) -> None:
    write_card("broken", content)
    with pytest.raises(Conflict) as refused:
        datasets.get("broken")
    assert complaint in refused.value.detail
    assert refused.value.problem_code == "unusable-dataset"
    (listed,) = datasets.list_all()
    assert complaint in (listed.problem or "")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"root": "elsewhere"}, "root: .*elsewhere is not a folder"),
        ({"images": "images/*.jpg"}, "there are no images"),
        ({"images": "/abs/*"}, "cannot list its images"),
        ({"masks": None}, "masks: the card does not say where"),
        ({"masks": "masks/{stem}.bmp"}, "masks: there is no mask .*bmp for .*png"),
        ({"ids": {}}, "ids: the card does not say which"),
        ({"ids": {0: "Sea"}}, "its ids name Sea; none of them is a category"),
    ],
)
def test_a_card_that_can_not_be_trained_on_says_why(
    database: str, fields: dict[str, object], complaint: str
) -> None:
    make_dataset("streets", **fields)
    with pytest.raises(Conflict, match=complaint):
        datasets.get_usable("streets", set(CATEGORIES))


def test_what_no_card_names_in_the_first_mask_is_told_before_any_run(database: str) -> None:
    make_dataset("streets", ids={0: "Road", 1: "Car"})
    complaint = r"masks/0\.png: id 2 on 1024 pixels is neither a category of the card nor void"
    with pytest.raises(Conflict, match=complaint):
        datasets.get_usable("streets", {"Road"})
    (listed,) = datasets.list_all()
    assert "write `void: [2]`, or `void: others`" in (listed.problem or "")
    make_dataset("streets", ids={0: "Road", 1: "Car"}, void="others")
    assert datasets.get_usable("streets", {"Road"}).void == "others"
    with pytest.raises(
        Conflict, match="its 'Car' is no category of the project; did you mean 'Cars'"
    ):
        datasets.get_usable("streets", {"Road", "Cars"})


def test_a_card_may_extend_a_ready_made_one(database: str) -> None:
    path = write_card("small", {"extends": "synthia", "root": "synthia"})
    for folder in ("RGB", "GT/LABELS"):
        (path.parent / "synthia" / folder).mkdir(parents=True)
        (path.parent / "synthia" / folder / "0000000.png").touch()
    (listed,) = datasets.list_all()
    assert (listed.name, listed.images, listed.problem) == ("small", 1, None)
    assert listed.categories[:3] == ["road", "sidewalk", "building"]
    assert datasets.get_usable("small", {"road"}).mask_channel == 0


def test_what_a_cards_folder_has_besides_is_known(database: str) -> None:
    card = write_card("town", {"root": "town", "images": "**/*"})
    for name in ("1.jpe", "._1.png", "film.mov"):
        (card.parent / "town" / name).parent.mkdir(exist_ok=True)
        (card.parent / "town" / name).touch()
    contents = datasets.contents_of(datasets.get("town"))
    assert (contents.images, contents.left_out) == (1, "left out: 1 hidden, 1 .mov")
    (card.parent / "town/1.jpe").unlink()
    (listed,) = datasets.list_all()
    assert "no images at" in (listed.problem or "")
    assert "left out: 1 hidden, 1 .mov" in (listed.problem or "")
    (card.parent / "town" / os.fsdecode(b"caf\xe9.png")).touch()
    (listed,) = datasets.list_all()
    assert r"image caf\xe9.png: the name is not valid UTF-8" in (listed.problem or "")


def test_a_root_that_is_not_utf_8_is_refused(database: str) -> None:
    card = write_card("town", {"root": "."})
    folder = card.parent / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    with pytest.raises(datasets.UnusableCard, match=r"caf\\xe9: the name is not valid UTF-8"):
        datasets.add(card.rename(folder / "town.yaml"))
