"""Active times computed anew from the stored events, once a project calls other gaps idle.

Each label notes for which setting its time was computed, so work that was stopped goes on where it
was, and the same work twice changes nothing. Old snapshots get theirs from what `_by_idle` has kept
of them: nothing that is deleted later changes that. Times without events stay as they are.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog
from sqlalchemy import Row, and_, bindparam, or_, select, update
from sqlalchemy.orm import Session

from server.bulk import short_turn
from server.db import session_scope, utcnow
from server.errors import WeaksegError
from server.models import Image, Label, Project, Snapshot, SweepPage
from server.models.label import LabelKind, SweepShare, Trail
from server.services.labels import timing
from server.services.labels.timing import ByIdle
from server.storage import get_storage
from trainer.contract import WeakLabel

log = structlog.get_logger()

LABELS_AT_ONCE = 200
"""Rows that one transaction writes; a few milliseconds."""
LINES_AT_ONCE = 300
SNAPSHOTS_AT_ONCE = 20
SETTLED = timedelta(minutes=1)
"""A request that had read the setting before it was changed has ended by then."""


_IS_UNREAD = and_(Snapshot.active_ms_by_idle.is_(None), Snapshot.active_ms_by_kind.is_not(None))
"""Those of an earlier version are counted first (`snapshots.count_earlier`)."""


def due(session: Session) -> list[int]:
    """Projects in which there is something to compute."""
    changed = Project.retime_since.is_not(None)
    unread = select(Snapshot.project_id).where(_IS_UNREAD)
    query = select(Project.id).where(
        Project.deleted_at.is_(None), or_(changed, Project.id.in_(unread))
    )
    return list(session.scalars(query.order_by(Project.id)))


def work(project_id: int) -> None:
    """Bring the times of a project's labels and snapshots in line with its setting."""
    began = utcnow()
    _read_snapshots(project_id)
    with session_scope(read_only=True) as session:
        project = session.get(Project, project_id)
    if project is None or project.retime_since is None:
        return
    has_changed = _labels(project_id)
    _snapshots(project_id)
    with session_scope() as session:
        project = session.get(Project, project_id, with_for_update=True)
        if project is None or project.retime_since is None:
            return
        if has_changed:
            project.renew()
        if project.retime_since < began - SETTLED:
            project.retime_since = None


_TIMED = (Label.active_ms, Label.wall_ms, Label.trail, Label.sweep_share)


class _Pages:
    """Gaps of the submits of sweeps' pages."""

    def __init__(self, session: Session, shares: Iterable[SweepShare | None]) -> None:
        ids = {share["page"] for share in shares if share is not None}
        pages = select(SweepPage.id, SweepPage.trail, SweepPage.walls).where(SweepPage.id.in_(ids))
        self._pages = {row.id: row for row in session.execute(pages)} if ids else {}
        self._totals: dict[tuple[str, int], list[int]] = {}

    def gaps(self, share: SweepShare) -> list[int] | None:
        """None where the events are not known."""
        page, submit = self._pages.get(share["page"]), share["submit"]
        if page is None or submit >= len(page.walls) or page.walls[submit] is None:
            return None
        return _gaps(page.trail[submit], page.walls[submit])

    def totals(self, share: SweepShare, gaps: Sequence[int]) -> list[int]:
        """Time by idle of the whole submit."""
        key = share["page"], share["submit"]
        if key not in self._totals:
            times = ByIdle()
            times.add_gaps(gaps)
            self._totals[key] = times.values()
        return self._totals[key]


def _gaps(trail: Trail, wall_ms: int) -> list[int] | None:
    """None where the events are not known, or went on for longer than the time that was kept."""
    if not trail or wall_ms >= timing.LONGEST_WALL_MS:
        return None
    return timing.gaps(trail, wall_ms)


def _known(row: Any, pages: _Pages) -> list[int] | None:
    """The gaps of a row's label, or of the submit that it is a part of."""
    return pages.gaps(row.sweep_share) if row.sweep_share else _gaps(row.trail, row.wall_ms)


def _active(row: Any, pages: _Pages, idle_after_s: int) -> int:
    gaps, share = _known(row, pages), row.sweep_share
    if gaps is None:
        return int(row.active_ms)
    active = timing.counted(gaps, idle_after_s)
    return timing.share(active, share["index"], share["of"]) if share else active


# --- labels

_RETIMING = (
    update(Label)
    .where(Label.id == bindparam("of"))
    .values(active_ms=bindparam("active"), idle_after_s=bindparam("idle"))
)


def _labels(project_id: int) -> bool:
    """Whether there were any with times for another setting."""
    last = 0
    while found := _another_time(project_id, last):
        last = found[-1]["of"]
        with short_turn() as session:
            # In the order of ids, and without those that somebody is writing: neither waits for the
            # other, and the next round comes back to them.
            ids = select(Label.id).where(Label.id.in_([row["of"] for row in found]))
            free = session.scalars(ids.order_by(Label.id).with_for_update(skip_locked=True))
            mine = set(free)
            rows = [row for row in found if row["of"] in mine]
            if rows:
                session.connection().execute(_RETIMING, rows)
    return last > 0


