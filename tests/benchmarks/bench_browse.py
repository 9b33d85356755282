"""Milliseconds for a page of images, and to make all priorities anew, at 100,000 images.

    python -m tests.benchmarks.bench_browse

Everything is labelled by two people; one category in a thousand is rare. Each figure is the
slowest of five calls of the service, for the first page and for one from the middle.
"""

import os
import platform
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import insert, text

from server import db, migrations
from server.db import session_scope, utcnow
from server.models import Answer, Assignment, Image, Label, Prediction, Run, User
from server.schemas.project import CategoryIn, ProjectIn
from server.services import agreement, browse, leases, prefill_effect, priorities, projects
from server.services.browse import ImageFilter, Place
from tests.services.postgres import fresh_database, start_postgres

IMAGES = 100_000
PEOPLE = 2
BATCH = 2_000
PAGE = 61
ROUNDS = 5
SHARES = {"Road": 0.95, "Car": 0.6, "Bicyclist": 0.05, "Train": 0.001}
DOUBT = 0.002
"""How often somebody answers otherwise than the image is."""

FILTERS = {
    "all": ImageFilter(),
    "unlabelled (none)": ImageFilter(state="unlabelled"),
    "labelled": ImageFilter(state="labelled"),
    "disputed": ImageFilter(state="disputed"),
    "Road present": ImageFilter(category="Road"),
    "Train present (rare)": ImageFilter(category="Train"),
    "Train disputed": ImageFilter(category="Train", said="disputed"),
    "by one annotator": ImageFilter(annotator_id=1),
    "model disagrees (rare)": ImageFilter(disagrees=True),
    "uncertain": ImageFilter(order="uncertain"),
    "uncertain, Train present": ImageFilter(category="Train", order="uncertain"),
    "uncertain, model disagrees": ImageFilter(disagrees=True, order="uncertain"),
}


def main() -> None:
    console = Console()
    table = Table("what, ms", "SQLite", "PostgreSQL", title=f"{IMAGES:,} images")
    with tempfile.TemporaryDirectory() as folder, start_postgres() as server:
        columns = []
        for kind in ("SQLite", "PostgreSQL"):
            with _database(kind, Path(folder), server):
                columns.append(_measure())
    for (what, first), second in zip(columns[0].items(), columns[1].values(), strict=True):
        table.add_row(what, f"{first:,.0f}", f"{second:,.0f}")
    console.print(table)
    console.print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
                  f"Python {platform.python_version()}, slowest of {ROUNDS}")  # fmt: skip


@contextmanager
def _database(kind: str, data: Path, server: str) -> Iterator[None]:
    with fresh_database(server) as url:
        os.environ["WEAKSEG_DATA"] = str(data)
        os.environ.pop("WEAKSEG_DATABASE_URL", None)
        if kind == "PostgreSQL":
            os.environ["WEAKSEG_DATABASE_URL"] = url
        db.dispose()
        migrations.upgrade(db.get_engine())
        yield
        db.dispose()


