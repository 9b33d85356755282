"""Looking at the files of registered images: ready to be shown, or rejected with the reason."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import structlog
from sqlalchemy import Row, Select, select, update
from sqlalchemy.orm import Session

from server.bulk import short_turn, values
from server.db import session_scope
from server.models import Assignment, Image
from server.models.image import AssignmentState, ImageState
from server.pictures import BadPicture, verify_picture
from server.services.images import files, lookup, manifests
from server.settings import get_settings
from trainer.contract.pictures import any_reason

MOST_FAILURES = 5
"""In a row, of storage or database."""
AT_ONCE = min(8, (os.cpu_count() or 1) + 2)
"""Pictures: decoding takes one core each, and reading and storing take none."""
BATCH = 100
SETTLE_SECONDS = 0.5

Found = dict[str, Any]
"""Columns of an image whose file was looked at."""

log = structlog.get_logger()


def verify(image_id: int) -> bool:
    """Look at a registered image's file, if nobody has yet; returns whether it can be shown.

    Opens no transaction while it reads and decodes. What is wrong with the file is the reason why
    the image is rejected; what is wrong with storage or database is raised, and changes nothing.
    """
    with session_scope(read_only=True) as session:
        image = lookup.get(session, image_id)
    if image.state != ImageState.REGISTERED:
        return image.state == ImageState.READY
    found = _look(image.id, image.uri)
    with session_scope() as session:
        _settle(session, [found])
    return bool(found["state"] == ImageState.READY)


def _look(image_id: int, uri: str | None) -> Found:
    """Read and decode an image's file, and put it into storage."""
    settings = get_settings()
    try:
        with any_reason("can not be read"):
            content = manifests.read_uri(uri or "", settings)
            picture = verify_picture(content, settings)
    except BadPicture as error:
        log.warning("image rejected", image_id=image_id, uri=uri, reason=str(error))
        reason = files.printable(str(error))
        return {"id": image_id, "state": ImageState.REJECTED, "reject_reason": reason}
    return {"id": image_id} | files.store(hashlib.sha256(content).hexdigest(), picture)


def _settle(session: Session, found: Sequence[Found]) -> None:
    """Note what was found of images that nobody else has settled meanwhile."""
    columns = Image.__table__.c
    kinds = {name: columns[name].type for name in _NOTED}
    given = values(kinds, [[each.get(name) for name in kinds] for each in found]).subquery()
    session.execute(
        update(Image)
        .where(Image.id == given.c.id, Image.state == ImageState.REGISTERED)
        .values({name: given.c[name] for name in _NOTED[1:]})
        .execution_options(synchronize_session=False)
    )
    rejected = [each["id"] for each in found if each["state"] == ImageState.REJECTED]
    if rejected:
        session.execute(
            update(Assignment)
            .where(Assignment.image_id.in_(rejected), Assignment.state == AssignmentState.OPEN)
            .values(state=AssignmentState.VOID, lease_id=None, lease_expires_at=None)
        )


_NOTED = (
    "id", "state", "storage_key", "content_hash", "width", "height", "note", "reject_reason",
)  # fmt: skip


def verify_registered(limit: int = 200) -> int:
    """Verify the images that wait for it, oldest first; returns how many need not wait any more.

    Several at once, and what was found of them in one transaction. An image that cannot be stored
    waits for the next time and keeps none of the others waiting. Raises what is in the way once
    MOST_FAILURES follow each other: then it is not the images.
    """
    settled, failed, after = 0, 0, 0
    while settled < limit:
        with session_scope(read_only=True) as session:
            images = session.execute(waiting(after, min(limit - settled, BATCH))).all()
        if not images:
            break
        after = images[-1].id
        for found, errors in _look_at_all(images):
            if found:
                with short_turn() as session:
                    _settle(session, found)
            settled += len(found)
            failed = len(errors) if found else failed + len(errors)
            if failed >= MOST_FAILURES:
                raise errors[-1]
    return settled


def waiting(after: int, most: int) -> Select[int, str | None]:
    """Ids and addresses of the next registered images."""
    query = select(Image.id, Image.uri).where(Image.waits(), Image.id > after)
    return query.order_by(Image.id).limit(most)


def _look_at_all(
    images: Sequence[Row[int, str | None]],
) -> Iterator[tuple[list[Found], list[Exception]]]:
    """What was found, and what was in the way, all that there is of it every SETTLE_SECONDS.

    So a file that is long in coming keeps no other waiting.
    """
    pool = ThreadPoolExecutor(AT_ONCE, "verifying")
    try:
        pending = {pool.submit(_look, image.id, image.uri): image.id for image in images}
        while pending:
            done, _ = wait(pending, SETTLE_SECONDS)
            found, errors = [], []
            for future in done:
                image_id = pending.pop(future)
                error = future.exception()
                if error is None:
                    found.append(future.result())
                elif isinstance(error, Exception):
                    log.error("image not verified", image_id=image_id, exc_info=error)
                    errors.append(error)
                else:
                    raise error
            yield found, errors
    finally:
        pool.shutdown(cancel_futures=True)
