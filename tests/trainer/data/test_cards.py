from pathlib import Path

import pytest
from PIL import Image

from trainer.contract import DatasetCard
from trainer.data.cards import list_samples, load_card
from trainer.errors import BadInput


def write_card(folder: Path, text: str) -> Path:
    path = folder / "card.yaml"
    path.write_text(text)
    return path


def add_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(path)


def test_a_relative_root_is_below_the_cards_folder(tmp_path: Path) -> None:
    add_image(tmp_path / "town/images/b.png")
    add_image(tmp_path / "town/images/a.JPG".replace("JPG", "jpg"))
    add_image(tmp_path / "town/masks/a.png")
    (tmp_path / "town/images/notes.txt").write_text("not an image")
    card = load_card(
        write_card(tmp_path, "name: town\nroot: town\nmasks: masks/{stem}.png\nids: {0: road}")
    )
    samples = list_samples(card, with_masks=False)
    assert [sample.name for sample in samples] == ["images/a.jpg", "images/b.png"]
    assert samples[0].image == tmp_path / "town/images/a.jpg"
    assert card.ids == {0: "road"}
    with pytest.raises(BadInput, match=r"mask .*b\.png is not there"):
        list_samples(card, with_masks=True)


def test_a_listing_names_images_and_masks(tmp_path: Path) -> None:
    add_image(tmp_path / "one.png")
    (tmp_path / "listing.jsonl").write_text(
        '{"image": "x/1", "path": "one.png", "mask": "gone.png"}\n\n'
    )
    card = load_card(write_card(tmp_path, "name: listed\nlisting: listing.jsonl"))
    (sample,) = list_samples(card, with_masks=False)
    assert (sample.name, sample.image, sample.mask) == ("x/1", tmp_path / "one.png", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", "cannot read the dataset card"),
        ("- 1", "is a mapping"),
        ("name: x\nimagez: y", "imagez: Extra inputs"),
        ("root: .", "name: Field required"),
        ("name: x\nids: {road: 1}", "ids.road"),
    ],
)
def test_a_bad_card_is_named_with_its_field(tmp_path: Path, text: str, message: str) -> None:
    path = write_card(tmp_path, text)
    with pytest.raises(BadInput) as raised:
        load_card(path)
    assert str(path) in str(raised.value)
    assert message in str(raised.value)


def test_a_missing_card_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot read"):
        load_card(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "listing.jsonl:2"),
        ('{"image": "b", "path": "b.png", "x": 1}', "listing.jsonl:2: x"),
        ('{"image": "a", "path": "a.png"}', "'a' is there twice"),
        ('{"image": "b", "path": "b.png"}', "b.png is not there"),
    ],
)
def test_a_bad_listing_is_named_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    add_image(tmp_path / "a.png")
    (tmp_path / "listing.jsonl").write_text('{"image": "a", "path": "a.png"}\n' + line)
    card = DatasetCard(name="x", root=tmp_path, listing=Path("listing.jsonl"))
    with pytest.raises(BadInput, match=message):
        list_samples(card, with_masks=False)


def test_a_dataset_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no images"):
        list_samples(DatasetCard(name="x", root=tmp_path), with_masks=False)
    with pytest.raises(BadInput, match="is not a folder"):
        list_samples(DatasetCard(name="x", root=tmp_path / "gone"), with_masks=False)
