"""Weak labels as people gave them: append-only revisions."""

from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from sqlalchemy import (
    JSON,
    ColumnElement,
    Exists,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    and_,
    case,
    cast,
    exists,
    or_,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from server.db import Base, EnumText, UtcDateTime, utcnow
from server.models.image import Image
from server.models.user import User
from trainer.contract import WeakLabel


class Point(TypedDict):
    """In pixels of the original image."""

    category_id: int
    x: float
    y: float


class Tiles(TypedDict):
    """Where on a grid over the image categories are."""

    rows: int
    cols: int
    present: dict[str, list[int]]
    """By category id as text: indices of tiles, row by row."""


Trail = list[list[int | str]]
"""[at, kind] of the browser's events."""


class SweepShare(TypedDict):
    """Whose trail a label's time is a part of: `store` divides time into equal whole parts."""

    page: str
    submit: int
    """Place in the lists of the page."""
    index: int
    of: int
    """How many parts there are."""


class LabelImport(Base):
    """A file whose labels were stored, and who brought it: whoever labels are of may not have."""

    __tablename__ = "label_imports"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE"), index=True
    )
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    """None: it was imported on the server, by a command."""
    format: Mapped[str] = mapped_column(String(20))
    file_name: Mapped[str] = mapped_column(String(255))
    """Empty where nobody said."""
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class LabelKind(StrEnum):
    """What the time of one revision was spent on. One more kind is a line here and one in `Label.kind`."""

    TAGS = "tags"
    POINTS = "points"
    """With the tags that were ticked on the way."""
    TILES = "tiles"
    SWEEPS = "sweeps"
    """A share of a page of one category and many images."""
    CORRECTIONS = "corrections"
    """A further look at an image that its annotator had labelled."""
    REVIEW = "review"
    """A decision on an image, in place of all labels of it."""

    @classmethod
    def of(cls, line: WeakLabel) -> "LabelKind":
        """What a label file tells of it: corrections and decisions are not told apart there."""
        if line.tiles is not None:
            return cls.TILES
        return cls.POINTS if line.points else cls.TAGS


