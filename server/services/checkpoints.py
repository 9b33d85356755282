"""Checkpoints: saved weights of runs, copied into storage as soon as they are complete."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.errors import NotFound
from server.models import Checkpoint, Run
from server.storage import get_storage, sha256_of
from trainer.contract import CheckpointSaved


class DamagedCheckpoint(Exception):
    """A file that the trainer announced is not there or not what it said."""


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint whose file is in storage and which has no row yet."""

    saved: CheckpointSaved
    storage_key: str


def store_file(run_id: int, run_dir: Path, saved: CheckpointSaved) -> StoredCheckpoint:
    """Copy a checkpoint's file into storage. Raises DamagedCheckpoint.

    Its key holds its hash, so that a stale worker cannot change another attempt's file.
    """
    path = (run_dir / saved.path).resolve()
    if not path.is_relative_to(run_dir.resolve()) or not path.is_file():
        raise DamagedCheckpoint(f"the trainer announced {saved.path}, which is not there")
    if sha256_of(path) != saved.sha256:
        raise DamagedCheckpoint(f"{saved.path} does not have the sha256 that the trainer announced")
    key = f"runs/{run_id}/checkpoints/{saved.step:06d}-{saved.sha256}.safetensors"
    if not get_storage().exists(key):
        get_storage().put_file(key, path)
    return StoredCheckpoint(saved, key)


def record(session: Session, run_id: int, stored: StoredCheckpoint) -> None:
    """Add the row, or replace it when an earlier attempt saved the same step.

    The caller holds the run.
    """
    saved = stored.saved
    checkpoint = session.scalar(
        select(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.step == saved.step)
    )
    if checkpoint is None:
        checkpoint = Checkpoint(run_id=run_id, step=saved.step)
        session.add(checkpoint)
    checkpoint.miou = saved.score.miou
    checkpoint.score = saved.score.model_dump(mode="json")
    checkpoint.sha256 = saved.sha256
    checkpoint.size = saved.size
    checkpoint.storage_key = stored.storage_key


def list_of_run(session: Session, run: Run) -> list[Checkpoint]:
    """A run's checkpoints in order of steps."""
    return list(
        session.scalars(
            select(Checkpoint).where(Checkpoint.run_id == run.id).order_by(Checkpoint.step)
        )
    )


def get(session: Session, checkpoint_id: int) -> Checkpoint:
    """Raises NotFound."""
    checkpoint = session.get(Checkpoint, checkpoint_id)
    if checkpoint is None:
        raise NotFound(f"there is no checkpoint {checkpoint_id}")
    return checkpoint


def filename(checkpoint: Checkpoint) -> str:
    """What a downloaded checkpoint is called."""
    return f"run-{checkpoint.run_id}-step-{checkpoint.step:06d}.safetensors"
