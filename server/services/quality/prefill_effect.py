"""What pre-filling does to answers: labels that started from ticks beside those given blind."""

import json
from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, Select, Text, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from server.models import Label
from server.schemas.project import CategoryEffect, LabelGroup, PrefillEffect
from server.services import projects
from server.services.measures import Measure


@dataclass
class _Group:
    counts: Counter[tuple[int, bool, bool]] = field(default_factory=Counter)
    """How often (category, was ticked at the start, is present)."""

    def add(self, row: Row[Any]) -> None:
        ticked = set(json.loads(row.prefilled))
        for ids, present in ((row.present, True), (row.absent, False)):
            for category_id in json.loads(ids):
                self.counts[category_id, category_id in ticked, present] += row.labels

    def share(self, category_id: int, *, present: bool, ticked: bool | None = None) -> float | None:
        """Of the answers that started (un)ticked, those that are present or absent."""
        starts = (True, False) if ticked is None else (ticked,)
        wanted = sum(self.counts[category_id, start, present] for start in starts)
        others = sum(self.counts[category_id, start, not present] for start in starts)
        return wanted / (wanted + others) if wanted + others else None

    def answers(self, category_id: int, *, ticked: bool | None = None) -> int:
        starts = (True, False) if ticked is None else (ticked,)
        return sum(
            self.counts[category_id, s, present] for s in starts for present in (True, False)
        )


def measure(session: Session, project_id: int) -> PrefillEffect:
    """Compare first answers of pre-filled and of blind forms. Raises NotFound.

    Corrections are left out: by then a person may have seen more. So are categories that an
    answer leaves open, and skips.
    """
    project = projects.get(session, project_id)
    prefilled, blind = _Group(), _Group()
    for row in session.execute(_alike(project_id)):
        (blind if row.blind else prefilled).add(row)
    return PrefillEffect(
        prefilled=_described(session, project_id, blind=False),
        blind=_described(session, project_id, blind=True),
        categories=[
            CategoryEffect(
                category=category.name,
                ticked=prefilled.answers(category.id, ticked=True),
                ticked_then_absent=prefilled.share(category.id, present=False, ticked=True),
                unticked=prefilled.answers(category.id, ticked=False),
                unticked_then_present=prefilled.share(category.id, present=True, ticked=False),
                present_prefilled=prefilled.share(category.id, present=True),
                blind=blind.answers(category.id),
                present_blind=blind.share(category.id, present=True),
            )
            for category in project.categories
        ],
    )


MEASURE = Measure("effect of pre-filling", TypeAdapter(PrefillEffect), measure)


def _is_first(project_id: int) -> ColumnElement[bool]:
    return and_(
        Label.project_id == project_id,
        Label.revision == 1,
        Label.skipped.is_(None),
        Label.gold.is_(False),
        or_(Label.blind, Label.prefilled_by.is_not(None)),
    )


def _alike(project_id: int) -> Select[*tuple[Any, ...]]:
    """How many first answers say the same: few different things are said of many images."""
    lists = (Label.prefilled, Label.present, Label.absent)
    said = [Label.blind, *(cast(column, Text).label(column.key) for column in lists)]
    return select(*said, func.count().label("labels")).where(_is_first(project_id)).group_by(*said)


def _described(session: Session, project_id: int, *, blind: bool) -> LabelGroup:
    is_in_group = and_(_is_first(project_id), Label.blind.is_(blind))
    labels = session.scalar(select(func.count()).where(is_in_group)) or 0
    middle = session.scalars(
        select(Label.active_ms)
        .where(is_in_group)
        .order_by(Label.active_ms)
        .offset(max(labels - 1, 0) // 2)
        .limit(2 - labels % 2)
    ).all()
    return LabelGroup(labels=labels, median_active_ms=round(median(middle)) if middle else None)
