"""What annotators do when one of them, or the server, fails."""

import asyncio
import time

import httpx
import pytest

from trainer.annotators import api
from trainer.annotators.api import Api, Latencies, Refused
from trainer.annotators.session import together
from trainer.errors import BadInput


def test_when_one_fails_the_others_give_back_first() -> None:
    given_back = []

    async def labels() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            given_back.append(True)

    async def fails() -> None:
        await asyncio.sleep(0)
        raise BadInput("no more")

    with pytest.raises(BadInput, match="no more"):
        asyncio.run(together([labels(), fails(), labels()]))
    assert given_back == [True, True]


def asked(answers: list[httpx.Response | Exception]) -> tuple[Api, list[httpx.Request]]:
    """An interface that answers so, one after the other, and what it was asked."""
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    client = httpx.AsyncClient(base_url="http://server", transport=httpx.MockTransport(answer))
    return Api(client, Latencies()), requests


def test_what_may_pass_is_asked_again_and_a_refusal_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    busy = httpx.Response(429, headers={"Retry-After": "3"})
    down = httpx.ConnectError("refused")
    late = httpx.Response(503, headers={"Retry-After": "Fri, 31 Dec 2027 23:59:59 GMT"})
    interface, requests = asked([busy, down, late, httpx.Response(200, json={"id": 7})])
    assert asyncio.run(interface.post("/leases", {"count": 1}, "lease")) == {"id": 7}
    assert len({request.content for request in requests}) == 1
    assert waited[0] == 3
    assert max(waited[1:]) < 3
    assert interface.latencies.summary()["lease"]["answers"] == 1
    assert interface.latencies.retries == 3
    problem = httpx.Response(
        409, json={"code": "lease-lost", "detail": "gone"},
        headers={"content-type": "application/problem+json"},
    )  # fmt: skip
    interface, requests = asked([problem])
    with pytest.raises(Refused, match=r"gone \(409 lease-lost\)") as refused:
        asyncio.run(interface.get("/x"))
    assert refused.value.code == "lease-lost"
    assert len(requests) == 1


def test_a_server_that_stays_away_is_said_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(_seconds: float) -> None:
        clock[0] += 25

    clock = [time.monotonic()]
    monkeypatch.setattr("asyncio.sleep", sleep)
    monkeypatch.setattr(api.time, "monotonic", lambda: clock[0])
    interface, requests = asked([httpx.ConnectError("refused") for _ in range(9)])
    with pytest.raises(BadInput, match=r"http://server.*cannot be reached: refused"):
        asyncio.run(interface.get("/x"))
    assert len(requests) == 4, "for a minute"
