"""Immutable label files."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, UtcDateTime, utcnow


class Snapshot(Base):
    """All current weak labels of a project at one moment. The same labels are the same snapshot."""

    __tablename__ = "snapshots"
    __table_args__ = (UniqueConstraint("project_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    sha256: Mapped[str] = mapped_column(String(64))
    storage_key: Mapped[str] = mapped_column(String(500))
    size: Mapped[int]
    labels: Mapped[int]
    """Number of lines."""
    images: Mapped[int]
    points: Mapped[int]
    active_ms: Mapped[int] = mapped_column(BigInteger)
    """Active labelling time that went into it, corrections included."""
    wall_ms: Mapped[int] = mapped_column(BigInteger)
    active_ms_by_kind: Mapped[dict[str, int] | None] = mapped_column(JSON)
    """By `LabelKind`, summing up to `active_ms`; None of one that an earlier version made, until the
    upkeep has read its file once more; empty where that is missing."""
    active_ms_by_idle: Mapped[dict[str, list[int]] | None] = mapped_column(
        JSON(none_as_null=True), deferred=True
    )
    """What `active_ms_by_kind` is for each `Project.idle_after_s`, from one second on; None until
    the upkeep has read the trails, empty where the file is missing. It is made once: labels that are
    deleted later change nothing."""
    answers: Mapped[int | None]
    """How many categories its labels call present or absent; None as above."""
    deleted_images: Mapped[int] = mapped_column(default=0)
    """Of the images that its file names, how many have been deleted since."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
