"""Flags: a word of a person on an image, and a lead's answer to it."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.db import Base, UtcDateTime, utcnow
from server.models.image import Image
from server.models.user import User


class Flag(Base):
    """One person's word on one image. It says nothing to training, and no label changes by it."""

    __tablename__ = "flags"
    __table_args__ = (
        UniqueConstraint("image_id", "annotator_id"),
        Index("ix_flags_project", "project_id", "id"),
        Index("ix_flags_annotator", "annotator_id", "project_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(String(500))
    flagged_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    """When it was last said in other words."""
    answer: Mapped[str | None] = mapped_column(String(500))
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Null while it is open."""
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When who flagged it had read the answer."""
    image: Mapped[Image] = relationship(lazy="joined")
    annotator: Mapped[User] = relationship(lazy="joined", foreign_keys=annotator_id)
    answered_by: Mapped[User | None] = relationship(lazy="joined", foreign_keys=answered_by_id)
