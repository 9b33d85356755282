"""A real Celery worker with the scripted trainer, and its clock, over both brokers."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server import db, migrations
from server.processes import bound_to_parent
from server.schemas.run import RunIn
from server.services.runs import directory, runs
from tests.server.factories import eventually, make_trainable_project, run_row
from tests.services.postgres import fresh_database
from tests.services.processes import stop

SUCCEED, HANG_FIRST = 0, 1


@contextmanager
def process(*module: str) -> Iterator[subprocess.Popen[bytes]]:
    command = bound_to_parent([sys.executable, "-m", *module])
    started = subprocess.Popen(command)
    try:
        yield started
    finally:
        stop(started)


@contextmanager
def working() -> Iterator[subprocess.Popen[bytes]]:
    with process("tests.server.tasks.scripted_worker") as worker:
        yield worker


@pytest.fixture(scope="module", params=["sqlite and files", "postgresql and redis"])
def team(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    forked_processes: dict[str, str],
) -> Iterator[None]:
    """The two ways to run the product: on one machine, and with servers. The clock runs.

    Worker and clock are forks of a process that has loaded what they need.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in forked_processes.items():
            patch.setenv(name, value)
        patch.setenv("WEAKSEG_DATA", str(tmp_path_factory.mktemp("team") / "data"))
        patch.setenv("WEAKSEG_HEARTBEAT_SECONDS", "0.1")
        patch.setenv("WEAKSEG_STALE_SECONDS", "5")
        patch.setenv("WEAKSEG_SWEEP_SECONDS", "0.5")
        if request.param == "sqlite and files":
            with _clock():
                yield
        else:
            with fresh_database(request.getfixturevalue("postgres_url")) as url:
                patch.setenv("WEAKSEG_DATABASE_URL", url)
                patch.setenv("WEAKSEG_BROKER_URL", request.getfixturevalue("redis_url"))
                with _clock():
                    yield
                db.dispose()
    db.dispose()


@contextmanager
def _clock() -> Iterator[None]:
    db.dispose()
    migrations.upgrade(db.get_engine())
    with process(
        "celery", "--quiet", "--app=server.tasks", "beat", "--loglevel=WARNING", "--pidfile="
    ):
        yield


@pytest.fixture(scope="module")
def worker(team: None) -> Iterator[None]:
    with working():
        yield


@pytest.fixture
def project_id(team: None, request: pytest.FixtureRequest) -> int:
    return make_trainable_project(name=request.node.name)


def queue_run(project_id: int, scene: int) -> int:
    return runs.create(project_id, RunIn(overrides={"seed": scene}), None).id


def await_state(run_id: int, state: str) -> None:
    eventually(lambda: run_row(run_id).state == state)


def trainer_of(run_id: int) -> Path:
    """Where the trainer's process shows, once it works."""
    eventually(lambda: run_row(run_id).step == 3)
    lock = directory.path_of(run_id) / "trainer.lock"
    return Path("/proc") / lock.read_text()
