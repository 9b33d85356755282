"""Sweeps by HTTP: one category, a page of images; nothing twice, and nothing of the rest lost."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from threading import Barrier
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from server.db import session_scope, utcnow
from server.models import Assignment, Image, Label, Project, SweepPage, User
from server.models.image import ImageState
from server.models.user import Role
from server.schemas.label import Timing
from server.schemas.sweep import SweepAnswers
from server.services import predictions
from server.services.assignment import leases, prefill, sweep_pages
from server.services.labels import snapshots, sweep_answers, timing
from tests.server.factories import (
    add_images,
    add_label,
    add_prediction,
    category_ids,
    hand_out,
    make_project,
    show_run,
)
from tests.server.one_database import ONE_DATABASE

TIMING = {"wall_ms": 9000, "events": [{"at": 1000, "kind": "input"}]}
NONE = {"wall_ms": 0}
IMAGES = 6
CATEGORIES = 3
NUMBERS = count()

Rows = list[dict[str, Any]]


@pytest.fixture
def project(make_project: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Makes a project with images that wait to be labelled; it names their ids."""

    def make(images: int = IMAGES, **fields: Any) -> dict[str, Any]:
        made = make_project(**{"mode": "tags", "blind_share": 0} | fields)
        ids = add_images(made["id"], [f"{n:03}.png" for n in range(images)])
        with session_scope() as session:
            session.add_all(
                Assignment(project_id=made["id"], image_id=i, slot=slot, state="open")
                for i in ids
                for slot in range(made["overlap"])
            )
        return made | {"image_ids": ids}

    return make


def post(client: TestClient, project: dict[str, Any], category: str = "Tree", **more: Any) -> Any:
    url = f"/api/v1/projects/{project['id']}/sweeps"
    return client.post(url, json={"category": category} | more)


