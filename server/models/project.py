"""A project: a target domain with its categories, and how it is labelled and trained."""

import hmac
import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    SQLColumnExpression,
    String,
    UniqueConstraint,
    case,
    cast,
    event,
    literal,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from server.db import Base, EnumText, UtcDateTime, utcnow
from server.models.gold import GoldSet
from trainer.contract import Supervision

Mode = Literal["tags", "points", "tags-and-points", "tiles"]


@dataclass(frozen=True)
class Asked:
    """What a mode asks for besides which categories are in the image."""

    points: bool = False
    tiles: bool = False

    @property
    def tags_alone(self) -> bool:
        """Whether which categories are there is all that there is to say of an image."""
        return not (self.points or self.tiles)

    @property
    def can_be_swept(self) -> bool:
        """Whether one category may be asked for by itself: a tag without its tiles has no form."""
        return not self.tiles


ASKED: Mapping[Mode, Asked] = {
    "tags": Asked(),
    "points": Asked(points=True),
    "tags-and-points": Asked(points=True),
    "tiles": Asked(tiles=True),
}
Prefill = Literal["none", "model", "priors"]
Order = Literal["imported", "random", "uncertain", "rare", "disagreement"]


class Category(Base):
    __tablename__ = "categories"
    __table_args__ = (UniqueConstraint("project_id", "name"), UniqueConstraint("project_id", "key"))

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(String(100))
    color: Mapped[str] = mapped_column(String(7))
    key: Mapped[str | None] = mapped_column(String(1))
    """The key that toggles it on the labelling page; none when all of them are taken."""


class CategoryKey(Base):
    """The key that one person chose for a category, in place of the project's."""

    __tablename__ = "category_keys"
    __table_args__ = (UniqueConstraint("user_id", "project_id", "key"),)

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    category_id: Mapped[int] = mapped_column(
        ForeignKey("categories.id", ondelete="CASCADE"), primary_key=True
    )
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(1))


PLACES = 1_000_000
STRIDE = 618_033
"""Without a common divisor with PLACES, and near to their golden section: places of images that
follow each other lie far apart, so that any stretch of them has its share."""

SEEN = "seen-projects"
"""In the info of a session: what it has been handed of `services.projects.seen`, by id."""


def _new_version() -> str:
    return secrets.token_hex(16)


