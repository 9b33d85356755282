"""Image lists: what each filter lets through, page by page, and who is beside whom."""

from collections.abc import Callable
from itertools import chain, combinations, product
from typing import Any

import pytest
from fastapi.testclient import TestClient

from server.db import session_scope
from server.models import Image, Project
from server.models.user import Role
from server.services.assignment import priorities
from server.services.images import browse
from server.services.images.browse import ImageFilter, ImageOrder, Span
from tests.server.factories import (
    add_images,
    add_label,
    add_prediction,
    hand_out,
    make_project,
    make_user,
    show_run,
)


@pytest.fixture
def shelf(people: dict[Role, int]) -> tuple[int, int]:
    """A project with six images, and who labelled most of them.

    1 road, 2 no road, 3 both in dispute, 4 unsure, 5 skipped, 6 nothing.
    """
    project_id = make_project(overlap=2)
    ids = add_images(project_id, [f"{number}.png" for number in range(1, 7)])
    one, two = people[Role.ANNOTATOR], make_user("second@example.org")
    road, no_road = {"present": ["Road"], "absent": []}, {"present": [], "absent": ["Road"]}
    add_label(project_id, ids[0], one, **road)
    add_label(project_id, ids[1], one, **no_road)
    add_label(project_id, ids[2], one, **road)
    add_label(project_id, ids[2], two, **no_road)
    add_label(project_id, ids[3], two, present=[], absent=[], unsure=["Road"])
    add_label(project_id, ids[4], one, present=[], absent=[], skipped="too blurred")
    run_id = show_run(project_id)
    for image_id, road_share, uncertainty in zip(
        ids[:5], (0.9, 0.8, 0.5, 0.9, 0.9), (0.2, 0.6, 0.6, 0.1, 0.9), strict=True
    ):
        add_prediction(run_id, image_id, {"Road": road_share}, uncertainty=uncertainty)
    priorities.recompute(project_id)
    return project_id, one


