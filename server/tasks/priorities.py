"""The order of work, when it or the model behind it has changed."""

import threading

from celery import shared_task

from server.db import DATABASE_ERRORS, session_scope
from server.services.assignment import priorities

_computing = threading.Lock()


@shared_task(throws=DATABASE_ERRORS, name="prioritise")
def prioritise() -> None:
    """Bring each project's order of work up to date, one at a time in a process."""
    if not _computing.acquire(blocking=False):
        return
    try:
        with session_scope(read_only=True) as session:
            waiting = priorities.due(session)
        for project_id in waiting:
            priorities.recompute(project_id)
    finally:
        _computing.release()
