"""The configuration of a run, `config.json`."""

import difflib
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainer.contract.cards import DatasetCard
from trainer.contract.names import same_twice
from trainer.contract.record import Fraction, Record, Weight

BACKBONES = {"efficientnet-lite0": 7, "efficientnet-lite2": 7, "resnet101": 4, "vgg16": 5}
"""Those that need no prefix, and into how many stages each is divided."""
TIMM = "timm/"
"""Prefix of timm's networks."""
_NAME_OF_TIMM = re.compile(r"\w+(\.\w+)?", re.ASCII)


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


class LossWeights(Record):
    """Weight of each term; 0 switches a term off. Symbols as in the paper."""

    source_presence: Weight = 0.1
    """L_c on the source, whose labels are free: calibrates the presence score."""
    source_overlap: Weight = 0.0
    """Lovász-softmax on the source's masks, for which a small category counts as a large one."""
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
    class_mix: Weight = 0.0
    """With a source and labels of the target's images, be they made by the run: cross-entropy on
    images of the target onto which half of the categories of a source image are pasted; what else
    they show is what the running average predicts. 0 is the paper."""
    dense_overlap: Weight = 0.0
    """Lovász-softmax on the target's masks, where supervision is dense."""


NOT_OF_THE_PAPER = (
    "source_presence",
    "source_overlap",
    "absent",
    "self_training",
    "class_mix",
    "dense_overlap",
)
"""Weights of terms that the paper does not have."""


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
    """`efficientnet-lite0`, `efficientnet-lite2`, `resnet101`, `vgg16`, or `timm/NAME` for any timm
    network with maps."""
    head: Literal["fusion", "deeplab-v2"] = "fusion"
    """`fusion` adds maps of several strides; `deeplab-v2` is dilated branches on the last map."""
    logit_stride: Literal[4, 8] = 8
    """Of the `fusion` head: pixels between two logits. Small things need 4."""
    dilations: tuple[Annotated[int, Field(ge=1)], ...] = (6, 12)
    """Of the `deeplab-v2` head; the paper's networks declare four branches and use these two."""
    initial_weights: Path | None = None
    """File with the backbone's ImageNet weights, where the machine cannot download them."""
    initial_weights_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    start_from: Path | None = None
    """Checkpoint of this program whose network the run begins with, as after a warm-up; its
    categories and network must fit."""
    frozen_stages: int = Field(default=2, ge=0, le=7)
    """So many first stages of the backbone keep their ImageNet weights: edges and textures look
    alike in both domains, and what such stages make of an image can be kept."""
    frozen_norms: bool = False
    """Keep the scales and shifts of the backbone's batch norms too; statistics never change."""
    feature_cache_bytes: int = Field(default=8 * 1024**3, ge=0, le=2**50)
    """What the frozen stages make of each image and its mirror image may take so much on disk, below
    `cache` or for the time of the run in its folder, and is then read in place of computed anew at
    every step; 0: always computed."""
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
    source_logit_adjustment: float = Field(default=0.0, ge=0, le=2)
    """tau of Menon et al., "Long-tail learning via logit adjustment" (ICLR 2021): in the source's
    cross-entropy so much of the logarithm of each category's frequency is added to its logit.
    Rare categories are then found where they are likely, not only where they are likelier than
    all that is frequent; 0 is the paper."""
    point_logit_adjustment: Fraction = 0.0
    """People click one pixel of each category, however small it is, so that among clicked pixels
    small categories are as frequent as large ones, and a network that only fits these sees them
    everywhere. 1 answers for that as `source_logit_adjustment` does for the source's frequencies;
    0 is the paper."""
    presence_logit_adjustment: Fraction = 0.0
    """A tag that nearly all images have says nothing new, and yet L_c pushes its category into its
    neighbours' pixels until the score alone explains the tag. 1 adds to each presence score the
    log-odds of the category among the images of its domain, so that a score need only say how
    much likelier than usual the category is; 0 is the paper. With labels of whole images."""
    mask_stride: Literal[1, 2, 4, 8] = 1
    """Pixels between two at which logits are held against a mask; 1: all. Neighbours tell the same
    but at edges, and all of them cost as much as a third of a light network."""
    color_jitter: Fraction = 0.0
    """Strength of random brightness, contrast, saturation and hue."""
    colorings: int | None = Field(default=None, ge=1, le=100)
    """With `color_jitter`: an image and its mirror image have so many colours each, so that what the
    frozen stages make of them can be kept (`feature_cache_bytes`); None: other colours each time."""
    see_through: tuple[str, ...] = ()
    """Categories, as trees, that half of the source's images show bare: as branches, between which
    another image is seen, or its sky."""
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
    warm_ups: Path | None = None
    """Folder for the ends of warm-ups: a run whose warm-up was done before, with the same source and
    settings, takes it over, to the bit. None: each run does its own."""

    warmup_steps: int = Field(default=400, ge=0, le=1_000_000)
    """Steps on the source alone before the target takes part."""
    steps: int = Field(default=600, ge=0, le=1_000_000)
    """Steps of adaptation, after the warm-up."""
    source_every: int = Field(default=1, ge=1, le=1_000_000)
    """Of so many steps of adaptation one shows the source too, the first one for a start, and the
    others cost half; 1 is the paper. Where masks or points say what the target looks like, the
    source has been learned in the warm-up."""
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
    hold_out: bool = False
    """Score the run on weak labels that it does not learn from whatever else scores it, so that runs of
    any supervision can be compared: a tenth of the labelled images, and of those of each category."""
    scored_categories: tuple[str, ...] = ()
    """Mean IoU is also reported over these (SYNTHIA: 13 of 16)."""
    mirrored_prediction: bool = False
    """What a checkpoint of this run says of an image is the mean of what its network says of the image
    and of its mirror image, for twice the time; so are its scores and its predictions."""
    mirrored_scale: float = Field(default=1.0, ge=1, le=2)
    """How much larger the mirror image is looked at, if it is (`mirrored_prediction`): what is small is
    found there, what is large in the image itself; 1.5 takes 1.6 times as long as 1."""
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

    def shows_source(self, number: int) -> bool:
        """Whether the step after `number` others learns from the source, if there is one."""
        adapted = number - self.warmup_steps
        if self.supervision is Supervision.SOURCE_ONLY or adapted < 0:
            return True
        return adapted % self.source_every == 0

    @model_validator(mode="after")
    def _categories_fit(self) -> Self:
        if same_twice(self.categories):
            raise ValueError("a category is named twice")
        if self.colors and len(self.colors) != len(self.categories):
            raise ValueError(f"{len(self.colors)} colours for {len(self.categories)} categories")
        named = {"scored_categories": self.scored_categories, "see_through": self.see_through}
        for field, names in named.items():
            if unknown := set(names) - set(self.categories):
                raise ValueError(f"{field}: unknown {', '.join(sorted(unknown))}")
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
    def _images_can_be_mixed(self) -> Self:
        if not self.weights.class_mix or self.source is None or self.crop_width:
            return self
        if self.source_size != (self.width, self.height):
            raise ValueError(
                "weights.class_mix: images of the source, "
                f"{self.source_size[0]} x {self.source_size[1]}, cannot be pasted onto the target's, "
                f"{self.width} x {self.height}: crops of one size can, and 0 does without"
            )
        return self

    @model_validator(mode="after")
    def _head_is_whole(self) -> Self:
        if self.head == "deeplab-v2" and not self.dilations:
            raise ValueError("head 'deeplab-v2' needs dilations")
        if self.head == "deeplab-v2" and self.logit_stride != 8:
            raise ValueError(
                f"logit_stride: {self.logit_stride} needs head 'fusion'; the logits of "
                "'deeplab-v2' are those of the dilated map, at stride 8"
            )
        return self

    def why_no_network(self) -> str | None:
        """Why no trainer has the backbone that is asked for; None when one may have it.

        Whether timm has a network of a name, and whether it takes images of this size, is known
        where timm is.
        """
        name = self.backbone
        if name.startswith(TIMM):
            fits = _NAME_OF_TIMM.fullmatch(name.removeprefix(TIMM))
            return None if fits else f"backbone: {name!r} is not the name of a network of timm"
        if name not in BACKBONES:
            close = difflib.get_close_matches(name, BACKBONES, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(BACKBONES)}"
            return f"backbone: no {name!r}; {hint} (or {TIMM}NAME)"
        if self.frozen_stages > BACKBONES[name]:
            stages = BACKBONES[name]
            return f"frozen_stages: {self.frozen_stages}, but the backbone has {stages} stages"
        return None