def take(client: TestClient, project: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = post(client, project, **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ids_of(page: dict[str, Any]) -> list[int]:
    return [image["id"] for image in page["images"]]


def put(client: TestClient, page: dict[str, Any], timing: Any = TIMING, **said: list[int]) -> Any:
    """Answers a page; what is not named is absent."""
    named = {image for images in said.values() for image in images}
    body = {"absent": [i for i in ids_of(page) if i not in named]} | said | {"timing": timing}
    return client.put(f"/api/v1/sweeps/{page['id']}/answers", json=body)


def lease(client: TestClient, project: dict[str, Any], count: int = 16) -> Rows:
    answer = client.post(f"/api/v1/projects/{project['id']}/leases", json={"count": count})
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def label(client: TestClient, image_id: int, lease_id: str | None, **said: Any) -> Any:
    body = {"lease_id": lease_id, "timing": NONE} | said
    return client.put(f"/api/v1/images/{image_id}/label", json=body)


def history(client: TestClient, image_id: int) -> Rows:
    return list(client.get(f"/api/v1/images/{image_id}").json()["history"])


def expire_all() -> None:
    past = utcnow() - timedelta(seconds=1)
    with session_scope() as session:
        session.execute(update(SweepPage).values(expires_at=past))
        session.execute(update(Assignment).values(lease_expires_at=past))


def see(project: dict[str, Any], category: str = "Tree") -> dict[int, float]:
    """Let a model have seen the images, the last one as the likeliest; gives what it said."""
    run_id = show_run(project["id"])
    ids = project["image_ids"]
    said = {image_id: (at + 1) / len(ids) for at, image_id in enumerate(ids)}
    for image_id, probability in said.items():
        add_prediction(run_id, image_id, {"Road": 0.9, category: probability})
    return said


def test_the_likeliest_images_come_first(annotator: TestClient, project: Any) -> None:
    made = project(images=30)
    said = see(made)
    page = take(annotator, made)
    expected = sorted(said, key=lambda image_id: -said[image_id])
    assert (page["category"], page["sorted_by"], ids_of(page)) == (
        "Tree", "probability", expected[:24],
    )  # fmt: skip
    assert [image["probability"] for image in page["images"]] == pytest.approx(
        [said[i] for i in expected[:24]]
    )
    rest = take(annotator, made, held=[page["id"]])
    assert ids_of(rest) == expected[24:]
    assert post(annotator, made, held=[page["id"], rest["id"]]).json() is None


@pytest.mark.parametrize("name", ['say "tree"', "$.Tree", "Tree's [0]", "Bäume\\"])
def test_any_name_of_a_category_can_be_sorted_by(
    annotator: TestClient, project: Any, name: str
) -> None:
    made = project(categories=[{"name": "Road"}, {"name": name}])
    said = see(made, name)
    page = take(annotator, made, category=name)
    assert [image["probability"] for image in page["images"]] == pytest.approx(
        sorted(said.values())[::-1]
    )


def test_without_a_models_word_the_order_is_that_of_import(
    annotator: TestClient, project: Any
) -> None:
    made = project()
    page = take(annotator, made)
    assert (page["sorted_by"], ids_of(page)) == ("import", made["image_ids"])
    assert {image["probability"] for image in page["images"]} == {None}

    hidden = project(name="Hidden", show_predictions=False)
    see(hidden)
    assert take(annotator, hidden)["sorted_by"] == "import"


def test_images_that_the_model_has_not_seen_come_last(annotator: TestClient, project: Any) -> None:
    made = project()
    first, *others = made["image_ids"]
    said = see(made | {"image_ids": others})
    assert ids_of(take(annotator, made)) == [*sorted(said, key=lambda i: -said[i]), first]


@pytest.mark.parametrize(("prefill", "ticked"), [("none", 0), ("model", 4)])
def test_images_are_ticked_where_the_project_prefills_by_the_model(
    annotator: TestClient, project: Any, prefill: str, ticked: int
) -> None:
    made = project(prefill=prefill)
    see(made)
    page = take(annotator, made)
    assert [image["ticked"] for image in page["images"]] == [
        *[True] * ticked, *[False] * (IMAGES - ticked),
    ]  # fmt: skip


def test_images_to_be_judged_blind_are_on_no_sorted_page(
    annotator: TestClient, project: Any, people: dict[Role, int]
) -> None:
    made = project(images=20, blind_share=0.4)
    see(made)
    with session_scope() as session:
        stored = session.get_one(Project, made["id"])
        blind = {
            image_id
            for image_id in made["image_ids"]
            if prefill.is_blind(stored, people[Role.ANNOTATOR], image_id)
        }
    assert blind
    assert set(ids_of(take(annotator, made))) == set(made["image_ids"]) - blind


def test_gold_and_unverified_images_are_on_no_page(annotator: TestClient, project: Any) -> None:
    made = project()
    gold, registered, *others = made["image_ids"]
    with session_scope() as session:
        session.get_one(Image, gold).gold = True
        session.get_one(Image, registered).state = "registered"
    assert ids_of(take(annotator, made)) == others


def test_a_page_says_is_it_there_and_nothing_else(
    annotator: TestClient, engineer: TestClient, project: Any
) -> None:
    made = project()
    page = take(annotator, made)
    one, two, *others = ids_of(page)
    answer = put(annotator, page, present=[one], unsure=[two])
    assert (answer.status_code, answer.json()) == (200, {"stored": IMAGES, "taken": []})

    said = {i: history(annotator, i)[0] for i in ids_of(page)}
    assert all(label["partial"] for label in said.values())
    assert (said[one]["present"], said[one]["absent"]) == (["Tree"], [])
    assert (said[two]["present"], said[two]["unsure"]) == ([], ["Tree"])
    assert [said[i]["absent"] for i in others] == [["Tree"]] * len(others)
    with session_scope() as session:
        lines = {line.image: line for line in snapshots.weak_labels(session, made["id"])}
    assert (lines["000.png"].present, lines["000.png"].absent) == (("Tree",), ())
    assert (lines["001.png"].present, lines["001.png"].absent) == ((), ())
    assert (lines["002.png"].present, lines["002.png"].absent) == ((), ("Tree",))
    found = engineer.get(
        f"/api/v1/projects/{made['id']}/images", params={"category": "Tree", "said": "present"}
    )
    assert [image["id"] for image in found.json()["items"]] == [one]


def test_the_image_still_waits_to_be_labelled_as_a_whole(
    annotator: TestClient, project: Any
) -> None:
    made = project()
    page = take(annotator, made)
    put(annotator, page, present=ids_of(page)[:1])
    state = annotator.get(f"/api/v1/projects/{made['id']}").json()["images"]
    assert (state["labelled"], state["total"]) == (0, IMAGES)
    images = annotator.get(f"/api/v1/projects/{made['id']}/images", params={"state": "labelled"})
    assert images.json()["items"] == []
    assert annotator.get(f"/api/v1/projects/{made['id']}/labels/mine").json()["items"] == []
    taken = lease(annotator, made)
    assert {one["image"]["id"] for one in taken} == set(ids_of(page))
    assert taken[0]["label"]["present"] == ["Tree"], "the form can start from it"
    pace = annotator.get(f"/api/v1/projects/{made['id']}/pace").json()
    assert (pace["labels"], pace["labels_today"], pace["active_ms"]) == (0, 0, 9000)


def test_a_page_takes_its_time_in_equal_parts(annotator: TestClient, project: Any) -> None:
    made = project()
    times = {"wall_ms": 30_000, "events": [{"at": 4003, "kind": "input"}]}
    put(annotator, take(annotator, made), timing=times)
    active = timing.active_ms(Timing.model_validate(times))
    assert active == 14_003, "of the last gap ten seconds count"
    with session_scope() as session:
        stored = session.execute(select(Label.active_ms, Label.wall_ms)).all()
        assert session.scalars(select(SweepPage.trail)).one() == [[[4003, "input"]]]
    assert sum(active_ms for active_ms, _ in stored) == active
    assert max(stored)[0] - min(stored)[0] == 1
    assert {wall_ms for _, wall_ms in stored} == {5000}
    bad = {"wall_ms": 10, "events": [{"at": 11, "kind": "input"}]}
    page = take(annotator, made, category="Car")
    assert put(annotator, page, timing=bad).json()["code"] == "bad-timing"


def test_a_page_that_was_open_for_weeks_is_taken(annotator: TestClient, project: Any) -> None:
    made = project()
    page = take(annotator, made)
    week = 7 * 24 * 3_600_000
    timing = {"wall_ms": 5 * week, "events": [{"at": 5 * week - 1000, "kind": "input"}]}
    ids = ids_of(page)
    assert put(annotator, page, timing=timing, absent=ids).status_code == 200
    times = [history(annotator, image_id)[0]["wall_ms"] for image_id in ids]
    assert sum(times) == week


def test_the_same_answers_again_store_nothing(annotator: TestClient, project: Any) -> None:
    page = take(annotator, project())
    first = put(annotator, page, present=ids_of(page)[:2])
    assert put(annotator, page, present=ids_of(page)[:2]).json() == first.json()
    with session_scope() as session:
        assert session.scalar(select(func.count(Label.id))) == IMAGES


def test_other_answers_to_a_page_correct_the_first(annotator: TestClient, project: Any) -> None:
    page = take(annotator, project())
    one, two, *others = ids_of(page)
    put(annotator, page, present=[one])
    assert put(annotator, page, present=[one, two]).status_code == 200
    assert [label["present"] for label in history(annotator, two)] == [["Tree"], []]
    assert len(history(annotator, one)) == 1, "it was right before"
    assert len(history(annotator, others[0])) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda _ids: {"present": [10**6]}, "not-on-page"),
        (lambda ids: {"present": ids, "absent": ids}, "contradiction"),
        (lambda ids: {"absent": ids[1:]}, "answer-missing"),
        (lambda ids: {"absent": ids * 5}, "bad-input"),
    ],
)
@ONE_DATABASE
def test_answers_that_do_not_fit_the_page_change_nothing(
    annotator: TestClient, project: Any, change: Callable[[list[int]], Any], code: str
) -> None:
    page = take(annotator, project())
    answer = annotator.put(
        f"/api/v1/sweeps/{page['id']}/answers",
        json={"timing": TIMING} | change(ids_of(page)),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    with session_scope() as session:
        assert session.scalar(select(func.count(Label.id))) == 0


def test_an_answered_category_is_not_asked_again(annotator: TestClient, project: Any) -> None:
    made = project()
    put(annotator, take(annotator, made))
    assert post(annotator, made).json() is None
    assert ids_of(take(annotator, made, category="Car")) == made["image_ids"]
    counts = annotator.get(f"/api/v1/projects/{made['id']}/sweeps").json()
    assert counts == [
        {"category": "Road", "left": IMAGES},
        {"category": "Car", "left": IMAGES},
        {"category": "Tree", "left": 0},
    ]


def test_with_overlap_several_people_are_asked(
    annotator: TestClient, engineer: TestClient, admin: TestClient, project: Any
) -> None:
    made = project(overlap=2)
    first, second = take(annotator, made), take(engineer, made)
    assert ids_of(first) == ids_of(second) == made["image_ids"]
    assert post(admin, made).json() is None, "two people are at it"
    put(annotator, first)
    assert post(annotator, made).json() is None
    put(engineer, second, present=ids_of(second)[:1])
    assert post(admin, made).json() is None
    state = {"state": "disputed"}
    found = engineer.get(f"/api/v1/projects/{made['id']}/images", params=state).json()["items"]
    assert [image["id"] for image in found] == ids_of(second)[:1]
    agreement = engineer.get(f"/api/v1/projects/{made['id']}/agreement").json()["categories"]
    assert [one["images"] for one in agreement] == [0, 0, IMAGES]


def test_skipped_and_decided_images_are_not_swept(
    annotator: TestClient, engineer: TestClient, project: Any
) -> None:
    made = project()
    skipped, decided, *others = lease(annotator, made)
    assert label(annotator, skipped["image"]["id"], skipped["id"], skipped="dark").is_success
    decision = label(engineer, decided["image"]["id"], None, absent=["Road"], resolves=True)
    assert decision.is_success
    expire_all()
    assert ids_of(take(annotator, made)) == [one["image"]["id"] for one in others]
    counts = annotator.get(f"/api/v1/projects/{made['id']}/sweeps").json()
    assert {one["left"] for one in counts} == {len(others)}


def test_an_image_is_swept_or_labelled_never_both_at_once(
    annotator: TestClient, engineer: TestClient, project: Any
) -> None:
    made = project()
    leased = [one["image"]["id"] for one in lease(engineer, made, 2)]
    assert leased == made["image_ids"][:2]
    page = take(annotator, made)
    assert ids_of(page) == made["image_ids"][2:]
    assert lease(engineer, made, 4) == []
    assert annotator.delete(f"/api/v1/sweeps/{page['id']}").status_code == 204
    assert len(lease(engineer, made, 4)) == 4


def test_a_page_whose_time_ran_out_goes_to_the_next_person(
    annotator: TestClient, engineer: TestClient, project: Any
) -> None:
    made = project()
    old = take(annotator, made)
    assert post(engineer, made).json() is None
    assert annotator.post(f"/api/v1/sweeps/{old['id']}/heartbeat").status_code == 200
    expire_all()
    assert annotator.post(f"/api/v1/sweeps/{old['id']}/heartbeat").json()["code"] == "lease-lost"
    new = take(engineer, made)
    assert ids_of(new) == ids_of(old)
    late = put(annotator, old)
    assert late.json() == {"stored": 0, "taken": ids_of(old)}
    assert put(engineer, new, present=ids_of(new)).json()["stored"] == IMAGES
    assert put(annotator, old).json()["taken"] == ids_of(old)
    with session_scope() as session:
        assert session.scalar(select(func.count(Label.id))) == IMAGES


def test_late_answers_are_kept_where_nobody_else_has_been(
    annotator: TestClient, engineer: TestClient, project: Any
) -> None:
    made = project()
    page = take(annotator, made)
    expire_all()
    [other] = lease(engineer, made, 1)
    answer = put(annotator, page)
    assert answer.json() == {"stored": IMAGES - 1, "taken": [other["image"]["id"]]}


def test_a_page_that_the_browser_lost_is_given_again(annotator: TestClient, project: Any) -> None:
    made = project(images=80)
    first = take(annotator, made)
    again = take(annotator, made)
    assert (again["id"], ids_of(again)) == (first["id"], ids_of(first))
    second = take(annotator, made, held=[first["id"]])
    third = take(annotator, made, held=[first["id"], second["id"]])
    assert not {*ids_of(first), *ids_of(second)} & set(ids_of(third))
    held = [first["id"], second["id"], third["id"]]
    assert post(annotator, made, held=held).json()["code"] == "too-many-leases"


def test_a_page_that_was_given_back_comes_before_what_follows(
    annotator: TestClient, project: Any
) -> None:
    made = project(images=72)
    likeliest = sorted(see(made).items(), key=lambda said: -said[1])
    ids = [image_id for image_id, _ in likeliest]
    first = take(annotator, made)
    second = take(annotator, made, held=[first["id"]])
    put(annotator, second)
    assert annotator.delete(f"/api/v1/sweeps/{first['id']}").status_code == 204
    again = take(annotator, made)
    assert ids_of(again) == ids[:24]
    put(annotator, again)
    assert ids_of(take(annotator, made)) == ids[48:]


@pytest.mark.parametrize("is_ranked", [False, True])
def test_what_more_people_are_asked_for_later_is_found_again(
    annotator: TestClient, engineer: TestClient, project: Any, is_ranked: bool
) -> None:
    made = project(images=30)
    if is_ranked:
        see(made)
    put(annotator, first := take(annotator, made))
    put(engineer, last := take(engineer, made))
    assert post(annotator, made).json() is post(engineer, made).json() is None
    url = f"/api/v1/projects/{made['id']}"
    engineer.patch(url, json={"overlap": 2}).raise_for_status()
    assert ids_of(take(annotator, made)) == ids_of(last)
    assert ids_of(take(engineer, made)) == ids_of(first)


def test_what_is_verified_late_comes_in_its_place(annotator: TestClient, project: Any) -> None:
    made = project(images=60)
    late = made["image_ids"][3]
    verify(late, ImageState.REGISTERED)
    put(annotator, take(annotator, made))
    put(annotator, take(annotator, made))
    verify(late, ImageState.READY)
    assert ids_of(take(annotator, made)) == [late, *made["image_ids"][49:]]


def verify(image_id: int, state: ImageState) -> None:
    with session_scope() as session:
        session.get_one(Image, image_id).state = state


def test_a_new_ranking_begins_at_its_likeliest(annotator: TestClient, project: Any) -> None:
    made = project(images=60)
    put(annotator, page := take(annotator, made))
    assert ids_of(page) == made["image_ids"][:24]
    see(made)
    page = take(annotator, made)
    assert ids_of(page) == made["image_ids"][:35:-1]
    put(annotator, page)
    see(made | {"image_ids": made["image_ids"][::-1]})
    assert ids_of(take(annotator, made)) == made["image_ids"][24:36]


def test_a_page_is_its_persons_alone(
    annotator: TestClient, engineer: TestClient, project: Any
) -> None:
    page = take(annotator, project())
    url = f"/api/v1/sweeps/{page['id']}"
    answers = [put(engineer, page), engineer.post(f"{url}/heartbeat"), engineer.delete(url)]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "lease-lost")] * 3
    annotator.cookies.clear()
    assert put(annotator, page).status_code == 401


