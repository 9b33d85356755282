"""Predictions: what a run's model says of each image of its project."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from server.db import session_scope
from server.errors import NotFound
from server.models import Image, Prediction, Project, Run
from server.models.run import RunState
from server.schemas.label import PredictionOut
from server.services import claims
from server.services.claims import Claim
from server.storage import get_storage
from trainer.contract import ImagePrediction
from trainer.contract.names import comparable

BATCH = 200


def import_all(claim: Claim, folder: Path) -> int:
    """Import a run's `predictions/` folder; returns how many there were.

    Files are copied outside of transactions, under names that only this attempt uses. Raises
    ClaimLost, and ValueError or OSError for a folder that is not as the contract says.
    """
    listing = folder / "predictions.jsonl"
    if not listing.is_file():
        return 0
    with session_scope() as session:
        claims.hold(session, claim)
        session.execute(delete(Prediction).where(Prediction.run_id == claim.run_id))
        project_id = session.get_one(Run, claim.run_id).project_id
    imported = 0
    with listing.open(encoding="utf-8") as file:
        lines = (ImagePrediction.model_validate_json(line) for line in file if line.strip())
        while batch := list(islice(lines, BATCH)):
            imported += _import_batch(claim, project_id, folder, batch)
    return imported


def _import_batch(
    claim: Claim, project_id: int, folder: Path, batch: Sequence[ImagePrediction]
) -> int:
    with session_scope(read_only=True) as session:
        names = [comparable(prediction.image) for prediction in batch]
        query = select(Image.comparable_id, Image.id).where(
            Image.project_id == project_id, Image.comparable_id.in_(names)
        )
        ids = dict(session.execute(query).all())
    rows = list(_store_masks(claim, folder, batch, ids))
    with session_scope() as session:
        claims.hold(session, claim)
        session.add_all(rows)
    return len(rows)


def _store_masks(
    claim: Claim, folder: Path, batch: Sequence[ImagePrediction], ids: dict[str, int]
) -> Iterator[Prediction]:
    for prediction in batch:
        image_id = ids.get(comparable(prediction.image))
        if image_id is None:
            continue
        path = (folder / prediction.mask).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise ValueError(f"predictions.jsonl: mask {prediction.mask!r} is outside the folder")
        key = f"runs/{claim.run_id}/predictions/{claim.attempt}/{image_id}.png"
        get_storage().put_file(key, path)
        yield Prediction(
            run_id=claim.run_id,
            image_id=image_id,
            mask_key=key,
            presence=dict(prediction.presence),
            uncertainty=prediction.uncertainty,
        )


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
            Run.state == RunState.SUCCEEDED.value,
        )
    )
    if prediction is None:
        by = "" if run_id is None else f" by run {run_id}"
        raise NotFound(f"there is no prediction{by} for image {image.id}", code="no-prediction")
    return prediction


def describe(prediction: Prediction) -> PredictionOut:
    """A prediction as the API shows it."""
    return PredictionOut(
        run_id=prediction.run_id,
        presence=prediction.presence,
        uncertainty=prediction.uncertainty,
        mask_url=(
            f"/api/v1/images/{prediction.image_id}/prediction/mask.png?run_id={prediction.run_id}"
        ),
    )
