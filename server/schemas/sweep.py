"""Sweeps: one category, many images."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from server.models import Image, SweepPage, SweepPlace
from server.schemas.common import DatabaseId, In, Out
from server.schemas.label import CategoryRef, LeasedImage, Timing

PAGE_SIZE = 24
PageId = Annotated[str, Field(max_length=32)]


class SweepIn(In):
    category: CategoryRef
    held: list[PageId] = Field(default=[], max_length=100)
    """Pages that the browser has. A page of one's own that it lost is given again before others."""


class SweptImage(LeasedImage):
    probability: float | None
    """That the category is in the image, by the model that annotators see."""
    ticked: bool
    """It starts as present: the model expects it, and the project pre-fills by the model."""

    @classmethod
    def at(cls, place: SweepPlace, image: Image, **others: object) -> Self:
        """The image at a place of a page."""
        return cls.of(image, probability=place.probability, ticked=place.ticked, **others)


class SweepOut(Out):
    id: str
    expires_at: datetime
    category: str
    sorted_by: Literal["probability", "import"]
    """The likeliest first; by order of import where no model's word is shown."""
    images: list[SweptImage]

    @classmethod
    def of(
        cls,
        page: SweepPage,
        category: str,
        images: Mapping[int, Image],
        known: Mapping[int, Mapping[str, object]],
    ) -> Self:
        """A page for a category, with its images by id, and as what they are known."""
        sorted_by = "import" if page.run_id is None else "probability"
        places = [
            SweptImage.at(place, images[place.image_id], **known[place.image_id])
            for place in page.places
        ]
        return cls.from_row(page, category=category, sorted_by=sorted_by, images=places)


class SweepAnswers(In):
    """The answer for each image of a page, by the image's id."""

    present: list[DatabaseId] = Field(default=[], max_length=PAGE_SIZE)
    absent: list[DatabaseId] = Field(default=[], max_length=PAGE_SIZE)
    unsure: list[DatabaseId] = Field(default=[], max_length=PAGE_SIZE)
    timing: Timing
    """Of the whole page; its images share the time."""


class SweepStored(Out):
    stored: int
    """Images whose answer is the one that was sent."""
    taken: list[int]
    """Images that others have answered, or are at, since the hold on the page ran out."""


class SweepHeartbeat(Out):
    id: str
    expires_at: datetime


class SweepCategory(Out):
    category: str
    left: int
    """Images for which not enough people have answered it."""
