"""Stored labels, found again and as the API shows them."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.models import Label, User
from server.schemas.label import LabelOut
from server.services import projects


def describe(
    session: Session, found: Sequence[Label], known: Collection[User] = ()
) -> list[LabelOut]:
    """Labels as the API shows them, with the names of categories and annotators.

    Annotators that are `known` are not looked for.
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
    return [LabelOut.of(label, names, people[label.annotator_id]) for label in found]


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


def history(session: Session, image_id: int, annotator_id: int | None) -> list[Label]:
    """All revisions of an image's labels, newest first; of one annotator when one is given."""
    query = select(Label).where(Label.image_id == image_id).order_by(Label.id.desc())
    if annotator_id is not None:
        query = query.where(Label.annotator_id == annotator_id)
    return list(session.scalars(query))
