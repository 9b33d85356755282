"""Runs, their progress, checkpoints, and what they bought."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self, get_args

from pydantic import Field, JsonValue

from server.models import Checkpoint, Run, RunEvent
from server.models.run import Range, RunState
from server.schemas.common import DatabaseId, In, Out, ProjectSupervision
from server.schemas.snapshot import SnapshotOut
from trainer.contract import (
    CheckpointSaved,
    DatasetCard,
    Evaluated,
    Finished,
    Predicting,
    Progress,
    Report,
    Score,
    Started,
    TrainConfig,
)
from trainer.recipes import FILE_FIELDS

WHY_IS_UNTOLD = "the run failed; whoever leads the project sees why"


def _mentions(annotation: Any, *kinds: type) -> bool:
    return annotation in kinds or any(_mentions(each, *kinds) for each in get_args(annotation))


_FIELDS = TrainConfig.model_fields.items()
_CARDS = frozenset(name for name, field in _FIELDS if _mentions(field.annotation, DatasetCard))
_TOLD = (
    frozenset(name for name, field in _FIELDS if not _mentions(field.annotation, Path))
    - _CARDS
    - FILE_FIELDS
)
"""Fields of a configuration that are numbers, choices and names: nothing of the machine."""
_TOLD_OF_EVENTS = {
    "started": frozenset(Started.model_fields) - {"notes"},
    "progress": frozenset(Progress.model_fields),
    "evaluated": frozenset(Evaluated.model_fields),
    "checkpoint": frozenset(CheckpointSaved.model_fields) - {"path"},
    "predicting": frozenset(Predicting.model_fields),
    "finished": frozenset(Finished.model_fields),
    "state": frozenset({"state"}),
}
"""What everybody is told of an event, by its kind; of another, nothing."""


def _told_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without places on the machine, of datasets their names alone."""
    cards = {
        name: card and {"name": card["name"]} for name, card in config.items() if name in _CARDS
    }
    return {name: value for name, value in config.items() if name in _TOLD} | cards


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
    """Who neither leads the project nor is an engineer is told nothing of the machine: no `worker`, no
    paths in `overrides`, and that there was an `error`, not which."""

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
    def of(cls, run: Run, *, inspects: bool, **others: object) -> Self:
        """A run with who started it and the labels that it trains on.

        With the places and words of the machine for who `inspects` it.
        """
        others["created_by"] = run.created_by.email if run.created_by else None
        others["snapshot"] = SnapshotOut.of(run.snapshot) if run.snapshot else None
        if not inspects:
            told = {k: v for k, v in run.overrides.items() if k.partition(".")[0] in _TOLD}
            why = WHY_IS_UNTOLD if run.error else None
            others |= {"worker": None, "error": why, "overrides": told}
        return cls.from_row(run, **others)


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

    @classmethod
    def of(cls, run: Run, *, inspects: bool, **others: object) -> Self:
        """A run with all about it; places and words of the machine for who `inspects` it."""
        if not inspects:
            report = None if run.report is None else run.report | {"notes": ()}
            others |= {"config": _told_config(run.config), "report": report}
        return super().of(run, inspects=inspects, **others)


class MetricPoint(Out):
    """One progress or evaluation line."""

    id: int
    kind: str
    """`started`, `progress`, `evaluated`, `checkpoint`, `predicting`, `finished`, `failed`, `state`."""
    at: datetime
    attempt: int
    payload: dict[str, Any]

    @classmethod
    def of(cls, event: RunEvent, *, inspects: bool) -> Self:
        """A line with the moment at which the server read it.

        Words of the machine are for who `inspects` the run.
        """
        payload = event.payload
        if not inspects:
            told = _TOLD_OF_EVENTS.get(event.kind, frozenset())
            payload = {name: value for name, value in payload.items() if name in told}
            if event.payload.get("error"):
                payload["error"] = WHY_IS_UNTOLD
        return cls.from_row(event, at=event.created_at, payload=payload)


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
