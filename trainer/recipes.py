"""Recipes: named functions that return a complete run configuration. Needs no torch.

A recipe is given what a run is about (`RunSubject`) and decides everything else:

    config = build("cpu-small", subject)
    config = apply_overrides(config, {"weights.point": 0.5, "steps": 100})
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from trainer.contract import DatasetCard, LossWeights, Supervision, TrainConfig
from trainer.errors import BadInput, describe


class RecipeError(BadInput):
    """A recipe or an override that does not exist or has a value that it cannot have."""


@dataclass(frozen=True)
class RunSubject:
    """What a run is about; everything else is the recipe's choice."""

    supervision: Supervision
    categories: tuple[str, ...]
    source: DatasetCard | None
    target: DatasetCard
    labels: Path | None = None
    validation: DatasetCard | None = None
    colors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """A recipe's name, what it is for in one line, and the function."""

    name: str
    description: str
    build: Callable[[RunSubject], TrainConfig]


WITH_SELF_TRAINING = LossWeights(self_training=1)
WITH_OVERLAP = LossWeights(self_training=1, source_overlap=0.5, dense_overlap=0.5)
WITHOUT_ALIGNMENT = WITH_OVERLAP.model_copy(
    update={"output_alignment": 0.0, "category_alignment": 0.0}
)
WITH_CLASS_MIX = WITHOUT_ALIGNMENT.model_copy(update={"class_mix": 1.0})

SUBJECT_FIELDS = frozenset(
    {"recipe", "supervision", "categories", "colors", "source", "target", "validation", "labels"}
)
"""Fields that say what a run is about; overrides do not reach them."""
FILE_FIELDS = frozenset(
    {"initial_weights", "initial_weights_sha256", "start_from", "cache", "warm_ups"}
)
"""Fields about files of the machine that trains: for who is at its command line alone."""


def _config(recipe: str, subject: RunSubject, **choices: Any) -> TrainConfig:
    if subject.source is None:  # nothing to warm up on: all steps are the target's
        choices["steps"] = choices.pop("warmup_steps", 0) + choices["steps"]
        choices["warmup_steps"] = 0
    try:
        return TrainConfig(
            recipe=recipe,
            supervision=subject.supervision,
            categories=subject.categories,
            colors=subject.colors,
            source=subject.source,
            target=subject.target,
            validation=subject.validation,
            labels=subject.labels,
            **choices,
        )
    except ValidationError as error:
        raise RecipeError(f"recipe {recipe!r}: {describe(error)}") from error


def tiny(subject: RunSubject) -> TrainConfig:
    """Ten steps on 64 x 48 pixels: the whole path in a few seconds, of no use as a model."""
    return _config(
        "tiny",
        subject,
        height=48,
        width=64,
        batch_size=2,
        warmup_steps=4,
        steps=6,
        feature_channels=32,
        discriminator_hidden=16,
        output_discriminator_width=4,
        report_every=1,
        evaluate_every=3,
        output_alignment_scale=0.5,
        mask_stride=2,
        weights=WITH_OVERLAP,
    )


FINE_ON_A_CPU: Mapping[str, Any] = MappingProxyType(
    {
        "logit_stride": 4,
        "feature_channels": 64,
        "frozen_stages": 3,
        "mask_stride": 4,
        "source_logit_adjustment": 0.5,
        "point_logit_adjustment": 1.0,
        "presence_logit_adjustment": 1.0,
        "output_alignment_scale": 0.25,
        "pseudo_labels": "ranked",
        "weights": WITH_OVERLAP,
    }
)
"""Logits fine enough for poles and signs, which a few hundred steps do not overlook. A step behind three
frozen stages costs a fifth less than behind two: as much is gained by taking more of them."""


TREES = ("tree", "trees", "vegetation")
"""Names of the category whose crowns are bare in winter, in capital or small letters."""


