"""Flags on images, and the answers to them."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints

from server.models import Flag
from server.schemas.common import DatabaseId, In, Out, safe_text
from server.schemas.label import image_url

Word = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\r\n]*$"),
    AfterValidator(safe_text),
]
"""One line."""


class FlagIn(In):
    text: Word = Field(examples=["Is a trailer a car?"])


class FlagAnswerIn(In):
    answer: Word
    flagged_at: datetime | None = None
    """Of the flag as it was read: 409 `flag-changed` where it says something else by now."""
    answered_at: datetime | None = None
    """Of the flag as it was read, null for one that was open; where it is sent, 409 `flag-changed`
    once somebody else has answered since."""


class FlagIds(In):
    ids: list[DatabaseId] = Field(max_length=100)


Known = tuple[int, str]
"""Under which number and name somebody knows an image."""


class FlagOut(Out):
    id: int
    image_id: int
    image: str
    """What the image is called."""
    image_url: str
    """The image's file; takes `?width=N`."""
    annotator_id: int
    annotator: str
    text: str
    flagged_at: datetime
    answer: str | None
    answered_at: datetime | None
    """Null while it is open."""
    answered_by: str | None
    """For leads; to others null."""
    read_at: datetime | None
    """When who flagged it had read the answer."""

    @classmethod
    def of(cls, flag: Flag, *, is_for_lead: bool, known: Known | None = None) -> Self:
        """A flag with the names of its image and of people; the image as it is `known`."""
        by = flag.answered_by if is_for_lead else None
        number, name = known or (flag.image_id, flag.image.shown_name)
        return cls.from_row(
            flag,
            image_id=number,
            image=name,
            image_url=image_url(number),
            annotator=flag.annotator.email,
            answered_by=by and by.email,
        )
