"""Mask files to category indices: what a dataset's card says of the stored values. Needs no torch."""

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from trainer.contract.cards import DatasetCard
from trainer.contract.names import comparable, nearly_named
from trainer.errors import BadInput

VOID = -1
"""Category index of pixels that count nowhere."""

UNKNOWN = -2
"""Category index of stored values that a card knows nothing of."""
LOWEST, IDS, COLORS = -(2**15), 2**16, 2**24
"""Ids are `LOWEST` to `IDS` - 1; those below 0 are at the end of a lookup, as Python counts."""

LOSSY = {"JPEG", "MPO", "AVIF"}
"""Formats that change pixels a little, of which ids become others."""
SHOWN_IDS = 20

_OTHER_ORDER = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGB;16N": "RGB;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
    "RGBA;16N": "RGBA;16B",
}
_LEVELS = {"1": 1, "L;2": 3, "L;4": 15, "L": 255}
"""Largest stored value, which Pillow shows as 255."""
_UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


@dataclass(frozen=True)
class MaskCodes:
    """How the stored values of a mask become category indices.

    `lookup` has an entry for each id, or 2**24 of them for each colour; `UNKNOWN` is an error.
    """

    lookup: NDArray[np.int16]
    channel: int | None = None
    """The channel that holds the ids, where masks have several."""
    named: Mapping[int, str] = field(default_factory=dict)
    """Category of each value that the card names, also of those that the run does not have."""

    @property
    def by_color(self) -> bool:
        """Whether masks are coloured pictures."""
        return len(self.lookup) == COLORS

    def digest(self) -> str:
        """A hash of the lookup."""
        return hashlib.sha256(np.ascontiguousarray(self.lookup).data).hexdigest()

    def asked(self, categories: int) -> NDArray[np.bool_]:
        """(C,) whether masks can tell of a category: of what a card does not name, nothing."""
        asked_C = np.zeros(categories, np.bool_)
        asked_C[self.lookup[self.lookup >= 0]] = True
        return asked_C

    def indices(self, raw: NDArray[np.integer]) -> NDArray[np.int16]:
        """Category index of each stored value, of any shape; `VOID` or `UNKNOWN` elsewhere."""
        highest = (COLORS if self.by_color else IDS) - 1
        if raw.size and not LOWEST <= raw.min() <= raw.max() <= highest:
            # No card names these. Where it lets all others be void, the largest value is too.
            inside = (raw >= LOWEST) & (raw <= highest)
            rest = VOID if (self.lookup != UNKNOWN).all() else UNKNOWN
            return np.where(inside, self.lookup[np.where(inside, raw, 0)], np.int16(rest))
        found: NDArray[np.int16] = self.lookup[raw]
        return found

    def called(self, value: int) -> str:
        """A stored value in words."""
        return f"colour #{value:06x}" if self.by_color else f"id {value}"


def decode_mask(
    path: Path, codes: MaskCodes, size: tuple[int, int] | None = None
) -> NDArray[np.int16]:
    """A mask file as (height, width) category indices, `VOID` where there is none.

    Args:
        path: the file.
        codes: how stored values become categories.
        size: (width, height) to resize to, by nearest neighbour.

    Raises:
        BadInput: naming the file and, for a value that is unknown, the value and its pixels.
    """
    mask = codes.indices(stored_values(path, codes, size))
    if (mask == UNKNOWN).any():
        raise BadInput(_complaint(path, codes, stored_values(path, codes)))
    return mask


def _complaint(path: Path, codes: MaskCodes, raw: NDArray[np.integer]) -> str:
    values, counts = np.unique(raw, return_counts=True)
    unknown = codes.indices(values) == UNKNOWN
    strange, pixels = values[unknown], counts[unknown]
    value = int(strange[pixels.argmax()])
    more = f" (and {len(strange) - 1} more)" if len(strange) > 1 else ""
    return (
        f"{path}: {codes.called(value)} on {pixels.max()} pixels is neither a category of the card "
        f"nor void{more}{_hint(codes, value, values.tolist())}"
    )


def _hint(codes: MaskCodes, value: int, there: Sequence[int]) -> str:
    if codes.by_color:
        return f"; if it is of no category, list {codes.called(value)[7:]} in the card's void"
    if not LOWEST <= value < IDS:
        return f"; ids are {LOWEST} to {IDS - 1}; if it is of no category, write `void: others`"
    told = f": the mask has ids {_some(there)}, the card names {_some(sorted(codes.named))}; "
    counted = [each for each in there if codes.indices(np.array(each)) != VOID]
    if any(all(each + shift in codes.named for each in counted) for shift in (-1, 1)):
        return f"{told}are they shifted by one?"
    return f"{told}if it is of no category, write `void: [{value}]`, or `void: others`"


