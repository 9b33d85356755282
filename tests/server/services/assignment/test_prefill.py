"""What people are shown is decided by the server, the same each time, and remembered."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from server.db import session_scope
from server.models import Project
from server.models.user import Role
from server.services.assignment import prefill
from tests.server.factories import add_label, add_prediction, hand_out, make_user, show_run

IMAGES = 6
LIKELY = {"Road": 0.9, "Car": 0.5, "Tree": 0.49}
TIMING = {"wall_ms": 5000, "events": []}


@given(st.integers(1, 50), st.floats(0, 1))
def test_the_blind_pairs_are_about_their_share_and_only_grow_with_it(
    person: int, share: float
) -> None:
    project = Project(blind_secret="secret", blind_share=share)
    blind = {i for i in range(2000) if prefill.is_blind(project, person, i)}
    assert abs(len(blind) / 2000 - share) < 0.06
    project.blind_share = min(1, share + 0.1)
    assert blind <= {i for i in range(2000) if prefill.is_blind(project, person, i)}


def test_another_secret_and_another_person_see_others_blind() -> None:
    def blind(secret: str, person: int) -> set[int]:
        project = Project(blind_secret=secret, blind_share=0.5)
        return {i for i in range(100) if prefill.is_blind(project, person, i)}

    assert len({frozenset(blind(s, p)) for s in ("one", "two") for p in (1, 2)}) == 4


@pytest.fixture
def helped(
    make_project: Callable[..., dict[str, Any]],
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]],
    jpeg: Callable[..., bytes],
) -> Callable[..., dict[str, Any]]:
    """Makes a project with images that a model has seen."""

    def make(**fields: Any) -> dict[str, Any]:
        project = make_project(**{"prefill": "model", "blind_share": 0} | fields)
        upload(project["id"], {f"{n}.jpg": jpeg(n) for n in range(IMAGES)})
        run_id = show_run(project["id"])
        for image_id in range(1, IMAGES + 1):
            add_prediction(run_id, image_id, LIKELY)
        return project

    return make


def take(client: TestClient, project: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    answer = client.post(f"/api/v1/projects/{project['id']}/leases", json={"count": count})
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def put(client: TestClient, lease: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"lease_id": lease["id"], "present": ["Road"], "absent": ["Car"], "timing": TIMING}
    answer = client.put(f"/api/v1/images/{lease['image']['id']}/label", json=body | fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_the_model_ticks_what_it_thinks_likely(
    annotator: TestClient, helped: Callable[..., dict[str, Any]]
) -> None:
    project = helped(show_predictions=False)
    [lease] = take(annotator, project)
    assert lease["prefill"] == {"by": "1", "present": ["Road", "Car"]}
    assert (lease["blind"], lease["prediction"]) == (False, None)
    label = put(annotator, lease, prefilled_by="somebody else")
    assert (label["prefilled_by"], label["prefilled"]) == ("1", ["Road", "Car"])
    corrected = put(annotator, lease, lease_id=None, present=["Tree"])
    assert (corrected["prefilled_by"], corrected["blind"]) == ("1", False)


def test_priors_tick_what_most_labels_have_once_there_are_enough(
    annotator: TestClient, helped: Callable[..., dict[str, Any]]
) -> None:
    project = helped(prefill="priors")
    [lease] = take(annotator, project)
    assert lease["prefill"] is None
    assert lease["prediction"] is not None
    for number in range(prefill.PRIORS_NEED):
        present = ["Road", "Car"] if number % 2 else ["Road"]
        add_label(project["id"], IMAGES, make_user(f"p{number}@example.org"), present=present)
    [lease] = take(annotator, project)
    assert lease["prefill"] == {"by": "priors", "present": ["Road", "Car"]}


def test_a_blind_image_shows_nothing_and_hides_its_prediction_while_it_is_held(
    annotator: TestClient, engineer: TestClient, helped: Callable[..., dict[str, Any]]
) -> None:
    project = helped(blind_share=1)
    [lease] = take(annotator, project)
    assert (lease["blind"], lease["prediction"], lease["prefill"]) == (True, None, None)
    url = f"/api/v1/images/{lease['image']['id']}/prediction"
    for path in (url, f"{url}?run_id=1", f"{url}/mask.png"):
        refused = annotator.get(path)
        assert (refused.status_code, refused.json()["code"]) == (403, "judged-blind")
    assert engineer.get(url).status_code == 200
    label = put(annotator, lease, prefilled_by="1")
    assert (label["blind"], label["prefilled_by"], label["prefilled"]) == (True, None, [])
    assert annotator.get(url).status_code == 200


def test_what_is_judged_blind_is_decided_by_the_draw_whoever_holds_it(
    annotator: TestClient, helped: Callable[..., dict[str, Any]], people: dict[Role, int]
) -> None:
    project = helped(blind_share=1)
    [lease] = take(annotator, project)
    others = set(range(1, IMAGES + 1)) - {lease["image"]["id"]}
    hand_out(project["id"], sorted(others), people[Role.ANNOTATOR])
    for image_id in range(1, IMAGES + 1):  # which all were held once
        for path in ("prediction", "prediction/mask.png", "prediction?run_id=1"):
            refused = annotator.get(f"/api/v1/images/{image_id}/{path}")
            assert (refused.status_code, refused.json()["code"]) == (403, "judged-blind")
    # Given back, and answered without a lease: it was blind all the same.
    annotator.delete(f"/api/v1/leases/{lease['id']}")
    released = put(annotator, lease, lease_id=None)
    assert (released["blind"], released["prefilled"]) == (True, [])
    never_held = {"image": {"id": 1 + lease["image"]["id"] % IMAGES}, "id": None}
    assert put(annotator, never_held, lease_id=None)["blind"] is True
    for answered in (lease, never_held):
        assert (
            annotator.get(f"/api/v1/images/{answered['image']['id']}/prediction").status_code == 200
        )


def test_who_is_not_to_judge_blind_sees_predictions_and_answers_so(
    annotator: TestClient, helped: Callable[..., dict[str, Any]], people: dict[Role, int]
) -> None:
    project = helped(blind_share=0)
    hand_out(project["id"], [2, 3], people[Role.ANNOTATOR])
    assert annotator.get("/api/v1/images/2/prediction").status_code == 200
    assert put(annotator, {"image": {"id": 2}, "id": None}, lease_id=None)["blind"] is False
    with session_scope() as session:
        kept = session.get_one(Project, project["id"])
        kept.blind_share, kept.show_predictions, kept.prefill = 1, False, "none"
    # Where nothing is shown, nothing is withheld.
    assert put(annotator, {"image": {"id": 3}, "id": None}, lease_id=None)["blind"] is False


def test_nothing_is_called_blind_where_there_is_no_help_to_withhold(
    annotator: TestClient, helped: Callable[..., dict[str, Any]]
) -> None:
    project = helped(blind_share=1, prefill="none", show_predictions=False)
    [lease] = take(annotator, project)
    assert lease["blind"] is False


def test_giving_back_and_taking_again_changes_nothing(
    annotator: TestClient, helped: Callable[..., dict[str, Any]]
) -> None:
    project = helped(blind_share=0.5)

    def look() -> dict[int, bool]:
        leases = take(annotator, project, IMAGES)
        for lease in leases:
            annotator.delete(f"/api/v1/leases/{lease['id']}")
        return {lease["image"]["id"]: lease["blind"] for lease in leases}

    assert look() == look()


def test_ones_own_earlier_label_is_where_a_form_starts(
    annotator: TestClient, people: dict[Role, int], helped: Callable[..., dict[str, Any]]
) -> None:
    project = helped()
    add_label(project["id"], 1, people[Role.ANNOTATOR])
    [lease] = take(annotator, project)
    assert lease["prefill"] is None
    assert lease["label"]["present"] == ["Road"]


def test_the_effect_of_prefilling_is_measured_against_blind_answers(
    annotator: TestClient, engineer: TestClient, helped: Callable[..., dict[str, Any]]
) -> None:
    project = helped()
    held = take(annotator, project, 3)
    with session_scope() as session:
        session.get_one(Project, project["id"]).blind_share = 1
    held += take(annotator, project, 2)
    said: list[dict[str, Any]] = [
        {"present": ["Road"], "absent": ["Car", "Tree"]},
        {"present": ["Road", "Car", "Tree"], "absent": []},
        {"present": ["Road", "Car"], "absent": [], "unsure": ["Tree"]},
        {"present": ["Road"], "absent": ["Car"]},
        {"present": [], "absent": ["Road", "Car"], "timing": {"wall_ms": 7000}},
    ]
    for lease, fields in zip(held, said, strict=True):
        put(annotator, lease, **fields)
    put(annotator, held[0], lease_id=None, present=["Car"], absent=[])  # a correction

    url = f"/api/v1/projects/{project['id']}/prefill-effect"
    assert annotator.get(url).status_code == 403
    effect = engineer.get(url).json()
    assert effect["prefilled"] == {"labels": 3, "median_active_ms": 5000}
    assert effect["blind"] == {"labels": 2, "median_active_ms": 6000}
    road, car, tree = effect["categories"]
    assert road == {
        "category": "Road", "ticked": 3, "ticked_then_absent": 0, "unticked": 0,
        "unticked_then_present": None, "present_prefilled": 1, "blind": 2, "present_blind": 0.5,
    }  # fmt: skip
    assert (car["ticked_then_absent"], car["present_blind"]) == (pytest.approx(1 / 3), 0)
    assert (tree["unticked"], tree["unticked_then_present"], tree["blind"]) == (2, 0.5, 0)
