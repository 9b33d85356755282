"""The OpenAPI document against the server: no request that it allows, or forbids, makes a 500."""

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode as Mode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from server.db import session_scope
from server.main import create_app
from server.models import Checkpoint, Prediction, Run
from server.models.user import Role
from server.schemas.user import Scope, TokenIn
from server.services import users


@pytest.fixture
def schema(
    people: dict[Role, int],
    make_project: Callable[..., dict[str, Any]],
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]],
    jpeg: Callable[..., bytes],
    engineer: TestClient,
) -> Any:
    """The API of a server with something of each kind; their ids are all 1."""
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
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", create_app())


@pytest.fixture
def token(people: dict[Role, int]) -> str:
    with session_scope() as session:
        owner = users.get(session, people[Role.ADMIN])
        wanted = TokenIn(name="fuzz", scopes=list(Scope))
        _, secret = users.create_token(session, owner, wanted, holder_scopes=frozenset(Scope))
        return secret


# Hashing passwords is slow on purpose; test_users.py covers these.
SLOW = ("/api/v1/session", "/api/v1/me/password", "/api/v1/users")


def test_no_request_makes_a_500(schema: Any, token: str) -> None:
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in SLOW and operation.method != "get":
            continue
        exercise(operation, {"Authorization": f"Bearer {token}"})
        tried += 1
    assert tried > 30


def exercise(operation: Any, headers: dict[str, str]) -> None:
    """Send what the document allows and what it forbids, and check each answer against it."""

    @given(
        case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in Mode)),
        existing=st.booleans(),
    )
    @settings(
        max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    def send(case: Any, existing: bool) -> None:
        if existing:
            case.path_parameters = dict.fromkeys(case.path_parameters or {}, 1)
        case.call_and_validate(
            headers=headers, checks=[not_a_server_error, response_schema_conformance]
        )

    send()
