"""Files that no row of the database needs any more, and their removal while everything runs.

Only what has a name that the server gives itself is ever looked at, below its own folders, and
never through a symbolic link. What is younger than `WEAKSEG_CLEAN_AFTER_SECONDS` stays, because
its row may not be committed yet.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from uuid import uuid4

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import session_scope
from server.models import Checkpoint, GoldImage, Image, Prediction, RulesPicture, Run, Snapshot
from server.models.run import RunState
from server.services.dataset_uploads import uploads
from server.services.runs import checkpoints
from server.services.runs.trainer_process import work_folder_is_free
from server.settings import Settings, get_settings
from server.storage import get_storage

log = structlog.get_logger()

_HASH = r"[0-9a-f]{64}"
_OURS = re.compile(
    rf"images/([0-9a-f]{{2}}/)?{_HASH}\.\w+"
    rf"|scaled/\d+/([0-9a-f]{{2}}/)?{_HASH}\.\w+\.webp"
    rf"|runs/\d+/(checkpoints/\d+-{_HASH}\.safetensors|predictions/\d+/\d+\.png|report-\d+\.html)"
    rf"|projects/\d+/(snapshots/{_HASH}\.jsonl|gold/\d+\.mask|rules/[0-9a-f]{{32}}\.\w+)"
)
_KINDS = ("images", "scaled", "runs", "projects")
_REPORT = re.compile(r"runs/(\d+)/report-(\d+)\.html")
_SCALED = re.compile(r"scaled/\d+/(.+)\.webp")
_COLUMNS = (
    Image.storage_key,
    Checkpoint.storage_key,
    Prediction.mask_key,
    Snapshot.storage_key,
    GoldImage.mask_key,
    RulesPicture.storage_key,
)
AT_ONCE = 400


@dataclass(frozen=True)
class Leftover:
    """A file, or the folder of a run, that can go."""

    path: Path
    why: str
    size: int
    """Bytes that its removal frees; none for a file that has another name too."""
    _remove: Callable[[], bool]

    def remove(self) -> bool:
        """Remove it, unless it is needed by now. Raises OSError."""
        return self._remove()


def find() -> Iterator[Leftover]:
    """Everything that can go, in no particular order."""
    settings = get_settings()
    before = time.time() - settings.clean_after_seconds
    yield from _of_storage(get_storage().root, before)
    yield from _of_uploads(get_storage().root / "datasets", before)
    yield from _of_runs(settings.runs, before)
    yield from _of_broker(settings, before)


def clean() -> int:
    """Remove everything that can go; returns how many bytes that freed."""
    freed = 0
    for leftover in find():
        try:
            if leftover.remove():
                freed += leftover.size
        except OSError as error:
            log.warning("not removed", path=str(leftover.path), error=str(error))
    log.info("cleaned", bytes=freed)
    return freed


def _of_storage(root: Path, before: float) -> Iterator[Leftover]:
    files = (path for kind in _KINDS for path in _walk(root / kind) if _is_old(path, before))
    while paths := list(islice(files, AT_ONCE)):
        ours = {}
        for path in paths:
            if path.name.startswith(".writing-"):
                yield _file(path, "unfinished", before)
            elif _OURS.fullmatch(key := path.relative_to(root).as_posix()):
                ours[key] = path
        with session_scope(read_only=True) as session:
            needed = _needed(session, list(ours))
        for key, path in ours.items():
            if key not in needed:
                yield Leftover(path, "no row needs it", _frees(path), _stored(key, path, before))


def _needed(session: Session, keys: list[str]) -> set[str]:
    """Those of the keys whose file a row stands for."""
    asked = {key: key for key in keys}
    for key in keys:
        if found := _SCALED.fullmatch(key):
            asked[key] = f"images/{found[1]}"
    wanted = set(asked.values())
    there = {each for column in _COLUMNS
             for each in session.scalars(select(column).where(column.in_(wanted)))}  # fmt: skip
    return {key for key, original in asked.items() if original in there} | _reports(session, keys)


def _reports(session: Session, keys: list[str]) -> set[str]:
    """The report pages of runs' last attempts."""
    attempts = {key: (int(m[1]), int(m[2])) for key in keys if (m := _REPORT.fullmatch(key))}
    ids = {run_id for run_id, _ in attempts.values()}
    last = dict(session.execute(select(Run.id, Run.attempt).where(Run.id.in_(ids))).all())
    return {key for key, (run_id, attempt) in attempts.items() if last.get(run_id) == attempt}


