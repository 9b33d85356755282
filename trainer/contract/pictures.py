"""Pictures as strangers send them, read in one way by the server and the trainer.

What counts is the pixels: metadata that cannot be read (EXIF, colour profile, text, the index of a
multi-picture file) costs a note and never the picture, and whatever a decoder raises at one file
is that file's reason. Needs Pillow; numpy is loaded for pictures of more than 8 bits alone.
"""

import errno
import io
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, TypeVar

from PIL import Image, UnidentifiedImageError, features
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from trainer.contract.bare_pictures import Bare, without_metadata

MOST_PIXELS = "WEAKSEG_MAX_IMAGE_PIXELS"
"""The environment variable in which the server tells the trainer how large its pictures may be."""

ORIENTATION = 0x0112
"""EXIF's tag of how a picture is to be turned for viewing, 1 to 8."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = (5, 6, 7, 8)
"""Orientations under which width and height change places."""

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_NEW_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _SUB_IFDS = 254, 255, 330
_RESOLUTION = (282, 283, 296)
_MOST_PAGES = 100

DARK = 4096
"""Of 65535: cameras of 12 bits and depth in millimetres stay below it, and look black."""

_LACKS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}


_Read = TypeVar("_Read")


class BadPicture(ValueError):
    """Why a file is no picture that can be used, in words for its owner."""


class Damaged(BadPicture):
    """The decoder failed; without the file's metadata it may not."""


@dataclass(frozen=True)
class Rules:
    """What is taken."""

    most_pixels: int | None
    """None: any number. Pillow's own limit, which is one for the whole process, is not asked."""
    longest_side: int | None = None
    shortest_side: int = 1
    stills: bool = False
    """Whether animations and documents of several pages are refused; else their first page is read."""
    formats: tuple[str, ...] | None = None
    """By Pillow's names; None: all that it knows."""


@dataclass(frozen=True)
class Reading:
    """A file's main picture."""

    image: Image.Image
    """Upright, 8-bit RGB; what is transparent lies on white."""
    size: tuple[int, int]
    """(width, height) of the upright picture, which may have been read smaller."""
    format: str
    """By Pillow's name."""
    plain: bool
    """Whether a viewer shows the same of the file itself: 8-bit RGB, upright, one picture."""
    bare: bytes | None
    """The file without its metadata, when it was read so; None: it was read as it is."""
    notes: tuple[str, ...]
    """What its owner should know."""


def read_picture(
    source: Path | bytes, rules: Rules, at_least: tuple[int, int] | None = None
) -> Reading:
    """The main picture of a file, every pixel decoded.

    Args:
        source: a file, or its content.
        rules: what is taken.
        at_least: (width, height); the picture may come smaller than it is, but not than this,
            where that makes decoding cheaper.

    Raises:
        BadPicture: for whatever reason.
    """

    def read(content: Path | bytes, bare: Bare | None) -> Reading:
        return _read(content, rules, at_least, bare)

    return _with_or_without_metadata(source, read)


def read_without_metadata(content: bytes, rules: Rules) -> Reading | None:
    """The same without what viewers may understand in another way; None where that is not known.

    Raises:
        BadPicture: for whatever reason.
    """
    bare = without_metadata(content, keep_looks=True)
    return _read(bare.content, rules, None, bare) if bare else None


def picture_size(source: Path | bytes, rules: Rules) -> tuple[int, int]:
    """(width, height) of a file's main picture when upright, without decoding its pixels.

    Raises:
        BadPicture: for whatever reason.
    """

    def measure(content: Path | bytes, bare: Bare | None) -> tuple[int, int]:
        with any_reason(), _hearing() as heard, _opened(content, rules) as image:
            _turn_to_main_picture(image, rules, heard)
            orientation = _orientation(image, heard, bare, decode=False)
            return (image.height, image.width) if orientation in _LYING else image.size

    return _with_or_without_metadata(source, measure)


def _with_or_without_metadata(
    source: Path | bytes, read: Callable[[Path | bytes, Bare | None], _Read]
) -> _Read:
    try:
        return read(source, None)
    except Damaged as error:
        for bare in _bare(source):
            try:
                return read(bare.content, bare)
            except Damaged:
                continue
        raise error from error.__cause__


