"""What the team did is what each of them reads of themselves, counted in one go."""

import csv
import io
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from server.db import session_scope, utcnow
from server.models import User, UserSession
from server.models.member import MemberRole
from server.models.user import Role
from server.schemas.people import TeamOut, TeamPerson
from server.services import deletion, measures, members, projects
from server.services.quality import pace, team
from tests.server.factories import add_images, add_label, make_project, make_user


def read(project_id: int, only: int | None = None) -> TeamOut:
    with session_scope(read_only=True) as session:
        return team.of_project(session, project_id, only=only)


def by_id(people: TeamOut) -> dict[int, TeamPerson]:
    return {one.user_id: one for one in people.people}


@pytest.mark.parametrize("seed", [1, 2])
def test_each_figure_is_that_of_the_person_alone(database: str, seed: int) -> None:
    rng = random.Random(seed)
    project_id = make_project()
    ids = add_images(project_id, [f"{n}.png" for n in range(6)])
    people = [make_user(f"{n}@example.org") for n in range(3)]
    midnight = utcnow().replace(hour=0, minute=0, second=0, microsecond=0)
    for second in range(40):
        back = rng.choice([timedelta(days=2), timedelta(days=1), timedelta()])
        at = midnight - back + timedelta(milliseconds=second)
        add_label(
            project_id, rng.choice(ids), rng.choice(people), created_at=at,
            skipped=rng.choice([None, None, None, "blurred"]), partial=rng.random() < 0.2,
            active_ms=rng.choice([0, 500, 900, 4000]), present=rng.sample(["Road", "Car"], rng.randint(0, 2)),
        )  # fmt: skip
    found = by_id(read(project_id))
    with session_scope(read_only=True) as session:
        paces = {
            one.annotator: one
            for one in pace.of_project(session, project_id).paces
            if one.by == "all"
        }
        for person in people:
            mine, own = found[person], projects.pace(session, project_id, person)
            assert (mine.answers, mine.answers_today) == (own.labels, own.labels_today)
            assert mine.active_ms == own.active_ms
            assert mine.per_image == paces[f"a{person}"].per_image
            assert mine.per_answer == paces[f"a{person}"].per_answer
            [alone] = read(project_id, only=person).people
            assert alone.model_dump(exclude={"right"}) == mine.model_dump(exclude={"right"})


def test_by_hand(database: str) -> None:
    project_id = make_project(open_to_everybody=False)
    one, two, *_ = add_images(project_id, ["1.png", "2.png", "3.png"])
    person, other = make_user("b@example.org"), make_user("a@example.org")
    with session_scope() as session:
        members.join(session, projects.get(session, project_id), other, MemberRole.VIEWER)
        members.join(session, projects.get(session, project_id), person, MemberRole.ANNOTATOR)
    today, before = utcnow(), utcnow() - timedelta(days=1)
    add_label(project_id, one, person, active_ms=3000, created_at=before)
    add_label(project_id, one, person, active_ms=1000, created_at=today)
    add_label(project_id, two, person, active_ms=8000, created_at=today)
    add_label(project_id, two, person, active_ms=500, created_at=today, skipped="dark")
    idle, busy = read(project_id).people
    assert (idle.user_id, idle.role, idle.answers, idle.per_image) == (other, "viewer", 0, None)
    assert (busy.user_id, busy.role, busy.is_member) == (person, "annotator", True)
    assert (busy.answers, busy.answers_today, busy.skipped, busy.active_ms) == (1, 0, 1, 12_500)
    assert busy.per_image is not None
    assert busy.per_answer is not None
    assert (busy.per_image.median, busy.per_image.mean) == (3.0, 4.0)
    assert (busy.per_answer.median, busy.per_answer.mean) == (1.5, 2.0)
    assert busy.last_seen_at == today


def test_who_left_stays_with_what_they_did(database: str) -> None:
    project_id = make_project(open_to_everybody=False)
    [image_id] = add_images(project_id, ["1.png"])
    admin = make_user("admin@example.org", Role.ADMIN)
    removed, deleted = make_user("a@example.org"), make_user("b@example.org")
    for person in (admin, removed, deleted):
        add_label(project_id, image_id, person)
    deletion.delete_user(deleted, own_id=admin)
    found = by_id(read(project_id))
    assert {person: (one.role, one.answers) for person, one in found.items()} == {
        admin: ("lead", 1), removed: (None, 1), deleted: (None, 1),
    }  # fmt: skip
    assert found[deleted].email == f"annotator {deleted}"
    assert not found[deleted].active


def test_last_seen_is_the_latest_use_of_any_session(database: str) -> None:
    project_id, person = make_project(), make_user()
    at = datetime(2026, 11, 3, 9, tzinfo=UTC)
    with session_scope() as session:
        for hours in (1, 5, 2):
            session.add(
                UserSession(
                    user_id=person, secret_hash=f"{hours}", created_at=at,
                    expires_at=at + timedelta(days=9), last_used_at=at + timedelta(hours=hours),
                )
            )  # fmt: skip
    assert by_id(read(project_id))[person].last_seen_at == at + timedelta(hours=5)


def test_what_a_large_project_keeps_is_of_its_day(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "LARGE", 0)
    project_id, person = make_project(), make_user()
    [image_id] = add_images(project_id, ["1.png"])
    add_label(project_id, image_id, person, created_at=utcnow())
    first = by_id(read(project_id))[person]
    assert (first.answers, first.answers_today) == (1, 1)
    assert by_id(read(project_id))[person] == first
    monkeypatch.setattr(team, "utcnow", lambda: utcnow() + timedelta(days=1))
    later = by_id(read(project_id))[person]
    assert (later.answers, later.answers_today) == (1, 0)


def test_by_http_leads_see_all_and_others_themselves(
    make_project: Callable[..., dict[str, Any]],
    engineer: TestClient,
    annotator: TestClient,
    people: dict[Role, int],
) -> None:
    project_id = make_project()["id"]
    [image_id] = add_images(project_id, ["1.png"])
    other = make_user("other@example.org")
    with session_scope() as session:
        session.execute(update(User).where(User.id == other).values(active=False))
    for person in (people[Role.ANNOTATOR], other):
        add_label(project_id, image_id, person)
    url = f"/api/v1/projects/{project_id}/team"
    everybody = engineer.get(url).json()["people"]
    assert {one["user_id"] for one in everybody} >= {people[Role.ANNOTATOR], other}
    assert [one["email"] for one in everybody] == sorted(one["email"] for one in everybody)
    assert [one["user_id"] for one in annotator.get(url).json()["people"]] == [
        people[Role.ANNOTATOR]
    ]
    sheet = engineer.get(url, params={"format": "csv"})
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [row["email"] for row in rows] == [one["email"] for one in everybody]
    assert date.fromisoformat(rows[0]["last_seen_at"][:10] or "2026-01-01")
    assert tuple(rows[0]) == team.COLUMNS
