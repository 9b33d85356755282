"""Verifying pictures that a manifest named."""

import threading
import time

from celery import shared_task

from server import worker
from server.db import DATABASE_ERRORS
from server.services.images import counting, verifying
from server.settings import get_settings

AT_ONCE = 200

_verifying = threading.Lock()


@shared_task(throws=DATABASE_ERRORS, name="verify_images")
def verify_images() -> None:
    """Look at the pictures that wait for it, until the next upkeep asks again.

    One at a time in a process, so that a thread is left for everything else.
    """
    if not _verifying.acquire(blocking=False):
        return
    try:
        until = time.monotonic() + get_settings().sweep_seconds
        while verifying.verify_registered(AT_ONCE) == AT_ONCE:
            if time.monotonic() > until or worker.stopping.is_set():
                return
    finally:
        _verifying.release()


@shared_task(throws=DATABASE_ERRORS, name="check_counts")
def check_counts() -> None:
    """Count all images anew, and put right what was kept wrong."""
    counting.check()