def _stored(key: str, path: Path, before: float) -> Callable[[], bool]:
    """Removes a stored file; whoever wants to keep it meanwhile gets it back, or writes it anew.

    `Storage.keep` makes a file young, and fails once the file has lost its name.
    """

    def remove() -> bool:
        aside = path.with_name(f".writing-{uuid4().hex}")
        try:
            path.rename(aside)
        except FileNotFoundError:
            return False
        with session_scope(read_only=True) as session:
            is_needed = key in _needed(session, [key])
        if is_needed or not _is_old(aside, before):
            aside.rename(path)
            return False
        aside.unlink()
        return True

    return remove


def _of_runs(root: Path, before: float) -> Iterator[Leftover]:
    """Folders of runs that have ended well or have no row, and halves of files in the others."""
    for folder in _folders(root):
        if not re.fullmatch(r"[1-9]\d{0,17}", folder.name):
            continue
        with session_scope(read_only=True) as session:
            run = session.get(Run, int(folder.name))
            why = _why_not_needed(session, run)
        if why and (run is not None or _newest(folder) < before):
            size = sum(_frees(path) for path in _walk(folder))
            yield Leftover(folder, why, size, _run_folder(folder))
        elif run is not None and run.state != RunState.RUNNING:
            halves = (path for path in _walk(folder) if path.name.endswith(".partial"))
            yield from (_file(p, "unfinished", before) for p in halves if _is_old(p, before))


def _why_not_needed(session: Session, run: Run | None) -> str | None:
    """Why a run's folder can go; None when it cannot.

    A run that did not succeed goes on in its folder when somebody resumes it.
    """
    if run is None:
        return "there is no such run"
    if run.state != RunState.SUCCEEDED:
        return None
    stored = checkpoints.list_of_run(session, run)
    is_home = stored and all(checkpoints.find_damage(each) is None for each in stored)
    return "the run has ended, and storage has its results" if is_home else None


def _run_folder(folder: Path) -> Callable[[], bool]:
    def remove() -> bool:
        with work_folder_is_free(folder) as is_ours:
            if not is_ours:
                return False  # a trainer works there
            shutil.rmtree(folder)
            return True

    return remove


def _of_uploads(root: Path, before: float) -> Iterator[Leftover]:
    """Folders of uploaded datasets that have no row, and halves of files in the others."""
    for folder in _folders(root):
        if not re.fullmatch(r"[0-9a-f]{32}", folder.name):
            continue
        if folder.name not in uploads.needed_folders():
            if _newest(folder) < before:
                size = sum(_frees(path) for path in _walk(folder))
                yield Leftover(folder, "no row needs it", size, _upload_folder(folder))
            continue
        halves = (path for path in _walk(folder) if path.name.startswith(".writing-"))
        yield from (_file(path, "unfinished", before) for path in halves if _is_old(path, before))


def _upload_folder(folder: Path) -> Callable[[], bool]:
    def remove() -> bool:
        if folder.name in uploads.needed_folders():
            return False
        shutil.rmtree(folder)
        return True

    return remove


def _of_broker(settings: Settings, before: float) -> Iterator[Leftover]:
    """Messages that a killed process had half written, or taken and not read."""
    broker = settings.data.absolute() / "broker"
    for part, pattern in (("messages", ".*.msg"), ("taken", "*.msg"), ("control", ".*.partial")):
        for path in (broker / part).glob(pattern):
            if not path.is_symlink() and _is_old(path, before):
                yield _file(path, "unfinished", before)


def _file(path: Path, why: str, before: float) -> Leftover:
    def remove() -> bool:
        if not _is_old(path, before):
            return False
        path.unlink()
        return True

    return Leftover(path, why, _frees(path), remove)


def _folders(root: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError), os.scandir(root) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files below a folder; nothing that a symbolic link leads to."""
    if folder.is_symlink():
        return
    for parent, _, names in os.walk(folder, followlinks=False):
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink() and path.is_file():
                yield path


def _is_old(path: Path, before: float) -> bool:
    try:
        return path.stat(follow_symlinks=False).st_mtime < before
    except FileNotFoundError:
        return False


def _newest(folder: Path) -> float:
    times = [folder.stat().st_mtime]
    for path in _walk(folder):
        with suppress(FileNotFoundError):
            times.append(path.stat().st_mtime)
    return max(times)


def _frees(path: Path) -> int:
    try:
        status = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return 0
    return status.st_size if status.st_nlink == 1 else 0