def _bare(source: Path | bytes) -> Iterator[Bare]:
    """The file without metadata: first with what says how to show its pixels, then without."""
    with any_reason():
        content = _content(source)
    for keep_looks in (True, False):
        if bare := without_metadata(content, keep_looks=keep_looks):
            yield bare


def _content(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


@contextmanager
def any_reason(what: str = "damaged or cut off") -> Iterator[None]:
    """Whatever is raised over one picture is the reason why it is not taken, as BadPicture.

    Only what the machine lacks, such as free file handles, says nothing of the picture.
    """
    try:
        yield
    except BadPicture:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _LACKS:
            raise
        raise Damaged(_reason(error, what)) from error


def _reason(error: Exception, what: str) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "not a JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC picture"
    if isinstance(error, OSError) and error.strerror:
        return f"can not be read: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it"
    return f"{what}: {' '.join(str(error).split()) or type(error).__name__}"[:300]


def _read(
    source: Path | bytes, rules: Rules, at_least: tuple[int, int] | None, bare: Bare | None
) -> Reading:
    with any_reason(), _hearing() as heard, _opened(source, rules) as image:
        _turn_to_main_picture(image, rules, heard)
        _refuse_sizes(image, rules)
        whole = image.size
        if at_least:
            # The longer side, because the orientation is applied only afterwards.
            image.draft(None, (max(at_least), max(at_least)))
        is_smaller = image.size != whole
        image.load()
        if bare:
            heard.append("its metadata cannot be read and was left out")
        orientation = _orientation(image, heard, bare)
        plain = image.mode == "RGB" and not image.has_transparency_data and not _may_move(image)
        format_ = "JPEG" if image.format == "MPO" else str(image.format)
        rgb = _as_rgb(image, heard)
        if orientation in _TURNS:
            rgb = rgb.transpose(_TURNS[orientation])
        upright = whole[::-1] if orientation in _LYING else whole
    return Reading(
        image=rgb,
        size=upright if is_smaller else rgb.size,
        format=format_,
        plain=plain and orientation == 1,
        bare=bare.content if bare else None,
        notes=tuple(dict.fromkeys(heard)),
    )


# --- opening


@contextmanager
def _opened(source: Path | bytes, rules: Rules) -> Iterator[Image.Image]:
    limit = _most_pixels.set(rules.most_pixels)
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            head = file.read(64)
            file.seek(0)
            _know_format(head)
            if head[:4] in _TIFF and (rules.formats is None or "TIFF" in rules.formats):
                image: Image.Image = _Tiff(file)
                _check_pixels(image.size)
            else:
                image = Image.open(file, formats=_known(rules.formats))
            with image:
                yield image
    finally:
        _most_pixels.reset(limit)


def _known(formats: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if formats is None or "HEIF" in Image.OPEN:
        return formats
    return tuple(name for name in formats if name != "HEIF")


def _know_format(head: bytes) -> None:
    """Raises BadPicture that names a format which needs what is not installed here."""
    if head[4:8] != b"ftyp":
        return
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, len(head) - 3, 4))]
    if not _AVIF_BRANDS.isdisjoint(brands):
        if not features.check("avif"):
            raise BadPicture("an AVIF picture, which this server's Pillow cannot read")
    elif not _HEIF_BRANDS.isdisjoint(brands):
        _know_heif()


def _know_heif() -> None:
    try:
        # Its wheels hold code under the GPL: who wants it installs it.
        from pillow_heif import register_heif_opener  # noqa: PLC0415
    except ImportError as error:
        raise BadPicture(
            "a HEIC picture, which needs pillow-heif where it is read "
            "(pip install 'weakseg[heif]'); or make a JPEG of it"
        ) from error
    if "HEIF" not in Image.OPEN:
        register_heif_opener()


class _Tiff(TiffImageFile):
    """Pillow's reader without the metadata that it reads on the way and fails over."""

    odd_orientation: object = None
    """What stands there in place of 1 to 8."""

    def _setup(self) -> None:
        for tag in _RESOLUTION:
            if tag in self.tag_v2:
                del self.tag_v2[tag]
        told = self.tag_v2.get(ORIENTATION, 1)
        if not _is_orientation(told):
            self.odd_orientation = told
            del self.tag_v2[ORIENTATION]
        super()._setup()

    def load_end(self) -> None:
        # Its size has been that of the upright picture from the start.
        turn = _TURNS.get(self.tag_v2.get(ORIENTATION, 1))
        if turn is not None:
            self.im = self.im.transpose(turn)
            self._size = self.im.size