def _photographs(recipe: str, subject: RunSubject, **changes: Any) -> TrainConfig:
    """Photographs of about 480 x 360 on CPU cores."""
    # Unless pixels of the target tell how far a bare tree reaches, the source has to.
    bare = {"see_through": tuple(name for name in subject.categories if name.lower() in TREES)}
    # Without labels the smaller network, which knows the target better from the source alone.
    small = {"backbone": "efficientnet-lite0", **bare}
    own: Mapping[Supervision, Mapping[str, Any]] = {
        Supervision.SOURCE_ONLY: small,
        # What nobody's labels say rests on what the source has taught: it teaches for longer.
        Supervision.PSEUDO: {
            **small,
            "warmup_steps": 550,
            "steps": 350,
            "schedule_steps": 1000,
            "weights": WITH_CLASS_MIX,
        },
        # Labels of whole images are soon told, which leaves time for a wider head. The alignment
        # would wander off with what they taught.
        Supervision.IMAGE: {
            **bare,
            "feature_channels": 96,
            "steps": 200,
            "schedule_steps": 1000,
            "evaluate_every": 100,
            "weights": WITHOUT_ALIGNMENT,
        },
        # Masks go on earning, and for them the source need not be shown at each step.
        Supervision.DENSE: {"steps": 500, "source_every": 4},
    }
    choices: dict[str, Any] = {
        **FINE_ON_A_CPU,
        "backbone": "efficientnet-lite2",
        "height": 360,
        "width": 480,
        "warmup_steps": 300,
        "steps": 350,
        "evaluate_every": 175,
        "color_jitter": 0.3,
        "colorings": 1,
        "mirrored_prediction": True,
        "mirrored_scale": 1.5,
        **own.get(subject.supervision, {}),
    }
    return _config(recipe, subject, **(choices | changes))


def cpu_small(subject: RunSubject) -> TrainConfig:
    """Photographs of about 480 x 360 on two CPU cores within a quarter of an hour."""
    return _photographs("cpu-small", subject)


def cpu_large(subject: RunSubject) -> TrainConfig:
    """The same with 96 feature channels whatever the labels, on two CPU cores within an hour."""
    return _photographs("cpu-large", subject, feature_channels=96)


def demo(subject: RunSubject) -> TrainConfig:
    """The rendered demo scenes on two CPU cores within three minutes, predictions included."""
    return _config(
        "demo",
        subject,
        **FINE_ON_A_CPU,
        height=240,
        width=320,
        warmup_steps=120,
        steps=150,
        evaluate_every=75,
    )


def folder_to_folder(subject: RunSubject) -> TrainConfig:
    """Any source and target folders on one GPU: the light network at 512 x 1024, for some hours.

    python -m trainer train --recipe folder-to-folder --source SOURCE.yaml --target TARGET.yaml
    --labels labels.jsonl --out RUN

    No published number: the data are yours. Some 12 PFLOP in all, of which a GPU does a light
    network's few at a time: expect that decoding sets the pace, and half an hour to some hours.
    """
    return _config(
        "folder-to-folder",
        subject,
        height=512,
        width=1024,
        batch_size=8,
        loader_workers=4,
        warmup_steps=8000,
        steps=24_000,
        frozen_stages=0,
        feature_channels=256,
        discriminator_hidden=1024,
        discriminator_projection=256,
        output_discriminator_width=64,
        average_decay=0.999,
        precision="bf16",
        report_every=50,
        evaluate_every=2000,
        output_alignment_scale=0.5,
        weights=WITH_SELF_TRAINING,
    )


PAPER_WITHOUT = LossWeights(source_presence=0, absent=0, self_training=0)
"""The paper's objective: without the terms that it does not have."""
SYNTHIA_13 = (
    "road",
    "sidewalk",
    "building",
    "traffic light",
    "traffic sign",
    "vegetation",
    "sky",
    "person",
    "rider",
    "car",
    "bus",
    "motorcycle",
    "bicycle",
)
"""The categories of the field's second mean for SYNTHIA: 16 without wall, fence and pole."""