class Project(Base):
    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str] = mapped_column(String(2000), default="")
    open_to_everybody: Mapped[bool] = mapped_column(default=False)
    """Whether whoever has an account takes part by what that may do, member or not."""
    mode: Mapped[Mode] = mapped_column(String(20), default="tags-and-points")
    """What annotators are asked for."""
    points_per_category: Mapped[int] = mapped_column(default=1)
    tile_rows: Mapped[int] = mapped_column(default=2)
    tile_cols: Mapped[int] = mapped_column(default=2)
    overlap: Mapped[int] = mapped_column(default=1)
    """How many different people label each image of the overlap; the others are for one."""
    overlap_share: Mapped[float] = mapped_column(default=1.0)
    """The share of images that is labelled so often."""
    overlap_first: Mapped[int | None]
    """So many images are, the first that were imported. None: the share decides."""
    overlap_until: Mapped[int | None]
    """Id of the last of these; None while there are fewer. It stays when some of them are deleted."""
    source: Mapped[str | None] = mapped_column(String(100))
    """Name of the dataset card of the source domain."""
    validation: Mapped[str | None] = mapped_column(String(100))
    """Name of the dataset card of target images with masks, for evaluation alone."""
    recipe: Mapped[str] = mapped_column(String(100))
    supervision: Mapped[Supervision] = mapped_column(EnumText(Supervision, 20))
    retrain_after: Mapped[int | None]
    """Start a run after this many new labels; None: never by itself."""
    show_predictions: Mapped[bool] = mapped_column(default=True)
    prefill: Mapped[Prefill] = mapped_column(String(10), default="none")
    """What a form starts from."""
    blind_share: Mapped[float] = mapped_column(default=0.1)
    """Share of images that a person sees without prediction and pre-filling."""
    blind_secret: Mapped[str] = mapped_column(String(64), default=lambda: secrets.token_hex(16))
    """Who sees which image blind, and when a gold one, is drawn with it: nobody can foresee it."""
    gold_share: Mapped[float] = mapped_column(default=0.02)
    """Share of gold images among those that a person is given, once the project has any."""
    min_view_ms: Mapped[int] = mapped_column(default=400)
    """How long the labelling page shows an image before it takes an answer, in milliseconds."""
    order: Mapped[Order] = mapped_column(String(20), default="imported")
    """In which order images are handed out; see `services.assignment.priorities`."""
    neutral_priority: Mapped[float] = mapped_column(default=0.0)
    """Of an image of which nothing is known yet."""
    stop_below: Mapped[float | None]
    """Labelling is to stop once an hour is expected to bring less mIoU than this; None: not asked."""
    idle_after_s: Mapped[int] = mapped_column(default=10)
    """Of a gap without input, no more seconds than this count as active time."""
    retime_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When that was changed, while times of labels are still computed anew; else None."""
    prioritised_for: Mapped[str] = mapped_column(String(60), default="")
    """The order and the model that the priorities of its images were made for."""
    prediction_run_id: Mapped[int | None]
    """The run whose predictions annotators see. No foreign key: runs already point here."""
    version: Mapped[str] = mapped_column(String(32), default=_new_version)
    """Another one after each change of it, of its categories or of what gold images it has: what
    was read under a version that it still has is still true."""
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when nothing is labelled, imported or trained in it."""
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when it is gone for everybody, while its images and files are being removed."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    categories: Mapped[list[Category]] = relationship(
        order_by=Category.position, lazy="selectin", cascade="all, delete-orphan"
    )
    gold_set: Mapped[GoldSet | None] = relationship(viewonly=True)
    """The gold images that it was asked to have; none where it never was."""

    @property
    def asked(self) -> Asked:
        """What annotators are asked for besides which categories are in the image."""
        return ASKED[self.mode]

    @property
    def overlaps_in_part(self) -> bool:
        """Whether some images are for several people, and others for one."""
        is_part = self.overlap_first is not None or self.overlap_share < 1
        return self.overlap > 1 and is_part

    def people_wanted(self, image_id: int) -> int:
        """How many different people label an image of its own."""
        if self.overlap_first is not None:
            is_in = self.overlap_until is None or image_id <= self.overlap_until
        else:
            is_in = (image_id * STRIDE + self._start) % PLACES < self.overlap_share * PLACES
        return self.overlap if is_in else 1

    def people_wanted_of(self, image_id: SQLColumnExpression[int]) -> ColumnElement[int]:
        """The same as `people_wanted`, of a column of ids."""
        if not self.overlaps_in_part:
            return literal(self.overlap)
        if self.overlap_first is None:
            place = (cast(image_id, BigInteger) * STRIDE + self._start) % PLACES
            is_in = place < self.overlap_share * PLACES
        elif self.overlap_until is None:
            return literal(self.overlap)
        else:
            is_in = image_id <= self.overlap_until
        return case((is_in, self.overlap), else_=1)

    @property
    def _start(self) -> int:
        """From where the places of images are counted: nobody can foresee which are in the share."""
        return int.from_bytes(hmac.digest(self.blind_secret.encode(), b"overlap", "sha256")[:4])

    def renew(self) -> None:
        """Give it another version: what is kept of it holds no more."""
        self.version = _new_version()

    def new_priority(self) -> float:
        """Of an image of which nothing is known yet."""
        return random.random() if self.order == "random" else self.neutral_priority  # noqa: S311


@event.listens_for(Session, "before_flush")
def _renew_versions(session: Session, _context: object, _instances: object) -> None:
    for row in [*session.new, *session.dirty, *session.deleted]:
        match row:
            case Project() if session.is_modified(row):
                _renew_version(session, row)
            case Category(project_id=int(project_id)) | GoldSet(project_id=int(project_id)):
                if project := session.get(Project, project_id):
                    _renew_version(session, project)


def _renew_version(session: Session, project: Project) -> None:
    project.version = _new_version()
    session.info.pop(SEEN, None)
