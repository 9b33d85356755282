"""The whole product as processes of its own, any of which can be killed, stopped or starved."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx
import redis
from sqlalchemy import Engine, text

from server.db import make_engine
from server.processes import bound_to_parent
from server.services.runs.trainer_process import LOCK
from tests.services.postgres import Postgres, own_postgres
from tests.services.processes import free_port, stop
from tests.services.redis import start_redis

ROOT = Path(__file__).parents[2]
Found = TypeVar("Found")
PATIENCE = 180.0
"""Seconds after which something that has not happened counts as lost."""
POLL = 0.1
RUN = {
    "recipe": "tiny",
    "supervision": "point",
    "overrides": {
        "warmup_steps": 3, "steps": 9, "evaluate_every": 3, "report_every": 1,
        "height": 32, "width": 32,
    },
}  # fmt: skip


def wait_for(look: Callable[[], Found | None], what: str, seconds: float = PATIENCE) -> Found:
    """What `look` gives, once it gives something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(POLL)
    raise AssertionError(f"{what}: not after {seconds:g} s")


class Site:
    """Web process, worker and clock over one data folder."""

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        postgres: Postgres | None,
        broker: str | None,
    ) -> None:
        self.folder, self.postgres, self.broker = folder, postgres, broker
        self.data = folder / "data"
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.environment = os.environ | environment | {"PYTHONPATH": os.pathsep.join(path)}
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self.commands = {
            "web": ("serve", "--port", str(self._port)),
            "worker": ("worker",),
            "clock": ("beat",),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        made = json.loads(self._prepare())
        self.project = int(made["project"])
        self.headers = {"Authorization": f"Bearer {made['token']}"}
        url = environment.get("WEAKSEG_DATABASE_URL", f"sqlite:///{self.data / 'weakseg.sqlite3'}")
        self._engine: Engine = make_engine(url)
        self.api = self.client()

    def _prepare(self) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tests.faults.prepare"],
            env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, headers=self.headers, trust_env=False, timeout=5)

    def start(self, name: str) -> None:
        command = bound_to_parent([sys.executable, "-m", "server.cli", *self.commands[name]])
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def kill(self, *names: str) -> None:
        """Kill processes at once, and wait for their ends: until then they look alive."""
        for name in names:
            self.processes[name].kill()
        for name in names:
            self.processes[name].wait(PATIENCE)
        if "web" in names:  # the fork that one is in tests has its port a moment longer
            wait_for(lambda: not self._listens(), "a free port")

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def start_missing(self) -> None:
        """Start again what has ended, as an operator's supervisor would."""
        for name in self.commands:
            if name not in self.processes or self.processes[name].poll() is not None:
                self.start(name)

    def is_ready(self) -> bool:
        try:
            return self.api.get("/health/ready").is_success
        except httpx.TransportError:
            return False

    def get(self, path: str) -> Any:
        """The answer as data; what does not get through is asked again."""

        def ask() -> httpx.Response | None:
            with suppress(httpx.TransportError):
                answer = self.api.get(path)
                return answer if answer.status_code < 500 else None
            return None

        answer = wait_for(ask, f"GET {path}")
        assert answer.is_success, (path, answer.text)
        return answer.json()

    def post(self, path: str, body: object = None) -> httpx.Response:
        def ask() -> httpx.Response | None:
            with suppress(httpx.TransportError):
                answer = self.api.post(path, json=body)
                return answer if answer.status_code < 500 else None
            return None

        return wait_for(ask, f"POST {path}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def run(self, run_id: int) -> dict[str, Any]:
        return dict(self.get(f"/api/v1/runs/{run_id}"))

    def run_folder(self, run_id: int) -> Path:
        return self.data / "runs" / str(run_id)

    def trainers(self) -> dict[str, set[int]]:
        """Living trainers by the folder that they train in; a child of one is not counted."""
        found: dict[str, set[int]] = {}
        for pid, command in _commands():
            if command[1:4] == ["-m", "trainer", "train"] and str(self.data) in command[-1]:
                with suppress(ProcessLookupError):
                    if os.getpgid(pid) == pid:
                        found.setdefault(command[-1], set()).add(pid)
        return found

    def trainer_of(self, run_id: int) -> int | None:
        return next(iter(self.trainers().get(str(self.run_folder(run_id)), ())), None)

    def limit_files(self, run_id: int, size: int) -> None:
        """Let whatever works in a run's folder write no more bytes than this to any file."""
        lock = self.run_folder(run_id) / LOCK
        ours = {process.pid for process in self.processes.values()}
        for pid in {pid for pid, _ in _commands()} - ours:
            with suppress(OSError):
                if any(file.samefile(lock) for file in Path(f"/proc/{pid}/fd").iterdir()):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, size))

    def close(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            stop(process)
        self.api.close()
        self._engine.dispose()

    def said(self) -> str:
        """The ends of what all processes have logged."""
        logs = [*self.folder.glob("*.log"), *self.data.glob("runs/*/trainer.log")]
        return "\n".join(f"--- {log}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)


def _commands() -> Iterator[tuple[int, list[str]]]:
    """Numbers and command lines of all processes that are alive."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                # One that has ended, and that nobody has waited for, has no command line.
                if line := (entry / "cmdline").read_text(errors="replace"):
                    yield int(entry.name), line.rstrip("\0").split("\0")


def left_over(data: Path) -> list[int]:
    """Processes that still work in a data folder."""
    return [pid for pid, command in _commands() if any(str(data) in part for part in command)]


@contextmanager
def running_site(folder: Path, *, embedded: bool) -> Iterator[Site]:
    """A site on SQLite and files, or on PostgreSQL and the Redis protocol."""
    environment = {
        "WEAKSEG_DATA": str(folder / "data"),
        "WEAKSEG_SWEEP_SECONDS": "0.5",
        "WEAKSEG_HEARTBEAT_SECONDS": "0.5",
        "WEAKSEG_STALE_SECONDS": "5",
        "WEAKSEG_MAX_ATTEMPTS": "1000",
        "WEAKSEG_TRAINER_THREADS": "1",
        "WEAKSEG_MIN_FREE_BYTES": "0",
        "OMP_NUM_THREADS": "1",
    }
    with ExitStack() as services:
        postgres = broker = None
        if not embedded:
            postgres = services.enter_context(own_postgres())
            broker = services.enter_context(start_redis())
            environment |= {"WEAKSEG_DATABASE_URL": postgres.url, "WEAKSEG_BROKER_URL": broker}
        site = Site(folder, environment, postgres, broker)
        try:
            site.start_missing()
            wait_for(site.is_ready, "ready")
            yield site
        finally:
            site.close()


def flush(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        client.flushall()
