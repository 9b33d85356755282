"""Removing what no row needs."""

import threading

from celery import shared_task

from server.db import DATABASE_ERRORS
from server.services import audit, cleaning

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


@shared_task(throws=DATABASE_ERRORS, name="trim_audit")
def trim_audit() -> None:
    """Remove the lines of the audit log that are older than the setting says."""
    audit.trim()
