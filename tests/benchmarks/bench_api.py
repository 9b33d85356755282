"""The server at work: many people at once, much at once, pictures, and a project of any size.

python -m tests.benchmarks.bench_api [--parts people,bulk,pictures] [--database SQLite,PostgreSQL]
                                     [--images 10000] [--people 1,8,32] [--processes 1,2] [--cycles 800]
                                     [--lines 30000] [--pictures 500]
                                     [--rows 10000,1000000 [--labels 1000,100000]]
                                     [--write docs/benchmarks.md]

`--rows` makes projects of so many images, of which so many are labelled (a tenth), with 500 runs, whose last
one has predicted all of them; without it there is none.

`--write` puts the tables into a document, each in place of what stands between its two marks there.

A cycle is a lease of one image and the label of it, by REST, over loopback. People wait for nothing
but their answers; all of them are one client on the same machine, which speaks HTTP by itself: a
client for every purpose takes as long for a request as the server does, on the same cores.
"""

import argparse
import asyncio
import json
import logging
import os
import platform
import random
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit

import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from server.logs import configure_logs
from server.memory import keep_loaded
from server.services.accounts import sessions
from server.services.images import verifying
from tests.benchmarks import bulk_work
from tests.benchmarks.generated_project import CATEGORIES, PRESENT, Generated, Size, generate
from tests.benchmarks.installation import empty_installation
from tests.product import running_api
from tests.services.postgres import start_postgres

TIMEOUT_SECONDS = 60


@dataclass
class Round:
    """What some people at once have met."""

    people: int
    lease_ms: list[float] = field(default_factory=list)
    submit_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0
    """Of the web processes."""
    client_seconds: float = 0.0
    """Of this one."""
    handed_out: set[int] = field(default_factory=set)
    twice: int = 0
    """Images that were handed out again."""
    errors: int = 0


def main() -> None:
    """Measure, and print tables."""
    options = _options()
    # Of this process; the web processes write theirs into a folder.
    configure_logs(json=True, level=logging.WARNING)
    keep_loaded()  # as a web process does: exports are measured inside of this one
    console = Console()
    parts = set(options.parts.split(","))
    bulk, pictures = bulk_work.bulk_table(options.lines, options.images), bulk_work.picture_table()
    people = Table(
        *(
            "database",
            "processes",
            "annotators",
            "cycles/s",
            "processor ms a cycle, server / client",
        ),
        *("lease p50 / p95 / most, ms", "submit p50 / p95 / most, ms"),
        *("handed out twice", "errors"),
        title=f"{options.images:,} images, {len(CATEGORIES)} categories",
    )
    large: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder, start_postgres() as server:
        for name in options.database.split(","):
            if "people" in parts:
                _measure_people(options, name, Path(folder), server, people)
            if {"bulk", "pictures"} & parts:
                with empty_installation(Path(folder) / f"{name}-bulk", name, server):
                    _measure_bulk(options, name, Path(folder) / "logs", (bulk, pictures))
            for rows, labels in _projects(options):
                size = Size(rows, labels, runs=500, predicted=True, people=2)
                place = Path(folder) / f"{name}-{rows}"
                # One person leases as often as is measured.
                with empty_installation(place, name, server, WEAKSEG_MAX_LEASES="64"):
                    figures = bulk_work.measure_large(generate(size))
                large[f"{name}: {rows:,} images, {labels:,} labels"] = figures
    tables = {"people": people, "bulk": bulk, "pictures": pictures}
    if large:
        tables["large"] = _side_by_side(large)
    tables = {name: table for name, table in tables.items() if table.rows}
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, client on the same cores"
    )
    for table in tables.values():
        console.print(table)
    console.print(machine)
    if options.write:
        _write(options.write, tables, machine)


def _write(document: Path, tables: Mapping[str, Table], machine: str) -> None:
    """Put tables into a document. Raises SystemExit where it has no marks for one."""
    text = document.read_text()
    for name, table in tables.items():
        start, end = f"<!-- bench_api: {name} -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(start)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise SystemExit(f"{document}: {start.strip()} ... {end} is not there")
        text = before + start + _markdown(table, machine) + end + after
    document.write_text(text)


def _markdown(table: Table, machine: str) -> str:
    """A table with its title, as it is printed."""
    head = [str(column.header) for column in table.columns]
    rows = zip(*(column.cells for column in table.columns), strict=True)
    lines = [
        head,
        ["---", *["--:"] * (len(head) - 1)],
        *([str(cell) for cell in row] for row in rows),
    ]
    body = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    return f"\n{table.title}. {machine}:\n\n{body}\n"


def _measure_bulk(
    options: argparse.Namespace, name: str, logs: Path, tables: tuple[Table, Table]
) -> None:
    bulk, pictures = tables
    parts = options.parts.split(",")
    made = generate(Size(images=2 * options.images, labels=options.images))
    if "bulk" in parts:
        for row in bulk_work.measure_bulk(name, made, options.lines, options.pictures):
            bulk.add_row(*row)
    else:
        bulk_work.register_pictures(options.pictures)
        verifying.verify_registered(options.pictures)
    if "pictures" in parts:
        pictures.add_row(*bulk_work.measure_pictures(name, made, logs))


def _measure_people(
    options: argparse.Namespace, name: str, folder: Path, server: str, table: Table
) -> None:
    for processes in _numbers(options.processes):
        with empty_installation(folder / f"{name}{processes}", name, server):
            made = generate(Size(options.images, people=max(_numbers(options.people))))
            for each in _rounds(options, made, processes, folder / "logs"):
                table.add_row(name, str(processes), *_told(each))


