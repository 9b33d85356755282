"""Every command in README and docs: run as it is written, or known for why not and then parsed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
import yaml
from PIL import Image as PillowImage
from typer.main import get_command

from server import cli, db, migrations
from server.db import session_scope
from server.models import Checkpoint, User
from server.models.run import RunState
from server.schemas.user import Scope, TokenIn
from server.security import hash_password
from server.services.accounts import tokens
from server.storage import get_storage
from tests.deployment.compose import ROOT
from tests.product import in_this_process
from tests.server.factories import make_run, make_trainable_project
from trainer.__main__ import app as trainer_app

PROGRAMS = (
    "cd", "cp", "curl", "docker", "export", "git", "make", "python", "torchrun", "weakseg",
    ".venv/bin/weakseg",
)  # fmt: skip

NOT_RUN = {
    "git clone": "needs the network; the checkout is here",
    "git pull": "needs the network",
    "make demo": "installs, and serves until Ctrl-C; tests/server/test_demo.py runs the demo",
    "make install": "has been done before any test runs",
    "make test": "is what runs this",
    "make check": "takes minutes; make test does it too",
    "make quick": "takes a minute; make test does all of it",
    "make bench-ui": "measures for minutes",
    "make bench-api": "measures for minutes",
    "python -m tests.benchmarks": "measures for minutes",
    "python -m trainer train": "trains for minutes on data that is not here; tests/trainer trains",
    "python -m trainer predict": "needs the run of the command before; tests/trainer predicts",
    "python -m trainer study": "trains for hours",
    "weakseg study": "trains for minutes, most on data that is not here; tests/trainer/study runs one",
    "python -m trainer bench": "measures for minutes",
    "torchrun": "needs four GPUs",
    "weakseg simulate": "needs masks of the project's images; tests/server/test_simulate.py labels",
    "docker compose": "needs Docker; test_compose.py checks the file",
    "docker pull": "needs Docker and the network",
    "docker image": "needs Docker",
    ".venv/bin/weakseg serve": "serves until it is stopped; the other commands ask such a server",
    ".venv/bin/weakseg worker": "works until it is stopped; tests/server/tasks runs one",
    ".venv/bin/weakseg beat": "ticks until it is stopped; tests/server/tasks runs one",
}
"""How commands begin that are not run, and why. What they name has to exist all the same."""


@dataclass(frozen=True)
class Documented:
    """One command, its continuation lines joined; `block` numbers those that one shell runs."""

    page: str
    block: int
    text: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The commands that `&&` joins, without comments."""
        words = shlex.split(self.text, comments=True)
        joined = " ".join(shlex.quote(word) if word != "&&" else word for word in words)
        return tuple(part.strip() for part in joined.split(" && "))

    @property
    def reason(self) -> str | None:
        """Why it is not run."""
        return next((NOT_RUN[known] for known in NOT_RUN if self.text.startswith(known)), None)


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str) -> Iterator[str]:
    """What is fenced as shell, and what is indented."""
    yield from re.findall(
        r"^```(?:sh|bash|shell|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL
    )
    unfenced = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for indented in re.findall(r"(?:^ {4}.*\n)+", unfenced, re.MULTILINE):
        yield re.sub(r"^ {4}", "", indented, flags=re.MULTILINE)


def documented() -> list[Documented]:
    found = []
    for page in pages():
        for number, block in enumerate(blocks(page.read_text(encoding="utf-8"))):
            lines = re.sub(r"\\\n\s*", "", block).splitlines()
            if lines and lines[0].split(" ")[0] in PROGRAMS:
                found += [Documented(page.name, number, line) for line in lines if line.strip()]
    return found


def mentioned() -> Iterator[str]:
    """Commands of ours in running text."""
    for page in pages():
        text = re.sub(
            r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        yield from re.findall(r"`((?:weakseg|make|python -m trainer|torchrun) [^`]+)`", text)


def test_every_command_is_run_or_known_for_why_not() -> None:
    commands = documented()
    assert len(commands) > 25
    for command in commands:
        assert command.text.split(" ")[0] in PROGRAMS, f"{command.page}: {command.text}"
    for known in NOT_RUN:
        assert any(c.text.startswith(known) for c in commands), f"{known} is in no page any more"
    assert sum(command.reason is None for command in commands) > 10


def test_what_a_command_names_exists() -> None:
    for command in documented():
        for part in command.parts:
            require_known(shlex.split(part), f"{command.page}: {command.text}")
    for text in mentioned():
        require_known(text.replace("|", " ").split(), text)


def require_known(words: list[str], where: str) -> None:
    match words:
        case ["make", target, *settings]:
            makefile = (ROOT / "Makefile").read_text()
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), where
            for setting in settings:
                name = setting.partition("=")[0]
                assert re.search(rf"^{name}\s*\?=", makefile, re.MULTILINE), where
        case ["weakseg" | ".venv/bin/weakseg", *arguments]:
            handed_over = arguments[0] in ("simulate", "study")
            require_options(trainer_app if handed_over else cli.app, arguments, where)
        case ["python", "-m", "trainer", *arguments]:
            require_options(trainer_app, arguments, where)
        case ["torchrun", "--nproc-per-node", _, "-m", "trainer", *arguments]:
            require_options(trainer_app, arguments, where)
        case ["python", "-m", module, *_]:
            assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), where
        case ["docker", "compose", *arguments]:
            require_of_compose(arguments, where)


