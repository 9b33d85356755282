"""Seconds to register manifests of 10,000 lines by HTTP, on SQLite and on PostgreSQL.

    python -m tests.benchmarks.bench_import

Each figure is the median of five imports into fresh projects of one running server; `again` is
the import of the same manifest a second time, which changes nothing.
"""

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from tests.product import running_api, weakseg
from tests.services.postgres import fresh_database, start_postgres

LINES = 10_000
ROUNDS = 5


def main() -> None:
    table = Table("database", "first, s", "again, s", "lines/s", title=f"{LINES} manifest lines")
    with tempfile.TemporaryDirectory() as folder, start_postgres() as server:
        for kind in ("SQLite", "PostgreSQL"):
            with _server(kind, Path(folder) / kind, server) as (address, token):
                first, again = _measure(address, token)
            table.add_row(kind, f"{first:.2f}", f"{again:.2f}", f"{LINES / first:,.0f}")
    console = Console()
    console.print(table)
    console.print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
                  f"Python {platform.python_version()}, median of {ROUNDS}")  # fmt: skip


@contextmanager
def _server(kind: str, data: Path, postgres: str) -> Iterator[tuple[str, str]]:
    with fresh_database(postgres) as url:
        environment = {"WEAKSEG_DATA": str(data), "WEAKSEG_PASSWORD": "only for this moment"}
        if kind == "PostgreSQL":
            environment["WEAKSEG_DATABASE_URL"] = url
        weakseg("migrate", environment=environment)
        weakseg("user", "add", "bench@example.org", "--role", "admin", environment=environment)
        scopes = ("--scope", "admin", "--scope", "import")
        token = weakseg("token", "add", "bench@example.org", "b", *scopes, environment=environment)
        with running_api(environment, data / "logs") as address:
            yield address, token.strip()


def _measure(address: str, token: str) -> tuple[float, float]:
    lines = (
        {"uri": f"camera-{n % 8}/{n:06}.jpg", "external_id": f"frame {n:06}"} for n in range(LINES)
    )
    manifest = "\n".join(json.dumps(line) for line in lines)
    times: list[tuple[float, float]] = []
    with httpx.Client(
        base_url=f"{address}/api/v1",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=120,
    ) as client:
        for n in range(ROUNDS):
            body = {"name": f"Round {n}", "categories": [{"name": "Road"}]}
            project = client.post("/projects", json=body).json()["id"]
            times.append(
                (_send(client, project, manifest, LINES), _send(client, project, manifest, 0))
            )
    first, again = zip(*times, strict=True)
    return statistics.median(first), statistics.median(again)


def _send(client: httpx.Client, project: int, manifest: str, expected: int) -> float:
    headers = {"Content-Type": "application/x-ndjson"}
    began = time.perf_counter()
    answer = client.post(f"/projects/{project}/images", content=manifest, headers=headers)
    seconds = time.perf_counter() - began
    assert answer.json()["imported"] == expected, answer.text
    return seconds


if __name__ == "__main__":
    main()
