"""What a training run is given and what it says: the only part of the trainer that others may import.

Everything here is plain data (pydantic, no torch). The same types validate a request, are stored with
the run, and are written beside its checkpoints.
"""

import re
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from trainer.contract.names import comparable, same_twice
from trainer.contract.places import inside
from trainer.patterns import filled, glob_of, names_in, values_in
from trainer.ready import ready_card

Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0, le=1000)]


class Supervision(StrEnum):
    """What the target domain offers; `point` implies `image`, `dense` is the upper bound."""

    SOURCE_ONLY = "source-only"
    PSEUDO = "pseudo"
    IMAGE = "image"
    POINT = "point"
    DENSE = "dense"

    def __repr__(self) -> str:
        """As people write it: messages of pydantic quote this."""
        return repr(self.value)

    @property
    def is_oracle(self) -> bool:
        """Whether a person's labels are needed."""
        return self in (Supervision.IMAGE, Supervision.POINT)

    @property
    def learns_without_source(self) -> bool:
        """Whether the target alone can teach the categories."""
        return self.is_oracle or self is Supervision.DENSE


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

    @field_validator("points", mode="before")
    @classmethod
    def _a_hair_outside_is_inside(cls, points: Any, known: ValidationInfo) -> Any:
        size = {"x": known.data.get("width"), "y": known.data.get("height")}
        if None in size.values() or not isinstance(points, list | tuple):
            return points
        return tuple(_moved_inside(point, size) for point in points)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        absent = set(map(comparable, self.absent))
        if both := {name for name in self.present if comparable(name) in absent}:
            raise ValueError(f"present and absent at once: {', '.join(sorted(both))}")
        for point in self.points:
            if point.x >= self.width or point.y >= self.height:
                raise ValueError(
                    f"point ({point.x:g}, {point.y:g}) of {point.category!r} is outside "
                    f"the {self.width} x {self.height} image"
                )
        return self


def _moved_inside(point: Any, size: dict[str, Any]) -> Any:
    """A point as it was given, with what is a hair outside of (width, height) moved inside."""
    if not isinstance(point, dict):
        return point
    numbers = {axis: point[axis] for axis in size if isinstance(point.get(axis), int | float)}
    moved = {axis: inside(number, size[axis]) for axis, number in numbers.items()}
    return point | {axis: value for axis, value in moved.items() if value is not None}


class ListedImage(Record):
    """One line of a listing: an image's name in label files, and where its files are."""

    image: str
    path: Path
    mask: Path | None = None


VOID_INDEX = 255
"""Of pixels that count nowhere, in the index masks of `GoldSample`."""


class GoldSample(Record):
    """One line of a `gold.jsonl`: an image whose true answers are known. Paths are relative to it.

    Categories that its dataset does not know, or of which there is too little to count, are in
    neither list.
    """

    image: Path
    mask: Path
    """PNG of the image's size; the value is the category's place in the list that was asked for."""
    present: tuple[str, ...]
    absent: tuple[str, ...]