def _some(values: Sequence[int]) -> str:
    shown = ", ".join(map(str, values[:SHOWN_IDS]))
    return f"{shown}, ..." if len(values) > SHOWN_IDS else shown or "none"


def stored_values(
    path: Path, codes: MaskCodes, size: tuple[int, int] | None = None
) -> NDArray[np.integer]:
    """(height, width) ids as the file stores them, or colours as one number each.

    Raises:
        BadInput: the file cannot be read, or cannot hold ids; names it.
    """
    try:
        with Image.open(path) as opened:
            _refuse_lossy(opened, path)
            if codes.by_color:
                return _as_numbers(_at_size(opened.convert("RGB"), size))
            if codes.channel is not None:
                return _channel(opened, codes.channel, size)
            if len(opened.getbands()) != 1:
                raise BadInput(f"{path}: a mask has one channel, this one is {opened.mode}")
            return _ids(opened, size)
    except _UNREADABLE as error:
        raise BadInput(f"{path}: cannot decode the mask: {error}") from error


def _refuse_lossy(opened: Image.Image, path: Path) -> None:
    kind = opened.format
    if kind in LOSSY or (kind == "WEBP" and not _is_lossless(path)):
        raise BadInput(
            f"{path}: a {kind} file changes the values of pixels, of which ids become others; "
            "masks are PNG or another format without loss"
        )


def _is_lossless(webp: Path) -> bool:
    """Whether the first picture of a WebP file is stored without loss."""
    content = webp.read_bytes()
    place = 12
    while place + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, place)
        if kind in (b"VP8 ", b"VP8L"):
            return bool(kind == b"VP8L")
        # A frame of an animation has chunks of its own behind its 16 bytes.
        place += 24 if kind == b"ANMF" else 8 + length + length % 2
    return False


def _as_numbers(colors: NDArray[np.uint8]) -> NDArray[np.int32]:
    red, green, blue = np.moveaxis(colors.astype(np.int32), -1, 0)
    numbers: NDArray[np.int32] = (red << 16) | (green << 8) | blue
    return numbers


