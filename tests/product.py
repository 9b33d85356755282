"""The running product: the processes of an installation, started as an operator starts them."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvicorn

from server.http_heads import BoundedHeads
from server.main import create_app
from tests.services.processes import answers, free_port, stop

READY_SECONDS = 60


def weakseg(*arguments: str, environment: Mapping[str, str]) -> str:
    """Run one `weakseg` command to its end; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "server.cli", *arguments],
        env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


@contextmanager
def running_product(environment: Mapping[str, str], logs: Path) -> Iterator[str]:
    """API, worker and beat over the settings of `environment`; gives the address of the API.

    All of them are stopped at the end; their output stays in the folder `logs`.
    """
    with _running({"worker": ("worker",), "beat": ("beat",)}, environment, logs) as address:
        yield address


@contextmanager
def running_api(environment: Mapping[str, str], logs: Path, processes: int = 1) -> Iterator[str]:
    """The API alone, in so many processes; gives its address."""
    with _running({}, environment, logs, processes) as address:
        yield address


@contextmanager
def in_this_process() -> Iterator[str]:
    """The API in a thread of this process, over its settings; gives the address."""
    server = uvicorn.Server(
        uvicorn.Config(create_app(), port=free_port(), http=BoundedHeads, log_level="warning")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until = time.monotonic() + READY_SECONDS
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            assert time.monotonic() < until, "the server did not start in time"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.config.port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def _running(
    others: Mapping[str, tuple[str, ...]],
    environment: Mapping[str, str],
    logs: Path,
    processes: int = 1,
) -> Iterator[str]:
    logs.mkdir(parents=True, exist_ok=True)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    several = ("--processes", str(processes)) if processes > 1 else ()
    commands = {"api": ("serve", "--port", str(port), *several), **others}
    with ExitStack() as running:
        started = [
            running.enter_context(_process(name, command, environment, logs))
            for name, command in commands.items()
        ]
        _wait_until_ready(address, started, logs)
        yield address


@contextmanager
def _process(
    name: str, command: tuple[str, ...], environment: Mapping[str, str], logs: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with (logs / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "server.cli", *command],
            env=os.environ | environment, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield process
        finally:
            stop(process)


def _wait_until_ready(address: str, processes: list[subprocess.Popen[bytes]], logs: Path) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        assert all(process.poll() is None for process in processes), said(logs)
        if answers(f"{address}/health/ready"):
            return
        time.sleep(0.1)
    raise AssertionError(f"not ready after {READY_SECONDS} s:\n{said(logs)}")


def said(logs: Path) -> str:
    """What the processes have logged."""
    return "\n".join(f"--- {path.name}\n{path.read_text()}" for path in sorted(logs.iterdir()))
