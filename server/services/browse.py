"""Finding images of a project again: by what was said of them and by what the model thinks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, func, literal, null, select, tuple_
from sqlalchemy.orm import Session

from server.errors import BadInput
from server.models import Answer, Image, Label, Prediction, Project
from server.models.image import ImageState
from server.services import answers, projects

State = Literal["registered", "ready", "rejected", "labelled", "unlabelled", "disputed"]
Said = Literal["present", "absent", "unsure", "disputed"]
ImageOrder = Literal["imported", "uncertain"]

STATES: dict[State, ColumnElement[bool]] = {
    "registered": Image.state == ImageState.REGISTERED.value,
    "ready": Image.state == ImageState.READY.value,
    "rejected": Image.state == ImageState.REJECTED.value,
    "labelled": Image.labelled.is_(True),
    "unlabelled": Image.labelled.is_(False),
    "disputed": Image.disputed_at.is_not(None),
}
OTHER_SIDE = 0.5
"""A probability further than this from an answer speaks against it."""


@dataclass(frozen=True)
class ImageFilter:
    """Which images, and in which order; None is no condition."""

    state: State | None = None
    category: str | None = None
    said: Said = "present"
    """What people say of the category."""
    annotator_id: int | None = None
    disagrees: bool = False
    """Only where the model that annotators see is on the other side of some answer."""
    order: ImageOrder = "imported"

    @property
    def looks_at_others(self) -> bool:
        """Whether the answer tells what somebody else or the model said."""
        wanted = (self.category, self.disagrees or None, self.annotator_id)
        return any(wanted) or self.state == "disputed" or self.order != "imported"


@dataclass(frozen=True)
class Place:
    """Where an image stands in an order."""

    image_id: int
    uncertainty: float | None = None

    @classmethod
    def parse(cls, cursor: str) -> "Place":
        """Of a cursor. Raises BadInput."""
        image_id, _, uncertainty = cursor.partition("~")
        try:
            return cls(min(int(image_id), 2**31 - 1), float(uncertainty) if uncertainty else None)
        except ValueError as error:
            raise BadInput("cursor: not one that this list gave") from error

    def __str__(self) -> str:
        return str(self.image_id) + ("" if self.uncertainty is None else f"~{self.uncertainty!r}")


def page(
    session: Session, project: Project, wanted: ImageFilter, after: Place | None, limit: int
) -> list[tuple[Image, Place]]:
    """The first images after a place. Raises BadInput for a category that is not the project's."""
    query = _matching(project, wanted)
    if after is not None:
        query = query.where(_beyond(wanted, after))
    rows = session.execute(query.order_by(*_sorting(wanted)).limit(limit))
    return [(image, Place(image.id, uncertainty)) for image, uncertainty in rows]


def neighbours(
    session: Session, project: Project, wanted: ImageFilter, image: Image
) -> tuple[int | None, int | None]:
    """Ids of the images before and after one in a filtered list, which need not hold it."""
    place = Place(image.id, _uncertainty(session, project, wanted, image))
    if wanted.order == "uncertain" and place.uncertainty is None:
        return None, None
    query = _matching(project, wanted)
    found = []
    for backwards in (True, False):
        step = query.where(_beyond(wanted, place, backwards=backwards))
        first = session.execute(step.order_by(*_sorting(wanted, backwards=backwards)).limit(1))
        row = first.one_or_none()
        found.append(row[0].id if row else None)
    return found[0], found[1]


def label_counts(session: Session, image_ids: Sequence[int]) -> dict[int, int]:
    """How many current labels images have, skips not counted."""
    query = (
        select(Label.image_id, func.count())
        .where(Label.image_id.in_(image_ids), Label.current, Label.skipped.is_(None))
        .group_by(Label.image_id)
    )
    return dict(session.execute(query).all())


def _uncertainty(
    session: Session, project: Project, wanted: ImageFilter, image: Image
) -> float | None:
    if wanted.order != "uncertain":
        return None
    return session.scalar(
        select(Prediction.uncertainty).where(
            Prediction.run_id == project.prediction_run_id, Prediction.image_id == image.id
        )
    )


def _matching(project: Project, wanted: ImageFilter) -> Select[Any]:
    """(image, its place's uncertainty) of all images that the filter lets through."""
    is_shown = and_(Prediction.image_id == Image.id, Prediction.run_id == project.prediction_run_id)
    query: Select[Any] = select(Image)
    if wanted.order == "uncertain":
        query = query.add_columns(Prediction.uncertainty).join(Prediction, is_shown)
    else:
        query = query.add_columns(null())
        if wanted.disagrees:
            query = query.join(Prediction, is_shown)
    query = query.where(Image.project_id == project.id)
    if wanted.disagrees:
        query = query.where(Prediction.disagreement > OTHER_SIDE)
    if wanted.state is not None:
        query = query.where(STATES[wanted.state])
    if wanted.category is not None:
        query = query.where(*_said_of(project, wanted.category, wanted.said))
    if wanted.annotator_id is not None:
        by = select(Label.image_id).where(
            Label.project_id == project.id,
            Label.annotator_id == wanted.annotator_id,
            Label.current,
            Label.skipped.is_(None),
        )
        query = query.where(Image.id.in_(by))
    return query


def _said_of(project: Project, name: str, said: Said) -> tuple[ColumnElement[bool], ...]:
    category_id = projects.category_id(project, name)
    if said == "disputed":
        return STATES["disputed"], answers.is_disputed(Image.id, category_id)
    by = select(Answer.image_id).where(Answer.category_id == category_id, Answer.value == said)
    return (Image.id.in_(by),)


def _beyond(wanted: ImageFilter, place: Place, *, backwards: bool = False) -> ColumnElement[bool]:
    if wanted.order == "imported":
        return Image.id < place.image_id if backwards else Image.id > place.image_id
    if place.uncertainty is None:
        raise BadInput("cursor: of a list in another order")
    # The most uncertain first; both columns run downwards, as the index does when read backwards.
    row = tuple_(Prediction.uncertainty, Prediction.image_id)
    there = tuple_(literal(place.uncertainty), literal(place.image_id))
    return row > there if backwards else row < there


def _sorting(wanted: ImageFilter, *, backwards: bool = False) -> list[ColumnElement[Any]]:
    if wanted.order == "imported":
        return [Image.id.desc() if backwards else Image.id.asc()]
    columns = Prediction.uncertainty, Prediction.image_id
    return [column.asc() if backwards else column.desc() for column in columns]
