"""What pre-filling does to answers: labels that started from ticks beside those given blind."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from server.models import Label
from server.schemas.project import CategoryEffect, LabelGroup, PrefillEffect
from server.services import projects


@dataclass
class _Group:
    times: list[int] = field(default_factory=list)
    counts: Counter[tuple[int, bool, bool]] = field(default_factory=Counter)
    """How often (category, was ticked at the start, is present)."""

    def add(self, row: Row[Any]) -> None:
        ticked = set(row.prefilled)
        self.times.append(row.active_ms)
        for ids, present in ((row.present, True), (row.absent, False)):
            self.counts.update((i, i in ticked, present) for i in ids)

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

    def described(self) -> LabelGroup:
        return LabelGroup(
            labels=len(self.times),
            median_active_ms=round(median(self.times)) if self.times else None,
        )


def measure(session: Session, project_id: int) -> PrefillEffect:
    """Compare first answers of pre-filled and of blind forms. Raises NotFound.

    Corrections are left out: by then a person may have seen more. So are categories that an
    answer leaves open, and skips.
    """
    project = projects.get(session, project_id)
    prefilled, blind = _Group(), _Group()
    for row in _first_answers(session, project_id):
        (blind if row.blind else prefilled).add(row)
    return PrefillEffect(
        prefilled=prefilled.described(),
        blind=blind.described(),
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


def _first_answers(session: Session, project_id: int) -> Iterator[Row[Any]]:
    query = (
        select(Label.present, Label.absent, Label.prefilled, Label.blind, Label.active_ms)
        .where(
            Label.project_id == project_id,
            Label.revision == 1,
            Label.skipped.is_(None),
            Label.gold.is_(False),
            or_(Label.blind, Label.prefilled_by.is_not(None)),
        )
        .execution_options(yield_per=1000)
    )
    yield from session.execute(query)
