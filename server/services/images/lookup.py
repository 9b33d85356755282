"""Images by their ids."""

from collections.abc import Iterable

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from server.errors import NotFound
from server.models import Image, Project


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


_LOCKING = (
    select(Image, Project.version)
    .join(Project, Project.id == Image.project_id)
    .where(Image.id.in_(bindparam("images", expanding=True)))
    .order_by(Image.id)
    .with_for_update(of=Image)
    .execution_options(populate_existing=True)
)


def lock_all(session: Session, image_ids: Iterable[int]) -> list[tuple[Image, str]]:
    """Those of the images that there are, with their projects' versions; others who ask wait.

    In one order for all, so that two who lock several can not wait for each other.
    """
    return [
        (image, version)
        for image, version in session.execute(_LOCKING, {"images": list(set(image_ids))})
    ]
