"""What a new project is told that it still needs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import update

from server.db import session_scope, utcnow
from server.models import GoldSet, Image, Run, SeenWorker
from server.models.gold import GoldState
from server.models.run import RunState
from server.models.user import Role
from server.services.runs import claims
from tests.server.factories import add_images, make_dataset, make_run


def states(client: TestClient, project_id: int) -> dict[str, str]:
    answer = client.get(f"/api/v1/projects/{project_id}/first-steps")
    assert answer.status_code == 200, answer.text
    return {step["key"]: step["state"] for step in answer.json()["steps"]}


def detail(client: TestClient, project_id: int, key: str) -> str:
    steps = client.get(f"/api/v1/projects/{project_id}/first-steps").json()["steps"]
    return next(str(step["detail"]) for step in steps if step["key"] == key)


def test_each_step_is_open_until_it_is_done(
    engineer: TestClient, make_project: Callable[..., dict[str, Any]], people: dict[Role, int]
) -> None:
    number = make_project(open_to_everybody=False)["id"]
    at = f"/api/v1/projects/{number}"
    assert states(engineer, number) == {
        "images": "open", "categories": "done", "members": "open", "source": "open",
        "truth": "open", "worker": "open", "run": "open",
    }  # fmt: skip

    one, two = add_images(number, ["1.png", "2.png"])
    with session_scope() as session:
        session.execute(update(Image).where(Image.id == two).values(state="registered"))
    assert states(engineer, number)["images"] == "working"
    assert detail(engineer, number, "images").startswith("1 of 2 are checked")
    with session_scope() as session:
        session.execute(update(Image).values(state="rejected"))
    assert states(engineer, number)["images"] == "problem"
    with session_scope() as session:
        session.execute(update(Image).where(Image.id == one).values(state="ready"))
    assert detail(engineer, number, "images") == "1 checked, 1 rejected."

    viewer = {"email": "annotator@example.org", "role": "viewer"}
    assert engineer.post(f"{at}/members", json=viewer).status_code == 201
    assert states(engineer, number)["members"] == "open", "who looks on does not label"
    user = f"{at}/members/{people[Role.ANNOTATOR]}"
    assert engineer.patch(user, json={"role": "annotator"}).is_success
    assert states(engineer, number)["members"] == "done"

    make_dataset("streets")
    assert engineer.patch(at, json={"source": "streets", "validation": "streets"}).is_success
    assert (states(engineer, number)["source"], states(engineer, number)["truth"]) == ("done",) * 2
    (make_dataset("streets").parent / "streets.yaml").write_text("root: elsewhere\n")
    assert states(engineer, number)["source"] == "problem"
    assert "elsewhere" in detail(engineer, number, "source")

    with session_scope() as session:
        claims.note_worker(session)
    assert states(engineer, number)["worker"] == "done"
    with session_scope() as session:
        long_ago = utcnow() - timedelta(minutes=4)
        session.execute(update(SeenWorker).values(seen_at=long_ago))
    assert states(engineer, number)["worker"] == "problem"
    with session_scope() as session:
        claims.note_worker(session)
    assert states(engineer, number)["worker"] == "done", "the same worker again"


def test_gold_images_serve_in_place_of_a_validation_set(
    engineer: TestClient, make_project: Callable[..., dict[str, Any]]
) -> None:
    number = make_project()["id"]
    for state, told in (("making", "working"), ("failed", "problem"), ("ready", "done")):
        with session_scope() as session:
            session.merge(
                GoldSet(project_id=number, wanted=3, state=GoldState(state), seed=1,
                        category_ids=[], error="no masks")
            )  # fmt: skip
        assert states(engineer, number)["truth"] == told


def test_a_run_that_succeeded_ends_the_list(
    engineer: TestClient, annotator: TestClient, make_project: Callable[..., dict[str, Any]]
) -> None:
    number = make_project()["id"]
    run_id = make_run(number, RunState.RUNNING)
    for state, told in (("running", "working"), ("failed", "problem")):
        with session_scope() as session:
            session.execute(update(Run).where(Run.id == run_id).values(state=state))
        assert states(engineer, number)["run"] == told
    with session_scope() as session:
        session.execute(update(Run).values(state="succeeded"))
    url = f"/api/v1/projects/{number}/first-steps"
    assert engineer.get(url).json() == {"done": True, "steps": []}
    assert annotator.get(url).status_code == 403
