"""What holds for all routes at once."""

import errno
import gzip
import io
import random
import re
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image as PillowImage
from sqlalchemy import delete

from server import main
from server.api.deps import THINGS
from server.db import session_scope
from server.models import Checkpoint, Member
from server.models.member import MemberRole
from server.models.run import RunState
from server.models.user import Role
from server.schemas.user import Scope
from server.services.assignment import leases, sweep_pages
from server.settings import get_settings
from tests.server.factories import hand_out, make_run, make_snapshot
from tests.services.processes import free_port

PUBLIC = {
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("POST", "/api/v1/session/provider"),
    ("GET", "/api/v1/session/provider"),
    ("POST", "/api/v1/password-link"),
    ("POST", "/api/v1/password-link/owner"),
    ("GET", "/api/v1/about"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/{path:path}"),
}
ADMINS = {
    ("GET", "/api/v1/audit"),
    ("GET", "/api/v1/audit/export"),
    ("GET", "/api/v1/datasets/{name}/deletion"),
    ("DELETE", "/api/v1/datasets/{name}"),
    ("GET", "/api/v1/users/{user_id}/deletion"),
    ("DELETE", "/api/v1/users/{user_id}"),
    ("GET", "/api/v1/users"),
    ("POST", "/api/v1/users"),
    ("PATCH", "/api/v1/users/{user_id}"),
    ("DELETE", "/api/v1/users/{user_id}/access"),
    ("POST", "/api/v1/users/{user_id}/password-link"),
    ("DELETE", "/api/v1/users/{user_id}/second-factor"),
    ("GET", "/api/v1/users/{user_id}/sessions"),
    ("DELETE", "/api/v1/users/{user_id}/sessions/{session_id}"),
    ("GET", "/api/v1/users/{user_id}/tokens"),
    ("DELETE", "/api/v1/users/{user_id}/tokens/{token_id}"),
}
DELETIONS = {
    ("DELETE", "/api/v1/images/{image_id}"),
    ("DELETE", "/api/v1/runs/{run_id}"),
    ("DELETE", "/api/v1/checkpoints/{checkpoint_id}"),
    ("DELETE", "/api/v1/projects/{project_id}"),
}
EVERYBODYS_CHANGES = {
    ("POST", "/api/v1/me/password"),
    ("POST", "/api/v1/me/second-factor"),
    ("PUT", "/api/v1/me/second-factor"),
    ("POST", "/api/v1/me/recovery-codes"),
    ("DELETE", "/api/v1/me/sessions/{session_id}"),
    ("POST", "/api/v1/tokens"),
    ("DELETE", "/api/v1/tokens/{token_id}"),
    ("PUT", "/api/v1/projects/{project_id}/keys"),
    ("DELETE", "/api/v1/projects/{project_id}/keys"),
    ("POST", "/api/v1/projects/{project_id}/leases"),
    ("POST", "/api/v1/leases/heartbeat"),
    ("POST", "/api/v1/leases/release"),
    ("POST", "/api/v1/leases/{lease_id}/heartbeat"),
    ("DELETE", "/api/v1/leases/{lease_id}"),
    ("POST", "/api/v1/projects/{project_id}/sweeps"),
    ("PUT", "/api/v1/sweeps/{page_id}/answers"),
    ("POST", "/api/v1/sweeps/{page_id}/heartbeat"),
    ("DELETE", "/api/v1/sweeps/{page_id}"),
    ("PUT", "/api/v1/images/{image_id}/label"),
    ("PUT", "/api/v1/images/{image_id}/flag"),
    ("DELETE", "/api/v1/images/{image_id}/flag"),
    ("PUT", "/api/v1/projects/{project_id}/flags/read"),
    ("PUT", "/api/v1/projects/{project_id}/rules/seen"),
}
ENGINEERS_VIEWS = {
    ("GET", "/api/v1/dataset-uploads"),
    ("GET", "/api/v1/dataset-uploads/{upload_id}"),
    ("GET", "/api/v1/dataset-uploads/{upload_id}/pairs"),
    ("GET", "/api/v1/dataset-uploads/{upload_id}/pairs/{number}/picture"),
    ("GET", "/api/v1/datasets"),
    ("GET", "/api/v1/recipes"),
    ("GET", "/api/v1/images/{image_id}/deletion"),
    ("GET", "/api/v1/runs/{run_id}/deletion"),
    ("GET", "/api/v1/checkpoints/{checkpoint_id}/deletion"),
    ("GET", "/api/v1/projects/{project_id}/deletion"),
    ("GET", "/api/v1/projects/{project_id}/snapshots"),
    ("GET", "/api/v1/projects/{project_id}/gold"),
    ("GET", "/api/v1/projects/{project_id}/disputed"),
    ("GET", "/api/v1/projects/{project_id}/labels/export"),
    ("GET", "/api/v1/projects/{project_id}/prefill-effect"),
    ("GET", "/api/v1/projects/{project_id}/agreement"),
    ("GET", "/api/v1/projects/{project_id}/skips"),
    ("GET", "/api/v1/projects/{project_id}/members"),
    ("GET", "/api/v1/projects/{project_id}/rules/readers"),
    ("GET", "/api/v1/projects/{project_id}/first-steps"),
    ("GET", "/api/v1/snapshots/{snapshot_id}/lines"),
    ("GET", "/api/v1/snapshots/{snapshot_id}/labels.jsonl"),
    ("GET", "/api/v1/checkpoints/{checkpoint_id}/file"),
    ("HEAD", "/api/v1/checkpoints/{checkpoint_id}/file"),
}


@pytest.fixture(scope="session")
def all_routes(application: FastAPI) -> list[tuple[str, str]]:
    paths = application.openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def needed_role(method: str, path: str) -> Role | None:
    """Of the installation, for what is of no project."""
    if (method, path) in PUBLIC:
        return None
    if (method, path) in ADMINS:
        return Role.ADMIN
    views = method in ("GET", "HEAD")
    if (method, path) in EVERYBODYS_CHANGES or (views and (method, path) not in ENGINEERS_VIEWS):
        return Role.ANNOTATOR
    return Role.ENGINEER


def needed_member_role(method: str, path: str) -> MemberRole:
    """In the project of what the path names."""
    if (method, path) in EVERYBODYS_CHANGES:
        return MemberRole.ANNOTATOR
    views = method in ("GET", "HEAD") and (method, path) not in ENGINEERS_VIEWS
    return MemberRole.VIEWER if views else MemberRole.LEAD


def is_of_a_project(path: str) -> bool:
    return any(f"{{{name}}}" in path for name in THINGS)


def address(path: str) -> str:
    return re.sub(r"{\w+}", "987654", path)


def test_every_route_checks_who_may(
    all_routes: list[tuple[str, str]],
    sign_in: Callable[[Role], TestClient],
    app_client: Callable[[], TestClient],
) -> None:
    ranks = [None, *Role]
    clients = {None: app_client()} | {role: sign_in(role) for role in Role}
    for method, path in all_routes:
        if is_of_a_project(path):
            assert clients[None].request(method, address(path)).status_code == 401, (method, path)
            continue
        needed = needed_role(method, path)
        for role in ranks[: ranks.index(needed)]:
            answer = clients[role].request(method, address(path))
            expected = 401 if role is None else 403
            assert answer.status_code == expected, (method, path, role, answer.text)
        if needed is not None and path != "/api/v1/me/password":
            answer = clients[needed].request(method, address(path))
            assert answer.status_code not in (401, 403), (method, path, answer.text)


@pytest.fixture
def things(make_project: Callable[..., dict[str, Any]], upload: Callable[..., dict[str, Any]],
           jpeg: Callable[..., bytes], people: dict[Role, int]) -> dict[str, str]:  # fmt: skip
    """One of each thing of a project that the engineer alone takes part in, by names in paths."""
    project = make_project(open_to_everybody=False, blind_share=0)["id"]
    upload(project, {"a.jpg": jpeg(1), "b.jpg": jpeg(2)})
    run = make_run(project, RunState.SUCCEEDED)
    with session_scope() as session:
        checkpoint = Checkpoint(run_id=run, step=1, score={}, sha256="0" * 64, size=1,
                                storage_key="none")  # fmt: skip
        session.add(checkpoint)
        session.flush()
    lease, *_ = leases.take(project, people[Role.ENGINEER], 1)
    hand_out(project, [lease.image_id], people[Role.ANNOTATOR])
    page = sweep_pages.take(project, people[Role.ENGINEER], "Road", [])
    assert page is not None
    return {
        "project_id": str(project), "image_id": str(lease.image_id), "run_id": str(run),
        "checkpoint_id": str(checkpoint.id), "snapshot_id": str(make_snapshot(project)),
        "lease_id": lease.id, "page_id": page.id, "user_id": str(people[Role.ADMIN]),
        "version": "1", "label_id": "987654", "picture_id": "987654", "flag_id": "987654",
    }  # fmt: skip


def told(answer: Any, named: dict[str, str]) -> tuple[int, str]:
    """What an answer says, whichever thing was asked for."""
    body = answer.json() if answer.content else {}
    detail = str(body.get("detail"))
    for thing in named.values():
        detail = re.sub(rf"\b{thing}\b", "X", detail)
    return answer.status_code, detail


def test_what_is_of_a_project_is_found_by_its_members_alone(
    all_routes: list[tuple[str, str]],
    sign_in: Callable[[Role], TestClient],
    things: dict[str, str],
    people: dict[Role, int],
) -> None:
    """Each route below a project, for each account, as each kind of member and as none."""
    missing = dict.fromkeys(things, "987654")
    routes = [
        (method, path) for method, path in all_routes if is_of_a_project(path)
        if (method, path) != ("DELETE", "/api/v1/projects/{project_id}/members/{user_id}")
    ]  # fmt: skip
    assert len(routes) > 50
    clients = {role: sign_in(role) for role in (Role.ANNOTATOR, Role.ENGINEER)}
    ranks = list(MemberRole)
    for account, client in clients.items():
        for given in (None, *ranks):
            be_member(int(things["project_id"]), people[account], given)
            for method, path in routes:
                if given == MemberRole.LEAD and (method, path) in DELETIONS:
                    continue  # the things are asked for again
                # What would change something is asked for with what its route refuses.
                sent = {"json": {"none such": 1}} if method in ("POST", "PUT", "PATCH") else {}
                needed = needed_member_role(method, path)
                may = given is not None and ranks.index(given) >= ranks.index(needed)
                if may and method == "DELETE":
                    continue  # what goes is missing for the others
                answer = client.request(method, path.format(**things), **sent)
                where = (method, path, account, given, answer.status_code, answer.text[:200])
                if given is None:
                    absent = client.request(method, path.format(**missing), **sent)
                    assert answer.status_code in (404, 409), where
                    assert told(answer, things) == told(absent, missing), where
                elif not may:
                    assert answer.status_code == 403, where
                else:
                    assert answer.status_code not in (401, 403), where


def be_member(project_id: int, user_id: int, role: MemberRole | None) -> None:
    with session_scope() as session:
        session.execute(delete(Member).where(Member.user_id == user_id))
        if role is not None:
            session.add(Member(project_id=project_id, user_id=user_id, role=role))


def test_what_a_body_names_is_found_by_members_alone(
    sign_in: Callable[[Role], TestClient], things: dict[str, str], people: dict[Role, int]
) -> None:
    engineer, project = sign_in(Role.ENGINEER), int(things["project_id"])
    ids = {"lease_ids": [things["lease_id"]]}
    assert len(engineer.post("/api/v1/leases/heartbeat", json=ids).json()) == 1
    for role in (None, MemberRole.VIEWER):
        be_member(project, people[Role.ENGINEER], role)
        assert engineer.post("/api/v1/leases/heartbeat", json=ids).json() == []
        assert engineer.post("/api/v1/leases/release", json=ids).status_code == 204
    be_member(project, people[Role.ENGINEER], MemberRole.ANNOTATOR)
    assert len(engineer.post("/api/v1/leases/heartbeat", json=ids).json()) == 1, (
        "it was not given back"
    )


SCOPED = {
    Scope.READ: ("GET", "/api/v1/projects"),
    Scope.LABEL: ("POST", "/api/v1/projects/987654/leases"),
    Scope.IMPORT: ("POST", "/api/v1/projects/987654/images"),
    Scope.RUNS: ("POST", "/api/v1/projects/987654/runs"),
    Scope.ADMIN: ("GET", "/api/v1/users"),
}


@pytest.mark.parametrize("scope", Scope)
def test_a_token_opens_what_its_scope_says_and_nothing_else(
    admin: TestClient, app_client: Callable[[], TestClient], scope: Scope
) -> None:
    body = {"name": "one scope", "scopes": [scope.value]}
    token = admin.post("/api/v1/tokens", json=body).json()["token"]
    program = app_client()
    for other, (method, path) in SCOPED.items():
        answer = program.request(method, path, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code == 403) == (other != scope), (other, answer.text)


def test_errors_have_one_form(annotator: TestClient) -> None:
    for answer in (
        annotator.get("/api/v1/projects/1"),
        annotator.get("/api/v1/projects/zero"),
        annotator.get("/api/v1/nothing/here"),
        annotator.post("/api/v1/me"),
        annotator.post("/api/v1/projects", json={}),
        annotator.post("/api/v1/session", content="{", headers={"Content-Type": "text/json"}),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        body = answer.json()
        assert {"type", "title", "status", "detail", "code"} <= set(body)
        assert body["status"] == answer.status_code


def test_a_bug_is_a_500_that_tells_nothing(
    annotator: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("server.services.projects.list_all", broken)
    answer = annotator.get("/api/v1/projects")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "42" not in answer.text


def test_bodies_are_limited(annotator: TestClient, engineer: TestClient) -> None:
    large = "x" * (2 * 2**20 + 1)
    declared = annotator.post("/api/v1/tokens", json={"name": large})
    assert (declared.status_code, declared.json()["code"]) == (413, "too-large")

    def pieces() -> Iterator[bytes]:
        yield b'{"name": "'
        for _ in range(40):
            yield b"x" * 2**16
        yield b'"}'

    streamed = annotator.post(
        "/api/v1/tokens", content=pieces(), headers={"Content-Type": "application/json"}
    )
    assert streamed.status_code == 413


def test_answers_carry_security_headers(annotator: TestClient) -> None:
    headers = annotator.get("/api/v1/me").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_health_and_metrics(
    app_client: Callable[[], TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app_client()
    assert client.get("/health/live").json() == {"status": "ok"}
    assert client.get("/health/ready").json() == {"status": "ok"}
    assert client.get("/metrics").status_code == 403, "the test client has no address of its own"


def test_not_ready_says_what_is_wrong(
    app_client: Callable[[], TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app_client()
    monkeypatch.setenv("WEAKSEG_MIN_FREE_BYTES", str(2**60))
    get_settings.cache_clear()
    full = client.get("/health/ready")
    assert (full.status_code, full.json()["code"]) == (503, "not-ready")
    assert "files: the disk is full" in full.json()["detail"]
    monkeypatch.delenv("WEAKSEG_MIN_FREE_BYTES")
    get_settings.cache_clear()
    (tmp_path / "data/files").rmdir()
    (tmp_path / "data/files").write_text("in the place of the folder")
    unwritable = client.get("/health/ready")
    assert unwritable.status_code == 503
    assert unwritable.json()["detail"].startswith("files: cannot be written")
    (tmp_path / "data/files").unlink()
    monkeypatch.setenv("WEAKSEG_BROKER_URL", f"redis://127.0.0.1:{free_port()}/0")
    get_settings.cache_clear()
    alone = client.get("/health/ready")
    assert (alone.status_code, alone.json()["status"]) == (200, "degraded"), "labelling goes on"
    assert "broker" in alone.json()["detail"]


@pytest.fixture
def little_room() -> Iterator[None]:
    """A limit of the system's on the size of files: writing further fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def noise(side: int) -> bytes:
    """A PNG of 3 x side x side bytes."""
    buffer = io.BytesIO()
    pixels = random.Random(0).randbytes(3 * side * side)
    PillowImage.frombytes("RGB", (side, side), pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    engineer: TestClient, make_project: Callable[..., dict[str, Any]], jpeg: Callable[..., bytes],
    tmp_path: Path, little_room: None,
) -> None:  # fmt: skip
    project = make_project()["id"]
    files = [("files", ("a.jpg", jpeg(1))), ("files", ("large.png", noise(500)))]
    answer = engineer.post(f"/api/v1/projects/{project}/images", files=files)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage-full"), answer.text
    assert "images" in answer.json()["detail"]
    names = [
        i["external_id"] for i in engineer.get(f"/api/v1/projects/{project}/images").json()["items"]
    ]
    assert names == ["a.jpg"], "what came before it is there"
    assert not list((tmp_path / "data/files").rglob(".writing-*"))


def test_a_snapshot_that_finds_no_room_is_told_and_made_later(
    engineer: TestClient, make_project: Callable[..., dict[str, Any]],
    upload: Callable[..., dict[str, Any]], jpeg: Callable[..., bytes], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    project = make_project()["id"]
    upload(project, {"a.jpg": jpeg(1)})
    label = {"present": ["Road"], "absent": ["Car", "Tree"], "timing": {"wall_ms": 5000}}
    assert engineer.put("/api/v1/images/1/label", json=label).status_code == 200
    with monkeypatch.context() as changed:
        changed.setattr("os.fsync", full)
        answer = engineer.post(f"/api/v1/projects/{project}/snapshots")
    assert (answer.status_code, answer.json()["code"]) == (507, "storage-full"), answer.text
    assert not list((tmp_path / "data/files").rglob(".writing-*"))
    assert engineer.get("/api/v1/snapshots/1/labels.jsonl").status_code == 404
    made = engineer.post(f"/api/v1/projects/{project}/snapshots")
    assert made.status_code == 201, made.text
    lines = engineer.get(f"/api/v1/snapshots/{made.json()['id']}/labels.jsonl").text.splitlines()
    assert len(lines) == 1


def test_a_picture_is_shown_unscaled_where_no_scaled_one_can_be_kept(
    engineer: TestClient, make_project: Callable[..., dict[str, Any]],
    upload: Callable[..., dict[str, Any]], jpeg: Callable[..., bytes], tmp_path: Path,
) -> None:  # fmt: skip
    upload(make_project()["id"], {"a.jpg": jpeg(1, size=(400, 300))})
    (tmp_path / "data/files/scaled").write_text("in the place of the folder")
    answer = engineer.get("/api/v1/images/1/file", params={"width": 320})
    assert (answer.status_code, answer.content) == (200, jpeg(1, size=(400, 300)))


def test_the_openapi_document_says_what_errors_look_like(application: FastAPI) -> None:
    document = application.openapi()
    assert "Problem" in document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description") or operation.get("summary"), (method, path)
    ids = [op["operationId"] for methods in document["paths"].values() for op in methods.values()]
    assert len(ids) == len(set(ids))


def test_pages_are_sent_gzipped_to_who_takes_it(
    app_client: Callable[[], TestClient], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<p>page</p>")
    script = tmp_path / "assets/a-1.js"
    script.write_text("run()")
    script.with_name("a-1.js.gz").write_bytes(gzip.compress(b"run()"))
    monkeypatch.setattr(main, "STATIC", tmp_path)
    client = app_client()
    for accepted, encoding in {"br, gzip": "gzip", "identity": None, "gzip;q=0": None}.items():
        answer = client.get("/assets/a-1.js", headers={"Accept-Encoding": accepted})
        assert answer.text == "run()"
        assert answer.headers.get("content-encoding") == encoding
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["vary"] == "Accept-Encoding"
        assert "immutable" in answer.headers["cache-control"]
    page = client.get("/projects/7/label", headers={"Accept-Encoding": "gzip"})
    assert (page.text, page.headers.get("content-encoding")) == ("<p>page</p>", None)
    assert client.get("/assets/none.js").status_code == 404
