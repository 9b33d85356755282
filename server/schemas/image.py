"""Target images and their import."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field, field_validator

from server.models import Image
from server.models.image import ImageState
from server.schemas.common import DatabaseId, In, Out, Page, refuse_unstorable, safe_name
from server.schemas.label import LabelOut, image_url


class ManifestLine(In):
    """One line of an NDJSON manifest."""

    uri: str = Field(min_length=1, max_length=2000, examples=["cam3/000123.jpg"])
    """A path below the server's image root, or https:// of an allowed host."""
    external_id: str | None = Field(
        default=None, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$"
    )
    """Null: the uri."""
    split: str = Field(default="train", min_length=1, max_length=50, pattern=r"^[^\x00-\x1f]+$")

    @field_validator("external_id", "split")
    @classmethod
    def _can_be_stored(cls, value: Any) -> Any:
        # A bad address is refused by itself later, and the other lines go on.
        refuse_unstorable(value)
        return value

    @field_validator("split")
    @classmethod
    def _is_a_name(cls, split: str) -> str:
        return safe_name(split)


class Rejected(Out):
    name: str
    reason: str


class Noted(Out):
    name: str
    note: str


class ImportResult(Out):
    imported: int
    skipped: int
    """Were there already."""
    rejected: list[Rejected]
    """The first 1,000 of them."""
    rejected_total: int = 0
    """All of them, those that are not listed too; left out when it is none."""
    notes: tuple[Noted, ...] = ()
    """What to know of files that were imported, such as metadata that cannot be read; left out
    when there is nothing."""


class ImageOut(Out):
    id: int
    external_id: str
    state: ImageState
    reject_reason: str | None
    note: str | None
    """What to know of the file, such as metadata that could not be read."""
    width: int | None
    height: int | None
    split: str
    created_at: datetime
    labels: int
    """Current labels, skips not counted."""
    disputed_at: datetime | None
    """Since when its labels contradict each other without a reviewer's decision."""
    url: str
    """The image's file; takes `?width=N`."""

    @classmethod
    def of(cls, image: Image, labels: int, **others: object) -> Self:
        """An image with the number of its current labels, skips not counted; `others` go first."""
        itself = {"external_id": image.shown_name, "url": image_url(image.id)}
        return cls.from_row(image, labels=labels, **itself | others)


class ImagePage(Page[ImageOut]):
    """One page of a list of images."""

    previous_cursor: str | None = None
    """Pass as `before` for the page before; null on the first."""


class ImageTotal(Out):
    """How many images pass a filter."""

    count: int
    is_exact: bool
    """False: there may be more. Of a list that takes more than an index, 100,000 are counted."""


class ImageDetail(ImageOut):
    history: list[LabelOut]
    """The newest 100 revisions by everybody, newest first, and what is current. An annotator sees
    only their own."""
    history_cursor: str | None
    """Pass to `/images/{id}/labels` as `cursor` for the revisions before them; null when there are
    none."""


class Neighbours(Out):
    """The images beside one in a filtered list; null at its ends."""

    previous_id: int | None
    next_id: int | None


class Dispute(Out):
    """Who says what of a category, by e-mail address."""

    category: str
    present_by: list[str]
    absent_by: list[str]


class DisputedImage(ImageOut):
    disputes: list[Dispute]


class Requeue(In):
    image_ids: list[DatabaseId] = Field(min_length=1, max_length=1000)


class Requeued(Out):
    images: int
    """Of which assignments were opened again."""
