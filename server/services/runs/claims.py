"""Who executes a run: the states of runs, and the fence that keeps a lost worker from writing.

    queued -> running -> succeeded | failed | cancelled
              running -> interrupted -> queued          when its worker goes away

A worker takes a run in one UPDATE that raises its attempt number. Whatever it writes afterwards is
written in a transaction that has first locked the row of the run under that number (`hold`), so
that once a newer attempt, or the upkeep, has taken the run away, nothing more is written.
"""

import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from server.db import is_postgresql, utcnow
from server.models import Run, RunEvent, SeenWorker
from server.models.run import RunState
from server.queue import send_after_commit
from server.settings import get_settings

CLAIM_LOCK = 0x72756E73
WAKE_AT_ONCE = 20
MAX_ERROR = 2000


class ClaimLost(Exception):
    """The run is not this worker's any more, or it is to be cancelled."""


@dataclass(frozen=True)
class Claim:
    """One worker's hold of a run."""

    run_id: int
    attempt: int


def worker_name() -> str:
    """This machine and the device that its worker trains on."""
    settings = get_settings()
    return f"{settings.worker_name or socket.gethostname()} {settings.device}"


def note_worker(session: Session) -> None:
    """Write down that this worker is there."""
    session.merge(SeenWorker(name=worker_name()[:200], seen_at=utcnow()))


def take(session: Session, run_id: int, worker: str) -> Claim | None:
    """Make a queued run this worker's. None when it may not start now.

    As many run on one worker's device as its settings say, by default one after the other; and so do
    a project's automatic runs.
    """
    if is_postgresql(session):
        # Two workers that look at once would each see that nothing runs yet.
        session.execute(text(f"SELECT pg_advisory_xact_lock({CLAIM_LOCK})"))
    else:
        session.connection()
    other = aliased(Run)
    # Read only now that this transaction's turn has come: the wait does not belong to the run.
    now = utcnow()
    running = [
        other.state == RunState.RUNNING,
        other.heartbeat_at > now - timedelta(seconds=get_settings().stale_seconds),
    ]
    on_device = select(func.count()).where(*running, other.worker == worker).scalar_subquery()
    project_is_busy = exists().where(*running, other.automatic, other.project_id == Run.project_id)
    attempt = session.scalar(
        update(Run)
        .where(
            Run.id == run_id,
            Run.state == RunState.QUEUED,
            on_device < get_settings().trainings,
            or_(~Run.automatic, ~project_is_busy),
        )
        .values(
            state=RunState.RUNNING,
            attempt=Run.attempt + 1,
            worker=worker,
            heartbeat_at=now,
            started_at=func.coalesce(Run.started_at, now),
        )
        .returning(Run.attempt)
        .execution_options(synchronize_session=False)
    )
    if attempt is None:
        return None
    add_event(session, run_id, attempt, "state", {"state": RunState.RUNNING})
    return Claim(run_id, attempt)


def _is_held(claim: Claim) -> ColumnElement[bool]:
    return (
        (Run.id == claim.run_id) & (Run.attempt == claim.attempt) & (Run.state == RunState.RUNNING)
    )


def hold(session: Session, claim: Claim, **columns: Any) -> None:
    """Renew the heartbeat and lock the run's row until the end of the transaction.

    `columns` are set too. Raises ClaimLost; then the transaction must write nothing.
    """
    renewed = session.scalar(
        update(Run)
        .where(_is_held(claim), ~Run.cancel_requested)
        .values(heartbeat_at=utcnow(), **columns)
        .returning(Run.id)
        .execution_options(synchronize_session=False)
    )
    if renewed is None:
        raise ClaimLost


def add_event(
    session: Session, run_id: int, attempt: int, kind: str, payload: dict[str, Any]
) -> None:
    """Add to what a run reported. The transaction must have locked the row of the run before.

    That keeps the ids of a run's events in the order in which they become visible.
    """
    session.add(RunEvent(run_id=run_id, attempt=attempt, kind=kind, payload=payload))


def set_state(session: Session, run: Run, state: RunState, error: str | None = None) -> None:
    """Change a locked run's state, say so in its events, and wake the runs that wait."""
    run.state = state
    run.error = error[:MAX_ERROR] if error else None
    run.finished_at = utcnow() if state.is_final else None
    payload = {"state": state} | ({"error": run.error} if run.error else {})
    add_event(session, run.id, run.attempt, "state", payload)
    if state is RunState.QUEUED:
        send_after_commit(session, "execute_run", run.id)
    elif state is not RunState.INTERRUPTED:
        wake_queued(session)


def lock(session: Session, run_id: int) -> Run | None:
    """A run whose row nobody else changes until the end of the transaction."""
    return session.scalar(
        select(Run)
        .where(Run.id == run_id)
        .with_for_update(of=Run)
        .execution_options(populate_existing=True)
    )


def lock_held(session: Session, claim: Claim) -> Run:
    """The run of a claim, locked. Raises ClaimLost when it is not this worker's any more."""
    run = lock(session, claim.run_id)
    if run is None or run.attempt != claim.attempt or run.state != RunState.RUNNING:
        raise ClaimLost
    return run


def give_back(session: Session, claim: Claim, *, lost: bool) -> None:
    """End an attempt without a result: the run is queued again, or cancelled when that was asked.

    `lost` counts towards the number of attempts that the settings allow. Raises ClaimLost.
    """
    _requeue(session, lock_held(session, claim), lost=lost)


def fail(session: Session, claim: Claim, error: str) -> None:
    """End an attempt that could not go on. Raises ClaimLost."""
    run = lock_held(session, claim)
    if run.cancel_requested:
        set_state(session, run, RunState.CANCELLED)
    else:
        set_state(session, run, RunState.FAILED, error)


def recover_lost(session: Session) -> int:
    """Queue the runs again whose worker has not been heard of; returns how many there were."""
    before = utcnow() - timedelta(seconds=get_settings().stale_seconds)
    lost = session.scalars(
        select(Run)
        .where(Run.state == RunState.RUNNING, Run.heartbeat_at < before)
        .with_for_update(of=Run, skip_locked=True)
    ).all()
    for run in lost:
        _requeue(session, run, lost=True)
    return len(lost)


def _requeue(session: Session, run: Run, *, lost: bool) -> None:
    run.interruptions += lost
    if run.cancel_requested:
        set_state(session, run, RunState.CANCELLED)
    elif run.interruptions >= get_settings().max_attempts:
        error = (
            f"its worker was lost {run.interruptions} times, the last time on {run.worker} at "
            f"step {run.step}; it is not tried again by itself, but can be resumed"
        )
        set_state(session, run, RunState.FAILED, error)
    else:
        set_state(session, run, RunState.INTERRUPTED)
        set_state(session, run, RunState.QUEUED)


def wake_queued(session: Session) -> None:
    """Send a wake-up for each of the oldest queued runs after the commit."""
    session.flush()
    oldest = select(Run.id).where(Run.state == RunState.QUEUED).order_by(Run.id).limit(WAKE_AT_ONCE)
    for run_id in session.scalars(oldest):
        send_after_commit(session, "execute_run", run_id)
