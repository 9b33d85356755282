"""The order in which images are handed out."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from server.db import session_scope
from server.models import Assignment, Image, Prediction, Project, User
from server.schemas.image import ManifestLine
from server.schemas.project import ProjectChange
from server.services import projects
from server.services.assignment import leases, priorities
from server.services.images import importing
from tests.server.factories import (
    add_label,
    add_prediction,
    make_project,
    make_user,
    show_run,
)

ORDERS = ("imported", "random", "uncertain", "rare", "disagreement")


def add_registered(project_id: int, count: int, start: int = 0) -> None:
    lines = ((n, ManifestLine(uri=f"{n}.jpg")) for n in range(start, start + count))
    importing.register_manifest(project_id, lines)
    with session_scope() as session:
        session.execute(update(Image).values(state="ready", width=64, height=48))


def image_ids(project_id: int) -> list[int]:
    with session_scope(read_only=True) as session:
        query = select(Image.id).where(Image.project_id == project_id).order_by(Image.id)
        return list(session.scalars(query))


def change_order(project_id: int, order: str) -> None:
    with session_scope() as session:
        projects.change(session, project_id, ProjectChange.model_validate({"order": order}))
    with session_scope(read_only=True) as session:
        assert priorities.due(session) == [project_id]
    priorities.recompute(project_id)
    with session_scope(read_only=True) as session:
        assert priorities.due(session) == []


def taken(project_id: int, person: int, count: int) -> list[int]:
    return [lease.image_id for lease in leases.take(project_id, person, count)]


def test_the_most_uncertain_come_first_and_unknown_ones_in_the_middle(database: str) -> None:
    project_id, person = make_project(), make_user()
    add_registered(project_id, 4)
    a, b, c, unknown = image_ids(project_id)
    run_id = show_run(project_id)
    for image_id, uncertainty in ((a, 0.1), (b, 0.2), (c, 0.9)):
        add_prediction(run_id, image_id, {}, uncertainty=uncertainty)
    change_order(project_id, "uncertain")
    assert taken(project_id, person, 4) == [c, unknown, b, a]


def test_images_with_rare_categories_come_first(database: str) -> None:
    project_id, person = make_project(), make_user()
    add_registered(project_id, 3)
    common, rare, neither = image_ids(project_id)
    run_id = show_run(project_id)
    add_prediction(run_id, common, {"Road": 0.9, "Car": 0.1, "Tree": 0.0})
    add_prediction(run_id, rare, {"Road": 0.8, "Car": 0.2, "Tree": 0.4})
    add_prediction(run_id, neither, {"Road": 0.9, "Car": 0.0, "Tree": 0.0})
    change_order(project_id, "rare")
    assert taken(project_id, person, 3) == [rare, common, neither]


def test_labels_that_the_model_contradicts_get_their_second_opinion_first(database: str) -> None:
    project_id, first, second = make_project(overlap=2), make_user(), make_user("b@example.org")
    add_registered(project_id, 3)
    ids = image_ids(project_id)
    run_id = show_run(project_id)
    for image_id, road in zip(ids, (0.9, 0.2, 0.6), strict=True):
        add_prediction(run_id, image_id, {"Road": road})
        add_label(project_id, image_id, first, present=["Road"], absent=[])
    with session_scope() as session:
        session.execute(
            update(Assignment).where(Assignment.slot == 0).values(state="done", annotator_id=first)
        )
    change_order(project_id, "disagreement")
    assert taken(project_id, second, 3) == [ids[1], ids[2], ids[0]]


def test_a_new_label_moves_its_image_at_once(database: str) -> None:
    project_id, person = make_project(order="disagreement"), make_user()
    add_registered(project_id, 2)
    _, image_id = image_ids(project_id)
    add_prediction(show_run(project_id), image_id, {"Road": 0.25})
    priorities.recompute(project_id)
    add_label(project_id, image_id, person, present=["Road"], absent=[])
    with session_scope() as session:
        project = session.get_one(Project, project_id)
        priorities.refresh(session, project, [image_id])
        assert session.scalars(select(Prediction.disagreement)).one() == 0.75
    assert taken(project_id, make_user("b@example.org"), 1) == [image_id]


def test_a_new_model_makes_priorities_due(database: str) -> None:
    project_id = make_project(order="uncertain")
    priorities.recompute(project_id)
    show_run(project_id)
    with session_scope(read_only=True) as session:
        assert priorities.due(session) == [project_id]


def test_a_drawn_order_takes_new_images_in_anywhere(database: str) -> None:
    project_id, person = make_project(order="random"), make_user()
    add_registered(project_id, 30)
    priorities.recompute(project_id)
    add_registered(project_id, 30, start=30)
    halves = [image_id > 30 for image_id in taken(project_id, person, 16)]
    assert 0 < sum(halves) < 16


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(drawn=st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=2, max_size=12))
def test_leases_follow_slot_priority_and_import(database: str, drawn: list[float]) -> None:
    with session_scope() as session:
        session.execute(delete(Assignment))
        session.execute(delete(Image))
        session.execute(delete(Project))
        session.execute(delete(User))
    project_id, people = make_project(overlap=2), [make_user(f"{n}@example.org") for n in (1, 2)]
    add_registered(project_id, len(drawn))
    ids = image_ids(project_id)
    with session_scope() as session:
        for image_id, priority in zip(ids, drawn, strict=True):
            session.execute(
                update(Assignment).where(Assignment.image_id == image_id).values(priority=priority)
            )
    expected = [i for _, i in sorted(zip((-p for p in drawn), ids, strict=True))]
    assert [taken(project_id, person, len(ids)) for person in people] == [expected, expected]


@pytest.mark.parametrize("order", ORDERS)
def test_nobody_shares_an_image_while_the_order_changes(
    database: str, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_check_lease_limit", lambda *_: None)
    monkeypatch.setattr(priorities, "BATCH", 7)
    project_id = make_project(order=order)
    people = [make_user(f"{n}@example.org") for n in range(8)]
    add_registered(project_id, 60)
    run_id = show_run(project_id)
    for image_id in image_ids(project_id):
        add_prediction(run_id, image_id, {"Road": image_id / 60}, uncertainty=image_id / 60)
    done = Event()

    def reorder() -> None:
        while not done.is_set():
            priorities.recompute(project_id)

    def label(person: int) -> list[int]:
        mine: list[int] = []
        while found := taken(project_id, person, 3):
            mine += found
        return mine

    with ThreadPoolExecutor(len(people) + 1) as pool:
        reordering = pool.submit(reorder)
        handed_out = Counter(i for mine in pool.map(label, people) for i in mine)
        done.set()
        reordering.result()
    # What was being reordered may have looked taken to the last who asked.
    handed_out.update(label(people[0]))
    assert set(handed_out.values()) == {1}
    assert sorted(handed_out) == image_ids(project_id)
