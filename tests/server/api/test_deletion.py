"""Deleting over HTTP: who may, what the answer says, and what an archived project still takes."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from server.db import session_scope
from server.models import AuditEntry, AuditEvent
from server.models.run import RunState
from server.models.user import Role
from server.services import audit
from tests.server import factories
from tests.server.one_database import ONE_DATABASE
from tests.server.people import EMAILS

API = "/api/v1"
LABEL = {"present": ["Road"], "points": [], "timing": {"wall_ms": 1000, "events": []}}


def deletions() -> list[tuple[str | None, str | None, int | None]]:
    with session_scope(read_only=True) as session:
        query = select(AuditEntry).where(AuditEntry.event == AuditEvent.DELETED)
        found = session.scalars(query.order_by(AuditEntry.id)).all()
    return [(line.subject, line.subject_id, line.user_id) for line in found]


def test_an_image(
    engineer: TestClient, annotator: TestClient, people: dict[Role, int],
    make_project: Callable[..., Any], upload: Callable[..., Any], jpeg: Callable[..., bytes],
) -> None:  # fmt: skip
    project = make_project()["id"]
    upload(project, {"ann.jpg": jpeg(1), "b.jpg": jpeg(2)})
    (lease,) = annotator.post(f"{API}/projects/{project}/leases", json={"count": 1}).json()
    url = f"{API}/images/{lease['image']['id']}"
    assert annotator.put(f"{url}/label", json=LABEL | {"lease_id": lease["id"]}).is_success
    assert engineer.get(f"{url}/file").is_success
    told = engineer.get(f"{url}/deletion").json()
    assert told["counts"] == {
        "labels": 1, "predictions": 0, "leases": 0, "flags": 0, "snapshots": 0,
    }  # fmt: skip
    assert told["refused"] is None
    assert annotator.delete(url).status_code == 403
    answer = engineer.delete(url)
    assert (answer.status_code, answer.json()["counts"]) == (200, told["counts"])
    for path in ("", "/labels", "/prediction", "/deletion"):
        assert engineer.get(f"{url}{path}").status_code == 404
    assert engineer.delete(url).status_code == 404
    assert annotator.put(f"{url}/label", json=LABEL).status_code == 404
    assert engineer.get(f"{API}/projects/{project}").json()["images"]["total"] == 1
    assert deletions() == [("image", str(lease["image"]["id"]), people[Role.ENGINEER])]
    with session_scope(read_only=True) as session:
        assert b"ann.jpg" not in b"".join(audit.export(session, audit.AuditFilter()))


def test_a_page_of_a_sweep_keeps_its_other_answers(
    engineer: TestClient, annotator: TestClient, make_project: Callable[..., Any],
    upload: Callable[..., Any], jpeg: Callable[..., bytes],
) -> None:  # fmt: skip
    project = make_project()["id"]
    upload(project, {f"{n}.jpg": jpeg(n) for n in range(3)})
    page = annotator.post(f"{API}/projects/{project}/sweeps", json={"category": "Car"}).json()
    ids = [image["id"] for image in page["images"]]
    assert engineer.delete(f"{API}/images/{ids[0]}").is_success
    answers = {"present": ids[:2], "absent": ids[2:], "unsure": [], "timing": LABEL["timing"]}
    stored = annotator.put(f"{API}/sweeps/{page['id']}/answers", json=answers)
    assert (stored.status_code, stored.json()) == (200, {"stored": 2, "taken": []})
    strange = answers | {"present": [*ids[:2], 987654]}
    assert annotator.put(f"{API}/sweeps/{page['id']}/answers", json=strange).is_success


def test_a_run_and_what_is_refused(engineer: TestClient, make_project: Callable[..., Any]) -> None:
    project = make_project()["id"]
    run = factories.make_run(project, RunState.QUEUED)
    url = f"{API}/runs/{run}"
    assert engineer.get(f"{url}/deletion").json()["refused"] is not None
    refused = engineer.delete(url)
    assert (refused.status_code, refused.json()["code"]) == (409, "run-in-work")
    assert engineer.post(f"{url}/cancel").is_success
    assert engineer.delete(url).is_success
    assert engineer.get(url).status_code == 404
    assert engineer.get(f"{API}/projects/{project}/cost-curve").is_success


def test_a_project_that_is_archived_takes_nothing_and_can_be_deleted(
    engineer: TestClient, annotator: TestClient, make_project: Callable[..., Any],
    upload: Callable[..., Any], jpeg: Callable[..., bytes],
) -> None:  # fmt: skip
    project = make_project(name="Elm Street")["id"]
    upload(project, {"a.jpg": jpeg(1)})
    url = f"{API}/projects/{project}"
    assert engineer.delete(url, params={"name": "Elm Street"}).json()["code"] == "not-archived"
    (held,) = annotator.post(f"{url}/leases", json={"count": 1}).json()
    assert engineer.patch(url, json={"archived": True}).json()["archived_at"] is not None
    files = [("files", ("b.jpg", jpeg(2)))]
    ndjson = {"Content-Type": "application/x-ndjson"}
    for answer in (
        annotator.post(f"{url}/leases", json={"count": 1}),
        annotator.post(f"{url}/sweeps", json={"category": "Car"}),
        engineer.post(f"{url}/images", files=files),
        engineer.post(f"{url}/images", content='{"uri": "x.jpg"}\n', headers=ndjson),
        engineer.post(f"{url}/labels/import?format=jsonl", content="{}"),
        engineer.post(f"{url}/runs", json={}),
        engineer.post(f"{url}/gold", json={"count": 1}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "archived"), answer.request.url
    given = f"{API}/images/{held['image']['id']}/label"
    assert annotator.put(given, json=LABEL | {"lease_id": held["id"]}).is_success, "what was begun"
    assert engineer.patch(url, json={"archived": False}).json()["archived_at"] is None
    assert annotator.post(f"{url}/leases", json={"count": 1}).is_success
    assert engineer.patch(url, json={"archived": True}).is_success
    assert engineer.delete(url).status_code == 422
    assert engineer.delete(url, params={"name": "elm street"}).json()["code"] == "wrong-name"
    assert engineer.delete(url, params={"name": "Elm Street"}).json()["counts"]["labels"] == 1
    assert engineer.get(url).status_code == 404
    assert engineer.delete(url, params={"name": "Elm Street"}).status_code == 404
    assert engineer.get(f"{API}/projects").json() == []
    for path in ("leases", "sweeps"):
        body = {"count": 1} if path == "leases" else {"category": "Car"}
        assert annotator.post(f"{url}/{path}", json=body).status_code == 404


def test_a_person(
    admin: TestClient, engineer: TestClient, annotator: TestClient, people: dict[Role, int],
    make_project: Callable[..., Any], upload: Callable[..., Any], jpeg: Callable[..., bytes],
) -> None:  # fmt: skip
    project = make_project()["id"]
    upload(project, {"a.jpg": jpeg(1)})
    (lease,) = annotator.post(f"{API}/projects/{project}/leases", json={"count": 1}).json()
    image = lease["image"]["id"]
    assert annotator.put(
        f"{API}/images/{image}/label", json=LABEL | {"lease_id": lease["id"]}
    ).is_success
    gone = people[Role.ANNOTATOR]
    url = f"{API}/users/{gone}"
    assert engineer.delete(url).status_code == 403
    assert admin.get(f"{url}/deletion").json()["counts"] == {"labels_kept": 1}
    assert admin.delete(f"{API}/users/{people[Role.ADMIN]}").json()["code"] in (
        "own-account",
        "last-admin",
    )
    assert admin.delete(url).is_success
    assert annotator.get(f"{API}/me").status_code == 401
    assert EMAILS[Role.ANNOTATOR] not in admin.get(f"{API}/users").text
    for change in ({"active": True}, {"role": "admin"}, {"password": "quite another battery"}):
        assert admin.patch(url, json=change).status_code == 404
    assert admin.post(f"{url}/password-link").status_code == 404
    history = engineer.get(f"{API}/images/{image}").json()["history"]
    assert [label["annotator"] for label in history] == [f"annotator {gone}"]
    assert admin.post(f"{API}/users", json={"email": EMAILS[Role.ANNOTATOR]}).status_code == 201


@pytest.mark.parametrize("name", ["..%2Fx", "nothing", "%00", "a" * 101])
@ONE_DATABASE
def test_no_odd_name_is_a_dataset(admin: TestClient, name: str) -> None:
    for method, path in (("GET", "/deletion"), ("DELETE", "")):
        answer = admin.request(method, f"{API}/datasets/{name}{path}")
        assert answer.status_code in (404, 405, 422), answer.text
