"""Runs, their progress, checkpoints, and what they bought."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field, JsonValue

from server.models import Checkpoint, Run, RunEvent
from server.models.run import Range, RunState
from server.schemas.common import DatabaseId, In, Out, ProjectSupervision
from server.schemas.snapshot import SnapshotOut
from trainer.contract import Report, Score


class RunIn(In):
    recipe: str | None = Field(default=None, max_length=100, examples=["cpu-small"])
    """Null: the project's."""
    supervision: ProjectSupervision | None = None
    """Null: the project's."""
    overrides: dict[str, JsonValue] = Field(
        default={}, max_length=100, examples=[{"steps": 300, "weights.point": 1.0}]
    )
    """Fields of the run's config by dotted name."""
    snapshot_id: DatabaseId | None = None
    """Null: a snapshot of the labels as they are now, when the supervision needs labels."""


class RunOut(Out):
    id: int
    project_id: int
    recipe: str
    supervision: ProjectSupervision
    overrides: dict[str, Any]
    state: RunState
    automatic: bool
    attempt: int
    worker: str | None
    error: str | None
    step: int
    steps: int
    miou: float | None
    cancel_requested: bool
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    snapshot: SnapshotOut | None

    @classmethod
    def of(cls, run: Run, **others: object) -> Self:
        """A run with who started it and the labels that it trains on."""
        creator = run.created_by.email if run.created_by else None
        snapshot = SnapshotOut.of(run.snapshot) if run.snapshot else None
        return cls.from_row(run, created_by=creator, snapshot=snapshot, **others)


class Baseline(Out):
    """What no label buys: the newest finished source-only run of the same recipe and data."""

    run_id: int
    miou: float | None
    iou: dict[str, float | None]


class RunDetail(RunOut):
    baseline: Baseline | None
    """What a gain is counted from; null for a source-only run, and where there is none of the same
    recipe, source, validation and categories. `report.source_only` is this run's own network at the
    end of its warm-up."""
    config: dict[str, Any]
    report: Report | None
    report_url: str | None
    """A page for people with curves, tables and pictures; null until the run has succeeded."""


class MetricPoint(Out):
    """One progress or evaluation line."""

    id: int
    kind: str
    """`started`, `progress`, `evaluated`, `checkpoint`, `predicting`, `finished`, `failed`, `state`."""
    at: datetime
    attempt: int
    payload: dict[str, Any]

    @classmethod
    def of(cls, event: RunEvent) -> Self:
        """A line with the moment at which the server read it."""
        return cls.from_row(event, at=event.created_at)


class CheckpointOut(Out):
    id: int
    run_id: int
    step: int
    miou: float | None
    score: Score
    sha256: str
    size: int
    created_at: datetime
    selected: bool
    """Whether the run's report chose this one."""
    url: str
    filename: str

    @classmethod
    def of(cls, checkpoint: Checkpoint, run: Run) -> Self:
        """A checkpoint of a run, whose report tells which one it chose."""
        return cls.from_row(
            checkpoint,
            selected=run.report is not None and checkpoint.step == run.report["selected_step"],
            url=f"/api/v1/checkpoints/{checkpoint.id}/file",
        )


class CostPoint(Out):
    """One finished run: what its labels cost and what they bought."""

    run_id: int
    supervision: ProjectSupervision
    recipe: str
    finished_at: datetime
    labels: int
    images: int
    points: int
    active_hours: float
    wall_hours: float
    miou: float | None
    source_only_miou: float | None
    """Of the run's own network at the end of its warm-up."""
    presence_f1: float | None
    point_accuracy: float | None
    selection: str
    baseline_run_id: int | None
    """The newest finished source-only run of the same recipe and data; null when there is none."""
    baseline_miou: float | None
    gain: float | None
    """`miou` less `baseline_miou`; null where either is not known, and for source-only runs."""
    snapshot_id: int | None
    """Of the labels that it learned from; null for a run that used none."""
    answers: int | None
    """How many categories these labels call present or absent; null where their file is missing."""
    hours_by_kind: dict[str, float] | None
    """`active_hours` by kind of label; null where that is not known."""
    presence_average_precision: float | None
    weak_label_score: float | None
    """The one number of what held-out weak labels say."""
    setting: str
    """The same for runs that can be held against each other: of one recipe, source, validation set and
    categories."""
    seeds: int
    """How many runs differ from each other by the seed alone, this one among them."""
    seed_deviation: float | None
    """Standard deviation of their mIoU; null where it is of one run alone."""
    iou: dict[str, float | None]
    """By category."""
    intervals: dict[str, Range]
    """Of 80 %, over the images that a run was scored on: by the name of the figure, `iou.NAME` too."""


class CostCurve(Out):
    project_id: int
    kinds: list[str]
    """Kinds of labels that time is told apart by."""
    points: list[CostPoint]
    """In order of active hours."""