def _another_time(project_id: int, after: int) -> list[dict[str, int]]:
    """Some labels whose times are for another setting, and what they are for the project's."""
    with session_scope(read_only=True) as session:
        wanted = select(Project.idle_after_s).where(Project.id == project_id)
        idle_after_s = session.scalar(wanted)
        if idle_after_s is None:
            return []
        rows = session.execute(
            select(Label.id, *_TIMED)
            .where(
                Label.project_id == project_id, Label.id > after, Label.idle_after_s != idle_after_s
            )
            .order_by(Label.id)
            .limit(LABELS_AT_ONCE)
        ).all()
        pages = _Pages(session, (row.sweep_share for row in rows))
    return [
        {"of": row.id, "active": _active(row, pages, idle_after_s), "idle": idle_after_s}
        for row in rows
    ]


# --- snapshots


def _snapshots(project_id: int) -> None:
    kept = (Snapshot.id, Snapshot.active_ms, Snapshot.active_ms_by_kind, Snapshot.active_ms_by_idle)
    with session_scope(read_only=True) as session:
        project = session.get_one(Project, project_id)
        rows = session.execute(select(*kept).where(Snapshot.project_id == project_id)).all()
    for snapshot_id, active_ms, by_kind, by_idle in rows:
        times = _times(by_idle, project.idle_after_s)
        if times and times != {"active_ms": active_ms, "active_ms_by_kind": by_kind}:
            with short_turn() as session:
                changed = update(Snapshot).where(Snapshot.id == snapshot_id)
                session.execute(changed.values(**times))


def _times(by_idle: Mapping[str, Sequence[int]] | None, idle_after_s: int) -> dict[str, Any]:
    """The columns of a snapshot, with gaps that are idle after so long; empty where nothing is known."""
    if not by_idle:
        return {}
    by_kind = {kind: values[idle_after_s - 1] for kind, values in by_idle.items()}
    return {"active_ms": sum(by_kind.values()), "active_ms_by_kind": by_kind}


def _read_snapshots(project_id: int) -> None:
    """Keep of each new snapshot what its time is for each setting, while its labels are there."""
    unread = (
        select(Snapshot)
        .where(Snapshot.project_id == project_id, _IS_UNREAD)
        .order_by(Snapshot.id.desc())
        .limit(SNAPSHOTS_AT_ONCE)
    )
    with session_scope(read_only=True) as session:
        found = session.scalars(unread).all()
    for snapshot in found:
        try:
            by_idle = {kind: times.values() for kind, times in _by_idle(snapshot).items()}
        except (OSError, ValueError, WeaksegError) as error:
            reason = str(error).partition("\n")[0]
            log.warning("times of snapshot not read", snapshot=snapshot.id, reason=reason)
            by_idle = {}
        with session_scope() as session:
            changed = update(Snapshot).where(Snapshot.id == snapshot.id)
            session.execute(changed.values(active_ms_by_idle=by_idle))


def _by_idle(snapshot: Snapshot) -> dict[str, ByIdle]:
    """By kind of label: of each line of a snapshot's file, all revisions that its time is the sum of."""
    by_kind: defaultdict[str, ByIdle] = defaultdict(ByIdle)
    path = get_storage().existing_path(snapshot.storage_key)
    with path.open("rb") as file:
        while lines := [*islice(file, LINES_AT_ONCE)]:
            _add(by_kind, snapshot, [WeakLabel.model_validate_json(line) for line in lines])
    return by_kind


def _add(by_kind: defaultdict[str, ByIdle], snapshot: Snapshot, lines: Sequence[WeakLabel]) -> None:
    with session_scope(read_only=True) as session:
        used = revisions_of(session, snapshot, lines)
        pages = _Pages(session, (row.sweep_share for rows in used for row in rows))
    for line, rows in zip(lines, used, strict=True):
        if not rows:  # deleted since
            by_kind[LabelKind.of(line)].add_same(line.active_ms)
        for row in rows:
            _add_revision(by_kind[row.kind], row, pages)


def revisions_of(
    session: Session, snapshot: Snapshot, lines: Sequence[WeakLabel]
) -> list[list[Row[Any]]]:
    """Of each line of a snapshot's file, the revisions that its time is the sum of.

    Oldest first; none where they have been deleted.
    """
    revisions = _revisions(session, snapshot.project_id, {line.image for line in lines})
    return [_used(line, revisions[line.image], snapshot.created_at) for line in lines]


def _add_revision(times: ByIdle, row: Row[Any], pages: _Pages) -> None:
    gaps, share = _known(row, pages), row.sweep_share
    if gaps is None:
        times.add_same(row.active_ms)
    elif share is None:
        times.add_gaps(gaps)
    else:
        times.add_share(pages.totals(share, gaps), share["index"], share["of"])


def _revisions(
    session: Session, project_id: int, names: set[str]
) -> defaultdict[str, list[Row[Any]]]:
    rows: Any = session.execute(
        select(
            Label.id, Image.external_id, Label.image_id, Label.annotator_id, Label.created_at, Label.resolves,
            Label.kind().label("kind"), *_TIMED,
        )
        .join(Image, Image.id == Label.image_id)
        .where(Image.project_id == project_id, Image.external_id.in_(names))
        .order_by(Label.id)
    )  # fmt: skip
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.external_id].append(row)
    return found


def _used(line: WeakLabel, rows: Sequence[Row[Any]], made_at: datetime) -> list[Row[Any]]:
    """The revisions whose times a line has: its annotator's up to it, or all there were for a decision."""
    own = [row for row in rows if f"a{row.annotator_id}" == line.annotator]
    own = [row for row in own if line.labelled_at and row.created_at <= line.labelled_at]
    if not own or own[-1].created_at != line.labelled_at:
        return []
    return [row for row in rows if row.created_at <= made_at] if own[-1].resolves else own
