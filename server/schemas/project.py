"""Projects, categories, and the datasets and recipes a project can choose from."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, StringConstraints

from server.models import User
from server.models.member import MemberRole
from server.models.project import Mode, Order, Prefill, Project
from server.schemas.common import DatabaseId, In, Name, Out, ProjectSupervision, safe_name
from trainer.contract import Supervision
from trainer.contract.names import same_twice

Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$", to_lower=True)]


def _category_key(key: str) -> str:
    """Composed. With Shift a key means another thing, so its capital has to lead back to it."""
    composed = unicodedata.normalize("NFC", key)
    is_sign = len(composed) == 1 and unicodedata.category(composed).startswith(("L", "Nd"))
    if not is_sign or composed.upper().lower() != composed:
        raise ValueError("a key is one small letter or digit")
    return composed


Key = Annotated[str, Field(min_length=1, max_length=4), AfterValidator(_category_key)]
"""A small letter or a digit, of any alphabet."""
PointsPerCategory = Annotated[int, Field(ge=1, le=10)]
Overlap = Annotated[int, Field(ge=1, le=10)]
OverlapFirst = Annotated[int, Field(ge=1, le=1_000_000)]
TileCount = Annotated[int, Field(ge=1, le=16)]
Share = Annotated[float, Field(ge=0, le=1)]
GoldShare = Annotated[float, Field(ge=0, le=0.5)]
IdleAfter = Annotated[int, Field(ge=1, le=120)]
MinView = Annotated[int, Field(ge=0, le=10_000)]
StopBelow = Annotated[float, Field(gt=0, lt=1)]
MAX_CATEGORIES = 256


CategoryName = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$"
    ),
    AfterValidator(safe_name),
]


class CategoryIn(In):
    name: CategoryName = Field(examples=["Car"])
    color: Color | None = Field(default=None, examples=["#40a0ff"])
    """Null: the next of a palette."""
    key: Key | None = Field(default=None, examples=["c"])
    """Null: a free letter of the name, or another free key while there is one."""


class CategoryChange(CategoryIn):
    """A category as it shall be; in a project it takes the place that it has in the list."""

    id: DatabaseId | None = None
    """Null: a new one."""


class CategoryOut(Out):
    id: int
    name: str
    color: str
    key: str | None
    """The project's own; a person may have chosen another."""


Categories = TypeVar("Categories", bound=Sequence[CategoryIn])


def _refuse_repetition(categories: Categories) -> Categories:
    for field in ("id", "key"):
        values = (getattr(category, field, None) for category in categories)
        twice = [v for v, n in Counter(v for v in values if v is not None).items() if n > 1]
        if twice:
            raise ValueError(f"categories: {field} {twice[0]!r} is used twice")
    if pair := same_twice(category.name for category in categories):
        raise ValueError(f"categories: name {pair[0]!r} is used twice")
    return categories


CATEGORIES_DIFFER = (
    Field(min_length=1, max_length=MAX_CATEGORIES),
    AfterValidator(_refuse_repetition),
)


class ProjectSettings(In):
    description: str = Field(default="", max_length=2000)
    open_to_everybody: bool = False
    """Whether all accounts take part: annotators label, engineers lead. Else members alone do."""
    mode: Mode = "tags-and-points"
    """What people are asked for."""
    points_per_category: PointsPerCategory = 1
    """How many points of each category that is present; more are welcome."""
    tile_rows: TileCount = 2
    tile_cols: TileCount = 2
    overlap: Overlap = 1
    """How many different people label each image."""
    overlap_share: Share = 1
    """The share of images that is labelled by so many; the others are by one person.

    Drawn once for each image: of a larger share those of a smaller one are a part."""
    overlap_first: OverlapFirst | None = None
    """In place of a share, so many images: the first that are imported. Null: the share decides."""
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
    prefill: Prefill = "none"
    """What is ticked at the start: nothing, what the latest model or what labels so far expect."""
    blind_share: Share = 0.1
    """Share of images that a person gets without prediction and pre-filling.

    Where predictions are shown it is at least `gold_share`: images with known answers have none,
    and would stand out."""
    gold_share: GoldShare = 0.02
    """Share of images with known answers among those that a person gets, once they are made."""
    min_view_ms: MinView = 400
    """How long the labelling page shows an image before it takes an answer, in milliseconds.

    A second press of the key that saved the image before is then none for this one. The page keeps
    it; answers by HTTP are taken at once."""
    order: Order = "imported"
    """Which images come first."""
    stop_below: StopBelow | None = None
    """The project says that it is time to stop once another hour is expected to bring less mIoU than
    this, as a fraction: 0.005 is half a point. Null: it says nothing."""
    idle_after_s: IdleAfter = 10
    """Of a gap without input, no more seconds than this count as active time.

    When it changes, the times of all labels and snapshots are computed anew from the events that
    browsers sent; those without events stay as they are."""


class ProjectIn(ProjectSettings):
    name: Name = Field(examples=["Cambridge streets"])
    categories: Annotated[list[CategoryIn], *CATEGORIES_DIFFER]