def test_a_project_of_tiles_and_a_strange_category_are_refused(
    annotator: TestClient, project: Any
) -> None:
    tiles = project(name="Tiles", mode="tiles")
    assert (post(annotator, tiles).status_code, post(annotator, tiles).json()["code"]) == (
        422, "no-sweeps",
    )  # fmt: skip
    assert post(annotator, project(), category="Moon").json()["code"] == "unknown-category"
    assert post(annotator, {"id": 999}).status_code == 404


# --- Beside ordinary labels


def test_a_label_of_the_whole_image_keeps_what_was_swept(
    annotator: TestClient, project: Any
) -> None:
    made = project()
    page = take(annotator, made)
    one, two, three, *_ = ids_of(page)
    put(annotator, page, present=[one, two, three])
    leases = {found["image"]["id"]: found["id"] for found in lease(annotator, made)}
    whole = label(annotator, one, leases[one], present=["Road"], absent=["Car"]).json()
    assert (whole["present"], whole["absent"], whole["partial"]) == (
        ["Road", "Tree"],
        ["Car"],
        False,
    )
    changed = label(annotator, two, leases[two], absent=["Road", "Car", "Tree"]).json()
    assert (changed["present"], changed["absent"]) == ([], ["Road", "Car", "Tree"])
    skipped = label(annotator, three, leases[three], skipped="dark").json()
    assert (skipped["present"], skipped["skipped"]) == ([], "dark")
    state = annotator.get(f"/api/v1/projects/{made['id']}").json()["images"]
    assert state["labelled"] == 3


