"""What a study compares, as its file says it, and the runs that this takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from trainer.annotators.mistakes import KNOWN
from trainer.contract import Record, Supervision
from trainer.data.marking import KIND, KINDS
from trainer.errors import BadInput, describe
from trainer.recipes import RECIPES

Order = Literal["random", "uncertain", "rare", "disagreement"]
Seconds = Annotated[float, Field(gt=0, le=1e9)]
Count = Annotated[int, Field(ge=1, le=100_000)]
SWEEPS = "sweeps"
SOURCE_ONLY, DENSE = "source-only", "dense"
MOST_SEEDS = 100


class Scenes(Record):
    """How many scenes are drawn of each domain, in place of datasets."""

    source: Count
    target: Count
    validation: Count


class Plan(Record):
    """A study's file."""

    description: str = ""
    source: str | None = None
    """A card or NAME:ROOT; a path is relative to the study's file."""
    target: str | None = None
    """With masks: what the annotators see."""
    validation: str | None = None
    scenes: Scenes | None = None
    budgets: tuple[Seconds, ...] = Field(min_length=1, max_length=100)
    """Seconds of labelling, ascending. The labels of each go on from those of the one before."""
    kinds: tuple[str, ...] = Field(min_length=1, max_length=50)
    """Each of `KINDS` or `sweeps`."""
    orders: tuple[Order, ...] = Field(default=("random",), min_length=1)
    """Which images come first."""
    sorted_kinds: tuple[str, ...] | None = None
    """Kinds that are tried in all of these orders, the others in `random` alone; None: all kinds but
    sweeps, whose pages know no other."""
    recipes: dict[str, dict[str, JsonValue]] = Field(min_length=1)
    """By name, with the fields that are changed of each."""
    seeds: int = Field(default=3, ge=1, le=MOST_SEEDS)
    times: str = "literature"
    """Also `paper`, or a label file, whose times are fitted: a path relative to the study's file."""
    mistakes: str = "careful"
    dense: bool = False
    """Also train on the masks themselves: the upper bound."""

    @field_validator("budgets")
    @classmethod
    def _ascend(cls, budgets: tuple[float, ...]) -> tuple[float, ...]:
        if any(before >= after for before, after in pairwise(budgets)):
            raise ValueError("each is to be more than the one before")
        return budgets

    @field_validator("kinds", "orders")
    @classmethod
    def _are_different(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("one is named twice")
        return names

    @field_validator("kinds")
    @classmethod
    def _are_kinds(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        for kind in kinds:
            if kind != SWEEPS and not KIND.fullmatch(kind):
                raise ValueError(f"{kind!r} is none of {KINDS}, {SWEEPS}")
        return kinds

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        if unknown := [name for name in self.recipes if name not in RECIPES]:
            raise ValueError(f"recipes: no {unknown[0]!r}; there are {', '.join(RECIPES)}")
        if self.mistakes not in KNOWN:
            raise ValueError(f"mistakes: {self.mistakes!r} is none of {', '.join(KNOWN)}")
        if self.scenes and (self.source or self.target or self.validation):
            raise ValueError("scenes: these are in place of source, target and validation")
        if unknown := [kind for kind in self.sorted_kinds or () if kind not in self.kinds]:
            raise ValueError(f"sorted_kinds: {unknown[0]!r} is none of kinds")
        plain = [kind for kind in self.kinds if not self._is_sorted(kind)]
        if plain and "random" not in self.orders:
            raise ValueError(f"orders: {plain[0]} has random alone, which is not among them")
        return self

    def _is_sorted(self, kind: str) -> bool:
        return kind != SWEEPS and (self.sorted_kinds is None or kind in self.sorted_kinds)

    def ways(self) -> Iterator[tuple[str, str]]:
        """Kinds of label with their orders."""
        for kind in self.kinds:
            for order in self.orders if self._is_sorted(kind) else ("random",):
                yield kind, order


def supervision_of(kind: str) -> Supervision:
    """What a run learns of such labels."""
    if kind in (SOURCE_ONLY, DENSE):
        return Supervision(kind)
    return Supervision.POINT if kind.startswith("points") else Supervision.IMAGE


@dataclass(frozen=True)
class Cell:
    """One run of a study."""

    kind: str
    """Of label; or `source-only`, or `dense`, without an order and with a budget of 0."""
    order: str
    recipe: str
    seed: int
    budget: float
    before: "Cell | None" = None
    """Whose labels these go on from, and whose model sorts the images: the source-only run first."""

    @property
    def is_labelled(self) -> bool:
        """Whether simulated annotators label for it."""
        return self.kind not in (SOURCE_ONLY, DENSE)

    @property
    def needs_model(self) -> bool:
        """Whether a model says which images come first."""
        return self.is_labelled and self.order != "random"

    @property
    def path(self) -> str:
        """Of the run's folder, below the study's."""
        budget = f"{self.budget:g}s" if self.is_labelled else ""
        parts = (self.recipe, self.kind, self.order, budget, str(self.seed))
        return "/".join(part for part in parts if part)

    def __str__(self) -> str:
        what = f"{self.kind}, {self.order}, {self.budget:g} s" if self.is_labelled else self.kind
        return f"{what}, {self.recipe}, seed {self.seed}"


def cells_of(plan: Plan) -> Iterator[Cell]:
    """All runs, each after what it needs; seed by seed, so that a study that stops has whole ones."""
    for seed in range(plan.seeds):
        for recipe in plan.recipes:
            begin = Cell(SOURCE_ONLY, "", recipe, seed, 0)
            yield begin
            if plan.dense:
                yield Cell(DENSE, "", recipe, seed, 0, begin)
            last = dict.fromkeys(plan.ways(), begin)
            for budget in plan.budgets:
                for kind, order in last:
                    before = last[kind, order]
                    last[kind, order] = Cell(kind, order, recipe, seed, budget, before)
                    yield last[kind, order]


def ready_plans() -> tuple[str, ...]:
    """Names of the studies that come with the trainer."""
    names = (each.name for each in files(__package__).joinpath("ready").iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def read_plan(name: str, changes: Mapping[str, object]) -> Plan:
    """A study that comes with the trainer, or a file.

    Args:
        name: `demo`, or a path.
        changes: fields in place of the file's.

    Raises:
        BadInput: naming the file and the field.
    """
    path = Path(name)
    try:
        if name in ready_plans():
            text = files(__package__).joinpath("ready", f"{name}.yaml").read_text(encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        ready = ", ".join(ready_plans())
        raise BadInput(f"{name}: cannot read the study: {error}; ready are {ready}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{name}: a study is a mapping of fields")
    for field_name in ("source", "target", "validation", "times"):
        if isinstance(file := content.get(field_name), str):
            content[field_name] = _beside(path, file)
    try:
        return Plan.model_validate(content | dict(changes))
    except ValidationError as error:
        raise BadInput(f"{name}: {describe(error)}") from error


def _beside(study: Path, named: str) -> str:
    """A path as it is from here; NAME:ROOT and the names of times stay."""
    is_file = named.endswith((".yaml", ".yml", ".jsonl"))
    return str(study.parent / named) if is_file else named
