"""The OpenAPI document against the server: no request that it allows, or forbids, makes a 500."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode as Mode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from server.db import session_scope
from server.models import Checkpoint, Prediction, Run
from server.models.user import Role
from server.schemas.user import Scope, TokenIn
from server.services.accounts import tokens, users

# Hashing passwords is slow on purpose; test_users.py covers these.
SLOW = ("/api/v1/session", "/api/v1/me/password", "/api/v1/users")


@pytest.fixture(scope="module")
def requests(application: FastAPI) -> list[schemathesis.Case]:
    """What the document allows and what it forbids, of each operation: the same on each database."""
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", application)
    operations = [found.ok() for found in schema.get_all_operations()]
    # Events come first: those of a run that another request has resumed do not end.
    operations.sort(key=lambda operation: not operation.path.endswith("/events"))
    made: list[schemathesis.Case] = []
    for operation in operations:
        if operation.path not in SLOW or operation.method == "get":
            made += examples(operation)
    assert len({(case.method, case.path) for case in made}) > 30
    return made


def examples(operation: Any) -> list[schemathesis.Case]:
    """Cases of one operation, about half of them with the ids of what is there."""
    made: list[schemathesis.Case] = []

    @given(
        case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in Mode)),
        existing=st.booleans(),
    )
    @settings(
        max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    def make(case: schemathesis.Case, existing: bool) -> None:
        if existing:
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, 1)
        made.append(case)

    make()
    return made


@pytest.fixture
def something_of_each_kind(
    people: dict[Role, int],
    make_project: Callable[..., dict[str, Any]],
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]],
    jpeg: Callable[..., bytes],
    engineer: TestClient,
) -> None:
    """Their ids are all 1."""
    project = make_project()
    upload(project["id"], {f"{n}.jpg": jpeg(n) for n in range(3)})
    label = {"present": ["Road"], "absent": ["Car"], "timing": {"wall_ms": 5000}}
    for answer in (
        engineer.put("/api/v1/images/1/label", json=label),
        engineer.post("/api/v1/projects/1/snapshots"),
        engineer.post("/api/v1/tokens", json={"name": "spare"}),
    ):
        assert answer.is_success, answer.text
    with session_scope() as session:
        run = Run(project_id=1, recipe="tiny", supervision="image", overrides={}, config={},
                  state="failed", error="made for this test")  # fmt: skip
        session.add(run)
        session.flush()
        score = {"miou": 0.5}
        session.add(Checkpoint(run_id=run.id, step=1, miou=0.5, score=score, sha256="0" * 64,
                               size=1, storage_key="gone"))  # fmt: skip
        session.add(Prediction(run_id=run.id, image_id=1, mask_key="gone", presence={"Road": 0.5},
                               uncertainty=0.1))  # fmt: skip


@pytest.fixture
def token(people: dict[Role, int]) -> str:
    with session_scope() as session:
        owner = users.get(session, people[Role.ADMIN])
        wanted = TokenIn(name="fuzz", scopes=list(Scope))
        _, secret = tokens.create(session, owner, wanted, holder_scopes=frozenset(Scope))
        return secret


def test_no_request_makes_a_500(
    requests: list[schemathesis.Case], something_of_each_kind: None, token: str
) -> None:
    for case in requests:
        case.call_and_validate(
            headers={"Authorization": f"Bearer {token}"},
            checks=[not_a_server_error, response_schema_conformance],
        )