class ProjectChange(In):
    """Only the fields that are sent change."""

    name: Name | None = None
    description: str | None = Field(default=None, max_length=2000)
    open_to_everybody: bool | None = None
    """When it is open no more, whoever has an account by then becomes a member."""
    mode: Mode | None = None
    points_per_category: PointsPerCategory | None = None
    tile_rows: TileCount | None = None
    tile_cols: TileCount | None = None
    overlap: Overlap | None = None
    """What is done or leased stays when it is lowered."""
    overlap_share: Share | None = None
    overlap_first: OverlapFirst | None = None
    """Null: the share decides."""
    source: str | None = Field(default=None, max_length=100)
    validation: str | None = Field(default=None, max_length=100)
    recipe: str | None = Field(default=None, max_length=100)
    supervision: ProjectSupervision | None = None
    retrain_after: int | None = Field(default=None, ge=1, le=1_000_000)
    show_predictions: bool | None = None
    prefill: Prefill | None = None
    blind_share: Share | None = None
    gold_share: GoldShare | None = None
    min_view_ms: MinView | None = None
    order: Order | None = None
    stop_below: StopBelow | None = None
    idle_after_s: IdleAfter | None = None
    categories: Annotated[list[CategoryChange], *CATEGORIES_DIFFER] | None = None
    """All categories in their new order. One that is left out is removed: refused when a label
    names it."""
    archived: bool | None = None
    """In an archived project nothing is labelled, imported or trained; only it can be deleted."""


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
    answers: int
    """What people have given: one person's label of one image, or their word why there is none."""
    answers_wanted: int
    """How many there are once all images are labelled: those that there are, and those still asked for."""


class ProjectOut(Out):
    id: int
    name: str
    description: str
    open_to_everybody: bool
    role: MemberRole
    """The caller's own."""
    mode: Mode
    points_per_category: int
    tile_rows: int
    tile_cols: int
    overlap: int
    overlap_share: float
    overlap_first: int | None
    source: str | None
    validation: str | None
    recipe: str
    supervision: ProjectSupervision
    retrain_after: int | None
    show_predictions: bool
    prefill: Prefill
    blind_share: float
    gold_share: float
    min_view_ms: int
    order: Order
    stop_below: float | None
    idle_after_s: int
    created_at: datetime
    archived_at: datetime | None
    categories: list[CategoryOut]
    images: ImageCounts

    @classmethod
    def of(cls, project: Project, images: ImageCounts, role: MemberRole) -> Self:
        """A project with its categories, how many images are where, and what the caller is there."""
        return cls.from_row(project, images=images, role=role)


class MemberIn(In):
    email: str = Field(min_length=1, max_length=320, examples=["anna@example.org"])
    """Of an account."""
    role: MemberRole


class MemberChange(In):
    role: MemberRole


class MemberOut(Out):
    """Somebody who takes part in a project."""

    user_id: int
    email: str
    role: MemberRole
    active: bool
    """Whether the account is open."""
    is_member: bool
    """False where the project is open to everybody, and this is what their account makes them."""

    @classmethod
    def of(cls, user: User, role: MemberRole, *, is_member: bool = True) -> Self:
        """A person, and what they are in a project."""
        return cls.from_row(user, user_id=user.id, role=role, is_member=is_member)


class AnnotatorPace(Out):
    """One's own work in a project."""

    labels: int
    active_ms: int
    median_active_ms: int | None
    labels_today: int


class PersonalKeys(In):
    """The keys that one person labels with.

    A category that is left out of a choice keeps the project's key where that is still free.
    """

    keys: dict[CategoryName, Key] = Field(
        max_length=MAX_CATEGORIES, examples=[{"Car": "c", "Road": "r"}]
    )
    """By category name."""


class LabelGroup(Out):
    """Labels that started alike."""

    labels: int
    median_active_ms: int | None


class CategoryEffect(Out):
    """How answers for one category follow what was ticked; a share of nothing is null."""

    category: str
    ticked: int
    """Pre-filled answers where it was ticked at the start."""
    ticked_then_absent: float | None
    """The share of those that took the tick away."""
    unticked: int
    unticked_then_present: float | None
    """The share of those that added it."""
    present_prefilled: float | None
    """The share of all pre-filled answers that say present."""
    blind: int
    """Answers of blind forms."""
    present_blind: float | None


class PrefillEffect(Out):
    """First answers of pre-filled forms beside those of blind ones."""

    prefilled: LabelGroup
    blind: LabelGroup
    categories: list[CategoryEffect]


class SkipCount(Out):
    reason: str
    skips: int


class CategoryAgreement(Out):
    category: str
    images: int
    """With two sure answers or more for it."""
    agreement: float | None
    """The share of pairs of answers that agree."""
    kappa: float | None
    """Agreement beyond chance: 1 is perfect, 0 is chance; null where it is not defined."""


class Agreement(Out):
    """How far people agree on images that several of them labelled."""

    method: Literal["cohen", "fleiss"]
    """Cohen's kappa of two people, Fleiss' kappa of more."""
    annotators: int
    categories: list[CategoryAgreement]


class FirstStep(Out):
    """One thing that a new project needs."""

    key: Literal["images", "categories", "members", "source", "truth", "worker", "run"]
    state: Literal["open", "working", "problem", "done"]
    detail: str
    """How it stands, as a sentence."""


class FirstSteps(Out):
    """What a project needs before people can label, and before a run can start."""

    done: bool
    """A run has succeeded: nothing of it is needed any more."""
    steps: list[FirstStep]


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
