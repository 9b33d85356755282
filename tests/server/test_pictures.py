"""What becomes of picture files that cameras, tools and broken disks write."""

import contextlib
import io
import random
import struct
import sys
import tempfile
import threading
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.pictures import FORMATS, BadPicture, Picture, scaled, screen_width, verify_picture
from server.settings import Settings
from tests.odd_pictures import (
    ASCII,
    BYTE,
    DOUBLE,
    LONG,
    ORIENTATION,
    SHORT,
    UNDEFINED,
    encode,
    exif,
    exif_of,
    mpo,
    mutated,
    samples,
    scene,
    with_chunk,
    with_segment,
    with_tag,
)
from trainer.contract.pictures import Rules, read_picture
from trainer.data.decode import decode_image, image_size
from trainer.errors import BadInput

SETTINGS = Settings()
SECONDS_OF_A_KIND = 0.25


def pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "RGB"
        return np.asarray(image).astype(int)


def close(found: Picture, expected: Image.Image, most: float = 0) -> bool:
    return bool(np.abs(pixels(found.content) - np.asarray(expected).astype(int)).mean() <= most)


def cut_exif(orientation: int = 1) -> bytes:
    """Whole up to its orientation, and cut short behind it."""
    return exif(orientation).tobytes()[6:-30]


@pytest.mark.parametrize("progressive", [False, True])
def test_a_damaged_jpeg_is_judged_as_if_all_its_pixels_were_made(progressive: bool) -> None:
    """Cut anywhere, or with other bytes in it: what decodes to the end is taken, and nothing else."""
    whole = encode(scene((1001, 333)), "JPEG", quality=60, progressive=progressive)
    rng = random.Random(14)
    damaged = [whole[: rng.randrange(len(whole))] for _ in range(30)]
    for _ in range(60):
        other = bytearray(whole)
        other[rng.randrange(len(whole))] = rng.randrange(256)
        damaged.append(bytes(other))
    verdicts = []
    for content in [whole, *damaged]:
        try:
            size = read_picture(
                content, Rules(most_pixels=10**7, stills=True, formats=FORMATS)
            ).image.size
        except BadPicture:
            with pytest.raises(BadPicture):
                verify_picture(content, SETTINGS)
            verdicts.append(False)
        else:
            picture = verify_picture(content, SETTINGS)
            assert (picture.width, picture.height) == size
            verdicts.append(True)
    assert verdicts[0]
    assert len(set(verdicts)) == 2


@pytest.mark.parametrize("name", samples())
def test_damage_of_any_kind_is_a_reason_and_nothing_else(name: str, tmp_path: Path) -> None:
    """`filterwarnings = error` makes a warning that gets out a failure too."""
    dice = random.Random(name)
    settings = Settings(max_image_pixels=100_000)
    path = tmp_path / "damaged"
    until = time.process_time() + SECONDS_OF_A_KIND
    tried = 0
    while tried < 2000 and time.process_time() < until:
        tried += 1
        damaged = mutated(dice, samples()[name])
        with contextlib.suppress(BadPicture):
            found = verify_picture(damaged, settings)
            assert pixels(found.content).shape == (found.height, found.width, 3)
        path.write_bytes(damaged)
        with contextlib.suppress(BadInput):
            shape = decode_image(path).shape
            assert image_size(path) == (shape[1], shape[0])
    assert tried > 20


