"""JPEG, PNG, WebP and AVIF files without what is no pixel, copied and decoded by nobody."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}
_PNG_LOOKS = {
    b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"acTL", b"fcTL", b"fdAT",
}  # fmt: skip
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"

_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}
_WEBP_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}

# What a HEIF file says of an item: its number and type. Other places are counted from the file's
# start, so that the type is written over and nothing moves.
_HEIF_EXIF = re.compile(rb"(infe(?:\x02.{3}.{2}|\x03.{3}.{4}).{2})Exif", re.DOTALL)

_SOS, _EOI, _APP0, _APP1, _APP2, _APP14, _APP15, _COM = (
    0xDA, 0xD9, 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
)  # fmt: skip
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""What ends the pixels of a scan: in them, a byte 0xFF is followed by 0, and restarts count no end."""
_JPEG_END = b"\xff\xd9"
_EXIF, _PROFILE = b"Exif\0\0", b"ICC_PROFILE\0"
_ORIENTATION, _SHORT = 0x0112, 3


@dataclass(frozen=True)
class Bare:
    """A file without its metadata."""

    content: bytes
    exif: bytes | None
    """What it said, as it stood there; None where it had none, or the pixels' own part says more."""
    whole: bool = False
    """Every byte of the file was understood up to its end, so that no pixel can be missing."""

    @property
    def orientation(self) -> int:
        """1 to 8, as far as the EXIF can be read, which may be cut short behind it; else 1."""
        try:
            return next(_orientations((self.exif or b"").removeprefix(_EXIF)), 1)
        except struct.error:
            return 1


def _orientations(tiff: bytes) -> Iterator[int]:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return
    (start,) = struct.unpack_from(f"{order}L", tiff, 4)
    (entries,) = struct.unpack_from(f"{order}H", tiff, start)
    for entry in range(entries):
        tag, kind, count, value = struct.unpack_from(f"{order}HHLH", tiff, start + 2 + 12 * entry)
        if (tag, kind, count) == (_ORIENTATION, _SHORT, 1) and 1 <= value <= 8:
            yield value


def without_metadata(content: bytes, *, keep_looks: bool) -> Bare | None:
    """A file's pixels as they are; None when that is not known of its format.

    Args:
        content: of the file.
        keep_looks: whether what says what its colours mean, and how it moves, stays.
    """
    if content.startswith(b"\xff\xd8\xff"):
        return _bare_jpeg(content, keep_looks=keep_looks)
    if content.startswith(_PNG):
        return _bare_png(content, keep_looks=keep_looks)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _bare_webp(content, keep_looks=keep_looks)
    if content[4:8] == b"ftyp" and keep_looks:
        return _bare_heif(content)
    return None


def _bare_jpeg(content: bytes, *, keep_looks: bool) -> Bare:
    kept, exif, place, whole = [b"\xff\xd8"], None, 2, True
    while (found := content.find(b"\xff", place)) != -1 and found + 3 < len(content):
        whole &= found == place
        place, marker = found, content[found + 1]
        if marker == _EOI:
            break
        if marker in (0x00, 0xFF) or 0xD0 <= marker <= 0xD8:
            # A marker may have any number of 0xFF before it.
            whole &= marker == 0xFF
            place += 1
            continue
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        whole &= place + 4 <= end <= len(content)
        end = max(end, place + 2)
        if marker == _SOS:
            after = _NEXT_MARKER.search(content, end)
            end = after.start() if after else len(content)
        segment = content[place:end]
        if marker == _APP1 and segment[4:10] == _EXIF:
            exif = exif or segment[4:]
        kept.append(_of_pixels(marker, segment, keep_looks=keep_looks))
        place = end
    # Where the end is missing it stays so: to a decoder, what is cut off would look whole with it.
    end_of_it = b"" if content[place : place + 2] != _JPEG_END else _JPEG_END
    return Bare(b"".join([*kept, end_of_it]), exif, whole and bool(end_of_it))


def _of_pixels(marker: int, segment: bytes, *, keep_looks: bool) -> bytes:
    """What of a segment is needed to decode the pixels, or decides what colours they are."""
    if marker == _APP0 and segment[4:9] == b"JFIF\0" and len(segment) >= 18:
        # Without the thumbnail that may follow.
        return segment[:2] + b"\0\x10" + segment[4:16] + b"\0\0"
    if marker == _APP14 and segment[4:9] == b"Adobe" and len(segment) >= 16:
        return segment[:2] + b"\0\x0e" + segment[4:16]
    if keep_looks and marker == _APP2 and segment[4:16] == _PROFILE:
        return segment
    return b"" if _APP0 <= marker <= _APP15 or marker == _COM else segment


def _bare_png(content: bytes, *, keep_looks: bool) -> Bare:
    wanted = _PNG_PIXELS | (_PNG_LOOKS if keep_looks else set())
    kept, exif, place, whole = [_PNG], None, len(_PNG), False
    while place + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        end = place + 12 + length
        if kind == b"IEND" or not kind.isalpha():
            whole = kind == b"IEND"
            break
        if kind in wanted:
            kept.append(content[place:end])
        elif kind == b"eXIf":
            exif = content[place + 8 : end - 4]
        place = end
    return Bare(b"".join([*kept, _PNG_END]), exif, whole)


def _bare_webp(content: bytes, *, keep_looks: bool) -> Bare:
    kept, exif, place = [], None, 12
    wanted = _WEBP_PIXELS | ({b"ICCP"} if keep_looks else set())
    (size,) = struct.unpack_from("<I", content, 4)
    # What is behind the size that the file says is no part of it.
    last = min(8 + size + size % 2, len(content))
    while place + 8 <= last:
        kind, length = struct.unpack_from("<4sI", content, place)
        end = place + 8 + length + length % 2
        if kind == b"VP8X":
            dropped = sum(bit for name, bit in _WEBP_FLAGS.items() if name not in wanted)
            chunk = bytearray(content[place:end])
            chunk[8:9] = bytes(flags & ~dropped for flags in chunk[8:9])
            kept.append(bytes(chunk))
        elif kind in wanted:
            kept.append(content[place:end])
        elif kind == b"EXIF":
            exif = content[place + 8 : place + 8 + length]
        place = end
    body = b"WEBP" + b"".join(kept)
    return Bare(b"RIFF" + struct.pack("<I", len(body)) + body, exif, whole=place == last)


def _bare_heif(content: bytes) -> Bare | None:
    """How the picture is turned is a property of its pixels here, which counts before its EXIF."""
    bare, found = _HEIF_EXIF.subn(rb"\1none", content)
    return Bare(bare, None) if found else None
