"""What is done every few seconds, whatever messages were lost."""

from celery import shared_task

from server.db import DATABASE_ERRORS, session_scope
from server.queue import send
from server.services import deletion, measures
from server.services.assignment import priorities
from server.services.dataset_uploads import uploads
from server.services.images import counting
from server.services.labels import retiming, snapshots
from server.services.quality import gold_making
from server.services.runs import claims, figures, runs
from server.tasks.measures import KNOWN


# Its name on the wire stays: workers and beats of an earlier version know no other.
@shared_task(throws=DATABASE_ERRORS, name="sweep")
def upkeep() -> None:
    """Take runs from lost workers, start automatic ones, wake queued ones, order, make and verify pictures."""
    with session_scope() as session:
        claims.recover_lost(session)
    runs.start_automatic()
    with session_scope() as session:
        claims.wake_queued(session)
    counting.add_up()
    snapshots.count_earlier()
    figures.keep_missing()
    with session_scope(read_only=True) as session:
        if priorities.due(session):
            send("prioritise")
        for project_id in gold_making.due(session):
            send("make_gold", project_id)
        for project_id in retiming.due(session):
            send("retime", project_id)
        for upload_id in uploads.due(session):
            send("check_dataset", upload_id)
        for project_id, name in measures.uncounted(session, KNOWN):
            send("recount", project_id, name)
        if deletion.is_due(session):
            send("remove_deleted")
    send("verify_images")