def _deeplab(recipe: str, subject: RunSubject, **changes: Any) -> TrainConfig:
    """DeepLab-v2 on Cityscapes at the paper's sizes, with our fixes of the published code."""
    choices: dict[str, Any] = {
        "backbone": "resnet101",
        "head": "deeplab-v2",
        "frozen_stages": 0,
        "frozen_norms": True,
        "height": 512,
        "width": 1024,
        "source_height": 720,
        "source_width": 1280,
        "batch_size": 1,
        "loader_workers": 4,
        "warmup_steps": 60_000,
        "steps": 60_000,
        "schedule_steps": 250_000,
        "optimizer": "sgd",
        "learning_rate": 2.5e-4,
        "head_learning_rate_factor": 10.0,
        "weight_decay": 5e-4,
        "discriminator_hidden": 2048,
        "discriminator_projection": 512,
        "output_discriminator_width": 64,
        "average_decay": 0.999,
        "precision": "bf16",
        "rare_category_temperature": 0.1,
        "selection": "weak-labels" if subject.labels else "last",
        "report_every": 100,
        "evaluate_every": 5000,
    }
    return _config(recipe, subject, **(choices | changes))


STRICT: Mapping[str, Any] = MappingProxyType(
    {
        "weights": PAPER_WITHOUT,
        "discriminator_projection": None,
        "average_decay": 0.0,
        "precision": "fp32",
        "rare_category_temperature": None,
        "selection": "last",
    }
)
"""What sets the published method apart from our defaults."""


def gta5_to_cityscapes(subject: RunSubject) -> TrainConfig:
    """GTA5 to Cityscapes, 19 categories, DeepLab-v2 on ResNet-101.

    python -m trainer train --recipe gta5-to-cityscapes --source gta5:DIR --target cityscapes:DIR
    --labels labels.jsonl --supervision point --out RUN

    Published mIoU: 36.6 source-only, 48.2 pseudo, 53.0 image, 56.4 point, 64.0 dense. Not yet run
    to its end by us. By its operations (590 PFLOP) 1.6 hours where a GPU sustains 100 TFLOP/s,
    evaluation apart.
    """
    return _deeplab("gta5-to-cityscapes", subject)


def gta5_to_cityscapes_strict(subject: RunSubject) -> TrainConfig:
    """GTA5 to Cityscapes with the paper's own settings: fp32, its discriminators and terms alone.

    python -m trainer train --recipe gta5-to-cityscapes-strict --source gta5:DIR
    --target cityscapes:DIR --labels labels.jsonl --supervision point --out RUN

    Published mIoU as for `gta5-to-cityscapes`, whose fixes this one leaves out. As many
    operations, but in fp32: 16 hours where a GPU sustains 10 TFLOP/s.
    """
    return _deeplab("gta5-to-cityscapes-strict", subject, **STRICT)


def gta5_to_cityscapes_vgg16(subject: RunSubject) -> TrainConfig:
    """GTA5 to Cityscapes, 19 categories, DeepLab-v2 on VGG-16.

    python -m trainer train --recipe gta5-to-cityscapes-vgg16 --source gta5:DIR
    --target cityscapes:DIR --labels labels.jsonl --supervision point --out RUN

    For its published numbers see the paper. By its operations (520 PFLOP) 1.5 hours where a GPU
    sustains 100 TFLOP/s.
    """
    return _deeplab("gta5-to-cityscapes-vgg16", subject, backbone="vgg16")


def synthia_to_cityscapes(subject: RunSubject) -> TrainConfig:
    """SYNTHIA to Cityscapes, 16 categories and the mean over 13, DeepLab-v2 on ResNet-101.

    python -m trainer train --recipe synthia-to-cityscapes --source synthia:DIR
    --target cityscapes:DIR --labels labels.jsonl --supervision point --out RUN

    Published mIoU over 16 / 13: 44.3 / 51.9 pseudo, 50.6 / 58.5 image, 57.2 / 63.7 point. Not yet
    run to its end by us. Some 610 PFLOP: 1.7 hours where a GPU sustains 100 TFLOP/s.
    """
    return _deeplab(
        "synthia-to-cityscapes",
        subject,
        source_height=760,
        scored_categories=_known(SYNTHIA_13, subject),
    )


