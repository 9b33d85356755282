"""A project: a target domain with its categories, and how it is labelled and trained."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.db import Base, UtcDateTime, utcnow


class Category(Base):
    __tablename__ = "categories"
    __table_args__ = (UniqueConstraint("project_id", "name"), UniqueConstraint("project_id", "key"))

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(100))
    color: Mapped[str] = mapped_column(String(7))
    key: Mapped[str] = mapped_column(String(1))
    """The key that toggles it on the labelling page."""


class Project(Base):
    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str] = mapped_column(String(2000), default="")
    label_kinds: Mapped[list[Any]] = mapped_column(JSON)
    """Which of `image` and `point` annotators give."""
    overlap: Mapped[int] = mapped_column(default=1)
    """How many different people label each image."""
    source: Mapped[str | None] = mapped_column(String(100))
    """Name of the dataset card of the source domain."""
    validation: Mapped[str | None] = mapped_column(String(100))
    """Name of the dataset card of target images with masks, for evaluation alone."""
    recipe: Mapped[str] = mapped_column(String(100))
    supervision: Mapped[str] = mapped_column(String(20))
    retrain_after: Mapped[int | None]
    """Start a run after this many new labels; None: never by itself."""
    show_predictions: Mapped[bool] = mapped_column(default=True)
    prefill: Mapped[bool] = mapped_column(default=False)
    """Pre-tick what the model thinks is present."""
    prediction_run_id: Mapped[int | None]
    """The run whose predictions annotators see. No foreign key: runs already point here."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    categories: Mapped[list[Category]] = relationship(
        order_by=Category.position, lazy="selectin", cascade="all, delete-orphan"
    )
