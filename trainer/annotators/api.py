"""A server's HTTP interface, asked as a patient browser asks it."""

import asyncio
import random
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trainer.errors import BadInput

if TYPE_CHECKING:
    import httpx

PATIENCE_SECONDS = 60.0
"""For one answer, with all tries."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
PASSING = {408, 429, 500, 502, 503, 504}
"""What may work later without anybody doing anything."""


class Refused(BadInput):
    """The server said no, and why."""

    def __init__(self, request: str, status: int, code: str, detail: str) -> None:
        super().__init__(f"{request}: {detail} ({status} {code})")
        self.status = status
        self.code = code


class Latencies:
    """How long the server took, by what was asked."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self.retries = 0

    def add(self, kind: str, seconds: float) -> None:
        """Note one answer."""
        self._seconds[kind].append(seconds)

    def summary(self) -> dict[str, dict[str, float]]:
        """By kind: number, and milliseconds at the median, p95 and p99."""
        return {
            kind: {"answers": len(found)}
            | {f"p{q}_ms": round(1000 * _quantile(found, q / 100), 1) for q in (50, 95, 99)}
            for kind, found in sorted(self._seconds.items())
        }


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


class Api:
    """One caller's connection; tries again what may pass."""

    def __init__(self, client: "httpx.AsyncClient", latencies: Latencies) -> None:
        self.client = client
        self.latencies = latencies

    async def get(self, path: str, kind: str | None = None) -> Any:
        """Raises Refused, and BadInput when the server cannot be reached."""
        return await self.send("GET", path, kind)

    async def post(self, path: str, body: object = None, kind: str | None = None) -> Any:
        """Raises as `get` does."""
        return await self.send("POST", path, kind, json=body)

    async def send(self, method: str, path: str, kind: str | None = None, **options: Any) -> Any:
        """The JSON of an answer, or its bytes when it is none.

        Raises:
            Refused: the server said no.
            BadInput: it could not be reached, or was too busy, for `PATIENCE_SECONDS`.
        """
        until, pause = time.monotonic() + PATIENCE_SECONDS, FIRST_PAUSE
        while True:
            begun = time.monotonic()
            answer, trouble = await self._try(method, path, options)
            if answer is not None and answer.status_code not in PASSING:
                self.latencies.add(kind or f"{method} {path}", time.monotonic() - begun)
                return _content(answer, f"{method} {path}")
            if time.monotonic() > until:
                if answer is not None:
                    return _content(answer, f"{method} {path}")
                raise BadInput(f"{self.client.base_url}: {trouble}")
            self.latencies.retries += 1
            await asyncio.sleep(max(_retry_after(answer), pause * random.uniform(0.5, 1)))  # noqa: S311
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _try(
        self, method: str, path: str, options: dict[str, Any]
    ) -> "tuple[httpx.Response | None, str]":
        import httpx  # noqa: PLC0415 - as below

        try:
            return await self.client.request(method, path, **options), ""
        except httpx.TransportError as error:
            return None, f"cannot be reached: {str(error) or type(error).__name__}"


def _retry_after(answer: "httpx.Response | None") -> float:
    """The seconds that an answer asks for; a date counts as none."""
    text = "" if answer is None else answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else 0.0


def _content(answer: "httpx.Response", request: str) -> Any:
    kind = answer.headers.get("content-type", "").partition(";")[0]
    is_json = kind in ("application/json", "application/problem+json")
    if answer.is_success:
        return answer.json() if is_json and answer.content else answer.content
    problem = answer.json() if is_json else {}
    detail = str(problem.get("detail") or problem.get("title") or answer.reason_phrase)
    raise Refused(request, answer.status_code, str(problem.get("code", "")), detail)


def connect(address: str, latencies: Latencies, token: str | None = None) -> Api:
    """A connection of its own, with a token or with none.

    Raises:
        BadInput: no address of a server.
    """
    import httpx  # noqa: PLC0415 - no other command needs it, and each loads this module

    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"{address!r}: write the server's address, such as http://127.0.0.1:8000")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    is_here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    client = httpx.AsyncClient(
        base_url=f"{address.rstrip('/')}/api/v1",
        headers=headers,
        timeout=PATIENCE_SECONDS,
        trust_env=not is_here,
    )
    return Api(client, latencies)
