"""Removing what no row needs."""

import threading

from celery import shared_task

from server.services import cleaning

_cleaning = threading.Lock()


@shared_task(name="clean")
def clean() -> None:
    """Remove what can go, once at a time in a process."""
    if not _cleaning.acquire(blocking=False):
        return
    try:
        cleaning.clean()
    finally:
        _cleaning.release()
