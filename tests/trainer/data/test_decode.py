from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from trainer.contract import DatasetCard
from trainer.data.cards import Sample
from trainer.data.decode import (
    MaskCodes,
    decode_image,
    decode_mask,
    id_lookup,
    image_size,
    mask_codes,
)
from trainer.data.images import ResizedImages
from trainer.errors import BadInput

CODES = MaskCodes(id_lookup({0: "road", 7: "car", 300: "sky"}, ("car", "road"), dataset="x"))


def test_exif_orientation_is_applied_to_pixels_and_size(tmp_path: Path) -> None:
    upright = np.zeros((6, 4, 3), np.uint8)
    upright[0] = 250
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.png"
    Image.fromarray(np.rot90(upright)).save(path, exif=exif)
    assert image_size(path) == (4, 6)
    np.testing.assert_array_equal(decode_image(path), upright)


def chunks_of(png: bytes) -> list[bytes]:
    """A PNG's chunks, behind its signature."""
    chunks, place = [], 8
    while place < len(png):
        end = place + 12 + int.from_bytes(png[place : place + 4], "big")
        chunks.append(png[place:end])
        place = end
    return chunks


@pytest.mark.parametrize("turned", [True, False])
def test_the_size_of_a_png_is_read_without_its_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turned: bool
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8 if turned else 1
    path = tmp_path / "image.png"
    for options in ({"exif": exif}, {}):
        Image.new("RGB", (6, 4)).save(path, **options)
        with monkeypatch.context() as patch:
            patch.setattr(ImageFile.ImageFile, "load", None)
            assert image_size(path) == ((4, 6) if turned and options else (6, 4))


def test_an_orientation_behind_the_pixels_of_a_png_counts(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "image.png"
    Image.new("RGB", (6, 4)).save(path, exif=exif)
    content = path.read_bytes()
    chunks = chunks_of(content)
    (late,) = [chunk for chunk in chunks if chunk[4:8] == b"eXIf"]
    *others, end = [chunk for chunk in chunks if chunk is not late]
    path.write_bytes(content[:8] + b"".join([*others, late, end]))
    assert decode_image(path).shape == (6, 4, 3)
    assert image_size(path) == (4, 6)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "YCbCr"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("image.jpg" if mode in ("CMYK", "YCbCr") else "image.png")
    Image.new("RGB", (8, 8), "white").convert(mode).save(path)
    image = decode_image(path)
    assert image.shape == (8, 8, 3)
    assert image.min() >= 250


def test_16_bits_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 32896, 65535]], np.uint16)).save(path)
    assert decode_image(path)[0, :, 0].tolist() == [0, 128, 255]


def test_large_jpegs_are_resized(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (1600, 900), (200, 10, 10)).save(path)
    image = decode_image(path, (64, 48))
    assert image.shape == (48, 64, 3)
    assert abs(image.mean((0, 1)) - (200, 10, 10)).max() < 4


def test_an_animation_is_its_first_frame(tmp_path: Path) -> None:
    path = tmp_path / "moving.png"
    Image.new("RGB", (4, 4), "white").save(
        path, save_all=True, append_images=[Image.new("RGB", (4, 4), "black")]
    )
    assert decode_image(path).min() == 255


@pytest.mark.parametrize("content", [b"", b"some text", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_image_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(content)
    for read in (decode_image, image_size):
        with pytest.raises(BadInput, match=r"broken\.jpg"):
            read(path)


def test_a_truncated_image_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(BadInput, match=r"cut\.jpg: cannot decode"):
        decode_image(path)


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.png"
    Image.new("RGB", (100, 100)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)
    with pytest.raises(BadInput, match=r"bomb\.png"):
        decode_image(path)


def test_raw_ids_become_categories_and_the_rest_void(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 7, 255]], np.uint8)).save(path)
    assert decode_mask(path, CODES).tolist() == [[1, 0, -1]]
    Image.fromarray(np.array([[0, 7, 300]], np.uint16)).save(path)
    assert decode_mask(path, CODES).tolist() == [[1, 0, -1]]


def test_a_mask_is_resized_by_nearest_neighbour(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.repeat(np.array([[0, 7]], np.uint8), 4, 1)).save(path)
    assert decode_mask(path, CODES, (4, 2)).tolist() == [[1, 1, 0, 0]] * 2


