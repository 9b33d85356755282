"""Small picture files of every format, with all that may stand in them beside the pixels."""

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

ORIENTATION = 0x0112
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="1" dc:title="a street"/></x:xmpmeta>'
SIZE = (40, 30)


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def scene(size: tuple[int, int] = SIZE, seed: int = 0) -> Image.Image:
    """Something smooth; another for each seed."""
    noise = np.random.default_rng(seed).integers(0, 255, (4, 5, 3), np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def exif(orientation: object = 1) -> Image.Exif:
    """EXIF as cameras write it, with a text of some length."""
    told = Image.Exif()
    told[0x010F] = "A maker of cameras"
    told[ORIENTATION] = orientation
    told[0x9003] = "2026:11:20 10:00:00"
    return told


BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, DOUBLE = 1, 2, 3, 4, 5, 7, 12


def exif_of(tag: int, kind: int, count: int, value: bytes) -> bytes:
    """EXIF with one tag; a value of up to four bytes stands in it, a longer one behind it."""
    entry = struct.pack("<HHL", tag, kind, count)
    entry += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<L", 26)
    return b"Exif\0\0II*\0\x08\0\0\0\1\0" + entry + b"\0\0\0\0" + value


def with_tag(tiff: bytes, tag: int, kind: int, count: int, value: bytes) -> bytes:
    """A TIFF with one more tag, its directory written anew at its end."""
    (start,) = struct.unpack_from("<L", tiff, 4)
    (number,) = struct.unpack_from("<H", tiff, start)
    entries = [tiff[at : at + 12] for at in range(start + 2, start + 2 + 12 * number, 12)]
    rest = tiff[start + 2 + 12 * number :][:4]
    tiff += b"\0" * (len(tiff) % 2)
    end = len(tiff) + 2 + 12 * (number + 1) + 4
    field = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<L", end)
    entries.append(struct.pack("<HHL", tag, kind, count) + field)
    entries.sort(key=lambda entry: struct.unpack_from("<H", entry))
    directory = struct.pack("<H", number + 1) + b"".join(entries) + rest
    return tiff[:4] + struct.pack("<L", len(tiff)) + tiff[8:] + directory + value


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    crc = zlib.crc32(kind + data).to_bytes(4, "big")
    return struct.pack(">I", len(data)) + kind + data + crc


def with_chunk(png: bytes, kind: bytes, data: bytes, *, late: bool = False) -> bytes:
    """A PNG with one more chunk, before its pixels or at its end."""
    place = len(png) - 12 if late else 33
    return png[:place] + chunk(kind, data) + png[place:]


def with_segment(jpeg: bytes, marker: int, data: bytes) -> bytes:
    """A JPEG with one more segment at its start."""
    segment = struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
    return jpeg[:2] + segment + jpeg[2:]


def mpo() -> bytes:
    """Two pictures in one file, as drones and phones write it."""
    return encode(scene(), "MPO", save_all=True, append_images=[scene((20, 15), 1)], exif=exif())


@cache
def samples() -> dict[str, bytes]:
    """A file of each kind by its name."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngInfo()
    text.add_text("Title", "a street", zip=True)
    text.add_itxt("Comment", "a street", "en", "x")
    told = {"exif": exif(), "icc_profile": profile}
    gray = np.linspace(0, 1000, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE[::-1])
    return {
        "plain.jpg": encode(scene(), "JPEG"),
        "told.jpg": encode(scene(), "JPEG", **told, xmp=XMP, comment=b"a street"),
        "progressive.jpg": encode(scene(), "JPEG", progressive=True, exif=exif(6)),
        "cmyk.jpg": encode(scene().convert("CMYK"), "JPEG"),
        "mpo.jpg": mpo(),
        "plain.png": encode(scene(), "PNG"),
        "told.png": encode(scene(), "PNG", pnginfo=text, **told),
        "palette.png": encode(scene().quantize(16), "PNG", transparency=3),
        "moving.png": encode(scene(), "PNG", save_all=True, append_images=[scene(seed=1)]),
        "plain.webp": encode(scene(), "WEBP"),
        "told.webp": encode(scene(), "WEBP", lossless=True, xmp=XMP, **told),
        "plain.tif": encode(scene(), "TIFF"),
        "told.tif": encode(scene(), "TIFF", compression="tiff_lzw", xmp=XMP, **told),
        "deflate.tif": encode(scene(), "TIFF", compression="tiff_adobe_deflate"),
        "float.tif": encode(Image.fromarray(gray), "TIFF"),
        "pages.tif": encode(scene(), "TIFF", save_all=True, append_images=[scene((20, 15))]),
        "plain.bmp": encode(scene(), "BMP"),
        "plain.gif": encode(scene(), "GIF", comment=b"a street"),
        "told.avif": encode(scene(), "AVIF", speed=10, **told),
    }


Mutation = Callable[[random.Random, bytearray], None]


def _flip(dice: random.Random, content: bytearray) -> None:
    for _ in range(dice.choice((1, 1, 2, 8))):
        content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)


def _cut(dice: random.Random, content: bytearray) -> None:
    del content[dice.randrange(len(content)) :]


def _drop(dice: random.Random, content: bytearray) -> None:
    start = dice.randrange(len(content))
    del content[start : start + dice.choice((1, 2, 4, 12, 50))]


def _splice(dice: random.Random, content: bytearray) -> None:
    other = dice.choice(list(samples().values()))
    start = dice.randrange(len(other))
    place = dice.randrange(len(content))
    content[place:place] = other[start : start + dice.randrange(1, 60)]


def _field(dice: random.Random, content: bytearray) -> None:
    # What says how large and where things are stands at the start.
    place = dice.randrange(min(len(content), 200))
    values = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x01", b"\x01\0\0\0", b"\x7f\xff", b"\0")
    value = dice.choice(values)
    content[place : place + len(value)] = value


MUTATIONS: tuple[Mutation, ...] = (_flip, _cut, _drop, _splice, _field)


def mutated(dice: random.Random, content: bytes) -> bytes:
    """A file with some damage."""
    damaged = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 3))):
        if damaged:
            dice.choice(MUTATIONS)(dice, damaged)
    return bytes(damaged)
