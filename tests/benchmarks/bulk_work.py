"""What is done to many images and labels at once, measured: parts of `bench_api`."""

import asyncio
import io
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image as PillowImage
from rich.table import Table
from sqlalchemy import func, select, update

from server.db import session_scope
from server.models import Image, Project, User
from server.models.image import ImageState
from server.schemas.image import ManifestLine
from server.schemas.label import LabelIn, Timing
from server.schemas.project import CategoryIn, ProjectIn
from server.services import measures, predictions, projects
from server.services.accounts import sessions
from server.services.assignment import leases, overlap, priorities, sweep_counts, sweep_pages
from server.services.images import browse, counting, importing, manifests, verifying
from server.services.images.browse import ImageFilter
from server.services.labels import files as label_files
from server.services.labels import snapshots, submitting
from server.services.labels.formats import LabelFormat
from server.services.quality import agreement
from server.settings import get_settings
from tests.benchmarks.generated_project import CATEGORIES, Generated
from tests.product import running_api

CLIENTS = 32
PICTURE_SECONDS = 5
ROUNDS = 7


@dataclass
class Spent:
    """Time that passed, and that this process's threads worked, in seconds."""

    wall: float = 0.0
    processor: float = 0.0
    longest_wait: float = 0.0
    """Of somebody else who writes one row again and again meanwhile."""

    def __str__(self) -> str:
        return f"{self.wall:,.2f} / {self.processor:,.2f}"


def bulk_table(images: int, labels: int) -> Table:
    """The columns that `measure_bulk` fills."""
    return Table(
        *(
            "database",
            "what",
            "how many",
            "seconds: wall / processor",
            "a second of wall / processor",
        ),
        "longest wait of a writer meanwhile, ms",
        title=f"{images:,} manifest lines, {labels:,} labels of 19 categories; processor time without the database server's",
    )


def measure_bulk(name: str, made: Generated, lines: int, pictures: int) -> Iterator[Sequence[str]]:
    """Rows of the table: import, verification, exports and a snapshot of a project."""
    with _measured() as spent:
        project_id = _new_project("imported")
        importing.register_manifest(project_id, manifests.parse(io.BytesIO(_manifest(lines))))
    yield _row(name, "import", lines, spent)
    with _measured() as spent:
        importing.register_manifest(project_id, manifests.parse(io.BytesIO(_manifest(lines))))
    yield _row(name, "import again", lines, spent)
    with session_scope() as session:  # their files do not exist
        session.execute(
            update(Image).where(Image.project_id == project_id).values(state=ImageState.REJECTED)
        )
    register_pictures(pictures)
    with _measured() as spent:
        while verifying.verify_registered():
            pass
    yield _row(name, "verification, 1280 x 640 JPEG", pictures, spent)
    with session_scope(read_only=True) as session:
        labels = snapshots.count_current_labels(session, made.project_id)
    for form in LabelFormat:
        with _measured() as spent:
            _export(made.project_id, form)
        yield _row(name, f"export, {form}", labels, spent)
    with _measured() as spent:
        snapshots.create(made.project_id)
    yield _row(name, "snapshot", labels, spent)


def _export(project_id: int, form: LabelFormat) -> None:
    with tempfile.TemporaryFile() as file, session_scope(read_only=True) as session:
        label_files.export_to(file, session, project_id, form)


def _row(name: str, what: str, count: int, spent: Spent) -> Sequence[str]:
    rates = f"{count / spent.wall:,.0f} / {count / spent.processor:,.0f}"
    return name, what, f"{count:,}", str(spent), rates, f"{1000 * spent.longest_wait:,.0f}"


@contextmanager
def _measured() -> Iterator[Spent]:
    spent = Spent()
    with _writer(spent):
        wall, processor = time.perf_counter(), time.process_time()
        yield spent
        spent.wall, spent.processor = time.perf_counter() - wall, time.process_time() - processor


@contextmanager
def _writer(spent: Spent) -> Iterator[None]:
    """Somebody who writes a row twenty times a second."""
    has_ended = threading.Event()

    def write() -> None:
        while not has_ended.wait(0.05):
            began = time.perf_counter()
            with session_scope() as session:
                session.execute(update(User).where(User.id == 1).values(password_hash="-"))
            spent.longest_wait = max(spent.longest_wait, time.perf_counter() - began)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()


