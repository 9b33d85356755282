"""Seconds per image and per answer: by person, kind of label, start of the form, category and day.

Known (gold) images count as any other: they are work, and whoever sees their own times must not find
out by them which images those are.
"""

import csv
import io
import json
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import ceil
from typing import IO, Any

from pydantic import BaseModel, TypeAdapter
from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from server.models import AuditEvent, Category, Image, Label, SweepPage, User
from server.models.member import MemberRole
from server.schemas.common import Out
from server.schemas.gold import Rate
from server.schemas.people import Dimension, PaceOut, PeopleOut, Seconds
from server.services import audit, measures, projects
from server.services.audit import Thing
from server.services.images import numbers
from server.services.images.numbers import PLAIN, Person
from server.services.measures import Measure
from server.services.quality import gold_answers

ROWS_AT_ONCE = 2000
MS = 1000


@dataclass
class _Times:
    """Milliseconds of revisions, in parts of the same number of answers each."""

    parts: list[tuple["array[int]", int]] = field(default_factory=list)

    @property
    def images(self) -> int:
        return sum(len(part) for part, _ in self.parts)

    @property
    def answers(self) -> int:
        return sum(len(part) * answers for part, answers in self.parts)

    def per_image(self) -> Seconds:
        return _seconds([ms / MS for part, _ in self.parts for ms in part])

    def per_answer(self) -> Seconds | None:
        each = [ms / MS / answers for part, answers in self.parts if answers for ms in part]
        return _seconds(each) if each else None


def _seconds(values: list[float]) -> Seconds:
    """The lower median, and the smallest value that nine of ten do not exceed (nearest rank)."""
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[max(ceil(share * len(ordered)), 1) - 1]

    return Seconds(median=at(0.5), mean=sum(ordered) / len(ordered), p90=at(0.9))


Key = tuple[int | None, Dimension, str]


def of_project(
    session: Session, project_id: int, *, only: int | None = None, names: bool = False
) -> PeopleOut:
    """Times of every revision that was no skip. Raises NotFound.

    `only`: of this person alone, whose own they are. `names`: with e-mail addresses, for who leads.
    Of many images or labels as they were counted last (`services.measures`).
    """
    counted = measures.read(session, project_id, MEASURE)
    if only is not None:
        name = f"a{only}"
        own = [
            pace.model_copy(update={"right": None})
            for pace in counted.people.paces
            if pace.annotator == name
        ]
        untimed = counted.untimed.get(name, 0)
        return PeopleOut(project_id=project_id, untimed=untimed, paces=_named(session, own, names))
    people = counted.people
    return people.model_copy(update={"paces": _named(session, people.paces, names)})


def _named(session: Session, paces: Sequence[PaceOut], names: bool) -> list[PaceOut]:
    """With the addresses as they are now, where they are asked for: they are kept nowhere else."""
    if not names:
        return [*paces]
    emails = _emails(session, {int(pace.annotator[1:]) for pace in paces if pace.annotator})
    return [
        pace.model_copy(update={"email": emails.get(int(pace.annotator[1:]))})
        if pace.annotator
        else pace
        for pace in paces
    ]


class Counted(BaseModel):
    """What is kept of a large project: everybody's figures, without addresses."""

    people: PeopleOut
    untimed: dict[str, int]
    """Of each person, by pseudonym."""


def count(session: Session, project_id: int) -> Counted:
    """Times of everybody and of each person, from their revisions. Raises NotFound."""
    project = projects.get(session, project_id)
    categories = {category.id: category.name for category in project.categories}
    times: defaultdict[Key, _Times] = defaultdict(_Times)
    alike, untimed = _alike(session, project_id)
    for (annotator_id, kind, start, day, present, absent), ms in alike.items():
        shown = json.loads(present)
        part = ms, len(shown) + len(json.loads(absent))
        names_shown = [categories[i] for i in shown if i in categories]
        for dimension, value in _places(kind, start, day, names_shown):
            for person in (None, annotator_id):
                times[person, dimension, value].parts.append(part)
    right = _right(session, project_id)
    return Counted(
        people=PeopleOut(
            project_id=project_id,
            untimed=untimed.total(),
            paces=[_pace(key, times[key], right) for key in sorted(times, key=_order)],
        ),
        untimed={f"a{annotator_id}": number for annotator_id, number in untimed.items()},
    )


MEASURE = Measure("times of people", TypeAdapter(Counted), count)


Alike = tuple[int, str, str, date, str, str]
"""Annotator, kind, start, day, and as JSON what is present and absent."""


def _alike(session: Session, project_id: int) -> tuple[dict[Alike, "array[int]"], Counter[int]]:
    """Active milliseconds of revisions that count alike, and how many of each person have none."""
    rows = session.execute(
        select(
            Label.annotator_id, Label.active_ms, Label.kind(), Label.blind, Label.prefilled_by,
            Label.created_at, cast(Label.present, Text), cast(Label.absent, Text),
        )
        .where(Label.project_id == project_id, Label.skipped.is_(None))
        .execution_options(yield_per=ROWS_AT_ONCE)
    )  # fmt: skip
    alike: defaultdict[Alike, array[int]] = defaultdict(lambda: array("q"))
    untimed: Counter[int] = Counter()
    for annotator_id, active_ms, kind, blind, prefilled_by, created_at, present, absent in rows:
        if not active_ms:
            untimed[annotator_id] += 1
            continue
        start = "blind" if blind else "prefilled" if prefilled_by else "empty"
        alike[annotator_id, kind, start, created_at.date(), present, absent].append(active_ms)
    return alike, untimed