def test_a_label_without_a_lease_finishes_an_image_that_was_only_swept(
    annotator: TestClient, project: Any
) -> None:
    made = project()
    put(annotator, take(annotator, made))
    assert label(annotator, made["image_ids"][0], None, present=["Road"]).status_code == 200
    state = annotator.get(f"/api/v1/projects/{made['id']}").json()["images"]
    assert state["labelled"] == 1


def test_what_was_swept_is_corrected_without_finishing_the_image(
    annotator: TestClient, project: Any
) -> None:
    made = project()
    image_id = made["image_ids"][0]
    put(annotator, take(annotator, made))
    fixed = label(annotator, image_id, None, present=["Tree"]).json()
    assert (fixed["present"], fixed["absent"], fixed["partial"]) == (["Tree"], [], True)
    state = annotator.get(f"/api/v1/projects/{made['id']}").json()["images"]
    assert state["labelled"] == 0


@pytest.mark.parametrize(("mode", "labelled"), [("tags", IMAGES), ("tags-and-points", 0)])
def test_where_only_tags_are_asked_all_sweeps_together_are_a_label(
    annotator: TestClient, project: Any, mode: str, labelled: int
) -> None:
    made = project(mode=mode)
    for category in ("Road", "Car", "Tree"):
        put(annotator, take(annotator, made, category=category))
    state = annotator.get(f"/api/v1/projects/{made['id']}").json()["images"]
    assert state["labelled"] == labelled
    newest = history(annotator, made["image_ids"][0])[0]
    assert (newest["absent"], newest["partial"]) == (["Road", "Car", "Tree"], labelled == 0)
    assert len(lease(annotator, made, 1)) == (labelled == 0)


