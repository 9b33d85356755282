"""What is to be removed besides rows: written in the transaction that deletes these."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from server.db import Base, UtcDateTime, utcnow


class Removal(Base):
    """Something outside of the tables that is to go; the row goes once it is gone."""

    __tablename__ = "removals"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(500))
    """A key of storage, or what `services.removals` has other words for."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
