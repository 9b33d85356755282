"""What a web process has in memory."""

import subprocess
import sys

HEAVY = ("torch", "numpy", "httpx", "alembic", "authlib", "joserfc")


def test_it_goes_without_what_serving_pages_does_not_need() -> None:
    program = f"import sys, server.main; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.strip() == "[]"
