"""Removing what no row needs."""

import threading

from celery import shared_task

from server.db import DATABASE_ERRORS, session_scope
from server.services import audit, cleaning, deletion, removals
from server.services.dataset_uploads import uploads

_cleaning = threading.Lock()
_removing = threading.Lock()


@shared_task(name="clean")
def clean() -> None:
    """Remove what can go, once at a time in a process."""
    if not _cleaning.acquire(blocking=False):
        return
    try:
        with session_scope() as session:
            uploads.remove_left(session)
        cleaning.clean()
    finally:
        _cleaning.release()


@shared_task(throws=DATABASE_ERRORS, name="trim_audit")
def trim_audit() -> None:
    """Remove the lines of the audit log that are older than the setting says."""
    audit.trim()


@shared_task(throws=DATABASE_ERRORS, name="remove_deleted")
def remove_deleted() -> None:
    """Remove what deleted rows have left, one at a time in a process."""
    if not _removing.acquire(blocking=False):
        return
    try:
        deletion.finish_projects()
        removals.work()
    finally:
        _removing.release()
