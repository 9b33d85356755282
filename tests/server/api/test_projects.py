"""Projects by HTTP: their settings, their categories and everybody's own keys."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from server.models.user import Role
from tests.server.factories import add_label
from tests.server.one_database import ONE_DATABASE

MakeProject = Callable[..., dict[str, Any]]
NAMES = ["Road", "Car", "Tree"]


def url_of(project: dict[str, Any], *more: str) -> str:
    return "/".join((f"/api/v1/projects/{project['id']}", *more))


def change(client: TestClient, project: dict[str, Any], **fields: Any) -> Any:
    return client.patch(url_of(project), json=fields)


def test_settings_of_the_mode_are_kept(engineer: TestClient, make_project: MakeProject) -> None:
    project = make_project(mode="tiles", tile_rows=3, tile_cols=4)
    assert (project["mode"], project["tile_rows"], project["tile_cols"]) == ("tiles", 3, 4)
    changed = change(engineer, project, mode="points", points_per_category=3, order="rare").json()
    assert (changed["mode"], changed["points_per_category"]) == ("points", 3)
    assert (changed["order"], changed["tile_rows"]) == ("rare", 3)


def test_the_shortest_look_at_an_image_is_a_setting(
    engineer: TestClient, make_project: MakeProject
) -> None:
    project = make_project()
    assert project["min_view_ms"] == 400
    for milliseconds in (0, 10_000):
        changed = change(engineer, project, min_view_ms=milliseconds).json()
        assert changed["min_view_ms"] == milliseconds
    assert make_project(name="Patient", min_view_ms=250)["min_view_ms"] == 250


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "polygons"},
        {"mode": None},
        {"points_per_category": 11},
        {"min_view_ms": -1},
        {"min_view_ms": 10_001},
        {"min_view_ms": None},
        {"tile_rows": 0},
        {"tile_cols": 17},
        {"blind_share": 1.5},
        {"prefill": True},
        {"order": "alphabetical"},
        {"categories": []},
    ],
)
@ONE_DATABASE
def test_settings_out_of_range_are_refused_by_name(
    engineer: TestClient, make_project: MakeProject, fields: dict[str, Any]
) -> None:
    answer = change(engineer, make_project(), **fields)
    assert answer.status_code == 422
    assert next(iter(fields)) in answer.json()["detail"]


def test_keys_run_out_before_categories_do(make_project: MakeProject) -> None:
    project = make_project(categories=[{"name": f"Category {n}"} for n in range(256)])
    keys = [category["key"] for category in project["categories"]]
    assert len(set(keys[:36])) == 36
    assert keys[36:] == [None] * 220


def test_categories_change_their_order_colour_key_and_name(
    engineer: TestClient, people: dict[Role, int], make_project: MakeProject,
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]], jpeg: Callable[..., bytes],
) -> None:  # fmt: skip
    project = make_project()
    road, car, tree = project["categories"]
    upload(project["id"], {"a.jpg": jpeg()})
    add_label(project["id"], 1, people[Role.ANNOTATOR], present=["Road"], absent=["Tree"])
    wanted = [
        {"id": tree["id"], "name": "Road", "key": road["key"], "color": "#112233"},
        {"name": "Sky"},
        {"id": road["id"], "name": "Tree", "key": tree["key"]},
    ]
    changed = change(engineer, project, categories=wanted)
    assert changed.status_code == 200, changed.text
    first, second, third = changed.json()["categories"]
    assert first == {"id": tree["id"], "name": "Road", "key": road["key"], "color": "#112233"}
    assert third == {"id": road["id"], "name": "Tree", "key": tree["key"], "color": road["color"]}
    assert second["name"] == "Sky"
    assert car["id"] not in {first["id"], second["id"], third["id"]}
    [label] = engineer.get("/api/v1/images/1").json()["history"]
    assert (label["present"], label["absent"]) == (["Tree"], ["Road"])


@pytest.mark.parametrize("correction", [{}, {"present": ["Car"], "absent": []}])
def test_a_category_that_a_label_names_can_not_be_removed(
    engineer: TestClient, people: dict[Role, int], make_project: MakeProject,
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]], jpeg: Callable[..., bytes],
    correction: dict[str, Any],
) -> None:  # fmt: skip
    project = make_project()
    upload(project["id"], {"a.jpg": jpeg()})
    annotator_id = people[Role.ANNOTATOR]
    add_label(project["id"], 1, annotator_id, present=["Road"], absent=["Tree"])
    if correction:
        add_label(project["id"], 1, annotator_id, **correction)
    refused = change(engineer, project, categories=project["categories"][1:])
    assert (refused.status_code, refused.json()["code"]) == (409, "category-in-use")
    assert "'Road'" in refused.json()["detail"]
    assert engineer.get(url_of(project)).json()["categories"] == project["categories"]


@pytest.mark.parametrize(
    ("categories", "code", "words"),
    [
        ([{"name": "Sky", "id": 999}], "unknown-category", "categories[0].id"),
        ([{"name": "Sky"}, {"name": "Sky"}], "bad-input", "'Sky' is used twice"),
        ([{"name": "caf\u00e9"}, {"name": "cafe\u0301"}], "bad-input", "is used twice"),
        ([{"name": "a\u009bb"}], "bad-input", "control character"),
        ([{"name": "a\u202eb"}], "bad-input", "direction of writing"),
        ([{"name": "Sky", "key": "x"}, {"name": "Sea", "key": "x"}], "bad-input", "'x'"),
        ([{"name": "Sky", "id": 1}, {"name": "Sea", "id": 1}], "bad-input", "id 1"),
    ],
)
@ONE_DATABASE
def test_categories_that_can_not_be_are_refused(
    engineer: TestClient, make_project: MakeProject, categories: Any, code: str, words: str
) -> None:
    answer = change(engineer, make_project(), categories=categories)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert words in answer.json()["detail"]


def test_annotators_change_no_project(annotator: TestClient, make_project: MakeProject) -> None:
    assert change(annotator, make_project(), mode="tags").status_code == 403


def test_everybody_has_keys_of_their_own(
    annotator: TestClient, engineer: TestClient, make_project: MakeProject
) -> None:
    project = make_project()
    keys = url_of(project, "keys")
    given = {category["name"]: category["key"] for category in project["categories"]}
    assert given == {"Road": "r", "Car": "c", "Tree": "t"}
    assert annotator.get(keys).json() == {"keys": given}

    # Car takes the key of Road, which nobody gave another.
    chosen = annotator.put(keys, json={"keys": {"Car": "r"}})
    assert (chosen.status_code, chosen.json()) == (200, {"keys": {"Car": "r", "Tree": "t"}})
    assert annotator.get(keys).json() == chosen.json()
    assert engineer.get(keys).json() == {"keys": given}

    assert annotator.delete(keys).status_code == 204
    assert annotator.get(keys).json() == {"keys": given}


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        ({"Car": "x", "Road": "x"}, "key-taken", "'Car' and 'Road'"),
        ({"Sky": "x"}, "unknown-category", "'Sky'"),
        ({"Car": "X"}, "bad-input", "keys.Car"),
        ({"Car": "xy"}, "bad-input", "keys.Car"),
        ({"Car": "ß"}, "bad-input", "keys.Car"),
        ({"Car": "Ф"}, "bad-input", "keys.Car"),
        ({"Car": "."}, "bad-input", "keys.Car"),
        ({"Car": "\u093e"}, "bad-input", "keys.Car"),
        ({"Car": "\u00e9", "Road": "e\u0301"}, "key-taken", "'Car' and 'Road'"),
    ],
)
@ONE_DATABASE
def test_keys_in_conflict_are_refused_and_the_old_ones_kept(
    annotator: TestClient, make_project: MakeProject, wrong: dict[str, str], code: str, words: str
) -> None:
    keys = url_of(make_project(), "keys")
    before = annotator.put(keys, json={"keys": {"Car": "9"}}).json()
    refused = annotator.put(keys, json={"keys": wrong})
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert words in refused.json()["detail"]
    assert annotator.get(keys).json() == before


@pytest.mark.parametrize("key", ["ф", "ω", "ש", "ش", "ㅁ", "ฟ", "व", "é", "٣", "𞤢"])
def test_a_key_is_a_letter_or_digit_of_any_alphabet(
    engineer: TestClient, annotator: TestClient, make_project: MakeProject, key: str
) -> None:
    project = make_project(categories=[{"name": "Car", "key": key}, {"name": "Road"}])
    keys = url_of(project, "keys")
    assert annotator.get(keys).json() == {"keys": {"Car": key, "Road": "r"}}
    chosen = annotator.put(keys, json={"keys": {"Road": unicodedata.normalize("NFD", key)}})
    assert chosen.json() == {"keys": {"Road": key}}
    changed = [{"id": each["id"], "name": each["name"]} for each in project["categories"]]
    changed[1]["key"] = key
    answer = engineer.patch(url_of(project), json={"categories": changed})
    assert [each["key"] for each in answer.json()["categories"]] == ["c", key]


def test_ones_keys_go_with_their_category(
    annotator: TestClient, engineer: TestClient, make_project: MakeProject
) -> None:
    project = make_project()
    annotator.put(url_of(project, "keys"), json={"keys": {"Car": "9", "Road": "8"}})
    kept = [c for c in project["categories"] if c["name"] != "Car"]
    assert change(engineer, project, categories=kept).status_code == 200
    left = annotator.get(url_of(project, "keys")).json()
    assert left == {"keys": {"Road": "8", "Tree": "t"}}
