"""Rows and files that tests of runs start from, made without the HTTP interface."""

import hashlib
import io
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image as PillowImage
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from server.db import session_scope
from server.models import (
    Category,
    Handout,
    Image,
    Label,
    Prediction,
    Project,
    Run,
    RunFigures,
    Snapshot,
    User,
)
from server.models.image import ImageState
from server.models.run import Figures, RunState
from server.models.user import Role
from server.services.labels import store
from server.settings import get_settings
from server.storage import get_storage
from trainer.contract import Supervision

CATEGORIES = ("Road", "Car", "Tree")
LABELLED_AT = datetime(2026, 11, 22, 10, tzinfo=UTC)


def make_user(email: str = "a@example.org", role: Role = Role.ANNOTATOR) -> int:
    with session_scope() as session:
        user = User(email=email, password_hash="none", role=role, active=True)
        session.add(user)
        session.flush()
        return user.id


def make_project(name: str = "Streets", **fields: Any) -> int:
    settings = {
        "description": "", "recipe": "tiny",
        "supervision": "point", "open_to_everybody": True, "source": None, "validation": None, "retrain_after": None,
    } | fields  # fmt: skip
    with session_scope() as session:
        project = Project(name=name, **settings)
        project.categories = [
            Category(position=i, name=category, color=f"#10203{i}", key=category[0].lower())
            for i, category in enumerate(CATEGORIES)
        ]
        session.add(project)
        session.flush()
        return project.id


NAMES_AND_IDS = (
    select(Category.name, Category.id)
    .where(Category.project_id == bindparam("project"))
    .order_by(Category.position)
)
OF_ONE_PERSON = select(func.count(Label.id)).where(
    Label.image_id == bindparam("image"), Label.annotator_id == bindparam("annotator")
)
"""Made once: tests add thousands of labels, and to make a statement takes longer than it."""


def category_ids(project_id: int) -> dict[str, int]:
    with session_scope(read_only=True) as session:
        rows = session.execute(NAMES_AND_IDS, {"project": project_id})
        return {row.name: row.id for row in rows}


@lru_cache(maxsize=512)
def picture(shade: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """A PNG of noise, drawn once: each project here has those of the first shades."""
    rng = np.random.default_rng(shade)
    pixels = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def add_images(project_id: int, names: Sequence[str]) -> list[int]:
    """Verified images of 64 x 48 pixels."""
    rows = []
    for shade, name in enumerate(names):
        content = picture(shade)
        digest = hashlib.sha256(content).hexdigest()
        get_storage().put_bytes(f"images/{digest}.png", content)
        rows.append(
            Image(project_id=project_id, external_id=name, storage_key=f"images/{digest}.png",
                  content_hash=f"{digest[:50]}{shade:04}", split="train",
                  state=ImageState.READY.value, width=64, height=48)
        )  # fmt: skip
    with session_scope() as session:
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def hand_out(project_id: int, image_ids: Sequence[int], person_id: int) -> None:
    """Images as if a person had held them once."""
    with session_scope() as session:
        session.add_all(
            Handout(project_id=project_id, image_id=image_id, annotator_id=person_id)
            for image_id in image_ids
        )


def add_label(project_id: int, image_id: int, annotator_id: int, **fields: Any) -> None:
    """A further revision; `present`, `absent`, `unsure` and `points` name categories."""
    ids = category_ids(project_id)
    present = [ids[name] for name in fields.pop("present", ["Road"])]
    absent = [ids[name] for name in fields.pop("absent", ["Tree"])]
    unsure = [ids[name] for name in fields.pop("unsure", [])]
    points = [{"category_id": ids[c], "x": x, "y": y} for c, x, y in fields.pop("points", [])]
    with session_scope() as session:
        of = {"image": image_id, "annotator": annotator_id}
        earlier = session.scalars(OF_ONE_PERSON, of).one()
        defaults = {
            "active_ms": 1000, "wall_ms": 2000, "tiles": None, "skipped": None, "trail": [],
            "request_hash": "none",
            "created_at": LABELLED_AT + timedelta(seconds=earlier),
        }  # fmt: skip
        label = Label(
            project_id=project_id, image_id=image_id, annotator_id=annotator_id,
            revision=earlier + 1, present=present, absent=absent, unsure=unsure, points=points,
            **defaults | fields,
        )  # fmt: skip
        store.make_current(session, store.Locked(session, [(annotator_id, image_id)]), [label])


def add_prediction(run_id: int, image_id: int, presence: dict[str, float], **fields: Any) -> None:
    """A prediction's row; there is no mask."""
    with session_scope() as session:
        session.add(
            Prediction(run_id=run_id, image_id=image_id, presence=presence,
                       **{"mask_key": "none", "uncertainty": 0.5} | fields)
        )  # fmt: skip


def show_run(project_id: int) -> int:
    """A finished run whose predictions annotators see; gives its id."""
    run_id = make_run(project_id, RunState.SUCCEEDED)
    with session_scope() as session:
        session.get_one(Project, project_id).prediction_run_id = run_id
    return run_id


def make_dataset(name: str, count: int = 4, **fields: Any) -> Path:
    """A dataset of noise with masks of the categories, and its card; gives the card's path."""
    folder = get_settings().datasets
    for kind in ("images", "masks"):
        (folder / name / kind).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / name / "images" / f"{number}.png").write_bytes(picture(100 + number))
        mask = np.repeat(np.arange(3, dtype=np.uint8), 16)[:, None].repeat(64, axis=1)
        PillowImage.fromarray(mask).save(folder / name / "masks" / f"{number}.png")
    card = {
        "name": name, "root": name, "images": "images/*.png", "masks": "masks/{stem}.png",
        "ids": dict(enumerate(CATEGORIES)),
    } | fields  # fmt: skip
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(card), encoding="utf-8")
    return path


