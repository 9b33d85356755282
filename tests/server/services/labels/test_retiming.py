"""Active times for another setting, against trails worked out by hand."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from server.db import session_scope, utcnow
from server.models import Image, Label, Project, Snapshot
from server.schemas.project import ProjectChange
from server.services import measures, projects
from server.services.labels import retiming, snapshots
from server.services.quality import pace
from tests.server.factories import LABELLED_AT, add_images, add_label, make_project, make_user

TRAIL = [[2_000, "input"], [22_000, "input"], [23_000, "hidden"], [60_000, "visible"]]
"""Gaps of 2 and 20 s, and of 8 s until a submit at 67 s."""
WALL_MS = 67_000
BY_HAND = {5: 12_000, 10: 20_000, 15: 25_000, 30: 30_000}


def choose(project_id: int, idle_after_s: int) -> None:
    with session_scope() as session:
        projects.change(session, project_id, ProjectChange(idle_after_s=idle_after_s))


def times_of(project_id: int) -> list[int]:
    query = select(Label.active_ms).where(Label.project_id == project_id).order_by(Label.id)
    with session_scope(read_only=True) as session:
        return list(session.scalars(query))


def shown(snapshot_id: int) -> tuple[int, dict[str, int] | None]:
    with session_scope(read_only=True) as session:
        snapshot = session.get_one(Snapshot, snapshot_id)
        return snapshot.active_ms, snapshot.active_ms_by_kind


def timed_project(count: int = 1) -> tuple[int, list[int]]:
    project_id, anna = make_project(), make_user()
    images = add_images(project_id, [f"{n}.png" for n in range(count)])
    for image_id in images:
        add_label(project_id, image_id, anna, active_ms=BY_HAND[10], wall_ms=WALL_MS, trail=TRAIL)
    return project_id, images


@pytest.mark.parametrize("seconds", BY_HAND)
def test_labels_and_old_snapshots_have_the_times_of_the_new_setting(
    database: str, seconds: int
) -> None:
    project_id, (image_id, other_id) = timed_project(2)
    bert = make_user("b@example.org")
    add_label(project_id, image_id, bert, active_ms=4_000)  # it has no trail
    points: dict[str, Any] = {"points": [("Road", 1, 1)], "wall_ms": 30_000}
    add_label(project_id, other_id, bert, active_ms=20_000, trail=[[15_000, "input"]], **points)
    old = snapshots.create(project_id).id
    add_label(project_id, image_id, bert, active_ms=1_000)

    choose(project_id, seconds)
    retiming.work(project_id)

    tags, pointed = BY_HAND[seconds], 2 * min(15_000, seconds * 1000)
    assert times_of(project_id) == [tags, tags, 4_000, pointed, 1_000]
    assert shown(old) == (
        2 * tags + 4_000 + pointed,
        {"tags": 2 * tags + 4_000, "points": pointed},
    )
    new = snapshots.create(project_id)
    assert new.active_ms == sum(times_of(project_id))
    retiming.work(project_id)
    assert shown(new.id) == (new.active_ms, new.active_ms_by_kind)


def test_corrections_count_as_such_and_decisions_have_everybodys_time(database: str) -> None:
    project_id, (image_id,) = timed_project()
    bert = make_user("b@example.org")
    timed = {"active_ms": 20_000, "wall_ms": WALL_MS, "trail": TRAIL}
    later = LABELLED_AT + timedelta(minutes=1)
    add_label(project_id, image_id, bert, created_at=later, **timed)
    add_label(project_id, image_id, bert, created_at=later + timedelta(minutes=1), **timed)
    add_label(project_id, image_id, make_user("c@example.org"), resolves=True,
              created_at=later + timedelta(minutes=2), **timed)  # fmt: skip
    snapshot = snapshots.create(project_id)
    choose(project_id, 15)
    retiming.work(project_id)
    assert shown(snapshot.id) == (
        100_000, {"tags": 50_000, "corrections": 25_000, "review": 25_000}
    )  # fmt: skip


def test_what_is_deleted_later_changes_no_old_snapshot(database: str) -> None:
    project_id, (image_id, *_) = timed_project(3)
    old = snapshots.create(project_id).id
    retiming.work(project_id)  # the upkeep's, soon after
    with session_scope() as session:
        session.delete(session.get_one(Image, image_id))
    assert shown(old) == (60_000, {"tags": 60_000})
    for seconds in (15, 10):
        choose(project_id, seconds)
        retiming.work(project_id)
        assert shown(old) == (3 * BY_HAND[seconds], {"tags": 3 * BY_HAND[seconds]})


def test_what_was_deleted_before_keeps_the_time_of_the_file(database: str) -> None:
    project_id, (image_id, *_) = timed_project(2)
    old = snapshots.create(project_id).id
    with session_scope() as session:
        session.delete(session.get_one(Image, image_id))
    add_images(project_id, ["0.png"])  # once more by its name
    choose(project_id, 30)
    retiming.work(project_id)
    assert shown(old) == (50_000, {"tags": 50_000})


def test_work_that_was_stopped_goes_on_and_the_same_again_changes_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id, _ = timed_project(5)
    old = snapshots.create(project_id).id
    monkeypatch.setattr(retiming, "LABELS_AT_ONCE", 2)
    choose(project_id, 30)
    turn, turns = retiming.short_turn, []

    def killed() -> Any:
        turns.append(1)
        if len(turns) == 2:
            raise KeyboardInterrupt
        return turn()

    monkeypatch.setattr(retiming, "short_turn", killed)
    with pytest.raises(KeyboardInterrupt):
        retiming.work(project_id)
    assert times_of(project_id) == [30_000] * 2 + [20_000] * 3
    with session_scope(read_only=True) as session:
        assert retiming.due(session) == [project_id]
    for _ in range(2):
        retiming.work(project_id)
        assert times_of(project_id) == [30_000] * 5
        assert shown(old) == (150_000, {"tags": 150_000})


def test_it_is_done_once_no_request_can_have_read_the_earlier_setting(database: str) -> None:
    project_id, (image_id,) = timed_project()
    snapshots.create(project_id)
    choose(project_id, 15)
    retiming.work(project_id)
    add_label(project_id, image_id, make_user("late@example.org"), active_ms=20_000,
              wall_ms=WALL_MS, trail=TRAIL)  # fmt: skip
    with session_scope() as session:
        assert retiming.due(session) == [project_id]
        long_ago = utcnow() - 2 * retiming.SETTLED
        session.execute(update(Project).values(retime_since=long_ago))
    retiming.work(project_id)
    assert times_of(project_id) == [25_000, 25_000]
    with session_scope(read_only=True) as session:
        assert retiming.due(session) == []


def test_what_is_kept_of_times_is_counted_anew(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id, _ = timed_project(2)
    monkeypatch.setattr(measures, "LARGE", 0)

    def mean() -> float:
        measures.recount(project_id, pace.MEASURE)
        with session_scope(read_only=True) as session:
            return pace.of_project(session, project_id).paces[0].per_image.mean

    assert mean() == 20
    choose(project_id, 15)
    assert mean() == 20
    retiming.work(project_id)
    assert mean() == 25


def test_a_snapshot_whose_file_is_missing_keeps_what_it_has(database: str) -> None:
    project_id, _ = timed_project()
    snapshot = snapshots.create(project_id)
    with session_scope() as session:
        session.execute(update(Snapshot).values(storage_key="none"))
    choose(project_id, 30)
    retiming.work(project_id)
    assert shown(snapshot.id) == (20_000, {"tags": 20_000})


def test_other_projects_and_their_own_setting_are_let_be(database: str) -> None:
    project_id, _ = timed_project()
    other = make_project("Other")
    (image_id,) = add_images(other, ["other.png"])
    add_label(other, image_id, make_user("o@example.org"), active_ms=20_000, wall_ms=WALL_MS,
              trail=TRAIL)  # fmt: skip
    choose(project_id, 10)  # the same
    with session_scope(read_only=True) as session:
        assert retiming.due(session) == []
    choose(project_id, 30)
    retiming.work(project_id)
    assert (times_of(project_id), times_of(other)) == ([30_000], [20_000])


def test_shares_of_a_sweep_follow_its_page(
    make_project: Callable[..., dict[str, Any]], engineer: TestClient, annotator: TestClient
) -> None:
    project = make_project(mode="tags", idle_after_s=15)
    project_id, category = project["id"], project["categories"][0]["name"]
    images = add_images(project_id, [f"{n}.png" for n in range(3)])
    url = f"/api/v1/projects/{project_id}/sweeps"
    page = annotator.post(url, json={"category": category}).json()
    events = [{"at": at, "kind": kind} for at, kind in TRAIL]
    answers = {"present": images[:1], "absent": images[1:], "unsure": [],
               "timing": {"wall_ms": WALL_MS, "events": events}}  # fmt: skip
    stored = annotator.put(f"/api/v1/sweeps/{page['id']}/answers", json=answers)
    assert stored.status_code == 200, stored.text
    assert times_of(project_id) == [8_334, 8_333, 8_333]
    snapshot = snapshots.create(project_id)
    for seconds, shares in ((10, [6_667, 6_667, 6_666]), (30, [10_000] * 3)):
        answer = engineer.patch(f"/api/v1/projects/{project_id}", json={"idle_after_s": seconds})
        assert answer.json()["idle_after_s"] == seconds
        retiming.work(project_id)
        assert times_of(project_id) == shares
        assert shown(snapshot.id) == (sum(shares), {"sweeps": sum(shares)})
