"""Mask files: the values that are stored, and what a card says of them."""

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from trainer.contract import DatasetCard
from trainer.contract.masks import (
    MaskCodes,
    decode_mask,
    id_lookup,
    mask_codes,
    stored_values,
)
from trainer.contract.names import nearly_named
from trainer.errors import BadInput, describe

CODES = MaskCodes(
    id_lookup({0: "road", 7: "car", 300: "sky"}, ("car", "road"), dataset="x", void=[255])
)
ANY = MaskCodes(id_lookup({0: "road"}, ("road",), dataset="x", void=None))
"""Of a card that lets any id be void."""


def test_ids_become_categories_and_others_void(tmp_path: Path) -> None:
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


def test_two_spellings_of_a_category_are_one(tmp_path: Path) -> None:
    composed, parts = "Fu\u00dfg\u00e4nger", "Fu\u00dfga\u0308nger"
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 7, 9]], np.uint8)).save(path)
    one = card(ids={0: "road", 7: parts, 9: composed})
    assert one.categories == ("road", parts)
    assert decode_mask(path, mask_codes(one, (composed, "road"))).tolist() == [[1, 0, 0]]
    red = card(colors={"#ff0000": parts})
    Image.new("RGB", (1, 1), "red").save(path)
    assert decode_mask(path, mask_codes(red, (composed,))).tolist() == [[0]]


def card(**fields: object) -> DatasetCard:
    return DatasetCard.model_validate({"name": "x"} | fields)


def test_ids_are_void_or_an_error_as_the_card_says(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([[0, 7, 7, 9, 255]], np.uint8)).save(path)
    codes = mask_codes(card(ids={0: "road"}, void="others"), ("road",))
    assert decode_mask(path, codes).tolist() == [[0, -1, -1, -1, -1]]
    for void in ([255], None):
        codes = mask_codes(card(ids={0: "road", 9: "car"}, void=void), ("road",))
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


def test_categories_that_a_run_does_not_have_are_void() -> None:
    codes = mask_codes(card(ids={0: "road", 1: "car"}, void=[2]), ("road",))
    assert codes.lookup[:4].tolist() == [0, -1, -1, -2]
    with pytest.raises(BadInput, match="'x': colors: names none of the run's categories"):
        mask_codes(card(colors={"#000000": "car"}), ("road",))