@pytest.mark.parametrize("size", [(64, 48), (41, 30)])
def test_a_jpeg_whose_form_cannot_be_cut_is_coded_anew_with_all_its_pixels(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = scene().resize(size)
    content = encode(picture, "JPEG", quality=95)
    monkeypatch.setattr("server.pictures.without_metadata", lambda *_, **__: None)
    found = verify_picture(content, SETTINGS)
    assert (found.width, found.height) == size
    before, after = (pixels(each).astype(int) for each in (content, found.content))
    assert after.shape == before.shape
    assert np.abs(after - before).mean() < 3


@pytest.mark.parametrize("orientation", [1, 6])
def test_pixels_are_taken_though_their_exif_is_cut_short(orientation: int) -> None:
    broken = cut_exif(orientation)
    plain = {form: encode(scene(), form) for form in ("PNG", "JPEG", "WEBP")}
    upright = scene().transpose(Image.Transpose.ROTATE_270) if orientation == 6 else scene()
    files = [
        with_chunk(plain["PNG"], b"eXIf", broken),
        with_chunk(plain["PNG"], b"eXIf", broken, late=True),
        with_segment(plain["JPEG"], 0xE1, b"Exif\0\0" + broken),
        encode(scene(), "WEBP", exif=b"Exif\0\0" + broken, lossless=True),
    ]
    for content in files:
        found = verify_picture(content, SETTINGS)
        assert found.notes
        assert (found.width, found.height) == upright.size
        assert close(found, upright, most=12)
        with Image.open(io.BytesIO(found.content)) as kept:
            assert not kept.getexif()


@pytest.mark.parametrize("orientation", [1, 6])
def test_an_avif_is_taken_and_turned_though_its_exif_is_garbage(
    orientation: int, tmp_path: Path
) -> None:
    head = exif().tobytes().removeprefix(b"Exif\0\0")[:8]
    whole = encode(scene(), "AVIF", quality=95, speed=10, exif=exif(orientation))
    content = whole.replace(head, b"\xff" * len(head))
    assert content != whole
    upright = scene().transpose(Image.Transpose.ROTATE_270) if orientation == 6 else scene()
    found = verify_picture(content, SETTINGS)
    assert found.notes == ("its metadata cannot be read and was left out",)
    assert close(found, upright, most=12)
    path = tmp_path / "a.avif"
    path.write_bytes(content)
    assert image_size(path) == upright.size
    with pytest.raises(BadPicture):
        verify_picture(content[:-100], SETTINGS)


def test_only_what_is_broken_is_left_out_and_pixels_are_not_encoded_again() -> None:
    plain = encode(scene(), "JPEG", icc_profile=b"a profile")
    found = verify_picture(with_segment(plain, 0xE1, b"Exif\0\0II*"), SETTINGS)
    with Image.open(io.BytesIO(found.content)) as kept:
        assert kept.info["icc_profile"] == b"a profile"
    assert (pixels(found.content) == pixels(plain)).all()


def bomb(size: int = 70_000_000) -> bytes:
    return zlib.compress(bytes(size), 1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda png: with_chunk(png, b"iCCP", b"x\0\0" + bomb()),
        lambda png: with_chunk(png, b"iCCP", b"x"),
        lambda png: with_chunk(png, b"iCCP", b"x\0\x07what"),
        lambda png: with_chunk(png, b"zTXt", b"Title\0\0" + bomb()),
        lambda png: with_chunk(png, b"iTXt", b"Title\0\1\0en\0x\0" + bomb()),
        lambda png: with_chunk(png, b"zTXt", b"Title\0\x09what"),
        lambda png: with_chunk(png, b"pHYs", b"\0\0"),
        lambda png: with_chunk(png, b"cHRM", b"\0\0"),
        lambda png: with_chunk(png, b"gAMA", b""),
        lambda png: with_chunk(png, b"acTL", b"\0\0"),
        lambda png: with_chunk(png, b"zTXt", b"Title\0\0" + bomb(), late=True),
        lambda png: png[:-12],
        lambda png: png[:-12] + struct.pack(">I", 500) + b"tEXtcut short",
        lambda png: png[:-12] + b"\xff" * 40,
        lambda png: png[:33] + b"\0\0\0\x04tEXta\0bcWRNG" + png[33:],
    ],
)  # fmt: skip
def test_a_png_is_taken_whatever_stands_beside_its_pixels(damage: object) -> None:
    content = damage(encode(scene(), "PNG"))  # type: ignore[operator]
    found = verify_picture(content, SETTINGS)
    assert close(found, scene())
    assert len(found.content) < 10_000


