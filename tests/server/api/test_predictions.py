from fastapi.testclient import TestClient

from server.db import session_scope
from server.models import Prediction, Project
from server.models.run import RunState
from server.models.user import Role
from server.storage import get_storage
from tests.server.factories import add_images, hand_out, make_project, make_run


def predict(image_id: int, run_id: int, mask: str) -> None:
    key = f"masks/{run_id}-{image_id}.png"
    get_storage().put_bytes(key, mask.encode())
    with session_scope() as session:
        session.add(
            Prediction(run_id=run_id, image_id=image_id, mask_key=key, presence={"Road": 0.75},
                       uncertainty=0.5)
        )  # fmt: skip


def show(project_id: int, **fields: object) -> None:
    with session_scope() as session:
        for name, value in fields.items():
            setattr(session.get_one(Project, project_id), name, value)


def test_the_latest_model_by_default_and_any_other_by_its_run(
    annotator: TestClient, people: dict[Role, int]
) -> None:
    project_id = make_project(blind_share=0)
    (image_id,) = add_images(project_id, ["a"])
    hand_out(project_id, [image_id], people[Role.ANNOTATOR])
    old, new = (make_run(project_id, RunState.SUCCEEDED) for _ in range(2))
    url = f"/api/v1/images/{image_id}/prediction"
    assert annotator.get(url).json()["code"] == "no-prediction"
    predict(image_id, old, "old")
    predict(image_id, new, "new")
    show(project_id, prediction_run_id=new)

    latest = annotator.get(url).json()

    assert latest == {
        "run_id": new,
        "presence": {"Road": 0.75},
        "uncertainty": 0.5,
        "mask_url": f"{url}/mask.png?run_id={new}",
    }
    assert annotator.get(latest["mask_url"]).text == "new"
    assert annotator.get(f"{url}/mask.png").text == "new"
    assert annotator.get(f"{url}/mask.png", params={"run_id": old}).text == "old"
    assert annotator.get(url, params={"run_id": 99}).status_code == 404
    assert annotator.get("/api/v1/images/99/prediction").status_code == 404


def test_a_mask_of_a_run_is_kept_and_the_latest_is_asked_for_again(
    annotator: TestClient, people: dict[Role, int]
) -> None:
    project_id = make_project(blind_share=0)
    (image_id,) = add_images(project_id, ["a"])
    hand_out(project_id, [image_id], people[Role.ANNOTATOR])
    first, second = (make_run(project_id, RunState.SUCCEEDED) for _ in range(2))
    predict(image_id, first, "first")
    predict(image_id, second, "second")
    show(project_id, prediction_run_id=first)
    url = f"/api/v1/images/{image_id}/prediction/mask.png"

    by_run = annotator.get(url, params={"run_id": first})
    latest = annotator.get(url)

    assert by_run.headers["content-type"] == "image/png"
    assert by_run.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert latest.headers["cache-control"] == "private, no-cache"
    again = {"If-None-Match": latest.headers["etag"]}
    assert annotator.get(url, headers=again).status_code == 304
    show(project_id, prediction_run_id=second)
    assert annotator.get(url, headers=again).text == "second"


def test_annotators_see_none_where_the_project_hides_them(
    annotator: TestClient, engineer: TestClient, people: dict[Role, int]
) -> None:
    project_id = make_project()
    (image_id,) = add_images(project_id, ["a"])
    hand_out(project_id, [image_id], people[Role.ANNOTATOR])
    run_id = make_run(project_id, RunState.SUCCEEDED)
    predict(image_id, run_id, "mask")
    show(project_id, prediction_run_id=run_id, show_predictions=False)
    for path in ("", "/mask.png", f"/mask.png?run_id={run_id}"):
        url = f"/api/v1/images/{image_id}/prediction{path}"
        assert annotator.get(url).status_code == 403
        assert engineer.get(url).status_code == 200
