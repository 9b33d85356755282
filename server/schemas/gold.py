"""Gold images: how many there are, and what people answered."""

from datetime import datetime

from pydantic import Field

from server.models.gold import GoldState
from server.schemas.common import In, Out


class GoldIn(In):
    count: int = Field(default=100, ge=1, le=500)
    """How many images of the source domain; fewer where it has fewer."""


class GoldOut(Out):
    """How far a project's gold images are."""

    state: GoldState | None
    """Null: none were asked for."""
    wanted: int
    made: int
    error: str | None
    """Why the last attempt came to nothing."""


class Rate(Out):
    """A share with Wilson's 95 % interval, which takes the answers as independent."""

    hits: int
    of: int
    share: float | None
    """Null, like the interval, where it is of nothing."""
    low: float | None
    high: float | None


class Scores(Out):
    """Answers held against the truth, where it is known.

    It is not for categories that the source domain does not know, or where an image shows too
    little of one to call it present.
    """

    precision: Rate
    """Of the answers `present`, those that are true."""
    recall: Rate
    """Where the category is there, how often the answer is `present`."""
    wrongly_absent: Rate
    """Where the category is there, how often it is `absent`. The rest was left open."""
    wrongly_present: Rate
    """Where the category is not there, how often the answer is `present`."""
    clicks_on: Rate
    """Clicks with a pixel of the category at most 2 pixels away."""
    clicks_off: Rate
    """Clicks elsewhere, on something else."""
    clicks_on_void: Rate
    """Clicks elsewhere, where the mask says nothing."""


class CategoryScore(Out):
    category: str
    scores: Scores


class AnnotatorQuality(Out):
    annotator_id: int
    annotator: str
    images: int
    """Gold images that were answered."""
    skipped: int
    """Gold images that were skipped; they count in no rate."""
    total: Scores
    """All categories together."""
    categories: list[CategoryScore]


class Quality(Out):
    """How well people answer where the truth is known, by e-mail address."""

    until: datetime
    """Answers before this moment count, in their last revision before it."""
    annotators: list[AnnotatorQuality]
