"""Pictures from strangers: verified by decoding, made upright, and scaled for the screen."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from server.settings import Settings
from trainer.contract.bare_pictures import without_metadata
from trainer.contract.pictures import (
    BadPicture,
    Rules,
    picture_size,
    read_picture,
    read_without_metadata,
)

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "HEIF")
SHOWN = ("JPEG", "PNG", "WEBP")
"""Formats that every browser shows."""
LOSSY = ("JPEG", "AVIF", "HEIF")
MIN_SIDE = 16
WIDTHS = (320, 640, 1280, 1920, 2560)
"""Widths that pictures are scaled to."""

__all__ = ["BadPicture", "Picture", "scaled", "screen_width", "verify_picture"]


@dataclass(frozen=True)
class Picture:
    """An upright, 8-bit RGB picture in a format that browsers show."""

    content: bytes
    suffix: str
    width: int
    height: int
    notes: tuple[str, ...] = ()
    """What its owner should know, such as metadata that could not be read."""


def verify_picture(content: bytes, settings: Settings) -> Picture:
    """Decode the whole file, and return it as it will be served.

    Of a file that is already upright 8-bit RGB JPEG, PNG or WebP the pixels are kept as they are
    coded, with their colour profile; what else it says, and what follows its end, is cut, unless
    the settings keep that. Anything else is converted once, here: EXIF orientation applied, 16 bits
    and more scaled to 8, CMYK and palettes turned into RGB, transparency laid on white.

    Raises BadPicture, whatever is wrong.
    """
    if len(content) > settings.max_image_bytes:
        raise BadPicture(f"larger than {settings.max_image_bytes / 2**20:.0f} MB")
    rules = Rules(
        most_pixels=settings.max_image_pixels,
        longest_side=settings.max_image_side,
        shortest_side=MIN_SIDE,
        stills=True,
        formats=FORMATS,
    )
    # All of a JPEG's coefficients are read, whatever is wrong with them is found, and its pixels are
    # not made as long as the file itself is what is kept.
    reading = read_picture(content, rules, at_least=(1, 1))
    notes = reading.notes
    if notes and reading.bare is None:
        reading = read_without_metadata(content, rules) or reading
    kept = None
    if reading.plain and reading.format in SHOWN:
        kept = reading.bare or content
        if not settings.keep_metadata:
            kept = _without_metadata(kept, rules)
    if kept is not None:
        suffix = f".{reading.format}".lower()
    else:
        if reading.size != reading.image.size:
            reading = read_picture(content, rules)
        kept, suffix = _encode(reading.image, lossless=reading.format not in LOSSY)
    return Picture(kept, suffix, *reading.size, notes=notes)


def _without_metadata(content: bytes, rules: Rules) -> bytes | None:
    """A file with the same pixels and nothing else; None where that cannot be had by cutting."""
    bare = without_metadata(content, keep_looks=True)
    if bare is None:
        return None
    if bare.whole:
        return bare.content
    # Its form is odd: what is left has to be read as before.
    try:
        before, left = (read_picture(each, rules).image for each in (content, bare.content))
    except BadPicture:
        return None
    same = left.size == before.size and left.tobytes() == before.tobytes()
    return bare.content if same else None


def _encode(image: Image.Image, *, lossless: bool) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    # Pillow would write comments and the like that the original had.
    image.info = {name: told for name, told in image.info.items() if name == "icc_profile"}
    if lossless:
        image.save(buffer, "PNG", compress_level=3, exif=b"")
        return buffer.getvalue(), ".png"
    image.save(buffer, "JPEG", quality=95, subsampling=0, exif=b"")
    return buffer.getvalue(), ".jpeg"


def screen_width(wanted: int, original: int) -> int | None:
    """The width to scale to for a screen that wants this many pixels; None: the original.

    The next of WIDTHS, the largest where more is wanted; the original where that is no larger.
    """
    if original <= wanted:
        return None
    width = next((w for w in WIDTHS if w >= wanted), WIDTHS[-1])
    return None if width >= original else width


def scaled(source: Path | bytes, width: int) -> bytes:
    """A verified picture, or its file, scaled to a width, as WebP."""
    rules = Rules(most_pixels=None)
    full_width, full_height = picture_size(source, rules)
    size = width, max(1, round(full_height * width / full_width))
    image = read_picture(source, rules, at_least=size).image
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82, method=0)
    return buffer.getvalue()