def test_a_sweep_adds_to_a_label_of_the_whole_image(
    annotator: TestClient, engineer: TestClient, project: Any
) -> None:
    made = project(mode="tags-and-points", categories=[{"name": "Road"}, {"name": "Car"}])
    [leased] = lease(annotator, made, 1)
    image_id = leased["image"]["id"]
    points = [{"category": "Road", "x": 1.5, "y": 2.5}]
    label(annotator, image_id, leased["id"], present=["Road"], absent=["Car"], points=points)
    known = engineer.get(f"/api/v1/projects/{made['id']}").json()["categories"]
    engineer.patch(
        f"/api/v1/projects/{made['id']}",
        json={"categories": [*known, {"name": "Tree"}]},
    ).raise_for_status()
    page = take(annotator, made)
    assert image_id in ids_of(page), "it was labelled before the category was there"
    put(annotator, page, present=[image_id])
    newest = history(annotator, image_id)[0]
    assert (newest["present"], newest["absent"], newest["points"], newest["partial"]) == (
        ["Road", "Tree"], ["Car"], points, False,
    )  # fmt: skip
    mine = annotator.get(f"/api/v1/projects/{made['id']}/labels/mine").json()["items"]
    assert [one["id"] for one in mine] == [newest["id"]]
    state = annotator.get(f"/api/v1/projects/{made['id']}").json()["images"]
    assert state["labelled"] == 1


