"""Target images and their import."""

from datetime import datetime

from pydantic import Field

from server.models.image import ImageState
from server.schemas.common import In, Out
from server.schemas.label import LabelOut


class ManifestLine(In):
    """One line of an NDJSON manifest."""

    uri: str = Field(min_length=1, max_length=2000, examples=["cam3/000123.jpg"])
    """A path below the server's image root, or https:// of an allowed host."""
    external_id: str | None = Field(
        default=None, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$"
    )
    """Null: the uri."""
    split: str = Field(default="train", min_length=1, max_length=50, pattern=r"^[^\x00-\x1f]+$")


class Rejected(Out):
    name: str
    reason: str


class ImportResult(Out):
    imported: int
    skipped: int
    """Were there already."""
    rejected: list[Rejected]


class ImageOut(Out):
    id: int
    external_id: str
    state: ImageState
    reject_reason: str | None
    width: int | None
    height: int | None
    split: str
    created_at: datetime
    labels: int
    """Current labels, skips not counted."""
    url: str
    """The image's file; takes `?width=N`."""


class ImageDetail(ImageOut):
    history: list[LabelOut]
    """All revisions by everybody, newest first. An annotator sees only their own."""
