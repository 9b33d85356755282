"""Measures of large projects, counted anew when what they are counted from has changed."""

import threading

from celery import shared_task

from server.db import DATABASE_ERRORS
from server.services import measures
from server.services.assignment import sweep_counts
from server.services.quality import agreement, pace, prefill_effect, team

KNOWN = {
    measure.name: measure
    for measure in (
        agreement.MEASURE,
        pace.MEASURE,
        prefill_effect.MEASURE,
        sweep_counts.LEFT,
        team.MEASURE,
    )
}

_counting = threading.Lock()


@shared_task(throws=DATABASE_ERRORS, name="recount")
def recount(project_id: int, name: str) -> None:
    """Count one measure, one at a time in a process; whoever asks next asks for it again."""
    if not _counting.acquire(blocking=False):
        return
    try:
        measure = KNOWN[name] if name in KNOWN else sweep_counts.left_to_by_name(name)
        measures.recount(project_id, measure)
    finally:
        _counting.release()
