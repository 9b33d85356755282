"""The browser that the end-to-end tests drive."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def find_chromium() -> str:
    """Path of the browser; raises `FileNotFoundError` with what to do when there is none."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("the browser tests need Chromium: sudo apt-get install chromium")


def chromium_arguments() -> list[str]:
    """Flags for a browser that asks nothing of the network; root has no sandbox."""
    return [*QUIET, *(["--no-sandbox"] if os.getuid() == 0 else [])]
