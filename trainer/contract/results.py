"""What a run amounts to: scores, checkpoints, predictions and its report."""

from typing import Literal

from pydantic import Field

from trainer.contract.config import Supervision
from trainer.contract.record import Fraction, Record


class Score(Record):
    """Accuracy at one step. IoU is None for a category that is nowhere in the masks."""

    miou: Fraction | None = None
    """On the validation masks; None when there are none, or one category alone is in them: always
    to say that one would be a mean IoU of 1."""
    miou_of_scored: Fraction | None = None
    """Mean over `scored_categories` alone, where the run names any."""
    iou: dict[str, Fraction | None] = Field(default={})
    presence_f1: Fraction | None = None
    """On held-out weak labels (or the validation masks' presence when there are masks)."""
    point_accuracy: Fraction | None = None
    """Share of held-out points whose pixel is predicted right."""
    presence_error: Fraction | None = None
    """Expected calibration error of presence probabilities."""
    presence_average_precision: Fraction | None = None
    """Mean over categories of the average precision of presence; free of thresholds."""
    balanced_point_accuracy: Fraction | None = None
    """Mean over categories of the share of its held-out points that are predicted right."""
    point_miou: Fraction | None = None
    """mIoU of held-out points, as if all categories were equally large."""
    weak_label_score: Fraction | None = None
    """The one number by which held-out weak labels choose a checkpoint."""


class CheckpointInfo(Record):
    """The JSON beside each checkpoint: all that is needed to use it without the server."""

    step: int
    categories: tuple[str, ...]
    backbone: str
    height: int
    width: int
    score: Score
    config_sha256: str
    labels_sha256: str | None
    sha256: str
    size: int


class ReliabilityBin(Record):
    """Presence probabilities of one interval against what turned out to be there."""

    count: int = Field(ge=1)
    confidence: Fraction
    """Mean probability."""
    frequency: Fraction
    """Share that is present."""


class ImageScore(Record):
    """How well one image of the scored ones is segmented."""

    image: str
    miou: Fraction


class Interval(Record):
    """Where a score is with a probability of 80 %, had other images been drawn to score it on."""

    low: Fraction
    high: Fraction


class Breakdown(Record):
    """What stands behind the score of the selected checkpoint."""

    images: int
    unit: Literal["pixels", "points"]
    confusion: tuple[tuple[int, ...], ...] = ()
    """Counts by truth (row) and prediction (column), in the order of the categories."""
    reliability: tuple[ReliabilityBin, ...] = ()
    examples: tuple[ImageScore, ...] = ()
    """The worst and the best images, worst first; with masks alone."""
    intervals: dict[str, Interval] = Field(default={})
    """By the name of a score, `iou.CATEGORY` for each category; of a bootstrap over images."""


class Report(Record):
    """`report.json`: what a finished run amounts to."""

    supervision: Supervision
    selected_step: int
    selection: str
    """Which rule chose the checkpoint, in words: `last step`, `best validation mIoU`, ..."""
    score: Score
    source_only: Score | None = None
    """Score at the end of the warm-up, before the target took part."""
    seconds: float
    device: str
    labelled_images: int
    last_step: int | None = None
    last_score: Score | None = None
    """Score at the last step, which differs from `score` where another checkpoint was selected."""
    losses: dict[str, float] = Field(default={})
    """Mean of each loss over the last tenth of the steps that had it."""
    breakdown: Breakdown | None = None
    notes: tuple[str, ...] = ()
    """As in the run's first line, `Started`, and what was out of order at its end."""


class ImagePrediction(Record):
    """One line of `predictions/predictions.jsonl`."""

    image: str
    mask: str
    """Palette PNG at the original size, relative to `predictions/`; index = category."""
    width: int
    height: int
    presence: dict[str, Fraction]
    uncertainty: Fraction
    """Mean over pixels of the normalised entropy."""
