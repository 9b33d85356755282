"""Labelling by HTTP: leases in, labels out, nothing twice and nothing lost."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, func, select, update

from server import db
from server.db import session_scope, utcnow
from server.models import Assignment, Handout, Image, Label
from server.models.user import Role
from server.services.assignment import sweep_pages
from tests.server.factories import add_images, add_label
from tests.server.factories import make_project as project_with
from tests.server.one_database import ONE_DATABASE
from tests.server.statements import noted

MakeProject = Callable[..., dict[str, Any]]
TIMING = {"wall_ms": 5000, "events": [{"at": 1000, "kind": "input"}]}


@pytest.fixture
def project(
    make_project: MakeProject,
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]],
    jpeg: Callable[..., bytes],
) -> dict[str, Any]:
    """A project with three images of 64 x 48 pixels."""
    made = make_project()
    upload(made["id"], {f"{n}.jpg": jpeg(n) for n in range(3)})
    return made


def take(client: TestClient, project: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    answer = client.post(f"/api/v1/projects/{project['id']}/leases", json={"count": count})
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def put(client: TestClient, lease: dict[str, Any], key: str | None = None, **fields: Any) -> Any:
    body = {"lease_id": lease["id"], "present": ["Road"], "absent": ["Car"], "timing": TIMING}
    headers = {"Idempotency-Key": key} if key else {}
    url = f"/api/v1/images/{lease['image']['id']}/label"
    return client.put(url, json=body | fields, headers=headers)


def test_a_label_of_a_page_that_was_open_for_weeks_is_taken(
    annotator: TestClient, project: dict[str, Any]
) -> None:
    week = 7 * 24 * 3_600_000
    for days in (8, 60):
        back = days * 24 * 3_600_000
        events = [{"at": 2000, "kind": "hidden"}, {"at": back, "kind": "visible"},
                  {"at": back + 3000, "kind": "input"}]  # fmt: skip
        timing = {"wall_ms": back + 4000, "active_ms": 6000, "events": events}
        answer = put(annotator, take(annotator, project)[0], timing=timing)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["wall_ms"], answer.json()["active_ms"]) == (week, 6000)


def test_a_label_finishes_the_lease(annotator: TestClient, project: dict[str, Any]) -> None:
    lease, *others = take(annotator, project, 3)
    assert lease["image"]["width"] == 64
    answer = put(
        annotator, lease, points=[{"category": "Road", "x": 63.5, "y": 0.5}], present=["Road"]
    )
    assert answer.status_code == 200, answer.text
    label = answer.json()
    assert label["present"] == ["Road"]
    assert label["points"] == [{"category": "Road", "x": 63.5, "y": 0.5}]
    assert (label["revision"], label["active_ms"], label["wall_ms"]) == (1, 5000, 5000)
    counts = annotator.get(f"/api/v1/projects/{project['id']}").json()["images"]
    assert (counts["labelled"], counts["leased"], counts["total"]) == (1, 2, 3)
    assert put(annotator, lease, present=["Tree"]).json()["code"] == "lease-lost"
    assert len(others) == 2


def test_the_same_submit_twice_is_one_label(annotator: TestClient, project: dict[str, Any]) -> None:
    [lease] = take(annotator, project)
    first = put(annotator, lease, key="k-1")
    again = put(annotator, lease, key="k-1")
    assert (again.status_code, again.json()) == (200, first.json())
    other = put(annotator, lease, key="k-1", present=["Tree"])
    assert (other.status_code, other.json()["code"]) == (409, "key-reused")
    with session_scope() as session:
        assert session.scalar(select(func.count(Label.id))) == 1


def test_a_lease_and_its_label_take_few_statements(
    annotator: TestClient, project: dict[str, Any]
) -> None:
    put(annotator, *take(annotator, project), key="first")
    with noted() as sent:
        put(annotator, *take(annotator, project), key="second")
    statements = [text for text, _ in sent if not text.startswith("BEGIN")]
    # On PostgreSQL also the locks of the person and against sweeps.
    most = 12 if db.get_engine().dialect.name == "postgresql" else 11
    assert len(statements) <= most, "\n".join(statements)


def test_a_correction_is_a_new_revision(annotator: TestClient, project: dict[str, Any]) -> None:
    [lease] = take(annotator, project)
    put(annotator, lease)
    corrected = put(annotator, lease, lease_id=None, present=["Road", "Tree"])
    assert (corrected.status_code, corrected.json()["revision"]) == (200, 2)
    history = annotator.get(f"/api/v1/images/{lease['image']['id']}").json()["history"]
    assert [label["present"] for label in history] == [["Road", "Tree"], ["Road"]]
    mine = annotator.get(f"/api/v1/projects/{project['id']}/labels/mine").json()
    assert [label["revision"] for label in mine["items"]] == [2]


def expire_all() -> None:
    with session_scope() as session:
        session.execute(update(Assignment).values(lease_expires_at=utcnow() - timedelta(seconds=1)))


def test_work_with_an_expired_lease_is_kept_when_nobody_took_the_image(
    annotator: TestClient, project: dict[str, Any]
) -> None:
    [lease] = take(annotator, project)
    expire_all()
    refused = put(annotator, lease, key="k-2")
    assert (refused.status_code, refused.json()["code"]) == (409, "lease-lost")
    kept = put(annotator, lease, key="k-2", lease_id=None)
    assert (kept.status_code, kept.json()["revision"]) == (200, 1)


def test_work_with_an_expired_lease_is_refused_when_somebody_took_the_image(
    annotator: TestClient, sign_in: Callable[[Role], TestClient], project: dict[str, Any]
) -> None:
    [lease] = take(annotator, project)
    expire_all()
    other = sign_in(Role.ENGINEER)
    taken = take(other, project, 3)
    assert lease["image"]["id"] in [t["image"]["id"] for t in taken]
    refused = put(annotator, lease, lease_id=None)
    assert (refused.status_code, refused.json()["code"]) == (409, "image-taken")
    stolen = put(annotator, next(t for t in taken if t["image"] == lease["image"]))
    assert (stolen.status_code, stolen.json()["code"]) == (409, "lease-lost")


def test_a_skip_finishes_the_image_and_says_nothing(
    annotator: TestClient, project: dict[str, Any]
) -> None:
    [lease] = take(annotator, project)
    answer = put(annotator, lease, present=[], absent=[], skipped="too blurred")
    assert (answer.status_code, answer.json()["skipped"]) == (200, "too blurred")
    contradictory = put(annotator, lease, lease_id=None, skipped="too blurred")
    assert contradictory.status_code == 422


def test_a_point_makes_its_category_present(annotator: TestClient, project: dict[str, Any]) -> None:
    [lease] = take(annotator, project)
    points = [{"category": "Tree", "x": 1.5, "y": 2.5}]
    assert put(annotator, lease, present=[], points=points).json()["present"] == ["Tree"]


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"present": ["Roda"]}, "unknown-category", "'Roda'"),
        ({"absent": ["Sky"]}, "unknown-category", "'Sky'"),
        ({"points": [{"category": "Sky", "x": 1, "y": 1}]}, "unknown-category", "'Sky'"),
        ({"points": [{"category": "Road", "x": 65, "y": 1}]}, "point-outside", "points[0]"),
        ({"points": [{"category": "Road", "x": 1, "y": 48.6}]}, "point-outside", "of Road"),
        ({"points": [{"category": "Road", "x": -1, "y": 1}]}, "bad-input", "points[0].x"),
        ({"present": ["Road"], "absent": ["Road"]}, "contradiction", "'Road'"),
        ({"timing": {"wall_ms": 5, "active_ms": 6}}, "bad-timing", "wall_ms"),
        ({"timing": {"wall_ms": -5}}, "bad-input", "timing.wall_ms"),
        ({"presnet": ["Road"]}, "bad-input", "presnet"),
        ({"unsure": ["Road"]}, "contradiction", "'Road'"),
        ({"tiles": {"rows": 2, "cols": 2}}, "no-tiles", "tiles"),
    ],
)
@ONE_DATABASE
def test_a_label_that_does_not_fit_names_what_is_wrong(
    annotator: TestClient, project: dict[str, Any], fields: dict[str, Any], code: str, words: str
) -> None:
    [lease] = take(annotator, project)
    answer = put(annotator, lease, **fields)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert words in answer.json()["detail"]
    assert put(annotator, lease).status_code == 200, "the lease must not be used up"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@ONE_DATABASE
def test_a_point_that_is_no_number_is_refused(
    annotator: TestClient, project: dict[str, Any], number: str
) -> None:
    [lease] = take(annotator, project)
    body = (
        f'{{"lease_id": "{lease["id"]}", "timing": {{"wall_ms": 1}}, '
        f'"points": [{{"category": "Road", "x": {number}, "y": 1}}]}}'
    )
    answer = annotator.put(
        f"/api/v1/images/{lease['image']['id']}/label",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert "points[0].x" in answer.json()["detail"]


def test_a_label_for_another_projects_image_is_refused(
    annotator: TestClient,
    project: dict[str, Any],
    make_project: MakeProject,
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]],
    jpeg: Callable[..., bytes],
) -> None:
    other = make_project(name="Other", categories=[{"name": "Sky"}])
    upload(other["id"], {"a.jpg": jpeg(77)})
    [lease] = take(annotator, project)
    [others] = take(annotator, other)
    swapped = put(annotator, {"id": lease["id"], "image": others["image"]}, present=["Sky"],
                  absent=[])  # fmt: skip
    assert (swapped.status_code, swapped.json()["code"]) == (409, "lease-lost")


def test_points_are_refused_where_the_project_asks_for_tags_alone(
    annotator: TestClient,
    make_project: MakeProject,
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]],
    jpeg: Callable[..., bytes],
) -> None:
    tags = make_project(mode="tags")
    upload(tags["id"], {"a.jpg": jpeg()})
    [lease] = take(annotator, tags)
    answer = put(annotator, lease, points=[{"category": "Road", "x": 1, "y": 1}])
    assert (answer.status_code, answer.json()["code"]) == (422, "no-points")


@pytest.fixture
def tiled(
    make_project: MakeProject,
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]],
    jpeg: Callable[..., bytes],
) -> dict[str, Any]:
    """A project that asks for tiles of 2 x 3."""
    made = make_project(mode="tiles", tile_rows=2, tile_cols=3)
    upload(made["id"], {"a.jpg": jpeg()})
    return made


def test_tiles_make_their_category_present(annotator: TestClient, tiled: dict[str, Any]) -> None:
    [lease] = take(annotator, tiled)
    tiles = {"rows": 2, "cols": 3, "present": {"Tree": [5, 0]}}
    label = put(annotator, lease, present=[], tiles=tiles).json()
    assert label["present"] == ["Tree"]
    assert label["tiles"] == tiles | {"present": {"Tree": [0, 5]}}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"tiles": {"rows": 3, "cols": 2, "present": {"Road": [0]}}}, "wrong-grid"),
        ({"tiles": {"rows": 2, "cols": 3, "present": {"Road": [6]}}}, "bad-input"),
        ({"points": [{"category": "Road", "x": 1, "y": 1}]}, "no-points"),
    ],
)
@ONE_DATABASE
def test_only_tiles_of_the_projects_grid_fit_it(
    annotator: TestClient, tiled: dict[str, Any], fields: dict[str, Any], code: str
) -> None:
    [lease] = take(annotator, tiled)
    answer = put(annotator, lease, **fields)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert next(iter(fields)) in answer.json()["detail"]


def test_unsure_is_kept_apart_from_not_asked(
    annotator: TestClient, engineer: TestClient, project: dict[str, Any]
) -> None:
    [lease] = take(annotator, project)
    label = put(annotator, lease, present=["Road"], absent=[], unsure=["Tree"]).json()
    assert (label["present"], label["absent"], label["unsure"]) == (["Road"], [], ["Tree"])
    made = engineer.post(f"/api/v1/projects/{project['id']}/snapshots").json()
    line = engineer.get(made["url"]).json()
    assert (line["present"], line["absent"]) == (["Road"], [])
    assert "unsure" not in line


def test_the_heartbeat_and_giving_back(annotator: TestClient, project: dict[str, Any]) -> None:
    [lease] = take(annotator, project)
    beat = annotator.post(f"/api/v1/leases/{lease['id']}/heartbeat")
    assert beat.status_code == 200
    assert beat.json()["expires_at"] >= lease["expires_at"]
    assert annotator.delete(f"/api/v1/leases/{lease['id']}").status_code == 204
    assert annotator.post(f"/api/v1/leases/{lease['id']}/heartbeat").status_code == 409


def test_ones_own_pace(annotator: TestClient, project: dict[str, Any]) -> None:
    for lease in take(annotator, project, 2):
        put(annotator, lease)
    pace = annotator.get(f"/api/v1/projects/{project['id']}/pace").json()
    assert pace == {"labels": 2, "active_ms": 10000, "median_active_ms": 5000, "labels_today": 2}


def test_nothing_left_is_an_empty_list(annotator: TestClient, project: dict[str, Any]) -> None:
    for lease in take(annotator, project, 3):
        put(annotator, lease)
    assert take(annotator, project) == []


def test_a_category_is_named_in_any_spelling(
    engineer: TestClient,
    make_project: Callable[..., dict[str, Any]],
    upload: Callable[..., Any],
    jpeg: Callable[..., bytes],
) -> None:
    composed, parts, joined = (
        "Fu\u00dfg\u00e4nger",
        "Fu\u00dfga\u0308nger",
        "\u0645\u06cc\u200c\u062e",
    )
    project = make_project(categories=[{"name": parts}, {"name": joined}])
    upload(project["id"], {"a.jpg": jpeg()})
    (image,) = engineer.get(f"/api/v1/projects/{project['id']}/images").json()["items"]
    url = f"/api/v1/images/{image['id']}/label"
    point = {"category": composed, "x": 1, "y": 2}
    label = {"present": [composed], "absent": [joined], "points": [point]}
    answer = engineer.put(url, json=label | {"timing": {"wall_ms": 1}})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["present"], said["absent"]) == ([parts], [joined])
    assert said["points"] == [point | {"category": parts}]
    answer = engineer.put(
        url, json={"present": [parts], "absent": [composed], "timing": {"wall_ms": 1}}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "contradiction")


def test_a_long_history_comes_page_by_page(engineer: TestClient, people: dict[Role, int]) -> None:
    project_id = project_with(overlap=2)
    [image_id] = add_images(project_id, ["a.png"])
    add_label(project_id, image_id, people[Role.ANNOTATOR])
    for _ in range(3):
        add_label(project_id, image_id, people[Role.ENGINEER])
    for number in range(102):
        add_label(project_id, image_id, people[Role.ADMIN], present=["Road"] * (number % 2))
    image = engineer.get(f"/api/v1/images/{image_id}").json()
    assert image["labels"] == 3
    ids = [label["id"] for label in image["history"]]
    # The newest hundred, and what the others say now.
    assert ids == [*range(106, 6, -1), 4, 1]
    assert image["history_cursor"] == "7"

    def page(**params: Any) -> tuple[list[int], str | None]:
        answer = engineer.get(f"/api/v1/images/{image_id}/labels", params=params)
        assert answer.status_code == 200, answer.text
        return [label["id"] for label in answer.json()["items"]], answer.json()["next_cursor"]

    assert page(cursor="7") == ([6, 5, 4, 3, 2, 1], None)
    assert page(cursor="7", limit=4) == ([6, 5, 4, 3], "3")
    assert page(cursor="3", limit=4) == ([2, 1], None)
    assert page() == ([*range(106, 6, -1)], "7")
    assert page(cursor="1") == ([], None)


def test_annotators_see_no_page_of_others_labels(
    annotator: TestClient, people: dict[Role, int]
) -> None:
    project_id = project_with(overlap=2)
    [image_id] = add_images(project_id, ["a.png"])
    for person in (Role.ENGINEER, Role.ANNOTATOR, Role.ENGINEER):
        add_label(project_id, image_id, people[person])
    answer = annotator.get(f"/api/v1/images/{image_id}/labels").json()
    assert [label["id"] for label in answer["items"]] == [2]
    assert annotator.get(f"/api/v1/images/{image_id}").json()["history_cursor"] is None
    assert annotator.get("/api/v1/images/99/labels").status_code == 404


def handed_out() -> list[tuple[int, int]]:
    """(image, person) of what was handed out, in its order."""
    with session_scope(read_only=True) as session:
        rows = session.scalars(select(Handout).order_by(Handout.id))
        return [(row.image_id, row.annotator_id) for row in rows]


def test_a_label_without_a_lease_is_for_images_that_one_was_given(
    annotator: TestClient, engineer: TestClient, project: dict[str, Any]
) -> None:
    first, second = take(annotator, project, 2)
    (third,) = {1, 2, 3} - {first["image"]["id"], second["image"]["id"]}
    annotator.delete(f"/api/v1/leases/{first['id']}")
    expire_all()
    for lease in (first, second):
        assert put(annotator, lease, lease_id=None).status_code == 200, "given back or run out"
    never = first | {"image": {"id": third}}
    refused, unknown = (put(annotator, never | {"image": {"id": n}}, lease_id=None)
                        for n in (third, 4711))  # fmt: skip
    assert (refused.status_code, unknown.status_code) == (404, 404)
    assert refused.json()["detail"].replace(str(third), "4711") == unknown.json()["detail"]
    assert put(annotator, never).status_code == 404, "nor with a lease of another image"
    assert put(engineer, never, lease_id=None).status_code == 200, "a lead may"


def test_what_is_handed_out_is_kept_once_and_forgotten_with_the_image(
    annotator: TestClient, project: dict[str, Any], people: dict[Role, int]
) -> None:
    me, other = people[Role.ANNOTATOR], people[Role.ENGINEER]
    first, second, third = (lease["image"]["id"] for lease in take(annotator, project, 3))
    assert sorted(handed_out()) == [(first, me), (second, me), (third, me)]
    expire_all()
    take(annotator, project, 2)
    assert len(handed_out()) == 3
    expire_all()
    page = sweep_pages.take(project["id"], other, "Road", [])
    assert page is not None
    assert {(image, other) for image in (first, second, third)} < set(handed_out())
    with session_scope() as session:
        session.execute(delete(Image).where(Image.id == second))
    assert {image for image, _ in handed_out()} == {first, third}


def test_an_imported_label_may_be_corrected_by_whose_it_is(
    annotator: TestClient, engineer: TestClient, project: dict[str, Any], people: dict[Role, int]
) -> None:
    (name,) = {i["external_id"] for i in engineer.get(
        f"/api/v1/projects/{project['id']}/images").json()["items"] if i["id"] == 1}  # fmt: skip
    line = {"image": name, "width": 64, "height": 48, "present": ["Road"], "absent": []}
    imported = engineer.post(
        f"/api/v1/projects/{project['id']}/labels/import", content=json.dumps(line),
        params={"format": "jsonl", "annotator": "annotator@example.org"},
    )  # fmt: skip
    assert imported.json()["imported"] == 1, imported.text
    assert handed_out() == [(1, people[Role.ANNOTATOR])]
    mine = annotator.get("/api/v1/images/1")
    assert [label["present"] for label in mine.json()["history"]] == [["Road"]]
