"""The server at 100,000 images: image lists, leases, measures, priorities, imports of labels.

    python -m tests.benchmarks.bench_browse

Milliseconds inside of the process, without HTTP. Lists are asked for page by page: from their
start, from the middle and from near their end; the slowest of these places counts.
"""

import io
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import insert

from server.db import session_scope
from server.models import Assignment, Image
from server.schemas.project import CategoryIn, ProjectIn
from server.services import projects
from server.services.assignment import leases, priorities
from server.services.images import browse
from server.services.images.browse import ImageFilter, Place, Span
from server.services.labels import files as label_files
from server.services.labels.files import ImportRules
from server.services.labels.formats import LabelFormat
from server.services.quality import agreement, prefill_effect
from tests.benchmarks import large_project
from tests.benchmarks.installation import empty_installation
from tests.benchmarks.large_project import IMAGES, LargeProject
from tests.services.postgres import start_postgres

PAGE = 61
ROUNDS = 5
IMPORTED = 5_000
PLACES = (None, IMAGES // 2, IMAGES - 1500)

CHOICES: dict[str, list[dict[str, Any]]] = {
    "state": [{"state": state} for state in browse.STATES],
    "category": [
        {"category": "Road"},
        {"category": "Train"},
        {"category": "Train", "said": "absent"},
        {"category": "Road", "said": "unsure"},
        {"category": "Train", "said": "disputed"},
    ],
    "annotator": [{"annotator_id": 1}, {"annotator_id": large_project.PEOPLE + 1}],
    "model": [{"disagrees": True}],
    "order": [{"order": "uncertain"}],
}
"""What the page of images offers; Train is rare, and the last annotator has labelled nothing."""


def main() -> None:
    console = Console()
    table = Table("what, ms", "SQLite", "PostgreSQL", title=f"{IMAGES:,} images")
    with tempfile.TemporaryDirectory() as folder, start_postgres() as server:
        columns = []
        for kind in ("SQLite", "PostgreSQL"):
            with empty_installation(Path(folder), kind, server):
                columns.append(_measure())
    for (what, first), (other, second) in zip(*(c.items() for c in columns), strict=True):
        name = what if what.partition(":")[0] != "slowest" else f"{what} / {other}"
        table.add_row(name, f"{first:,.1f}", f"{second:,.1f}")
    console.print(table)
    console.print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
                  f"Python {platform.python_version()}, median of {ROUNDS}")  # fmt: skip


def _measure() -> dict[str, float]:
    project = large_project.fill()
    figures = {
        "priorities (rare), once": _median(lambda: priorities.recompute(project.id), 1),
        "lease of 4": _median(lambda: leases.take(project.id, project.idle, 4), 4),
        "neighbours, uncertain": _median(lambda: _neighbours(project)),
        "disputed queue": _median(lambda: _disputed(project)),
        "agreement": _median(lambda: _read(project, agreement.measure)),
        "effect of pre-filling": _median(lambda: _read(project, prefill_effect.measure)),
    }
    figures |= _lists(project)
    import_ms, again_ms = _import()
    return figures | {"import, a label": import_ms, "the same again, a label": again_ms}


def _median(call: Callable[[], Any], rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - began))
    return median(times)


def _lists(project: LargeProject) -> dict[str, float]:
    """Each filter by itself, then how slow two of them together are."""
    alone = {_name(each): _list(project, each) for kind in CHOICES.values() for each in kind}
    pairs = {
        f"{_name(one)} + {_name(other)}": _list(project, one | other)
        for kinds in combinations(CHOICES.values(), 2)
        for one, other in product(*kinds)
    }
    slowest = max(pairs, key=pairs.__getitem__)
    return {
        "list: all": _list(project, {}),
        **{f"list: {name}": value for name, value in alone.items()},
        f"list: {len(pairs)} pairs of these, median": median(pairs.values()),
        f"slowest: {slowest}": pairs[slowest],
    }


def _name(wanted: dict[str, Any]) -> str:
    if category := wanted.get("category"):
        return f"{category} {wanted.get('said', 'present')}"
    ((condition, value),) = wanted.items()
    named = {"disagrees": "model disagrees", "annotator_id": f"by annotator {value}"}
    return named.get(condition, str(value))


def _list(project: LargeProject, wanted: dict[str, Any]) -> float:
    is_uncertain = wanted.get("order") == "uncertain"
    shown = ImageFilter(**wanted)
    return max(
        _median(lambda place=place: _page(project, shown, place))  # type: ignore[misc]
        for place in (
            None if i is None else Place(i, 1 - i / IMAGES if is_uncertain else None)
            for i in PLACES
        )
    )


def _page(project: LargeProject, wanted: ImageFilter, after: Place | None) -> None:
    with session_scope(read_only=True) as session:
        found = browse.page(session, projects.get(session, project.id), wanted, Span(PAGE, after))
        browse.label_counts(session, [image.id for image in found.images])


def _neighbours(project: LargeProject) -> None:
    with session_scope(read_only=True) as session:
        image = session.get_one(Image, IMAGES // 2 + 1)
        wanted = ImageFilter(order="uncertain")
        browse.neighbours(session, projects.get(session, project.id), wanted, image)


def _disputed(project: LargeProject) -> None:
    with session_scope(read_only=True) as session:
        found = agreement.disputed_page(session, project.id, None, PAGE)
        agreement.sides(session, [image.id for image in found])


def _read(project: LargeProject, measure: Callable[..., Any]) -> None:
    with session_scope(read_only=True) as session:
        measure(session, project.id)


def _import() -> tuple[float, float]:
    """Milliseconds a label of a label file into another project, and of the same file again."""
    with session_scope() as session:
        wanted = ProjectIn(name="Imported", categories=[CategoryIn(name="Road")])
        project_id = projects.create(session, wanted).id
    ids = range(IMAGES + 1, IMAGES + IMPORTED + 1)
    with session_scope() as session:
        session.execute(
            insert(Image),
            [{"id": i, "project_id": project_id, "external_id": f"{i}.jpg", "state": "ready",
              "width": 64, "height": 48} for i in ids],
        )  # fmt: skip
        session.execute(
            insert(Assignment),
            [{"project_id": project_id, "image_id": i, "slot": 0, "state": "open"} for i in ids],
        )
    point = {"category": "Road", "x": 3, "y": 4}
    lines = (
        {"image": f"{i}.jpg", "width": 64, "height": 48, "present": ["Road"], "points": [point]}
        for i in ids
    )
    file = io.BytesIO("".join(json.dumps(line) + "\n" for line in lines).encode())
    times = []
    for _ in ("first", "again"):
        file.seek(0)
        began = time.perf_counter()
        label_files.import_from(file, project_id, LabelFormat.JSONL, ImportRules(1))
        times.append(1000 * (time.perf_counter() - began) / IMPORTED)
    return times[0], times[1]


if __name__ == "__main__":
    main()