def _projects(options: argparse.Namespace) -> list[tuple[int, int]]:
    """Images and labels of each that is generated."""
    rows = _numbers(options.rows)
    labels = _numbers(options.labels) or [count // 10 for count in rows]
    return list(zip(rows, labels, strict=True))


def _side_by_side(columns: Mapping[str, Mapping[str, str]]) -> Table:
    title = "Projects with labels of 19 categories and 500 runs; ms unless said"
    table = Table("what", *columns, title=title)
    for what in next(iter(columns.values())):
        table.add_row(what, *(column[what] for column in columns.values()))
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--people", default="1,8,32")
    parser.add_argument("--processes", default="1,2")
    parser.add_argument("--cycles", type=int, default=800)
    parser.add_argument("--database", default="SQLite,PostgreSQL")
    parser.add_argument("--parts", default="people,bulk,pictures")
    parser.add_argument("--lines", type=int, default=30_000)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--rows", default="")
    parser.add_argument("--labels", default="")
    parser.add_argument("--write", type=Path)
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",") if part]


def _rounds(
    options: argparse.Namespace, workplace: Generated, processes: int, logs: Path
) -> Iterator[Round]:
    with running_api({}, logs, processes) as address:
        for people in track(_numbers(options.people), "labelling", transient=True):
            before, own_before = _processor_seconds(), time.process_time()
            met = asyncio.run(_label(address, workplace, people, options.cycles))
            met.processor_seconds = _processor_seconds() - before
            met.client_seconds = time.process_time() - own_before
            yield met


def _processor_seconds() -> float:
    """What the web processes have taken so far: all that this process has started but databases."""
    children = psutil.Process().children(recursive=True)
    spent = (each.cpu_times() for each in children if "python" in each.name())
    return sum(times.user + times.system for times in spent)


async def _label(address: str, workplace: Generated, people: int, cycles: int) -> Round:
    met = Round(people)
    turns = iter(range(cycles))
    began = time.perf_counter()
    await asyncio.gather(
        *(_person(address, workplace, secret, turns, met) for secret in workplace.sessions[:people])
    )
    met.seconds = time.perf_counter() - began
    return met


async def _person(
    address: str, workplace: Generated, secret: str, turns: Iterator[int], met: Round
) -> None:
    rng = random.Random(secret)
    async with _signed_in(address, secret) as client:
        for _ in turns:
            began = time.perf_counter()
            status, answer = await client.ask(
                "POST", f"/projects/{workplace.project_id}/leases", {"count": 1}
            )
            met.lease_ms.append(1000 * (time.perf_counter() - began))
            if status != HTTPStatus.OK or not answer:
                met.errors += 1
                continue
            (lease,) = answer
            image_id = lease["image"]["id"]
            met.twice += image_id in met.handed_out
            met.handed_out.add(image_id)
            began = time.perf_counter()
            status, answer = await client.ask(
                "PUT", f"/images/{image_id}/label", _answers(rng, lease["id"]),
                {"Idempotency-Key": secrets.token_hex(8)},
            )  # fmt: skip
            met.submit_ms.append(1000 * (time.perf_counter() - began))
            met.errors += status != HTTPStatus.OK or answer["image_id"] != image_id


@dataclass(frozen=True)
class _Client:
    """A connection that is kept, for JSON both ways."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    headers: str

    async def ask(
        self, method: str, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and content of an answer. Raises TimeoutError, and IncompleteReadError."""
        content = json.dumps(body).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = (
            f"{method} /api/v1{path} HTTP/1.1\r\n{self.headers}{more}"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        self.writer.write(head.encode() + content)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            start, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            pairs = (line.lower().partition(":") for line in lines)
            length = next(int(value) for name, _, value in pairs if name == "content-length")
            return int(start.split()[1]), json.loads(await self.reader.readexactly(length))


@asynccontextmanager
async def _signed_in(address: str, secret: str) -> AsyncIterator[_Client]:
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield _Client(
            reader,
            writer,
            f"Host: {place.netloc}\r\nOrigin: {address}\r\nContent-Type: application/json\r\n"
            f"Cookie: {sessions.COOKIE}={secret}\r\n",
        )
    finally:
        writer.close()


def _answers(rng: random.Random, lease_id: str) -> dict[str, object]:
    present = [name for name in CATEGORIES if rng.random() < PRESENT]
    absent = [name for name in CATEGORIES if name not in present]
    timing = {"wall_ms": 3200, "events": [{"at": 900, "kind": "input"}]}
    return {"lease_id": lease_id, "present": present, "absent": absent, "timing": timing}


def _told(met: Round) -> tuple[str, ...]:
    done = len(met.submit_ms)
    return (
        str(met.people), f"{done / met.seconds:,.1f}",
        f"{1000 * met.processor_seconds / done:.1f} / {1000 * met.client_seconds / done:.1f}",
        _spread(met.lease_ms), _spread(met.submit_ms), str(met.twice), str(met.errors),
    )  # fmt: skip


def _spread(times: Sequence[float]) -> str:
    percentiles = quantiles(times, n=100)
    return f"{percentiles[49]:,.1f} / {percentiles[94]:,.1f} / {max(times):,.0f}"


if __name__ == "__main__":
    main()
