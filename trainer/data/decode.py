"""Image files to arrays; masks are read by `trainer.contract.masks`."""

import struct
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile

from trainer.errors import BadInput

SHAPES_DIFFER = 0.01
"""A few images of GTA5 are some rows taller than their masks."""

_ORIENTATION, _TURNED = 0x0112, 5
"""EXIF's tag, and the first of its values under which width and height change places."""
_PNG_METADATA = {b"eXIf", b"iTXt", b"zTXt"}
_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def decode_image(path: Path, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """An image file as (height, width, 3) RGB, upright by its EXIF orientation.

    `size` is (width, height) to resize to.

    Raises:
        BadInput: naming the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                if size:
                    # A JPEG decoder can skip most of the work when the picture is made smaller;
                    # the longer side, because the orientation is applied only afterwards.
                    opened.draft(None, (max(size), max(size)))
                image = _to_rgb(ImageOps.exif_transpose(opened))
    except _UNREADABLE as error:
        raise BadInput(f"{path}: cannot decode the image: {error}") from error
    if size and image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.array(image)


def image_size(path: Path) -> tuple[int, int]:
    """(width, height) of an upright image, without decoding its pixels.

    Raises:
        BadInput: naming the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                turned = _exif(opened, path).get(_ORIENTATION, 1) >= _TURNED
                return (opened.height, opened.width) if turned else opened.size
    except _UNREADABLE as error:
        raise BadInput(f"{path}: cannot read the image: {error}") from error


def _exif(opened: Image.Image, path: Path) -> Image.Exif:
    # Pillow decodes all pixels of a PNG to see what comes after them, which is hardly ever anything.
    if isinstance(opened, PngImageFile) and not _has_metadata_at_its_end(path):
        return Image.Image.getexif(opened)
    return opened.getexif()


def _has_metadata_at_its_end(png: Path) -> bool:
    """Whether something is told of a PNG's picture after its pixels."""
    pixels_seen = False
    with png.open("rb", buffering=0) as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            pixels_seen |= kind == b"IDAT"
            if pixels_seen and kind in _PNG_METADATA:
                return True
            file.seek(length + 4, 1)
    return False


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow clips 16 bits to 8 instead of scaling them.
        values = np.asarray(image, dtype=np.float64)
        image = Image.fromarray((values.clip(0, 65535) / 257).round().astype(np.uint8))
    return image.convert("RGB")


def check_shapes(image: Path, mask: Path) -> None:
    """See that a mask is its image's, at whatever scale.

    Raises:
        BadInput: naming both, when their shapes differ by more than a percent.
    """
    (width, height), (mask_width, mask_height) = image_size(image), image_size(mask)
    across, down = width * mask_height, mask_width * height
    if abs(across - down) > SHAPES_DIFFER * max(across, down):
        raise BadInput(
            f"{mask}: {mask_width} x {mask_height} is not the shape of its image {image}, "
            f"{width} x {height}"
        )
