"""Tests write where it is fast, if there is room, and leave nothing there."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.services.scratch import in_memory


@pytest.fixture(autouse=True)
def nobody_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_files_are_in_memory_and_gone_afterwards(tmp_path: Path) -> None:
    before = tempfile.gettempdir()
    with in_memory(tmp_path, room=1):
        folder = Path(tempfile.mkdtemp())
        (folder / "file").write_text("something")
        assert folder.parent.parent == tmp_path
        assert os.environ["TMPDIR"] == str(folder.parent)
    assert list(tmp_path.iterdir()) == []
    assert (tempfile.gettempdir(), os.environ.get("TMPDIR")) == (before, None)


@pytest.mark.parametrize("memory", ["full", "missing"])
def test_without_room_they_stay_on_the_disk(tmp_path: Path, memory: str) -> None:
    before = tempfile.gettempdir()
    room = 2**60 if memory == "full" else 1
    with in_memory(tmp_path if memory == "full" else tmp_path / "gone", room):
        assert tempfile.gettempdir() == before
    assert list(tmp_path.iterdir()) == []


def test_whoever_says_where_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "mine"))
    with in_memory(tmp_path, room=1):
        assert tempfile.gettempdir() == str(tmp_path / "mine")