@pytest.mark.parametrize(
    ("marker", "data"),
    [
        (0xE0, b"JFIF\0\1"),
        (0xE1, b"Exif\0\0"),
        (0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff"),
        (0xE2, b"ICC_PROFILE\0"),
        (0xE2, b"ICC_PROFILE\0\1\2half of a profile"),
        (0xE2, b"MPF\0"),
        (0xE2, b"MPF\0II*\0\x08\0\0\0\xff\xff"),
        (0xE2, b"MPF\0MM\0*\0\0\0\x08\0\1\xb0\1\0\4\0\0\0\1\0\0\0\2\0\0\0\0"),
        (0xED, b"Photoshop 3.0\x008BIM\3\xed\0\0\0\0\0\1"),
        (0xEE, b"Adobe"),
    ],
)
def test_a_jpeg_is_taken_whatever_stands_beside_its_pixels(marker: int, data: bytes) -> None:
    plain = encode(scene(), "JPEG")
    found = verify_picture(with_segment(plain, marker, data), SETTINGS)
    assert (pixels(found.content) == pixels(plain)).all()


@pytest.mark.parametrize(
    "tag",
    [
        (282, ASCII, 5, b"wide\0"),
        (283, LONG, 1, b"\0\0\0\0"),
        (296, ASCII, 2, b"3\0"),
        (34665, LONG, 1, b"\xff\xff\xff\xff"),
        (34853, ASCII, 8, b"nowhere\0"),
        (34675, UNDEFINED, 9, b"a profile"),
        (700, BYTE, 2, b"\xff\xfe"),
        (315, SHORT, 1, b"\1\0"),
        (37500, UNDEFINED, 50, b"\1" * 50),
        (33432, ASCII, 400_000_000, b"\0\0\0\1"),
    ],
)
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_a_tiff_is_taken_whatever_stands_beside_its_pixels(
    tag: tuple[int, int, int, bytes], compression: str | None
) -> None:
    content = with_tag(encode(scene(), "TIFF", compression=compression), *tag)
    assert close(verify_picture(content, SETTINGS), scene())


def test_the_first_of_a_cameras_pictures_is_taken() -> None:
    found = verify_picture(mpo(), SETTINGS)
    assert (found.width, found.height) == scene().size
    assert close(found, scene(), most=8)


def tiff_pages(*pages: Image.Image) -> bytes:
    return encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])


def test_the_full_picture_is_taken_and_not_its_overviews() -> None:
    half, quarter = scene().reduce(2), scene().reduce(4)
    marked = scene((16, 16), seed=1)
    marked.encoderinfo = {"tiffinfo": {254: 1}}
    for content in (
        tiff_pages(scene(), half, quarter),
        tiff_pages(half, scene()),
        tiff_pages(scene(), marked),
    ):
        found = verify_picture(content, SETTINGS)
        assert close(found, scene()), found


def test_a_thumbnail_beside_raw_data_is_not_taken_for_the_picture() -> None:
    preview = with_tag(encode(scene(), "TIFF"), 254, LONG, 1, b"\1\0\0\0")
    with_raw_data = with_tag(preview, 330, LONG, 1, b"\x08\0\0\0")
    with pytest.raises(BadPicture, match="raw file"):
        verify_picture(with_raw_data, SETTINGS)


@pytest.mark.parametrize("pages", [
    [scene(), scene(seed=1)], [scene(), scene((40, 29))], [scene((40, 20)), scene((20, 28))],
])  # fmt: skip
def test_a_document_of_several_pages_is_refused(pages: list[Image.Image]) -> None:
    with pytest.raises(BadPicture, match="several pages"):
        verify_picture(tiff_pages(*pages), SETTINGS)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "AVIF"])
