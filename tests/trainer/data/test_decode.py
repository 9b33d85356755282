from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer.data.decode import decode_image, decode_mask, id_lookup, image_size
from trainer.errors import BadInput

LOOKUP = id_lookup({0: "road", 7: "car", 300: "sky"}, ("car", "road"), dataset="x")


def test_exif_orientation_is_applied_to_pixels_and_size(tmp_path: Path) -> None:
    upright = np.zeros((6, 4, 3), np.uint8)
    upright[0] = 250
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.png"
    Image.fromarray(np.rot90(upright)).save(path, exif=exif)
    assert image_size(path) == (4, 6)
    np.testing.assert_array_equal(decode_image(path), upright)


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
    assert decode_mask(path, LOOKUP).tolist() == [[1, 0, -1]]
    Image.fromarray(np.array([[0, 7, 300]], np.uint16)).save(path)
    assert decode_mask(path, LOOKUP).tolist() == [[1, 0, -1]]


def test_a_mask_is_resized_by_nearest_neighbour(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.repeat(np.array([[0, 7]], np.uint8), 4, 1)).save(path)
    assert decode_mask(path, LOOKUP, (4, 2)).tolist() == [[1, 1, 0, 0]] * 2


def test_a_mask_of_several_channels_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.new("RGB", (4, 4)).save(path)
    with pytest.raises(BadInput, match=r"mask\.png: a mask has one channel, this one is RGB"):
        decode_mask(path, LOOKUP)


@pytest.mark.parametrize(("ids", "message"), [({}, "names none"), ({70000: "car"}, "70000")])
def test_useless_ids_are_an_error(ids: dict[int, str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        id_lookup(ids, ("car",), dataset="x")
