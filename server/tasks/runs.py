"""Executing runs."""

from celery import shared_task
from celery.signals import worker_shutting_down

from server import worker
from server.db import DATABASE_ERRORS
from server.services.runs import execution


@shared_task(throws=DATABASE_ERRORS, name="execute_run")
def execute_run(run_id: int) -> None:
    """Train a run, when it may start now."""
    execution.execute(run_id)


@worker_shutting_down.connect
def _stop_trainer(**_signal: object) -> None:
    worker.stopping.set()
