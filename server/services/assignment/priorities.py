"""In which order images are handed out, and how far each model is from what people said.

An assignment's priority follows from its project's order and the model that annotators see. The
project names what its priorities were made for; while that is not what it has now, they are made
anew in small transactions, so that leasing never waits for them.

imported       all alike: the order of import decides
random         drawn once for each image
uncertain      mean entropy of the prediction
rare           expected number of categories, each weighted by how rare it is
disagreement   how far the model's presence is from the labels, for images that have one
"""

import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, bindparam, case, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from server.db import is_postgresql, session_scope
from server.models import Answer, Assignment, Category, Image, Prediction, Project
from server.models.label import AnswerValue
from server.services.assignment import prefill

BATCH = 500
"""Images in one transaction: on SQLite everybody else waits for it."""
PAUSE = 0.3
"""Between two transactions, of the time that one takes."""
SAMPLE = 500
"""So many predictions say how common categories are while there are too few labels."""


@dataclass(frozen=True)
class Scale:
    """What the priorities of one project are computed with."""

    order: str
    run_id: int | None
    weights: Mapping[str, float]
    """By category name; they sum to 1. Only for the order `rare`."""
    neutral: float
    """Of an image of which nothing is known."""

    def priority(
        self, told: Row[int, int, dict[str, float], float] | None, disagreement: float | None
    ) -> float:
        """Of an image, by what the model that annotators see has told of it."""
        if self.order == "random":
            return random.random()  # noqa: S311 - no secret
        if self.order == "imported" or told is None:
            return self.neutral
        if self.order == "uncertain":
            return float(told.uncertainty)
        if self.order == "rare":
            presence = told.presence
            return float(sum(w * presence.get(name, 0.0) for name, w in self.weights.items()))
        return self.neutral if disagreement is None else disagreement


def due(session: Session) -> list[int]:
    """Ids of the projects whose priorities are not those of their order and model."""
    projects = session.scalars(select(Project))
    return [project.id for project in projects if project.prioritised_for != _purpose(project)]


def _purpose(project: Project) -> str:
    return f"{project.order} by run {project.prediction_run_id}"


def recompute(project_id: int) -> None:
    """Make the priorities of a project, and its model's disagreement with the labels, anew."""
    with session_scope(read_only=True) as session:
        project = session.get_one(Project, project_id)
        purpose = _purpose(project)
        scale = _scale(session, project)
    with session_scope() as session:
        project = session.get_one(Project, project_id)
        # Until this is done they are nobody's: a stop in between makes them due again.
        project.prioritised_for = ""
        project.neutral_priority = scale.neutral
    last = 0
    while image_ids := _recompute_batch(project_id, scale, last):
        last = image_ids[-1]
    with session_scope() as session:
        session.get_one(Project, project_id).prioritised_for = purpose


def _recompute_batch(project_id: int, scale: Scale, last: int) -> Sequence[int]:
    began = time.monotonic()
    with session_scope() as session:
        # A label takes the lock of its image first too: what is read here stays true.
        image_ids = session.scalars(
            select(Image.id)
            .where(Image.project_id == project_id, Image.id > last)
            .order_by(Image.id)
            .limit(BATCH)
            .with_for_update(key_share=True)
        ).all()
        if image_ids:
            _refresh(session, scale, image_ids)
    if not is_postgresql(session):
        # SQLite lets waiting writers in by chance: without a pause they could wait until the end.
        time.sleep((time.monotonic() - began) * PAUSE)
    return image_ids


def refresh(session: Session, project: Project, image_ids: Sequence[int]) -> None:
    """Bring a few images up to date, after their labels changed."""
    # A drawn order stays, and the others depend on nothing that a label changes.
    has_moved = project.order == "disagreement"
    if project.prediction_run_id is None and not has_moved:
        return
    scale = Scale("disagreement", project.prediction_run_id, {}, project.neutral_priority)
    _refresh(session, scale, image_ids, with_priorities=has_moved)


