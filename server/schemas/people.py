"""How long people take, in their own pace and all together, and who they are."""

from datetime import datetime
from typing import Literal

from server.models.member import MemberRole
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
    """Null where pseudonyms were asked for; `annotator 17` of an account that was deleted."""
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


class TimedLabel(Out):
    """One revision that figures of time count."""

    id: int
    image_id: int
    image: str
    annotator: str
    """`a17`, as in label files."""
    revision: int
    kind: str
    start: Literal["blind", "prefilled", "empty"]
    active_ms: int
    wall_ms: int
    answers: int
    created_at: datetime


class TrailEvent(Out):
    at: int
    """Milliseconds since the image, or the page of a sweep, was painted."""
    kind: str
    """`input`, `hidden`, `visible`, `wait-start` or `wait-end`."""


class TrailOut(Out):
    """What the time of a label comes from."""

    label: TimedLabel
    idle_after_s: int
    """Of a gap without input, no more seconds than this count."""
    wall_ms: int | None
    """From painting to submit, of the whole page where the label is of a sweep; null where an earlier
    version took that."""
    shared_by: int
    """How many images of a page of a sweep the time was divided among; 1 for other labels."""
    events: list[TrailEvent]
    """Empty where none were sent: then the time stays as it is whatever counts as idle."""


class TimedPart(Out):
    """A revision that the time of a line of a label file is a part of."""

    label_id: int
    annotator: str
    kind: str
    active_ms: int


class SnapshotLine(Out):
    """One line of a label file, and the labels that it stands for."""

    image: str
    image_id: int | None
    """Null where the image or its labels have been deleted."""
    annotator: str
    labelled_at: datetime | None
    file_active_ms: int
    """As the file has it, by what counted as idle when it was made."""
    parts: list[TimedPart]
    """Its annotator's revisions, or everybody's where it is a decision; together they have its time."""


class TeamPerson(Out):
    """Somebody who takes part in a project, or has labelled there, and what they did."""

    user_id: int
    email: str
    role: MemberRole | None
    """Null: they take no part any more."""
    is_member: bool
    """False where the project is open to everybody, and their role is what their account makes them."""
    active: bool
    """Whether the account is open."""
    answers_today: int
    """Of those, first given since the day began (UTC)."""
    answers: int
    """Images that they labelled as a whole."""
    skipped: int
    """Images that they found no label for."""
    active_ms: int
    """All the time that they worked, with skips and corrections."""
    per_image: Seconds | None
    """Of each saved answer, corrections too, as `people` says it; null without any that has a time."""
    per_answer: Seconds | None
    right: Rate | None
    """Of the known images' categories that are there, how many they found. Of oneself, unless one
    leads, as it was when the day began (UTC)."""
    last_seen_at: datetime | None
    """When they last asked the server for anything, or labelled here."""


class TeamOut(Out):
    project_id: int
    people: list[TeamPerson]
    """In order of addresses."""
