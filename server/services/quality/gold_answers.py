"""How well people answer, measured on gold images: pictures whose true answers are known.

The masks of gold images are stored as plain bytes, so that judging a click reads the few around it:
nothing is decoded, or done while a label is submitted, whose time would tell a gold image.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, Select, exists, select
from sqlalchemy.orm import Session, aliased

from server.db import utcnow
from server.models import Category, GoldImage, GoldSet, Image, Label, User
from server.schemas.gold import AnnotatorQuality, CategoryScore, Quality, Rate, Scores
from server.services import projects
from server.storage import get_storage
from trainer.contract import VOID_INDEX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOLERANCE = 2
"""Pixels by which a click may miss: no mask's edge is truer than that."""
Z = NormalDist().inv_cdf(0.975)
"""Standard errors on either side of 95 % of a normal distribution."""


def wilson(hits: int, of: int) -> Rate:
    """A share with its 95 % interval; nulls where it is of nothing.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal
    of the American Statistical Association 22 (1927) 209-212.
    """
    if not of:
        return Rate(hits=0, of=0, share=None, low=None, high=None)
    middle = (hits + Z**2 / 2) / (of + Z**2)
    reach = Z / (of + Z**2) * math.sqrt(hits * (of - hits) / of + Z**2 / 4)
    share = hits / of
    return Rate(hits=hits, of=of, share=share, low=min(share, max(0.0, middle - reach)),
                high=max(share, min(1.0, middle + reach)))  # fmt: skip


@dataclass
class _Tally:
    """One person's answers of one category, or of all together."""

    said: Counter[tuple[bool, str]] = field(default_factory=Counter)
    """How often (is truly present, what was said)."""
    clicks: Counter[str] = field(default_factory=Counter)

    def add(self, other: "_Tally") -> None:
        self.said.update(other.said)
        self.clicks.update(other.clicks)

    def scores(self) -> Scores:
        there = sum(n for (is_there, _), n in self.said.items() if is_there)
        not_there = self.said.total() - there
        hits, false = self.said[True, "present"], self.said[False, "present"]
        clicks = self.clicks.total()
        return Scores(
            precision=wilson(hits, hits + false),
            recall=wilson(hits, there),
            wrongly_absent=wilson(self.said[True, "absent"], there),
            wrongly_present=wilson(false, not_there),
            clicks_on=wilson(self.clicks["on"], clicks),
            clicks_off=wilson(self.clicks["off"], clicks),
            clicks_on_void=wilson(self.clicks["void"], clicks),
        )


@dataclass
class _Person:
    email: str
    images: int = 0
    skipped: int = 0
    tallies: defaultdict[int, _Tally] = field(default_factory=lambda: defaultdict(_Tally))
    """By category id."""


def measure(session: Session, project_id: int) -> Quality:
    """Everybody's answers to gold images. Raises NotFound."""
    return _measure(session, project_id, utcnow(), annotator_id=None)


def measure_own(session: Session, project_id: int, annotator_id: int) -> Quality:
    """One person's answers to gold images, as they were when the day began (UTC). Raises NotFound.

    Figures that moved with each answer would tell which image was a gold one.
    """
    midnight = utcnow().replace(hour=0, minute=0, second=0, microsecond=0)
    return _measure(session, project_id, midnight, annotator_id)


def _measure(
    session: Session, project_id: int, until: datetime, annotator_id: int | None
) -> Quality:
    project = projects.get(session, project_id)
    gold_set = session.get(GoldSet, project_id)
    places = {i: place for place, i in enumerate(gold_set.category_ids)} if gold_set else {}
    people: dict[int, _Person] = {}
    for row in _answers(session, project_id, until, annotator_id):
        person = people.setdefault(row.annotator_id, _Person(row.email))
        if row.skipped is not None:
            person.skipped += 1
            continue
        person.images += 1
        _judge(row, person.tallies, places)
    by_name = sorted(people.items(), key=lambda one: one[1].email)
    return Quality(
        until=until,
        annotators=[_described(i, person, project.categories) for i, person in by_name],
    )