def require_options(app: typer.Typer, arguments: list[str], where: str) -> None:
    command = get_command(app)
    rest = list(arguments)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]  # type: ignore[attr-defined]
    assert not getattr(command, "commands", {}) or rest in ([], ["--help"]), where
    known = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    used = {word.partition("=")[0] for word in rest if word.startswith("--")}
    assert used <= known, f"{where}: {used - known}"


def require_of_compose(arguments: list[str], where: str) -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    profiles = {profile for service in services.values() for profile in service.get("profiles", ())}
    if "--profile" in arguments:
        assert arguments[arguments.index("--profile") + 1] in profiles, where
    if "exec" in arguments:
        assert arguments[arguments.index("exec") + 1] in services, where


@dataclass(frozen=True)
class Place:
    """A folder with the files that the pages speak of, beside a server with their project."""

    folder: Path
    address: str
    token: str

    def written_for_here(self, text: str) -> str:
        """The text with what it leaves to its reader filled in."""
        for placeholder, value in {
            "http://127.0.0.1:8000": self.address,
            "wsk_...": self.token,
            "postgresql+psycopg://weakseg:...@db.example.org/weakseg": "sqlite:///other.sqlite3",
            "PROJECT": "1",
        }.items():
            text = text.replace(placeholder, value)
        return text

    def run(self, script: str) -> str:
        """What a shell said that ran the script to its end; stops at the first failure."""
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        ended = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script], cwd=self.folder, check=False,
            env=os.environ | {"PATH": programs, "WEAKSEG_PASSWORD": "for nobody else"},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert ended.returncode == 0, f"{script}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout


WEIGHTS = os.urandom(300_000)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("WEAKSEG_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    db.dispose()
    migrations.upgrade(db.get_engine())
    make_trainable_project()
    run_id = make_run(1, RunState.FAILED)
    get_storage().put_bytes("weights", WEIGHTS)
    with session_scope() as session:
        for step in (1, 2):
            session.add(
                Checkpoint(run_id=run_id, step=step, miou=0.5, score={"miou": 0.5},
                           sha256="0" * 64, size=len(WEIGHTS), storage_key="weights")
            )  # fmt: skip
        lead = User(email="lead@example.org", password_hash=hash_password("x"), role="admin")
        session.add(lead)
        session.flush()
        wanted = TokenIn(name="all", scopes=list(Scope))
        _, token = tokens.create(session, lead, wanted, holder_scopes=frozenset(Scope))
    put_files(tmp_path)
    with in_this_process() as address:
        yield Place(tmp_path, address, token)
    db.dispose()


def put_files(folder: Path) -> None:
    PillowImage.new("RGB", (64, 48), "teal").save(folder / "street.jpg")
    (folder / "manifest.ndjson").write_text('{"uri": "cam3/000123.jpg"}\n')
    (folder / "model.safetensors").write_bytes(WEIGHTS[:100_000])
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    for name in (".env.example", "Makefile"):
        shutil.copy(ROOT / name, folder)
    (folder / "annotations.xml").write_text(
        '<annotations><image id="0" name="street.jpg" width="64" height="48">'
        '<tag label="Road"/></image></annotations>'
    )


def test_the_commands_work_as_they_are_written(place: Place) -> None:
    said: dict[str, str] = {}
    scripts: dict[tuple[str, int], list[str]] = {}
    for command in documented():
        if command.reason is None and not (command.text.startswith("cd ")):
            scripts.setdefault((command.page, command.block), []).append(command.text)
    for (page, _), lines in scripts.items():
        said[page] = said.get(page, "") + place.run(place.written_for_here("\n".join(lines)))
    assert '"imported":1' in said["README.md"]
    assert '"state":"queued"' in said["README.md"]
    assert '"code":' not in said["README.md"], "no command was refused"
    assert "event: end" in said["README.md"]
    assert "hours," in said["README.md"].replace("active_hours", "hours")
    resumed = (place.folder / "model.safetensors").read_bytes()
    assert resumed == WEIGHTS, "a broken download goes on where it stopped"
    assert (place.folder / "labels.csv").read_text().count("\n") > 1