class DatasetCard(Record):
    """Where a dataset's images and masks are, and which raw mask value is which category.

    Images come either from a pattern below `root` or from `listing`, a JSONL file of `ListedImage`.
    In a pattern, `*` and `{name}` stand for any part of one file's or folder's name; what `{name}`
    stands for in an image's path is filled in where it stands in `masks`, and `{stem}` there is the
    image's file name without its ending.

    `extends: gta5` takes every field that the card does not give itself from a ready-made card
    (`trainer.ready`); it is resolved when the card is read.
    """

    name: str = Field(min_length=1, max_length=100)
    root: Path = Path()
    images: str = "images/*"
    masks: str | None = None
    """Pattern below `root`, such as `masks/{stem}.png`."""
    split: str | None = Field(default=None, pattern=r"^[\w.-]+$")
    """What `{split}` stands for in the patterns; None: any name, so all splits."""
    listing: Path | None = None
    ids: dict[int, str] = {}
    """Category of each raw id, for masks of one channel."""
    colors: dict[str, str] = {}
    """Category of each colour, `#804080` or `128,64,128`, for masks that are coloured pictures."""
    void: tuple[int | str, ...] | Literal["others"] | None = None
    """Ids (negative ones too) or colours that are of no category. Any value of a mask that is neither
    here nor of a category is an error; with `others`, whatever has no category is void."""
    mask_channel: int | None = Field(default=None, ge=0, le=3)
    """The channel that holds the ids, where masks have several."""
    description: str = ""

    @property
    def categories(self) -> tuple[str, ...]:
        """All categories that the card names, in its order."""
        names: dict[str, str] = {}
        for name in (*self.ids.values(), *self.colors.values()):
            names.setdefault(comparable(name), name)
        return tuple(names.values())

    @property
    def image_glob(self) -> str:
        """Finds the images below `root`, where there is no listing."""
        return glob_of(self._with_split(self.images))

    def is_image(self, path: Path) -> bool:
        """Whether a path that `image_glob` finds has the same text for the same placeholder."""
        pattern = self._with_split(self.images)
        return not names_in(pattern) or bool(values_in(pattern, self._below_root(path)))

    def mask_of(self, image: Path) -> Path | None:
        """Where the mask of an image below `root` is; None when the card does not say."""
        if self.masks is None:
            return None
        values = values_in(self._with_split(self.images), self._below_root(image)) or {}
        return self.root / filled(self._with_split(self.masks), values | {"stem": image.stem})

    def _below_root(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _with_split(self, pattern: str) -> str:
        return filled(pattern, {"split": self.split} if self.split else {})

    @model_validator(mode="before")
    @classmethod
    def _extended(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "extends" not in content:
            return content
        own = {name: value for name, value in content.items() if name != "extends"}
        return ready_card(str(content["extends"])) | own

    @field_validator("colors")
    @classmethod
    def _of_one_form(cls, colors: dict[str, str]) -> dict[str, str]:
        return {hexadecimal(color): category for color, category in colors.items()}

    @field_validator("void", mode="before")
    @classmethod
    def _void_is_listed(cls, void: Any) -> Any:
        if void is None or void == "others":
            return void
        listed = void if isinstance(void, list | tuple) else [void]
        if any(isinstance(each, bool) or not isinstance(each, int | str) for each in listed):
            raise ValueError("write a list of ids or colours, or `others`")
        return tuple(listed)

    @field_validator("void")
    @classmethod
    def _colors_of_one_form(
        cls, void: tuple[int | str, ...] | str | None
    ) -> tuple[int | str, ...] | str | None:
        if not isinstance(void, tuple):
            return void
        return tuple(hexadecimal(each) if isinstance(each, str) else each for each in void)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.ids and self.colors:
            raise ValueError("ids and colors: a mask has either")
        of_void = str if self.colors else int
        if isinstance(self.void, tuple) and (
            wrong := [each for each in self.void if not isinstance(each, of_void)]
        ):
            raise ValueError(f"void: {wrong[0]!r} among {'colours' if self.colors else 'ids'}")
        if self.mask_channel is not None and self.colors:
            raise ValueError("mask_channel goes with ids, not with colors")
        unknown = names_in(self.masks or "") - names_in(self.images) - {"stem", "split"}
        if unknown and self.listing is None:
            raise ValueError(f"masks: {{{min(unknown)}}} is not in images: {self.images}")
        return self


def hexadecimal(color: str) -> str:
    """`#rrggbb` of a colour that may also be written as three numbers, `128,64,128`."""
    if re.fullmatch("#[0-9a-fA-F]{6}", color):
        return color.lower()
    parts = [int(part) for part in re.findall(r"\d+", color)]
    if not re.fullmatch(r"\s*\d+(\s*[, ]\s*\d+){2}\s*", color) or max(parts) > 255:
        raise ValueError(f"{color!r} is not a colour: write #804080 or 128,64,128")
    return "#" + "".join(f"{part:02x}" for part in parts)


class LossWeights(Record):
    """Weight of each term; 0 switches a term off. Symbols as in the paper."""

    source_presence: Weight = 0.1
    """L_c on the source, whose labels are free: calibrates the presence score."""
    output_alignment: Weight = 0.001
    """lam_adv: output-space discriminator."""
    image_label: Weight | None = None
    """lam_c: None means 0.01 for online pseudo labels, and 0.2 for labels that are fixed."""
    category_alignment: Weight = 0.001
    """lam_d: category-wise discriminators."""
    point: Weight = 1.0
    """lam_pt: cross-entropy at clicked pixels."""
    absent: Weight = 0.1
    """Negative learning of absent categories at every pixel; 0 is the paper."""
    self_training: Weight = 0.0
    """With points: cross-entropy against what the running average predicts, without what the
    label says is absent and with the clicked points; 0 is the paper. Tags alone cannot correct
    a category that the source gets wrong, and self-training would confirm it."""


class TrainConfig(Record):
    """One complete training run. The recipe functions in `trainer.recipes` make these."""

    recipe: str
    supervision: Supervision
    categories: tuple[str, ...] = Field(min_length=1, max_length=256)
    colors: tuple[str, ...] = ()
    """One `#rrggbb` per category for predicted masks; empty: a built-in palette."""
    source: DatasetCard | None
    """None: weak labels alone, without a source domain."""
    target: DatasetCard
    """Its masks are opened when supervision is `dense` and never otherwise."""
    validation: DatasetCard | None = None
    """Target images with masks, opened for evaluation alone."""
    labels: Path | None = None
    """Label file; a relative path is below the run directory."""

    backbone: str = Field(default="efficientnet-lite0", max_length=100)
    """`efficientnet-lite0`, `resnet101`, `vgg16`, or `timm/NAME` for any timm network with maps."""
    head: Literal["fusion", "deeplab-v2"] = "fusion"
    """`fusion` adds maps of several strides; `deeplab-v2` is dilated branches on the last map."""
    dilations: tuple[Annotated[int, Field(ge=1)], ...] = (6, 12)
    """Of the `deeplab-v2` head; the paper's networks declare four branches and use these two."""
    initial_weights: Path | None = None
    """File with the backbone's ImageNet weights, where the machine cannot download them."""
    initial_weights_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    start_from: Path | None = None
    """Checkpoint of this program whose network the run begins with, as after a warm-up; its
    categories and network must fit."""
    frozen_stages: int = Field(default=2, ge=0, le=7)
    """So many first stages of the backbone keep their ImageNet weights: at high resolution they
    cost most of a step, and edges and textures look alike in both domains."""
    frozen_norms: bool = False
    """Keep the scales and shifts of the backbone's batch norms too; statistics never change."""
    feature_channels: int = Field(default=128, ge=8, le=4096, multiple_of=8)
    """E of the `fusion` head: channels of the features that enter the classifier."""

    height: int = Field(default=240, ge=32, le=4096)
    width: int = Field(default=320, ge=32, le=8192)
    source_height: int | None = Field(default=None, ge=32, le=4096)
    """None: the target's size."""
    source_width: int | None = Field(default=None, ge=32, le=8192)
    crop_height: int | None = Field(default=None, ge=32, le=4096)
    """Train on random crops of this size; None: whole images. A label is not the crop's."""
    crop_width: int | None = Field(default=None, ge=32, le=8192)
    color_jitter: Fraction = 0.0
    """Strength of random brightness, contrast, saturation and hue."""
    pixel_adaptation: Literal["none", "fda"] = "none"
    """Also show source images with the low frequencies of target images."""
    fda_beta: float = Field(default=0.01, gt=0, le=0.5)
    """Half the side of the swapped square of frequencies, as a share of the image's side."""
    rare_category_temperature: float | None = Field(default=None, gt=0, le=10)
    """Sample images of rare categories more often, the more the lower; None: all alike."""
    batch_size: int = Field(default=4, ge=1, le=64)
    loader_workers: int = Field(default=0, ge=0, le=64)
    """Processes that prepare batches; 0: the training process itself."""
    cache: Path | None = None
    """Folder for decoded, resized images that outlive the run; None: memory alone."""

    warmup_steps: int = Field(default=400, ge=0, le=1_000_000)
    """Steps on the source alone before the target takes part."""
    steps: int = Field(default=600, ge=0, le=1_000_000)
    """Steps of adaptation, after the warm-up."""
    schedule_steps: int | None = Field(default=None, ge=1, le=10_000_000)
    """Steps over which the learning rate falls to 0; None: all steps of the run."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    momentum: Fraction = 0.9
    """Of `sgd`."""
    learning_rate: float = Field(default=3e-4, gt=0, le=1)
    head_learning_rate_factor: float = Field(default=5.0, gt=0, le=100)
    discriminator_learning_rate: float = Field(default=1e-4, gt=0, le=1)
    weight_decay: float = Field(default=1e-2, ge=0, le=1)
    gradient_norm: float = Field(default=1.0, gt=0)
    precision: Literal["fp32", "tf32", "bf16"] = "tf32"
    """`bf16`: mixed precision; `tf32` is `fp32` on devices without it."""
    compile: bool = False
    """Compile the segmenter's forward and backward passes."""

    pseudo_labels: Literal["online", "ranked"] = "online"
    """`online`: at every step, what scores above `pseudo_threshold` (paper). `ranked`: made once,
    after the warm-up; of each category the images that score highest have it and the others lack
    it, as large a share as among the source's images."""
    pseudo_threshold: Fraction = 0.2
    """T of the paper's pseudo image labels."""
    pseudo_sure_share: Fraction = 0.6
    """Of `ranked` labels: the share of the smaller group, be it with the category or without, that
    is labelled, farthest from the border; on the other side as many are left open."""
    smooth_max: float = Field(default=1.0, gt=0, le=100)
    """k of gpool (Eq. 1)."""
    presence_dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Dropout of the target's logits before gpool; None: 0.3 for online pseudo labels, 0.1 for
    labels that are fixed."""
    discriminator_hidden: int = Field(default=256, ge=1, le=4096)
    discriminator_projection: int | None = Field(default=None, ge=1, le=4096)
    """Width of an input projection that the category discriminators share; None: none (paper)."""
    output_discriminator_width: int = Field(default=16, ge=1, le=512)
    """Channels after the first convolution of the output-space discriminator; 64 is the paper."""
    output_alignment_scale: float = Field(default=1.0, gt=0, le=1)
    """Size of what the output-space discriminator sees, as a share of the images' (1: paper)."""
    average_decay: float = Field(default=0.99, ge=0, lt=1)
    """Decay of the running average of the weights that is scored and saved; 0 is none."""
    weights: LossWeights = LossWeights()

    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    threads: int | None = Field(default=None, ge=1, le=256)
    report_every: int = Field(default=10, ge=1)
    evaluate_every: int = Field(default=100, ge=1)
    selection: Literal["last", "weak-labels", "masks"] = "last"
    """Which checkpoint is the run's result: the last, or the best by the held-out weak labels or
    by the validation masks."""
    scored_categories: tuple[str, ...] = ()
    """A subset whose mean IoU is told besides: 13 of 16 for SYNTHIA."""
    predict: bool = True
    """Write masks and presence probabilities of every target image at the end."""

    @property
    def source_size(self) -> tuple[int, int]:
        """(width, height) that source images are resized to."""
        return self.source_width or self.width, self.source_height or self.height

    @property
    def makes_labels(self) -> bool:
        """Whether the run makes pseudo labels once, after its warm-up."""
        return self.supervision is Supervision.PSEUDO and self.pseudo_labels == "ranked"

    @property
    def makes_labels_online(self) -> bool:
        """Whether the run makes pseudo labels of each batch anew."""
        return self.supervision is Supervision.PSEUDO and self.pseudo_labels == "online"

    @model_validator(mode="after")
    def _categories_fit(self) -> Self:
        if same_twice(self.categories):
            raise ValueError("a category is named twice")
        if self.colors and len(self.colors) != len(self.categories):
            raise ValueError(f"{len(self.colors)} colours for {len(self.categories)} categories")
        if unknown := set(self.scored_categories) - set(self.categories):
            raise ValueError(f"scored_categories: unknown {', '.join(sorted(unknown))}")
        return self

    @model_validator(mode="after")
    def _has_the_data_it_needs(self) -> Self:
        if self.supervision.is_oracle and self.labels is None:
            raise ValueError(f"supervision {self.supervision.value!r} needs a label file")
        if self.source is None and not self.supervision.learns_without_source:
            raise ValueError(f"supervision {self.supervision.value!r} needs a source domain")
        if self.source is None and self.warmup_steps:
            raise ValueError(
                f"warmup_steps: {self.warmup_steps}, but there is no source domain to warm up on; "
                "without one it is 0"
            )
        if self.selection == "masks" and self.validation is None:
            raise ValueError("selection by masks needs validation masks")
        has_labels = self.labels is not None or self.supervision is Supervision.DENSE
        if self.selection == "weak-labels" and not has_labels:
            raise ValueError("labels: selection by held-out weak labels needs a label file")
        return self

    @model_validator(mode="after")
    def _crops_fit(self) -> Self:
        width, height = self.crop_width, self.crop_height
        if (width is None) != (height is None):
            raise ValueError("crop_height and crop_width go together")
        if width is None or height is None:
            return self
        sizes = {"source": self.source_size} if self.source else {}
        for domain, size in (sizes | {"target": (self.width, self.height)}).items():
            if width > size[0] or height > size[1]:
                raise ValueError(
                    f"crop_width, crop_height: a crop of {width} x {height} is larger than "
                    f"the {domain}'s images, which are resized to {size[0]} x {size[1]}"
                )
        return self

    @model_validator(mode="after")
    def _head_is_whole(self) -> Self:
        if self.head == "deeplab-v2" and not self.dilations:
            raise ValueError("head 'deeplab-v2' needs dilations")
        return self


class Score(Record):
    """Accuracy at one step. IoU is None for a category that is nowhere in the masks."""

    miou: Fraction | None = None
    """On the validation masks; None when there are none, or one category alone is in them: always
    to say that one would be a mean IoU of 1."""
    miou_of_scored: Fraction | None = None
    """Mean over `scored_categories` alone, where the run names any."""
    iou: dict[str, Fraction | None] = {}
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
    learning_rates: dict[str, float] = {}
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


class Breakdown(Record):
    """What stands behind the score of the selected checkpoint."""

    images: int
    unit: Literal["pixels", "points"]
    confusion: tuple[tuple[int, ...], ...] = ()
    """Counts by truth (row) and prediction (column), in the order of the categories."""
    reliability: tuple[ReliabilityBin, ...] = ()
    examples: tuple[ImageScore, ...] = ()
    """The worst and the best images, worst first; with masks alone."""


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
    losses: dict[str, float] = {}
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
