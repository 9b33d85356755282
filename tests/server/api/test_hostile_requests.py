"""Requests that nobody's browser sends: each gets an answer in the one form, and none a 500."""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from starlette.types import Message

from server.http_heads import LONGEST_HEAD, MOST_HEADERS
from server.models.user import Role
from server.services import projects
from tests.product import in_this_process
from tests.server.factories import add_images

HALF, NUL = "\ud800", "\0"
JSON = {"Content-Type": "application/json"}


PATHS = [
    "/%00", "/a/%00/b", "/assets/%00.js", f"/{'a' * 256}", f"/assets/{'b' * 5000}.js",
    f"/{'c/' * 3000}", f"/projects/{'%C3%A9' * 200}", "/%ff%fe", "/%", "/%zz", "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd", "/%ED%A0%80", "/\\..\\..", "//etc/passwd", "/%0a%0d", "/assets/.",
    "/api/%00", f"/api/v1/{'d' * 300}", "/api/v1/projects/%00", "/api/v1/leases/%00/heartbeat",
    f"/api/v1/projects/{'9' * 400}", f"/?{'q=1&' * 10_000}", "/api/v1/about?%00=%ff&=&&",
]  # fmt: skip


def test_no_path_needs_an_account_to_break_the_server(
    app_client: Callable[[], TestClient],
) -> None:
    client = app_client()
    for method in ("GET", "HEAD", "POST"):
        for path in PATHS:
            answer = client.request(method, path)
            assert answer.status_code < 500, (method, path, answer.text)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-request-id"]


