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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Float, Integer, Select, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from server.bulk import TurnSize, short_turn, values
from server.db import session_scope
from server.models import Assignment, Image, Label, Prediction, Project
from server.services import predictions, projects
from server.services.assignment import overlap as assignments
from server.services.assignment import prefill

BATCH = 500
"""Images in one transaction, at most: on SQLite everybody else waits for it."""
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
    names: Mapping[int, str]
    """Of the project's categories, by their ids."""

    def priority(self, told: Any) -> float:
        """Of an image, by what its order looks at of the model; None: nothing is known of it."""
        if self.order == "random":
            return random.random()  # noqa: S311 - no secret
        if told is None:
            return self.neutral
        if self.order == "rare":
            return float(sum(w * told.get(name, 0.0) for name, w in self.weights.items()))
        return float(told)


def due(session: Session) -> list[int]:
    """Projects with stale priorities: order or model has changed since they were made.

    So are those whose images have yet to get the assignments that a new overlap asks for.
    """
    columns = Project.id, Project.order, Project.prediction_run_id, Project.prioritised_for
    return [
        number
        for number, order, run_id, made_for in session.execute(select(*columns))
        if made_for != _purpose(order, run_id)
    ]


def _purpose(order: str, run_id: int | None) -> str:
    return f"{order} by run {run_id}"


def recompute(project_id: int) -> None:
    """Make the priorities of a project, and its model's disagreement with the labels, anew.

    Before that, where another overlap was asked for, its images get the assignments for it.
    """
    with session_scope() as session:
        project = session.get_one(Project, project_id)
        # Until this is done they are nobody's: a stop in between makes them due again.
        made_for, project.prioritised_for = project.prioritised_for, ""
        order, run_id = project.order, project.prediction_run_id
        overlap = projects.overlap_of(project)
    if not made_for:
        assignments.fit(project_id)
    with session_scope(read_only=True) as session:
        scale = _scale(session, session.get_one(Project, project_id))
    with session_scope() as session:
        session.get_one(Project, project_id).neutral_priority = scale.neutral
    # Labels keep it up to date: it is anew where the model is.
    with_disagreement = not made_for.endswith(f" by run {run_id}")
    for gold in (False, True):  # one after the other, as their index has them
        last, size = 0, TurnSize(BATCH)
        while ids := _recompute_next(project_id, gold, scale, last, size, with_disagreement):
            last = ids[-1]
    with session_scope() as session:
        project = session.get_one(Project, project_id)
        if (scale.order, scale.run_id, projects.overlap_of(project)) == (order, run_id, overlap):
            project.prioritised_for = _purpose(order, run_id)


def _recompute_next(
    project_id: int,
    gold: bool,
    scale: Scale,
    last: int,
    size: TurnSize,
    with_disagreement: bool,
) -> Sequence[int]:
    with short_turn(size) as session:
        # A label takes the lock of its image first too: what is read here stays true.
        image_ids = session.scalars(
            select(Image.id)
            .where(Image.project_id == project_id, Image.gold.is_(gold), Image.id > last)
            .order_by(Image.id)
            .limit(size.rows)
            .with_for_update(key_share=True)
        ).all()
        if image_ids:
            disagreements = (
                _set_disagreements(session, scale, image_ids) if with_disagreement else None
            )
            _set_priorities(session, scale, image_ids, disagreements)
    return image_ids


def refresh(session: Session, project: Project, image_ids: Sequence[int]) -> None:
    """Bring a few images up to date, after their labels changed."""
    # A drawn order stays, and the others depend on nothing that a label changes.
    has_moved = project.order == "disagreement"
    if project.prediction_run_id is None and not has_moved:
        return
    names = _names(project)
    scale = Scale("disagreement", project.prediction_run_id, {}, project.neutral_priority, names)
    disagreements = _set_disagreements(session, scale, image_ids)
    if has_moved:
        _set_priorities(session, scale, image_ids, disagreements)


