"""Sweeps: pages of images that one person answers for one category."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.db import Base, EnumText, UtcDateTime, utcnow
from server.models.label import AnswerValue, Trail


class SweepPage(Base):
    """Images that one person holds, or has answered, for one category.

    Held while `answered_at` is empty and `expires_at` lies ahead: then nobody else is given its
    images. The answers themselves are in the person's labels.
    """

    __tablename__ = "sweep_pages"
    __table_args__ = (
        Index("ix_sweep_pages_person", "annotator_id", "project_id", "expires_at"),
        # Those that are held are the last of a category to expire.
        Index("ix_sweep_pages_category", "category_id", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id", ondelete="CASCADE"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    run_id: Mapped[int | None]
    """Whose predictions sorted the page; None: it is in order of import."""
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    request_hash: Mapped[str | None] = mapped_column(String(64))
    """Of the answers that were stored last."""
    trail: Mapped[list[Trail]] = mapped_column(JSON, default=list)
    """The browser's events of all submits, each a list, from which active time was computed."""
    walls: Mapped[list[int | None]] = mapped_column(JSON, default=list)
    """Wall milliseconds of the same submits; shorter by those that an earlier version took."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    places: Mapped[list["SweepPlace"]] = relationship(
        order_by="SweepPlace.position", cascade="all, delete-orphan", passive_deletes=True
    )


class SweepPlace(Base):
    """One image on a page."""

    __tablename__ = "sweep_places"
    __table_args__ = (Index("ix_sweep_places_image", "image_id"),)

    page_id: Mapped[str] = mapped_column(
        ForeignKey("sweep_pages.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"))
    probability: Mapped[float | None]
    """Of the category's presence, as the person was shown it."""
    ticked: Mapped[bool] = mapped_column(default=False)
    """Whether it was marked as present for the person."""
    answer: Mapped[AnswerValue | None] = mapped_column(EnumText(AnswerValue, 10))
    """What was stored; None: nothing yet, or others had answered before."""


class SweepProgress(Base):
    """How far one person has come with a category: the next search for images begins there.

    What lies behind is seen to when nothing is found ahead: it may have become free again.
    """

    __tablename__ = "sweep_progress"

    category_id: Mapped[int] = mapped_column(
        ForeignKey("categories.id", ondelete="CASCADE"), primary_key=True
    )
    annotator_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    run_id: Mapped[int | None]
    """Whose ranking gives the order; None: images are in order of import."""
    ranked: Mapped[int]
    """So many places of the ranking lie behind."""
    imported: Mapped[int]
    """Of the images that are not ranked, those up to this id do."""
