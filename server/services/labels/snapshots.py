"""Snapshots: all weak labels of a project at one moment, as an immutable file."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, BinaryIO

import structlog
from pydantic_core import to_json
from sqlalchemy import ColumnElement, Text, case, cast, func, null, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from server.db import is_postgresql, session_scope
from server.errors import Conflict, NotFound, WeaksegError
from server.models import Category, Image, Label, Snapshot
from server.models.label import LabelKind
from server.services import projects
from server.services.labels.content import IN_NAMES
from server.storage import get_storage
from trainer.contract import WeakLabel

log = structlog.get_logger()

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
    answers: int = 0
    active_ms: int = 0
    wall_ms: int = 0
    active_ms_by_kind: Counter[str] = field(default_factory=Counter)

    def count(self, label: WeakLabel, by_kind: Mapping[str, int]) -> None:
        """Add what one line says and took."""
        self.labels += 1
        self.points += len(label.points)
        self.answers += len(label.present) + len(label.absent)
        self.active_ms += label.active_ms
        self.wall_ms += label.wall_ms
        self.active_ms_by_kind.update(by_kind)


def create(project_id: int) -> Snapshot:
    """The snapshot of the labels as they are now; the same labels are the same snapshot.

    They are read in a transaction that only reads: nobody who labels waits. Raises NotFound for the
    project, Conflict `no-labels`.
    """
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as file:
        with session_scope(read_only=True) as session:
            projects.get(session, project_id)
            written = _write(file, _timed_labels(session, project_id))
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
        active_ms=written.active_ms, wall_ms=written.wall_ms, answers=written.answers,
        active_ms_by_kind=dict(written.active_ms_by_kind),
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


def _write(file: BinaryIO | Any, labels: Iterator[tuple[WeakLabel, dict[str, int]]]) -> _Written:
    written = _Written()
    image = None
    for label, by_kind in labels:
        line = label.model_dump_json().encode() + b"\n"
        file.write(line)
        written.digest.update(line)
        written.size += len(line)
        written.images += label.image != image
        written.count(label, by_kind)
        image = label.image
    return written


def weak_labels(session: Session, project_id: int) -> Iterator[WeakLabel]:
    """The current labels without the skipped ones, by image and annotator, one of each.

    Times include what the annotator spent on earlier revisions of the same image. A reviewer's
    decision stands alone for its image, with the time that everybody spent on it.
    """
    return (label for label, _ in _timed_labels(session, project_id))


def _timed_labels(session: Session, project_id: int) -> Iterator[tuple[WeakLabel, dict[str, int]]]:
    """Labels as above, each with its active milliseconds by `LabelKind`."""
    categories = (
        select(Category.id, Category.name)
        .where(Category.project_id == project_id)
        .order_by(Category.position)
    )
    names = dict(session.execute(categories).all())
    # Much of what labels say, they say again and again: that no point was clicked, for one.
    read = [(field, lru_cache(MOST_KEPT)(partial(of, names))) for field, of in IN_NAMES.items()]
    for row in session.execute(_current_labels(session, project_id)):
        image, width, height, person, *columns, by, at, active, wall, kind, shares = row
        said = {field: of(text) for (field, of), text in zip(read, columns, strict=True)}
        # What is stored was found right when it was taken in.
        label = WeakLabel.model_construct(
            image=image, width=width, height=height, **said, active_ms=active, wall_ms=wall,
            annotator=f"a{person}", labelled_at=at, prefilled_by=by,
        )  # fmt: skip
        yield label, _by_kind(kind, shares, active)


def _by_kind(kind: str, shares: str | None, active_ms: int) -> dict[str, int]:
    """`shares` are `KIND:MS` of several revisions, with commas between; None when there is one."""
    if shares is None:
        return {kind: active_ms}
    by_kind: Counter[str] = Counter()
    for share in shares.split(","):
        name, _, ms = share.partition(":")
        by_kind[name] += int(ms)
    return dict(by_kind)


def _current_labels(session: Session, project_id: int) -> Any:
    # Bytes, not a language's alphabet: the order has to be the same in every database.
    name = Image.external_id.collate("C" if is_postgresql(session) else "BINARY")
    columns = [cast(getattr(Label, column), Text) for column in IN_NAMES]
    return (
        select(
            Image.external_id, Image.width, Image.height, Label.annotator_id,
            *columns, Label.prefilled_by, Label.created_at,
            _spent(Label.active_ms), _spent(Label.wall_ms), Label.kind(), _shares(),
        )
        .join(Image, Image.id == Label.image_id)
        .where(Label.project_id == project_id, Label.counts())
        .order_by(name, Label.annotator_id)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )  # fmt: skip


def _spent(time: InstrumentedAttribute[int]) -> ColumnElement[int]:
    """What was spent on an image: by all for a decision, by the annotator for other labels."""
    other = aliased(Label)
    return _of_revisions(other, func.sum(getattr(other, time.key)), else_=time)


def _shares() -> ColumnElement[str]:
    """What each revision that counts in `_spent` was, and took; null where the label is the only one."""
    other = aliased(Label)
    share = other.kind() + ":" + cast(other.active_ms, Text)
    return _of_revisions(other, func.aggregate_strings(share, ","), else_=null())


def _of_revisions(
    other: type[Label],
    total: ColumnElement[Any],
    else_: ColumnElement[Any] | InstrumentedAttribute[int],
) -> ColumnElement[Any]:
    by_all = select(total).where(other.image_id == Label.image_id)
    own = by_all.where(other.annotator_id == Label.annotator_id)
    return case(
        (Label.resolves, by_all.correlate(Label).scalar_subquery()),
        (Label.revision > 1, own.correlate(Label).scalar_subquery()),
        else_=else_,
    )


def get(session: Session, snapshot_id: int) -> Snapshot:
    """Raises NotFound."""
    snapshot = session.get(Snapshot, snapshot_id)
    if snapshot is None:
        raise NotFound(f"there is no snapshot {snapshot_id}")
    return snapshot


def names_image(snapshot: Snapshot, external_id: str) -> bool:
    """Whether a line of a snapshot's file is of an image."""
    beginning = b'{"image":' + to_json(external_id) + b","
    path = get_storage().path(snapshot.storage_key)
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return content[: len(beginning)] == beginning or content.find(b"\n" + beginning) >= 0


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