def test_an_animation_is_refused_and_one_frame_of_it_is_a_picture(form: str) -> None:
    moving = {"save_all": True, "append_images": [scene(seed=1)]}
    with pytest.raises(BadPicture, match="animation"):
        verify_picture(encode(scene(), form, **moving), SETTINGS)
    found = verify_picture(encode(scene(), form, save_all=True), SETTINGS)
    assert close(found, scene(), most=30)


def test_the_picture_of_an_animated_file_of_one_frame_is_shown_as_it_was_read() -> None:
    """The one that viewers show which cannot animate; the kept file has no other."""
    content = with_chunk(encode(scene(), "PNG"), b"acTL", struct.pack(">II", 1, 0))
    found = verify_picture(content, SETTINGS)
    assert close(found, scene())
    assert b"acTL" not in found.content


def test_avif_becomes_what_every_browser_shows() -> None:
    found = verify_picture(encode(scene(), "AVIF", quality=90, exif=exif(6)), SETTINGS)
    assert found.suffix == ".jpeg"
    assert (found.width, found.height) == (30, 40)
    assert close(found, scene().transpose(Image.Transpose.ROTATE_270), most=12)


HEIC_HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 60


@pytest.mark.parametrize("head", [HEIC_HEAD, HEIC_HEAD.replace(b"ftypheic", b"ftypmif1")])
def test_heic_is_named_where_it_cannot_be_read(
    head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(BadPicture, match=r"HEIC.*weakseg\[heif\]"):
        verify_picture(head, SETTINGS)


def test_heic_is_taken_where_pillow_heif_is_installed() -> None:
    from pillow_heif import from_pillow

    buffer = io.BytesIO()
    from_pillow(scene((64, 48))).save(buffer, quality=95)
    found = verify_picture(buffer.getvalue(), SETTINGS)
    assert found.suffix == ".jpeg"
    assert close(found, scene((64, 48)), most=12)
    with pytest.raises(BadPicture):
        verify_picture(buffer.getvalue()[:200], SETTINGS)


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        (np.linspace(0, 1, 1200, dtype=np.float32), (0, 255)),
        (np.linspace(100, 180, 1200, dtype=np.float32), (0, 255)),
        (np.linspace(-5e30, 5e30, 1200, dtype=np.float32), (0, 255)),
        (np.arange(1200, dtype=np.int32) + 2**30, (0, 255)),
        (np.arange(1200, dtype=np.int32) - 600, (0, 255)),
        (np.linspace(0, 65535, 1200).astype(np.uint16), (0, 255)),
        (np.linspace(0, 6553.5, 1200).astype(np.uint16), (0, 25)),
        (np.full(1200, 7, np.float32), (127, 127)),
    ],
)
def test_deep_pictures_are_scaled_and_server_and_trainer_read_the_same(
    values: np.ndarray, ends: tuple[int, int], tmp_path: Path
) -> None:
    content = encode(Image.fromarray(values.reshape(30, 40)), "TIFF")
    found = verify_picture(content, SETTINGS)
    shown = pixels(found.content)
    assert (shown[0, 0, 0], shown[-1, -1, 0]) == ends
    assert bool(found.notes) == (values.dtype != np.uint16)
    path = tmp_path / "deep.tif"
    path.write_bytes(content)
    assert (decode_image(path) == shown).all()


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_picture_of_16_bits_that_looks_black_is_taken_with_a_word(form: str) -> None:
    values = np.arange(1200, dtype=np.uint16).reshape(30, 40)
    found = verify_picture(encode(Image.fromarray(values), form), SETTINGS)
    assert found.notes == ("values of 16 bits, none over 1199 of 65535: it is dark",)
    assert pixels(found.content).max() == 5


def test_what_is_no_number_is_said() -> None:
    values = np.linspace(0, 1000, 1200, dtype=np.float32).reshape(30, 40)
    values[3, :3] = np.nan, np.inf, -np.inf
    found = verify_picture(encode(Image.fromarray(values), "TIFF"), SETTINGS)
    assert "3 pixels are no finite number" in " ".join(found.notes)
    assert pixels(found.content)[3, :3, 0].tolist() == [0, 255, 0]
    values[:] = np.nan
    with pytest.raises(BadPicture, match="finite"):
        verify_picture(encode(Image.fromarray(values), "TIFF"), SETTINGS)


