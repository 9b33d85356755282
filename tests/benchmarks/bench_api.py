"""Labelling by many people at once: how fast the server leases images and takes their labels.

python -m tests.benchmarks.bench_api [--images 10000] [--people 1,8,32] [--processes 1,2]
                                     [--cycles 800] [--database SQLite,PostgreSQL]

A cycle is a lease of one image and the label of it, by REST, over loopback. People wait for nothing
but their answers; all of them are one client on the same machine, whose work is part of what is told.
"""

import argparse
import asyncio
import os
import platform
import random
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

import httpx
import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import insert

from server.db import session_scope, utcnow
from server.models import Assignment, Image, User
from server.models.image import AssignmentState, ImageState
from server.models.user import Role
from server.schemas.project import CategoryIn, ProjectIn
from server.services import projects, users
from tests.benchmarks.installation import empty_installation
from tests.product import running_api
from tests.services.postgres import start_postgres

CATEGORIES = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation",
    "terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)  # fmt: skip
"""Those of Cityscapes."""
PRESENT = 0.45
"""How common each of them is."""
TIMEOUT_SECONDS = 60
BATCH = 5_000


@dataclass(frozen=True)
class Workplace:
    """A project with verified images, and the secrets of the sessions of signed-in annotators."""

    project_id: int
    sessions: Sequence[str]


@dataclass
class Round:
    """What some people at once have met."""

    people: int
    lease_ms: list[float] = field(default_factory=list)
    submit_ms: list[float] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0
    """Of the web processes."""
    handed_out: set[int] = field(default_factory=set)
    twice: int = 0
    """Images that were handed out again."""
    errors: int = 0


def main() -> None:
    """Measure, and print a table."""
    options = _options()
    console = Console()
    table = Table(
        *("database", "processes", "annotators", "cycles/s", "processor ms a cycle"),
        *("lease p50 / p95 / most, ms", "submit p50 / p95 / most, ms"),
        *("handed out twice", "errors"),
        title=f"{options.images:,} images, {len(CATEGORIES)} categories",
    )
    with tempfile.TemporaryDirectory() as folder, start_postgres() as server:
        for name in options.database.split(","):
            for processes in _numbers(options.processes):
                with empty_installation(Path(folder) / f"{name}{processes}", name, server):
                    workplace = _fill(options.images, max(_numbers(options.people)))
                    for each in _rounds(options, workplace, processes, Path(folder) / "logs"):
                        table.add_row(name, str(processes), *_told(each))
    console.print(table)
    console.print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
                  f"Python {platform.python_version()}, client on the same cores")  # fmt: skip


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--people", default="1,8,32")
    parser.add_argument("--processes", default="1,2")
    parser.add_argument("--cycles", type=int, default=800)
    parser.add_argument("--database", default="SQLite,PostgreSQL")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _fill(images: int, people: int) -> Workplace:
    with session_scope() as session:
        wanted = ProjectIn(
            name="Streets", mode="tags", categories=[CategoryIn(name=name) for name in CATEGORIES]
        )
        project_id = projects.create(session, wanted).id
        annotators = [
            User(email=f"{n}@example.org", password_hash="-", role=Role.ANNOTATOR)
            for n in range(people)
        ]
        session.add_all(annotators)
        session.flush()
        sessions = [users.start_session(session, annotator) for annotator in annotators]
    for first in range(1, images + 1, BATCH):
        ids = range(first, min(first + BATCH, images + 1))
        with session_scope() as session:
            session.execute(insert(Image), [_image(project_id, i) for i in ids])
            session.execute(insert(Assignment), [_assignment(project_id, i) for i in ids])
    return Workplace(project_id, sessions)


def _image(project_id: int, image_id: int) -> dict[str, object]:
    name = f"img/{image_id:07d}.jpg"
    return {
        "id": image_id, "project_id": project_id, "external_id": name, "comparable_id": name,
        "split": "train", "state": ImageState.READY, "width": 1280, "height": 640, "labelled": False,
        "gold": False, "created_at": utcnow(),
    }  # fmt: skip


def _assignment(project_id: int, image_id: int) -> dict[str, object]:
    return {
        "project_id": project_id, "image_id": image_id, "slot": 0, "state": AssignmentState.OPEN,
        "priority": 0.0, "gold": False,
    }  # fmt: skip


def _rounds(
    options: argparse.Namespace, workplace: Workplace, processes: int, logs: Path
) -> Iterator[Round]:
    with running_api({}, logs, processes) as address:
        for people in track(_numbers(options.people), "labelling", transient=True):
            before = _processor_seconds()
            met = asyncio.run(_label(address, workplace, people, options.cycles))
            met.processor_seconds = _processor_seconds() - before
            yield met


def _processor_seconds() -> float:
    """What the web processes have taken so far: all that this process has started but databases."""
    children = psutil.Process().children(recursive=True)
    spent = (each.cpu_times() for each in children if "python" in each.name())
    return sum(times.user + times.system for times in spent)


async def _label(address: str, workplace: Workplace, people: int, cycles: int) -> Round:
    met = Round(people)
    turns = iter(range(cycles))
    began = time.perf_counter()
    await asyncio.gather(
        *(_person(address, workplace, secret, turns, met) for secret in workplace.sessions[:people])
    )
    met.seconds = time.perf_counter() - began
    return met


async def _person(
    address: str, workplace: Workplace, secret: str, turns: Iterator[int], met: Round
) -> None:
    rng = random.Random(secret)
    cookies = {users.SESSION_COOKIE: secret}
    async with httpx.AsyncClient(
        base_url=f"{address}/api/v1", cookies=cookies, headers={"Origin": address},
        timeout=TIMEOUT_SECONDS, trust_env=False,
    ) as client:  # fmt: skip
        for _ in turns:
            began = time.perf_counter()
            answer = await client.post(
                f"/projects/{workplace.project_id}/leases", json={"count": 1}
            )
            met.lease_ms.append(1000 * (time.perf_counter() - began))
            if not answer.is_success or not answer.json():
                met.errors += 1
                continue
            (lease,) = answer.json()
            image_id = lease["image"]["id"]
            met.twice += image_id in met.handed_out
            met.handed_out.add(image_id)
            began = time.perf_counter()
            answer = await client.put(
                f"/images/{image_id}/label", json=_answers(rng, lease["id"]),
                headers={"Idempotency-Key": secrets.token_hex(8)},
            )  # fmt: skip
            met.submit_ms.append(1000 * (time.perf_counter() - began))
            met.errors += not answer.is_success


def _answers(rng: random.Random, lease_id: str) -> dict[str, object]:
    present = [name for name in CATEGORIES if rng.random() < PRESENT]
    absent = [name for name in CATEGORIES if name not in present]
    timing = {"wall_ms": 3200, "events": [{"at": 900, "kind": "input"}]}
    return {"lease_id": lease_id, "present": present, "absent": absent, "timing": timing}


def _told(met: Round) -> tuple[str, ...]:
    done = len(met.submit_ms)
    return (
        str(met.people), f"{done / met.seconds:,.1f}", f"{1000 * met.processor_seconds / done:.1f}",
        _spread(met.lease_ms), _spread(met.submit_ms), str(met.twice), str(met.errors),
    )  # fmt: skip


def _spread(times: Sequence[float]) -> str:
    percentiles = quantiles(times, n=100)
    return f"{percentiles[49]:,.1f} / {percentiles[94]:,.1f} / {max(times):,.0f}"


if __name__ == "__main__":
    main()
