"""What keeps sweeps and ordinary leases apart: nobody gets an image that is on a page in work.

On PostgreSQL whoever takes a page waits for everybody who takes leases, and the other way round;
of leases only one person's wait for each other. On SQLite writers queue.
"""

from sqlalchemy import ColumnElement, Integer, and_, bindparam, exists, func, select
from sqlalchemy.orm import Session

from server.db import Moment, is_postgresql
from server.models import SweepPage, SweepPlace

LOCK = 0x73776570
LOCK_OF_PERSON = 0x7065726F
_TAKING_LEASES = select(
    func.pg_advisory_xact_lock_shared(LOCK, bindparam("project", type_=Integer)),
    func.pg_advisory_xact_lock(LOCK_OF_PERSON, bindparam("person", type_=Integer)),
)


def taking_leases(session: Session, project_id: int, annotator_id: int) -> None:
    """Until this transaction ends, no page of the project is taken, and no lease by this person."""
    if is_postgresql(session):
        session.execute(_TAKING_LEASES, {"project": project_id, "person": annotator_id})


def taking_page(session: Session, project_id: int) -> None:
    """Until this transaction ends, no page or lease of the project is taken by anybody else."""
    if is_postgresql(session):
        session.execute(select(func.pg_advisory_xact_lock(LOCK, project_id)))


def is_held(now: Moment) -> ColumnElement[bool]:
    """Whether a page waits for its answers, and its time has not run out."""
    return and_(SweepPage.answered_at.is_(None), SweepPage.expires_at > now)


def covers(image_id: object, now: Moment) -> ColumnElement[bool]:
    """Whether an image is on a page that somebody holds, for whichever category."""
    return exists().where(
        SweepPlace.image_id == image_id, SweepPage.id == SweepPlace.page_id, is_held(now)
    )