def _ids(opened: Image.Image, size: tuple[int, int] | None) -> NDArray[np.integer]:
    """The stored values of a picture with one channel, of which Pillow shows brightnesses."""
    decoder, raw_mode, *told = _how_stored(opened)
    values = _at_size(opened, size)
    if values.dtype.kind == "f":
        if not (np.isfinite(values).all() and (values == np.trunc(values)).all()):
            raise ValueError("ids are whole numbers, and some of its values are not")
        return values.astype(np.int64)
    if decoder.startswith("ppm") and told:  # spread from the largest value that the file states
        full = 2**16 - 1 if opened.mode == "I" else 2**8 - 1
        return (values.astype(np.int64) * int(told[0]) + full // 2) // full
    return _as_stored(values, raw_mode)


def _as_stored(values: NDArray[Any], raw_mode: str) -> NDArray[np.integer]:
    """Values that Pillow has spread over 0 to 255, or turned round where the lowest is white."""
    kind, _, order = raw_mode.partition(";")
    depth = f"{kind};{order[0]}" if order[:1].isdigit() else kind
    levels = _LEVELS.get(depth)
    if levels is None:
        return values
    if values.dtype == bool:
        values = values.astype(np.uint8) * np.uint8(255)
    stored: NDArray[np.uint8] = values // np.uint8(255 // levels)
    return np.uint8(levels) - stored if "I" in order else stored


def _how_stored(opened: Image.Image) -> tuple[Any, ...]:
    """(decoder, raw mode, what else the decoder is told) of a file's first tile."""
    if not isinstance(opened, ImageFile.ImageFile) or not opened.tile:
        return "", ""
    name, args = opened.tile[0].codec_name, opened.tile[0].args
    raw_mode, *told = args if isinstance(args, tuple) and args else (args,)
    return name, raw_mode if isinstance(raw_mode, str) else "", *told


def _channel(opened: Image.Image, channel: int, size: tuple[int, int] | None) -> NDArray[Any]:
    """One channel of a picture; ids in 16 bits are their lower byte.

    Pillow reduces colours of 16 bits to their upper byte, in which ids are not. Read as if its
    bytes were in the other order, it gives the lower one.
    """
    if channel >= len(opened.getbands()):
        raise ValueError(f"there is no channel {channel} in {opened.mode}")
    if len(opened.getbands()) == 1:
        return _ids(opened, size)
    raw_mode = str(_how_stored(opened)[1])
    if ";16" in raw_mode:
        if raw_mode not in _OTHER_ORDER:
            raise ValueError(f"ids cannot be read from 16 bits of {raw_mode.partition(';')[0]}")
        if isinstance(opened, ImageFile.ImageFile):
            opened.tile = [_lower_bytes(tile) for tile in opened.tile]
    return _at_size(opened.getchannel(channel), size)


def _lower_bytes(tile: Any) -> Any:
    if isinstance(tile.args, tuple):
        return tile._replace(args=(_OTHER_ORDER[tile.args[0]], *tile.args[1:]))
    return tile._replace(args=_OTHER_ORDER[tile.args])


def _at_size(image: Image.Image, size: tuple[int, int] | None) -> NDArray[Any]:
    if size and image.size != size:
        image = image.resize(size, Image.Resampling.NEAREST)
    return np.array(image)


def mask_codes(card: DatasetCard, categories: tuple[str, ...]) -> MaskCodes:
    """How the masks of a dataset become indices of `categories`; other categories are `VOID`.

    Raises:
        BadInput: when the card names none of the categories, names one that is nearly one of them,
            or a value is out of range.
    """
    void = None if card.void == "others" else [_number(value) for value in card.void or ()]
    names = [comparable(name) for name in card.categories]
    if near := nearly_named(names, [comparable(name) for name in categories]):
        raise BadInput(
            f"dataset {card.name!r}: {'colors' if card.colors else 'ids'}: {near[0]!r} is no "
            f"category of the run; did you mean {near[1]!r}? A value of no category belongs in void"
        )
    if card.colors:
        numbers = {_number(color): name for color, name in card.colors.items()}
        place = f"dataset {card.name!r}: colors"
        return MaskCodes(_lookup(numbers, categories, place, void, COLORS), named=numbers)
    lookup = id_lookup(card.ids, categories, dataset=card.name, void=void)
    return MaskCodes(lookup, card.mask_channel, card.ids)


def _number(value: int | str) -> int:
    return value if isinstance(value, int) else int(value.removeprefix("#"), 16)


def id_lookup(
    ids: Mapping[int, str],
    categories: tuple[str, ...],
    *,
    dataset: str,
    void: Sequence[int] | None = (),
) -> NDArray[np.int16]:
    """Category index of each mask id; ids of other categories are `VOID`.

    Args:
        ids: category of each id.
        categories: the run's, in order.
        dataset: its name, for errors.
        void: ids that are void, so that any besides is `UNKNOWN`; None: any besides is void.

    Raises:
        BadInput: when no id is one of the categories, or an id is out of range.
    """
    return _lookup(ids, categories, f"dataset {dataset!r}: ids", void, entries=IDS)


def _lookup(
    values: Mapping[int, str],
    categories: tuple[str, ...],
    field: str,
    void: Sequence[int] | None,
    entries: int,
) -> NDArray[np.int16]:
    lowest = 0 if entries == COLORS else LOWEST
    lookup = np.full(entries - lowest, VOID if void is None else UNKNOWN, np.int16)
    index = {comparable(name): number for number, name in enumerate(categories)}
    names = {raw: comparable(name) for raw, name in values.items()}
    if not index.keys() & set(names.values()):
        raise BadInput(f"{field}: names none of the run's categories")
    for raw in [*values, *(void or ())]:
        if not lowest <= raw < entries:
            raise BadInput(f"{field} and void: {raw} is not between {lowest} and {entries - 1}")
    lookup[list(void or ())] = VOID
    for raw, name in names.items():
        lookup[raw] = index.get(name, VOID)
    return lookup


def strange_ids(mask: Path, card: DatasetCard) -> str | None:
    """What in one mask is neither a category of its card nor void; None without any.

    A file that cannot be read is not told of here.
    """
    try:
        codes = mask_codes(card, card.categories)
        raw = stored_values(mask, codes)
    except BadInput:
        return None
    if (codes.indices(raw) == UNKNOWN).any():
        return _complaint(mask, codes, raw)
    return None


def own_codes(card: DatasetCard, *, by_color: bool = False) -> MaskCodes:
    """How masks of a dataset become indices of its card's own categories.

    Where the card names none yet, no value is known; then `by_color` says whether masks are coloured.

    Raises:
        ValueError: a value of the card is out of range.
    """
    if card.categories:
        try:
            return mask_codes(card, card.categories)
        except BadInput as error:
            raise ValueError(str(error)) from error
    entries = COLORS if by_color else IDS - LOWEST
    return MaskCodes(np.full(entries, UNKNOWN, np.int16), card.mask_channel)


def readable_values(
    path: Path, codes: MaskCodes, size: tuple[int, int] | None = None
) -> NDArray[np.integer]:
    """As `stored_values`, for who names the file in another way.

    Raises:
        ValueError: the file cannot be read, or cannot hold ids; the path is not in its words.
    """
    try:
        return stored_values(path, codes, size)
    except BadInput as error:
        raise ValueError(str(error).removeprefix(f"{path}: ")) from error
