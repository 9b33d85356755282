"""Image and mask files to arrays."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from trainer.errors import BadInput

VOID = -1
"""Category index of pixels that count nowhere."""

_MAX_RAW_ID = 65535
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
    """(width, height) of an upright image, from the file's header alone.

    Raises:
        BadInput: naming the file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                turned = opened.getexif().get(0x0112, 1) >= 5
                return (opened.height, opened.width) if turned else opened.size
    except _UNREADABLE as error:
        raise BadInput(f"{path}: cannot read the image: {error}") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow clips 16 bits to 8 instead of scaling them.
        values = np.asarray(image, dtype=np.float64)
        image = Image.fromarray((values.clip(0, 65535) / 257).round().astype(np.uint8))
    return image.convert("RGB")


def decode_mask(
    path: Path, lookup: NDArray[np.int16], size: tuple[int, int] | None = None
) -> NDArray[np.int16]:
    """A one-channel mask file as (height, width) category indices, `VOID` where there is none.

    Args:
        path: the file.
        lookup: category index of each raw id, from `id_lookup`.
        size: (width, height) to resize to, by nearest neighbour.

    Raises:
        BadInput: naming the file.
    """
    try:
        with Image.open(path) as opened:
            if len(opened.getbands()) != 1:
                raise BadInput(f"{path}: a mask has one channel, this one is {opened.mode}")
            image = opened if opened.mode in ("L", "P", "I;16", "I") else opened.convert("L")
            if size and image.size != size:
                image = image.resize(size, Image.Resampling.NEAREST)
            raw = np.asarray(image)
    except _UNREADABLE as error:
        raise BadInput(f"{path}: cannot decode the mask: {error}") from error
    if raw.size and not 0 <= raw.min() <= raw.max() <= _MAX_RAW_ID:
        raise BadInput(f"{path}: raw ids are 0 to {_MAX_RAW_ID}, this mask has {raw.max()}")
    mask: NDArray[np.int16] = lookup[raw]
    return mask


def id_lookup(
    ids: dict[int, str], categories: tuple[str, ...], *, dataset: str
) -> NDArray[np.int16]:
    """Category index of each raw mask id; ids of other categories and unnamed ids are `VOID`.

    Raises:
        BadInput: when no id is one of the categories, or an id is out of range.
    """
    lookup = np.full(_MAX_RAW_ID + 1, VOID, np.int16)
    index = {name: number for number, name in enumerate(categories)}
    if not index.keys() & set(ids.values()):
        raise BadInput(f"dataset {dataset!r}: ids: names none of the run's categories")
    for raw, name in ids.items():
        if not 0 <= raw <= _MAX_RAW_ID:
            raise BadInput(f"dataset {dataset!r}: ids: {raw} is not between 0 and {_MAX_RAW_ID}")
        lookup[raw] = index.get(name, VOID)
    return lookup