def synthia_to_cityscapes_vgg16(subject: RunSubject) -> TrainConfig:
    """SYNTHIA to Cityscapes, 16 categories and the mean over 13, DeepLab-v2 on VGG-16.

    python -m trainer train --recipe synthia-to-cityscapes-vgg16 --source synthia:DIR
    --target cityscapes:DIR --labels labels.jsonl --supervision point --out RUN

    For its published numbers see the paper. Some 550 PFLOP: 1.5 hours where a GPU sustains
    100 TFLOP/s.
    """
    return _deeplab(
        "synthia-to-cityscapes-vgg16",
        subject,
        backbone="vgg16",
        source_height=760,
        scored_categories=_known(SYNTHIA_13, subject),
    )


def _known(names: tuple[str, ...], subject: RunSubject) -> tuple[str, ...]:
    return tuple(name for name in names if name in subject.categories)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        name: Recipe(name, (function.__doc__ or "").partition("\n")[0], function)
        for name, function in {
            "cpu-small": cpu_small,
            "cpu-large": cpu_large,
            "demo": demo,
            "folder-to-folder": folder_to_folder,
            "gta5-to-cityscapes": gta5_to_cityscapes,
            "gta5-to-cityscapes-strict": gta5_to_cityscapes_strict,
            "gta5-to-cityscapes-vgg16": gta5_to_cityscapes_vgg16,
            "synthia-to-cityscapes": synthia_to_cityscapes,
            "synthia-to-cityscapes-vgg16": synthia_to_cityscapes_vgg16,
            "tiny": tiny,
        }.items()
    }
)


def build(name: str, subject: RunSubject) -> TrainConfig:
    """The configuration that a recipe makes for a subject.

    Raises:
        RecipeError: no such recipe, or one that does not go with the subject.
    """
    if name not in RECIPES:
        raise RecipeError(f"unknown recipe {name!r}{_hint(name, RECIPES)}")
    return RECIPES[name].build(subject)


def apply_overrides(config: TrainConfig, overrides: Mapping[str, object]) -> TrainConfig:
    """The configuration with some fields changed; `weights.point` reaches into the weights.

    Values may be text, as from a command line: `none` where a field may be None, and `6,12` where it
    holds several values.

    Raises:
        RecipeError: an unknown name, a field of the subject, or a value out of range.
    """
    changed = config.model_dump(mode="json")
    for name, value in overrides.items():
        _set(changed, name, value)
    try:
        return TrainConfig.model_validate(changed)
    except ValidationError as error:
        raise RecipeError(f"override {describe(error)}") from error


def _set(fields: dict[str, Any], name: str, value: object) -> None:
    known = _fields(TrainConfig, SUBJECT_FIELDS)
    if name not in known:
        raise RecipeError(f"unknown override {name!r}{_hint(name, override_names())}")
    *groups, last = name.split(".")
    for group in groups:
        fields = fields[group]
    fields[last] = _read(value, known[name].annotation) if isinstance(value, str) else value


def _read(text: str, annotation: Any) -> object:
    """The text in the form that validation takes for a field of this type."""
    if get_origin(annotation) is tuple:
        return [part.strip() for part in text.split(",") if part.strip()]
    if text in ("null", "none") and type(None) in get_args(annotation):
        return None
    if get_origin(annotation) is Literal:  # numbers among them are not read from text
        return next((each for each in get_args(annotation) if str(each) == text), text)
    return text


def override_names() -> tuple[str, ...]:
    """All names that `apply_overrides` knows."""
    return tuple(sorted(_fields(TrainConfig, SUBJECT_FIELDS)))


def _fields(
    record: type[BaseModel], left_out: frozenset[str] = frozenset()
) -> dict[str, FieldInfo]:
    """All fields, also those of the records in it, by the names that overrides have for them."""
    fields: dict[str, FieldInfo] = {}
    for name, field in record.model_fields.items():
        if name in left_out:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            inner = _fields(field.annotation)
            fields |= {f"{name}.{each}": of_record for each, of_record in inner.items()}
        else:
            fields[name] = field
    return fields


def _hint(name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
