"""Times of people, by hand."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from server.db import session_scope
from server.errors import NotFound
from server.models import KeptMeasure, User
from server.schemas.people import PeopleOut
from server.services import measures
from server.services.quality import pace
from tests.server.factories import add_images, add_label, make_project, make_user

DAYS = [datetime(2026, 11, day, 23, 59, tzinfo=UTC) for day in (22, 23)]


def people_of(project_id: int, **options: Any) -> PeopleOut:
    with session_scope(read_only=True) as session:
        return pace.of_project(session, project_id, **options)


def shown(
    people: PeopleOut, annotator: str | None, by: str
) -> dict[str, tuple[int, float, float, float]]:
    return {
        p.value: (p.images, p.per_image.median, p.per_image.mean, p.per_image.p90)
        for p in people.paces
        if (p.annotator, p.by) == (annotator, by)
    }


def test_an_empty_project_and_one_that_is_not_there(database: str) -> None:
    people = people_of(make_project())
    assert (people.paces, people.untimed) == ([], 0)
    with pytest.raises(NotFound):
        people_of(99)


def test_seconds_of_everybody_and_of_each_person(database: str) -> None:
    project_id, anna, bert = make_project(), make_user(), make_user("b@example.org")
    images = add_images(project_id, [f"{n}.png" for n in range(10)])
    for n, image_id in enumerate(images, 1):
        add_label(project_id, image_id, anna, active_ms=n * 1000, present=["Road"], absent=["Tree"])
    add_label(project_id, images[0], bert, active_ms=30_000, points=[("Car", 1, 1)],
              present=["Car"], absent=[], prefilled_by="priors", created_at=DAYS[1])  # fmt: skip
    add_label(project_id, images[1], bert, active_ms=7000, skipped="dark")
    add_label(project_id, images[2], bert, active_ms=0, trail=[])

    people = people_of(project_id, names=True)

    a, b = f"a{anna}", f"a{bert}"
    assert people.untimed == 1
    assert shown(people, None, "all") == {"": (11, 6, 85 / 11, 10)}
    assert shown(people, a, "all") == {"": (10, 5, 5.5, 9)}
    assert shown(people, b, "kind") == {"points": (1, 30, 30, 30)}
    assert shown(people, None, "start") == {"empty": (10, 5, 5.5, 9), "prefilled": (1, 30, 30, 30)}
    assert shown(people, None, "category") == {"Road": (10, 5, 5.5, 9), "Car": (1, 30, 30, 30)}
    assert shown(people, None, "day") == {
        "2026-11-22": (10, 5, 5.5, 9),
        "2026-11-23": (1, 30, 30, 30),
    }
    everybody, first, *_ = (p for p in people.paces if p.by == "all")
    assert (everybody.annotator, everybody.email, everybody.answers) == (None, None, 21)
    assert (first.email, first.annotator) == ("a@example.org", a)
    assert first.per_answer is not None
    assert (first.per_answer.median, first.per_answer.p90) == (2.5, 4.5)


def test_who_asks_for_their_own_gets_no_other_and_pseudonyms_have_no_address(database: str) -> None:
    project_id, anna, bert = make_project(), make_user(), make_user("b@example.org")
    (image_id,) = add_images(project_id, ["a.png"])
    add_label(project_id, image_id, anna)
    add_label(project_id, image_id, bert, active_ms=9000)
    own = people_of(project_id, only=anna)
    assert {p.annotator for p in own.paces} == {f"a{anna}"}
    assert {p.email for p in people_of(project_id).paces} == {None}
    with session_scope(read_only=True) as session:
        lines = [json.loads(line) for line in pace.trails(session, project_id, only=bert)]
    assert [(line["annotator"], line["active_ms"]) for line in lines] == [(f"a{bert}", 9000)]


def test_an_annotator_who_was_removed_keeps_their_times(database: str) -> None:
    project_id, anna = make_project(), make_user()
    (image_id,) = add_images(project_id, ["a.png"])
    add_label(project_id, image_id, anna)
    before = people_of(project_id, names=True)
    with session_scope() as session:
        session.execute(update(User).values(active=False))
    assert people_of(project_id, names=True) == before


def test_what_is_kept_of_many_labels_is_what_counting_gives(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id, anna, bert = make_project(), make_user(), make_user("b@example.org")
    image, other = add_images(project_id, ["a.png", "b.png"])
    add_label(project_id, image, anna, active_ms=4000)
    add_label(project_id, image, bert, active_ms=9000, present=["Car"])
    add_label(project_id, other, bert, active_ms=0)

    def looks() -> list[PeopleOut]:
        return [people_of(project_id, **who) for who in (
            {}, {"names": True}, {"only": anna}, {"only": bert}, {"only": 99},
        )]  # fmt: skip

    counted = looks()
    assert [people.untimed for people in counted] == [1, 1, 0, 1, 0]
    monkeypatch.setattr(measures, "LARGE", 2)  # labels, and fewer images
    assert looks() == looks() == counted
    with session_scope(read_only=True) as session:
        kept = session.get_one(KeptMeasure, (project_id, pace.MEASURE.name))
        assert "example.org" not in json.dumps(kept.value)
    add_label(project_id, other, anna, active_ms=2000)
    assert looks() == counted, "until it is counted anew"
    measures.recount(project_id, pace.MEASURE)
    kept_now = looks()
    monkeypatch.setattr(measures, "LARGE", 100)
    assert kept_now == looks() != counted


def test_csv_and_trails_have_what_figures_are_made_of(database: str) -> None:
    project_id, anna = make_project(), make_user()
    (image_id,) = add_images(project_id, ["a.png"])
    trail = [[900, "input"], [1500, "hidden"]]
    add_label(project_id, image_id, anna, active_ms=4000, trail=trail, blind=True)
    people = people_of(project_id)
    rows = list(csv.DictReader(io.StringIO(pace.as_csv(people))))
    assert [(r["by"], r["value"], r["per_image.median"], r["email"]) for r in rows[:3]] == [
        ("all", "", "4.0", ""), ("kind", "tags", "4.0", ""), ("start", "blind", "4.0", ""),
    ]  # fmt: skip
    assert len(rows) == len(people.paces)
    with session_scope(read_only=True) as session:
        (line,) = (json.loads(each) for each in pace.trails(session, project_id))
    assert line == {
        "image": "a.png", "annotator": f"a{anna}", "revision": 1, "kind": "tags",
        "active_ms": 4000, "wall_ms": 2000, "blind": True, "prefilled_by": None,
        "created_at": "2026-11-22T10:00:00+00:00", "trail": trail,
    }  # fmt: skip