def ask(address: str, request: bytes) -> int:
    """The status of the answer to bytes that are sent as they are."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        connection.sendall(request)
        answer = connection.makefile("rb").readline()
    return int(answer.split()[1])


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_raw_requests_get_an_answer(database: str) -> None:
    """What no client library sends."""
    lines = [
        b"GET /%00 HTTP/1.1\r\nHost: a\r\n",
        b"GET /" + b"a" * 400 + b" HTTP/1.1\r\nHost: a\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n",
        b"GET /?" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: \xb2\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000 + b"\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nOrigin: http://[\r\nContent-Length: 0\r\n",
        b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nOrigin: null\r\nContent-Length: 0\r\n",
        b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\nCookie: weakseg_session=\xff\xfe\r\n",
        b"GET /api/v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \xff\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: \xff\r\nRange: bytes=9-1,a-\r\n",
    ]
    with in_this_process() as address:
        for line in lines:
            status = ask(address, line + b"Connection: close\r\n\r\n")
            assert 200 <= status < 500, (line[:80], status)


@pytest.mark.parametrize("broken", [f"a{HALF}b", f"a{NUL}b"])
def test_text_that_cannot_be_stored_is_refused_by_field(
    admin: TestClient, engineer: TestClient, people: dict[Role, int], make_project: Callable[..., Any],
    upload: Callable[..., Any], jpeg: Callable[..., bytes], broken: str,
) -> None:  # fmt: skip
    project = make_project()["id"]
    upload(project, {"a.jpg": jpeg()})
    label = {"present": ["Road"], "timing": {"wall_ms": 5000}}
    bodies: list[tuple[str, str, dict[str, Any], str]] = [
        ("POST", "/session", {"email": broken, "password": "x"}, "email"),
        ("POST", "/session", {"email": "a@b.c", "password": broken}, "password"),
        ("POST", "/users", {"email": f"a{broken}@b.c", "password": "long enough to keep"}, "email"),
        ("POST", "/users", {"email": "a@b.c", "password": f"long enough to {broken}"}, "password"),
        ("PATCH", f"/users/{people[Role.ANNOTATOR]}", {"password": f"long enough to {broken}"}, "password"),
        ("POST", "/tokens", {"name": f"a{broken}"}, "name"),
        ("POST", "/projects", {"name": f"a{broken}", "categories": [{"name": "Road"}]}, "name"),
        ("POST", "/projects", {"name": "b", "categories": [{"name": f"R{broken}"}]}, "categories[0].name"),
        ("PATCH", f"/projects/{project}", {"name": f"a{broken}"}, "name"),
        ("PUT", f"/projects/{project}/keys", {"keys": {f"Road{broken}": "r"}}, "keys"),
        ("PUT", "/images/1/label", label | {"present": [broken]}, "present"),
        ("PUT", "/images/1/label", label | {"skipped": f"a{broken}"}, "skipped"),
        ("PUT", "/images/1/label", label | {"points": [{"category": broken, "x": 1, "y": 1}]}, "points[0].category"),
        ("PUT", "/images/1/label", label | {"tiles": {"rows": 1, "cols": 1, "present": {broken: [0]}}}, "tiles.present"),
        ("POST", f"/projects/{project}/runs", {"overrides": {"terms": [broken]}}, "overrides"),
        ("POST", f"/projects/{project}/runs", {"overrides": {broken: 1}}, "overrides"),
        ("POST", "/tokens", {"name": "fine", broken: 1}, ""),
    ]  # fmt: skip
    for method, path, body, field in bodies:
        answer = admin.request(method, f"/api/v1{path}", content=json.dumps(body), headers=JSON)
        assert answer.status_code == 422, (method, path, body, answer.text)
        named = [error["field"] for error in answer.json().get("errors") or []]
        assert any(name.startswith(field) for name in named), (path, body, answer.json())


LABEL_FILES: list[tuple[str, Any]] = [
    ("jsonl", {"image": "a{}.jpg", "width": 64, "height": 48, "present": ["Road"]}),
    ("jsonl", {"image": "a.jpg", "width": 64, "height": 48, "present": ["Road{}"]}),
    ("jsonl", {"image": "a.jpg", "width": 64, "height": 48, "present": ["Road"], "annotator": "a{}@b.c"}),
    ("jsonl", {"image": "a.jpg", "width": 64, "height": 48, "{}": 1}),
    ("coco", {"images": [{"id": 1, "file_name": "a{}.jpg", "width": 64, "height": 48}],
              "categories": [{"id": 1, "name": "Road{}"}],
              "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 9, 9]}]}),
    ("label-studio", [{"data": {"image": "a{}.jpg"}, "annotations": [{"result": [
        {"type": "choices", "value": {"choices": ["Road{}"]}}]}]}]),
]  # fmt: skip


def test_a_label_file_with_such_text_is_no_500(
    engineer: TestClient, make_project: Callable[..., Any], upload: Callable[..., Any],
    jpeg: Callable[..., bytes],
) -> None:  # fmt: skip
    project = make_project()["id"]
    upload(project, {"a.jpg": jpeg()})
    address = f"/api/v1/projects/{project}/labels/import"
    for label_format, line in LABEL_FILES:
        rules = {"format": label_format, "match_authors": "true"}
        for broken in (HALF, NUL):
            content = json.dumps(line).replace("{}", json.dumps(broken)[1:-1])
            answer = engineer.post(address, params=rules, content=content)
            assert answer.status_code in (200, 422), answer.text
            assert broken == NUL or answer.status_code == 422


def test_a_manifest_with_such_text_names_the_line(
    engineer: TestClient, make_project: Callable[..., Any]
) -> None:
    project = make_project()["id"]
    for line in ('{"uri": "a\\ud800.jpg"}', '{"uri": "a.jpg", "external_id": "\\udfff"}'):
        content = f'{{"uri": "good.jpg"}}\n{line}\n'
        answer = engineer.post(
            f"/api/v1/projects/{project}/images", content=content,
            headers={"Content-Type": "application/x-ndjson"},
        )  # fmt: skip
        assert answer.status_code == 422, answer.text
        assert answer.json()["detail"].startswith("line 2: ")
    assert engineer.get(f"/api/v1/projects/{project}/images").json()["items"] == []


MOMENTS: list[tuple[str | float, int]] = [
    ("9999-12-31T23:59:59-14:00", 422),
    ("9999-12-31T23:59:59.999999-00:01", 422),
    ("9999-12-31T23:59:59Z", 201),
    ("9999-12-31T23:59:59+14:00", 201),
    ("0001-01-01T00:00:00+14:00", 422),
    ("0001-01-01T00:00:00Z", 422),
    ("2100-01-01T00:00:00", 422),
    ("0000-01-01T00:00:00Z", 422),
    ("-0001-01-01T00:00:00Z", 422),
    (1e300, 422),
    (-62135596801, 422),
    ("2100-01-01T00:00:00+23:59", 201),
]


def test_a_token_expires_within_the_calendar(admin: TestClient) -> None:
    for moment, status in MOMENTS:
        answer = admin.post("/api/v1/tokens", json={"name": "late", "expires_at": moment})
        assert answer.status_code == status, (moment, answer.text)
        if status == 422:
            assert "expires_at" in answer.json()["detail"]
    assert admin.get("/api/v1/tokens").status_code == 200


@settings(
    max_examples=30, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(path=st.binary(max_size=40), text=st.text(max_size=300))
@example(path=b"\x00", text="")
def test_any_bytes_are_some_address(
    app_client: Callable[[], TestClient], path: bytes, text: str
) -> None:
    client = app_client()
    spelled = "".join(f"%{byte:02x}" for byte in path)
    for address in (f"/{spelled}", f"/assets/{spelled}", f"/api/v1/{spelled}"):
        assert client.get(address, params={"q": text.encode(errors="replace")}).status_code < 500


def test_a_bug_has_headers_an_id_and_is_counted(
    annotator: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret is 42")

    def counted() -> float:
        labels = {"method": "GET", "route": "/projects", "status": "500"}
        return REGISTRY.get_sample_value("weakseg_requests_total", labels) or 0

    before = counted()
    monkeypatch.setattr(projects, "list_all", broken)
    answer = annotator.get("/api/v1/projects")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert counted() == before + 1
    said = capsys.readouterr()
    assert answer.headers["x-request-id"] in said.out + said.err


# --- what is read of strangers


@pytest.fixture
def with_bodies(application: FastAPI) -> list[tuple[str, str]]:
    """Method and path of every operation that takes a body, with numbers for its parameters."""
    paths = application.openapi()["paths"]
    return [
        (method.upper(), re.sub(r"{[^}]*}", "1", path))
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "requestBody" in operation
    ]


FOR_STRANGERS = {
    ("POST", "/api/v1/session"), ("POST", "/api/v1/session/provider"),
    ("POST", "/api/v1/password-link"),
    ("POST", "/api/v1/password-link/owner"),
}  # fmt: skip


def status_without_a_body(app: FastAPI, method: str, path: str, *headers: tuple[str, str]) -> int:
    """The status of the answer to a request whose body may not be read."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"format=jsonl", "root_path": "",
        "headers": [(b"host", b"testserver"), (b"content-type", b"application/json"),
                    (b"content-length", b"1000"),
                    *((name.encode(), value.encode()) for name, value in headers)],
        "client": ("127.0.0.1", 1), "server": ("testserver", 80), "state": {},
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> Message:
        raise AssertionError(f"the body of {method} {path} was read")

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    asyncio.run(app(scope, receive, send))
    return statuses[0]


