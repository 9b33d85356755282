"""Under which number and name annotators know an image.

Gold images have ids of their own, made in one go, and no name that would fit among those of the
project. So where a project has them, annotators know each image by when they were given it, gold or
not: its number is the handout's, beyond all ids of images (`Handout.NUMBERS_FROM`). What they were
given before keeps its id and name, which programs may have stored. Leads are told ids, and find an
image by either.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.models import Handout, Image, Project
from server.models.member import MemberRole
from server.schemas.label import image_url

Numbers = Mapping[int, int]
"""What images are called, by their ids; one that is missing is known by its id."""
PLAIN: Numbers = {}


@dataclass(frozen=True)
class Person:
    """Who is told of images."""

    project: Project
    id: int
    role: MemberRole

    @property
    def is_kept_from_gold(self) -> bool:
        """Whether they may not find out which images are gold, and there are some."""
        return self.role == MemberRole.ANNOTATOR and self.project.gold_set is not None


def of_images(session: Session, person: Person, image_ids: Collection[int]) -> Numbers:
    """Under which numbers a person is told of images that they were given."""
    gold_set = person.project.gold_set
    if not person.is_kept_from_gold or gold_set is None or not image_ids:
        return PLAIN
    given = select(Handout.image_id, Handout.id).where(
        Handout.annotator_id == person.id,
        Handout.image_id.in_(image_ids),
        Handout.id > gold_set.plain_until,
    )
    return {image_id: Handout.NUMBERS_FROM + n for image_id, n in session.execute(given)}


def find(session: Session, person: Person, number: int) -> int | None:
    """Id of the image that a person knows by this number; None: they know none by it."""
    given = select(Handout.image_id).where(
        Handout.annotator_id == person.id, Handout.project_id == person.project.id
    )
    if number >= Handout.NUMBERS_FROM:
        image_id = session.scalar(given.where(Handout.id == number - Handout.NUMBERS_FROM))
    else:
        image_id = session.scalar(given.where(Handout.image_id == number))
    if image_id is None or of_images(session, person, [image_id]).get(image_id, image_id) != number:
        return None
    return image_id


def existing(session: Session, wanted: Collection[int]) -> set[int]:
    """Those of some numbers under which there is an image, whoever knows it so."""
    handouts = {n - Handout.NUMBERS_FROM for n in wanted if n >= Handout.NUMBERS_FROM}
    found = set(session.scalars(select(Image.id).where(Image.id.in_(wanted))))
    if handouts:
        given = session.scalars(select(Handout.id).where(Handout.id.in_(handouts)))
        found |= {Handout.NUMBERS_FROM + n for n in given}
    return found


def known_as(image: Image, numbers: Numbers) -> dict[str, Any]:
    """What is shown of an image to somebody who knows images by these numbers, in place of its own."""
    number = numbers.get(image.id)
    if number is None:
        return {}
    return {"id": number, "external_id": name_of(number), "url": image_url(number)}


def name_of(number: int) -> str:
    """What an image is called that is known by a handout's number."""
    return f"image {number - Handout.NUMBERS_FROM}"
