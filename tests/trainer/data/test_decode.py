from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from trainer.contract.masks import MaskCodes, id_lookup
from trainer.data.decode import check_shapes, decode_image, image_size
from trainer.data.images import ResizedImages
from trainer.data.samples import Sample
from trainer.errors import BadInput

CODES = MaskCodes(id_lookup({0: "road"}, ("car", "road"), dataset="x"))


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


def test_a_mask_that_is_said_to_be_turned_is_not_taken_for_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image, mask = tmp_path / "image.jpg", tmp_path / "mask.png"
    Image.new("RGB", (64, 48)).save(image, exif=exif)
    Image.new("L", (64, 48)).save(mask, exif=exif)
    with pytest.raises(BadInput, match=r"mask\.png: 64 x 48 is not the shape of its image"):
        check_shapes(image, mask)
    Image.new("L", (48, 64)).save(mask)
    check_shapes(image, mask)
