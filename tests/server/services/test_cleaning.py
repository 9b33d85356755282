"""What is removed and what never is: on disk, through the command and the service."""

import fcntl
import os
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import delete, select
from typer.testing import CliRunner

from server import cli, db
from server.db import session_scope
from server.models import Checkpoint, Image, Prediction, Snapshot
from server.models.run import RunState
from server.queue import get_app
from server.schemas.run import RunIn
from server.services import cleaning
from server.services.runs import directory, execution, runs
from server.settings import get_settings
from server.storage import get_storage
from tests.server.factories import make_run, make_trainable_project, run_row
from tests.server.services.runs.test_execution import SCRIPT

HASH = "ab" * 32
ORPHANS = (
    f"files/images/ab/{HASH}.png",
    f"files/images/{HASH}.jpeg",
    f"files/scaled/320/ab/{HASH}.png.webp",
    f"files/runs/1/checkpoints/000004-{HASH}.safetensors",
    "files/runs/1/predictions/1/77.png",
    "files/runs/1/report-7.html",
    f"files/projects/1/snapshots/{HASH}.jsonl",
    "files/projects/1/gold/00003.mask",
    f"files/projects/1/rules/{HASH[:32]}.webp",
    "files/images/ab/.writing-x7f",
    "broker/messages/.000.runs.msg",
    "broker/taken/000.runs.msg",
    "runs/999/config.json",
    "runs/999/checkpoints/step-000004.safetensors",
)
"""Files that a crash, or a row that is gone, left behind."""
OTHERS = (
    "files/notes.txt",
    "files/images/holiday.png",
    "files/images/ab/readme",
    "files/mine/ab.png",
    "runs/notes/config.json",
    "runs/01/config.json",
    "images/cam1/000001.png",
    "weakseg.log",
)
"""Somebody else's."""


@pytest.fixture
def data(database: str) -> Path:
    return get_settings().data


@pytest.fixture
def finished(data: Path) -> int:
    """A run that has ended well, with everything that it leaves."""
    project_id = make_trainable_project()
    run_id = runs.create(project_id, RunIn(), None).id
    execution.execute(run_id, command=(sys.executable, str(SCRIPT), "end_silently"))
    assert run_row(run_id).state == "succeeded"
    return run_id


def put(path: Path, content: bytes = b"x" * 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def age(folder: Path, hours: float = 30) -> None:
    then = time.time() - 3600 * hours
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (then, then), follow_symlinks=False)


def tree(folder: Path) -> dict[str, bytes]:
    """Files, but for those of the database itself."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "sqlite3" not in path.name
    }


def weakseg_clean(*options: str) -> str:
    done = CliRunner().invoke(cli.app, ["clean", *options], catch_exceptions=False)
    assert done.exit_code == 0
    return done.output


def needed_files() -> set[Path]:
    columns = (Image.storage_key, Checkpoint.storage_key, Prediction.mask_key, Snapshot.storage_key)
    with session_scope(read_only=True) as session:
        keys = {key for column in columns for key in session.scalars(select(column)) if key}
    return {get_storage().path(key) for key in keys}


def test_what_no_row_needs_goes_and_all_else_stays(
    finished: int, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = needed_files()
    assert len(needed) > 4
    for name in (*ORPHANS, *OTHERS):
        put(data / name)
    age(data)
    before = tree(data)

    said = weakseg_clean("--dry-run") + capsys.readouterr().err
    assert tree(data) == before, "a dry run removes nothing"
    assert "would remove" in said
    weakseg_clean()

    after = tree(data)
    assert set(before) - set(after) >= set(ORPHANS)
    assert all(path.is_file() for path in needed)
    assert set(OTHERS) <= set(after)
    assert not (data / f"runs/{finished}").exists(), "storage has all of it"
    assert list(cleaning.find()) == []


def test_what_is_young_stays(finished: int, data: Path) -> None:
    for name in ORPHANS:
        put(data / name)
    weakseg_clean()
    assert all((data / name).is_file() for name in ORPHANS)


@pytest.mark.parametrize("state", [s for s in RunState if s is not RunState.SUCCEEDED])
def test_a_run_that_can_go_on_keeps_its_folder(finished: int, data: Path, state: RunState) -> None:
    folder = directory.path_of(make_run(run_row(finished).project_id, state))
    put(folder / "checkpoints/training-state.safetensors")
    half = put(folder / "checkpoints/.training-state.safetensors.12.partial")
    age(data)
    weakseg_clean()
    assert (folder / "checkpoints/training-state.safetensors").is_file()
    assert half.exists() == (state is RunState.RUNNING)


def test_a_folder_stays_while_a_trainer_works_there(finished: int, data: Path) -> None:
    lock = directory.path_of(finished) / "trainer.lock"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        weakseg_clean()
    assert lock.exists()
    weakseg_clean()
    assert not lock.exists()


def test_a_folder_stays_while_storage_lacks_a_checkpoint(finished: int, data: Path) -> None:
    with session_scope(read_only=True) as session:
        key = session.scalars(select(Checkpoint.storage_key)).one()
    get_storage().path(key).unlink()
    weakseg_clean()
    assert directory.path_of(finished).exists()


def test_links_lead_nowhere(finished: int, data: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    for name in (f"ab/{HASH}.png", "config.json", f"{HASH}.png"):
        put(outside / name)
    (data / "files/images/cd").symlink_to(outside / "ab")
    (data / f"files/images/{HASH}.png").symlink_to(outside / f"{HASH}.png")
    (data / "files/scaled").symlink_to(outside)
    (data / "runs/999").symlink_to(outside)
    put(data / "runs/998/config.json")
    (data / "runs/998/checkpoints").symlink_to(outside)
    age(data)
    age(outside)
    before = tree(outside)
    weakseg_clean()
    assert tree(outside) == before
    assert not (data / "runs/998").exists()


def test_what_is_wanted_again_meanwhile_stays(finished: int, data: Path) -> None:
    key = f"images/ab/{HASH}.png"
    path = put(data / "files" / key)
    age(data)
    (leftover,) = [each for each in cleaning.find() if each.path == path]
    assert get_storage().keep(key)
    assert not leftover.remove()
    assert path.is_file()
    age(data)
    assert leftover.remove()
    assert not get_storage().keep(key), "it is to be written anew"


def test_an_earlier_attempts_predictions_and_rows_that_are_gone(finished: int, data: Path) -> None:
    with session_scope() as session:
        session.execute(delete(Prediction).where(Prediction.run_id == finished))
    age(data)
    masks = list((data / "files/runs").rglob("*.png"))
    assert masks
    assert cleaning.clean() >= sum(len("mask of ") for _ in masks)
    assert not [mask for mask in masks if mask.exists()]


def test_a_worker_cleans_daily_unless_it_is_told_not_to(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "clean" in get_app().conf.beat_schedule
    monkeypatch.setenv("WEAKSEG_CLEAN_DAILY", "false")
    db.dispose()
    assert "clean" not in get_app().conf.beat_schedule