def _places(
    kind: str, start: str, day: date, present: list[str]
) -> Iterator[tuple[Dimension, str]]:
    """Where revisions count."""
    yield "all", ""
    yield "kind", kind
    yield "start", start
    yield "day", day.isoformat()
    for name in present:
        yield "category", name


DIMENSIONS: tuple[Dimension, ...] = ("all", "kind", "start", "category", "day")


def _order(key: Key) -> tuple[int, int, str]:
    person, dimension, value = key
    return person or 0, DIMENSIONS.index(dimension), value


def _emails(session: Session, people: set[int]) -> dict[int, str]:
    rows = session.execute(select(User.id, User.email).where(User.id.in_(people)))
    return dict(rows.all())


def _right(session: Session, project_id: int) -> dict[int, Rate]:
    measured = gold_answers.measure(session, project_id)
    return {each.annotator_id: each.total.recall for each in measured.annotators}


def _pace(key: Key, times: _Times, right: Mapping[int, Rate]) -> PaceOut:
    person, dimension, value = key
    is_all = person is not None and dimension == "all"
    return PaceOut(
        annotator=None if person is None else f"a{person}",
        email=None,
        by=dimension,
        value=value,
        images=times.images,
        answers=times.answers,
        per_image=times.per_image(),
        per_answer=times.per_answer(),
        right=right.get(person) if is_all and person is not None else None,
    )


COLUMNS = (
    "annotator", "email", "by", "value", "images", "answers",
    "per_image.median", "per_image.mean", "per_image.p90",
    "per_answer.median", "per_answer.mean", "per_answer.p90",
    "right.hits", "right.of", "right.share", "right.low", "right.high",
)  # fmt: skip


def as_csv(people: PeopleOut) -> str:
    """One row a pace; an unknown value is empty."""
    return sheet(people.paces, COLUMNS)


def sheet(rows: Iterable[Out], columns: Sequence[str]) -> str:
    """Rows as CSV, with `a.b` for what `a` has as `b`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=columns, lineterminator="\r\n")
    writer.writeheader()
    for each in rows:
        row: dict[str, Any] = {}
        for name, value in each.model_dump(mode="json").items():
            nested = isinstance(value, dict)
            row |= {f"{name}.{k}": v for k, v in value.items()} if nested else {name: value}
        writer.writerow({name: row.get(name) for name in columns})
    return text.getvalue()


def export_trails(
    file: IO[bytes], session: Session, project_id: int, *, only: int | None = None
) -> None:
    """Write the lines of `trails`. Raises NotFound."""
    file.writelines(line.encode() for line in trails(session, project_id, only=only))
    on = Thing("project", project_id, project_id)
    audit.record_now(AuditEvent.LABELS_EXPORTED, on, {"format": "trails", "bytes": file.tell()})


def trails(session: Session, project_id: int, *, only: int | None = None) -> Iterator[str]:
    """Lines of JSON: of each revision, then of each page of a sweep, the events that times come from.

    Raises NotFound. People are pseudonyms, as in label files. One person alone is told of images
    as annotators are, if they have gold ones.
    """
    project = projects.get(session, project_id)
    own = () if only is None else (Label.annotator_id == only,)
    revisions = (
        select(
            Label.image_id, Image.external_id.label("image"), Label.annotator_id, Label.revision,
            Label.kind().label("kind"), Label.active_ms, Label.wall_ms, Label.blind,
            Label.prefilled_by, Label.created_at, Label.trail,
        )
        .join(Image, Image.id == Label.image_id)
        .where(Label.project_id == project_id, *own)
        .order_by(Label.id)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )  # fmt: skip
    for rows in session.execute(revisions).partitions():
        known = PLAIN
        if only is not None:
            person = Person(project, only, MemberRole.ANNOTATOR)
            known = numbers.of_images(session, person, {row.image_id for row in rows})
        for row in rows:
            told = row._asdict()
            number = known.get(told.pop("image_id"))
            if number is not None:
                told["image"] = numbers.name_of(number)
            yield _line(told, row.annotator_id, row.created_at)
    pages = (
        select(
            SweepPage.id.label("sweep_page"), Category.name.label("category"),
            SweepPage.annotator_id, SweepPage.created_at, SweepPage.trail,
        )
        .join(Category, Category.id == SweepPage.category_id)
        .where(SweepPage.project_id == project_id, SweepPage.answered_at.is_not(None))
        .order_by(SweepPage.created_at, SweepPage.id)
    )  # fmt: skip
    if only is not None:
        pages = pages.where(SweepPage.annotator_id == only)
    for page in session.execute(pages):
        yield _line(page._asdict(), page.annotator_id, page.created_at)


def _line(columns: dict[str, Any], annotator_id: int, created_at: Any) -> str:
    del columns["annotator_id"]
    told = {"annotator": f"a{annotator_id}", "created_at": created_at.isoformat()}
    return json.dumps(columns | told, ensure_ascii=False) + "\n"
