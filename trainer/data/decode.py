"""Image files to arrays; masks are read by `trainer.contract.masks`."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.contract.pictures import (
    MOST_PIXELS,
    BadPicture,
    Rules,
    any_reason,
    picture_size,
    read_picture,
)
from trainer.errors import BadInput

SHAPES_DIFFER = 0.01
"""A few images of GTA5 are some rows taller than their masks."""


def decode_image(path: Path, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """An image file as (height, width, 3) RGB, upright by its EXIF orientation.

    `size` is (width, height) to resize to.

    Raises:
        BadInput: naming the file.
    """
    try:
        # A JPEG decoder can skip most of the work when the picture is made smaller.
        image = read_picture(path, _rules(), at_least=size).image
    except BadPicture as error:
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
        return picture_size(path, _rules())
    except BadPicture as error:
        raise BadInput(f"{path}: cannot read the image: {error}") from error


def _rules() -> Rules:
    """Pillow's own limit, or the server's where that is higher: what it took must be read here."""
    most = Image.MAX_IMAGE_PIXELS
    told = os.environ.get(MOST_PIXELS)  # noqa: TID251 - the server starts the trainer with it
    return Rules(most_pixels=most if most is None or told is None else max(most, int(told)))


def check_shapes(image: Path, mask: Path) -> None:
    """See that a mask is its image's, at whatever scale.

    Raises:
        BadInput: naming both, when their shapes differ by more than a percent.
    """
    (width, height), (mask_width, mask_height) = image_size(image), _stored_size(mask)
    across, down = width * mask_height, mask_width * height
    if abs(across - down) > SHAPES_DIFFER * max(across, down):
        raise BadInput(
            f"{mask}: {mask_width} x {mask_height} is not the shape of its image {image}, "
            f"{width} x {height}"
        )


def _stored_size(mask: Path) -> tuple[int, int]:
    """(width, height) as its ids are read, which no EXIF turns."""
    try:
        with any_reason(), Image.open(mask) as opened:
            return opened.size
    except BadPicture as error:
        raise BadInput(f"{mask}: cannot read the image: {error}") from error