@dataclass(frozen=True)
class _Page:
    number: int
    width: int
    height: int
    reduced: bool
    """Said to be a smaller copy of another page, or a mask of it."""

    def is_overview_of(self, main: "_Page") -> bool:
        smaller = max(self.width / main.width, self.height / main.height) <= 0.75
        same_shape = 0.9 < self.width * main.height / (self.height * main.width) < 1.1
        return self.reduced or (smaller and same_shape)


def _turn_to_main_picture(image: Image.Image, rules: Rules, heard: list[str]) -> None:
    """Raises BadPicture when the file is no single picture, and stills alone are taken."""
    if isinstance(image, _Tiff):
        _turn_to_main_page(image, rules, heard)
    elif rules.stills and _is_animation(image):
        raise BadPicture("an animation, not a picture")


def _is_animation(image: Image.Image) -> bool:
    if isinstance(image, PngImageFile):
        # The picture for viewers that cannot animate is no frame of the animation.
        return image.n_frames - bool(image.default_image) > 1
    # The other pictures of a camera's file are previews, depth maps and the like.
    return image.format not in ("MPO", "HEIF") and bool(getattr(image, "is_animated", False))


def _may_move(image: Image.Image) -> bool:
    """Whether a file of one picture is written as an animation, which viewers show in their own way."""
    if isinstance(image, PngImageFile):
        return image.custom_mimetype is not None
    return image.format == "WEBP" and image.info.get("loop", 1) != 1


def _turn_to_main_page(image: _Tiff, rules: Rules, heard: list[str]) -> None:
    pages = _pages(image, heard)
    main = max(pages, key=lambda page: (not page.reduced, page.width * page.height))
    if not all(page is main or page.is_overview_of(main) for page in pages):
        if rules.stills:
            raise BadPicture("a document of several pages, not a picture")
        main = pages[0]
    image.seek(main.number)
    if main.reduced and _SUB_IFDS in image.tag_v2:
        raise BadPicture("a camera's raw file with a preview: make a JPEG or TIFF of it")
    if image.odd_orientation is not None:
        heard.append(_odd_orientation(image.odd_orientation))


def _pages(image: _Tiff, heard: list[str]) -> list[_Page]:
    pages = [_page(image)]
    try:
        with any_reason():
            for number in range(1, _MOST_PAGES):
                image.seek(number)
                pages.append(_page(image))
    except Damaged as error:
        if not isinstance(error.__cause__, EOFError):
            heard.append("what follows its first page cannot be read")
    return pages


def _page(image: _Tiff) -> _Page:
    kind, old = (image.tag_v2.get(tag) for tag in (_NEW_SUBFILE_TYPE, _OLD_SUBFILE_TYPE))
    reduced = (isinstance(kind, int) and kind & 0b101 != 0) or old == 2
    return _Page(image.tell(), max(image.width, 1), max(image.height, 1), reduced)


# --- sizes

_UNASKED = -1
_most_pixels: ContextVar[int | None] = ContextVar("most_pixels", default=_UNASKED)
_pillows_check = Image._decompression_bomb_check


def _check_pixels(size: tuple[int, int], **told: bool) -> None:
    limit = _most_pixels.get()
    if limit == _UNASKED:
        _pillows_check(size, **told)
    elif limit is not None and size[0] * size[1] > limit:
        raise BadPicture(
            f"too many pixels: {size[0]} x {size[1]} is over {limit / 1e6:g} million pixels"
        )


# Pillow asks this before it takes memory for pixels, and has one limit for all threads. Set once,
# here: within a reading the limit is the reader's, and everywhere else it is Pillow's as ever.
Image._decompression_bomb_check = _check_pixels


def _refuse_sizes(image: Image.Image, rules: Rules) -> None:
    _check_pixels(image.size)
    size = f"{image.width} x {image.height} pixels"
    if rules.longest_side is not None and max(image.size) > rules.longest_side:
        raise BadPicture(f"{size}: no side may be over {rules.longest_side}")
    if min(image.size) < rules.shortest_side:
        raise BadPicture(f"{size}: smaller than {rules.shortest_side} x {rules.shortest_side}")


# --- orientation


