"""Agreement between annotators, their disputes, and how a reviewer ends one."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.db import session_scope
from server.services.labels import snapshots
from server.services.quality import agreement
from tests.server.factories import add_images, add_label, hand_out, make_project, make_user

TIMING = {"wall_ms": 5000, "events": []}
counts = st.integers(0, 30)


def test_cohens_kappa_by_hand() -> None:
    # p_o = 35/50 = 0.7; p_e = 0.5 * 0.6 + 0.5 * 0.4 = 0.5
    table = {(True, True): 20, (True, False): 5, (False, True): 10, (False, False): 15}
    assert agreement.cohens_kappa(table) == pytest.approx(0.4)


def test_fleiss_kappa_by_hand() -> None:
    # P = (1 + 1/3 + 1 + 1/3) / 4 = 2/3; p = 6/12; P_e = 1/2
    assert agreement.fleiss_kappa({(3, 0): 1, (2, 1): 1, (0, 3): 1, (1, 2): 1}) == pytest.approx(
        1 / 3
    )


def test_fleiss_kappa_where_images_have_different_numbers_of_answers() -> None:
    # P = (1 + 0 + 1/3) / 3 = 4/9; p = 5/7; P_e = 29/49; kappa = (4/9 - 29/49) / (20/49) = -13/36
    assert agreement.fleiss_kappa({(2, 0): 1, (1, 1): 1, (2, 1): 1}) == pytest.approx(-13 / 36)


@pytest.mark.parametrize("nothing", [{}, {(True, True): 9}, {(False, False): 9}])
def test_kappa_is_not_defined_where_chance_alone_agrees(nothing: dict[Any, int]) -> None:
    assert agreement.cohens_kappa(nothing) is None
    assert agreement.fleiss_kappa({(2 * a, 2 - 2 * a): n for (a, _), n in nothing.items()}) is None


@given(counts, counts, counts, counts)
def test_kappa_is_symmetric_and_at_most_one(both: int, one: int, other: int, no: int) -> None:
    def kappa(first: bool, second: bool) -> float | None:
        return agreement.cohens_kappa(
            {(True, True): both, (first, second): one, (second, first): other, (False, False): no}
        )

    assert kappa(True, False) == pytest.approx(kappa(False, True))
    value = kappa(True, False)
    assert value is None or -1 - 1e-9 <= value <= 1
    if value is not None and one == other == 0:
        assert value == pytest.approx(1)


ROAD = [(True, True)] * 4 + [(True, False)] + [(False, True)] * 2 + [(False, False)] * 3


def label_as(project_id: int, people: list[int], answers: list[tuple[bool, ...]]) -> list[int]:
    """Images whose answers for Road are these, one a person; gives their ids."""
    ids = add_images(project_id, [f"{number}.png" for number in range(len(answers))])
    for image_id, said in zip(ids, answers, strict=True):
        for person, present in zip(people, said, strict=True):
            lists = (
                {"present": ["Road"], "absent": []}
                if present
                else {"present": [], "absent": ["Road"]}
            )
            add_label(project_id, image_id, person, **lists)
    return ids


def people(count: int) -> list[int]:
    return [make_user(f"p{number}@example.org") for number in range(count)]


def measure(project_id: int) -> Any:
    with session_scope(read_only=True) as session:
        return agreement.measure(session, project_id)


def test_two_people_are_compared_by_cohens_kappa(database: str) -> None:
    project_id = make_project(overlap=2)
    pair = people(2)
    ids = label_as(project_id, pair, ROAD)
    add_label(project_id, ids[0], pair[0], present=[], absent=["Road"])  # corrected ...
    add_label(project_id, ids[0], pair[0], present=["Road"], absent=[], unsure=["Tree"])  # ... back
    found = measure(project_id)
    assert (found.method, found.annotators) == ("cohen", 2)
    road, car, _ = found.categories
    assert (road.images, road.agreement) == (10, pytest.approx(0.7))
    assert road.kappa == agreement.cohens_kappa(Counter(ROAD))
    assert (car.images, car.agreement, car.kappa) == (0, None, None)


def test_more_people_are_compared_by_fleiss_kappa(database: str) -> None:
    project_id = make_project(overlap=3)
    answers = [(True, True, True), (True, False, True), (False,) * 3, (False, False, True)]
    label_as(project_id, people(3), answers)
    found = measure(project_id)
    assert (found.method, found.annotators) == ("fleiss", 3)
    assert found.categories[0].kappa == pytest.approx(1 / 3)


SAID = st.fixed_dictionaries(
    {name: st.sampled_from(["present", "absent", "unsure", None]) for name in ("Road", "Car")}
)
KIND = st.sampled_from(["label", "label", "label", "skip", "decision", None])
LABELS = st.lists(st.lists(st.tuples(KIND, SAID), min_size=3, max_size=3), max_size=6)
fresh_name = count()


def said_of(image: list[tuple[str | None, dict[str, str | None]]], name: str) -> dict[int, bool]:
    """By person, what an image's labels say of a category: sure answers of no reviewer."""
    sure = {"present": True, "absent": False}
    return {
        person: sure[value]
        for person, (kind, said) in enumerate(image)
        if kind == "label" and (value := said[name]) in sure
    }


def kappa_one_by_one(
    answers: list[dict[int, bool]], pair: list[int] | None
) -> tuple[int, float | None]:
    """How many images have several answers, and kappa of these answers."""
    several = [by_person for by_person in answers if len(by_person) > 1]
    if pair is not None:
        table = Counter((said[pair[0]], said[pair[1]]) for said in several)
        return len(several), agreement.cohens_kappa(table)
    counts = Counter((sum(said.values()), len(said) - sum(said.values())) for said in several)
    return len(several), agreement.fleiss_kappa(counts)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(given_labels=LABELS)
