"""Stored labels, found again and as the API shows them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.models import Label, LabelImport, User
from server.schemas.label import LabelOrigin, LabelOut
from server.services import projects
from server.services.images.numbers import PLAIN, Numbers

HISTORY_PAGE = 100
"""Revisions of an image that are shown at once."""


def describe(
    session: Session,
    found: Sequence[Label],
    known: Collection[User] = (),
    numbers: Numbers = PLAIN,
) -> list[LabelOut]:
    """Labels as the API shows them, with the names of categories and annotators.

    Annotators that are `known` are not looked for; `numbers` are those of images.
    """
    names = {
        category.id: category.name
        for project_id in {label.project_id for label in found}
        for category in projects.seen(session, project_id).categories
    }
    people = {user.id: user.email for user in known}
    if unknown := {label.annotator_id for label in found} - people.keys():
        emails = select(User.id, User.email).where(User.id.in_(unknown))
        people |= dict(session.execute(emails).all())
    files = _imports(session, {label.import_id for label in found} - {None})
    return [
        LabelOut.of(
            label,
            names,
            people[label.annotator_id],
            numbers.get(label.image_id, label.image_id),
            files.get(label.import_id),
        )
        for label in found
    ]


def _imports(session: Session, ids: Collection[int | None]) -> dict[int | None, LabelOrigin]:
    """With which files labels came, by the number of the import."""
    if not ids:
        return {}
    rows = session.execute(
        select(LabelImport, User.email)
        .outerjoin(User, User.id == LabelImport.by_id)
        .where(LabelImport.id.in_(ids))
    )
    return {row.id: LabelOrigin.from_row(row, by=email) for row, email in rows}


def current_of(session: Session, annotator_id: int, image_ids: Sequence[int]) -> dict[int, Label]:
    """One annotator's current labels of images, by image."""
    query = select(Label).where(
        Label.annotator_id == annotator_id, Label.image_id.in_(image_ids), Label.current
    )
    return {label.image_id: label for label in session.scalars(query)}


def list_own(
    session: Session, project_id: int, annotator_id: int, before: int | None, limit: int
) -> list[Label]:
    """One's current labels of whole images, newest first."""
    projects.get(session, project_id)
    query = select(Label).where(
        Label.project_id == project_id,
        Label.annotator_id == annotator_id,
        Label.current,
        Label.partial.is_(False),
    )
    if before is not None:
        query = query.where(Label.id < before)
    return list(session.scalars(query.order_by(Label.id.desc()).limit(limit)))


@dataclass(frozen=True)
class History:
    """Revisions of an image's labels, newest first, and what to ask for those before them."""

    labels: list[Label]
    cursor: str | None
    """Their ids are smaller than this; None: there are none."""


def history(
    session: Session,
    image_id: int,
    annotator_id: int | None,
    before: int | None = None,
    limit: int = HISTORY_PAGE,
) -> History:
    """The newest revisions of an image's labels, of one annotator when one is given.

    With `before`, those whose ids are smaller; without it, every current label too, however old.
    """
    query = select(Label).where(Label.image_id == image_id).order_by(Label.id.desc())
    if annotator_id is not None:
        query = query.where(Label.annotator_id == annotator_id)
    page = query if before is None else query.where(Label.id < before)
    found = list(session.scalars(page.limit(limit + 1)))
    labels, rest = found[:limit], found[limit:]
    if not rest:
        return History(labels, None)
    oldest = labels[-1].id
    if before is None:
        labels += session.scalars(query.where(Label.current, Label.id < oldest))
    return History(labels, str(oldest))


def count_current(session: Session, image_id: int, annotator_id: int | None) -> int:
    """How many current labels an image has, skips not counted; of one annotator when one is given."""
    query = select(func.count()).where(Label.image_id == image_id, Label.has_answers())
    if annotator_id is not None:
        query = query.where(Label.annotator_id == annotator_id)
    return session.scalar(query) or 0
