"""The `weakseg` command without a process of its own: this one has loaded it already."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

from server import cli, db


def run_here(
    *arguments: str, environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """What a process of the command in the folder would have printed and ended with."""
    with (
        mock.patch.dict(os.environ, environment),
        mock.patch.object(sys, "argv", ["weakseg", *arguments]),
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()) as output,
        contextlib.redirect_stderr(io.StringIO()) as messages,
    ):
        db.dispose()
        status = _exit_status()
        db.dispose()
    printed = output.getvalue(), messages.getvalue()
    return subprocess.CompletedProcess(arguments, status, *printed)


def _exit_status() -> int:
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0