def test_what_was_only_swept_says_nothing_of_how_common_categories_are(
    annotator: TestClient, project: Any, people: dict[Role, int]
) -> None:
    made = project(images=prefill.PRIORS_NEED + 3)
    *labelled, _, _, _ = made["image_ids"]
    for image_id in labelled:
        add_label(made["id"], image_id, people[Role.ENGINEER], present=["Road"], absent=[])
    put(annotator, take(annotator, made))
    with session_scope(read_only=True) as session:
        shares = prefill.category_shares(session, made["id"])
    assert shares == {category_ids(made["id"])["Road"]: 1}


def test_points_of_a_category_that_is_swept_away_go_with_it(
    annotator: TestClient, project: Any, people: dict[Role, int]
) -> None:
    made = project(mode="tags-and-points")
    image_id = made["image_ids"][0]
    page = take(annotator, made)
    add_label(made["id"], image_id, people[Role.ANNOTATOR], present=["Road", "Tree"], absent=[],
              points=[("Road", 1.5, 1.5), ("Tree", 2.5, 2.5)])  # fmt: skip
    put(annotator, page)
    newest = history(annotator, image_id)[0]
    assert (newest["present"], newest["absent"]) == (["Road"], ["Tree"])
    assert [point["category"] for point in newest["points"]] == ["Road"]


SAID = st.dictionaries(st.sampled_from(["Road", "Car", "Tree"]), st.sampled_from(
    ["present", "absent", "unsure"]
))  # fmt: skip


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.lists(st.one_of(SAID, st.tuples(st.sampled_from(["Road", "Car", "Tree"]),
       st.sampled_from(["present", "absent", "unsure"]))), min_size=1, max_size=4))  # fmt: skip
def test_the_last_word_on_each_category_counts(
    annotator: TestClient, project: Any, people: dict[Role, int], words: list[Any]
) -> None:
    """A dictionary is a label of the whole image, a pair the answer of a sweep."""
    made = project(images=1, name=f"P{next(NUMBERS)}")
    image_id = made["image_ids"][0]
    hand_out(made["id"], [image_id], people[Role.ANNOTATOR])
    expected: dict[str, str] = {}
    is_whole = False
    for word in words:
        if isinstance(word, tuple):
            page = post(annotator, made, category=word[0]).json()
            if page is None:
                continue  # it was answered before
            put(annotator, page, **{word[1]: [image_id]})
            expected[word[0]] = word[1]
            is_whole = is_whole or len(expected) == CATEGORIES
        else:
            said = {v: [n for n, w in word.items() if w == v] for v in set(word.values())}
            label(annotator, image_id, None, **said).raise_for_status()
            is_fix = expected and word.keys() <= expected.keys() and len(word) < CATEGORIES
            expected = word if is_whole else expected | word
            is_whole = is_whole or not is_fix
    newest = history(annotator, image_id)[0]
    assert {n: v for v in ("present", "absent", "unsure") for n in newest[v]} == expected
    assert newest["partial"] is not is_whole


