"""From a figure of time down to the labels that it is made of, and to the events of each.

Each list has what a figure counts and no more, so that who adds it up comes to the same.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import SQLColumnExpression, and_, exists, false, select
from sqlalchemy.orm import Session

from server.bulk import json_members
from server.errors import BadInput, NotFound
from server.models import Category, Image, Label, Snapshot, SweepPage
from server.models.label import SweepShare, Trail
from server.schemas.people import (
    Dimension,
    SnapshotLine,
    TimedLabel,
    TimedPart,
    TrailEvent,
    TrailOut,
)
from server.services import projects
from server.services.labels import retiming
from server.storage import get_storage
from trainer.contract import WeakLabel

LINE_LIMIT = 50


@dataclass(frozen=True)
class Figure:
    """Which labels a figure of `quality.pace` counts."""

    annotator_id: int | None
    """None: everybody's."""
    by: Dimension = "all"
    value: str = ""


def labels_of(
    session: Session, project_id: int, figure: Figure, before: int | None, limit: int
) -> list[TimedLabel]:
    """The labels that a figure counts, newest first, with ids below `before`. Raises NotFound, BadInput."""
    projects.get(session, project_id)
    query = _labels(project_id).where(
        Label.skipped.is_(None), Label.active_ms > 0, _is_of(project_id, figure)
    )
    if figure.annotator_id is not None:
        query = query.where(Label.annotator_id == figure.annotator_id)
    if before is not None:
        query = query.where(Label.id < before)
    rows = session.execute(query.order_by(Label.id.desc()).limit(limit))
    return [_timed(*row) for row in rows]


def _labels(project_id: int) -> Any:
    return (
        select(Label, Image, Label.kind())
        .join(Image, Image.id == Label.image_id)
        .where(Label.project_id == project_id)
    )


def _is_of(project_id: int, figure: Figure) -> SQLColumnExpression[bool]:
    match figure.by:
        case "all":
            return Label.id.is_not(None)
        case "kind":
            return Label.kind() == figure.value
        case "start":
            filled = and_(~Label.blind, Label.prefilled_by.is_not(None))
            empty = and_(~Label.blind, Label.prefilled_by.is_(None))
            starts = {"blind": Label.blind, "prefilled": filled, "empty": empty}
            return starts.get(figure.value, false())
        case "day":
            first = _day(figure.value)
            return and_(Label.created_at >= first, Label.created_at < first + timedelta(days=1))
        case "category":
            member = json_members(Label.present).table_valued("value").c.value
            shown = select(Category.id).where(
                Category.project_id == project_id, Category.name == figure.value
            )
            return exists().where(member.cast(Category.id.type).in_(shown))


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as error:
        raise BadInput(f"value: {text!r} is no day", code="bad-day") from error


def _timed(label: Label, image: Image, kind: str) -> TimedLabel:
    return TimedLabel(
        id=label.id,
        image_id=image.id,
        image=image.shown_name,
        annotator=f"a{label.annotator_id}",
        revision=label.revision,
        kind=kind,
        start="blind" if label.blind else "prefilled" if label.prefilled_by else "empty",
        active_ms=label.active_ms,
        wall_ms=label.wall_ms,
        answers=len(label.present) + len(label.absent),
        created_at=label.created_at,
    )


def trail_of(session: Session, project_id: int, label_id: int, *, only: int | None) -> TrailOut:
    """The events that a label's time comes from. Raises NotFound, too for a label that is not `only`'s."""
    row = session.execute(_labels(project_id).where(Label.id == label_id)).one_or_none()
    if row is None or (only is not None and row[0].annotator_id != only):
        raise NotFound(f"there is no label {label_id} in this project")
    label, image, kind = row
    share: SweepShare | None = label.sweep_share
    trail: Trail = label.trail
    wall: int | None = label.wall_ms
    if share is not None:
        page = session.get(SweepPage, share["page"])
        submit = share["submit"]
        known = page is not None and submit < len(page.walls)
        wall = page.walls[submit] if page and known else None
        trail = page.trail[submit] if page and known else []
    return TrailOut(
        label=_timed(label, image, kind),
        idle_after_s=label.idle_after_s,
        wall_ms=wall,
        shared_by=share["of"] if share else 1,
        events=[TrailEvent(at=int(at), kind=str(kind)) for at, kind in trail],
    )


def lines_of(
    session: Session, snapshot: Snapshot, start: int, limit: int = LINE_LIMIT
) -> tuple[list[SnapshotLine], int | None]:
    """Lines of a snapshot's file from a place in bytes on, and where the next ones begin.

    Raises NotFound where the file is missing, BadInput for a place at which no line begins.
    """
    with get_storage().existing_path(snapshot.storage_key).open("rb") as file:
        if start:
            file.seek(start - 1)
            if file.read(1) != b"\n":
                raise BadInput("cursor: no line begins there", code="bad-cursor")
        raw = [line for _ in range(limit) if (line := file.readline())]
        end = file.tell()
        is_last = not file.read(1)
    lines = [WeakLabel.model_validate(json.loads(line)) for line in raw]
    found = retiming.revisions_of(session, snapshot, lines)
    told = [_line(line, rows) for line, rows in zip(lines, found, strict=True)]
    return told, None if is_last else end


def _line(line: WeakLabel, rows: Sequence[Any]) -> SnapshotLine:
    return SnapshotLine(
        image=line.image,
        image_id=rows[0].image_id if rows else None,
        annotator=line.annotator,
        labelled_at=line.labelled_at,
        file_active_ms=line.active_ms,
        parts=[
            TimedPart(label_id=row.id, annotator=f"a{row.annotator_id}", kind=row.kind, active_ms=row.active_ms)
            for row in rows
        ],
    )  # fmt: skip
