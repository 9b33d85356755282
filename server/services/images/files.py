"""The pictures of images in storage, and scaled down for screens."""

from pathlib import Path
from typing import Any

from server.errors import NotFound, StorageFull, Unavailable
from server.models import Image
from server.models.image import ImageState
from server.pictures import Picture, scaled, screen_width
from server.storage import get_storage

MAX_NOTE = 500


def store(digest: str, picture: Picture) -> dict[str, Any]:
    """Put a verified picture into storage; returns the columns that describe it."""
    key = f"images/{digest[:2]}/{digest}{picture.suffix}"
    storage = get_storage()
    if not storage.keep(key):
        storage.put_bytes(key, picture.content)
    return {
        "storage_key": key,
        "content_hash": digest,
        "width": picture.width,
        "height": picture.height,
        "state": ImageState.READY,
        "note": printable("; ".join(picture.notes)) or None,
    }


def printable(text: str) -> str:
    """What a file made somebody say of it, as far as databases and pages take it."""
    return "".join(c if c.isprintable() else " " for c in text)[:MAX_NOTE]


def file_for_screen(image: Image, width: int | None) -> Path:
    """The image's file, scaled down for a screen when that is wanted; scaled files are kept.

    Where they cannot be, as on a full disk, it is the original. Raises NotFound while the image is not verified, and for a rejected one.
    """
    if image.state != ImageState.READY or image.storage_key is None or image.width is None:
        raise NotFound(f"image {image.id} has no file that can be shown: it is {image.state}")
    storage = get_storage()
    original = storage.existing_path(image.storage_key)
    scaled_width = None if width is None else screen_width(width, image.width)
    if scaled_width is None:
        return original
    key = f"scaled/{scaled_width}/{image.storage_key.removeprefix('images/')}.webp"
    try:
        if not storage.exists(key):
            storage.put_bytes(key, scaled(original, scaled_width))
    except (StorageFull, Unavailable):
        return original
    return storage.path(key)
