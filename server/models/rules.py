"""Rules of a project: what counts as what, in versions that are only ever added, with pictures."""

from datetime import datetime
from typing import TypedDict

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.db import Base, UtcDateTime, utcnow
from server.models.user import User


class ShownPicture(TypedDict):
    """A picture in a section."""

    picture_id: int
    caption: str


class Section(TypedDict):
    """What is said of a category, or of the project as a whole."""

    category_id: int | None
    category: str | None
    """As it was called then."""
    text: str
    pictures: list[ShownPicture]


class RulesVersion(Base):
    """All rules of a project as they were from some moment on; none is ever changed."""

    __tablename__ = "rules_versions"
    __table_args__ = (UniqueConstraint("project_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    version: Mapped[int]
    """1 for a project's first."""
    sections: Mapped[list[Section]] = mapped_column(JSON)
    author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    author: Mapped[User] = relationship(lazy="joined")


class RulesReading(Base):
    """That a person was shown a version, once, and when: labels from then on were given under it."""

    __tablename__ = "rules_readings"

    rules_id: Mapped[int] = mapped_column(
        ForeignKey("rules_versions.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class RulesPicture(Base):
    """A picture that rules may show; deleted, it is gone from old versions too."""

    __tablename__ = "rules_pictures"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), index=True
    )
    storage_key: Mapped[str] = mapped_column(String(500), unique=True)
    width: Mapped[int]
    height: Mapped[int]
    first_version: Mapped[int | None]
    """The first one that shows it; null for one that was uploaded and is shown nowhere yet."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