def _answers(
    session: Session, project_id: int, until: datetime, annotator_id: int | None
) -> Iterator[Row[*tuple[Any, ...]]]:
    """Each person's last answer to each gold image before a moment, with the truth, by image."""
    later = aliased(Label)
    corrected = exists().where(
        later.image_id == Label.image_id,
        later.annotator_id == Label.annotator_id,
        later.revision > Label.revision,
        later.created_at < until,
    )
    said = (Label.present, Label.absent, Label.points, Label.skipped)
    truth = (GoldImage.present.label("there"), GoldImage.absent.label("not_there"),
             GoldImage.mask_key, Image.width, Image.height)  # fmt: skip
    query: Select[*tuple[Any, ...]] = (
        select(Label.annotator_id, User.email, *said, *truth)
        .join(GoldImage, GoldImage.image_id == Label.image_id)
        .join(Image, Image.id == Label.image_id)
        .join(User, User.id == Label.annotator_id)
        .where(
            GoldImage.project_id == project_id,
            Label.resolves.is_(False),
            Label.created_at < until,
            ~corrected,
        )
        .order_by(Label.image_id)
        .execution_options(yield_per=1000)
    )
    if annotator_id is not None:
        query = query.where(Label.annotator_id == annotator_id)
    yield from session.execute(query)


def _judge(
    row: Row[*tuple[Any, ...]], tallies: defaultdict[int, _Tally], places: Mapping[int, int]
) -> None:
    """Hold one answer against the truth, as far as that is known."""
    for is_there, ids in ((True, row.there), (False, row.not_there)):
        for category_id in ids:
            tallies[category_id].said[is_there, _said(row, category_id)] += 1
    known = {*row.there, *row.not_there}
    points = [point for point in row.points if point["category_id"] in known]
    if not points:
        return
    mask = _mask(get_storage().existing_path(row.mask_key), row.height, row.width)
    for point in points:
        category_id = point["category_id"]
        verdict = _verdict(mask, places[category_id], point["x"], point["y"])
        tallies[category_id].clicks[verdict] += 1


def _said(row: Row[Any], category_id: int) -> str:
    if category_id in row.present:
        return "present"
    return "absent" if category_id in row.absent else "open"


@lru_cache(maxsize=1)
def _mask(path: Path, height: int, width: int) -> "NDArray[np.uint8]":
    """A gold image's mask, of which only what is looked at is read; kept for its next answer."""
    # A tenth of a web process's memory, which one that judges no clicks does without.
    import numpy as np  # noqa: PLC0415

    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r", shape=(height, width)))


def _verdict(mask: "NDArray[np.uint8]", place: int, x: float, y: float) -> str:
    """Whether a click is `on` its category, `off` it, or on `void`, of which nothing is known."""
    column, row = int(x), int(y)
    near = mask[
        max(0, row - TOLERANCE) : row + TOLERANCE + 1,
        max(0, column - TOLERANCE) : column + TOLERANCE + 1,
    ]
    if (near == place).any():
        return "on"
    return "void" if mask[row, column] == VOID_INDEX else "off"


def _described(
    annotator_id: int, person: _Person, categories: Sequence[Category]
) -> AnnotatorQuality:
    known = {c.name: person.tallies[c.id] for c in categories if c.id in person.tallies}
    return AnnotatorQuality(
        annotator_id=annotator_id,
        annotator=person.email,
        images=person.images,
        skipped=person.skipped,
        total=_sum(known.values()).scores(),
        categories=[
            CategoryScore(category=name, scores=tally.scores()) for name, tally in known.items()
        ],
    )


def _sum(tallies: Iterable[_Tally]) -> _Tally:
    total = _Tally()
    for tally in tallies:
        total.add(tally)
    return total
