"""Datasets that people upload: what has arrived, how it is checked, and what became of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.db import Base, EnumText, UtcDateTime, utcnow
from server.models.user import User


class UploadState(StrEnum):
    RECEIVING = "receiving"
    CHECKING = "checking"
    """A worker unpacks and looks at the files, or is to."""
    REFUSED = "refused"
    """Something is wrong; files and values can be changed, and all is checked again."""
    READY = "ready"
    """It is a dataset."""


class DatasetUpload(Base):
    __tablename__ = "dataset_uploads"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    """Of the dataset that it is, or will be."""
    folder: Mapped[str] = mapped_column(String(32), unique=True)
    """Below `datasets/` in storage; used once, so that what is removed late is never another's."""
    created_by_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    state: Mapped[UploadState] = mapped_column(EnumText(UploadState, 20))
    card: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Fields of a dataset card: what the masks' values mean."""
    files: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    """Of the files, and of an archive while it arrives."""
    archive_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    """Of an archive that is not unpacked yet."""
    archive_size: Mapped[int | None] = mapped_column(BigInteger)
    """How large it will be; None: there is none."""
    leave_out: Mapped[bool] = mapped_column(default=False)
    """Whether pairs with something wrong are left out, and the others are the dataset."""
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    """How far the work on it is."""
    pairs: Mapped[int] = mapped_column(default=0)
    """Images with a mask, when they were last looked for."""
    problems: Mapped[list[list[str]]] = mapped_column(JSON)
    """(name, reason) of the first."""
    problems_total: Mapped[int] = mapped_column(default=0)
    values: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """Values that masks have, with the number of masks and the first of them."""
    note: Mapped[str] = mapped_column(String(1000), default="")
    """What was left out, in words."""
    attempt: Mapped[int] = mapped_column(default=0)
    """Fencing token of whoever works on it."""
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    """When a person last did something with it."""
    created_by: Mapped[User] = relationship(lazy="joined")
