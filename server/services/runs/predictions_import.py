"""The predictions that a run has made, brought home."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, select

from server.db import session_scope
from server.models import Image, Prediction, Project, Run
from server.services.predictions import Ranker, store_rankings
from server.services.runs import claims
from server.services.runs.claims import Claim
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
        ranker = Ranker(session.get_one(Project, project_id))
    imported = 0
    with listing.open(encoding="utf-8") as file:
        lines = (ImagePrediction.model_validate_json(line) for line in file if line.strip())
        while batch := list(islice(lines, BATCH)):
            imported += _import_batch(claim, project_id, folder, batch, ranker)
    rankings = ranker.rankings()
    with session_scope() as session:
        claims.hold(session, claim)
        store_rankings(session, claim.run_id, rankings)
    return imported


def _import_batch(
    claim: Claim,
    project_id: int,
    folder: Path,
    batch: Sequence[ImagePrediction],
    ranker: Ranker,
) -> int:
    with session_scope(read_only=True) as session:
        names = [comparable(prediction.image) for prediction in batch]
        query = select(Image.comparable_id, Image.id).where(
            Image.project_id == project_id, Image.comparable_id.in_(names)
        )
        ids = dict(session.execute(query).all())
    rows = list(_store_masks(claim, folder, batch, ids))
    for row in rows:
        ranker.add(row.image_id, row.presence)
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