def test_a_mask_of_several_channels_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.new("RGB", (4, 4)).save(path)
    with pytest.raises(BadInput, match=r"mask\.png: a mask has one channel, this one is RGB"):
        decode_mask(path, CODES)


@pytest.mark.parametrize(("ids", "message"), [({}, "names none"), ({70000: "car"}, "70000")])
def test_useless_ids_are_an_error(ids: dict[int, str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        id_lookup(ids, ("car",), dataset="x")


def card(**fields: object) -> DatasetCard:
    return DatasetCard.model_validate({"name": "x"} | fields)


def test_ids_are_void_or_an_error_as_the_card_says(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 7, 7, 9, 255]], np.uint8)).save(path)
    for void in (None, "others"):
        codes = mask_codes(card(ids={0: "road"}, void=void), ("road",))
        assert decode_mask(path, codes).tolist() == [[0, -1, -1, -1, -1]]
    codes = mask_codes(card(ids={0: "road", 9: "car"}, void=[255]), ("road",))
    with pytest.raises(BadInput, match=r"mask\.png: id 7 on 2 pixels is neither a category"):
        decode_mask(path, codes)
    codes = mask_codes(card(ids={0: "road", 9: "car"}, void=[255, 7]), ("road",))
    assert decode_mask(path, codes).tolist() == [[0, -1, -1, -1, -1]]


def test_unknown_ids_are_counted_at_the_masks_own_size(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.full((8, 8), 3, np.uint8)).save(path)
    codes = mask_codes(card(ids={0: "road"}, void=[]), ("road",))
    with pytest.raises(BadInput, match="id 3 on 64 pixels"):
        decode_mask(path, codes, (2, 2))


def test_other_colours_are_void_where_the_card_says(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    colors = {"#804080": "road", "0,0,142": "car"}
    Image.fromarray(np.array([[[128, 64, 128], [0, 0, 142], [5, 5, 5]]], np.uint8)).save(path)
    codes = mask_codes(card(colors=colors, void="others"), ("car", "road"))
    assert decode_mask(path, codes).tolist() == [[1, 0, -1]]
    with pytest.raises(BadInput, match=r"mask\.png: colour #050505 on 1 pixels"):
        decode_mask(path, mask_codes(card(colors=colors), ("car", "road")))


def test_a_coloured_palette_is_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette([128, 64, 128, 0, 0, 142])
    image.save(path)
    codes = mask_codes(card(colors={"#804080": "road", "#00008e": "car"}), ("road", "car"))
    assert decode_mask(path, codes).tolist() == [[0, 1]]


def test_ids_may_be_in_a_channel(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[[9, 0, 3], [9, 7, 3]]], np.uint8)).save(path)
    codes = mask_codes(card(ids={0: "road", 7: "car"}, void=[], mask_channel=1), ("road", "car"))
    assert decode_mask(path, codes).tolist() == [[0, 1]]
    codes = mask_codes(card(ids={0: "road"}, mask_channel=3), ("road",))
    with pytest.raises(BadInput, match=r"mask\.png: cannot decode the mask: there is no channel 3"):
        decode_mask(path, codes)


@pytest.mark.parametrize(
    ("size", "same"), [((16, 8), True), ((8, 4), True), ((1000, 503), True), ((8, 16), False)]
)
def test_a_mask_has_the_shape_of_its_image(
    tmp_path: Path, size: tuple[int, int], same: bool
) -> None:
    image, mask = tmp_path / "image.png", tmp_path / "mask.png"
    Image.new("RGB", (16, 8)).save(image)
    Image.new("L", size).save(mask)
    images = ResizedImages([Sample("image.png", image, mask)], (4, 2), CODES)
    if same:
        assert images.mask(0).shape == (2, 4)
        return
    with pytest.raises(BadInput, match=r"mask\.png: 8 x 16 is not the shape of its image .*16 x 8"):
        images.mask(0)


def test_categories_that_a_run_does_not_have_are_void() -> None:
    codes = mask_codes(card(ids={0: "road", 1: "car"}, void=[2]), ("road",))
    assert codes.lookup[:4].tolist() == [0, -1, -1, -2]
    with pytest.raises(BadInput, match="'x': colors: names none of the run's categories"):
        mask_codes(card(colors={"#000000": "car"}), ("road",))
