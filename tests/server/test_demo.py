"""`weakseg demo` as a person starts it: what it prints, shows, keeps, and leaves behind."""

import contextlib
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest
from PIL import Image
from rich.console import Console

from server import db, demo_content
from server.db import session_scope
from server.demo_content import Drawing, Drawings, Target, ensure_project
from server.models.user import Role
from server.schemas.project import ImageCounts
from server.services.accounts import tokens
from tests.command import run_here
from tests.server.factories import make_project, make_user
from tests.services.processes import free_port
from trainer.contract import DatasetCard, Supervision
from trainer.recipes import RunSubject, apply_overrides, build

START_SECONDS = 300
STOP_SECONDS = 60
ADMIN, ANNOTATOR = "admin@demo.local", "annotator@demo.local"


class Demo:
    """A running demo: its output, its address and what it says about the accounts."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.address = f"http://127.0.0.1:{port}"
        self.output = ""

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.output += line
            if f"  {ANNOTATOR}" in line:
                return
        pytest.fail(f"the demo ended:\n{self.output}")

    def password(self, email: str) -> str:
        found = re.search(rf"{re.escape(email)} +password: (.+)", self.output)
        assert found, self.output
        return found[1]

    @contextlib.contextmanager
    def sign_in(self, email: str, password: str) -> Iterator[httpx.Client]:
        """A client with a session of the account."""
        address = f"{self.address}/api/v1"
        with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
            body = {"email": email, "password": password}
            client.post("/session", json=body).raise_for_status()
            yield client

    def descendants(self) -> list[int]:
        """The demo and every process that it or its children started."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with contextlib.suppress(OSError):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    parents[int(entry.name)] = int(fields[1])
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def stop(self) -> int:
        """One Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.stdout is not None
        self.output += self.process.stdout.read()
        return self.process.wait(STOP_SECONDS)


def options(data: Path, *more: str, port: int) -> list[str]:
    scenes = ("--scenes", "4", "5", "4")
    where = ("--data", str(data), "--port", str(port))
    return [*where, *scenes, *more]


@contextlib.contextmanager
def start(data: Path, *more: str, **environment: str) -> Iterator[Demo]:
    """A demo that is ready; it is killed when the block has not stopped it."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "server.cli", "demo", *options(data, *more, port=port)],
        env={**os.environ, **environment},
        cwd=data.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    demo = Demo(process, port)
    watch = threading.Timer(START_SECONDS, process.kill)
    watch.start()
    try:
        demo.wait_until_ready()
        yield demo
    finally:
        watch.cancel()
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def still_alive(pids: list[int]) -> list[int]:
    """Those that have not ended when the time is up."""
    deadline = time.monotonic() + STOP_SECONDS
    while (alive := [pid for pid in pids if _is_running(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def _is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def refuse(data: Path, *more: str, port: int, **environment: str) -> str:
    """The one line with which the demo refuses to start."""
    arguments = options(data, *more, port=port)
    ended = run_here("demo", *arguments, environment=environment, folder=data.parent)
    assert ended.returncode == 2, ended
    (line,) = ended.stderr.strip().splitlines()
    return line


def test_the_demo_from_its_first_start_to_ones_own_images(
    tmp_path: Path, forked_product: dict[str, str]
) -> None:
    data = tmp_path / "state"
    with start(data) as demo:
        assert demo.output.rstrip().splitlines()[-3] == demo.address
        password = demo.password(ADMIN)
        assert stat.S_IMODE((data / "demo-password").stat().st_mode) == 0o600
        with demo.sign_in(ADMIN, password) as client:
            (project,) = client.get("/projects").json()
            assert project["images"]["total"] == 5
            assert (project["source"], project["validation"]) == ("demo-source", "demo-validation")
            assert len(project["categories"]) == 11
            usable = client.get("/datasets").json()
            assert [dataset["problem"] for dataset in usable] == [None, None]
        with demo.sign_in(ANNOTATOR, password) as client:
            leases = client.post(f"/projects/{project['id']}/leases", json={"count": 2}).json()
            assert len(leases) == 2
            picture = client.get(leases[0]["image"]["url"].removeprefix("/api/v1"))
            assert picture.headers["content-type"].startswith("image/")
        processes = demo.descendants()
        assert len(processes) >= 4
        assert demo.stop() == 0
        assert still_alive(processes) == []
        with pytest.raises(httpx.ConnectError):
            httpx.get(demo.address, trust_env=False)

    own, elsewhere = tmp_path / "photographs", tmp_path / "elsewhere"
    own.mkdir()
    elsewhere.mkdir()
    Image.new("RGB", (80, 60), "teal").save(own / "a.jpg")
    Image.new("RGB", (80, 60), "olive").save(elsewhere / "3.05\u202fPM.png")
    (own / "linked").symlink_to(elsewhere)
    for name in ("._a.jpg", "notes.txt", os.fsdecode(b"caf\xe9.jpg")):
        (own / name).touch()
    with start(data, "--images", str(own)) as demo:
        assert "photographs: left out: 1 hidden, 1 .txt" in demo.output
        assert r"refused caf\xe9.jpg: the name is not valid UTF-8" in demo.output
        assert demo.password(ANNOTATOR) == password
        with demo.sign_in(ADMIN, password) as client:
            projects = {project["name"]: project for project in client.get("/projects").json()}
        assert projects["Demo streets"]["images"]["total"] == 5
        assert projects["photographs"]["images"]["total"] == 2
        with demo.sign_in(ANNOTATOR, password) as client:
            own_leases = f"/projects/{projects['photographs']['id']}/leases"
            leased = client.post(own_leases, json={"count": 2}).json()
            names = {lease["image"]["external_id"] for lease in leased}
            assert names == {"a.jpg", "linked/3.05\u202fPM.png"}
        assert projects["photographs"]["validation"] is None
        processes = demo.descendants()
        demo.process.kill()
        assert still_alive(processes) == []

    Image.new("RGB", (80, 60), "navy").save(own / "c.jpg")
    with start(data, **forked_product, WEAKSEG_DEMO_PASSWORD="chosen by me") as demo:
        assert "photographs: 1 new images, 2 known" in demo.output
        assert not (data / "demo-password").exists()
        with demo.sign_in(ADMIN, "chosen by me"):
            pass
        with pytest.raises(httpx.HTTPStatusError, match="401"), demo.sign_in(ADMIN, password):
            pass
        assert "already runs" in refuse(data, port=free_port())
        assert demo.stop() == 0


def test_a_taken_port_is_said_before_anything_is_drawn(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}: Address already in use" in refuse(tmp_path / "d", port=port)
    assert not (tmp_path / "d" / "datasets").exists()


def test_the_demo_keeps_away_from_a_team_database(tmp_path: Path) -> None:
    url = "postgresql+psycopg://weakseg@127.0.0.1:1/weakseg"
    line = refuse(tmp_path / "d", port=free_port(), WEAKSEG_DATABASE_URL=url)
    assert "unset WEAKSEG_DATABASE_URL" in line


@pytest.mark.parametrize(
    ("name", "says"), [("absent", "is not a folder"), ("empty", "no pictures")]
)
def test_a_folder_without_images_is_refused(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    folder = str(tmp_path / name)
    assert says in refuse(tmp_path / "d", "--images", folder, port=free_port())


def test_simulated_annotators_are_for_drawn_scenes(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    Image.new("RGB", (80, 60), "teal").save(tmp_path / "own" / "a.jpg")
    more = ("--images", str(tmp_path / "own"), "--simulate", "5")
    assert "--simulate is for the drawn scenes" in refuse(tmp_path / "d", *more, port=free_port())


def test_scenes_with_masks_are_drawn_once_and_are_the_target_too(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weakseg.sqlite3").write_bytes(migrated_sqlite.read_bytes())
    monkeypatch.setenv("WEAKSEG_DATA", str(tmp_path))
    db.dispose()
    root, drawn = tmp_path / "datasets", list[str]()
    series = demo_content._draw_series

    def draw_series(drawing: Drawing, folder: Path) -> Iterator[int]:
        drawn.extend([drawing.name] * (drawing.count - len(list(folder.glob("images/*.jpg")))))
        return series(drawing, folder)

    monkeypatch.setattr(demo_content, "_draw_series", draw_series)
    target = Target("Demo streets", root / "demo-target" / "images", is_drawn=True)

    def ensure(count: int, *, with_masks: bool) -> list[str]:
        drawings = Drawings.of_counts(1, count, 1)
        ensure_project(target, drawings, None, None, Console(), with_masks=with_masks)
        return sorted(picture.name for picture in target.images.iterdir())

    both = ["scene-00000.jpg", "scene-00001.jpg"]
    assert ensure(2, with_masks=True) == both
    assert drawn == [*["demo-target-masked"] * 2, "demo-validation", "demo-source"]
    assert "masks" not in (root / "demo-target" / "card.yaml").read_text()
    assert ensure(2, with_masks=False) == both
    assert len(drawn) == 4
    shutil.rmtree(root / "demo-target-masked")
    assert ensure(3, with_masks=True) == both, "a series that is whole stays as it is"
    assert drawn[4:] == ["demo-target-masked"] * 3
    db.dispose()


def test_what_simulated_annotators_are_told_to_do(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weakseg.sqlite3").write_bytes(migrated_sqlite.read_bytes())
    monkeypatch.setenv("WEAKSEG_DATA", str(tmp_path))
    db.dispose()
    make_user(ADMIN, Role.ADMIN)
    make_project("Demo streets")
    counts = ImageCounts(
        total=13,
        registered=12,
        ready=0,
        rejected=1,
        labelled=0,
        leased=0,
        answers=0,
        answers_wanted=12,
    )

    def of_projects(_session: object, project_ids: Sequence[int]) -> dict[int, ImageCounts]:
        return dict.fromkeys(project_ids, counts)

    monkeypatch.setattr(demo_content.counting, "of_projects", of_projects)
    target = Target("Demo streets", tmp_path, is_drawn=True)
    wanted = demo_content.simulation(target, 50, Console())
    assert wanted is not None
    line = " ".join(wanted.arguments)
    assert "--labels 12 --runs-after 2,4,8,12 " in line, "no more than there are"
    with session_scope() as session:
        assert tokens.find(session, wanted.token).user.email == ADMIN
    subject = RunSubject(
        supervision=Supervision.POINT, categories=("a", "b"),
        source=DatasetCard(name="s", ids={0: "a", 1: "b"}, masks="m"),
        target=DatasetCard(name="t"), labels=Path("labels.jsonl"),
    )  # fmt: skip
    changes = dict(change.split("=") for change in demo_content.SHORT_RUN)
    assert apply_overrides(build(demo_content.DRAWN_RECIPE, subject), changes).height == 120
    counts = counts.model_copy(update={"labelled": 11})
    wanted = demo_content.simulation(target, 12, Console())
    assert wanted is not None
    assert "--runs-after 1 " in " ".join(wanted.arguments)
    assert demo_content.simulation(target, 11, Console()) is None
    db.dispose()