def png(values: np.ndarray, bits: int, kind: int = 0, interlaced: bool = False) -> bytes:
    """A PNG file by its specification: samples of some bits, grey (0) or of a palette (3)."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checked = name + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    def lines(part: np.ndarray) -> bytes:
        if not part.size:
            return b""
        rows = []
        for row in part.tolist():
            text = "".join(f"{value:0{bits}b}" for value in row)
            text += "0" * (-len(text) % 8)
            rows.append(b"\0" + int(text, 2).to_bytes(len(text) // 8, "big"))
        return b"".join(rows)

    adam7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
             (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))  # fmt: skip
    passes = [values[r::dr, c::dc] for r, c, dr, dc in adam7] if interlaced else [values]
    height, width = values.shape
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, int(interlaced))
    palette = chunk(b"PLTE", bytes(range(9, 9 + 3 * 2 ** min(bits, 6)))) if kind == 3 else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + palette
        + chunk(b"IDAT", zlib.compress(b"".join(map(lines, passes))))
        + chunk(b"IEND", b"")
    )


@given(
    bits=st.sampled_from([1, 2, 4, 8, 16]),
    palette=st.booleans(),
    interlaced=st.booleans(),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 17)),
    seed=st.integers(0, 999),
)
def test_the_stored_values_of_a_png_are_read(
    tmp_path_factory: pytest.TempPathFactory,
    bits: int,
    palette: bool,
    interlaced: bool,
    shape: tuple[int, int],
    seed: int,
) -> None:
    values = np.random.default_rng(seed).integers(0, 2**bits, shape)
    kind = 3 if palette and bits <= 8 else 0
    path = tmp_path_factory.getbasetemp() / "stored.png"
    if kind == 3:
        values %= 2 ** min(bits, 6)
    path.write_bytes(png(values, bits, kind, interlaced))
    assert stored_values(path, ANY).tolist() == values.tolist()
    size = (shape[1] * 2, shape[0] * 2)
    assert stored_values(path, ANY, size)[::2, ::2].tolist() == values.tolist()


def tiff(values: np.ndarray, bits: int, photometric: int, sample_format: int = 1) -> bytes:
    """An uncompressed TIFF with one strip, by its specification."""
    text = [
        (joined := "".join(f"{value % 2**bits:0{bits}b}" for value in row))
        + "0" * (-len(joined) % 8)
        for row in values.tolist()
    ]
    pixels = b"".join(int(row, 2).to_bytes(len(row) // 8, "big") for row in text)
    height, width = values.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1,
            278: height, 279: len(pixels), 339: sample_format}  # fmt: skip
    pad = -len(pixels) % 2
    entries = b"".join(
        struct.pack(">HHI", tag, 4, 1) + struct.pack(">I", value)
        if tag in (256, 257, 273, 278, 279)
        else struct.pack(">HHIHH", tag, 3, 1, value, 0)
        for tag, value in tags.items()
    )
    start = struct.pack(">2sHI", b"MM", 42, 8 + len(pixels) + pad)
    return start + pixels + bytes(pad) + struct.pack(">H", len(tags)) + entries + bytes(4)


@pytest.mark.parametrize("photometric", [0, 1], ids=["white is 0", "black is 0"])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_the_stored_values_of_a_tiff_are_read(tmp_path: Path, bits: int, photometric: int) -> None:
    values = np.arange(24).reshape(3, 8) % 2**bits
    path = tmp_path / "mask.tif"
    path.write_bytes(tiff(values, bits, photometric))
    assert stored_values(path, ANY).tolist() == values.tolist()


@pytest.mark.parametrize("largest", [1, 3, 15, 18, 255, 300, 65535])
@pytest.mark.parametrize("plain", [True, False])
def test_the_stored_values_of_a_pgm_are_read(tmp_path: Path, largest: int, plain: bool) -> None:
    values = np.linspace(0, largest, 12).astype(int).reshape(3, 4)
    path = tmp_path / "mask.pgm"
    depth = ">u1" if largest < 256 else ">u2"
    pixels = (
        " ".join(map(str, values.ravel())).encode() if plain else values.astype(depth).tobytes()
    )
    path.write_bytes(b"P%d 4 3 %d\n" % (2 if plain else 5, largest) + pixels)
    assert stored_values(path, ANY).tolist() == values.tolist()


def test_other_files_with_one_channel_are_read(tmp_path: Path) -> None:
    values = np.array([[0, 1, 1, 0]])
    for name in ("mask.bmp", "mask.png", "mask.tif", "mask.pbm"):
        path = tmp_path / name
        Image.fromarray(values.astype(bool)).save(path)
        expected = 1 - values if name.endswith("pbm") else values
        assert stored_values(path, ANY).tolist() == expected.tolist(), name


@pytest.mark.parametrize(("bits", "pixel"), [(16, -1), (32, -1), (32, -30_000)])
def test_ids_below_0_are_told_and_may_be_void(tmp_path: Path, bits: int, pixel: int) -> None:
    path = tmp_path / "mask.tif"
    path.write_bytes(tiff(np.array([[0, 1, pixel, pixel]]), bits, photometric=1, sample_format=2))
    codes = mask_codes(card(ids={0: "road", 1: "car"}), ("road", "car"))
    with pytest.raises(BadInput, match=rf"mask\.tif: id {pixel} on 2 pixels is neither"):
        decode_mask(path, codes)
    for void in ([pixel], "others"):
        codes = mask_codes(card(ids={0: "road", 1: "car"}, void=void), ("road", "car"))
        assert decode_mask(path, codes).tolist() == [[0, 1, -1, -1]]


def test_ids_out_of_any_range_are_told_or_void(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    Image.fromarray(np.array([[0, 70_000]], np.int32)).save(path)
    with pytest.raises(BadInput, match="id 70000 on 1 pixels is neither"):
        decode_mask(path, mask_codes(card(ids={0: "road"}), ("road",)))
    assert decode_mask(path, ANY).tolist() == [[0, -1]]


def test_ids_that_are_no_whole_numbers_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    Image.fromarray(np.array([[0, 1, 300]], np.float32)).save(path)
    assert stored_values(path, ANY).tolist() == [[0, 1, 300]]
    for value in (0.5, np.nan, np.inf):
        Image.fromarray(np.array([[0, value]], np.float32)).save(path)
        with pytest.raises(BadInput, match=r"mask\.tif: "):
            stored_values(path, ANY)


def test_masks_that_lose_values_are_refused_by_name(tmp_path: Path) -> None:
    mask = Image.fromarray(np.zeros((8, 8), np.uint8))
    colors = card(colors={"#000000": "road"}, void="others")
    for name, options in {"mask.jpg": {}, "mask.webp": {"quality": 80}}.items():
        mask.save(tmp_path / name, **options)
        for codes in (ANY, mask_codes(colors, ("road",))):
            with pytest.raises(BadInput, match=rf"{name}: a \w+ file changes the values of pixels"):
                decode_mask(tmp_path / name, codes)
    mask.convert("RGB").save(tmp_path / "exact.webp", lossless=True)
    assert not decode_mask(tmp_path / "exact.webp", mask_codes(colors, ("road",))).any()


def test_ids_of_16_bits_in_a_channel_are_read_whatever_the_order_of_bytes(tmp_path: Path) -> None:
    codes = mask_codes(card(ids={0: "road", 7: "car"}, mask_channel=0), ("road", "car"))
    header = struct.pack(">IIBBBBB", 2, 1, 16, 4, 0, 0, 0)
    pixels = zlib.compress(b"\0" + struct.pack(">4H", 0, 65535, 7, 65535))
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    path = tmp_path / "grey-and-alpha.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    ))  # fmt: skip
    with pytest.raises(BadInput, match="ids cannot be read from 16 bits of LA"):
        decode_mask(path, codes)


@pytest.mark.parametrize(
    ("ids", "there", "shifted"),
    [
        ({0: "road", 1: "car", 2: "sky"}, [1, 2, 3], True),
        ({1: "road", 2: "car"}, [0, 1], True),
        ({0: "road", 1: "car"}, [0, 255], False),
    ],
)
def test_ids_that_are_shifted_are_asked_about(
    tmp_path: Path, ids: dict[int, str], there: list[int], shifted: bool
) -> None:
    path = tmp_path / "mask.png"
    Image.fromarray(np.array([there], np.uint8)).save(path)
    with pytest.raises(BadInput) as error:
        decode_mask(path, mask_codes(card(ids=ids), ("road", "car", "sky")))
    occurring = ", ".join(map(str, there))
    assert f"the mask has ids {occurring}, the card names" in str(error.value)
    assert ("are they shifted by one?" in str(error.value)) is shifted
    assert ("write `void: [255]`, or `void: others`" in str(error.value)) is not shifted


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("Cars", "Car"),
        ("car", "Car"),
        (" Car ", "Car"),
        ("traffic_light", "Traffic light"),
        ("Pedestrain", "Pedestrian"),
        ("tumor", "tumour"),
        ("tumors", "Tumour"),
    ],
)
def test_a_category_that_nearly_fits_is_asked_about(name: str, category: str) -> None:
    with pytest.raises(BadInput, match=f"{name!r} is no category of the run; did you mean") as told:
        mask_codes(card(ids={0: "road", 1: name}), ("road", category))
    assert repr(category) in str(told.value)


@pytest.mark.parametrize("void", [255, "others", ["#00ff00"], "0,255,0"])
def test_one_void_value_needs_no_list(void: object) -> None:
    values = {"ids": {0: "road"}} if void in (255, "others") else {"colors": {"#000000": "road"}}
    made = DatasetCard.model_validate({"name": "x", "void": void} | values)
    assert made.void in ((255,), "others", ("#00ff00",))


@pytest.mark.parametrize("void", ["other", {"a": 1}, True, 1.5, [None], [True]])
def test_what_void_cannot_be_is_said_without_words_of_python(void: object) -> None:
    with pytest.raises(ValidationError) as error:
        DatasetCard.model_validate({"name": "x", "ids": {0: "road"}, "void": void})
    assert describe(error.value).startswith("void")
    assert not re.search("tuple|union|NoneType", describe(error.value))


def test_an_id_out_of_range_has_one_way_out(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    Image.fromarray(np.array([[0, 100_000]], np.int32)).save(path)
    with pytest.raises(BadInput, match="id 100000 on 1 pixels") as error:
        decode_mask(path, mask_codes(card(ids={0: "road"}), ("road",)))
    assert "`void: others`" in str(error.value)
    assert "void: [100000]" not in str(error.value)
    others = mask_codes(card(ids={0: "road"}, void="others"), ("road",))
    assert decode_mask(path, others).tolist() == [[0, -1]]


@pytest.mark.parametrize(
    ("names", "categories"),
    [
        (("traffic sign",), ("traffic light",)),
        (("truck",), ("track",)),
        (("zone 3",), ("zone 1",)),
        (("Car", "Cars"), ("Car",)),
        (("bicycle", "motorcycle"), ("bicyclist", "motorcyclist")),
    ],
)
def test_other_categories_are_not_taken_for_slips(
    names: tuple[str, ...], categories: tuple[str, ...]
) -> None:
    assert nearly_named(names, categories) is None