def test_bodies_are_found_in_the_interface(with_bodies: list[tuple[str, str]]) -> None:
    assert len(with_bodies) > 15
    assert set(with_bodies) > FOR_STRANGERS


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_body_is_read_before_it_is_known_who_sends_it(
    application: FastAPI, database: str, with_bodies: list[tuple[str, str]]
) -> None:
    known_by = [
        (), (("cookie", "weakseg_session=made-up"),), (("authorization", "Bearer wsk_made-up"),),
    ]  # fmt: skip
    for method, path in with_bodies:
        if (method, path) not in FOR_STRANGERS:
            for headers in known_by:
                assert status_without_a_body(application, method, path, *headers) == 401, (
                    method,
                    path,
                )


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_body_is_read_of_who_may_not(
    application: FastAPI,
    admin: TestClient,
    annotator: TestClient,
    database: str,
    with_bodies: list[tuple[str, str]],
) -> None:
    token = admin.post("/api/v1/tokens", json={"name": "look", "scopes": ["read"]}).json()["token"]
    cookie = "; ".join(f"{name}={value}" for name, value in annotator.cookies.items())
    forbidden = 0
    for method, path in with_bodies:
        if (method, path) in FOR_STRANGERS:
            continue
        bearer = ("authorization", f"Bearer {token}")
        assert status_without_a_body(application, method, path, bearer) == 403, (method, path)
        with contextlib.suppress(AssertionError):  # an annotator may send some of them
            status = status_without_a_body(application, method, path, ("cookie", cookie))
            forbidden += status in (403, 404)
    assert forbidden > 5