def _new_project(name: str) -> int:
    with session_scope() as session:
        categories = [CategoryIn(name="road")]
        wanted = ProjectIn(name=name, open_to_everybody=True, categories=categories)
        return projects.create(session, wanted).id


def _manifest(lines: int) -> bytes:
    return b"\n".join(
        json.dumps({"uri": f"camera-{n % 8}/{n:07}.jpg", "external_id": f"frame {n:07}"}).encode()
        for n in range(lines)
    )


def register_pictures(count: int) -> int:
    """A project of pictures that nobody has looked at, and their files; gives its id."""
    root = get_settings().images
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    scenes = []
    for _ in range(8):
        coarse = PillowImage.fromarray(rng.integers(0, 255, (40, 80, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((1280, 640), PillowImage.Resampling.BICUBIC), np.int16)
        grain = rng.normal(0, 6, smooth.shape).astype(np.int16)
        scenes.append(PillowImage.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)))
    for n in range(count):
        scene = scenes[n % len(scenes)]
        scene.putpixel((n % 1280, n // 1280), (255, 0, 0))
        scene.save(root / f"{n}.jpg", quality=85)
    project_id = _new_project("pictures")
    lines = ((n, ManifestLine(uri=f"{n}.jpg")) for n in range(count))
    importing.register_manifest(project_id, lines)
    return project_id


# --- pictures by HTTP


def picture_table() -> Table:
    """The columns that `measure_pictures` fills."""
    return Table(
        *("database", "pictures/s", "processor ms a picture", "p50 / p95 / most, ms"),
        *("lease p50 / p95 alone, ms", "beside them"),
        title=f"{CLIENTS} clients get pictures of 1280 x 640 at their own width, one person leases",
    )


def measure_pictures(name: str, made: Generated, logs: Path) -> Sequence[str]:
    """A row of the table, of a server that has verified pictures."""
    with session_scope(read_only=True) as session:
        query = select(Image.id).where(Image.storage_key.is_not(None)).limit(200)
        image_ids = session.scalars(query).all()
    with running_api({}, logs) as address, ProcessPoolExecutor(1, get_context("spawn")) as others:
        secret = made.sessions[0]
        alone = _lease(address, secret, made.project_id)
        before = _processor_seconds()
        # A process of their own: in this one they would wait for each other, and leases for them.
        looking = others.submit(look, address, secret, image_ids, PICTURE_SECONDS + 1)
        time.sleep(1)  # until it runs
        beside = _lease(address, secret, made.project_id)
        times = looking.result()
        spent = _processor_seconds() - before
    return (
        name, f"{len(times) / (PICTURE_SECONDS + 1):,.0f}", f"{1000 * spent / len(times):.2f}",
        f"{spread(times)} / {max(times):,.0f}", spread(alone), spread(beside),
    )  # fmt: skip


def _processor_seconds() -> float:
    children = psutil.Process().children(recursive=True)
    served = (each for each in children if "server.cli" in each.cmdline())
    spent = (each.cpu_times() for each in served)
    return sum(times.user + times.system for times in spent)


def spread(times: Sequence[float]) -> str:
    """p50 / p95 of milliseconds."""
    percentiles = quantiles(times, n=100)
    return f"{percentiles[49]:,.1f} / {percentiles[94]:,.1f}"


def _lease(address: str, secret: str, project_id: int) -> list[float]:
    """Milliseconds of leases that one person takes and gives back."""
    until = time.perf_counter() + PICTURE_SECONDS
    times = []
    with httpx.Client(**_signed_in(address, secret)) as client:
        while time.perf_counter() < until:
            began = time.perf_counter()
            answer = client.post(f"/projects/{project_id}/leases", json={"count": 1})
            times.append(1000 * (time.perf_counter() - began))
            for each in answer.raise_for_status().json():
                client.delete(f"/leases/{each['id']}")
    return times


def look(address: str, secret: str, image_ids: Sequence[int], seconds: float) -> list[float]:
    """Milliseconds of pictures that CLIENTS at once get."""
    until = time.perf_counter() + seconds
    times = []

    async def look_on(client: httpx.AsyncClient, first: int) -> None:
        n = first
        while time.perf_counter() < until:
            began = time.perf_counter()
            answer = await client.get(f"/images/{image_ids[n % len(image_ids)]}/file?width=1280")
            answer.raise_for_status()
            times.append(1000 * (time.perf_counter() - began))
            n += 1

    async def look_all() -> None:
        async with httpx.AsyncClient(**_signed_in(address, secret)) as client:
            await asyncio.gather(*(look_on(client, 6 * n) for n in range(CLIENTS)))

    asyncio.run(look_all())
    return times


def _signed_in(address: str, secret: str) -> dict[str, Any]:
    return {
        "base_url": f"{address}/api/v1", "cookies": {sessions.COOKIE: secret},
        "headers": {"Origin": address}, "timeout": 60, "trust_env": False,
        "limits": httpx.Limits(max_connections=CLIENTS),
    }  # fmt: skip


# --- a generated project of any size


def measure_large(made: Generated) -> dict[str, str]:
    """Milliseconds by what was done, inside of the process."""
    person, project_id = made.people[-1], made.project_id

    def reading(call: Callable[[Any, Project], object]) -> Callable[[], None]:
        def read() -> None:
            with session_scope(read_only=True) as session:
                call(session, projects.get(session, project_id))

        return read

    # As a run, and the upkeep, have it done before anybody looks.
    with session_scope(read_only=True) as session:
        run_id = session.get_one(Project, project_id).prediction_run_id
    if run_id is not None:
        predictions.rank(project_id, run_id)
    for measure in (sweep_counts.LEFT, agreement.MEASURE):
        measures.recount(project_id, measure)
    middle, categories = _middle(project_id), iter(CATEGORIES)

    def sweep(category: str) -> None:
        page = sweep_pages.take(project_id, person, category, [])
        if page is not None:
            with session_scope() as session:
                sweep_pages.release(session, page.id, person)

    held: list[leases.Lease] = []
    calls: dict[str, Callable[[], object]] = {
        "lease of 4": lambda: held.extend(leases.take(project_id, person, 4)),
        "heartbeat of 4": lambda: _renew(held[-4:], person),
        "label of 1": lambda: _label(held.pop(), person),
        "counts of the project": reading(lambda s, p: counting.of_projects(s, [p.id])),
        "page of images, first": reading(
            lambda s, p: browse.page(s, p, ImageFilter(), browse.Span(60))
        ),
        "page of images, middle": reading(
            lambda s, p: browse.page(s, p, ImageFilter(), browse.Span(60, browse.Place(middle)))
        ),
        "list of sweeps": reading(lambda s, p: measures.read(s, p.id, sweep_counts.LEFT)),
        "list of sweeps, counted": reading(lambda s, p: sweep_counts.left(s, p.id)),
        # Of a category that the person has not been asked for yet.
        "a person's first page of a sweep": lambda: sweep(next(categories)),
        "page of a sweep": lambda: sweep("car"),
        "agreement": reading(lambda s, p: measures.read(s, p.id, agreement.MEASURE)),
        "agreement, counted": reading(lambda s, p: agreement.measure(s, p.id)),
        "verification, nothing to do": verifying.verify_registered,
        "which priorities are due": reading(lambda s, _: priorities.due(s)),
    }
    figures = {what: f"{_median(call):,.1f}" for what, call in calls.items()}
    with session_scope() as session:
        session.get_one(Project, project_id).overlap = 2
    works: dict[str, Callable[[], object]] = {
        "overlap from 1 to 2": lambda: overlap.fit(project_id),
        "priorities": lambda: priorities.recompute(project_id),
        "snapshot": lambda: snapshots.create(project_id),
        "export, JSON lines": lambda: _export(project_id, LabelFormat.JSONL),
        "export, CSV": lambda: _export(project_id, LabelFormat.CSV),
    }
    for what, work in works.items():
        with _measured() as spent:
            work()
        figures[f"{what}, s of wall / processor"] = str(spent)
        figures[f"{what}: longest wait of a writer"] = f"{1000 * spent.longest_wait:,.0f}"
    return figures


def _middle(project_id: int) -> int:
    with session_scope(read_only=True) as session:
        of_project = select(func.max(Image.id)).where(Image.project_id == project_id)
        return (session.scalar(of_project) or 0) // 2


def _renew(held: Sequence[leases.Lease], person: int) -> None:
    with session_scope() as session:
        leases.renew_all(session, [lease.id for lease in held], person)


def _label(lease: leases.Lease, person: int) -> None:
    said = LabelIn(lease_id=lease.id, present=["car"], absent=["road"], timing=Timing(wall_ms=3000))
    with session_scope() as session:
        submitting.submit(session, lease.image_id, person, said, lease.id)


def _median(call: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return median(times)
