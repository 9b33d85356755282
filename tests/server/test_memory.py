"""What a web process has in memory."""

import os
import subprocess
import sys
from pathlib import Path

HEAVY = ("torch", "numpy", "httpx", "alembic", "authlib", "joserfc")


def _printed(program: str, data: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True,
        env=os.environ | {"WEAKSEG_DATA": str(data)},
    )  # fmt: skip
    return done.stdout.strip()


def test_it_goes_without_what_serving_pages_does_not_need(tmp_path: Path) -> None:
    program = f"import sys, server.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert _printed(program, tmp_path) == "[]"


def test_what_it_has_loaded_is_not_looked_through_for_garbage(tmp_path: Path) -> None:
    program = (
        "import gc; from server import main; app = main.create_process(); "
        "print(gc.get_freeze_count() > 50 * len(gc.get_objects()))"
    )
    assert _printed(program, tmp_path) == "True"
