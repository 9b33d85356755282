"""Predictions: what a run's model says of each image of its project."""

import sys
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session, aliased

from server.db import session_scope
from server.errors import NotFound
from server.models import Image, Prediction, PredictionRanking, Project, Run
from server.models.run import RunState

PART = 5000
"""Of a ranking so many places are read at a time."""


def is_of_run(run_id: int | None, image_ids: Collection[int]) -> ColumnElement[bool]:
    """Whether a prediction is a run's, of one of these few images.

    Found by the images: SQLite would look through all of the run where one of its indexes has
    whatever else is asked for.
    """
    few = aliased(Prediction)
    of_run = select(few.id).where(few.run_id == run_id, few.image_id.in_(image_ids))
    return Prediction.id.in_(of_run)


def current(session: Session, project: Project, image_ids: Sequence[int]) -> dict[int, Prediction]:
    """What the project's latest model says of these images, by image."""
    if project.prediction_run_id is None:
        return {}
    query = select(Prediction).where(
        Prediction.run_id == project.prediction_run_id, Prediction.image_id.in_(image_ids)
    )
    return {prediction.image_id: prediction for prediction in session.scalars(query)}


def find(
    session: Session, image: Image, run_id: int | None = None, number: int | None = None
) -> Prediction:
    """The prediction of a finished run, or of the project's latest model, for one image.

    `number`: by which the image was asked for. Raises NotFound `no-prediction`.
    """
    if run_id is None:
        run_id = session.get_one(Project, image.project_id).prediction_run_id
    prediction = session.scalar(
        select(Prediction)
        .join(Run, Run.id == Prediction.run_id)
        .where(
            Prediction.image_id == image.id,
            Prediction.run_id == run_id,
            Run.state == RunState.SUCCEEDED,
        )
    )
    if prediction is None:
        by = "" if run_id is None else f" by run {run_id}"
        raise NotFound(
            f"there is no prediction{by} for image {number or image.id}", code="no-prediction"
        )
    return prediction


class Ranker:
    """Ranks the images of a run for each category, from predictions that come a few at a time."""

    def __init__(self, project: Project) -> None:
        self._categories = {category.name: category.id for category in project.categories}
        self._ids = {name: array("i") for name in self._categories}
        self._probabilities = {name: array("d") for name in self._categories}

    def add(self, image_id: int, presence: Mapping[str, float]) -> None:
        """Take one more in; it is not ranked for a category of which it says nothing."""
        for name in self._categories.keys() & presence.keys():
            self._ids[name].append(image_id)
            self._probabilities[name].append(presence[name])

    def rankings(self) -> dict[int, bytes]:
        """By category, as they are stored: to be made before anybody has to wait for a transaction."""
        return {category_id: self._ranked(name) for name, category_id in self._categories.items()}

    def _ranked(self, name: str) -> bytes:
        import numpy as np  # noqa: PLC0415 - the web process starts without numpy

        ids, probabilities = np.array(self._ids[name]), np.array(self._probabilities[name])
        order = np.lexsort((ids, -probabilities))
        return ids[order].astype("<i4").tobytes()


def store_rankings(session: Session, run_id: int, rankings: Mapping[int, bytes]) -> None:
    """Put rankings in place of those that the run has, if there is such a run."""
    mine = select(Run.id).where(Run.id == run_id).with_for_update()  # others wait here
    if session.scalar(mine) is None:
        return
    session.execute(delete(PredictionRanking).where(PredictionRanking.run_id == run_id))
    session.add_all(
        PredictionRanking(run_id=run_id, category_id=category_id, image_ids=image_ids)
        for category_id, image_ids in rankings.items()
    )


def rank(project_id: int, run_id: int) -> None:
    """Make the rankings of a run that ended before they were kept."""
    with session_scope(read_only=True) as session:
        ranker = Ranker(session.get_one(Project, project_id))
        told = select(Prediction.image_id, Prediction.presence).where(Prediction.run_id == run_id)
        for image_id, presence in session.execute(told.execution_options(yield_per=1000)):
            ranker.add(image_id, presence)
    rankings = ranker.rankings()
    with session_scope() as session:
        store_rankings(session, run_id, rankings)


def ranked(session: Session, run_id: int, category_id: int, start: int = 0) -> Iterator[int] | None:
    """Ids of a run's images, those first in which the category is the likeliest, from a place on.

    They are read a part at a time. None: the run has no rankings yet. Some of the images may be
    gone, or not be free.
    """
    first = _part(session, run_id, category_id, start)
    return None if first is None else _from(session, run_id, category_id, start, first)


def _from(
    session: Session, run_id: int, category_id: int, start: int, first: Sequence[int]
) -> Iterator[int]:
    part: Sequence[int] | None = first
    while part:
        yield from part
        start += len(part)
        part = _part(session, run_id, category_id, start)


def _part(session: Session, run_id: int, category_id: int, start: int) -> Sequence[int] | None:
    width = array("i").itemsize
    part = func.substr(PredictionRanking.image_ids, width * start + 1, width * PART)
    # SQLite has no part of what is empty.
    stored = session.scalar(
        select(func.coalesce(part, b"")).where(
            PredictionRanking.run_id == run_id, PredictionRanking.category_id == category_id
        )
    )
    if stored is None:
        return None
    ids = array("i", stored)
    if sys.byteorder == "big":
        ids.byteswap()
    return ids