MOST_AT_ONCE = 20
"""Snapshots that one round of the upkeep reads again."""


def count_earlier() -> None:
    """Count what snapshots hold that an earlier version made: from their files, which stay as they are.

    Whether time went into corrections or decisions is in no file: it is counted for what was given.
    Of one whose file is missing nothing is known for good.
    """
    is_uncounted = Snapshot.active_ms_by_kind.is_(null())
    uncounted = select(Snapshot.id, Snapshot.storage_key).where(is_uncounted)
    with session_scope(read_only=True) as session:
        rows = session.execute(uncounted.order_by(Snapshot.id.desc()).limit(MOST_AT_ONCE)).all()
    for snapshot_id, key in rows:
        written = _read_again(key)
        with session_scope() as session:
            if snapshot := session.get(Snapshot, snapshot_id):
                snapshot.answers = written.answers if written else None
                snapshot.active_ms_by_kind = dict(written.active_ms_by_kind) if written else {}


def _read_again(key: str) -> _Written | None:
    written = _Written()
    try:
        with get_storage().existing_path(key).open("rb") as file:
            for line in file:
                label = WeakLabel.model_validate_json(line)
                written.count(label, {LabelKind.of(label): label.active_ms})
    except (OSError, ValueError, WeaksegError) as error:
        log.warning("snapshot not counted", key=key, reason=str(error).partition("\n")[0])
        return None
    return written
