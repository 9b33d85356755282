"""What was counted over a whole project."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, UtcDateTime


class KeptMeasure(Base):
    """A measure of a large project as it was counted last; see `services.measures`."""

    __tablename__ = "kept_measures"

    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    basis: Mapped[str] = mapped_column(String(200))
    """What it was counted from; another one after each change of that."""
    value: Mapped[object] = mapped_column(JSON)
    took_ms: Mapped[int]
    counted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when a task is to count it anew; None: none is."""
