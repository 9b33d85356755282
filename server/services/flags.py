"""Flags: a word of a person on an image, answered by a lead. Labels do not change by them.

Of a gold image it is the same in every way: nobody is told by a flag which images are gold.
"""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db import utcnow
from server.errors import Conflict, NotFound
from server.models import AuditEvent, Flag
from server.schemas.flag import FlagAnswerIn
from server.services import audit, projects
from server.services.audit import Thing
from server.services.images import lookup

FlagState = Literal["open", "answered", "unread"]
"""`unread`: one's own with an answer that one has not read."""


def put(session: Session, image_id: int, person_id: int, text: str) -> Flag:
    """Flag an image, or say it in other words, which opens the flag again.

    Said again in the same words, as a browser does that got no answer, it changes nothing. Raises
    NotFound, Conflict `archived`.
    """
    image = lookup.get(session, image_id)
    projects.require_open(projects.get(session, image.project_id))
    flag = _own(session, image_id, person_id)
    if flag is None:
        flag = Flag(
            project_id=image.project_id, image_id=image_id, annotator_id=person_id, text=text
        )
        try:
            with session.begin_nested():
                session.add(flag)
        except IntegrityError:
            # Another page of theirs was first, at this moment; or the image has just gone.
            flag = _own(session, image_id, person_id)
            if flag is None:
                raise lookup.missing(image_id) from None
        session.refresh(flag)
    if flag.text != text:
        flag.text, flag.flagged_at = text, utcnow()
        flag.answer = flag.answered_at = flag.answered_by_id = flag.read_at = None
        session.flush()
        session.refresh(flag)
    return flag


def take_back(session: Session, image_id: int, person_id: int) -> None:
    """Take one's own flag back, if there is one. Raises Conflict `flag-answered`."""
    flag = _own(session, image_id, person_id)
    if flag is None:
        return
    if flag.answered_at is not None:
        raise Conflict("a lead has answered it meanwhile", code="flag-answered")
    session.delete(flag)


def _own(session: Session, image_id: int, person_id: int) -> Flag | None:
    own = and_(Flag.image_id == image_id, Flag.annotator_id == person_id)
    return session.scalar(select(Flag).where(own).with_for_update(of=Flag))


def of_image(session: Session, image_id: int, person_id: int | None) -> list[Flag]:
    """The flags of an image, or one person's, oldest first."""
    query = select(Flag).where(Flag.image_id == image_id)
    if person_id is not None:
        query = query.where(Flag.annotator_id == person_id)
    return list(session.scalars(query.order_by(Flag.id)))


def page(
    session: Session,
    project_id: int,
    person_id: int | None,
    state: FlagState | None,
    before: int | None,
    limit: int,
) -> list[Flag]:
    """Flags of a project with ids below `before`, newest first; of one person where one is given."""
    query = select(Flag).where(Flag.project_id == project_id)
    if person_id is not None:
        query = query.where(Flag.annotator_id == person_id)
    if state is not None:
        query = query.where(*_IN_STATE[state])
    if before is not None:
        query = query.where(Flag.id < before)
    return list(session.scalars(query.order_by(Flag.id.desc()).limit(limit)))


_IN_STATE: dict[FlagState, tuple[ColumnElement[bool], ...]] = {
    "open": (Flag.answered_at.is_(None),),
    "answered": (Flag.answered_at.is_not(None),),
    "unread": (Flag.answered_at.is_not(None), Flag.read_at.is_(None)),
}


def answer(
    session: Session, project_id: int, flag_id: int, lead_id: int, wanted: FlagAnswerIn
) -> Flag:
    """Answer a flag, which closes it; who flagged it is shown the answer until they have read it.

    Raises NotFound, Conflict `flag-changed` where it is not any more as the lead has read it.
    """
    flag = session.get(Flag, flag_id, with_for_update={"of": Flag})
    if flag is None or flag.project_id != project_id:
        raise NotFound(f"there is no flag {flag_id} in this project")
    if wanted.flagged_at not in (None, flag.flagged_at):
        raise Conflict("the flag says something else by now; read it first", code="flag-changed")
    if (flag.answer, flag.answered_by_id) == (wanted.answer, lead_id):
        return flag  # sent again
    knows_answer = "answered_at" in wanted.model_fields_set
    if knows_answer and wanted.answered_at != flag.answered_at:
        raise Conflict(f"it was answered meanwhile: {flag.answer}", code="flag-changed")
    flag.answer, flag.answered_by_id = wanted.answer, lead_id
    flag.answered_at, flag.read_at = utcnow(), None
    session.flush()
    session.refresh(flag)
    on = Thing("image", flag.image_id, project_id)
    audit.record(session, AuditEvent.FLAG_ANSWERED, on, after={"flag_id": flag.id})
    return flag


def note_read(session: Session, project_id: int, person_id: int, ids: Sequence[int]) -> None:
    """That a person has read the answers to some of their own flags; others are passed over."""
    session.execute(
        update(Flag)
        .where(
            Flag.project_id == project_id,
            Flag.annotator_id == person_id,
            Flag.id.in_(ids),
            *_IN_STATE["unread"],
        )
        .values(read_at=utcnow())
    )