def test_kappa_is_that_of_the_answers_read_one_by_one(
    database: str, given_labels: list[list[tuple[str | None, dict[str, str | None]]]]
) -> None:
    number = next(fresh_name)
    project_id = make_project(f"Streets {number}", overlap=3)
    ids = [make_user(f"{number}-{person}@example.org") for person in range(3)]
    images = add_images(project_id, [f"{n}.png" for n in range(len(given_labels))])
    for image_id, image in zip(images, given_labels, strict=True):
        for person, (kind, said) in zip(ids, image, strict=True):
            if kind is None:
                continue
            lists = {v: [c for c in said if said[c] == v] for v in ("present", "absent", "unsure")}
            nothing: dict[str, list[str]] = {value: [] for value in lists}
            skip = {"skipped": "too blurred", **nothing}
            fields = skip if kind == "skip" else {**lists, "resolves": kind == "decision"}
            add_label(project_id, image_id, person, **fields)

    found = measure(project_id)

    compared = [
        image for image in given_labels
        if any(len(said_of(image, name)) > 1 for name in ("Road", "Car"))
    ]  # fmt: skip
    people = sorted(
        {p for image in compared for p, (kind, _) in enumerate(image) if kind == "label"}
    )
    assert found.annotators == len(people)
    pair = people if len(people) == 2 else None
    assert found.method == ("fleiss" if pair is None else "cohen")
    for category in found.categories[:2]:
        answers = [said_of(image, category.category) for image in given_labels]
        assert (category.images, category.kappa) == pytest.approx(kappa_one_by_one(answers, pair))


@pytest.fixture
def disputed(
    database: str, annotator: TestClient, engineer: TestClient
) -> Callable[[], tuple[int, list[int]]]:
    """Makes a project in whose images 1 and 3 of three people disagree on the road."""

    def make() -> tuple[int, list[int]]:
        project_id = make_project(overlap=2)
        ids = label_as(project_id, people(2), [(True, False), (True, True), (False, True)])
        return project_id, ids

    return make


def test_the_queue_of_disputes_is_newest_first_and_says_who(
    engineer: TestClient, annotator: TestClient, disputed: Callable[[], tuple[int, list[int]]]
) -> None:
    project_id, ids = disputed()
    url = f"/api/v1/projects/{project_id}/disputed"
    assert annotator.get(url).status_code == 403
    first = engineer.get(url, params={"limit": 1}).json()
    [newest] = first["items"]
    assert newest["id"] == ids[2]
    assert newest["disputes"] == [
        {"category": "Road", "present_by": ["p1@example.org"], "absent_by": ["p0@example.org"]}
    ]
    rest = engineer.get(url, params={"cursor": first["next_cursor"]}).json()
    assert ([i["id"] for i in rest["items"]], rest["next_cursor"]) == ([ids[0]], None)
    wrong = engineer.get(url, params={"cursor": "yesterday"})
    assert (wrong.status_code, wrong.json()["detail"][:6]) == (422, "cursor")


def decide(client: TestClient, image_id: int, **fields: Any) -> Any:
    body = {"present": [], "absent": ["Road"], "timing": TIMING, "resolves": True} | fields
    return client.put(f"/api/v1/images/{image_id}/label", json=body)


def exported(project_id: int) -> list[tuple[str, tuple[str, ...], int]]:
    with session_scope(read_only=True) as session:
        lines = list(snapshots.weak_labels(session, project_id))
        assert snapshots.count_current_labels(session, project_id) == len(lines)
    return [(line.image, line.present, line.active_ms) for line in lines]


def test_a_reviewers_decision_ends_the_dispute_and_is_what_training_sees(
    engineer: TestClient, admin: TestClient, disputed: Callable[[], tuple[int, list[int]]]
) -> None:
    project_id, ids = disputed()
    made = decide(engineer, ids[0])
    assert (made.status_code, made.json()["resolves"]) == (200, True)
    left = engineer.get(f"/api/v1/projects/{project_id}/disputed").json()["items"]
    assert [image["id"] for image in left] == [ids[2]]
    # One line, with everybody's time; the other images keep both.
    assert exported(project_id)[:2] == [("0.png", (), 7000), ("1.png", ("Road",), 1000)]
    assert len(exported(project_id)) == 5

    # The next reviewer's word replaces the first one's; the dispute stays closed.
    decide(admin, ids[0], present=["Road"], absent=[])
    assert exported(project_id)[0] == ("0.png", ("Road",), 12000)
    assert len(exported(project_id)) == 5
    history = engineer.get(f"/api/v1/images/{ids[0]}").json()
    assert ([label["resolves"] for label in history["history"]], history["disputed_at"]) == (
        [True, True, False, False],
        None,
    )
    # Decisions are made with the others in view: they do not count as agreement.
    assert measure(project_id).annotators == 2


def test_a_decision_that_is_taken_back_opens_the_dispute_again(
    engineer: TestClient, disputed: Callable[[], tuple[int, list[int]]]
) -> None:
    _, ids = disputed()
    decide(engineer, ids[0])
    decide(engineer, ids[0], resolves=False)
    assert engineer.get(f"/api/v1/images/{ids[0]}").json()["disputed_at"] is not None


def test_annotators_decide_nothing(
    annotator: TestClient, disputed: Callable[[], tuple[int, list[int]]]
) -> None:
    project_id, ids = disputed()
    assert decide(annotator, ids[0]).status_code == 404
    hand_out(project_id, ids[:1], annotator.get("/api/v1/me").json()["id"])
    refused = decide(annotator, ids[0])
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "resolves" in refused.json()["detail"]
