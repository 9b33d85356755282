"""What is left to sweep, counted: for everybody, and as one person may know it."""

from collections import Counter
from functools import partial

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Select, and_, func, select, true
from sqlalchemy.orm import Session

from server.models import Answer, Image, Label, Project
from server.models.image import ImageState
from server.services import projects
from server.services.measures import Measure


def left(session: Session, project_id: int) -> dict[str, int]:
    """By category: for how many images not enough people have answered it. Raises NotFound."""
    project = projects.get(session, project_id)
    return _left(session, project, _closed_images(project.id), true(), Counter())


def _left_to(session: Session, project_id: int, annotator_id: int) -> dict[str, int]:
    """The same as one person may know it who may not find out which images are gold.

    Less each image that they have answered, gold or not, and those that others are done with: to
    answer a gold one is one less, as it is of any other.
    """
    project = projects.get(session, project_id)
    is_own = and_(Label.project_id == project_id, Label.annotator_id == annotator_id, Label.current)
    said = Label.skipped, Label.present, Label.absent, Label.unsure
    ids = [category.id for category in project.categories]
    done: Counter[int] = Counter()
    for skipped, present, absent, unsure in session.execute(select(*said).where(is_own)):
        done.update(ids if skipped else {*present, *absent, *unsure})
    with_own = select(Label.image_id).where(is_own)
    closed = _closed_images(project.id).where(Label.image_id.not_in(with_own))
    return _left(session, project, closed, Answer.image_id.not_in(with_own), done)


def _left(
    session: Session,
    project: Project,
    closed: Select[int],
    counts: ColumnElement[bool],
    done: Counter[int],
) -> dict[str, int]:
    """What is left but for images that are closed, of which answers are enough, and what is done."""
    ready = session.scalar(
        select(func.count()).where(
            Image.is_own_of(project.id),
            Image.state == ImageState.READY,
            Image.id.not_in(closed),
        )
    )
    ids = [category.id for category in project.categories]
    said = (
        select(Answer.category_id, Answer.image_id)
        .where(Answer.category_id.in_(ids), Answer.image_id.not_in(closed), counts)
        .group_by(Answer.category_id, Answer.image_id)
        .having(func.count() >= project.people_wanted_of(Answer.image_id))
        .subquery()
    )
    per_category = select(said.c.category_id, func.count()).group_by(said.c.category_id)
    for category_id, count in session.execute(per_category):
        done[category_id] += count
    return {
        category.name: max(0, (ready or 0) - done[category.id]) for category in project.categories
    }


def _closed_images(project_id: int) -> Select[int]:
    """Ids of a project's images that somebody has skipped, or a reviewer decided."""
    return select(Label.image_id).where(Label.project_id == project_id, Label.closes())


LEFT = Measure("left to sweep", TypeAdapter(dict[str, int]), left)
_LEFT_TO = f"{LEFT.name} of "


def left_to(annotator_id: int) -> Measure[dict[str, int]]:
    """What is left as one person may know it, all of it counted at one moment.

    What they have just said is in no part of it before it is in all: of gold images it would be
    seen at once, and of others only once they are counted again.
    """
    count = partial(_left_to, annotator_id=annotator_id)
    return Measure(f"{_LEFT_TO}{annotator_id}", LEFT.adapter, count)


def left_to_by_name(name: str) -> Measure[dict[str, int]]:
    """The measure that `left_to` has called so. Raises ValueError for another name."""
    return left_to(int(name.removeprefix(_LEFT_TO)))
