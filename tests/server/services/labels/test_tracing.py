"""From figures of time down to labels and their events: each list adds up to its figure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from server.db import session_scope
from server.errors import BadInput, NotFound
from server.models import Image, Label, Snapshot
from server.services.labels import retiming, snapshots, tracing
from server.services.quality import pace
from tests.server.factories import LABELLED_AT, add_images, add_label, make_project, make_user

TRAIL = [[900, "input"], [1500, "hidden"], [1800, "visible"]]


def labelled_project() -> tuple[int, list[int], int, int]:
    """Labels of two people, of several kinds, starts, categories and days."""
    project_id, anna, bert = make_project(), make_user(), make_user("b@example.org")
    images = add_images(project_id, [f"{n}.png" for n in range(4)])
    for n, image_id in enumerate(images):
        add_label(project_id, image_id, anna, active_ms=1000 + n, trail=TRAIL, blind=n == 1)
    add_label(project_id, images[0], anna, active_ms=700, present=["Car", "Tree"], absent=[])
    later = LABELLED_AT + timedelta(days=1)
    add_label(project_id, images[0], bert, active_ms=5000, points=[("Road", 1, 1)],
              prefilled_by="priors", created_at=later)  # fmt: skip
    add_label(project_id, images[1], bert, active_ms=0, created_at=later)
    add_label(project_id, images[2], bert, active_ms=900, skipped="dark", created_at=later)
    add_label(project_id, images[3], bert, active_ms=400, resolves=True, created_at=later)
    return project_id, images, anna, bert


def test_the_labels_of_each_figure_add_up_to_it(database: str) -> None:
    project_id, *_ = labelled_project()
    with session_scope(read_only=True) as session:
        paces = pace.of_project(session, project_id).paces
        assert {p.by for p in paces} == set(pace.DIMENSIONS)
        for each in paces:
            annotator_id = int(each.annotator[1:]) if each.annotator else None
            figure = tracing.Figure(annotator_id, each.by, each.value)
            found = tracing.labels_of(session, project_id, figure, None, 100)
            assert len(found) == each.images
            assert sum(label.answers for label in found) == each.answers
            total = sum(label.active_ms for label in found) / 1000
            assert total == pytest.approx(each.per_image.mean * each.images), each


def test_of_long_lists_the_rest_comes_by_what_came_last(database: str) -> None:
    project_id, _, anna, _ = labelled_project()
    with session_scope(read_only=True) as session:
        figure = tracing.Figure(anna)
        whole = tracing.labels_of(session, project_id, figure, None, 100)
        first = tracing.labels_of(session, project_id, figure, None, 2)
        rest = tracing.labels_of(session, project_id, figure, first[-1].id, 100)
        assert first + rest == whole
        with pytest.raises(BadInput, match="no day"):
            tracing.labels_of(session, project_id, tracing.Figure(None, "day", "soon"), None, 1)


def test_lines_of_a_snapshot_lead_to_the_labels_that_its_time_is_of(database: str) -> None:
    project_id, images, anna, bert = labelled_project()
    snapshot = snapshots.create(project_id)
    add_label(project_id, images[0], anna, active_ms=99, created_at=LABELLED_AT + timedelta(days=9))
    retiming.work(project_id)
    with session_scope(read_only=True) as session:
        snapshot = session.get_one(Snapshot, snapshot.id)
        first, place = tracing.lines_of(session, snapshot, 0, 2)
        rest, end = tracing.lines_of(session, snapshot, place or 0, 10)
        with pytest.raises(BadInput, match="no line begins"):
            tracing.lines_of(session, snapshot, 3, 1)
        label_ids = set(session.scalars(select(Label.id)))
    lines = first + rest
    assert (len(first), end, len(lines)) == (2, None, snapshot.labels)
    assert [(line.image, line.annotator) for line in lines][:2] == [
        ("0.png", f"a{anna}"), ("0.png", f"a{bert}"),
    ]  # fmt: skip
    assert [part.active_ms for part in lines[0].parts] == [1000, 700]
    assert {part.label_id for line in lines for part in line.parts} < label_ids
    assert sum(part.active_ms for line in lines for part in line.parts) == snapshot.active_ms
    with session_scope() as session:
        session.delete(session.get_one(Image, images[0]))
    with session_scope(read_only=True) as session:
        gone = tracing.lines_of(session, snapshot, 0, 1)[0][0]
    assert (gone.image_id, gone.parts, gone.file_active_ms) == (None, [], 1700)


def test_a_trail_is_told_with_what_counts_as_idle(database: str) -> None:
    project_id, images, anna, bert = labelled_project()
    with session_scope(read_only=True) as session:
        first = session.scalars(select(Label.id).where(Label.image_id == images[1])).first()
        assert first is not None
        told = tracing.trail_of(session, project_id, first, only=anna)
        with pytest.raises(NotFound):
            tracing.trail_of(session, project_id, first, only=bert)
        with pytest.raises(NotFound):
            tracing.trail_of(session, project_id + 1, first, only=None)
    assert [[event.at, event.kind] for event in told.events] == TRAIL
    assert (told.idle_after_s, told.wall_ms, told.shared_by) == (10, 2000, 1)
    assert (told.label.start, told.label.kind, told.label.image) == ("blind", "tags", "1.png")


def test_annotators_trace_their_own_and_no_snapshot(
    make_project: Callable[..., dict[str, Any]], engineer: TestClient, annotator: TestClient
) -> None:
    project_id = make_project()["id"]
    url, me = f"/api/v1/projects/{project_id}/people/labels", annotator.get("/api/v1/me").json()
    other = make_user("other@example.org")
    for person, image_id in zip((me["id"], other), add_images(project_id, ["a.png", "b.png"]), strict=True):  # fmt: skip
        add_label(project_id, image_id, person, trail=TRAIL)
    listed = {
        who: [label["annotator"] for label in client.get(url, params=query).json()["items"]]
        for who, client, query in (
            ("lead", engineer, {}), ("lead of one", engineer, {"annotator": f"a{other}"}),
            ("own", annotator, {}), ("another's", annotator, {"annotator": f"a{other}"}),
        )
    }  # fmt: skip
    mine, theirs = f"a{me['id']}", f"a{other}"
    assert listed == {
        "lead": [theirs, mine], "lead of one": [theirs], "own": [mine], "another's": [mine],
    }  # fmt: skip
    own, others = (label["id"] for label in reversed(engineer.get(url).json()["items"]))
    assert annotator.get(f"{url}/{own}").json()["events"][1] == {"at": 1500, "kind": "hidden"}
    assert annotator.get(f"{url}/{others}").status_code == 404
    assert engineer.get(f"{url}/{others}").status_code == 200
    lines = f"/api/v1/snapshots/{snapshots.create(project_id).id}/lines"
    assert [line["image"] for line in engineer.get(lines).json()["items"]] == ["a.png", "b.png"]
    assert engineer.get(lines, params={"cursor": "1"}).json()["code"] == "bad-cursor"
    assert annotator.get(lines).status_code == 403
