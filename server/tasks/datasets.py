"""Checking uploaded datasets."""

import threading

from celery import shared_task

from server.db import DATABASE_ERRORS
from server.services.dataset_uploads import checking

_checking = threading.Lock()


@shared_task(throws=DATABASE_ERRORS, name="check_dataset")
def check_dataset(upload_id: int) -> None:
    """Unpack, pair and look at an upload, one at a time in a process; the upkeep asks again."""
    if not _checking.acquire(blocking=False):
        return
    try:
        checking.work(upload_id)
    finally:
        _checking.release()
