"""The pictures of images in storage, and scaled down for screens."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import select

from server.db import session_scope
from server.errors import NotFound, StorageFull, Unavailable
from server.models import Image
from server.models.image import ImageState
from server.pictures import Picture, scaled, screen_width
from server.services.images import lookup
from server.storage import get_storage

MAX_NOTE = 500
MOST_KEPT = 20_000
"""Images of which a process knows where their files are, without asking the database."""


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


def key_for_screen(image_id: int, width: int | None) -> str:
    """The key of an image's file, scaled down for a screen when that is wanted.

    Scaled files are kept; where they cannot be, as on a full disk, it is the original. Raises
    NotFound for an unknown image, while it is not verified, and for a rejected one.
    """
    storage = get_storage()
    original, original_width = _verified(storage.root, image_id)
    scaled_width = None if width is None else screen_width(width, original_width)
    if scaled_width is None:
        return original
    key = f"scaled/{scaled_width}/{original.removeprefix('images/')}.webp"
    try:
        if not storage.exists(key):
            storage.put_bytes(key, scaled(storage.existing_path(original), scaled_width))
    except (StorageFull, Unavailable):
        return original
    return key


@lru_cache(MOST_KEPT)
def _verified(_storage: Path, image_id: int) -> tuple[str, int]:
    """The key and the width of a verified image's file, which never change."""
    with session_scope(read_only=True) as session:
        columns = Image.state, Image.storage_key, Image.width
        image = session.execute(select(*columns).where(Image.id == image_id)).one_or_none()
    if image is None:
        raise lookup.missing(image_id)
    if image.state != ImageState.READY or image.storage_key is None or image.width is None:
        raise NotFound(f"image {image_id} has no file that can be shown: it is {image.state}")
    return image.storage_key, image.width
