"""Target images, and the assignments through which they are handed out."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    and_,
    bindparam,
    text,
)
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship

from server.db import Base, EnumText, UtcDateTime, utcnow
from trainer.contract.names import comparable


class ImageState(StrEnum):
    REGISTERED = "registered"
    """Named in a manifest; its file has not been looked at."""
    READY = "ready"
    REJECTED = "rejected"
    """Set aside with a reason; never shown."""


def _comparable_id(context: DefaultExecutionContext) -> str:
    parameters: dict[str, str] = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return comparable(parameters["external_id"])


class Image(Base):
    __tablename__ = "images"
    __table_args__ = (
        UniqueConstraint("project_id", "external_id"),
        Index("ix_images_comparable_id", "project_id", "comparable_id", unique=True),
        # With all that a search by name reads, in the order of import.
        Index("ix_images_names", "project_id", "gold", "id", "comparable_id"),
        Index("ix_images_project_state", "project_id", "state", "id"),
        Index("ix_images_project_hash", "project_id", "content_hash"),
        Index("ix_images_labelled", "project_id", "labelled", "id"),
        Index("ix_images_disputed", "project_id", "disputed_at", "id"),
        Index(
            "ix_images_registered",
            "id",
            sqlite_where=text("state = 'registered'"),
            postgresql_where=text("state = 'registered'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(500))
    """Its name, as it was given."""
    comparable_id: Mapped[str] = mapped_column(String(500), default=_comparable_id)
    """`comparable(external_id)`, by which it is found: two spellings of one name are one image."""
    uri: Mapped[str | None] = mapped_column(String(2000))
    """Where the original is, when it was not uploaded."""
    storage_key: Mapped[str | None] = mapped_column(String(500))
    """The verified, upright file in storage."""
    content_hash: Mapped[str | None] = mapped_column(String(64))
    """sha256 of the original bytes."""
    split: Mapped[str] = mapped_column(String(50), default="train")
    state: Mapped[ImageState] = mapped_column(EnumText(ImageState, 20))
    reject_reason: Mapped[str | None] = mapped_column(String(500))
    note: Mapped[str | None] = mapped_column(String(500))
    """What its owner should know of the file, such as metadata that could not be read."""
    width: Mapped[int | None]
    height: Mapped[int | None]
    labelled: Mapped[bool] = mapped_column(default=False)
    """Whether it has a current label that is no skip and not partial."""
    disputed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when its current labels contradict each other and no reviewer has decided."""
    gold: Mapped[bool] = mapped_column(default=False)
    """Not one of the project's own: its true answers are known, to measure people's."""
    alias: Mapped[str | None] = mapped_column(String(500))
    """What a gold image is called before people; no import can mean it by its external id."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    @classmethod
    def is_own_of(cls, project_id: int) -> ColumnElement[bool]:
        """Whether it is one of a project's own: what counts anywhere but for people's quality."""
        return and_(cls.project_id == project_id, cls.gold.is_(False))

    @classmethod
    def waits(cls) -> ColumnElement[bool]:
        """Whether its file has not been looked at, written so that the index of these is used."""
        registered = bindparam(None, ImageState.REGISTERED, cls.state.type, literal_execute=True)
        return cls.state == registered

    @property
    def shown_name(self) -> str:
        """What it is called before people."""
        return self.alias or self.external_id


class AssignmentState(StrEnum):
    OPEN = "open"
    DONE = "done"
    VOID = "void"
    """Its image was rejected."""


class Assignment(Base):
    """One wanted answer for one image: a project with overlap n has n of them an image.

    A lease is the hold of one annotator on an open assignment: `lease_id` is fresh for each
    lease, so that a lost one is recognised, and an expired lease simply counts as none.

    Of a gold image each person has their own, whose slot is their id: it is not for others.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        UniqueConstraint("image_id", "slot"),
        Index(
            "ix_assignments_queue",
            "project_id",
            "state",
            "slot",
            text("priority DESC"),
            "image_id",
        ),
        Index("ix_assignments_annotator", "annotator_id", "state"),
        Index(
            "ix_assignments_leased",
            "project_id",
            "lease_expires_at",
            sqlite_where=text("lease_expires_at IS NOT NULL"),
            postgresql_where=text("lease_expires_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"))
    slot: Mapped[int]
    state: Mapped[AssignmentState] = mapped_column(EnumText(AssignmentState, 10))
    annotator_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    """Who holds it, or who did it."""
    lease_id: Mapped[str | None] = mapped_column(String(36), unique=True)
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    priority: Mapped[float] = mapped_column(default=0.0)
    """The highest of a slot is handed out first; the order of import decides between equals."""
    blind: Mapped[bool | None]
    """What its holder was shown, as decided when it was leased. None: not leased yet."""
    prefilled: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    prefilled_by: Mapped[str | None] = mapped_column(String(100))
    gold: Mapped[bool] = mapped_column(default=False)
    """Whether its image is a gold one."""
    image: Mapped[Image] = relationship()


class Handout(Base):
    """An image that a person was given once: leased, on a page of a sweep, or labelled by them.

    Triggers write it, whoever hands out. To annotators no other images are there.
    """

    __tablename__ = "handouts"
    __table_args__ = (
        UniqueConstraint("image_id", "annotator_id"),
        Index("ix_handouts_person", "annotator_id", "project_id", "id"),
    )

    NUMBERS_FROM: ClassVar = 2**30
    """Where a project has gold images, an annotator knows an image as this and the handout's id.

    Ids of images are smaller, and those of gold ones lie together."""

    id: Mapped[int] = mapped_column(primary_key=True)
    """In the order in which a person was given images."""
    project_id: Mapped[int]
    image_id: Mapped[int]
    """No foreign keys: to check one, who leases would wait for who labels the image. A trigger
    forgets those of images that are deleted."""
    annotator_id: Mapped[int]


class ImageCount(Base):
    """Of the images of a project that are not gold, how many are where: the sum of its rows."""

    __tablename__ = "image_counts"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(index=True)
    """No foreign key: while a project is deleted, what its images leave behind is still counted."""
    registered: Mapped[int]
    ready: Mapped[int]
    rejected: Mapped[int]
    unfinished: Mapped[int]
    """Of which an assignment is open."""
    answers_open: Mapped[int] = mapped_column(default=0)
    """Assignments that are open."""
    answers_done: Mapped[int] = mapped_column(default=0)