def _refresh(
    session: Session, scale: Scale, image_ids: Sequence[int], *, with_priorities: bool = True
) -> None:
    told = {row.image_id: row for row in session.execute(_predictions(scale.run_id, image_ids))}
    shares = _shares_present(session, list(told))
    disagreements = {
        image_id: _disagreement(row.presence, shares.get(image_id, {}))
        for image_id, row in told.items()
    }
    if with_priorities:
        by_image = {i: scale.priority(told.get(i), disagreements.get(i)) for i in image_ids}
        _set(session, Assignment.image_id, Assignment.priority, by_image)
    by_id = {told[image_id].id: value for image_id, value in disagreements.items()}
    _set(session, Prediction.id, Prediction.disagreement, by_id)


def _predictions(
    run_id: int | None, image_ids: Sequence[int]
) -> Select[int, int, dict[str, float], float]:
    columns = Prediction.id, Prediction.image_id, Prediction.presence, Prediction.uncertainty
    return select(*columns).where(Prediction.run_id == run_id, Prediction.image_id.in_(image_ids))


def _set(
    session: Session,
    key: InstrumentedAttribute[int],
    column: InstrumentedAttribute[Any],
    wanted: Mapping[int, float | None],
) -> None:
    """Write a column of the rows with these keys, where it has another value."""
    if not wanted:
        return
    session.connection().execute(
        update(key.class_.__table__)
        .where(key == bindparam("of_key"), column.is_distinct_from(bindparam("new_value")))
        .values({column: bindparam("new_value")}),
        [{"of_key": each, "new_value": value} for each, value in wanted.items()],
    )


def _shares_present(session: Session, image_ids: Sequence[int]) -> dict[int, dict[str, float]]:
    """By image and category name: the share of `present` among those who were sure."""
    found: dict[int, dict[str, float]] = defaultdict(dict)
    if not image_ids:
        return found
    present, absent = AnswerValue.PRESENT, AnswerValue.ABSENT
    share = func.avg(case((Answer.value == present, 1.0), else_=0.0))
    rows = session.execute(
        select(Answer.image_id, Category.name, share)
        .join(Category, Category.id == Answer.category_id)
        .where(Answer.image_id.in_(image_ids), Answer.value.in_((present, absent)))
        .group_by(Answer.image_id, Category.name)
    )
    for image_id, name, value in rows:
        found[image_id][name] = float(value)
    return found


def _disagreement(presence: Mapping[str, float], shares: Mapping[str, float]) -> float | None:
    """The largest distance of a category's probability from what people said; None: nothing."""
    distances = [abs(presence[name] - shares[name]) for name in shares if name in presence]
    return max(distances, default=None)


def _scale(session: Session, project: Project) -> Scale:
    run_id, order = project.prediction_run_id, project.order
    weights: dict[str, float] = {}
    neutral = 0.0
    if order == "uncertain":
        of_run = select(func.avg(Prediction.uncertainty)).where(Prediction.run_id == run_id)
        neutral = session.scalar(of_run) or 0.0
    elif order == "rare":
        common = _common(session, project)
        inverse = {name: 1 / share for name, share in common.items()}
        weights = {name: weight / sum(inverse.values()) for name, weight in inverse.items()}
        neutral = sum(weights[name] * share for name, share in common.items())
    return Scale(order, run_id, weights, neutral)


def _common(session: Session, project: Project) -> dict[str, float]:
    """How common each category is, by name: among labels, else as the model expects; over 0."""
    floor = 1 / prefill.PRIORS_USE
    shares = prefill.category_shares(session, project.id)
    if shares is not None:
        return {c.name: max(shares.get(c.id, 0.0), floor) for c in project.categories}
    presences = session.scalars(_sample(project)).all()
    if not presences:
        return {c.name: 1.0 for c in project.categories}
    return {
        c.name: max(sum(p.get(c.name, 0.0) for p in presences) / len(presences), floor)
        for c in project.categories
    }


def _sample(project: Project) -> Select[dict[str, float]]:
    """Predictions of the model that annotators see, in an order that says nothing of them."""
    return (
        select(Prediction.presence)
        .where(Prediction.run_id == project.prediction_run_id)
        .order_by((Prediction.image_id * 7919) % 1009, Prediction.image_id)
        .limit(SAMPLE)
    )
