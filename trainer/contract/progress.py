"""What a run says while it works: the lines of `progress.jsonl`."""

from typing import Annotated, Literal

from pydantic import Field

from trainer.contract.record import Fraction, Record
from trainer.contract.results import Score


class Started(Record):
    """First line of a run."""

    kind: Literal["started"] = "started"
    steps: int
    device: str
    source_images: int
    target_images: int
    labelled_images: int
    validation_images: int
    first_step: int = 0
    notes: tuple[str, ...] = Field(default=(), exclude_if=lambda notes: not notes)
    """What a person should know of what the run starts from: how much of the masks is void, by value,
    which categories cannot be asked of them, and which damaged file gave way to an earlier one."""


class Progress(Record):
    """Means since the previous progress line."""

    kind: Literal["progress"] = "progress"
    step: int
    steps: int
    phase: Literal["warm-up", "adaptation"]
    losses: dict[str, float]
    learning_rate: float
    """Of the backbone, the first of `learning_rates`."""
    images_per_second: float
    eta_seconds: float
    loss: float | None = None
    """The weighted sum that the segmenter descends."""
    learning_rates: dict[str, float] = Field(default={})
    """Of each group of weights: `backbone`, `head`, `discriminators`."""
    memory_bytes: int | None = None
    """Peak so far: of the accelerator's memory, or on a CPU of the process's."""
    data_share: Fraction | None = None
    """Share of the time that was spent waiting for batches."""


class Evaluated(Record):
    """An evaluation; `step` counts warm-up and adaptation together."""

    kind: Literal["evaluated"] = "evaluated"
    step: int
    phase: Literal["warm-up", "adaptation"]
    score: Score


class CheckpointSaved(Record):
    """A complete checkpoint is on disk; `path` is relative to the run directory."""

    kind: Literal["checkpoint"] = "checkpoint"
    step: int
    path: str
    sha256: str
    size: int
    score: Score


class Predicting(Record):
    """Predictions written so far."""

    kind: Literal["predicting"] = "predicting"
    done: int
    total: int


class Finished(Record):
    """Last line of a run that came to its end; `report.json` is complete."""

    kind: Literal["finished"] = "finished"
    status: Literal["succeeded", "interrupted"]


class Failed(Record):
    """Last line of a run that could not go on."""

    kind: Literal["failed"] = "failed"
    error: str


ProgressLine = Annotated[
    Started | Progress | Evaluated | CheckpointSaved | Predicting | Finished | Failed,
    Field(discriminator="kind"),
]
"""One line of `progress.jsonl`, which is also what the trainer writes to stdout."""
