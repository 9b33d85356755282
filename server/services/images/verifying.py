"""Looking at the files of registered images: ready to be shown, or rejected with the reason."""

import hashlib
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.db import session_scope
from server.models import Assignment, Image
from server.models.image import AssignmentState, ImageState
from server.pictures import BadPicture, verify_picture
from server.services.images import files, lookup, manifests
from server.settings import get_settings
from trainer.contract.pictures import any_reason

MOST_FAILURES = 5
"""In a row, of storage or database."""

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
    settings = get_settings()
    try:
        with any_reason("can not be read"):
            content = manifests.read_uri(image.uri or "", settings)
            picture = verify_picture(content, settings)
    except BadPicture as error:
        log.warning("image rejected", image_id=image_id, uri=image.uri, reason=str(error))
        _reject(image_id, str(error))
        return False
    columns = files.store(hashlib.sha256(content).hexdigest(), picture)
    with session_scope() as session:
        _still_registered(session, image_id, columns)
    return True


def _still_registered(session: Session, image_id: int, columns: dict[str, Any]) -> None:
    registered = Image.state == ImageState.REGISTERED
    session.execute(update(Image).where(Image.id == image_id, registered).values(**columns))


def _reject(image_id: int, reason: str) -> None:
    with session_scope() as session:
        columns = {"state": ImageState.REJECTED, "reject_reason": files.printable(reason)}
        _still_registered(session, image_id, columns)
        session.execute(
            update(Assignment)
            .where(Assignment.image_id == image_id, Assignment.state == AssignmentState.OPEN)
            .values(state=AssignmentState.VOID, lease_id=None, lease_expires_at=None)
        )


def verify_registered(limit: int = 200) -> int:
    """Verify the images that wait for it, oldest first; returns how many need not wait any more.

    An image that cannot be stored waits for the next time and keeps none of the others waiting.
    Raises what is in the way once MOST_FAILURES follow each other: then it is not the images.
    """
    settled, failed, after = 0, 0, 0
    while settled < limit:
        with session_scope(read_only=True) as session:
            waiting = session.scalars(
                select(Image.id)
                .where(Image.state == ImageState.REGISTERED, Image.id > after)
                .order_by(Image.id)
                .limit(limit - settled)
            ).all()
        for image_id in waiting:
            after = image_id
            try:
                verify(image_id)
            except Exception:
                log.exception("image not verified", image_id=image_id)
                failed += 1
                if failed == MOST_FAILURES:
                    raise
            else:
                settled, failed = settled + 1, 0
        if not waiting:
            break
    return settled
