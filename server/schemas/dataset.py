"""Uploads of datasets."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints

from server.models import DatasetUpload
from server.models.dataset_upload import UploadState
from server.schemas.common import In, Name, Out

CategoryName = Annotated[Name, Field(max_length=100)]


class UploadIn(In):
    name: str = Field(min_length=1, max_length=100, examples=["old-town"])
    """Of the dataset: letters, digits, dots and dashes."""
    description: str = Field(default="", max_length=1000)


class UploadChange(In):
    """Fields that are left out stay as they are; null or empty is none."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    """Another name for the dataset that it will be; null leaves it."""
    card: str | None = Field(default=None, max_length=2**16)
    """The text of a dataset card, of which what it says of masks is taken; `extends` too."""
    description: str | None = Field(default=None, max_length=1000)
    ids: dict[int, CategoryName] | None = Field(default=None, max_length=1000)
    """Category of each id, for masks of one channel."""
    colors: dict[str, CategoryName] | None = Field(default=None, max_length=1000)
    """Category of each colour, `#804080`, for masks that are coloured pictures."""
    void: (
        list[int | Annotated[str, StringConstraints(max_length=20)]] | Literal["others"] | None
    ) = Field(default=None, max_length=1000)
    """Values that are of no category; `others`: all that have none."""
    mask_channel: int | None = Field(default=None, ge=0, le=3)


class UploadCheck(In):
    leave_out: bool = False
    """Whether pairs with something wrong are left out, and the others are the dataset."""


class UploadProblem(Out):
    name: str
    reason: str


class MaskValue(Out):
    """A value that masks have."""

    value: str
    """An id, or a colour as `#804080`."""
    masks: int
    pixels: int
    first: str
    """The first mask that has it."""
    known: bool
    """Whether it is a category or void."""


class UploadPair(Out):
    name: str
    url: str
    """The picture under what its mask says."""


class UploadCategory(Out):
    name: str
    color: str
    """In which the pictures of pairs have it."""


class UploadOut(Out):
    """An upload that is, or will be, a dataset."""

    id: int
    name: str
    state: UploadState
    created_by: str
    created_at: datetime
    card: dict[str, Any]
    """What is known of the masks, as in a dataset card."""
    files: int
    bytes: int
    archive_bytes: int
    """Of an archive that has not arrived as a whole, or is not unpacked: where the next piece begins."""
    archive_size: int | None
    done: int
    total: int
    """How far the check is."""
    pairs: int
    problems: list[UploadProblem]
    """The first 200."""
    problems_total: int
    values: list[MaskValue]
    note: str
    """What was left out, in words."""

    @classmethod
    def of(cls, upload: DatasetUpload) -> Self:
        """An upload as it is now."""
        problems = [UploadProblem(name=name, reason=reason) for name, reason in upload.problems]
        values = [MaskValue.model_validate(value) for value in upload.values]
        return cls.from_row(
            upload, created_by=upload.created_by.email, problems=problems, values=values
        )


class UploadPairs(Out):
    """The first pairs of an upload."""

    pairs: list[UploadPair]
    categories: list[UploadCategory]
