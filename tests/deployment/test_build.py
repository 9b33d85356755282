"""The build hook with a small frontend of the test's own and the real npm."""

import json
from pathlib import Path

import pytest

from hatch_build import build_frontend, digest_sources

BUILD = """
const fs = require("fs")
fs.mkdirSync("../server/static", { recursive: true })
const builds = fs.existsSync("../builds") ? Number(fs.readFileSync("../builds")) : 0
fs.writeFileSync("../builds", String(builds + 1))
fs.copyFileSync("src/page.html", "../server/static/index.html")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose build copies one page and counts how often it ran."""
    frontend = tmp_path / "frontend"
    (frontend / "src").mkdir(parents=True)
    (frontend / "src" / "page.html").write_text("first")
    (frontend / "build.js").write_text(BUILD)
    package = {"name": "page", "version": "0.0.0", "scripts": {"build": "node build.js"}}
    (frontend / "package.json").write_text(json.dumps(package))
    lock = {"name": "page", "version": "0.0.0", "lockfileVersion": 3}
    lock["packages"] = {"": {"name": "page", "version": "0.0.0"}}
    (frontend / "package-lock.json").write_text(json.dumps(lock))
    return tmp_path


def test_the_same_sources_are_built_once(project: Path) -> None:
    page, builds = project / "server" / "static" / "index.html", project / "builds"
    build_frontend(project)
    build_frontend(project)
    assert (page.read_text(), builds.read_text()) == ("first", "1")
    (project / "frontend" / "src" / "page.html").write_text("second")
    build_frontend(project)
    assert (page.read_text(), builds.read_text()) == ("second", "2")


def test_a_build_that_fails_is_tried_again(project: Path) -> None:
    page = project / "frontend" / "src" / "page.html"
    page.unlink()
    with pytest.raises(OSError, match="build the frontend"):
        build_frontend(project)
    page.write_text("there")
    build_frontend(project)
    assert (project / "server" / "static" / "index.html").read_text() == "there"


def test_missing_sources_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"frontend lacks package-lock\.json"):
        build_frontend(tmp_path)


def test_names_and_bytes_count_and_installed_packages_do_not(project: Path) -> None:
    frontend = project / "frontend"
    before = digest_sources(frontend)
    (frontend / "node_modules" / "react").mkdir(parents=True)
    (frontend / "node_modules" / "react" / "index.js").write_text("other")
    (frontend / "openapi.json").write_text("{}")
    assert digest_sources(frontend) == before
    page = frontend / "src" / "page.html"
    renamed = page.rename(page.with_name("other.html"))
    assert digest_sources(frontend) != before
    renamed.rename(page)
    assert digest_sources(frontend) == before
    page.write_text("First")
    assert digest_sources(frontend) != before
