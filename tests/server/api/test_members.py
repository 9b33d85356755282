"""Members of projects by HTTP: who may change them, and that it holds at once."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from server.db import session_scope
from server.models import Label, Member
from server.models.member import MemberRole
from server.models.user import Role
from server.services.accounts import users
from tests.server.factories import make_project
from tests.server.people import EMAILS
from tests.server.statements import noted


@pytest.fixture
def project(
    make_project: Callable[..., dict[str, Any]],
    upload: Callable[..., dict[str, Any]],
    jpeg: Callable[..., bytes],
) -> int:
    """Of the engineer alone, with images."""
    made = make_project(open_to_everybody=False)
    assert made["role"] == "lead"
    upload(made["id"], {f"{n}.jpg": jpeg(n) for n in range(4)})
    return int(made["id"])


def add(client: TestClient, project: int, role: str, email: str = EMAILS[Role.ANNOTATOR]) -> Any:
    body = {"email": email, "role": role}
    return client.post(f"/api/v1/projects/{project}/members", json=body)


def take(client: TestClient, project: int, count: int = 1) -> Any:
    return client.post(f"/api/v1/projects/{project}/leases", json={"count": count})


def test_who_makes_a_project_leads_it_and_takes_others_in(
    engineer: TestClient, annotator: TestClient, project: int, people: dict[Role, int]
) -> None:
    assert annotator.get("/api/v1/projects").json() == []
    assert take(annotator, project).status_code == 404
    added = add(engineer, project, "annotator", f" {EMAILS[Role.ANNOTATOR].upper()}")
    assert added.status_code == 201, added.text
    assert added.json() == {
        "user_id": people[Role.ANNOTATOR], "email": EMAILS[Role.ANNOTATOR], "role": "annotator",
        "active": True, "is_member": True,
    }  # fmt: skip
    assert add(engineer, project, "lead").json()["code"] == "member-already"
    assert add(engineer, project, "lead", "nobody@example.org").json()["code"] == "unknown-account"
    assert add(engineer, project, "admin").status_code == 422
    assert [one["role"] for one in annotator.get("/api/v1/projects").json()] == ["annotator"]
    assert take(annotator, project).status_code == 200
    listed = engineer.get(f"/api/v1/projects/{project}/members").json()
    assert {one["email"]: one["role"] for one in listed} == {
        EMAILS[Role.ANNOTATOR]: "annotator", EMAILS[Role.ENGINEER]: "lead",
    }  # fmt: skip
    assert add(annotator, project, "lead").status_code == 403


def test_a_role_in_a_project_is_what_counts_there(
    engineer: TestClient, annotator: TestClient, admin: TestClient, project: int,
    people: dict[Role, int],
) -> None:  # fmt: skip
    """An annotator's account may lead, an engineer's may look on, an admin's always leads."""
    add(engineer, project, "lead")
    url = f"/api/v1/projects/{project}"
    assert annotator.get("/api/v1/recipes").status_code == 200
    assert annotator.patch(url, json={"description": "mine"}).status_code == 200
    assert annotator.post("/api/v1/projects", json={"name": "b"}).status_code == 403, "of accounts"
    engineers = f"{url}/members/{people[Role.ENGINEER]}"
    assert annotator.patch(engineers, json={"role": "viewer"}).status_code == 200
    assert engineer.get(url).json()["role"] == "viewer"
    assert engineer.get(f"{url}/images").status_code == 200
    assert engineer.patch(url, json={"description": "mine"}).status_code == 403
    assert take(engineer, project).status_code == 403
    assert admin.get(url).json()["role"] == "lead"
    assert admin.patch(engineers, json={"role": "lead"}).status_code == 200


def test_a_membership_that_ends_has_ended_at_the_next_request(
    engineer: TestClient, annotator: TestClient, project: int, people: dict[Role, int]
) -> None:
    add(engineer, project, "annotator")
    first, second = take(annotator, project, 2).json()
    answers = {"present": ["Road"], "absent": ["Car", "Tree"], "timing": {"wall_ms": 5000}}
    own = f"/api/v1/images/{first['image']['id']}"
    assert annotator.put(f"{own}/label", json=answers | {"lease_id": first["id"]}).is_success
    member = f"/api/v1/projects/{project}/members/{people[Role.ANNOTATOR]}"
    assert engineer.patch(member, json={"role": "viewer"}).is_success
    late = answers | {"lease_id": second["id"]}
    assert (
        annotator.put(f"/api/v1/images/{second['image']['id']}/label", json=late).status_code == 403
    )
    assert engineer.delete(member).status_code == 204
    assert engineer.delete(member).status_code == 404
    for path in (own, f"{own}/file", f"{own}/labels", f"/api/v1/projects/{project}/labels/mine"):
        assert annotator.get(path).status_code == 404, path
    assert annotator.put(f"{own}/label", json=answers).status_code == 404
    assert annotator.post(f"/api/v1/leases/{second['id']}/heartbeat").json()["code"] == "lease-lost"
    with session_scope(read_only=True) as session:
        assert len(session.scalars(select(Label)).all()) == 1, "what they have said stays"


def test_an_open_project_is_everybodys_until_it_is_closed(
    engineer: TestClient, annotator: TestClient, project: int, people: dict[Role, int]
) -> None:
    url = f"/api/v1/projects/{project}"
    assert engineer.patch(url, json={"open_to_everybody": True}).json()["open_to_everybody"]
    assert annotator.get(url).json()["role"] == "annotator"
    listed = engineer.get(f"{url}/members").json()
    assert [(one["email"], one["is_member"]) for one in listed] == [
        (EMAILS[Role.ANNOTATOR], False), (EMAILS[Role.ENGINEER], True),
    ]  # fmt: skip
    assert add(engineer, project, "viewer").status_code == 201
    assert annotator.get(url).json()["role"] == "viewer", "what a member is counts first"
    member = f"{url}/members/{people[Role.ANNOTATOR]}"
    assert engineer.delete(member).json()["code"] == "project-open"
    with session_scope() as session:
        late = users.create(session, "late@example.org", None, Role.ENGINEER).id
    engineer.patch(url, json={"open_to_everybody": False})
    with session_scope(read_only=True) as session:
        roles = {one.user_id: one.role for one in session.scalars(select(Member))}
    assert roles == {
        people[Role.ANNOTATOR]: MemberRole.VIEWER, people[Role.ENGINEER]: MemberRole.LEAD,
        late: MemberRole.LEAD,
    }  # fmt: skip
    assert engineer.delete(member).status_code == 204
    assert annotator.get(url).status_code == 404


def test_who_asks_and_whether_they_may_is_one_statement(
    annotator: TestClient, people: dict[Role, int]
) -> None:
    project = make_project()
    annotator.get(f"/api/v1/projects/{project}/pace")
    with noted() as sent:
        annotator.get(f"/api/v1/projects/{project}/pace")
    asked = [text for text, _ in sent if "user_sessions" in text or "members" in text]
    assert len(asked) == 1, "\n".join(asked)
