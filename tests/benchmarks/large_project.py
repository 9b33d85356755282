"""A project with 100,000 images for benchmarks: nearly all labelled by two people, and predicted."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import insert

from server.db import session_scope, utcnow
from server.models import Answer, Assignment, Image, Label, Prediction, Run, User
from server.schemas.project import CategoryIn, ProjectIn
from server.services import projects
from tests.benchmarks.generated_project import settle

IMAGES = 100_000
PEOPLE = 2
BATCH = 2_000
SHARES = {"Road": 0.95, "Car": 0.6, "Bicyclist": 0.05, "Train": 0.001}
"""How common each category is; the last one is rare."""
DOUBT = 0.002
"""How often somebody answers otherwise than the image is."""
UNSURE = 0.001
BLIND = 0.1
GOLD_EVERY = 200
UNLABELLED = 1_000
"""The last images wait for labels; the last of these for a look at their files."""
REGISTERED = 200
REJECTED = 100
LABELLED_AT = utcnow() - timedelta(days=1)


@dataclass(frozen=True)
class LargeProject:
    """Ids of what the project has."""

    id: int
    run_id: int
    categories: dict[str, int] = field(hash=False)
    """By name."""
    idle: int
    """A person who has labelled nothing."""


def fill() -> LargeProject:
    """Make the project in the database of the settings, which is empty."""
    project = _make_project()
    rng = random.Random(1)
    for first in range(1, IMAGES + 1, BATCH):
        rows: dict[type[Any], list[dict[str, Any]]] = {
            table: [] for table in (Image, Assignment, Label, Answer, Prediction)
        }
        for image_id in range(first, first + BATCH):
            for table, values in _rows(rng, project, image_id):
                rows[table].append(values)
        with session_scope() as session:
            for table, many in rows.items():
                if many:
                    session.execute(insert(table), many)
    settle()
    return project


def _make_project() -> LargeProject:
    with session_scope() as session:
        people = [User(email=f"{n}@example.org", password_hash="-", role="annotator")
                  for n in range(PEOPLE + 1)]  # fmt: skip
        session.add_all(people)
        wanted = ProjectIn(name="Streets", categories=[CategoryIn(name=name) for name in SHARES],
                           overlap=PEOPLE + 1, order="rare", blind_share=0, open_to_everybody=True)  # fmt: skip
        project = projects.create(session, wanted)
        run = Run(project_id=project.id, state="succeeded", recipe="tiny", supervision="point",
                  overrides={}, config={})  # fmt: skip
        session.add(run)
        session.flush()
        project.prediction_run_id = run.id
        categories = {category.name: category.id for category in project.categories}
        return LargeProject(project.id, run.id, categories, people[-1].id)


Row = tuple[type[Any], dict[str, Any]]


def _rows(rng: random.Random, project: LargeProject, image_id: int) -> Iterator[Row]:
    state, gold = _state(image_id), image_id % GOLD_EVERY == 0
    answers = _answers(rng) if image_id <= IMAGES - UNLABELLED else []
    disputed = any(len({said[name] for said in answers} - {"unsure"}) > 1 for name in SHARES)
    yield Image, {
        "id": image_id, "project_id": project.id, "external_id": f"{image_id:06}.jpg",
        "state": state, "width": 64, "height": 48, "gold": gold, "labelled": bool(answers),
        "disputed_at": LABELLED_AT if disputed and not gold else None,
    }  # fmt: skip
    for slot in range(0 if gold else PEOPLE + 1):
        is_done = slot < len(answers)
        yield Assignment, {
            "project_id": project.id, "image_id": image_id, "slot": slot,
            "state": "done" if is_done else "open", "annotator_id": slot + 1 if is_done else None,
        }  # fmt: skip
    presence = {name: rng.betavariate(0.3, 0.3 * (1 - s) / s) for name, s in SHARES.items()}
    if state == "ready" and not gold:
        if answers:
            presence = {name: 0.1 + 0.8 * (answers[0][name] == "present") for name in SHARES}
        yield Prediction, {
            "run_id": project.run_id, "image_id": image_id, "mask_key": "none",
            "presence": presence, "uncertainty": rng.random(),
        }  # fmt: skip
    ticked = [project.categories[name] for name in SHARES if presence[name] > 0.5]
    for person, said in enumerate(answers, 1):
        yield from _label_rows(rng, project, (image_id, person), said, ticked)


def _state(image_id: int) -> str:
    if image_id > IMAGES - REJECTED:
        return "rejected"
    return "registered" if image_id > IMAGES - REJECTED - REGISTERED else "ready"


def _answers(rng: random.Random) -> list[dict[str, str]]:
    """What each person says of each category."""
    truth = {name: rng.random() < share for name, share in SHARES.items()}
    return [
        {
            name: "unsure" if rng.random() < UNSURE
            else ("present" if is_there != (rng.random() < DOUBT) else "absent")
            for name, is_there in truth.items()
        }
        for _ in range(PEOPLE)
    ]  # fmt: skip


def _label_rows(
    rng: random.Random, project: LargeProject, place: tuple[int, int], said: dict[str, str],
    ticked: list[int],
) -> Iterator[Row]:  # fmt: skip
    image_id, person = place
    label_id = PEOPLE * (image_id - 1) + person
    gold, blind = image_id % GOLD_EVERY == 0, rng.random() < BLIND
    lists = {
        value: [project.categories[name] for name in SHARES if said[name] == value]
        for value in ("present", "absent", "unsure")
    }
    yield Label, lists | {
        "id": label_id, "project_id": project.id, "image_id": image_id, "annotator_id": person,
        "revision": 1, "current": True, "points": [], "tiles": None,
        "active_ms": rng.randrange(1000, 20_000), "wall_ms": 20_000, "trail": [],
        "prefilled_by": None if blind else str(project.run_id),
        "prefilled": [] if blind else ticked, "blind": blind, "gold": gold, "request_hash": "-",
        "created_at": LABELLED_AT,
    }  # fmt: skip
    if not gold:
        for name, value in said.items():
            yield Answer, {
                "label_id": label_id, "category_id": project.categories[name],
                "image_id": image_id, "value": value,
            }  # fmt: skip
