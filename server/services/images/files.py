"""The pictures of images in storage, and scaled down for screens."""

import hashlib
from collections.abc import Iterator
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
from server.storage import Storage, get_storage
from trainer.contract.bare_pictures import without_metadata

MAX_NOTE = 500
BATCH = 500
MOST_KEPT = 20_000
"""Images of which a process knows where their files are, without asking the database."""


def store(digest: str, picture: Picture) -> dict[str, Any]:
    """Put a verified picture into storage; returns the columns that describe it.

    `digest` is the original's, by which an image is known again; a file is named by what it holds.
    """
    stored = hashlib.sha256(picture.content).hexdigest()
    key = f"images/{stored[:2]}/{stored}{picture.suffix}"
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


def cut_stored(*, dry_run: bool = False) -> Iterator[tuple[Path, int]]:
    """Cut what pictures tell besides their pixels out of those that earlier versions stored.

    Gives each file that changes, or would, with how many bytes it loses. Each takes the old one's
    place at once, so that this may be stopped and run again, and others read meanwhile.
    """
    storage = get_storage()
    after = ""
    while True:
        with session_scope(read_only=True) as session:
            later = Image.storage_key > after
            query = select(Image.storage_key).where(later).order_by(Image.storage_key).distinct()
            keys = [key for key in session.scalars(query.limit(BATCH)) if key]
        if not keys:
            return
        after = keys[-1]
        for key in keys:
            if lost := _cut(storage, key, dry_run=dry_run):
                yield storage.path(key), lost


def _cut(storage: Storage, key: str, *, dry_run: bool) -> int:
    """How many bytes a stored picture tells besides; 0 for one that is away, or of an odd form."""
    try:
        content = storage.path(key).read_bytes()
    except FileNotFoundError:
        return 0
    bare = without_metadata(content, keep_looks=True)
    if bare is None or not bare.whole or bare.content == content:
        return 0
    if not dry_run:
        storage.put_bytes(key, bare.content)
    return len(content) - len(bare.content)


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


def forget() -> None:
    """Look at the database again for where files are, after images were deleted."""
    _verified.cache_clear()


@lru_cache(MOST_KEPT)
def _verified(_storage: Path, image_id: int) -> tuple[str, int]:
    """The key and the width of a verified image's file, which never change."""
    with session_scope(read_only=True) as session:
        columns = Image.state, Image.storage_key, Image.width
        image = session.execute(select(*columns).where(Image.id == image_id)).one_or_none()
    if image is None:
        raise lookup.missing(image_id)
    if image.state != ImageState.READY or image.storage_key is None or image.width is None:
        raise NotFound(f"this image has no file that can be shown: it is {image.state}")
    return image.storage_key, image.width
