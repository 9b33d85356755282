"""Streams over a real connection: live events, a client that leaves, a server that ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from server.db import session_scope
from server.models import Run
from server.models.run import RunState
from server.processes import bound_to_parent
from server.services.runs import claims
from tests.server.factories import eventually, make_project, make_run
from tests.server.people import EMAILS, PASSWORD
from tests.services.processes import answers, free_port, stop

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


Server = tuple[httpx.Client, subprocess.Popen[bytes]]
"""Somebody's client of a running server, and its process."""


@contextmanager
def running_server(
    variables: Mapping[str, str],
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", "--factory", "server.main:create_app",
        "--port", str(port), "--log-level", "warning",
    ]  # fmt: skip
    process = subprocess.Popen(bound_to_parent(command), env=os.environ | variables)
    url = f"http://127.0.0.1:{port}"

    try:
        eventually(lambda: answers(f"{url}/health/live"))
        yield url, process
    finally:
        stop(process)


@contextmanager
def signed_in(variables: Mapping[str, str]) -> Iterator[Server]:
    with running_server(variables) as (url, process):
        credentials = {"email": next(iter(EMAILS.values())), "password": PASSWORD}
        with httpx.Client(base_url=url, timeout=30) as client:
            assert client.post("/api/v1/session", json=credentials).status_code == 200
            yield client, process


@pytest.fixture
def server(people: object, forked_processes: dict[str, str]) -> Iterator[Server]:
    with signed_in(forked_processes) as started:
        yield started


@pytest.fixture
def server_of_its_own(people: object) -> Iterator[Server]:
    """One that is no fork, for a test that looks into the process."""
    with signed_in({}) as started:
        yield started


def report(run_id: int, step: int) -> None:
    with session_scope() as session:
        claims.add_event(session, run_id, 1, "progress", {"step": step})


def test_events_arrive_as_they_happen_until_the_end(server: Server) -> None:
    client, _ = server
    run_id = make_run(make_project(), RunState.RUNNING)
    report(run_id, 1)
    steps = []
    with client.stream("GET", f"/api/v1/runs/{run_id}/events") as stream:
        for line in stream.iter_lines():
            if not line.startswith("data: {"):
                continue
            data = json.loads(line.removeprefix("data: "))
            if data.get("state"):
                assert data == {"state": "succeeded"}
                break
            steps.append(data["payload"]["step"])
            if len(steps) < 3:
                report(run_id, len(steps) + 1)
            else:
                with session_scope() as session:
                    session.get_one(Run, run_id).state = RunState.SUCCEEDED.value
    assert steps == [1, 2, 3]


def test_the_server_ends_although_somebody_listens(server: Server) -> None:
    client, process = server
    run_id = make_run(make_project(), RunState.RUNNING)
    report(run_id, 1)
    with client.stream("GET", f"/api/v1/runs/{run_id}/events") as stream:
        lines = stream.iter_lines()
        while not next(lines).startswith("data: "):
            pass
        process.send_signal(signal.SIGTERM)
        until = time.monotonic() + 10
        for line in lines:
            assert not line.startswith("event: end")
            assert time.monotonic() < until, "the stream goes on"
    assert process.wait(10) in (0, -signal.SIGTERM)


def test_a_client_that_leaves_leaves_nothing_behind(server_of_its_own: Server) -> None:
    client, process = server_of_its_own
    run_id = make_run(make_project(), RunState.RUNNING)
    for _ in range(60):
        with client.stream("GET", f"/api/v1/runs/{run_id}/events") as stream:
            next(stream.iter_lines())
    assert client.get("/health/ready").status_code == 200

    def connections() -> int:
        files = Path(f"/proc/{process.pid}/fd").iterdir()
        return sum(target_of(file).startswith("socket:") for file in files)

    eventually(lambda: connections() < 10)


def target_of(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""
