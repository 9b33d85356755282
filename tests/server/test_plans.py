"""What a labelling page asks all the time finds its rows by indexes: it takes as long with a million."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, update

from server import db
from server.db import session_scope, utcnow
from server.models import Assignment, Prediction, Project, SweepPage
from server.models.project import Order
from server.schemas.label import Timing
from server.schemas.sweep import SweepAnswers
from server.services import deletion
from server.services.assignment import overlap, priorities, sweep_pages
from server.services.labels import retiming, sweep_answers
from tests.server import factories
from tests.server.one_database import ONE_DATABASE
from tests.server.statements import noted, steps_counted

TABLES = (
    "images",
    "assignments",
    "labels",
    "answers",
    "predictions",
    "sweep_pages",
    "sweep_places",
    "user_sessions",
)
"""Those that grow with the work."""
TIMING = {"wall_ms": 5000, "events": [{"at": 1000, "kind": "input"}]}
PLANNED = ("SELECT", "UPDATE", "INSERT", "DELETE", "WITH")
Statement = tuple[str, Any]


def scans(connection: Connection, statement: Statement) -> list[str]:
    """Tables of which a statement would read every row."""
    text, given = statement
    given = given[0] if isinstance(given, list) else given
    cursor = connection.connection.cursor()
    if connection.dialect.name == "postgresql":
        cursor.execute(f"EXPLAIN {text}", given)
        plan = "\n".join(row[0] for row in cursor.fetchall())
        found = re.findall(r"Seq Scan on (\w+)", plan)
        # Through an index but by none of its columns.
        found += re.findall(
            r"Index (?:Only )?Scan using \w+ on (\w+).*\n(?!\s+Index Cond)", plan + "\n"
        )
    else:
        cursor.execute(f"EXPLAIN QUERY PLAN {text}", given)
        plan = "\n".join(row[3] for row in cursor.fetchall())
        found = re.findall(r"^SCAN (\w+)", plan, re.MULTILINE)
    return [table for table in found if table.startswith(TABLES)]


@pytest.fixture
def project(make_project: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    made = make_project(mode="tags", blind_share=0, prefill="model", order="disagreement")
    ids = factories.add_images(made["id"], [f"{n:03}.png" for n in range(20)])
    run_id = factories.show_run(made["id"])
    with session_scope() as session:
        session.add_all(
            Assignment(project_id=made["id"], image_id=i, slot=0, state="open") for i in ids
        )
    for image_id in ids:
        factories.add_prediction(run_id, image_id, {"Road": 0.9})
    return made


def ask_all(annotator: TestClient, project: dict[str, Any]) -> None:
    """Everything that an open labelling page, an open sweep and an open list of images ask."""
    at = f"/api/v1/projects/{project['id']}"
    [lease] = annotator.post(f"{at}/leases", json={"count": 1}).json()
    answers = [
        annotator.post("/api/v1/leases/heartbeat", json={"lease_ids": [lease["id"]]}),
        annotator.put(
            f"/api/v1/images/{lease['image']['id']}/label",
            json={"lease_id": lease["id"], "present": ["Road"], "absent": ["Car"], "timing": TIMING},
            headers={"Idempotency-Key": "once"},
        ),
        annotator.get(at),
        annotator.get(f"{at}/pace"),
        annotator.get(f"{at}/labels/mine"),
        annotator.get(f"{at}/images?limit=50"),
        annotator.get(f"{at}/images?limit=50&state=labelled"),
        annotator.get(f"{at}/images?limit=5&name=00"),
        annotator.get(f"{at}/images/count"),
        annotator.post(f"{at}/sweeps", json={"category": "Road"}),
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200] * len(answers), [
        answer.text for answer in answers if answer.status_code != 200
    ]


def test_nothing_reads_a_whole_table(annotator: TestClient, project: dict[str, Any]) -> None:
    with noted() as sent:
        ask_all(annotator, project)
    sent = [each for each in sent if each[0].split()[0] in PLANNED]
    assert len(sent) > 20
    with db.get_engine().connect() as connection:
        if connection.dialect.name == "postgresql":
            # Of a few rows it would rather read all: what is asked is whether it must.
            for way in ("seqscan", "mergejoin", "hashjoin"):
                connection.exec_driver_sql(f"SET enable_{way} = off")
        whole = [(scans(connection, each), each[0]) for each in sent]
        assert [(tables, text) for tables, text in whole if tables] == []


def test_a_whole_table_would_be_seen(annotator: TestClient) -> None:
    with db.get_engine().connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET enable_seqscan = off")
        by_width = (
            "SELECT * FROM images WHERE width + 1 = 7",
            {} if connection.dialect.name == "postgresql" else (),
        )
        assert scans(connection, by_width) == ["images"]


# --- what is done to all images of a project, a few at a time


def fill(project_id: int, images: int) -> None:
    """So many images, all predicted and every second labelled, of which a few go into one turn."""
    ids = factories.add_images(project_id, [f"{n:04}.png" for n in range(images)])
    run_id = factories.show_run(project_id)
    person = factories.make_user(f"{project_id}@example.org")
    with session_scope() as session:
        session.add_all(
            Assignment(project_id=project_id, image_id=i, slot=0, state="open") for i in ids
        )
        presence = {"Road": 0.9}
        session.add_all(
            Prediction(run_id=run_id, image_id=i, mask_key="none", presence=presence, uncertainty=i)
            for i in ids
        )
        project = session.get_one(Project, project_id)
        project.overlap, project.idle_after_s = 2, project.idle_after_s + 1
        project.retime_since = utcnow()
    for image_id in ids[::2]:
        factories.add_label(project_id, image_id, person, present=["Road"])


def reorder(project_id: int, order: Order) -> None:
    with session_scope() as session:
        session.get_one(Project, project_id).order = order
    priorities.recompute(project_id)


def delete_project(project_id: int) -> None:
    with session_scope() as session:
        session.get_one(Project, project_id).deleted_at = utcnow()
    deletion.finish_projects()


@ONE_DATABASE
def test_an_image_takes_as_long_among_many(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn that looked at all that is left would make the whole as long as the square of it."""
    of_a_turn = (
        (overlap, "BATCH"), (priorities, "BATCH"), (retiming, "LABELS_AT_ONCE"), (deletion, "IMAGES_AT_ONCE"),
    )  # fmt: skip
    for module, name in of_a_turn:
        monkeypatch.setattr(module, name, 10)
    works: dict[str, Callable[[int], object]] = {
        "overlap": overlap.fit,
        **{order: partial(reorder, order=order) for order in ("disagreement", "rare", "uncertain")},
        "times": retiming.work,
        "deletion": delete_project,
    }
    few, many = 60, 240
    spent = {}
    for images in (few, many):
        project_id = factories.make_project(f"{images} images")
        fill(project_id, images)
        for work, do in works.items():
            with steps_counted() as steps:
                do(project_id)
            spent[work, images] = steps["hundreds"] / images
    grown = {work: spent[work, many] / spent[work, few] for work in works}
    assert {work: factor for work, factor in grown.items() if factor > 1.05} == {}, grown


@ONE_DATABASE
def test_a_page_of_a_sweep_takes_as_long_after_many_answers(database: str) -> None:
    person = factories.make_user("sweeper@example.org")
    spent = {}
    for pages in (3, 20):
        project_id = factories.make_project(f"{pages} pages", mode="tags", blind_share=0)
        ids = factories.add_images(project_id, [f"{n:04}.png" for n in range(24 * (pages + 9))])
        run_id = factories.show_run(project_id)
        for image_id in ids:
            factories.add_prediction(run_id, image_id, {"Road": 0.9})
        with steps_counted() as steps:
            for _ in range(pages):
                steps.clear()
                page = sweep_pages.take(project_id, person, "Road", [])
                spent[pages] = steps["hundreds"]
                assert page
                ids = [place.image_id for place in page.places]
                answers = SweepAnswers(absent=ids, timing=Timing(wall_ms=0))
                with session_scope() as session:
                    sweep_answers.submit(session, page.id, person, answers)
                    # Pages last some minutes, in which nobody answers so many.
                    session.execute(update(SweepPage).values(expires_at=utcnow()))
    assert spent[20] < 1.05 * spent[3], spent
