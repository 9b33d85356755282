from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from trainer.contract import DatasetCard
from trainer.contract.cards import load_card
from trainer.data.samples import list_samples
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
        ("name: x\nids: {0: a}\ncolors: {'#000000': a}", "ids and colors: a mask has either"),
        ("name: x\ncolors: {'#00000': a}", "'#00000' is not a colour: write #804080 or 128,64,128"),
        ("name: x\ncolors: {'1,2': a}", "'1,2' is not a colour"),
        ("name: x\ncolors: {'1,2,256': a}", "'1,2,256' is not a colour"),
        ("name: x\ncolors: {'1,2,3': a}\nvoid: [0]", "void: 0 among colours"),
        ("name: x\nids: {0: a}\nvoid: ['0,0,0']", "void: '#000000' among ids"),
        ("name: x\nvoid: all", "void"),
        ("name: x\nids: {0: a}\nmask_channel: 7", "mask_channel"),
        ("name: x\ncolors: {'1,2,3': a}\nmask_channel: 1", "mask_channel goes with ids"),
        ("name: x\nmasks: 'masks/{frame}.png'", "masks: {frame} is not in images: images/*"),
        ("name: x\nextends: gta6", "extends: no ready-made card 'gta6'; there are bdd100k"),
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


def test_placeholders_lead_from_an_image_to_its_mask(tmp_path: Path) -> None:
    for name in ("a/a_1_left.png", "a/a_2_left.png", "b/b_1_left.png", "b/a_9_left.png"):
        add_image(tmp_path / "photos" / name)
    card = DatasetCard(
        name="x",
        root=tmp_path,
        images="photos/{city}/{city}_{frame}_left.png",
        masks="truth/{city}-{frame}/{stem}.png",
    )
    assert [sample.mask for sample in list_samples(card, with_masks=False)] == [None] * 3
    for city, frame in (("a", 1), ("a", 2), ("b", 1)):
        add_image(tmp_path / f"truth/{city}-{frame}/{city}_{frame}_left.png")
    samples = list_samples(card, with_masks=True)
    assert [sample.mask for sample in samples] == [
        tmp_path / f"truth/{city}-{frame}/{city}_{frame}_left.png"
        for city, frame in (("a", 1), ("a", 2), ("b", 1))
    ]


def test_folders_are_searched_in_depth(tmp_path: Path) -> None:
    for name in ("1.png", "x/2.png", "x/y/3.png"):
        add_image(tmp_path / "images" / name)
        add_image(tmp_path / "masks" / f"{Path(name).stem}-mask.png")
    card = DatasetCard(
        name="x", root=tmp_path, images="images/**/{frame}.png", masks="masks/{frame}-mask.png"
    )
    names = [sample.mask and sample.mask.name for sample in list_samples(card, with_masks=True)]
    assert names == ["1-mask.png", "2-mask.png", "3-mask.png"]


def test_a_mask_that_the_card_does_not_place_is_missed(tmp_path: Path) -> None:
    add_image(tmp_path / "images/a.png")
    with pytest.raises(BadInput, match=r"image 'images/a\.png' has no mask"):
        list_samples(DatasetCard(name="x", root=tmp_path), with_masks=True)


def test_a_mask_without_its_image_is_never_looked_at(tmp_path: Path) -> None:
    add_image(tmp_path / "images/a.png")
    for name in ("a", "b"):
        add_image(tmp_path / f"masks/{name}.png")
    card = DatasetCard(name="x", root=tmp_path, masks="masks/{stem}.png")
    assert [sample.name for sample in list_samples(card, with_masks=True)] == ["images/a.png"]


def test_colours_may_be_written_as_numbers() -> None:
    card = DatasetCard(name="x", colors={"128,64, 128": "road", "#0A0b0C": "car"}, void=("0 0 0",))
    assert card.colors == {"#804080": "road", "#0a0b0c": "car"}
    assert card.void == ("#000000",)
    assert DatasetCard.model_validate(card.model_dump(mode="json")) == card


def test_a_dataset_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no images"):
        list_samples(DatasetCard(name="x", root=tmp_path), with_masks=False)
    with pytest.raises(BadInput, match="is not a folder"):
        list_samples(DatasetCard(name="x", root=tmp_path / "gone"), with_masks=False)


@given(st.text("ab1_{}*?/.²é", max_size=12), st.text("ab1{}.", min_size=1, max_size=8))
def test_any_text_is_a_pattern(pattern: str, path: str) -> None:
    card = DatasetCard(name="any", images=pattern, masks="masks/{stem}.png")
    assert card.is_image(Path(path)) in (True, False)
    assert card.mask_of(Path(path)) is not None


def test_a_number_in_braces_is_no_placeholder(tmp_path: Path) -> None:
    add_image(tmp_path / "images/{0}.png")
    add_image(tmp_path / "images/a.png")
    card = DatasetCard(name="braces", root=tmp_path, images="images/{0}.png")
    assert [sample.name for sample in list_samples(card, with_masks=False)] == ["images/{0}.png"]
