"""Projects, categories, and the datasets and recipes a project can choose from."""

from collections import Counter
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from server.schemas.common import In, Name, Out, ProjectSupervision
from trainer.contract import Supervision

Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$", to_lower=True)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]$")]
LabelKind = Literal["image", "point"]
CategoryName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$"
    ),
]


class CategoryIn(In):
    name: CategoryName = Field(examples=["Car"])
    color: Color | None = Field(default=None, examples=["#40a0ff"])
    """Null: the next of a palette."""
    key: Key | None = Field(default=None, examples=["c"])
    """Null: a free letter of the name."""


class CategoryOut(Out):
    id: int
    name: str
    color: str
    key: str


class ProjectSettings(In):
    description: str = Field(default="", max_length=2000)
    label_kinds: list[LabelKind] = Field(default=["image", "point"], min_length=1, max_length=2)
    overlap: int = Field(default=1, ge=1, le=10)
    source: str | None = Field(default=None, max_length=100, examples=["procstreet"])
    """Name of a dataset card: the source domain."""
    validation: str | None = Field(default=None, max_length=100)
    """Name of a dataset card of target images with masks, used for evaluation alone."""
    recipe: str = Field(default="cpu-small", max_length=100)
    supervision: ProjectSupervision = Supervision.POINT
    """Of runs that start by themselves."""
    retrain_after: int | None = Field(default=None, ge=1, le=1_000_000)
    """Start a run by itself after this many new labels; null: never."""
    show_predictions: bool = True
    prefill: bool = False


class ProjectIn(ProjectSettings):
    name: Name = Field(examples=["Cambridge streets"])
    categories: list[CategoryIn] = Field(min_length=1, max_length=36)

    @model_validator(mode="after")
    def _categories_differ(self) -> Self:
        for field in ("name", "key"):
            values = [getattr(category, field) for category in self.categories]
            twice = [v for v, n in Counter(v for v in values if v is not None).items() if n > 1]
            if twice:
                raise ValueError(f"categories: {field} {twice[0]!r} is used twice")
        return self


class ProjectChange(In):
    """Only the fields that are sent change. Categories are fixed once a project has labels."""

    name: Name | None = None
    description: str | None = Field(default=None, max_length=2000)
    label_kinds: list[LabelKind] | None = Field(default=None, min_length=1, max_length=2)
    source: str | None = Field(default=None, max_length=100)
    validation: str | None = Field(default=None, max_length=100)
    recipe: str | None = Field(default=None, max_length=100)
    supervision: ProjectSupervision | None = None
    retrain_after: int | None = Field(default=None, ge=1, le=1_000_000)
    show_predictions: bool | None = None
    prefill: bool | None = None


class ImageCounts(Out):
    """How many images are where."""

    total: int
    registered: int
    """Named in a manifest, not yet verified."""
    ready: int
    rejected: int
    labelled: int
    """Have as many labels as the project's overlap asks for."""
    leased: int


class ProjectOut(Out):
    id: int
    name: str
    description: str
    label_kinds: list[LabelKind]
    overlap: int
    source: str | None
    validation: str | None
    recipe: str
    supervision: ProjectSupervision
    retrain_after: int | None
    show_predictions: bool
    prefill: bool
    created_at: datetime
    categories: list[CategoryOut]
    images: ImageCounts


class AnnotatorPace(Out):
    """One's own work in a project."""

    labels: int
    active_ms: int
    median_active_ms: int | None
    labels_today: int


class DatasetOut(Out):
    """A dataset card that a project can name as its source or validation set."""

    name: str
    description: str
    images: int
    has_masks: bool
    categories: list[str]
    problem: str | None
    """Why the card cannot be used; null when it can."""


class RecipeOut(Out):
    name: str
    description: str
