"""Making gold images."""

import threading

from celery import shared_task

from server.db import DATABASE_ERRORS
from server.services.quality import gold_making

_making = threading.Lock()


@shared_task(throws=DATABASE_ERRORS, name="make_gold")
def make_gold(project_id: int) -> None:
    """Make a project's gold images, one project at a time in a process."""
    if not _making.acquire(blocking=False):
        return
    try:
        gold_making.make(project_id)
    finally:
        _making.release()