class Label(Base):
    """What one annotator said of one image at one moment; the highest revision counts."""

    __tablename__ = "labels"
    __table_args__ = (
        UniqueConstraint("image_id", "annotator_id", "revision"),
        UniqueConstraint("annotator_id", "idempotency_key"),
        Index("ix_labels_project", "project_id", "id"),
        Index("ix_labels_annotator", "project_id", "annotator_id", "current", "image_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"))
    annotator_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    revision: Mapped[int]
    current: Mapped[bool] = mapped_column(default=True)
    """Whether this is the annotator's latest revision for the image."""
    present: Mapped[list[int]] = mapped_column(JSON)
    """Ids of the present categories, in the project's order."""
    absent: Mapped[list[int]] = mapped_column(JSON)
    unsure: Mapped[list[int]] = mapped_column(JSON, default=list)
    """Looked at and left open: unlike a category in no list, which was not asked."""
    points: Mapped[list[Point]] = mapped_column(JSON)
    tiles: Mapped[Tiles | None] = mapped_column(JSON)
    skipped: Mapped[str | None] = mapped_column(String(500))
    """Why no label was given; then the label says nothing."""
    active_ms: Mapped[int]
    wall_ms: Mapped[int]
    trail: Mapped[Trail] = mapped_column(JSON)
    """The browser's events, from which active time was computed."""
    idle_after_s: Mapped[int] = mapped_column(default=10)
    """The project's at the time when `active_ms` was computed."""
    sweep_share: Mapped[SweepShare | None] = mapped_column(JSON(none_as_null=True))
    """Of an answer in a sweep, whose page has the trail; None of one that an earlier version took."""
    prefilled_by: Mapped[str | None] = mapped_column(String(100))
    """What the form started from: the id of a run, or `priors`."""
    prefilled: Mapped[list[int]] = mapped_column(JSON, default=list)
    """Ids of the categories that were ticked for the annotator."""
    blind: Mapped[bool] = mapped_column(default=False)
    """Whether a prediction or pre-filling was withheld, to measure what they do to answers."""
    partial: Mapped[bool] = mapped_column(default=False)
    """Answers of sweeps alone: nobody asked its annotator for the image as a whole yet."""
    resolves: Mapped[bool] = mapped_column(default=False)
    """A reviewer's word: the latest current one counts in place of all others of the image."""
    gold: Mapped[bool] = mapped_column(default=False)
    """Whether its image is a gold one: then it measures the annotator, and counts nowhere else."""
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    request_hash: Mapped[str] = mapped_column(String(64))
    import_id: Mapped[int | None]
    """The `LabelImport` that it came with, if any. No foreign key: SQLite would make the table anew."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    image: Mapped[Image] = relationship()
    annotator: Mapped[User] = relationship()

    @classmethod
    def has_answers(cls) -> ColumnElement[bool]:
        """Whether it is its annotator's current label of the image, and no skip."""
        return and_(cls.current, cls.skipped.is_(None))

    @classmethod
    def closes(cls) -> ColumnElement[bool]:
        """Whether nobody sweeps its image any more: it was skipped, or a reviewer has decided."""
        return and_(cls.current, or_(cls.skipped.is_not(None), cls.resolves))

    @classmethod
    def kind(cls) -> ColumnElement[str]:
        """The `LabelKind` of a revision. Answers of sweeps come without a request of their own."""
        earlier = aliased(Label)
        was_whole = exists().where(
            earlier.image_id == cls.image_id,
            earlier.annotator_id == cls.annotator_id,
            earlier.revision < cls.revision,
            earlier.partial.is_(False),
        )
        return case(
            (cls.request_hash == "", LabelKind.SWEEPS.value),
            (cls.resolves, LabelKind.REVIEW.value),
            (and_(cls.revision > 1, was_whole), LabelKind.CORRECTIONS.value),
            (cast(cls.tiles, Text) != "null", LabelKind.TILES.value),
            (cast(cls.points, Text) != "[]", LabelKind.POINTS.value),
            else_=LabelKind.TAGS.value,
        )

    @classmethod
    def counts(cls) -> ColumnElement[bool]:
        """Whether it is one that training sees: it has answers, is not gold and not overruled.

        A reviewer's decision overrules all other labels of its image, and earlier decisions.
        """
        decision = aliased(cls)
        is_overruled = exists().where(
            decision.image_id == cls.image_id,
            decision.current,
            decision.resolves,
            or_(~cls.resolves, decision.id > cls.id),
        )
        return and_(cls.has_answers(), cls.gold.is_(False), ~is_overruled)


class AnswerValue(StrEnum):
    PRESENT = "present"
    ABSENT = "absent"
    UNSURE = "unsure"


class Answer(Base):
    """What a current label says of one category: the labels' lists, ready to be searched."""

    __tablename__ = "answers"
    __table_args__ = (
        Index("ix_answers_category", "category_id", "value", "image_id", "label_id"),
        Index("ix_answers_image", "image_id"),
        {"sqlite_with_rowid": False},
    )

    label_id: Mapped[int] = mapped_column(
        ForeignKey("labels.id", ondelete="CASCADE"), primary_key=True
    )
    category_id: Mapped[int] = mapped_column(ForeignKey("categories.id"), primary_key=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"))
    value: Mapped[AnswerValue] = mapped_column(EnumText(AnswerValue, 10))

    @classmethod
    def is_disputed(cls, image_id: object, category_id: int | None = None) -> Exists:
        """Whether one label calls a category present in the image and another calls it absent."""
        one, other = aliased(cls), aliased(cls)
        contradiction = exists().where(
            one.image_id == image_id,
            one.value == AnswerValue.PRESENT,
            other.image_id == one.image_id,
            other.category_id == one.category_id,
            other.value == AnswerValue.ABSENT,
        )
        if category_id is None:
            return contradiction
        return contradiction.where(one.category_id == category_id)
