"""Executing runs."""

import threading
from typing import Any

import structlog
from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from server import worker
from server.db import DATABASE_ERRORS, session_scope
from server.services.runs import claims, execution

log = structlog.get_logger()

SAYS_SO_SECONDS = 60


@shared_task(throws=DATABASE_ERRORS, name="execute_run")
def execute_run(run_id: int) -> None:
    """Train a run, when it may start now."""
    execution.execute(run_id)


@worker_ready.connect
def _say_so(sender: Any, **_signal: object) -> None:
    """From now on, that a worker is there which takes runs."""
    if "runs" in sender.app.amqp.queues.consume_from:
        threading.Thread(target=_go_on_saying_so, name="worker is there", daemon=True).start()


def _go_on_saying_so() -> None:
    while True:
        try:
            with session_scope() as session:
                claims.note_worker(session)
        except DATABASE_ERRORS as error:
            log.warning("not noted that a worker is there", error=str(error))
        if worker.stopping.wait(SAYS_SO_SECONDS):
            return


@worker_shutting_down.connect
def _stop_trainer(**_signal: object) -> None:
    worker.stopping.set()