# --- The order, whatever happens to pages

DEEDS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["take", "answer", "give back", "expire"])),
    min_size=4, max_size=25,
)  # fmt: skip


@ONE_DATABASE
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeds=DEEDS, overlap=st.integers(1, 2), is_ranked=st.booleans(), few=st.integers(1, 3))
def test_a_page_is_of_the_likeliest_that_are_free(
    database: str, deeds: list[tuple[int, str]], overlap: int, is_ranked: bool, few: int
) -> None:
    """Compared with a look at each image, the ones that the model has not seen last."""
    project_id, in_order = to_sweep(overlap, is_ranked, blind_share=0.2)
    people = many_people(2, f"p{next(NUMBERS)}")
    held: dict[int, list[SweepPage]] = {person: [] for person in people}
    with pytest.MonkeyPatch.context() as patched:
        small_pages(patched, few, sweep_pages.FAR)
        for at, deed in deeds:
            person = people[at]
            if deed == "take" and len(held[person]) < sweep_pages.MAX_PAGES:
                free = free_to(project_id, person, in_order)
                page = sweep_pages.take(project_id, person, "Tree", [p.id for p in held[person]])
                given = [place.image_id for place in page.places] if page else []
                assert given == free[:few]
                held[person] += [page] if page else []
            elif deed == "expire":
                expire_all()
                held = {person: [] for person in people}
            elif held[person]:
                page = held[person].pop(0)
                if deed == "answer":
                    answer_all(page, person)
                else:
                    with session_scope() as session:
                        sweep_pages.release(session, page.id, person)


def to_sweep(overlap: int, is_ranked: bool, blind_share: float) -> tuple[int, list[int]]:
    """A project, and its images in the order in which they are asked: the model has seen nine."""
    made = {"id": make_project(f"P{next(NUMBERS)}", mode="tags", overlap=overlap)}
    with session_scope() as session:
        session.get_one(Project, made["id"]).blind_share = blind_share
    ids = add_images(made["id"], [f"{n:03}.png" for n in range(12)])
    if not is_ranked:
        return made["id"], ids
    see(made | {"image_ids": ids[:9]})
    return made["id"], [*ids[8::-1], *ids[9:]]


def small_pages(patched: pytest.MonkeyPatch, page_size: int, far: int) -> None:
    patched.setattr(sweep_pages, "PAGE_SIZE", page_size)
    patched.setattr(sweep_pages, "CANDIDATES", page_size + 1)
    patched.setattr(sweep_pages, "MOST_AT_ONCE", 4)
    patched.setattr(sweep_pages, "FAR", far)
    patched.setattr(predictions, "PART", 2)


@pytest.mark.parametrize("is_ranked", [False, True])
def test_what_others_have_been_through_is_not_looked_through_again(
    project: Any, monkeypatch: pytest.MonkeyPatch, is_ranked: bool
) -> None:
    made = project(images=40, overlap=2)
    ids = made["image_ids"]
    if is_ranked:
        see(made)
        ids.reverse()
    *others, person = many_people(3)
    small_pages(monkeypatch, 4, far=5)
    for other in others:
        for _ in range(6):
            page = sweep_pages.take(made["id"], other, "Tree", [])
            assert page is not None
            answer_all(page, other)
    looked: set[int] = set()
    still_free = sweep_pages.still_free

    def looking(session: Any, sweeper: Any, some: list[int], now: Any) -> set[int]:
        looked.update(some)
        return still_free(session, sweeper, some, now)

    monkeypatch.setattr(sweep_pages, "still_free", looking)
    page = sweep_pages.take(made["id"], person, "Tree", [])
    assert page is not None
    assert [place.image_id for place in page.places] == ids[24:28]
    assert not looked & set(ids[10:20])