def _orientation(
    image: Image.Image, heard: list[str], bare: Bare | None, *, decode: bool = True
) -> int:
    """1 to 8; what is not that is 1."""
    if isinstance(image, _Tiff):
        return 1
    if bare and bare.exif is not None:
        return bare.orientation
    try:
        with any_reason():
            told = _exif(image, decode=decode).get(ORIENTATION)
    except Damaged:
        told = None
        heard.append("its EXIF cannot be read")
    if told is None:
        return Bare(b"", image.info.get("exif")).orientation
    if _is_orientation(told):
        return int(told)
    heard.append(_odd_orientation(told))
    return 1


def _is_orientation(told: object) -> bool:
    return isinstance(told, int) and (told == 1 or told in _TURNS)


def _odd_orientation(told: object) -> str:
    return f"its EXIF orientation is none ({str(told)[:20]}): it is shown as it is stored"


def _exif(image: Image.Image, *, decode: bool) -> Image.Exif:
    # Pillow decodes all pixels of a PNG to see what comes after them, which is hardly ever anything.
    if isinstance(image, PngImageFile) and not decode and not _has_late_metadata(image):
        return Image.Image.getexif(image)
    return image.getexif()


def _has_late_metadata(image: PngImageFile) -> bool:
    """Whether something is told of a PNG's picture after its pixels."""
    file: BinaryIO = image.fp  # type: ignore[assignment]
    start = file.tell()
    pixels_seen = False
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        pixels_seen |= kind == b"IDAT"
        if pixels_seen and kind in (b"eXIf", b"iTXt", b"zTXt"):
            break
        file.seek(length + 4, 1)
    file.seek(start)
    return len(head) == 8


# --- pixels


def _as_rgb(image: Image.Image, heard: list[str]) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _as_8_bits(image, heard).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        rgb = Image.new("RGB", image.size, "white")
        rgb.paste(layer, mask=layer.getchannel("A"))
        return rgb
    return image.convert("RGB")


def _as_8_bits(image: Image.Image, heard: list[str]) -> Image.Image:
    """16 bits by their whole range; 32 bits by the range that this picture has of them."""
    import numpy as np  # noqa: PLC0415 - most pictures do without it

    values = np.asarray(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        low, high = 0.0, 65535.0
        if (most := int(values.max())) < DARK:
            heard.append(f"values of 16 bits, none over {most} of 65535: it is dark")
    else:
        finite = values[np.isfinite(values)]
        if not finite.size:
            raise BadPicture("none of its values is a finite number")
        low, high = float(finite.min()), float(finite.max())
        heard.append(f"values of 32 bits, {low:g} to {high:g} here, shown as 0 to 255")
        if lost := values.size - finite.size:
            heard.append(f"{lost} pixels are no finite number")
    gray = np.empty(values.shape, np.uint8)
    scale = 255 / (high - low) if high > low else 0.0
    # A few rows at a time: as double precision, all of them would take eight times the memory.
    for first in range(0, len(values), 64):
        rows = values[first : first + 64].astype(np.float64)
        rows = np.nan_to_num(rows, nan=low, posinf=high, neginf=low)
        middle = 0.0 if high > low else 127.0
        gray[first : first + 64] = ((rows - low) * scale + middle).clip(0, 255).round()
    return Image.fromarray(gray)


# --- Pillow's warnings


class _Ears:
    """Hears Pillow's warnings, those of each thread by itself.

    `warnings.catch_warnings` changes the whole process, and mixes threads up that use it at once:
    the first reader enters it, and the last leaves it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._of_thread = threading.local()

    @contextmanager
    def __call__(self) -> Iterator[list[str]]:
        outer = getattr(self._of_thread, "heard", None)
        heard: list[str] = []
        self._of_thread.heard = heard
        with self._lock:
            if self._readers == 0:
                self._enter()
            self._readers += 1
        try:
            yield heard
        finally:
            with self._lock:
                self._readers -= 1
                if self._readers == 0:
                    self._catching.__exit__(None, None, None)
            self._of_thread.heard = outer

    def _enter(self) -> None:
        self._catching = warnings.catch_warnings()
        self._catching.__enter__()
        self._show = warnings.showwarning
        warnings.filterwarnings("always", module=r"PIL\.|pillow_heif\.")
        warnings.showwarning = self._hear

    def _hear(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        heard = getattr(self._of_thread, "heard", None)
        if heard is None:
            self._show(message, category, filename, lineno, file, line)
        elif "Palette" not in str(message):
            heard.append("a part of its metadata cannot be read")


_hearing = _Ears()
