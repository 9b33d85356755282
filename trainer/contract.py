"""What a training run is given and what it says: the only part of the trainer that others may import.

Everything here is plain data (pydantic, no torch). The same types validate a request, are stored with
the run, and are written beside its checkpoints.
"""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1000)]


class Supervision(StrEnum):
    """What the target domain offers; `point` implies `image`."""

    SOURCE_ONLY = "source-only"
    PSEUDO = "pseudo"
    IMAGE = "image"
    POINT = "point"

    @property
    def is_oracle(self) -> bool:
        """Whether a person's labels are needed."""
        return self in (Supervision.IMAGE, Supervision.POINT)


class Record(BaseModel):
    """Immutable plain data that refuses unknown fields and numbers that are not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PointLabel(Record):
    """One clicked pixel: x right, y down, in original image pixels, pixel centres at .5."""

    category: str
    x: float = Field(ge=0)
    y: float = Field(ge=0)


class TileTags(Record):
    """Presence per tile of a rows x cols grid; indices count row by row from the top left."""

    rows: int = Field(ge=1, le=16)
    cols: int = Field(ge=1, le=16)
    present: dict[str, tuple[int, ...]] = {}


class WeakLabel(Record):
    """One line of a label file. A category in neither list was not asked."""

    image: str
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    points: tuple[PointLabel, ...] = ()
    tiles: TileTags | None = None
    active_ms: int = Field(default=0, ge=0)
    wall_ms: int = Field(default=0, ge=0)
    annotator: str = ""
    labelled_at: datetime | None = None
    prefilled_by: str | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if both := set(self.present) & set(self.absent):
            raise ValueError(f"present and absent at once: {', '.join(sorted(both))}")
        for point in self.points:
            if point.x >= self.width or point.y >= self.height:
                raise ValueError(
                    f"point ({point.x:g}, {point.y:g}) of {point.category!r} is outside "
                    f"the {self.width} x {self.height} image"
                )
        return self


class ListedImage(Record):
    """One line of a listing: an image's name in label files, and where its files are."""

    image: str
    path: Path
    mask: Path | None = None


class DatasetCard(Record):
    """Where a dataset's images and masks are, and which raw mask id is which category.

    Images come either from a glob below `root` (a mask is found by the image's stem) or from
    `listing`, a JSONL file of `ListedImage`. Raw ids that `ids` does not name are void.
    """

    name: str = Field(min_length=1, max_length=100)
    root: Path = Path()
    images: str = "images/*"
    masks: str | None = None
    """Pattern below `root` with `{stem}` for the image's stem, such as `masks/{stem}.png`."""
    listing: Path | None = None
    ids: dict[int, str] = {}
    description: str = ""


class LossWeights(Record):
    """Weight of each term; 0 switches a term off. Symbols as in the paper."""

    source_presence: Weight = 0.1
    """L_c on the source, whose labels are free: calibrates the presence score."""
    output_alignment: Weight = 0.001
    """lam_adv: output-space discriminator."""
    image_label: Weight | None = None
    """lam_c: None means 0.01 for pseudo labels and 0.2 for oracle labels."""
    category_alignment: Weight = 0.001
    """lam_d: category-wise discriminators."""
    point: Weight = 1.0
    """lam_pt: cross-entropy at clicked pixels."""
    absent: Weight = 0.1
    """Negative learning of absent categories at every pixel; 0 is the paper."""


class TrainConfig(Record):
    """One complete training run. The recipe functions in `trainer.recipes` make these."""

    recipe: str
    supervision: Supervision
    categories: tuple[str, ...] = Field(min_length=1, max_length=256)
    colors: tuple[str, ...] = ()
    """One `#rrggbb` per category for predicted masks; empty: a built-in palette."""
    source: DatasetCard
    target: DatasetCard
    validation: DatasetCard | None = None
    """Target images with masks, opened for evaluation alone."""
    labels: Path | None = None
    """Label file; a relative path is below the run directory."""

    backbone: Literal["efficientnet-lite0"] = "efficientnet-lite0"
    frozen_stages: int = Field(default=2, ge=0, le=7)
    """So many first stages of the backbone keep their ImageNet weights: at high resolution they
    cost most of a step, and edges and textures look alike in both domains."""
    feature_channels: int = Field(default=128, ge=8, le=4096, multiple_of=8)
    """E: channels of the features that enter the classifier."""
    height: int = Field(default=240, ge=32, le=4096)
    width: int = Field(default=320, ge=32, le=8192)
    batch_size: int = Field(default=4, ge=1, le=64)
    warmup_steps: int = Field(default=400, ge=0, le=1_000_000)
    """Steps on the source alone before the target takes part."""
    steps: int = Field(default=600, ge=0, le=1_000_000)
    """Steps of adaptation, after the warm-up."""
    learning_rate: float = Field(default=3e-4, gt=0, le=1)
    head_learning_rate_factor: float = Field(default=5.0, gt=0, le=100)
    discriminator_learning_rate: float = Field(default=1e-4, gt=0, le=1)
    weight_decay: float = Field(default=1e-2, ge=0, le=1)
    gradient_norm: float = Field(default=1.0, gt=0)
    pseudo_threshold: Fraction = 0.2
    """T of the paper's pseudo image labels."""
    smooth_max: float = Field(default=1.0, gt=0, le=100)
    """k of gpool (Eq. 1)."""
    discriminator_hidden: int = Field(default=256, ge=1, le=4096)
    output_discriminator_width: int = Field(default=16, ge=1, le=512)
    """Channels after the first convolution of the output-space discriminator; 64 is the paper."""
    average_decay: float = Field(default=0.99, ge=0, lt=1)
    """Decay of the running average of the weights that is scored and saved; 0 is none."""
    weights: LossWeights = LossWeights()

    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    threads: int | None = Field(default=None, ge=1, le=256)
    report_every: int = Field(default=10, ge=1)
    evaluate_every: int = Field(default=100, ge=1)
    predict: bool = True
    """Write masks and presence probabilities of every target image at the end."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("a category is named twice")
        if self.colors and len(self.colors) != len(self.categories):
            raise ValueError(f"{len(self.colors)} colours for {len(self.categories)} categories")
        if self.supervision.is_oracle and self.labels is None:
            raise ValueError(f"supervision {self.supervision.value!r} needs a label file")
        return self


class Score(Record):
    """Accuracy at one step. IoU is None for a category that is nowhere in the masks."""

    miou: Fraction | None = None
    """On the validation masks; None when there are none."""
    iou: dict[str, Fraction | None] = {}
    presence_f1: Fraction | None = None
    """On held-out weak labels (or the validation masks' presence when there are masks)."""
    point_accuracy: Fraction | None = None
    """Share of held-out points whose pixel is predicted right."""


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


class Progress(Record):
    """Means since the previous progress line."""

    kind: Literal["progress"] = "progress"
    step: int
    steps: int
    phase: Literal["warm-up", "adaptation"]
    losses: dict[str, float]
    learning_rate: float
    images_per_second: float
    eta_seconds: float


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
