"""Pictures from strangers: verified by decoding, made upright, and scaled for the screen."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from PIL import Image, ImageOps, UnidentifiedImageError

from server.settings import Settings

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
MIN_SIDE = 16
EXIF_ORIENTATION = 0x0112
WIDTHS = (320, 640, 1280, 1920, 2560)
"""Widths that pictures are scaled to; any other request gets the next larger one."""


class BadPicture(ValueError):
    """Why a file is no picture that can be labelled, in words for its owner."""


@dataclass(frozen=True)
class Picture:
    """An upright, 8-bit RGB picture in a format that browsers show."""

    content: bytes
    suffix: str
    width: int
    height: int


def verify_picture(content: bytes, settings: Settings) -> Picture:
    """Decode every pixel, and return the file as it will be served.

    A file that is already upright 8-bit RGB JPEG, PNG or WebP is kept byte for byte. Anything
    else is converted once, here: EXIF orientation applied, 16 bits scaled to 8, CMYK and
    palettes turned into RGB, transparency laid on white.

    Raises BadPicture.
    """
    if len(content) > settings.max_image_bytes:
        raise BadPicture(f"larger than {settings.max_image_bytes / 2**20:.0f} MB")
    with _decoding(), Image.open(io.BytesIO(content), formats=FORMATS) as image:
        _refuse_sizes(image, settings)
        if getattr(image, "n_frames", 1) > 1:
            raise BadPicture("an animation or a file with several pages")
        image.load()
        keep = image.mode == "RGB" and image.format in ("JPEG", "PNG", "WEBP")
        if keep and image.getexif().get(EXIF_ORIENTATION, 1) == 1:
            return Picture(content, f".{image.format}".lower(), *image.size)
        lossless = image.format != "JPEG"
        upright = ImageOps.exif_transpose(_as_rgb(image))
    return Picture(*_encode(upright, lossless=lossless), *upright.size)


@contextmanager
def _decoding() -> Iterator[None]:
    """Every way in which decoding fails, as BadPicture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnidentifiedImageError as error:
        raise BadPicture("not a JPEG, PNG, WebP, TIFF or BMP picture") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture("too many pixels") from error
    except BadPicture:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, OverflowError) as error:
        raise BadPicture(f"damaged or cut off: {error}"[:300]) from error


def _refuse_sizes(image: Image.Image, settings: Settings) -> None:
    width, height = image.size
    size = f"{width} x {height} pixels"
    if max(width, height) > settings.max_image_side:
        raise BadPicture(f"{size}: no side may be over {settings.max_image_side}")
    if width * height > settings.max_image_pixels:
        raise BadPicture(f"{size}: over {settings.max_image_pixels / 1e6:.0f} million pixels")
    if min(width, height) < MIN_SIDE:
        raise BadPicture(f"{size}: smaller than {MIN_SIDE} x {MIN_SIDE}")


def _as_rgb(image: Image.Image) -> Image.Image:
    """8-bit RGB with the orientation tag kept for the caller."""
    exif = image.getexif()
    if image.mode.startswith(("I", "F")):
        # Pillow would clip 16 bits at 255 instead of scaling them.
        values = image.convert("F")
        _, highest = cast("tuple[float, float]", values.getextrema())
        most = 65535.0 if image.mode != "F" or highest > 1 else 1.0
        rgb = values.point(lambda value: value * (255 / most) + 0).convert("L").convert("RGB")
    elif image.has_transparency_data:
        layer = image.convert("RGBA")
        rgb = Image.new("RGB", image.size, "white")
        rgb.paste(layer, mask=layer.getchannel("A"))
    else:
        rgb = image.convert("RGB")
    if exif.get(EXIF_ORIENTATION, 1) != 1:
        rgb.getexif()[EXIF_ORIENTATION] = exif[EXIF_ORIENTATION]
    return rgb


def _encode(image: Image.Image, *, lossless: bool) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    if lossless:
        image.save(buffer, "PNG", compress_level=3, exif=b"")
        return buffer.getvalue(), ".png"
    image.save(buffer, "JPEG", quality=95, subsampling=0, exif=b"")
    return buffer.getvalue(), ".jpeg"


def screen_width(wanted: int, original: int) -> int | None:
    """The width to scale to for a screen that wants this many pixels; None: the original."""
    width = next((w for w in WIDTHS if w >= wanted), None)
    return None if width is None or width >= original else width


def scaled(path: Path, width: int) -> bytes:
    """A verified picture scaled to a width, as WebP."""
    with Image.open(path) as image:
        height = max(1, round(image.height * width / image.width))
        image.draft("RGB", (width, height))
        small = image.convert("RGB").resize(
            (width, height), Image.Resampling.LANCZOS, reducing_gap=2.0
        )
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82, method=0)
    return buffer.getvalue()
