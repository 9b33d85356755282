"""Image and mask files to arrays."""

import hashlib
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile

from trainer.contract import DatasetCard
from trainer.errors import BadInput

VOID = -1
"""Category index of pixels that count nowhere."""

UNKNOWN = -2
"""Category index of raw values that a card knows nothing of."""
IDS, COLORS = 2**16, 2**24
SHAPES_DIFFER = 0.01
"""A few images of GTA5 are some rows taller than their masks."""

_ORIENTATION, _TURNED = 0x0112, 5
"""EXIF's tag, and the first of its values under which width and height change places."""
_PNG_METADATA = {b"eXIf", b"iTXt", b"zTXt"}
_OTHER_ORDER = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
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


@dataclass(frozen=True)
class MaskCodes:
    """How the raw values of a mask become category indices.

    `lookup` has an entry for each raw id, or 2**24 of them for each colour; `UNKNOWN` is an error.
    """

    lookup: NDArray[np.int16]
    channel: int | None = None
    """The channel that holds the ids, where masks have several."""

    @property
    def by_color(self) -> bool:
        """Whether masks are coloured pictures."""
        return len(self.lookup) == COLORS

    def digest(self) -> str:
        """A hash of the lookup."""
        return hashlib.sha256(np.ascontiguousarray(self.lookup).data).hexdigest()


def decode_mask(
    path: Path, codes: MaskCodes, size: tuple[int, int] | None = None
) -> NDArray[np.int16]:
    """A mask file as (height, width) category indices, `VOID` where there is none.

    Args:
        path: the file.
        codes: how raw values become categories.
        size: (width, height) to resize to, by nearest neighbour.

    Raises:
        BadInput: naming the file and, for a value that is unknown, the value and its pixels.
    """
    raw = _raw_mask(path, codes, size)
    if raw.size and not 0 <= raw.min() <= raw.max() < len(codes.lookup):
        raise BadInput(f"{path}: raw ids are 0 to {len(codes.lookup) - 1}, not {raw.max()}")
    mask: NDArray[np.int16] = codes.lookup[raw]
    if (mask == UNKNOWN).any():
        _complain(path, codes, _raw_mask(path, codes, None))
    return mask


def _complain(path: Path, codes: MaskCodes, raw: NDArray[np.integer]) -> NoReturn:
    values, counts = np.unique(raw[codes.lookup[raw] == UNKNOWN], return_counts=True)
    value, count = values[counts.argmax()], counts.max()
    named = f"colour #{value:06x}" if codes.by_color else f"id {value}"
    more = f" (and {len(values) - 1} more)" if len(values) > 1 else ""
    raise BadInput(
        f"{path}: {named} on {count} pixels is neither a category of the card nor void{more}"
    )


def _raw_mask(path: Path, codes: MaskCodes, size: tuple[int, int] | None) -> NDArray[np.integer]:
    """(height, width) ids, or colours as one number each."""
    try:
        with Image.open(path) as opened:
            if codes.by_color:
                return _as_numbers(_at_size(opened.convert("RGB"), size))
            if codes.channel is not None:
                return _channel(opened, codes.channel, size)
            if len(opened.getbands()) != 1:
                raise BadInput(f"{path}: a mask has one channel, this one is {opened.mode}")
            one = opened if opened.mode in ("L", "P", "I;16", "I") else opened.convert("L")
            return _at_size(one, size)
    except _UNREADABLE as error:
        raise BadInput(f"{path}: cannot decode the mask: {error}") from error


def _as_numbers(colors: NDArray[np.uint8]) -> NDArray[np.int32]:
    red, green, blue = np.moveaxis(colors.astype(np.int32), -1, 0)
    numbers: NDArray[np.int32] = (red << 16) | (green << 8) | blue
    return numbers


def _channel(opened: Image.Image, channel: int, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """One channel of a picture; ids in 16 bits are their lower byte.

    Pillow reduces colours of 16 bits to their upper byte, in which ids are not. Read as if its
    bytes were in the other order, it gives the lower one.
    """
    if channel >= len(opened.getbands()):
        raise ValueError(f"there is no channel {channel} in {opened.mode}")
    if isinstance(opened, ImageFile.ImageFile):
        opened.tile = [_lower_bytes(tile) for tile in opened.tile]
    return _at_size(opened.getchannel(channel), size)


def _lower_bytes(tile: Any) -> Any:
    raw_mode = tile.args
    if isinstance(raw_mode, str) and raw_mode in _OTHER_ORDER:
        return tile._replace(args=_OTHER_ORDER[raw_mode])
    return tile


def _at_size(image: Image.Image, size: tuple[int, int] | None) -> NDArray[np.uint8]:
    if size and image.size != size:
        image = image.resize(size, Image.Resampling.NEAREST)
    return np.array(image)


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


def mask_codes(card: DatasetCard, categories: tuple[str, ...]) -> MaskCodes:
    """How the masks of a dataset become indices of `categories`; other categories are `VOID`.

    Raises:
        BadInput: when the card names none of the categories, or an id is out of range.
    """
    listed = () if card.void is None and card.colors else card.void
    void = [_number(value) for value in listed] if isinstance(listed, tuple) else None
    if card.colors:
        numbers = {_number(color): name for color, name in card.colors.items()}
        place = f"dataset {card.name!r}: colors"
        return MaskCodes(_lookup(numbers, categories, place, void, COLORS))
    lookup = id_lookup(card.ids, categories, dataset=card.name, void=void)
    return MaskCodes(lookup, card.mask_channel)


def _number(value: int | str) -> int:
    return value if isinstance(value, int) else int(value.removeprefix("#"), 16)


def id_lookup(
    ids: dict[int, str],
    categories: tuple[str, ...],
    *,
    dataset: str,
    void: Sequence[int] | None = None,
) -> NDArray[np.int16]:
    """Category index of each raw mask id; ids of other categories are `VOID`.

    Args:
        ids: category of each raw id.
        categories: the run's, in order.
        dataset: its name, for errors.
        void: ids that are void, so that any besides is `UNKNOWN`; None: any besides is void.

    Raises:
        BadInput: when no id is one of the categories, or an id is out of range.
    """
    return _lookup(ids, categories, f"dataset {dataset!r}: ids", void, entries=IDS)


def _lookup(
    values: dict[int, str],
    categories: tuple[str, ...],
    field: str,
    void: Sequence[int] | None,
    entries: int,
) -> NDArray[np.int16]:
    lookup = np.full(entries, VOID if void is None else UNKNOWN, np.int16)
    index = {name: number for number, name in enumerate(categories)}
    if not index.keys() & set(values.values()):
        raise BadInput(f"{field}: names none of the run's categories")
    for raw in [*values, *(void or ())]:
        if not 0 <= raw < entries:
            raise BadInput(f"{field}: {raw} is not between 0 and {entries - 1}")
    lookup[list(void or ())] = VOID
    for raw, name in values.items():
        lookup[raw] = index.get(name, VOID)
    return lookup
