"""Snapshots: all weak labels of a project at one moment, as an immutable file."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import ColumnElement, Text, case, cast, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from server.db import is_postgresql, session_scope
from server.errors import Conflict, NotFound
from server.models import Category, Image, Label, Snapshot
from server.services import projects
from server.storage import get_storage
from trainer.contract import PointLabel, TileTags, WeakLabel

ROWS_AT_ONCE = 1000
MOST_KEPT = 10_000
"""Lists of categories, and of points, that are read once."""


@dataclass
class _Written:
    """What a label file holds."""

    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0
    labels: int = 0
    images: int = 0
    points: int = 0
    active_ms: int = 0
    wall_ms: int = 0


def create(project_id: int) -> Snapshot:
    """The snapshot of the labels as they are now; the same labels are the same snapshot.

    They are read in a transaction that only reads: nobody who labels waits. Raises NotFound for the
    project, Conflict `no-labels`.
    """
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        with session_scope(read_only=True) as session:
            projects.get(session, project_id)
            written = _write(file, weak_labels(session, project_id))
            if not written.labels:
                raise Conflict("this project has no labels yet", code="no-labels")
            sha256 = written.digest.hexdigest()
            if known := _find(session, project_id, sha256):
                return known
        key = f"projects/{project_id}/snapshots/{sha256}.jsonl"
        file.flush()
        get_storage().put_file(key, Path(file.name))
    snapshot = Snapshot(
        project_id=project_id, sha256=sha256, storage_key=key, size=written.size,
        labels=written.labels, images=written.images, points=written.points,
        active_ms=written.active_ms, wall_ms=written.wall_ms,
    )  # fmt: skip
    with session_scope() as session:
        return _insert(session, snapshot)


def _insert(session: Session, snapshot: Snapshot) -> Snapshot:
    try:
        with session.begin_nested():
            session.add(snapshot)
    except IntegrityError:
        # Somebody made the same snapshot at the same time.
        stored = _find(session, snapshot.project_id, snapshot.sha256)
        if stored is None:
            raise
        return stored
    return snapshot


def _find(session: Session, project_id: int, sha256: str) -> Snapshot | None:
    return session.scalar(
        select(Snapshot).where(Snapshot.project_id == project_id, Snapshot.sha256 == sha256)
    )


def _write(file: BinaryIO | Any, labels: Iterator[WeakLabel]) -> _Written:
    written = _Written()
    image = None
    for label in labels:
        line = label.model_dump_json().encode() + b"\n"
        file.write(line)
        written.digest.update(line)
        written.size += len(line)
        written.labels += 1
        written.images += label.image != image
        written.points += len(label.points)
        written.active_ms += label.active_ms
        written.wall_ms += label.wall_ms
        image = label.image
    return written


def weak_labels(session: Session, project_id: int) -> Iterator[WeakLabel]:
    """The current labels without the skipped ones, by image and annotator, one of each.

    Times include what the annotator spent on earlier revisions of the same image. A reviewer's
    decision stands alone for its image, with the time that everybody spent on it.
    """
    categories = (
        select(Category.id, Category.name)
        .where(Category.project_id == project_id)
        .order_by(Category.position)
    )
    names = dict(session.execute(categories).all())
    # Much of what labels say, they say again and again: that no point was clicked, for one.
    listed = lru_cache(MOST_KEPT)(partial(_names, names))
    pointed = lru_cache(MOST_KEPT)(partial(_points, names))
    tiled = lru_cache(MOST_KEPT)(partial(_tile_tags, names))
    for row in session.execute(_current_labels(session, project_id)):
        image, width, height, person, present, absent, points, tiles, by, at, active, wall = row
        # What is stored was found right when it was taken in.
        yield WeakLabel.model_construct(
            image=image, width=width, height=height, present=listed(present), absent=listed(absent),
            points=pointed(points), tiles=tiled(tiles), active_ms=active, wall_ms=wall,
            annotator=f"a{person}", labelled_at=at, prefilled_by=by,
        )  # fmt: skip


def _current_labels(session: Session, project_id: int) -> Any:
    # Bytes, not a language's alphabet: the order has to be the same in every database.
    name = Image.external_id.collate("C" if is_postgresql(session) else "BINARY")
    lists = (Label.present, Label.absent, Label.points, Label.tiles)
    return (
        select(
            Image.external_id, Image.width, Image.height, Label.annotator_id,
            *(cast(column, Text) for column in lists), Label.prefilled_by, Label.created_at,
            _spent(Label.active_ms), _spent(Label.wall_ms),
        )
        .join(Image, Image.id == Label.image_id)
        .where(Label.project_id == project_id, Label.counts())
        .order_by(name, Label.annotator_id)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )  # fmt: skip


def _spent(time: InstrumentedAttribute[int]) -> ColumnElement[int]:
    """What was spent on an image: by all for a decision, by the annotator for other labels."""
    other = aliased(Label)
    by_all = select(func.sum(getattr(other, time.key))).where(other.image_id == Label.image_id)
    own = by_all.where(other.annotator_id == Label.annotator_id)
    return case(
        (Label.resolves, by_all.correlate(Label).scalar_subquery()),
        (Label.revision > 1, own.correlate(Label).scalar_subquery()),
        else_=time,
    )


def _names(names: Mapping[int, str], ids: str) -> tuple[str, ...]:
    """Of categories, in the project's order; `ids` is the JSON of a list of them."""
    listed = frozenset(json.loads(ids))
    return tuple(name for i, name in names.items() if i in listed)


def _points(names: Mapping[int, str], points: str) -> tuple[PointLabel, ...]:
    return tuple(
        PointLabel(category=names[p["category_id"]], x=p["x"], y=p["y"]) for p in json.loads(points)
    )


def _tile_tags(names: Mapping[int, str], text: str | None) -> TileTags | None:
    tiles = json.loads(text or "null")
    if tiles is None:
        return None
    present = {
        name: tuple(tiles["present"][str(i)])
        for i, name in names.items()
        if str(i) in tiles["present"]
    }
    return TileTags(rows=tiles["rows"], cols=tiles["cols"], present=present)


def get(session: Session, snapshot_id: int) -> Snapshot:
    """Raises NotFound."""
    snapshot = session.get(Snapshot, snapshot_id)
    if snapshot is None:
        raise NotFound(f"there is no snapshot {snapshot_id}")
    return snapshot


def list_all(session: Session, project_id: int) -> list[Snapshot]:
    """A project's snapshots, newest first. Raises NotFound for the project."""
    projects.get(session, project_id)
    return list(
        session.scalars(
            select(Snapshot).where(Snapshot.project_id == project_id).order_by(Snapshot.id.desc())
        )
    )


def count_current_labels(session: Session, project_id: int) -> int:
    """How many lines a snapshot would have now."""
    query = select(func.count(Label.id)).where(Label.project_id == project_id, Label.counts())
    return session.scalar(query) or 0
