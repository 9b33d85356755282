"""How many people label each image can change while they do, and nothing done is lost."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from server.bulk import short_turn
from server.db import session_scope, utcnow
from server.models import Assignment, Image, Project
from server.models.image import AssignmentState
from server.schemas.image import ManifestLine
from server.services.assignment import leases, overlap, priorities
from server.services.images import importing
from tests.server.factories import add_images, make_project, make_user

TIMING = {"wall_ms": 5000, "events": []}
IMAGES = 4


@pytest.fixture
def project(engineer: TestClient) -> int:
    """A project with four images, each for one person."""
    number = make_project()
    add_images(number, [f"{n}.png" for n in range(IMAGES)])
    overlap.fit(number)
    return number


def change(client: TestClient, project: int, people: int) -> dict[str, Any]:
    answer = client.patch(f"/api/v1/projects/{project}", json={"overlap": people})
    assert answer.status_code == 200, answer.text
    assert answer.json()["overlap"] == people
    return dict(answer.json()["images"])


def label_all(client: TestClient, project: int, most: int = 99) -> list[int]:
    seen: list[int] = []
    while len(seen) < most and (found := take(client, project)):
        put(client, found[0])
        seen.append(found[0]["image"]["id"])
    return seen


def take(client: TestClient, project: int, count: int = 1) -> list[dict[str, Any]]:
    answer = client.post(f"/api/v1/projects/{project}/leases", json={"count": count})
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def put(client: TestClient, lease: dict[str, Any]) -> None:
    body = {"lease_id": lease["id"], "present": ["Road"], "absent": [], "timing": TIMING}
    answer = client.put(f"/api/v1/images/{lease['image']['id']}/label", json=body)
    assert answer.status_code == 200, answer.text


def slots(project: int) -> Counter[tuple[int, str]]:
    """By image and state, how many assignments there are."""
    query = select(Assignment.image_id, Assignment.state).where(Assignment.project_id == project)
    with session_scope(read_only=True) as session:
        return Counter((image_id, state) for image_id, state in session.execute(query))


def test_raised_each_image_goes_to_somebody_else_as_well(
    engineer: TestClient, annotator: TestClient, project: int
) -> None:
    assert len(label_all(annotator, project)) == IMAGES
    assert change(engineer, project, 2)["labelled"] == 0
    assert take(annotator, project) == []
    assert sorted(label_all(engineer, project)) == [1, 2, 3, 4]
    assert change(engineer, project, 2)["labelled"] == IMAGES


def test_lowered_what_nobody_began_is_asked_no_more(
    engineer: TestClient, annotator: TestClient, project: int
) -> None:
    change(engineer, project, 3)
    label_all(annotator, project, 2)
    [lease] = take(annotator, project)
    assert change(engineer, project, 1)["labelled"] == 2
    put(annotator, lease)
    assert sum(slots(project).values()) == IMAGES
    assert label_all(engineer, project) == [4]


def test_what_is_done_or_leased_stays_and_is_counted(
    engineer: TestClient, annotator: TestClient, project: int
) -> None:
    change(engineer, project, 2)
    label_all(annotator, project)
    assert label_all(engineer, project, 1) == [1]
    [held] = take(engineer, project)
    assert held["image"]["id"] == 2
    assert change(engineer, project, 1)["leased"] == 1
    put(engineer, held)
    assert slots(project) == {(1, "done"): 2, (2, "done"): 2, (3, "done"): 1, (4, "done"): 1}
    change(engineer, project, 3)
    assert [slots(project)[image, "open"] for image in (1, 2, 3, 4)] == [1, 1, 2, 2]


def test_where_the_first_assignment_is_open_and_the_second_done_the_done_one_stays(
    engineer: TestClient, annotator: TestClient, project: int
) -> None:
    change(engineer, project, 2)
    held = take(annotator, project, IMAGES)
    label_all(engineer, project)
    for lease in held:
        assert annotator.delete(f"/api/v1/leases/{lease['id']}").status_code == 204
    assert change(engineer, project, 1)["labelled"] == IMAGES
    assert slots(project) == {(image, "done"): 1 for image in (1, 2, 3, 4)}
    change(engineer, project, 2)
    assert sorted(label_all(annotator, project)) == [1, 2, 3, 4]
    assert slots(project) == {(image, "done"): 2 for image in (1, 2, 3, 4)}


def test_gold_and_rejected_images_are_left_alone(engineer: TestClient, project: int) -> None:
    with session_scope() as session:
        gold, rejected, other, last = session.scalars(select(Image).order_by(Image.id)).all()
        gold.gold, rejected.state = True, "rejected"
        mine = Assignment.image_id == gold.id
        session.execute(update(Assignment).where(mine).values(gold=True))
        mine = Assignment.image_id == rejected.id
        session.execute(update(Assignment).where(mine).values(state=AssignmentState.VOID.value))
        before = {(gold.id, "open"): 1, (rejected.id, "void"): 1}
        others = (other.id, "open"), (last.id, "open")
    change(engineer, project, 2)
    assert slots(project) == before | dict.fromkeys(others, 2)
    change(engineer, project, 1)
    assert slots(project) == before | dict.fromkeys(others, 1)


def test_new_assignments_are_put_in_order(engineer: TestClient, project: int) -> None:
    priorities.recompute(project)
    with session_scope(read_only=True) as session:
        assert priorities.due(session) == []
    change(engineer, project, 2)
    with session_scope(read_only=True) as session:
        assert priorities.due(session) == [project]


def test_who_may_and_what_may_be(engineer: TestClient, annotator: TestClient, project: int) -> None:
    address = f"/api/v1/projects/{project}"
    assert annotator.patch(address, json={"overlap": 2}).status_code == 403
    for wrong in (0, 11, 1.5):
        assert engineer.patch(address, json={"overlap": wrong}).status_code == 422
    assert engineer.patch(address, json={"overlap": None}).json()["code"] == "bad-input"


def test_what_there_is_no_time_for_is_done_by_a_worker(
    engineer: TestClient, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlap, "BATCH", 3)
    monkeypatch.setattr("server.api.projects.FIT_SECONDS", -1)
    change(engineer, project, 3)
    assert set(slots(project).values()) == {1}
    with session_scope(read_only=True) as session:
        assert priorities.due(session) == [project]
    priorities.recompute(project)
    assert slots(project) == dict.fromkeys([(image, "open") for image in (1, 2, 3, 4)], 3)
    change(engineer, project, 1)
    priorities.recompute(project)
    assert set(slots(project).values()) == {1}
    with session_scope(read_only=True) as session:
        assert priorities.due(session) == []


def test_a_change_while_priorities_are_made_makes_them_due_again(
    engineer: TestClient, project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.api.projects.FIT_SECONDS", -1)
    made = priorities.Scale.priority

    def change_it(self: priorities.Scale, told: object) -> float:
        monkeypatch.setattr(priorities.Scale, "priority", made)
        changing.append(pool.submit(change, engineer, project, 2))
        return made(self, told)

    monkeypatch.setattr(priorities.Scale, "priority", change_it)
    with ThreadPoolExecutor(1) as pool:
        changing: list[Future[Any]] = []
        monkeypatch.setattr(priorities, "BATCH", 1)
        monkeypatch.setattr(priorities, "short_turn", lambda _size: _after(changing))
        priorities.recompute(project)
    with session_scope(read_only=True) as session:
        assert priorities.due(session) == [project]
    priorities.recompute(project)
    assert set(slots(project).values()) == {2}


@contextmanager
def _after(changing: list[Future[Any]]) -> Iterator[Session]:
    """The next transaction waits for the change that one before has begun."""
    for each in changing:
        each.result(60)
    with short_turn() as session:
        yield session


def test_images_that_are_imported_meanwhile_have_the_new_overlap(
    project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after, and in the transaction beside which it changes."""
    monkeypatch.setattr(importing, "BATCH", 2)
    lines = [(n, ManifestLine(uri=f"new {n}.jpg")) for n in range(1, 21)]

    def raise_it() -> None:
        with session_scope() as session:
            session.get_one(Project, project).overlap = 2
        overlap.fit(project)

    with ThreadPoolExecutor(1) as pool:
        changing: list[Future[None]] = []

        def advance(done: int, of: int) -> None:
            assert of == len(lines)
            if done == len(lines) // 2:
                changing.append(pool.submit(raise_it))

        importing.register_manifest(project, lines, advance)
        changing[0].result(60)
    assert set(slots(project).values()) == {2}


