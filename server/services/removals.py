"""What is to go besides rows: files, folders of runs, remnants in the embedded database.

What it is stands in a row that is written in the transaction that deletes the rows; the row goes after
the thing has gone. So a kill in between loses nothing: it is looked at again, and finds nothing left.

    images/ab/cdef.png     a picture, with its scaled copies: pictures are shared by their content
    runs/5/                all that storage has below, and the folder of the run on this machine
    projects/5/            all that storage has below
    datasets/0a1b.../      an uploaded dataset, or what was of one
    work/5/                the folder of a run on this machine: it begins anew when it is resumed
    remnants               what SQLite's write-ahead log still has of what was overwritten
"""

import re
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import structlog
from sqlalchemy import delete, exists, func, insert, select
from sqlalchemy.orm import Session

from server.db import get_engine, is_postgresql, session_scope, utcnow
from server.models import Image, Removal
from server.queue import send_after_commit
from server.services.runs import directory
from server.services.runs.trainer_process import work_folder_is_free
from server.storage import Storage, get_storage

log = structlog.get_logger()

REMNANTS = "remnants"
QUIET_SECONDS = 60
"""A picture that was stored or kept more recently may be one that is being imported, whose row is not
committed yet: no writer waits longer."""
AT_ONCE = 200
_OF_RUN = re.compile(r"(runs|work)/(\d+)/")
_FOLDER = re.compile(r"projects/\d+/|datasets/[0-9a-f]{32}/")


def note(session: Session, keys: Iterable[str]) -> None:
    """Have these things removed after the session has committed."""
    now = utcnow()
    rows = [{"key": key, "created_at": now} for key in dict.fromkeys(keys)]
    if not is_postgresql(session):
        rows.append({"key": REMNANTS, "created_at": now})
    if rows:
        session.execute(insert(Removal), rows)
        send_after_commit(session, "remove_deleted")


def are_due(session: Session) -> bool:
    """Whether anything is to be removed."""
    return bool(session.scalar(select(exists().where(Removal.id > 0))))


def work(seconds: float = 60) -> int:
    """Remove what can go now; returns how many things are left for later."""
    until = time.monotonic() + seconds
    after = 0
    while time.monotonic() < until:
        with session_scope(read_only=True) as session:
            later = select(Removal.id, Removal.key).where(Removal.id > after)
            found = session.execute(later.order_by(Removal.id).limit(AT_ONCE)).all()
        if not found:
            break
        after = found[-1].id
        gone = [row.id for row in found if _is_gone(row.id, row.key)]
        with session_scope() as session:
            session.execute(delete(Removal).where(Removal.id.in_(gone)))
    with session_scope(read_only=True) as session:
        return session.scalar(select(func.count(Removal.id))) or 0


def _is_gone(number: int, key: str) -> bool:
    try:
        return _remove(number, key)
    except OSError as error:
        log.warning("not removed yet", key=key, error=str(error))
        return False


def _remove(number: int, key: str) -> bool:
    storage = get_storage()
    if key == REMNANTS:
        return _checkpoint_log()
    if key.startswith("images/"):
        return _remove_picture(storage, number, key)
    if found := _OF_RUN.fullmatch(key):
        if found[1] == "runs":
            shutil.rmtree(storage.path(key), ignore_errors=False, onerror=_unless_missing)
        return _remove_work_folder(directory.path_of(int(found[2])))
    if _FOLDER.fullmatch(key):
        shutil.rmtree(storage.path(key), onerror=_unless_missing)
        return True
    storage.delete(key)
    return True


def _unless_missing(
    _function: object, _path: str, found: tuple[type, BaseException, object]
) -> None:
    if not isinstance(found[1], FileNotFoundError):
        raise found[1]


def _remove_picture(storage: Storage, number: int, key: str) -> bool:
    """Whether a picture's file has gone, or is another image's too.

    It loses its name first: who imports the same picture meanwhile then writes it anew.
    """
    path = storage.path(key)
    aside = path.with_name(f".writing-removal-{number}")
    if _is_needed(key):
        return True
    if path.exists():
        if time.time() - path.stat().st_mtime < QUIET_SECONDS:
            return False
        path.rename(aside)
        if _is_needed(key):
            aside.rename(path)
            return True
    aside.unlink(missing_ok=True)
    name = key.removeprefix("images/")
    for width in (storage.root / "scaled").glob("*"):
        (width / f"{name}.webp").unlink(missing_ok=True)
    return True


def _is_needed(key: str) -> bool:
    with session_scope(read_only=True) as session:
        return bool(session.scalar(select(exists().where(Image.storage_key == key))))


def _remove_work_folder(folder: Path) -> bool:
    if not folder.exists():
        return True
    with work_folder_is_free(folder) as is_free:
        if is_free:
            shutil.rmtree(folder)
    return is_free


def _checkpoint_log() -> bool:
    """Bring SQLite's write-ahead log into the database and empty it; not while others read from it.

    Whoever writes waits as long as it waits for these: so it does not.
    """
    with get_engine().connect() as connection:
        raw = connection.connection.dbapi_connection
        if raw is None:
            return False
        (patience,) = raw.execute("PRAGMA busy_timeout").fetchone()
        raw.execute("PRAGMA busy_timeout = 0")
        try:
            busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            raw.execute(f"PRAGMA busy_timeout = {patience}")
    return not busy
