"""Images by their ids."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.errors import NotFound
from server.models import Image


def get(session: Session, image_id: int, *, lock: bool = False) -> Image:
    """Raises NotFound. With `lock`, others who ask so wait until this transaction ends."""
    image = session.get(Image, image_id, with_for_update=lock)
    if image is None:
        raise missing(image_id)
    return image


def missing(image_id: int) -> NotFound:
    """NotFound for an unknown image id."""
    return NotFound(f"there is no image {image_id}")


def get_all(session: Session, image_ids: Iterable[int]) -> dict[int, Image]:
    """Those of the images that there are, by id."""
    query = select(Image).where(Image.id.in_(set(image_ids)))
    return {image.id: image for image in session.scalars(query)}


def lock_all(session: Session, image_ids: Iterable[int]) -> dict[int, Image]:
    """Those of the images that there are, by id; others who ask for one of them wait.

    In one order for all, so that two who lock several can not wait for each other.
    """
    query = (
        select(Image)
        .where(Image.id.in_(set(image_ids)))
        .order_by(Image.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {image.id: image for image in session.scalars(query)}
