"""A disk or a memory that is full: one line that says which file, or what to do."""

import errno
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.trainer.conftest import MakeRun
from trainer.__main__ import app
from trainer.command import one_line_errors
from trainer.errors import BadInput, in_one_line, is_memory_full
from trainer.run_folder.atomic import made_whole, naming, write_atomically

FEW = {"warmup_steps": 1, "steps": 1, "evaluate_every": 1, "predict": False}


@contextmanager
def limited(kind: int, size: int) -> Iterator[None]:
    """Limit this process. More bytes in a file, or in memory, are then an error, as on a full disk."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


def memory_in_use() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


@pytest.mark.parametrize(
    ("size", "file"), [(100, "progress.jsonl"), (100_000, "checkpoints/step-000001.safetensors")]
)
def test_a_file_that_cannot_be_written_is_named(make_run: MakeRun, size: int, file: str) -> None:
    run_dir = make_run("source-only", **FEW)
    with limited(resource.RLIMIT_FSIZE, size):
        ended = CliRunner().invoke(app, ["train", str(run_dir)])
    assert ended.exit_code == 1, ended
    failed = json.loads(ended.stdout.splitlines()[-1])
    assert failed["kind"] == "failed"
    assert failed["error"] == f"{run_dir / file}: File too large (error {errno.EFBIG})"
    assert ended.stderr.strip().splitlines()[-1] == f"error: {failed['error']}"
    assert "Traceback" not in ended.stderr
    for line in (run_dir / "progress.jsonl").read_text().splitlines():
        json.loads(line)
    assert not list(run_dir.rglob("*.partial"))


def test_memory_that_is_full_is_one_line(make_run: MakeRun) -> None:
    run_dir = make_run("source-only", **FEW, height=4096, width=4096, batch_size=64)
    with limited(resource.RLIMIT_AS, memory_in_use() + 512 * 1024**2):
        ended = CliRunner().invoke(app, ["train", str(run_dir)])
    assert ended.exit_code == 1, ended
    failed = json.loads(ended.stdout.splitlines()[-1])
    assert failed["kind"] == "failed"
    assert failed["error"].startswith("out of memory")
    assert "a smaller batch_size" in failed["error"]
    assert "Traceback" not in ended.stderr
    assert json.loads((run_dir / "progress.jsonl").read_text().splitlines()[-1]) == failed


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 12.5 GiB for an array with shape (1,) and type int64"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory: "
            "you tried to allocate 99999 bytes. Error code 12 (Cannot allocate memory)"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_every_word_for_full_memory_is_known(error: Exception) -> None:
    assert is_memory_full(error)
    assert in_one_line(error).startswith("out of memory")
    assert len(in_one_line(error).splitlines()) == 1


def test_other_errors_are_told_as_they_are() -> None:
    assert not is_memory_full(RuntimeError("shapes do not fit"))
    assert in_one_line(BadInput("a\nb")) == "a b"
    full = OSError(errno.ENOSPC, "No space left on device", "/runs/1/progress.jsonl")
    assert in_one_line(full) == "/runs/1/progress.jsonl: No space left on device (error 28)"
    with pytest.raises(RuntimeError, match="shapes"), one_line_errors():
        raise RuntimeError("shapes do not fit")


def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*report\.json'"):
        write_atomically(tmp_path / "report.json", b"{}")
    assert not list(tmp_path.iterdir())


def test_dev_full_is_named() -> None:
    path = Path("/dev/full")
    full = pytest.raises(OSError, match="No space left on device: '/dev/full'")
    with full, naming(path), path.open("w") as file:
        file.write("line\n")


def test_files_come_together_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "new/out"
    with pytest.raises(IsADirectoryError), made_whole(out) as place:
        place.write_text("half")
    assert not (tmp_path / "new").exists()
    for text in ("one", "two"):
        with made_whole(out) as place:
            (place / "masks").mkdir()
            (place / "masks/a.png").write_text(text)
            (place / "listing.jsonl").write_text(text)
        assert sorted(each.name for each in out.iterdir()) == ["listing.jsonl", "masks"]
        assert (out / "masks/a.png").read_text() == text
