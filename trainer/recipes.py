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
from typing import Any

from pydantic import BaseModel, ValidationError

from trainer.contract import DatasetCard, Supervision, TrainConfig
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


SUBJECT_FIELDS = frozenset(
    {"recipe", "supervision", "categories", "colors", "source", "target", "validation", "labels"}
)
"""Fields that say what a run is about; overrides do not reach them."""


def _config(recipe: str, subject: RunSubject, **choices: Any) -> TrainConfig:
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
    )


def cpu_small(subject: RunSubject) -> TrainConfig:
    """Photographs of about 480 x 360 on two CPU cores within five minutes."""
    return _config("cpu-small", subject, warmup_steps=250, steps=200, evaluate_every=100)


def demo(subject: RunSubject) -> TrainConfig:
    """The rendered demo scenes on two CPU cores within three minutes, predictions included."""
    return _config(
        "demo",
        subject,
        height=144,
        width=192,
        batch_size=4,
        warmup_steps=200,
        steps=250,
        evaluate_every=125,
    )


def folder_to_folder(subject: RunSubject) -> TrainConfig:
    """Any source and target folders on one GPU, at 512 x 1024 for some hours."""
    return _config(
        "folder-to-folder",
        subject,
        height=512,
        width=1024,
        batch_size=8,
        warmup_steps=8000,
        steps=24_000,
        frozen_stages=0,
        feature_channels=256,
        discriminator_hidden=1024,
        output_discriminator_width=64,
        average_decay=0.999,
        report_every=50,
        evaluate_every=2000,
    )


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        name: Recipe(name, (function.__doc__ or "").strip(), function)
        for name, function in {
            "cpu-small": cpu_small,
            "demo": demo,
            "folder-to-folder": folder_to_folder,
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

    Values may be text, as from a command line.

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
    if name not in override_names():
        raise RecipeError(f"unknown override {name!r}{_hint(name, override_names())}")
    *groups, field = name.split(".")
    for group in groups:
        fields = fields[group]
    fields[field] = None if value in ("null", "none") else value


def override_names() -> tuple[str, ...]:
    """All names that `apply_overrides` knows."""
    return tuple(sorted(_names(TrainConfig, SUBJECT_FIELDS)))


def _names(record: type[BaseModel], left_out: frozenset[str] = frozenset()) -> list[str]:
    names = []
    for name, field in record.model_fields.items():
        if name in left_out:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += [f"{name}.{inner}" for inner in _names(field.annotation)]
        else:
            names.append(name)
    return names


def _hint(name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"