def test_everybody_goes_on_while_it_changes(engineer: TestClient, project: int) -> None:
    """Nobody gets an image twice, and in the end each has as many labels as it should or more."""
    people = [make_user(f"w{n}@example.org") for n in range(6)]

    def work(person: int) -> list[int]:
        mine: list[int] = []
        for _ in range(3 * IMAGES):
            for lease in leases.take(project, person, 1):
                with session_scope() as session:
                    leases.finish(session, lease.id, person, lease.image_id)
                mine.append(lease.image_id)
        return mine

    def change_often() -> list[int]:
        for wanted in (4, 1, 3, 2, 3):
            change(engineer, project, wanted)
        return []

    with ThreadPoolExecutor(len(people) + 1) as pool:
        futures = [pool.submit(change_often), *(pool.submit(work, one) for one in people)]
        seen = [future.result(120) for future in futures]
    left = [work(person) for person in people]
    for before, after in zip(seen[1:], left, strict=True):
        assert not set(before) & set(after)
    answers = Counter(image for found in [*seen, *left] for image in found)
    assert set(answers) == {1, 2, 3, 4}
    assert min(answers.values()) >= 3
    with session_scope(read_only=True) as session:
        now = utcnow()
        query = select(Assignment).where(leases.is_free(Assignment, now))
        assert session.scalars(query).all() == []
