"""Gold images: pictures of the source domain whose true answers are known."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, EnumText, UtcDateTime, utcnow


class GoldState(StrEnum):
    MAKING = "making"
    READY = "ready"
    FAILED = "failed"


class GoldSet(Base):
    """What gold images a project was asked to have, and how far that is."""

    __tablename__ = "gold_sets"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    wanted: Mapped[int]
    seed: Mapped[int]
    category_ids: Mapped[list[int]] = mapped_column(JSON)
    """Of the categories in the order of the indices in the masks."""
    state: Mapped[GoldState] = mapped_column(EnumText(GoldState, 10))
    error: Mapped[str | None] = mapped_column(String(2000))
    plain_until: Mapped[int] = mapped_column(default=0)
    """The last handout before there were gold images: an image is known for good under the number
    under which it was given."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class GoldImage(Base):
    """The true answers for one image."""

    __tablename__ = "gold_images"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    image_id: Mapped[int] = mapped_column(
        ForeignKey("images.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    number: Mapped[int]
    """Its place in the draw, so that it is imported once."""
    present: Mapped[list[int]] = mapped_column(JSON)
    """Category ids; one that the source domain does not know is in neither list, nor is one of
    which there is too little to count."""
    absent: Mapped[list[int]] = mapped_column(JSON)
    mask_key: Mapped[str] = mapped_column(String(500))
    """Index mask in storage, of the image's size: a byte a pixel, row by row."""