def _measure() -> dict[str, float]:
    project_id = _fill()
    figures = {"priorities (rare)": _slowest(lambda: priorities.recompute(project_id), 1)}
    for what, wanted in FILTERS.items():
        figures[what] = _slowest(lambda wanted=wanted: _page(project_id, wanted, None))  # type: ignore[misc]
        middle = Place(IMAGES // 2, 0.5 if wanted.order == "uncertain" else None)
        figures[f"{what}, middle"] = _slowest(
            lambda wanted=wanted, middle=middle: _page(project_id, wanted, middle)  # type: ignore[misc]
        )
    figures["neighbours, uncertain"] = _slowest(lambda: _neighbours(project_id))
    figures["disputed queue"] = _slowest(lambda: _disputed(project_id))
    figures["lease of 4"] = _slowest(lambda: leases.take(project_id, 3, 4), 4)
    figures["agreement"] = _slowest(lambda: _read(project_id, agreement.measure), 1)
    figures["prefill effect"] = _slowest(lambda: _read(project_id, prefill_effect.measure), 1)
    return figures


def _slowest(call: Callable[[], Any], rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return max(times)


def _page(project_id: int, wanted: ImageFilter, after: Place | None) -> None:
    with session_scope(read_only=True) as session:
        project = projects.get(session, project_id)
        found = browse.page(session, project, wanted, after, PAGE)
        browse.label_counts(session, [image.id for image, _ in found])


def _neighbours(project_id: int) -> None:
    with session_scope(read_only=True) as session:
        project, image = projects.get(session, project_id), session.get_one(Image, IMAGES // 2)
        browse.neighbours(session, project, ImageFilter(order="uncertain"), image)


def _disputed(project_id: int) -> None:
    with session_scope(read_only=True) as session:
        found = agreement.disputed_page(session, project_id, None, PAGE)
        agreement.sides(session, [image.id for image in found])


def _read(project_id: int, measure: Callable[..., Any]) -> None:
    with session_scope(read_only=True) as session:
        measure(session, project_id)


def _fill() -> int:
    """A project with everything labelled and predicted; its third person has labelled nothing."""
    rng = random.Random(1)
    with session_scope() as session:
        people = [User(email=f"{n}@example.org", password_hash="-", role="annotator")
                  for n in range(PEOPLE + 1)]  # fmt: skip
        session.add_all(people)
        wanted = ProjectIn(name="Streets", categories=[CategoryIn(name=name) for name in SHARES],
                           overlap=PEOPLE + 1, order="rare", blind_share=0)  # fmt: skip
        project = projects.create(session, wanted)
        run = Run(project_id=project.id, state="succeeded", recipe="tiny", supervision="point",
                  overrides={}, config={})  # fmt: skip
        session.add(run)
        session.flush()
        project.prediction_run_id = run.id
        categories = {category.name: category.id for category in project.categories}
        ids = (project.id, run.id)
    for first in range(1, IMAGES + 1, BATCH):
        _fill_batch(rng, ids, categories, range(first, first + BATCH))
    with db.get_engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return ids[0]


def _fill_batch(
    rng: random.Random, ids: tuple[int, int], categories: dict[str, int], images: range
) -> None:
    project_id, run_id = ids
    rows: dict[type[Any], list[dict[str, Any]]] = {
        table: [] for table in (Image, Assignment, Label, Answer, Prediction)
    }
    for image_id in images:
        truth = {name: rng.random() < share for name, share in SHARES.items()}
        answers = [
            {name: is_there != (rng.random() < DOUBT) for name, is_there in truth.items()}
            for _ in range(PEOPLE)
        ]
        disputed = any(answers[0][name] != answers[1][name] for name in truth)
        rows[Image].append(
            {"id": image_id, "project_id": project_id, "external_id": f"{image_id:06}.jpg",
             "state": "ready", "width": 64, "height": 48, "labelled": True,
             "disputed_at": utcnow() if disputed else None}
        )  # fmt: skip
        rows[Prediction].append(
            {"run_id": run_id, "image_id": image_id, "mask_key": "none",
             "presence": {n: 0.9 if there else 0.1 for n, there in truth.items()},
             "uncertainty": rng.random()}
        )  # fmt: skip
        rows[Assignment] += [
            {"project_id": project_id, "image_id": image_id, "slot": slot,
             "state": "done" if slot < PEOPLE else "open",
             "annotator_id": slot + 1 if slot < PEOPLE else None}
            for slot in range(PEOPLE + 1)
        ]  # fmt: skip
        for number, said in enumerate(answers):
            label_id = PEOPLE * (image_id - 1) + number + 1
            rows[Label].append(
                {"id": label_id, "project_id": project_id, "image_id": image_id,
                 "annotator_id": number + 1, "revision": 1, "current": True, "points": [],
                 "present": [categories[n] for n, there in said.items() if there],
                 "absent": [categories[n] for n, there in said.items() if not there],
                 "tiles": None, "active_ms": 4000, "wall_ms": 5000, "trail": [],
                 "prefilled_by": "1", "request_hash": "-"}
            )  # fmt: skip
            rows[Answer] += [
                {"label_id": label_id, "category_id": categories[n], "image_id": image_id,
                 "value": "present" if there else "absent"}
                for n, there in said.items()
            ]  # fmt: skip
    with session_scope() as session:
        for table, values in rows.items():
            session.execute(insert(table), values)


if __name__ == "__main__":
    main()
