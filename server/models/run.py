"""Training runs and what they reported."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship
from typing_extensions import TypedDict  # the form of answers, too, and pydantic knows no other yet

from server.db import Base, EnumText, UtcDateTime, utcnow
from server.models.project import Project
from server.models.snapshot import Snapshot
from server.models.user import User
from trainer.contract import Supervision


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """Its worker went away; the sweep queues it again."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)


class Run(Base):
    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_project", "project_id", "id"),
        Index("ix_runs_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    snapshot_id: Mapped[int | None] = mapped_column(ForeignKey("snapshots.id"))
    recipe: Mapped[str] = mapped_column(String(100))
    supervision: Mapped[Supervision] = mapped_column(EnumText(Supervision, 20))
    overrides: Mapped[dict[str, Any]] = mapped_column(JSON)
    config: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The complete `TrainConfig` that the run directory gets, less the paths of target images."""
    automatic: Mapped[bool] = mapped_column(default=False)
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))

    state: Mapped[RunState] = mapped_column(EnumText(RunState, 20))
    attempt: Mapped[int] = mapped_column(default=0)
    """Fencing token: what a worker with an older number writes is refused."""
    interruptions: Mapped[int] = mapped_column(default=0)
    """How often its worker was lost since a person last started it."""
    worker: Mapped[str | None] = mapped_column(String(200))
    """Machine and device of the current attempt."""
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str | None] = mapped_column(String(2000))

    step: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int] = mapped_column(default=0)
    miou: Mapped[float | None]
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    snapshot: Mapped[Snapshot | None] = relationship(lazy="joined")
    project: Mapped[Project] = relationship(foreign_keys=[project_id])
    created_by: Mapped[User | None] = relationship(lazy="joined")


class SeenWorker(Base):
    """A worker that takes runs, and when it last said so."""

    __tablename__ = "seen_workers"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Range(TypedDict):
    """Where a figure is with a probability of 80 %."""

    low: float
    high: float


class Figures(TypedDict):
    """What a report says, without what stands behind it: enough for the cost curve."""

    miou: float | None
    iou: dict[str, float | None]
    presence_f1: float | None
    presence_average_precision: float | None
    point_accuracy: float | None
    weak_label_score: float | None
    source_only_miou: float | None
    selection: str
    intervals: dict[str, Range]
    """By the name of a figure above, `iou.CATEGORY` too, as far as the trainer told them."""


class RunFigures(Base):
    """Figures of a finished run in small: the cost curve reads hundreds at once."""

    __tablename__ = "run_figures"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    setting: Mapped[str] = mapped_column(String(64))
    """The same for runs that can be held against each other: recipe, source, validation, categories."""
    same_config: Mapped[str] = mapped_column(String(64))
    """The same for runs that differ by their seed and the machine alone."""
    figures: Mapped[Figures] = mapped_column(JSON)


class RunEvent(Base):
    """One progress line of the trainer, or one change of state."""

    __tablename__ = "run_events"
    __table_args__ = (Index("ix_run_events_run", "run_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    attempt: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
