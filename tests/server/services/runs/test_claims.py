from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event

import pytest

from server.db import session_scope, utcnow
from server.models import Run
from server.models.run import RunState
from server.services.runs import claims, runs
from server.services.runs.claims import Claim, ClaimLost
from server.settings import get_settings
from tests.server.factories import make_project, make_run, run_row


def take(run_id: int, worker: str = "here") -> Claim | None:
    with session_scope() as session:
        return claims.take(session, run_id, worker)


def must_take(run_id: int, worker: str = "here") -> Claim:
    claim = take(run_id, worker)
    assert claim is not None
    return claim


def hold(claim: Claim, **columns: object) -> None:
    with session_scope() as session:
        claims.hold(session, claim, **columns)


def let_heartbeat_grow_stale(run_id: int) -> None:
    with session_scope() as session:
        run = session.get_one(Run, run_id)
        run.heartbeat_at = utcnow() - timedelta(seconds=get_settings().stale_seconds + 1)


def recover() -> int:
    with session_scope() as session:
        return claims.recover_lost(session)


def states(run_id: int) -> list[str]:
    with session_scope(read_only=True) as session:
        events = runs.events_after(session, run_id, 0, 100)
        return [event.payload["state"] for event in events if event.kind == "state"]


def test_a_run_is_taken_once(database: str) -> None:
    run_id = make_run(make_project())

    assert take(run_id) == Claim(run_id, 1)
    assert take(run_id) is None

    run = run_row(run_id)
    assert (run.state, run.worker, run.attempt) == ("running", "here", 1)
    assert states(run_id) == ["running"]


def test_many_workers_at_once_take_a_run_once(database: str) -> None:
    run_id = make_run(make_project())
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: take(run_id, f"worker {n}"), range(8)))
    assert len([claim for claim in taken if claim]) == 1


def test_one_device_trains_one_run_at_a_time_even_when_asked_at_once(database: str) -> None:
    project_id = make_project()
    run_ids = [make_run(project_id) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        taken = [claim for claim in pool.map(take, run_ids) if claim]
    assert len(taken) == 1
    left = next(run_id for run_id in run_ids if run_id != taken[0].run_id)
    assert take(left, "another device") is not None


def test_a_worker_trains_as_many_runs_at_once_as_it_is_told(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_TRAININGS", "2")
    get_settings.cache_clear()
    project_id = make_project()
    first, second, third = (make_run(project_id) for _ in range(3))
    claim = must_take(first)
    must_take(second)
    assert take(third) is None
    with session_scope() as session:
        claims.fail(session, claim, "no more")
    must_take(third)


def test_waiting_for_another_claim_is_not_part_of_the_run(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that starts when another ends must not seem to have begun before that."""
    project_id = make_project()
    first, second = make_run(project_id), make_run(project_id)
    clock_was_read = Event()

    def read_clock() -> datetime:
        clock_was_read.set()
        return utcnow()

    def take() -> Claim | None:
        with session_scope() as session:
            return claims.take(session, second, "another worker")

    with ThreadPoolExecutor(1) as pool:
        with session_scope() as session:
            claims.take(session, first, "worker")
            monkeypatch.setattr(claims, "utcnow", read_clock)
            waiting = pool.submit(take)
            assert not clock_was_read.wait(0.5)
        assert waiting.result(timeout=30) is not None


def test_a_device_whose_worker_was_lost_is_free(database: str) -> None:
    project_id = make_project()
    first, second = make_run(project_id), make_run(project_id)
    must_take(first)
    let_heartbeat_grow_stale(first)
    assert take(second) is not None


def test_a_project_has_one_automatic_run_at_a_time(database: str) -> None:
    project_id, other_id = make_project(), make_project("Other")
    must_take(make_run(project_id, automatic=True), "one")
    assert take(make_run(project_id, automatic=True), "two") is None
    assert take(make_run(project_id, automatic=False), "two") is not None
    assert take(make_run(other_id, automatic=True), "three") is not None


@pytest.mark.parametrize("state", [s for s in RunState if s is not RunState.QUEUED])
def test_only_a_queued_run_is_taken(database: str, state: RunState) -> None:
    assert take(make_run(make_project(), state)) is None


def test_a_stale_attempt_writes_nothing(database: str) -> None:
    run_id = make_run(make_project())
    stale = must_take(run_id)
    let_heartbeat_grow_stale(run_id)
    assert recover() == 1
    fresh = must_take(run_id, "elsewhere")

    with pytest.raises(ClaimLost):
        hold(stale, step=99)
    with pytest.raises(ClaimLost), session_scope() as session:
        claims.fail(session, stale, "too late")
    with pytest.raises(ClaimLost), session_scope() as session:
        claims.give_back(session, stale, lost=False)
    hold(fresh, step=5)

    run = run_row(run_id)
    assert (run.state, run.attempt, run.step, run.error) == ("running", 2, 5, None)
    assert run.worker == "elsewhere"


def test_a_heartbeat_keeps_a_run(database: str) -> None:
    run_id = make_run(make_project())
    claim = must_take(run_id)
    let_heartbeat_grow_stale(run_id)
    hold(claim)
    assert recover() == 0
    assert run_row(run_id).state == "running"


def test_a_run_to_be_cancelled_is_not_held(database: str) -> None:
    run_id = make_run(make_project())
    claim = must_take(run_id)
    with session_scope() as session:
        runs.cancel(session, run_id)
    with pytest.raises(ClaimLost):
        hold(claim)
    assert run_row(run_id).state == "running", "until its trainer has stopped"

    with session_scope() as session:
        claims.give_back(session, claim, lost=True)

    assert run_row(run_id).state == "cancelled"


def test_the_sweep_cancels_for_a_worker_that_is_gone(database: str) -> None:
    run_id = make_run(make_project())
    must_take(run_id)
    with session_scope() as session:
        runs.cancel(session, run_id)
    let_heartbeat_grow_stale(run_id)
    recover()
    assert run_row(run_id).state == "cancelled"
    assert run_row(run_id).finished_at is not None


def test_a_lost_run_is_queued_again_until_the_last_attempt(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = make_run(make_project())
    for attempt in (1, 2, 3):
        assert must_take(run_id).attempt == attempt
        let_heartbeat_grow_stale(run_id)
        assert recover() == 1

    run = run_row(run_id)
    assert run.state == "failed"
    assert run.error is not None
    assert run.error.startswith("its worker was lost 3 times, the last time on here at step 0")
    assert states(run_id) == [
        "running", "interrupted", "queued",
        "running", "interrupted", "queued",
        "running", "failed",
    ]  # fmt: skip

    with session_scope() as session:
        runs.resume(session, run_id)
    assert must_take(run_id).attempt == 4
    let_heartbeat_grow_stale(run_id)
    recover()
    assert run_row(run_id).state == "queued", "a person's resume starts the count anew"


def test_a_worker_that_is_shut_down_does_not_count_as_lost(database: str) -> None:
    run_id = make_run(make_project())
    for _ in range(5):
        with session_scope() as session:
            claim = claims.take(session, run_id, "here")
            assert claim is not None
            claims.give_back(session, claim, lost=False)
    run = run_row(run_id)
    assert (run.state, run.attempt, run.interruptions) == ("queued", 5, 0)