def listed(client: TestClient, project_id: int, limit: int = 100, **wanted: Any) -> list[int]:
    """Ids of all pages, with the place of each held to what its neighbours say."""
    found: list[int] = []
    cursor: str | None = None
    while True:
        params = {"limit": limit, **wanted} | ({"cursor": cursor} if cursor else {})
        answer = client.get(f"/api/v1/projects/{project_id}/images", params=params)
        assert answer.status_code == 200, answer.text
        found += [image["id"] for image in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


FILTERS: list[tuple[dict[str, str], list[int]]] = [
    ({}, [1, 2, 3, 4, 5, 6]),
    ({"state": "labelled"}, [1, 2, 3, 4]),
    ({"state": "unlabelled"}, [5, 6]),
    ({"state": "disputed"}, [3]),
    ({"category": "Road"}, [1, 3]),
    ({"category": "Road", "said": "absent"}, [2, 3]),
    ({"category": "Road", "said": "unsure"}, [4]),
    ({"category": "Road", "said": "disputed"}, [3]),
    ({"category": "Tree", "said": "disputed"}, []),
    ({"disagrees": "true"}, [2]),
    ({"order": "uncertain"}, [5, 3, 2, 1, 4]),
    ({"order": "uncertain", "category": "Road", "said": "absent"}, [3, 2]),
    ({"order": "uncertain", "disagrees": "true", "state": "labelled"}, [2]),
    ({"name": "3"}, [3]),
    ({"name": ".png", "state": "labelled"}, [1, 2, 3, 4]),
    ({"name": "png", "order": "uncertain", "category": "Road", "said": "absent"}, [3, 2]),
    ({"name": ".PNG"}, []),
]


@pytest.fixture
def number(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the images of the test are so few that they are looked up one by one."""
    monkeypatch.setattr(browse, "FEW", {"few": browse.FEW, "some": 2, "many": 0}[request.param])


# Of some the one statement is sent or the other: which one is no matter of the database.
FEW_AND_MANY = pytest.mark.parametrize(
    ("database", "number"),
    [*product(["sqlite"], ["few", "some", "many"]), *product(["postgresql"], ["few", "many"])],
    indirect=True,
)


@pytest.mark.usefixtures("number")
@FEW_AND_MANY
def test_filters_page_by_page(engineer: TestClient, shelf: tuple[int, int]) -> None:
    project_id, _ = shelf
    for (wanted, expected), limit in product(FILTERS, (1, 2, 100)):
        assert listed(engineer, project_id, limit, **wanted) == expected, (wanted, limit)


CONDITIONS: list[list[dict[str, Any]]] = [
    [{"state": s} for s in ("ready", "rejected", "labelled", "unlabelled", "disputed")],
    [{"category": "Road", "said": s} for s in ("present", "absent", "unsure", "disputed")],
    [{"annotator": 1}, {"annotator": 4}],
    [{"disagrees": True}],
    [{"name": "2"}, {"name": "p"}, {"name": "%"}],
]


@pytest.mark.usefixtures("number")
@FEW_AND_MANY
@pytest.mark.parametrize("order", ["imported", "uncertain"])
def test_two_filters_let_through_what_each_lets_through(
    engineer: TestClient, shelf: tuple[int, int], order: ImageOrder
) -> None:
    """Each alone by HTTP; pairs, which are many, as HTTP would ask for them."""
    project_id, _ = shelf
    alone = {
        str(wanted): listed(engineer, project_id, order=order, **wanted)
        for wanted in chain(*CONDITIONS)
    }
    assert sum(map(bool, alone.values())) > len(alone) / 2
    with session_scope(read_only=True) as session:
        project = session.get_one(Project, project_id)
        for kinds in combinations(CONDITIONS, 2):
            for one, other in product(*kinds):
                expected = [i for i in alone[str(one)] if i in alone[str(other)]]
                both = {
                    "annotator_id" if k == "annotator" else k: v for k, v in (one | other).items()
                }
                wanted = ImageFilter(order=order, **both)
                part = browse.page(session, project, wanted, Span(limit=100))
                assert [image.id for image in part.images] == expected, (one, other)


@pytest.mark.usefixtures("number")
@FEW_AND_MANY
def test_pages_are_the_same_backwards_and_by_their_numbers(
    engineer: TestClient, shelf: tuple[int, int]
) -> None:
    url = f"/api/v1/projects/{shelf[0]}/images"

    def part(**at: Any) -> tuple[list[int], dict[str, Any]]:
        answer = engineer.get(url, params=at)
        assert answer.status_code == 200, answer.text
        return [image["id"] for image in answer.json()["items"]], answer.json()

    for (wanted, ids), limit in product(FILTERS, (1, 2, 100)):
        pages = [ids[i : i + limit] for i in range(0, len(ids), limit)] or [[]]
        for number, page in enumerate(pages, start=1):
            found, cursors = part(page=number, limit=limit, **wanted)
            assert found == page, (wanted, limit, number)
            assert (cursors["previous_cursor"] is None) == (number == 1)
            assert (cursors["next_cursor"] is None) == (number == len(pages))
        assert part(page=len(pages) + 1, limit=limit, **wanted)[0] == []
        backwards, cursors = part(page=-1, limit=limit, **wanted)
        assert backwards == ids[-limit:]
        while before := cursors["previous_cursor"]:
            found, cursors = part(before=before, limit=limit, **wanted)
            assert cursors["next_cursor"] is not None
            backwards = found + backwards
        assert backwards == ids, (wanted, limit)
        count = engineer.get(f"{url}/count", params=wanted).json()
        assert count == {"count": len(ids), "is_exact": True}


def test_what_no_index_holds_is_counted_up_to_a_limit(
    engineer: TestClient, shelf: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse, "MOST_WALKED", 2)
    url = f"/api/v1/projects/{shelf[0]}/images"
    for wanted, count, is_exact in (
        ({}, 6, True), ({"name": "png"}, 6, True), ({"order": "uncertain"}, 2, False),
        ({"disagrees": True}, 1, True),
    ):  # fmt: skip
        answer = engineer.get(f"{url}/count", params=wanted).json()
        assert answer == {"count": count, "is_exact": is_exact}, wanted
    for page, status in ((2, 200), (3, 200), (4, 422)):
        at = {"order": "uncertain", "limit": 1, "page": page}
        assert engineer.get(url, params=at).status_code == status, page
    assert engineer.get(url, params={"limit": 1, "page": 6}).json()["items"][0]["id"] == 6


def test_a_name_is_found_in_both_forms_of_its_accents_and_as_it_is_written(
    engineer: TestClient, people: dict[Role, int]
) -> None:
    project_id = make_project()
    add_images(project_id, ["Caf\u00e9/1.png", "Cafe\u0301/2.png", "cafe/3%_.png", "\u732b.png"])
    for name, ids in (
        ("Caf\u00e9", [1, 2]), ("e\u0301/", [1, 2]), ("Caf", [1, 2]), ("caf", [3]), ("%", [3]),
        ("_", [3]), ("\u732b", [4]), ("'", []), ("/", [1, 2, 3]), ("\\", []),
    ):  # fmt: skip
        assert listed(engineer, project_id, name=name) == ids, name
    url = f"/api/v1/projects/{project_id}/images"
    for wrong in ({"name": ""}, {"name": "a\0b"}, {"name": "x" * 501}, {"page": 0}, {"page": -2},
                  {"page": 1, "before": "3"}, {"before": "x"}):  # fmt: skip
        for address in (url, f"{url}/count"):
            known = "name" in wrong or address == url
            assert (engineer.get(address, params=wrong).status_code == 422) == known, wrong


def test_annotators_search_what_they_were_given_by_the_names_that_they_see(
    annotator: TestClient, engineer: TestClient, shelf: tuple[int, int]
) -> None:
    project_id, person = shelf
    with session_scope() as session:
        gold = session.get_one(Image, 6)
        gold.gold, gold.alias = True, "0006.png"
    hand_out(project_id, [6], person)
    at = f"/api/v1/projects/{project_id}/images"
    given = listed(annotator, project_id)
    assert given == [1, 2, 3, 5, 6]
    assert listed(annotator, project_id, name="6.png") == [6]
    assert listed(annotator, project_id, name="000") == [6]
    assert listed(annotator, project_id, name="4.png") == [], "never given"
    # By its own name it would be told from the others.
    with session_scope() as session:
        session.get_one(Image, 6).alias = "0123.png"
    assert listed(annotator, project_id, name="6") == []
    for limit in (1, 2):
        last = annotator.get(at, params={"page": -1, "limit": limit}).json()
        assert [image["id"] for image in last["items"]] == given[-limit:]
        before = annotator.get(at, params={"before": last["previous_cursor"], "limit": limit})
        assert [image["id"] for image in before.json()["items"]] == given[-2 * limit : -limit]
        second = annotator.get(at, params={"page": 2, "limit": limit}).json()
        assert [image["id"] for image in second["items"]] == given[limit : 2 * limit]
    assert annotator.get(f"{at}/count").json() == {"count": 5, "is_exact": True}
    assert engineer.get(f"{at}/count").json()["count"] == 5, "gold ones are not the project's own"
    assert listed(engineer, project_id, state="gold", name="0123") == [6]


@pytest.mark.usefixtures("number")
@FEW_AND_MANY
def test_neighbours_are_those_of_the_filtered_list(
    engineer: TestClient, shelf: tuple[int, int]
) -> None:
    for wanted, ids in FILTERS:
        for before, image_id, after in zip([None, *ids], ids, [*ids[1:], None], strict=False):
            url = f"/api/v1/projects/{shelf[0]}/images/{image_id}/neighbours"
            found = engineer.get(url, params=wanted).json()
            assert found == {"previous_id": before, "next_id": after}, (wanted, image_id)


def test_who_labelled_what(
    engineer: TestClient, annotator: TestClient, shelf: tuple[int, int]
) -> None:
    project_id, person = shelf
    assert listed(engineer, project_id, annotator=person) == [1, 2, 3]
    assert listed(annotator, project_id, annotator=person) == [1, 2, 3]


def test_annotators_do_not_learn_what_others_said(
    annotator: TestClient, shelf: tuple[int, int]
) -> None:
    for wanted in (
        {"state": "disputed"}, {"category": "Road"}, {"annotator": "1000"}, {"disagrees": "true"},
        {"order": "uncertain"},
    ):  # fmt: skip
        for more in ("", "/1/neighbours"):
            url = f"/api/v1/projects/{shelf[0]}/images{more}"
            refused = annotator.get(url, params=wanted)
            assert (refused.status_code, refused.json()["code"]) == (403, "filter"), wanted


def test_filters_that_can_not_be_name_what_is_wrong(
    engineer: TestClient, shelf: tuple[int, int]
) -> None:
    wrong: list[tuple[dict[str, str], str]] = [
        ({"category": "Sky"}, "'Sky'"),
        ({"cursor": "abc"}, "cursor"),
        ({"cursor": "5~nan~"}, "cursor"),
        ({"cursor": "5", "order": "uncertain"}, "cursor"),
        ({"said": "maybe"}, "said"),
    ]
    for wanted, words in wrong:
        answer = engineer.get(f"/api/v1/projects/{shelf[0]}/images", params=wanted)
        assert answer.status_code == 422, wanted
        assert words in answer.json()["detail"]


def lease(client: TestClient, project_id: int) -> list[dict[str, Any]]:
    answer = client.post(f"/api/v1/projects/{project_id}/leases", json={"count": 16})
    return list(answer.json())


def test_requeued_images_are_handed_out_again_and_keep_their_history(
    annotator: TestClient, engineer: TestClient,
    make_project: Callable[..., dict[str, Any]],
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]], jpeg: Callable[..., bytes],
) -> None:  # fmt: skip
    project_id = make_project(blind_share=0)["id"]
    upload(project_id, {f"{n}.jpg": jpeg(n) for n in range(3)})
    body = {"present": ["Road"], "absent": [], "timing": {"wall_ms": 5, "events": []}}
    for leased in lease(annotator, project_id):
        url = f"/api/v1/images/{leased['image']['id']}/label"
        assert annotator.put(url, json=body | {"lease_id": leased["id"]}).status_code == 200
    url = f"/api/v1/projects/{project_id}/images/requeue"
    assert annotator.post(url, json={"image_ids": [1]}).status_code == 403
    unknown = engineer.post(url, json={"image_ids": [1, 77]})
    assert (unknown.status_code, lease(engineer, project_id)) == (404, [])

    assert engineer.post(url, json={"image_ids": [1, 3]}).json() == {"images": 2}
    assert engineer.post(url, json={"image_ids": [1, 3]}).json() == {"images": 0}
    again = lease(engineer, project_id)
    assert [leased["image"]["id"] for leased in again] == [1, 3]
    assert len(engineer.get("/api/v1/images/1").json()["history"]) == 1


def test_the_reasons_of_skips_are_counted(
    engineer: TestClient, annotator: TestClient, shelf: tuple[int, int]
) -> None:
    url = f"/api/v1/projects/{shelf[0]}/skips"
    assert annotator.get(url).status_code == 403
    assert engineer.get(url).json() == [{"reason": "too blurred", "skips": 1}]


def test_without_a_model_no_image_is_uncertain(
    engineer: TestClient, shelf: tuple[int, int]
) -> None:
    with session_scope() as session:
        session.get_one(Project, shelf[0]).prediction_run_id = None
    assert listed(engineer, shelf[0], order="uncertain") == []
