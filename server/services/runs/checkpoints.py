"""Checkpoints: saved weights of runs, put into storage as soon as they are complete."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.errors import NotFound
from server.models import Checkpoint, Run
from server.storage import get_storage, sha256_of
from trainer.contract import CheckpointInfo, CheckpointSaved

FOLDER = "checkpoints"
"""Where in a run's directory the trainer saves them."""


class DamagedCheckpoint(Exception):
    """A file that the trainer announced is not there or not what it said."""


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint whose file is in storage and which has no row yet."""

    saved: CheckpointSaved
    storage_key: str


def store_file(run_id: int, run_dir: Path, saved: CheckpointSaved) -> StoredCheckpoint:
    """Put a checkpoint's file into storage. Raises DamagedCheckpoint.

    Its key holds its hash, so that a stale worker cannot change another attempt's file.
    """
    path = (run_dir / saved.path).resolve()
    if not path.is_relative_to(run_dir.resolve()) or not path.is_file():
        raise DamagedCheckpoint(f"the trainer announced {saved.path}, which is not there")
    if sha256_of(path) != saved.sha256:
        raise DamagedCheckpoint(f"{saved.path} does not have the sha256 that the trainer announced")
    key = f"runs/{run_id}/checkpoints/{saved.step:06d}-{saved.sha256}.safetensors"
    kept = get_storage().path(key)
    is_there = get_storage().keep(key)
    if not (is_there and (kept.samefile(path) or sha256_of(kept) == saved.sha256)):
        get_storage().put_link(key, path)
    return StoredCheckpoint(saved, key)


def saved_in(run_dir: Path) -> Iterator[CheckpointSaved]:
    """What the trainer has saved in a run's directory: files with a description beside them."""
    for description in sorted((run_dir / FOLDER).glob("step-*.json")):
        path = description.with_suffix(".safetensors")
        try:
            info = CheckpointInfo.model_validate_json(description.read_bytes())
            if path.stat().st_size != info.size:
                continue
        except (OSError, ValidationError):
            continue  # cut short, or not complete yet
        yield CheckpointSaved(
            step=info.step,
            path=path.relative_to(run_dir).as_posix(),
            sha256=info.sha256,
            size=info.size,
            score=info.score,
        )


def is_recorded(session: Session, run_id: int, saved: CheckpointSaved) -> bool:
    """Whether the server has this very checkpoint."""
    checkpoint = _of_step(session, run_id, saved.step)
    return (
        checkpoint is not None
        and checkpoint.sha256 == saved.sha256
        and find_damage(checkpoint) is None
    )


def require_whole(session: Session, run_id: int, step: int) -> None:
    """Raises DamagedCheckpoint unless storage has the checkpoint of a step, with its hash."""
    checkpoint = _of_step(session, run_id, step)
    if checkpoint is None:
        raise DamagedCheckpoint(f"the checkpoint of step {step}, which was selected, is missing")
    damage = find_damage(checkpoint)
    path = get_storage().path(checkpoint.storage_key)
    if damage is None and sha256_of(path) != checkpoint.sha256:
        damage = "its content is not what was stored"
    if damage is not None:
        raise DamagedCheckpoint(
            f"the checkpoint of step {step}, which was selected, is damaged: {damage}"
        )


def find_damage(checkpoint: Checkpoint) -> str | None:
    """What is wrong with a checkpoint's file at a glance; None when nothing is."""
    path = get_storage().path(checkpoint.storage_key)
    if not path.is_file():
        return "its file is missing from storage"
    size = path.stat().st_size
    return None if size == checkpoint.size else f"it has {size} of {checkpoint.size} bytes"


def whole_file(session: Session, checkpoint: Checkpoint) -> Path:
    """The file of a checkpoint, to be sent. Raises NotFound, `damaged-checkpoint` for a damaged one."""
    path = get_storage().existing_path(checkpoint.storage_key)
    if (damage := find_damage(checkpoint)) is None:
        return path
    others = select(Checkpoint).where(
        Checkpoint.run_id == checkpoint.run_id, Checkpoint.id != checkpoint.id
    )
    steps = [str(one.step) for one in session.scalars(others.order_by(Checkpoint.step))
             if find_damage(one) is None]  # fmt: skip
    rest = f"whole are those of steps {', '.join(steps)}" if steps else "no other one is whole"
    raise NotFound(
        f"the checkpoint of step {checkpoint.step} cannot be sent: {damage}; {rest}",
        code="damaged-checkpoint",
    )


def _of_step(session: Session, run_id: int, step: int) -> Checkpoint | None:
    return session.scalar(
        select(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.step == step)
    )


def record(session: Session, run_id: int, stored: StoredCheckpoint) -> None:
    """Add the row, or replace it when an earlier attempt saved the same step.

    The caller holds the run.
    """
    saved = stored.saved
    checkpoint = _of_step(session, run_id, saved.step)
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
