"""Times of labels, when a project calls other gaps idle."""

import threading

from celery import shared_task

from server.db import DATABASE_ERRORS
from server.services.labels import retiming

_retiming = threading.Lock()


@shared_task(throws=DATABASE_ERRORS, name="retime")
def retime(project_id: int) -> None:
    """Bring a project's active times in line with its setting, one project at a time in a process."""
    if not _retiming.acquire(blocking=False):
        return
    try:
        retiming.work(project_id)
    finally:
        _retiming.release()
