"""What further labelling is expected to bring. Intervals are of 80 %; accuracies and gains are fractions."""

from typing import Literal

from pydantic import Field

from server.models.label import LabelKind
from server.schemas.common import Out
from trainer.contract import Supervision

Measure = Literal["miou", "weak_label_score"]
Answer = Literal["go-on", "stop", "not-known", "not-asked"]


class Estimate(Out):
    estimate: float
    low: float
    high: float


class MissingRuns(Out):
    """What is missing before anything can be said."""

    runs: int
    """So many more."""
    hours: list[float]
    """Active hours in the labels at which they would tell most; 0 is a source-only run."""


class CategoryGain(Out):
    category: str
    gain: Estimate
    """Of its IoU, by another hour."""


class JudgedForecast(Out):
    """What the runs before a run foretold of it, and what came."""

    run_id: int
    hours: float
    forecast: Estimate
    came: float
    inside: bool


class KindForecast(Out):
    """Another hour of one kind of label, for runs of one supervision."""

    kind: LabelKind
    supervision: Supervision
    runs: int
    """That say something of it, those without labels among them."""
    hours: float
    """Active hours in the labels of the run that has most: the next one begins there."""
    family: Literal["exponential", "power"] | None = None
    now: Estimate | None = None
    """The accuracy at these hours, by the curve."""
    gain: Estimate | None = None
    """What another hour is expected to add; null where runs are `missing`."""
    ceiling: Estimate | None = None
    """Where the curve ends."""
    missing: MissingRuns | None = None
    categories: list[CategoryGain] = Field(default=[])
    """Most first."""
    judged: list[JudgedForecast] = Field(default=[])
    """The last runs, each from those before it alone."""


class Stop(Out):
    """Whether another hour is expected to bring what the project asks for, whatever its kind."""

    answer: Answer
    kind: LabelKind | None = None
    """The one that is expected to bring most."""
    supervision: Supervision | None = None
    gain: Estimate | None = None


class Ranking(Out):
    """Spearman's correlation of the weak-label score with mIoU, over runs that have both."""

    runs: int
    correlation: Estimate | None
    """Null for fewer than five runs, or where all have the same."""


class Forecast(Out):
    project_id: int
    measure: Measure
    """By what it is: mIoU where any run has one."""
    recipe: str | None
    """Of the newest run; runs that cannot be held against it count for nothing here."""
    stop_below: float | None
    """The project's."""
    kinds: list[KindForecast]
    stop: Stop
    ranking: Ranking | None
    """Null where no run has both."""