def test_what_others_have_left_behind_is_found_once_nothing_is_ahead(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = project(images=24, overlap=2)
    late = made["image_ids"][12]
    see(made)
    verify(late, ImageState.REGISTERED)
    *others, person = many_people(3)
    small_pages(monkeypatch, 4, far=5)
    for other in others:
        while page := sweep_pages.take(made["id"], other, "Tree", []):
            answer_all(page, other)
    verify(late, ImageState.READY)
    page = sweep_pages.take(made["id"], person, "Tree", [])
    assert page is not None
    assert [place.image_id for place in page.places] == [late]


@ONE_DATABASE
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    turns=st.lists(st.integers(0, 2), max_size=6),
    overlap=st.integers(1, 2),
    is_ranked=st.booleans(),
    far=st.integers(1, 4),
)
def test_nothing_is_left_behind_for_good(
    database: str, turns: list[int], overlap: int, is_ranked: bool, far: int
) -> None:
    project_id, in_order = to_sweep(overlap, is_ranked, blind_share=0.4)
    people = many_people(3, f"p{next(NUMBERS)}")
    waiting = [people[turn] for turn in turns] + people
    with pytest.MonkeyPatch.context() as patched:
        small_pages(patched, 2, far)
        while waiting:
            person = waiting.pop(0)
            free = free_to(project_id, person, in_order)
            page = sweep_pages.take(project_id, person, "Tree", [])
            assert (page is None) == (not free)
            if page:
                given = answer_all(page, person)
                assert given == [image_id for image_id in free if image_id in given]
                waiting += [] if person in waiting else [person]
    assert [free_to(project_id, person, in_order) for person in people] == [[], [], []]


def free_to(project_id: int, person: int, in_order: list[int]) -> list[int]:
    tree = category_ids(project_id)["Tree"]
    with session_scope(read_only=True) as session:
        sweeper = sweep_pages.Sweeper(session.get_one(Project, project_id), tree, person)
        free = sweep_pages.still_free(session, sweeper, in_order, utcnow())
        return [i for i in in_order if i in free and not sweeper.is_blind(i)]


# --- Many at once

CLIENTS = 12


def many_people(count: int, name: str = "a") -> list[int]:
    with session_scope() as session:
        people = [User(email=f"{name}{n}@example.org", password_hash="-", role="annotator")
                  for n in range(count)]  # fmt: skip
        session.add_all(people)
        session.flush()
        return [person.id for person in people]


def answer_all(page: SweepPage, person: int) -> list[int]:
    ids = [place.image_id for place in page.places]
    wanted = SweepAnswers(absent=ids, timing=Timing(wall_ms=0))
    with session_scope() as session:
        assert sweep_answers.submit(session, page.id, person, wanted).taken == []
    return ids


@pytest.mark.parametrize("overlap", [1, 2])
def test_each_image_is_asked_of_as_many_people_as_wanted(
    project: Any, engineer: TestClient, overlap: int
) -> None:
    made = project(images=150, overlap=overlap)
    people = many_people(CLIENTS)
    together = Barrier(CLIENTS)

    def work(person: int) -> list[int]:
        together.wait()
        mine: list[int] = []
        while page := sweep_pages.take(made["id"], person, "Tree", []):
            mine += answer_all(page, person)
        assert len(set(mine)) == len(mine)
        return mine

    with ThreadPoolExecutor(CLIENTS) as pool:
        asked = Counter(image for mine in pool.map(work, people) for image in mine)
    assert set(asked) == set(made["image_ids"])
    assert set(asked.values()) == {overlap}


def test_sweepers_and_labellers_never_hold_the_same_image(
    project: Any, engineer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_check_lease_limit", lambda *_: None)
    made = project(images=200)
    people = many_people(CLIENTS)
    together = Barrier(CLIENTS)

    def leased(person: int) -> Iterator[list[int]]:
        while taken := leases.take(made["id"], person, 3):
            yield [lease.image_id for lease in taken]

    def swept(person: int) -> Iterator[list[int]]:
        held: list[str] = []
        while len(held) < sweep_pages.MAX_PAGES:
            page = sweep_pages.take(made["id"], person, "Tree", held)
            if page is None:
                return
            held.append(page.id)
            yield [place.image_id for place in page.places]

    def work(person: int) -> list[int]:
        together.wait()
        batches = leased(person) if person % 2 else swept(person)
        return [image_id for batch in batches for image_id in batch]

    with ThreadPoolExecutor(CLIENTS) as pool:
        held = Counter(image for mine in pool.map(work, people) for image in mine)
    assert set(held.values()) == {1}
    assert set(held) == set(made["image_ids"])


def test_one_page_sent_many_times_at_once_is_stored_once(
    project: Any, engineer: TestClient
) -> None:
    made = project(images=24)
    [person] = many_people(1)
    page = sweep_pages.take(made["id"], person, "Tree", [])
    assert page is not None
    with ThreadPoolExecutor(6) as pool:
        assert len(list(pool.map(lambda _: answer_all(page, person), range(6)))) == 6
    with session_scope() as session:
        assert session.scalar(select(func.count(Label.id))) == 24
