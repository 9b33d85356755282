"""How many requests a process answers at once."""

import threading
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpx
import pytest
from fastapi.testclient import TestClient

from server.api.deps import LABELLING_AT_ONCE
from server.services.assignment import leases
from tests.server.factories import make_project

BODY = {"count": 1}


def asynchronous(client: TestClient) -> httpx.AsyncClient:
    """The same person, whose requests are all of one event loop, as those of a web process are."""
    cookies = {cookie.name: cookie.value or "" for cookie in client.cookies.jar}
    transport = httpx.ASGITransport(client.app)
    return httpx.AsyncClient(
        transport=transport, base_url="http://testserver", cookies=cookies, timeout=30
    )


def test_few_requests_for_work_are_answered_at_once(
    annotator: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/api/v1/projects/{make_project()}/leases"
    go_on, lock = threading.Event(), threading.Lock()
    at_work, most = 0, 0

    def take_later(*_arguments: Any) -> list[Any]:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        assert go_on.wait(30)
        with lock:
            at_work -= 1
        return []

    async def ask() -> list[int]:
        statuses: list[int] = []

        async def ask_for_work() -> None:
            statuses.append((await client.post(path, json=BODY)).status_code)

        async with asynchronous(annotator) as client, anyio.create_task_group() as group:
            for _ in range(3 * LABELLING_AT_ONCE):
                group.start_soon(ask_for_work)
            while most < LABELLING_AT_ONCE:
                await anyio.sleep(0.01)
            # Others are answered meanwhile, which takes longer than to begin one more would.
            assert (await client.get("/api/v1/me")).status_code == 200
            assert most == LABELLING_AT_ONCE
            go_on.set()
        return statuses

    monkeypatch.setattr(leases, "take_in", take_later)
    assert anyio.run(ask) == [200] * 3 * LABELLING_AT_ONCE
    assert most == LABELLING_AT_ONCE


def test_who_sends_slowly_keeps_nobody_waiting(annotator: TestClient) -> None:
    path = f"/api/v1/projects/{make_project()}/leases"

    async def ask() -> None:
        rest = anyio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield b'{"count":'
            await rest.wait()
            yield b" 1}"

        async def send_slowly() -> None:
            headers = {"Content-Type": "application/json"}
            answer = await client.post(path, content=slowly(), headers=headers)
            assert answer.status_code == 200

        async with asynchronous(annotator) as client, anyio.create_task_group() as group:
            for _ in range(2 * LABELLING_AT_ONCE):
                group.start_soon(send_slowly)
            await anyio.wait_all_tasks_blocked()
            with anyio.fail_after(60):
                assert (await client.post(path, json=BODY)).status_code == 200
            rest.set()

    anyio.run(ask)
