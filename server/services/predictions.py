"""Predictions: what a run's model says of each image of its project."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.errors import NotFound
from server.models import Image, Prediction, Project, Run
from server.models.run import RunState


def current(session: Session, project: Project, image_ids: Sequence[int]) -> dict[int, Prediction]:
    """What the project's latest model says of these images, by image."""
    if project.prediction_run_id is None:
        return {}
    query = select(Prediction).where(
        Prediction.run_id == project.prediction_run_id, Prediction.image_id.in_(image_ids)
    )
    return {prediction.image_id: prediction for prediction in session.scalars(query)}


def find(session: Session, image: Image, run_id: int | None = None) -> Prediction:
    """The prediction of a finished run, or of the project's latest model, for one image.

    Raises NotFound `no-prediction`.
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
        raise NotFound(f"there is no prediction{by} for image {image.id}", code="no-prediction")
    return prediction
