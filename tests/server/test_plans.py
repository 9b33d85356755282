"""What a labelling page asks all the time finds its rows by indexes: it takes as long with a million."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from server import db
from server.db import session_scope
from server.models import Assignment
from tests.server import factories
from tests.server.statements import noted

TABLES = (
    "images",
    "assignments",
    "labels",
    "answers",
    "predictions",
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
