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
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.orm import Session

from server.db import session_scope
from server.models import Answer, Assignment, Category, Image, Prediction, Project
from server.models.label import AnswerValue
from server.services import prefill

BATCH = 250
"""Images in one transaction: on SQLite everybody else waits for it."""
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

    def priority(self, prediction: Prediction | None) -> float:
        """Of an image, by the prediction of the model that annotators see."""
        if self.order == "random":
            return random.random()  # noqa: S311 - no secret
        if self.order == "imported" or prediction is None:
            return self.neutral
        if self.order == "uncertain":
            return prediction.uncertainty
        if self.order == "rare":
            presence = prediction.presence
            return float(sum(w * presence.get(name, 0.0) for name, w in self.weights.items()))
        return self.neutral if prediction.disagreement is None else prediction.disagreement


def of_new_image(project: Project) -> float:
    """The priority of an image of which nothing is known yet."""
    return random.random() if project.order == "random" else project.neutral_priority  # noqa: S311


def due(session: Session) -> list[int]:
    """Ids of the projects whose priorities are not those of their order and model."""
    projects = session.scalars(select(Project))
    return [project.id for project in projects if project.prioritised_for != _purpose(project)]


def _purpose(project: Project) -> str:
    return f"{project.order} by run {project.prediction_run_id}"


def recompute(project_id: int) -> None:
    """Make the priorities of a project, and its model's disagreement with the labels, anew."""
    with session_scope() as session:
        project = session.get_one(Project, project_id)
        purpose = _purpose(project)
        # Until this is done they are nobody's: a stop in between makes them due again.
        project.prioritised_for = ""
        scale = _scale(session, project)
        project.neutral_priority = scale.neutral
    last = 0
    while image_ids := _recompute_batch(project_id, scale, last):
        last = image_ids[-1]
    with session_scope() as session:
        session.get_one(Project, project_id).prioritised_for = purpose


def _recompute_batch(project_id: int, scale: Scale, last: int) -> Sequence[int]:
    with session_scope() as session:
        image_ids = session.scalars(
            select(Image.id)
            .where(Image.project_id == project_id, Image.id > last)
            .order_by(Image.id)
            .limit(BATCH)
        ).all()
        if image_ids:
            _refresh(session, scale, image_ids)
    return image_ids


def refresh(session: Session, project: Project, image_ids: Sequence[int]) -> None:
    """Bring a few images up to date, after their labels changed."""
    # A drawn order stays, and the others depend on nothing that a label changes.
    has_moved = project.order == "disagreement"
    scale = Scale("disagreement", project.prediction_run_id, {}, project.neutral_priority)
    _refresh(session, scale, image_ids, with_priorities=has_moved)


def _refresh(
    session: Session, scale: Scale, image_ids: Sequence[int], *, with_priorities: bool = True
) -> None:
    predictions = {
        prediction.image_id: prediction
        for prediction in session.scalars(
            select(Prediction).where(
                Prediction.run_id == scale.run_id, Prediction.image_id.in_(image_ids)
            )
        )
    }
    shares = _shares_present(session, list(predictions))
    for image_id, prediction in predictions.items():
        prediction.disagreement = _disagreement(prediction.presence, shares.get(image_id, {}))
    if with_priorities:
        _set_priorities(session, {i: scale.priority(predictions.get(i)) for i in image_ids})
    # After the assignments: a label that is submitted now takes its locks in that order too.
    session.flush()


def _set_priorities(session: Session, by_image: Mapping[int, float]) -> None:
    table = Assignment.__table__
    session.connection().execute(
        update(Assignment.__table__)  # type: ignore[arg-type]
        .where(table.c.image_id == bindparam("of_image"))
        .values(priority=bindparam("new_priority")),
        [{"of_image": i, "new_priority": priority} for i, priority in by_image.items()],
    )


def _shares_present(session: Session, image_ids: Sequence[int]) -> dict[int, dict[str, float]]:
    """By image and category name: the share of `present` among those who were sure."""
    found: dict[int, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    sure = (AnswerValue.PRESENT.value, AnswerValue.ABSENT.value)
    rows = session.execute(
        select(Answer.image_id, Category.name, Answer.value)
        .join(Category, Category.id == Answer.category_id)
        .where(Answer.image_id.in_(image_ids), Answer.value.in_(sure))
    )
    for image_id, name, value in rows:
        found[image_id][name].append(value == AnswerValue.PRESENT)
    return {
        image_id: {name: sum(said) / len(said) for name, said in names.items()}
        for image_id, names in found.items()
    }


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
    presences: Sequence[dict[str, Any]] = session.scalars(_sample(project)).all()
    if not presences:
        return {c.name: 1.0 for c in project.categories}
    return {
        c.name: max(sum(p.get(c.name, 0.0) for p in presences) / len(presences), floor)
        for c in project.categories
    }


def _sample(project: Project) -> Select[tuple[dict[str, Any]]]:
    """Predictions of the model that annotators see, in an order that says nothing of them."""
    return (
        select(Prediction.presence)
        .where(Prediction.run_id == project.prediction_run_id)
        .order_by((Prediction.image_id * 7919) % 1009, Prediction.image_id)
        .limit(SAMPLE)
    )