def make_trainable_project(labels: int = 3, images: int = 4, **fields: Any) -> int:
    """A project with a source domain, images, and point labels of the first ones."""
    make_dataset("tiny-source")
    project_id = make_project(**{"source": "tiny-source"} | fields)
    annotator_id = make_user(f"annotator-{project_id}@example.org")
    image_ids = add_images(project_id, [f"{number:03}.png" for number in range(images)])
    for image_id in image_ids[:labels]:
        add_label(project_id, image_id, annotator_id, points=[("Road", 10.5, 20.5)])
    return project_id


def make_run(project_id: int, state: RunState = RunState.QUEUED, **fields: Any) -> int:
    """A run's row alone: for what never looks at its configuration."""
    defaults = {"recipe": "tiny", "supervision": "point", "overrides": {}, "config": {}}
    with session_scope() as session:
        run = Run(project_id=project_id, state=state.value, **defaults | fields)
        session.add(run)
        session.flush()
        return run.id


def make_snapshot(project_id: int, sha256: str = "0" * 64, **fields: Any) -> int:
    """A snapshot's row alone."""
    defaults = {
        "storage_key": "none", "size": 1, "labels": 1, "images": 1, "points": 0,
        "active_ms": 0, "wall_ms": 0,
    }  # fmt: skip
    with session_scope() as session:
        snapshot = Snapshot(project_id=project_id, sha256=sha256, **defaults | fields)
        session.add(snapshot)
        session.flush()
        return snapshot.id


def add_measured_run(
    session: Session,
    project: int,
    hours: float,
    kind: str,
    miou: float | None,
    recipe: str = "tiny",
) -> None:
    """A finished run after so many hours of one kind of label; without any it is source-only."""
    number = session.query(Run).count() + 1
    supervision = "point" if kind == "points" else "image" if hours else "source-only"
    snapshot = None
    if hours:
        ms = round(hours * 3_600_000)
        snapshot = Snapshot(
            project_id=project, sha256=f"{number:064}", storage_key="none", size=1,
            labels=round(hours * 400), images=round(hours * 400), points=0, active_ms=ms,
            wall_ms=2 * ms, answers=round(hours * 1200), active_ms_by_kind={kind: ms},
        )  # fmt: skip
    figures = Figures(
        miou=miou, iou={"Road": miou}, presence_f1=None, presence_average_precision=None,
        point_accuracy=None, weak_label_score=None, source_only_miou=None, selection="last step",
        intervals={"miou": {"low": miou - 0.02, "high": miou + 0.02}} if miou else {},
    )  # fmt: skip
    session.add(
        Run(
            id=number, project_id=project, snapshot=snapshot, recipe=recipe, state="succeeded",
            supervision=Supervision(supervision), overrides={}, config={}, finished_at=datetime(2026, 11, 22, tzinfo=UTC) + timedelta(hours=hours),
        )
    )  # fmt: skip
    session.flush()
    session.add(RunFigures(run_id=number, setting=recipe, same_config=str(number), figures=figures))


def run_row(run_id: int) -> Run:
    with session_scope(read_only=True) as session:
        return session.get_one(Run, run_id)


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something another thread or process does has happened."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
