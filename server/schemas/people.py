"""How long people take, in their own pace and all together."""

from typing import Literal

from server.schemas.common import Out
from server.schemas.gold import Rate

Dimension = Literal["all", "kind", "start", "category", "day"]


class Seconds(Out):
    """Of active time."""

    median: float
    mean: float
    p90: float
    """Nine of ten took no longer."""


class PaceOut(Out):
    """Revisions that have something in common."""

    annotator: str | None
    """`a17`, as in label files; null: of everybody."""
    email: str | None
    """Null where pseudonyms were asked for, and of an account that is gone."""
    by: Dimension
    value: str
    """The kind of label; `blind`, `prefilled` or `empty`; a category that is present; or a day in UTC."""
    images: int
    answers: int
    per_image: Seconds
    per_answer: Seconds | None
    """Null where no category was answered."""
    right: Rate | None
    """Of the known images' categories that are there, how many were found: for `all` of one person."""


class PeopleOut(Out):
    project_id: int
    untimed: int
    """Labels without a time, such as imported ones; they count nowhere else here."""
    paces: list[PaceOut]
    """Everybody's first, then each person's, in order of names."""