def _set_disagreements(
    session: Session, scale: Scale, image_ids: Sequence[int]
) -> dict[int, float]:
    """How far the model is from the labels of images, stored and by image, where both are."""
    shares = _shares_present(session, scale.names, image_ids)
    columns = Prediction.id, Prediction.image_id, Prediction.presence
    of_images = select(*columns).where(predictions.is_of_run(scale.run_id, shares))
    told = session.execute(of_images).all()
    found = {row.image_id: _disagreement(row.presence, shares[row.image_id]) for row in told}
    wanted = {row.id: found[row.image_id] for row in told}
    silent = set(image_ids) - shares.keys()
    if silent:
        # Which have one is asked of the rows, not of the database: it would begin with all that do.
        known = select(Prediction.id, Prediction.disagreement)
        rows = session.execute(known.where(predictions.is_of_run(scale.run_id, silent)))
        wanted |= {row.id: None for row in rows if row.disagreement is not None}
    _set(session, Prediction.id, Prediction.disagreement, wanted)
    return {image_id: value for image_id, value in found.items() if value is not None}


def _set_priorities(
    session: Session,
    scale: Scale,
    image_ids: Sequence[int],
    disagreements: Mapping[int, float] | None,
) -> None:
    """`disagreements` are those that are known already; None: they are in the database."""
    told = _told(session, scale, image_ids, disagreements)
    wanted = {image_id: scale.priority(told.get(image_id)) for image_id in image_ids}
    _set(session, Assignment.image_id, Assignment.priority, wanted)


def _told(
    session: Session,
    scale: Scale,
    image_ids: Sequence[int],
    disagreements: Mapping[int, float] | None,
) -> Mapping[int, Any]:
    """By image, what the order looks at of the model that annotators see."""
    if scale.order == "disagreement" and disagreements is not None:
        return disagreements
    looked_at = _LOOKED_AT.get(scale.order)
    if looked_at is None or scale.run_id is None:
        return {}
    query = select(Prediction.image_id, looked_at).where(
        predictions.is_of_run(scale.run_id, image_ids)
    )
    return dict(session.execute(query).all())


_LOOKED_AT = {
    "uncertain": Prediction.uncertainty,
    "rare": Prediction.presence,
    "disagreement": Prediction.disagreement,
}


def _set(
    session: Session,
    key: InstrumentedAttribute[int],
    column: InstrumentedAttribute[Any],
    wanted: Mapping[int, float | None],
) -> None:
    """Write a column of the rows with these keys, where it has another value."""
    if not wanted:
        return
    given = values({"key": Integer(), "value": Float()}, wanted.items()).subquery()
    session.execute(
        update(key.class_)
        .where(key == given.c.key, column.is_distinct_from(given.c.value))
        .values({column: given.c.value})
        .execution_options(synchronize_session=False)
    )


def _shares_present(
    session: Session, names: Mapping[int, str], image_ids: Sequence[int]
) -> dict[int, dict[str, float]]:
    """By image and category name: the share of `present` among those who were sure."""
    labels = session.execute(
        select(Label.image_id, Label.present, Label.absent).where(
            Label.image_id.in_(image_ids), Label.has_answers(), Label.gold.is_(False)
        )
    )
    said: dict[int, list[dict[int, float]]] = {}
    for image_id, present, absent in labels:
        sides = dict.fromkeys(present, 1.0) | dict.fromkeys(absent, 0.0)
        said.setdefault(image_id, []).append(sides)
    return {image_id: _shares(names, each) for image_id, each in said.items()}


def _shares(names: Mapping[int, str], said: Sequence[Mapping[int, float]]) -> dict[str, float]:
    if len(said) == 1:
        return {names[i]: side for i, side in said[0].items()}
    sides: dict[str, list[float]] = {}
    for each in said:
        for i, side in each.items():
            sides.setdefault(names[i], []).append(side)
    return {name: sum(some) / len(some) for name, some in sides.items()}


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
    return Scale(order, run_id, weights, neutral, _names(project))


def _names(project: Project) -> dict[int, str]:
    return {category.id: category.name for category in project.categories}


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
