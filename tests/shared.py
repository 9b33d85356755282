"""What the processes of one test session share: made once, by whichever needs it first."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder of this name, which `make` fills. It is for all: to be read, not to be changed."""
    base = factory.getbasetemp()
    # Each process of pytest-xdist has a folder of its own below that of the session.
    session = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, made = session / name, session / f"{name}.made"
    with (session / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(folder)
            made.touch()
    return folder
