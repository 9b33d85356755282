"""Measures of large projects: kept, seen while they are counted anew, and right again then."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from server import queue
from server.db import session_scope, utcnow
from server.models import KeptMeasure
from server.services import deletion, measures, projects
from server.services.assignment import sweep_counts
from server.services.quality import agreement
from server.tasks import measures as tasks
from tests.server.factories import add_images, add_label, make_project, make_user

Sent = list[tuple[str, tuple[Any, ...]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The messages that have left; every project is large, and may be counted again at once."""
    messages: Sent = []
    monkeypatch.setattr(measures, "LARGE", 0)
    monkeypatch.setattr(measures, "REST", 0)
    monkeypatch.setattr(queue, "send", lambda task, *args: messages.append((task, args)))
    return messages


def left(project_id: int) -> dict[str, int]:
    with session_scope(read_only=True) as session:
        return measures.read(session, project_id, sweep_counts.LEFT)


def kept() -> int:
    with session_scope(read_only=True) as session:
        return session.scalar(select(func.count()).select_from(KeptMeasure)) or 0


def answer(project_id: int, image_id: int, person: int) -> None:
    add_label(project_id, image_id, person, present=["Road"], absent=["Car", "Tree"])


def test_a_small_project_is_counted_as_it_is(database: str) -> None:
    project_id = make_project()
    image, *_ = add_images(project_id, ["a.png", "b.png"])
    assert set(left(project_id).values()) == {2}
    answer(project_id, image, make_user())
    assert set(left(project_id).values()) == {1}
    assert kept() == 0


def test_an_old_count_is_seen_until_a_task_has_counted(database: str, sent: Sent) -> None:
    project_id = make_project()
    image, *_ = add_images(project_id, ["a.png", "b.png"])
    assert set(left(project_id).values()) == {2}
    left(project_id)
    assert sent == []
    answer(project_id, image, make_user())
    assert set(left(project_id).values()) == {2}
    left(project_id)
    assert sent == [("recount", (project_id, sweep_counts.LEFT.name))], "asked for once"
    tasks.recount(*sent[0][1])
    assert set(left(project_id).values()) == {1}
    assert len(sent) == 1


def change_settings(project_id: int, _image: int) -> None:
    with session_scope() as session:
        projects.get(session, project_id).overlap = 3


def delete_image(project_id: int, image: int) -> None:
    deletion.delete_image(image)


def correct(project_id: int, image: int) -> None:
    add_label(project_id, image, 1, present=[], absent=["Road"])


def add_image(project_id: int, _image: int) -> None:
    add_images(project_id, ["new.png"])


@pytest.mark.parametrize("change", [change_settings, correct, add_image, delete_image])
def test_whatever_it_is_counted_from_makes_it_old(
    database: str, sent: Sent, change: Callable[[int, int], None]
) -> None:
    project_id = make_project()
    image, *_ = add_images(project_id, ["a.png", "b.png"])
    answer(project_id, image, make_user())
    left(project_id)
    change(project_id, image)
    left(project_id)
    assert ("recount", (project_id, sweep_counts.LEFT.name)) in sent


def test_a_lost_message_is_sent_again_and_counting_has_its_rest(
    database: str, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = make_project()
    image, *_ = add_images(project_id, ["a.png"])
    left(project_id)
    answer(project_id, image, make_user())
    left(project_id)
    with session_scope() as session:
        session.execute(update(KeptMeasure).values(asked_at=utcnow() - timedelta(minutes=6)))
    left(project_id)
    assert len(sent) == 2
    with session_scope() as session:
        session.execute(update(KeptMeasure).values(asked_at=None, took_ms=60_000))
    monkeypatch.setattr(measures, "REST", 20)
    left(project_id)
    assert len(sent) == 2, "for twenty times as long as it took nothing is counted"


def test_what_is_very_large_is_first_counted_by_a_task(
    database: str, sent: Sent, monkeypatch: pytest.MonkeyPatch, engineer: TestClient
) -> None:
    project_id = make_project()
    image, *_ = add_images(project_id, ["a.png", "b.png"])
    answer(project_id, image, make_user("p@example.org"))
    monkeypatch.setattr(measures, "MOST_AT_ONCE", 0)

    def look(path: str) -> tuple[int, str | None]:
        answered = engineer.get(f"/api/v1/projects/{project_id}/{path}")
        return answered.status_code, answered.headers.get("Retry-After")

    looked = ("sweeps", "agreement", "prefill-effect", "people", "people?format=csv", "team")
    assert {look(path) for path in looked} == {(503, "1")}
    assert kept() == 0
    # The team has its times from what is counted of people.
    assert {args[1] for _, args in sent} == tasks.KNOWN.keys()
    for task, args in sent:
        assert task == "recount"
        tasks.recount(*args)
    assert kept() == len(tasks.KNOWN)
    assert {look(path) for path in looked} == {(200, None)}


def test_the_upkeep_has_counted_what_grew_large_before_anybody_looks(
    database: str, sent: Sent
) -> None:
    empty, project_id, gone = (make_project(name) for name in ("empty", "large", "gone"))
    for project in (project_id, gone):
        add_images(project, ["a.png", "b.png"])
    with session_scope() as session:
        projects.get(session, gone).deleted_at = utcnow()

    def uncounted() -> list[tuple[int, str]]:
        with session_scope(read_only=True) as session:
            return list(measures.uncounted(session, tasks.KNOWN))

    assert uncounted() == [(project_id, name) for name in tasks.KNOWN]
    tasks.recount(*uncounted()[0])
    assert uncounted() == [(project_id, name) for name in tasks.KNOWN][1:]
    for each in uncounted():
        tasks.recount(*each)
    assert uncounted() == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "LARGE", 2)
        assert uncounted() == [], "no project is large"
    assert empty not in {args[0] for _, args in sent}


def test_a_project_that_is_gone_is_not_counted(database: str, sent: Sent) -> None:
    project_id = make_project()
    add_images(project_id, ["a.png"])
    left(project_id)
    with session_scope() as session:
        session.delete(projects.get(session, project_id))
    tasks.recount(project_id, sweep_counts.LEFT.name)
    assert kept() == 0


def without_times(answered: Any) -> Any:
    """What a request tells, but for when somebody was last seen: at the latest by this request."""
    if isinstance(answered, dict) and "people" in answered:
        for one in answered["people"]:
            del one["last_seen_at"]
    return answered


def test_what_is_kept_is_what_was_counted(
    engineer: TestClient,
    make_project: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project_id = make_project(overlap=2)["id"]
    pair = [make_user(f"p{number}@example.org") for number in range(2)]
    for number, image in enumerate(add_images(project_id, ["a.png", "b.png", "c.png"])):
        for person in pair[: number + 1]:
            answer(project_id, image, person)
    for path in ("sweeps", "agreement", "prefill-effect", "people", "team"):
        counted = without_times(engineer.get(f"/api/v1/projects/{project_id}/{path}").json())
        with monkeypatch.context() as patch:
            patch.setattr(measures, "LARGE", 0)
            for _ in ("made", "kept"):
                answered = engineer.get(f"/api/v1/projects/{project_id}/{path}")
                assert without_times(answered.json()) == counted, path
    assert kept() == len(tasks.KNOWN)
    assert agreement.MEASURE.name in tasks.KNOWN
