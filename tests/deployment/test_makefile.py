"""What make says on machines that lack something, and what it hands on."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deployment.compose import ROOT

TOOLS = ("sh", "awk", "find", "id", "mkdir", "touch", "rm", "sed", "cat")


def make(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("make")
    assert program is not None
    return subprocess.run(
        [program, "--no-print-directory", *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environment},
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout's Makefile on a machine whose programs are in `bin`, and few."""
    for name in ("Makefile", "hatch_build.py", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "frontend").mkdir()
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/annotators.md", tmp_path / "docs")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def install(bare: Path, name: str, script: str) -> None:
    program = bare / "bin" / name
    program.unlink(missing_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def on(bare: Path, target: str) -> str:
    """What make says on the machine when it refuses the target."""
    ended = make(target, cwd=bare, PATH=str(bare / "bin"))
    assert ended.returncode == 2, ended
    return ended.stderr


def test_help_names_every_target_that_is_explained() -> None:
    explained = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = make("help").stdout
    assert {"demo", "test", "check", "client", "lock"} <= set(explained)
    for target in explained:
        assert f"make {target}" in listed


def test_settings_reach_the_demo() -> None:
    line = make("--dry-run", "demo", "PORT=9000", "DATA=/srv/state", "IMAGES=/srv/photos").stdout
    assert 'weakseg demo --data "/srv/state" --port "9000"' in line
    assert '--images "/srv/photos"' in line
    assert "--source" not in line
    assert "--simulate" not in line
    assert '--simulate "50"' in make("--dry-run", "demo", "SIMULATE=50").stdout


def test_a_machine_without_python_is_told_what_to_install(bare: Path) -> None:
    assert "apt-get install python3 python3-venv" in on(bare, "install")


def test_an_old_python_is_refused(bare: Path) -> None:
    install(bare, "python3", 'case "$2" in *version_info*) exit 1;; esac')
    assert "needs Python 3.11, 3.12 or 3.13" in on(bare, "install")


def test_a_newer_python_beside_an_old_one_is_taken(bare: Path) -> None:
    install(bare, "python3", 'case "$2" in *version_info*) exit 1;; esac')
    install(bare, "python3.12", 'case "$2" in *ensurepip*) exit 1;; esac')
    assert "python3.12 cannot make virtual environments" in on(bare, "install")


def test_a_python_without_venv_is_told_the_package(bare: Path) -> None:
    install(bare, "python3", 'case "$2" in *ensurepip*) exit 1;; esac')
    assert "apt-get install python3-venv" in on(bare, "install")


def test_a_missing_browser_fails_with_what_to_do(bare: Path) -> None:
    install(bare, "id", "echo 1000")
    assert "sudo apt-get install chromium" in on(bare, "browser")


def test_root_gets_the_browser_installed(bare: Path) -> None:
    install(bare, "id", "echo 0")
    install(bare, "apt-get", f'echo "$@" >> {bare}/asked')
    assert make("browser", cwd=bare, PATH=str(bare / "bin")).returncode == 0
    assert "install -y -qq --no-install-recommends chromium" in (bare / "asked").read_text()


def test_secrets_are_made_once_and_taken_from_where_they_stood(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "POSTGRES_PASSWORD=first\nPOSTGRES_PASSWORD='it counts & stays'\nREDIS_PASSWORD=\n"
    )
    folder = tmp_path / "secret files"
    call = ("--file", str(ROOT / "Makefile"), "secrets", f"SECRETS={folder}")
    assert make(*call, cwd=tmp_path).returncode == 0
    made = {file.name: file.read_text() for file in folder.iterdir()}
    assert made.pop("postgres-password") == "it counts & stays\n"
    assert set(made) == {"redis-password", "metrics-token"}
    assert all(re.fullmatch(r"[0-9a-f]{48}\n", secret) for secret in made.values())
    assert made["redis-password"] != made["metrics-token"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o644}
    (folder / "metrics-token").write_text("")
    again = make(*call, cwd=tmp_path)
    assert again.stdout == f"made {folder}/metrics-token\n"
    assert (folder / "redis-password").read_text() == made["redis-password"]
