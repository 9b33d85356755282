"""What a run's directory holds before the trainer starts."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select

from server.db import session_scope
from server.models import Image, Run
from server.models.image import ImageState
from server.services.runs import checkpoints
from server.settings import get_settings
from server.storage import get_storage, sha256_of
from trainer.contract import ListedImage, TrainConfig

CONFIG, LABELS, TARGET = "config.json", "labels.jsonl", "target.jsonl"
PREDICTIONS = "predictions"


class NotPrepared(Exception):
    """A run's directory cannot be made; the message says what is missing."""


def path_of(run_id: int) -> Path:
    """Where the directory of a run is on this worker."""
    return get_settings().runs / str(run_id)


def prepare(run_id: int) -> Path:
    """Make the directory, or leave it as it is so that the trainer goes on where it stopped.

    A directory with another configuration (this worker's device or threads were changed), or with
    images that were deleted since, is made anew. Raises NotPrepared.
    """
    with session_scope(read_only=True) as session:
        run = session.get_one(Run, run_id)
    folder = path_of(run_id)
    config = _config_on_this_worker(run)
    if _read(folder / CONFIG) == config and _has_all_listed(folder / TARGET):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _copy_labels(run, folder / LABELS)
    _list_target(run, folder / TARGET)
    # Last, because a directory with a configuration is a complete one.
    _write_complete(folder / CONFIG, config)
    return folder


def tidy(folder: Path) -> None:
    """Remove what only a run that goes on needs, and what storage has, after its success."""
    with contextlib.suppress(OSError):
        for state in (folder / checkpoints.FOLDER).glob("*training-state*"):
            state.unlink(missing_ok=True)
    shutil.rmtree(folder / PREDICTIONS, ignore_errors=True)


def _config_on_this_worker(run: Run) -> str:
    settings = get_settings()
    here = {
        "device": settings.device,
        "threads": settings.trainer_threads,
        "warm_ups": settings.warm_ups and settings.warm_ups.absolute(),
    }
    return TrainConfig.model_validate(run.config | here).model_dump_json(indent=2)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _write_complete(path: Path, content: str) -> None:
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _copy_labels(run: Run, path: Path) -> None:
    if run.config["labels"] is None or run.snapshot is None:
        return
    original = get_storage().path(run.snapshot.storage_key)
    if not original.is_file():
        raise NotPrepared(f"the file of snapshot {run.snapshot.id} is missing from storage")
    shutil.copyfile(original, path)
    if sha256_of(path) != run.snapshot.sha256:
        raise NotPrepared(f"the file of snapshot {run.snapshot.id} does not have its sha256")
    if run.snapshot.deleted_images:
        _drop_deleted(run.project_id, path)


def _drop_deleted(project_id: int, path: Path) -> None:
    """Leave out the labels of images that are not there any more."""
    with session_scope(read_only=True) as session:
        named = select(Image.external_id).where(Image.is_own_of(project_id))
        names = set(session.scalars(named))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if json.loads(line)["image"] in names))


def _has_all_listed(path: Path) -> bool:
    """Whether all images are there with which a run has begun."""
    if not path.is_file():
        return False
    with path.open(encoding="utf-8") as file:
        return all(ListedImage.model_validate_json(line).path.is_file() for line in file)


def _list_target(run: Run, path: Path) -> None:
    listed = 0
    with path.open("w", encoding="utf-8") as file:
        for image in _target_images(run.project_id):
            file.write(image.model_dump_json(exclude_none=True) + "\n")
            listed += 1
    if not listed:
        raise NotPrepared("the project has no verified images")


def _target_images(project_id: int) -> Iterator[ListedImage]:
    query = (
        select(Image.external_id, Image.storage_key)
        .where(
            Image.is_own_of(project_id),
            Image.state == ImageState.READY,
        )
        .order_by(Image.id)
        .execution_options(yield_per=1000)
    )
    storage = get_storage()
    with session_scope(read_only=True) as session:
        for external_id, key in session.execute(query):
            if key is not None:
                yield ListedImage(image=external_id, path=storage.path(key))
