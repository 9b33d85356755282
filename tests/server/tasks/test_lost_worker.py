"""What becomes of a run when its worker is stopped or killed."""

import signal

from tests.server.factories import eventually, run_row
from tests.server.tasks.conftest import (
    HANG_FIRST,
    await_state,
    queue_run,
    trainer_of,
    working,
)


def test_a_stopped_workers_run_is_queued_and_a_killed_ones_goes_on_elsewhere(
    project_id: int,
) -> None:
    stopped = queue_run(project_id, HANG_FIRST)
    with working() as worker:
        trainer = trainer_of(stopped)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    assert not trainer.exists(), "the trainer ended before its worker"
    run = run_row(stopped)
    assert (run.state, run.interruptions) == ("queued", 0)

    with working() as worker:
        await_state(stopped, "succeeded")
        killed = queue_run(project_id, HANG_FIRST)
        trainer = trainer_of(killed)
        worker.kill()
        worker.wait()
    eventually(lambda: not trainer.exists())
    assert run_row(killed).state == "running", "nobody knows yet"

    with working():
        await_state(killed, "succeeded")

    assert (run_row(stopped).attempt, run_row(stopped).interruptions) == (2, 0)
    assert (run_row(killed).attempt, run_row(killed).interruptions) == (2, 1)