def test_a_stranger_sends_little(app_client: Callable[[], TestClient]) -> None:
    client = app_client()
    body = {"email": "a@b.c", "password": "x", "more": "y" * 20_000}
    for headers in ({}, {"Cookie": "weakseg_session=made-up"}, {"Authorization": "Bearer wsk_x"}):
        answer = client.post("/api/v1/session", json=body, headers=headers)
        assert answer.status_code == 413


# --- heads


def test_long_heads_are_refused(app_client: Callable[[], TestClient]) -> None:
    client = app_client()
    assert client.get("/health/live", headers={"X-Long": "a" * 60_000}).status_code == 200
    many = {f"X-{number}": "a" for number in range(MOST_HEADERS + 1)}
    for headers in (many, {"X-Long": "a" * LONGEST_HEAD}, {"Cookie": "a=b; " * LONGEST_HEAD}):
        answer = client.get("/health/live", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (431, "headers-too-large")


ENDLESS = [
    b"GET / HTTP/1.1\r\nHost: a\r\nX: ",
    b"GET /",
    b"GET / HTTP/1.1\r\nX",
    b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x=",
    b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX: ",
]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_never_ends_is_cut_off(database: str) -> None:
    with in_this_process() as address:
        where = urlsplit(address)
        for beginning in ENDLESS:
            sent = 0
            with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
                connection.sendall(beginning)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    while sent < 500 * LONGEST_HEAD:
                        sent += connection.send(b"a" * 4096)
            assert sent < 500 * LONGEST_HEAD


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_head_and_a_body_may_come_byte_by_byte(database: str) -> None:
    body = json.dumps({"email": "a@b.c", "password": "x" * 500}).encode()
    head = (
        b"POST /api/v1/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nX: " + b"a" * 60_000 + b"\r\nContent-Length: %d\r\n\r\n"
    )
    with in_this_process() as address:
        where = urlsplit(address)
        with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
            for piece in (head % len(body), body):
                for at in range(0, len(piece), 997):
                    connection.sendall(piece[at : at + 997])
            assert b" 401 " in connection.makefile("rb").readline()


# --- answers


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_error_quotes_little_of_what_was_sent(
    engineer: TestClient, make_project: Callable[..., Any]
) -> None:
    project = make_project()["id"]
    url = f"/api/v1/projects/{project}"
    long = "x" * 60_000
    files = {
        "csv": f"image,category,answer,{long}\n", "cvat": f"<{long}/>",
        "coco": json.dumps({"images": [{"id": 1, "file_name": long, "width": 9, "height": 9}] * 2}),
    }  # fmt: skip
    for form, content in files.items():
        answer = engineer.post(f"{url}/labels/import", params={"format": form}, content=content)
        assert answer.status_code == 422
        assert 10 < len(answer.content) < 4000, form
    line = json.dumps({"uri": long})
    answer = engineer.post(
        f"{url}/images", content=line, headers={"Content-Type": "application/x-ndjson"}
    )
    assert answer.status_code == 422
    assert len(answer.content) < 4000
    events = [{"at": -1, "kind": long}] * 30
    label = {"timing": {"wall_ms": 1, "events": events}, "x" * 50_000: 1}
    (image_id,) = add_images(project, ["a.png"])
    answer = engineer.put(f"/api/v1/images/{image_id}/label", json=label)
    assert answer.status_code == 422
    assert len(answer.content) < 20_000


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_error_lists_a_part_of_very_many_wrong_fields(
    engineer: TestClient, make_project: Callable[..., Any]
) -> None:
    label = {"timing": {"wall_ms": 1, "events": [{"at": -1, "kind": "none"}] * 4000}}
    (image_id,) = add_images(make_project()["id"], ["a.png"])
    answer = engineer.put(f"/api/v1/images/{image_id}/label", json=label)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100
