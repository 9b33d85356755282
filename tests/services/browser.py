"""The browser that the end-to-end tests drive."""

import os
import shutil
from collections.abc import Sequence

SHELL = "chromium-headless-shell"
"""The same engine without the browser's own windows, which take as long to paint as the pages."""
WITH_WINDOWS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def find_chromium(names: Sequence[str] = (SHELL, *WITH_WINDOWS)) -> str:
    """Path of the first that there is; raises `FileNotFoundError` with what to do without any."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("the browser tests need Chromium: sudo apt-get install chromium")


def chromium_arguments() -> list[str]:
    """Flags for a browser that asks nothing of the network; root has no sandbox."""
    return [*QUIET, *(["--no-sandbox"] if os.getuid() == 0 else [])]
