"""What is counted over all labels of a project, kept for as long as it holds.

Counting 100,000 labels takes a second and more. So a large project's measure is stored with what it
was counted from; when that has changed, readers go on seeing it until a task has counted anew. What
nobody has looked at yet is counted by a task as well: the upkeep asks for it, and so does who comes before.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from server import queue
from server.db import session_scope, utcnow
from server.errors import Unavailable
from server.models import ImageCount, KeptMeasure, Label, Project
from server.queue import send_after_commit

LARGE = 20_000
"""Images or labels from which on measures are kept: below, counting takes no time to speak of."""
MOST_AT_ONCE = 100_000
"""Images or labels up to which a request counts what nobody has counted yet: a second of work."""
REST = 20
"""So many times as long as counting takes nothing is counted anew, so that it costs little."""
ASKED_FOR = timedelta(minutes=5)
"""A task that has not counted by then is asked for again: its message may be lost."""

T = TypeVar("T")


@dataclass(frozen=True)
class Measure(Generic[T]):
    """What is to be counted: `name` is stored, and a value in the form that `adapter` knows."""

    name: str
    adapter: TypeAdapter[T]
    count: Callable[[Session, int], T]
    """Over the project with this id."""


def read(session: Session, project_id: int, measure: Measure[T]) -> T:
    """The measure of a project. Raises NotFound, and Unavailable `being-counted` of many labels.

    Of up to LARGE images and labels it is exact; of more it may be as old as counting it takes twenty times.
    """
    images = _images(session, project_id)
    basis = _basis(session, project_id, images)
    if basis is None:
        return measure.count(session, project_id)
    kept = session.get(KeptMeasure, (project_id, measure.name))
    if kept is None:
        if _is_larger(session, project_id, images, MOST_AT_ONCE):
            queue.send("recount", project_id, measure.name)
            raise Unavailable(
                "this is being counted for the first time; try again in a moment",
                code="being-counted",
            )
        return _count_and_keep(session, project_id, measure, basis)
    if kept.basis != basis:
        _ask_for(kept)
    return measure.adapter.validate_python(kept.value)


def recount(project_id: int, measure: Measure[Any]) -> None:
    """Count a large project's measure, unless what is kept still holds. A project that is gone has none."""
    with session_scope(read_only=True) as session:
        kept = session.get(KeptMeasure, (project_id, measure.name))
        # Before it is counted: what changes meanwhile makes it stale.
        basis = _basis(session, project_id, _images(session, project_id))
        if basis is not None and (kept is None or kept.basis != basis):
            _count_and_keep(session, project_id, measure, basis)


def uncounted(session: Session, names: Collection[str]) -> Iterator[tuple[int, str]]:
    """Projects that have grown large, each with one of these measures that was never counted of it."""
    images = ImageCount.registered + ImageCount.ready + ImageCount.rejected
    large = (
        sa.select(ImageCount.project_id)
        .join(Project, Project.id == ImageCount.project_id)
        .where(Project.deleted_at.is_(None))
        .group_by(ImageCount.project_id)
        .having(sa.or_(sa.func.sum(images) > LARGE, sa.func.sum(ImageCount.answers_done) > LARGE))
        .order_by(ImageCount.project_id)
    )
    ids = session.scalars(large).all()
    kept = sa.select(KeptMeasure.project_id, KeptMeasure.name)
    rows = session.execute(kept.where(KeptMeasure.project_id.in_(ids)))
    known = {(project_id, name) for project_id, name in rows}
    yield from (
        pair for project_id in ids for name in names if (pair := (project_id, name)) not in known
    )


def _basis(session: Session, project_id: int, images: Sequence[int]) -> str | None:
    """Another one after each change of the project's images, labels and settings; None: it is small.

    Every answer comes with a label, whose id is the highest yet, and goes with its image.
    """
    if not _is_larger(session, project_id, images, LARGE):
        return None
    version = sa.select(Project.version).where(Project.id == project_id).scalar_subquery()
    last = sa.select(sa.func.max(Label.id)).where(Label.project_id == project_id).scalar_subquery()
    return "/".join(map(str, (*session.execute(sa.select(version, last)).one(), *images)))


def _images(session: Session, project_id: int) -> Sequence[int]:
    """How many are registered, ready, rejected; and of which an assignment is open."""
    counted = (ImageCount.registered, ImageCount.ready, ImageCount.rejected, ImageCount.unfinished)
    sums = [sa.func.coalesce(sa.func.sum(column), 0) for column in counted]
    of_project = sa.select(*sums).where(ImageCount.project_id == project_id)
    return session.execute(of_project).one()


def _is_larger(session: Session, project_id: int, images: Sequence[int], than: int) -> bool:
    """Whether there are more images than that, or more labels, earlier revisions too."""
    if sum(images[:3]) > than:
        return True
    more = sa.select(Label.id).where(Label.project_id == project_id).order_by(Label.id)
    return session.scalar(more.offset(than).limit(1)) is not None


def _count_and_keep(session: Session, project_id: int, measure: Measure[T], basis: str) -> T:
    """Count the measure, and keep it as one of `basis`, which was read before."""
    started = perf_counter()
    value = measure.count(session, project_id)
    took_ms = round(1000 * (perf_counter() - started))
    kept = KeptMeasure(
        project_id=project_id,
        name=measure.name,
        basis=basis,
        value=measure.adapter.dump_python(value, mode="json"),
        took_ms=took_ms,
        counted_at=utcnow(),
        asked_at=None,
    )
    with session_scope() as writing:
        # One writer at a time, and none once the project is gone.
        there = sa.select(Project.id).where(Project.id == project_id, Project.deleted_at.is_(None))
        if writing.scalar(there.with_for_update(key_share=True)) is not None:
            writing.merge(kept)
    return value


def _ask_for(kept: KeptMeasure) -> None:
    """Have it counted anew, unless that is under way or was done a moment ago."""
    now = utcnow()
    if now - kept.counted_at < timedelta(milliseconds=REST * kept.took_ms):
        return
    if kept.asked_at is not None and now - kept.asked_at < ASKED_FOR:
        return
    asked = (
        sa.update(KeptMeasure)
        .where(
            KeptMeasure.project_id == kept.project_id,
            KeptMeasure.name == kept.name,
            sa.or_(KeptMeasure.asked_at.is_(None), KeptMeasure.asked_at == kept.asked_at),
        )
        .values(asked_at=now)
        .returning(KeptMeasure.name)
    )
    with session_scope() as session:
        if session.execute(asked).first() is not None:
            send_after_commit(session, "recount", kept.project_id, kept.name)
