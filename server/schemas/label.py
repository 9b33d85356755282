"""Weak labels, leases and predictions: what the labelling page speaks."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from server.models import Image, Label, Prediction
from server.schemas.common import In, Out
from trainer.contract.places import HAIR

Pixel = Annotated[float, Field(ge=-HAIR, le=1_000_000)]
# A page may stay open for as long as it likes; beyond, numbers are no longer whole in a browser.
Milliseconds = Annotated[int, Field(ge=0, le=2**53 - 1)]
CategoryRef = Annotated[str, Field(min_length=1, max_length=100)]


MOST_POINTS = 2000
"""Of one label."""
MOST_EVENTS = 5000
"""Of one label's trail: 14 hours of active time at one in ten seconds. The browser stops there."""


class PointIn(In):
    """A click: x right, y down, in original image pixels; pixel centres are at .5.

    Up to half a pixel outside of the image it is moved inside; farther out it is refused.
    """

    category: CategoryRef
    x: Pixel
    y: Pixel


class TilesIn(In):
    rows: int = Field(ge=1, le=16)
    cols: int = Field(ge=1, le=16)
    present: dict[CategoryRef, Annotated[list[int], Field(max_length=256)]] = Field(
        default={}, max_length=256
    )
    """Tile indices per category, row by row from the top left."""


class TimingEvent(In):
    """One moment on the clock of an image."""

    at: Milliseconds
    """Since the image was painted."""
    kind: Literal["input", "hidden", "visible", "wait-start", "wait-end"]


class Timing(In):
    """The clock starts when the image is painted and stops at submit."""

    wall_ms: Milliseconds
    """Counted up to a week."""
    active_ms: Milliseconds | None = None
    """The browser's own sum; the server computes its own from `events`."""
    events: list[TimingEvent] = Field(default=[], max_length=MOST_EVENTS)


class LabelIn(In):
    lease_id: str | None = Field(default=None, max_length=36)
    """Null when one's own label is corrected."""
    present: list[CategoryRef] = Field(default=[], max_length=256)
    absent: list[CategoryRef] = Field(default=[], max_length=256)
    unsure: list[CategoryRef] = Field(default=[], max_length=256)
    """Looked at and left open. A category in none of the three lists was not asked."""
    points: list[PointIn] = Field(default=[], max_length=MOST_POINTS)
    tiles: TilesIn | None = None
    timing: Timing
    skipped: str | None = Field(default=None, min_length=1, max_length=500)
    prefilled_by: str | None = Field(default=None, max_length=100)
    """What the form started from. What the server handed out with the lease counts before it."""
    resolves: bool = False
    """A reviewer's decision, which counts in place of all other labels of the image."""

    @model_validator(mode="after")
    def _a_skip_says_nothing(self) -> Self:
        said = (self.present, self.absent, self.unsure, self.points, self.tiles, self.resolves)
        if self.skipped and any(said):
            raise ValueError("a skipped image can not also have a label")
        return self


class PointOut(Out):
    category: str
    x: float
    y: float


class LabelOrigin(Out):
    """With which file a label came."""

    by: str | None
    """Who imported it, by e-mail address; null: a command on the server did."""
    created_at: datetime
    format: str
    file_name: str
    """Empty where nobody said."""
    sha256: str


class LabelOut(Out):
    id: int
    image_id: int
    annotator_id: int
    annotator: str
    revision: int
    present: list[str]
    absent: list[str]
    unsure: list[str]
    points: list[PointOut]
    tiles: TilesIn | None
    skipped: str | None
    active_ms: int
    wall_ms: int
    prefilled_by: str | None
    """Id of a run, or `priors`; null when the form was empty."""
    prefilled: list[str]
    """The categories that were ticked at the start."""
    blind: bool
    """A prediction or pre-filling was withheld."""
    partial: bool
    """Answers of sweeps alone: the image was not labelled as a whole yet."""
    resolves: bool
    created_at: datetime
    imported: LabelOrigin | None
    """Null: it was given here, or imported by an earlier version."""

    @classmethod
    def of(
        cls,
        label: Label,
        names: Mapping[int, str],
        annotator: str,
        image_number: int,
        imported: LabelOrigin | None,
    ) -> Self:
        """A label with the names of its categories and of its annotator."""
        tiles = None
        if label.tiles is not None:
            present = {names[int(i)]: tiles for i, tiles in label.tiles["present"].items()}
            tiles = TilesIn(rows=label.tiles["rows"], cols=label.tiles["cols"], present=present)
        return cls(
            id=label.id,
            image_id=image_number,
            annotator_id=label.annotator_id,
            annotator=annotator,
            revision=label.revision,
            present=[names[i] for i in label.present],
            absent=[names[i] for i in label.absent],
            unsure=[names[i] for i in label.unsure],
            points=[
                PointOut(category=names[point["category_id"]], x=point["x"], y=point["y"])
                for point in label.points
            ],
            tiles=tiles,
            skipped=label.skipped,
            active_ms=label.active_ms,
            wall_ms=label.wall_ms,
            prefilled_by=label.prefilled_by,
            prefilled=[names[i] for i in label.prefilled],
            blind=label.blind,
            partial=label.partial,
            resolves=label.resolves,
            created_at=label.created_at,
            imported=imported,
        )


class PredictionOut(Out):
    run_id: int
    presence: dict[str, float]
    """Probability that the category is in the image."""
    uncertainty: float
    mask_url: str
    """Palette PNG at the original size; index = the category's place in the project."""

    @classmethod
    def of(cls, prediction: Prediction, image_number: int) -> Self:
        """A prediction with the address of its own mask, not the latest model's."""
        mask = f"/api/v1/images/{image_number}/prediction/mask.png"
        return cls.from_row(prediction, mask_url=f"{mask}?run_id={prediction.run_id}")


class PrefillOut(Out):
    """What is ticked when the form is shown."""

    by: str
    """Id of the run whose prediction it is, or `priors`."""
    present: list[str]


class LeaseIn(In):
    count: int = Field(default=1, ge=1, le=16)


class LeaseIds(In):
    lease_ids: list[Annotated[str, Field(max_length=36)]] = Field(max_length=200)


def image_url(number: int) -> str:
    """Where the file of an image of this number is."""
    return f"/api/v1/images/{number}/file"


class LeasedImage(Out):
    id: int
    external_id: str
    width: int
    height: int
    url: str

    @classmethod
    def of(cls, image: Image, **others: object) -> Self:
        """A verified image; `others` go before what it says itself."""
        return cls.from_row(
            image,
            **{
                "external_id": image.shown_name,
                "width": image.width or 0,
                "height": image.height or 0,
                "url": image_url(image.id),
            }
            | others,
        )


class LeaseOut(Out):
    id: str
    expires_at: datetime
    image: LeasedImage
    prediction: PredictionOut | None
    """Null when there is none, the project does not show it, or the image is to be judged blind."""
    blind: bool
    """A prediction or pre-filling is withheld, so that its effect on answers can be measured."""
    prefill: PrefillOut | None
    label: LabelOut | None
    """One's own earlier label of this image. What a partial one says goes before the prefill."""


class Heartbeat(Out):
    id: str
    expires_at: datetime