@pytest.mark.parametrize(
    "orientation",
    [
        (SHORT, 1, b"\0\0"),
        (SHORT, 1, b"\x09\0"),
        (SHORT, 1, b"\xff\xff"),
        (ASCII, 2, b"6\0"),
        (ASCII, 9, b"on its si"),
        (DOUBLE, 1, struct.pack("<d", 6)),
        (UNDEFINED, 1, b"\6"),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_orientation_that_is_none_turns_nothing(
    form: str, orientation: tuple[int, int, bytes], tmp_path: Path
) -> None:
    if form == "TIFF":
        content = with_tag(encode(scene(), "TIFF"), ORIENTATION, *orientation)
    else:
        content = encode(scene(), form, exif=exif_of(ORIENTATION, *orientation))
    found = verify_picture(content, SETTINGS)
    assert (found.width, found.height) == scene().size
    assert found.notes
    path = tmp_path / "picture"
    path.write_bytes(content)
    assert image_size(path) == scene().size
    assert decode_image(path).shape == (30, 40, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF", "BARE"])
def test_every_orientation_is_applied_once_by_both(
    form: str, orientation: int, tmp_path: Path
) -> None:
    corner = Image.new("RGB", (40, 30), "black")
    corner.paste("white", (0, 0, 20, 10))
    if form == "BARE":
        content = with_chunk(encode(corner, "PNG"), b"eXIf", cut_exif(orientation))
    else:
        content = encode(corner, form, exif=exif(orientation))
    path = tmp_path / "picture"
    path.write_bytes(content)
    found = verify_picture(content, SETTINGS)
    assert image_size(path) == (found.width, found.height)
    assert (decode_image(path) == pixels(found.content)).all()
    by_tag = {1: "tl", 2: "tr", 3: "br", 4: "bl", 5: "tl", 6: "tr", 7: "br", 8: "bl"}
    y, x = np.argwhere(pixels(found.content)[..., 0] > 128).mean(0)
    where = ("t" if y < found.height / 2 else "b") + ("l" if x < found.width / 2 else "r")
    assert where == by_tag[orientation]
    assert (found.width > found.height) == (orientation < 5)


def test_the_limit_is_the_settings_and_not_pillows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    large = scene((80, 60))
    path = tmp_path / "large"
    for form in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF"):
        content = encode(large, form)
        found = verify_picture(content, Settings(max_image_pixels=5000))
        assert (found.width, found.height) == (80, 60)
        path.write_bytes(found.content)
        assert scaled(path, 40)
        with pytest.raises(BadPicture, match="too many pixels: 80 x 60"):
            verify_picture(content, Settings(max_image_pixels=4000))
    assert Image.MAX_IMAGE_PIXELS == 100
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(encode(large, "PNG")))


def test_the_trainer_reads_what_its_server_took(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(encode(scene((80, 60)), "PNG"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(BadInput, match="too many pixels"):
        decode_image(path)
    monkeypatch.setenv("WEAKSEG_MAX_IMAGE_PIXELS", "5000")
    assert decode_image(path).shape == (60, 80, 3)


@pytest.mark.parametrize(
    ("wanted", "original", "width"),
    [
        (4096, 6000, 2560), (20_000, 20_000, None), (4096, 4096, None), (4096, 3000, None),
        (2561, 2562, 2560), (1, 300, None), (1, 321, 320), (900, 1000, None), (2560, 2560, None),
    ],
)  # fmt: skip
def test_no_picture_comes_larger_than_what_is_asked_for_and_scaled(
    wanted: int, original: int, width: int | None
) -> None:
    assert screen_width(wanted, original) == width


def test_a_scaled_picture_keeps_its_shape(tmp_path: Path) -> None:
    path = tmp_path / "tall.jpeg"
    path.write_bytes(encode(scene((400, 1001)), "JPEG"))
    with Image.open(io.BytesIO(scaled(path, 320))) as small:
        assert small.size == (320, 801)


def test_warnings_of_threads_do_not_mix() -> None:
    """`catch_warnings` alone leaves its filters behind when two threads use it at once."""
    odd = with_tag(encode(scene(), "TIFF"), 33432, ASCII, 400_000_000, b"\0\0\0\1")
    before = warnings.filters[:]
    show = warnings.showwarning
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(30):
                verify_picture(samples()["told.png"], SETTINGS)
                verify_picture(odd, SETTINGS)
        except BaseException as error:  # noqa: BLE001 - it is shown by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert warnings.filters == before
    assert warnings.showwarning is show


# --- what a picture tells besides

SECRET = b"N 48.858370 E 2.294481, camera 0073981"


def with_riff_chunk(webp: bytes, kind: bytes, data: bytes, flag: int = 0) -> bytes:
    """An extended WebP with one more chunk at its end."""
    extended = bytearray(webp)
    extended[20] |= flag
    body = (
        bytes(extended[8:]) + struct.pack("<4sI", kind, len(data)) + data + b"\0" * (len(data) % 2)
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def between_scans(jpeg: bytes, segment: bytes) -> bytes:
    """A progressive JPEG with something before its second scan."""
    second = jpeg.index(b"\xff\xda", jpeg.index(b"\xff\xda") + 2)
    tables = jpeg.rindex(b"\xff\xc4", 0, second)
    return jpeg[:tables] + segment + jpeg[tables:]


def telling() -> dict[str, bytes]:
    """Pictures that tell where they were made, each in another place."""
    gps = Image.Exif()
    gps[0x8825] = {1: "N", 2: (48.0, 51.0, 30.13), 29: SECRET.decode()}
    gps[0xA431] = SECRET.decode()
    jpeg = encode(scene(), "JPEG", icc_profile=b"a profile")
    moving = encode(scene(), "JPEG", progressive=True)
    png = encode(scene(), "PNG", icc_profile=b"a profile")
    webp = encode(scene(), "WEBP", icc_profile=b"a profile")
    plain_webp = encode(scene(), "WEBP")
    comment = struct.pack(">BBH", 0xFF, 0xFE, len(SECRET) + 2) + SECRET
    with_thumbnail = b"JFIF\0\1\2\0\0\1\0\1\1\x0d" + SECRET[:39].ljust(39)
    files = {f"{form} EXIF": encode(scene(), form, exif=gps) for form in ("JPEG", "PNG", "WEBP")}
    files |= {f"{form} XMP": encode(scene(), form, xmp=SECRET) for form in ("JPEG", "WEBP")}
    files |= {
        f"JPEG segment {marker:x}": with_segment(jpeg, marker, head + SECRET)
        for marker, head in (
            (0xE0, b"JFXX\0\x10"), (0xE1, b"http://ns.adobe.com/xmp/extension/\0"), (0xE2, b"FPXR\0"),
            (0xE3, b""), (0xED, b"Photoshop 3.0\0"), (0xEF, b""), (0xFE, b""),
        )
    }  # fmt: skip
    files |= {
        "JPEG thumbnail": jpeg[:2] + with_segment(jpeg, 0xE0, with_thumbnail)[2:],
        "JPEG Adobe": with_segment(jpeg, 0xEE, b"Adobe\0\x64\0\0\0\0\1" + SECRET),
        "JPEG behind its end": jpeg + SECRET,
        "JPEG two pictures": jpeg + with_segment(jpeg, 0xFE, SECRET),
        "JPEG between scans": between_scans(moving, comment),
        "JPEG fill bytes": with_segment(jpeg, 0xFE, SECRET).replace(
            b"\xff\xfe", b"\xff\xff\xff\xfe", 1
        ),
        "JPEG MPO": encode(
            scene(), "MPO", save_all=True, append_images=[scene((20, 15), 1)], exif=gps
        ),
        "PNG text": with_chunk(png, b"tEXt", b"Comment\0" + SECRET),
        "PNG iTXt": with_chunk(png, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SECRET),
        "PNG late text": with_chunk(png, b"tEXt", b"Comment\0" + SECRET, late=True),
        "PNG private": with_chunk(png, b"prVt", SECRET),
        "PNG behind its end": png + SECRET,
        "WEBP unknown": with_riff_chunk(webp, b"ABCD", SECRET),
        "WEBP behind its end": webp + SECRET,
        "WEBP chunk behind its end": plain_webp
        + struct.pack("<4sI", b"VP8 ", len(SECRET))
        + SECRET,
        "WEBP simple": with_riff_chunk(webp, b"XMP ", SECRET, flag=4),
    }
    return files


@pytest.mark.parametrize("name", telling())
def test_what_a_picture_tells_besides_its_pixels_is_cut(name: str) -> None:
    content = telling()[name]
    assert SECRET[:20] in content
    found = verify_picture(content, SETTINGS)
    assert SECRET[:20] not in found.content
    assert (pixels(found.content) == pixels(content)).all()
    with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(found.content)) as after:
        assert after.format == ("JPEG" if before.format == "MPO" else before.format)
        profile = before.info.get("icc_profile")
        assert after.info.get("icc_profile") == profile
        assert not after.getexif()
        after.load()
        assert not {"comment", "xmp", "Comment", "exif", "photoshop"} & after.info.keys()
        # Not coded anew: with all but the same tables and coefficients it would not be as long.
        assert len(content) - len(found.content) > 0
    assert verify_picture(found.content, SETTINGS).content == found.content
    kept = verify_picture(content, Settings(keep_metadata=True))
    assert kept.content == content
    assert scaled_of(kept.content).find(SECRET[:20]) == -1


def scaled_of(content: bytes) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        return scaled(path, 32)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "AVIF"])
def test_what_is_coded_anew_tells_nothing_either(form: str) -> None:
    turned = exif(6)
    turned[0x010F] = SECRET.decode()
    told: dict[str, object] = {"exif": turned} if form != "GIF" else {}
    if form in ("JPEG", "GIF"):
        told["comment"] = SECRET
    content = encode(scene(), form, **told)
    assert SECRET in content
    found = verify_picture(content, SETTINGS)
    assert SECRET not in found.content
    assert (found.width, found.height) == (scene().size if form == "GIF" else scene().size[::-1])


@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True}, {"subsampling": 0}, {"subsampling": 2}, {"optimize": True},
        {"restart_marker_blocks": 1}, {"restart_marker_rows": 1, "progressive": True},
        {"quality": 1}, {"quality": 100}, {"keep_rgb": True},
    ],
    ids=str,
)  # fmt: skip
def test_every_kind_of_jpeg_keeps_its_coded_pixels(options: dict[str, object]) -> None:
    for seed in range(3):
        plain = encode(scene((97, 61), seed), "JPEG", **options)
        content = with_segment(plain, 0xFE, SECRET) + SECRET
        found = verify_picture(content, SETTINGS)
        assert found.content == plain


def test_a_jpeg_whose_colors_a_header_tells_keeps_them() -> None:
    """Numbered as R, G and B, components are RGB unless the header of JFIF says otherwise."""
    plain = bytearray(encode(scene(), "JPEG", subsampling=0))
    frame = plain.index(b"\xff\xc0") + 10
    scan = plain.index(b"\xff\xda") + 5
    for number, letter in enumerate(b"RGB"):
        plain[frame + 3 * number] = plain[scan + 2 * number] = letter
    found = verify_picture(bytes(plain) + SECRET, SETTINGS)
    assert found.content == bytes(plain)
    assert (pixels(found.content) == pixels(encode(scene(), "JPEG", subsampling=0))).all()
