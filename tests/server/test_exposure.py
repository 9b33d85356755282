"""What holds where strangers reach the server: who may listen, what a proxy says, and cookies."""

import re
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from server import migrations
from server.db import dispose, get_engine
from server.models.user import Role
from server.settings import get_settings
from tests.command import run_here
from tests.server.people import EMAILS, PASSWORD
from tests.services.processes import free_port, stop

PEM = Path(__file__).parent / "data" / "pictures_test.pem"
CREDENTIALS = {"email": EMAILS[Role.ANNOTATOR], "password": PASSWORD}
Set = Callable[..., None]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Sets settings of the server."""

    def change(**values: str) -> None:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()

    return change


def through(application: FastAPI, client: str, trusted: str = "127.0.0.1") -> TestClient:
    """A client whose requests come from an address, by a server that trusts those proxies."""
    app = ProxyHeadersMiddleware(application, trusted_hosts=trusted)  # type: ignore[arg-type]
    return TestClient(app, client=(client, 40000), base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("host", "options", "environment", "listens"),
    [
        ("127.0.0.1", (), {}, True),
        ("127.8.8.8", (), {}, True),
        ("::1", (), {}, True),
        ("localhost", (), {}, True),
        ("0.0.0.0", (), {}, False),
        ("::", (), {}, False),
        ("", (), {}, False),
        ("192.0.2.1", (), {}, False),
        ("weakseg.example.org", (), {}, False),
        ("0.0.0.0", (), {"FORWARDED_ALLOW_IPS": ""}, False),
        ("0.0.0.0", (), {"WEAKSEG_INSECURE": "false"}, False),
        ("0.0.0.0", (), {"FORWARDED_ALLOW_IPS": "172.16.0.0/12"}, True),
        ("0.0.0.0", (), {"WEAKSEG_FORWARDED_ALLOW_IPS": "192.0.2.7"}, True),
        ("0.0.0.0", (), {"WEAKSEG_INSECURE": "true"}, True),
        ("0.0.0.0", ("--certificate", str(PEM)), {}, True),
    ],
)
def test_nothing_listens_beyond_this_machine_in_the_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, options: tuple[str, ...],
    environment: dict[str, str], listens: bool,
) -> None:  # fmt: skip
    served: list[dict[str, Any]] = []
    monkeypatch.setattr(uvicorn, "run", lambda *_, **given: served.append(given))
    given = {"WEAKSEG_DATA": str(tmp_path / "data"), **environment}
    monkeypatch.setenv("WEAKSEG_DATA", given["WEAKSEG_DATA"])
    dispose()
    migrations.upgrade(get_engine())
    ended = run_here("serve", "--host", host, *options, environment=given, folder=tmp_path)
    assert (ended.returncode, len(served)) == ((0, 1) if listens else (2, 0)), ended.stderr
    if not listens:
        assert "FORWARDED_ALLOW_IPS" in ended.stderr
        assert "WEAKSEG_INSECURE" in ended.stderr
    elif environment.get("FORWARDED_ALLOW_IPS"):
        assert served[0]["forwarded_allow_ips"] == "172.16.0.0/12"
    elif not environment:
        assert served[0]["forwarded_allow_ips"] == "127.0.0.1,::1", "of this machine's proxies"


def test_the_demo_does_neither(tmp_path: Path) -> None:
    given = ("demo", "--data", str(tmp_path / "data"), "--host", "0.0.0.0")
    ended = run_here(*given, environment={}, folder=tmp_path)
    assert (ended.returncode, "beyond this machine" in ended.stderr) == (2, True), ended.stderr


def test_it_serves_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEAKSEG_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    dispose()
    migrations.upgrade(get_engine())
    dispose()
    port = free_port()
    command = [sys.executable, "-m", "server.cli", "serve", "--port", str(port)]
    trusting = ssl.create_default_context(cafile=str(PEM))
    trusting.check_hostname = False
    process = subprocess.Popen([*command, "--certificate", str(PEM)])
    try:
        answer = None
        until = time.monotonic() + 60
        while answer is None and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.1)
            try:
                url = f"https://127.0.0.1:{port}/health/live"
                answer = httpx.get(url, verify=trusting, trust_env=False)
            except httpx.TransportError:
                continue
        assert answer is not None
        assert answer.json() == {"status": "ok"}
        assert "strict-transport-security" in answer.headers
    finally:
        stop(process)


@pytest.mark.parametrize(
    ("client", "headers", "open_to"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {"Host": "localhost"}, True),
        ("::1", {"Host": "[::1]:8000"}, True),
        ("192.0.2.1", {}, False),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.7"}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}, False),
        ("127.0.0.1", {"Forwarded": "for=198.51.100.7"}, False),
        ("127.0.0.1", {"X-Real-IP": "198.51.100.7"}, False),
        ("127.0.0.1", {"Via": "1.1 proxy"}, False),
        ("127.0.0.1", {"Host": "weakseg.example.org"}, False),
        ("127.0.0.1", {"Host": "[::1"}, False),
        ("127.0.0.1", {"Host": "127.0.0.1.example.org"}, False),
        ("172.18.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
    ],
)
@pytest.mark.parametrize("trusted", ["127.0.0.1", "10.0.0.1", "172.16.0.0/12", "*"])
def test_metrics_are_for_this_machine_whatever_the_proxy(
    application: FastAPI, tmp_path: Path, client: str, headers: dict[str, str], open_to: bool,
    trusted: str,
) -> None:  # fmt: skip
    answer = through(application, client, trusted).get("/metrics", headers=headers)
    assert answer.status_code == (200 if open_to else 403)


def test_metrics_with_a_token(application: FastAPI, settings: Set) -> None:
    settings(WEAKSEG_METRICS_TOKEN="of prometheus")
    client = through(application, "127.0.0.1")
    for value, status in (("Bearer of prometheus", 200), ("Bearer ", 403), ("", 403)):
        answer = client.get("/metrics", headers={"Authorization": value})
        assert answer.status_code == status
    settings(WEAKSEG_METRICS_TOKEN="")
    nobodys = {"Authorization": "Bearer ", "Via": "1.1 proxy"}
    assert client.get("/metrics", headers=nobodys).status_code == 403, "an empty token is none"


def cookies_of(answer: httpx.Response) -> dict[str, str]:
    return {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}


def test_under_https_cookies_have_the_name_that_nobody_else_can_give(
    app_client: Callable[[], TestClient], people: dict[Role, int]
) -> None:
    client = app_client()
    client.base_url = client.base_url.copy_with(scheme="https")
    set_cookies = cookies_of(client.post("/api/v1/session", json=CREDENTIALS))
    assert set(set_cookies) == {"__Host-weakseg_session", "__Host-weakseg_device"}
    for line in set_cookies.values():
        assert re.search("; Secure", line)
        assert re.search("; HttpOnly", line)
        assert re.search("; Path=/(;|$)", line)
        assert "Domain" not in line
    assert client.get("/api/v1/me").status_code == 200
    secret = client.cookies["__Host-weakseg_session"]
    client.cookies.clear()
    planted = {"Cookie": f"weakseg_session={secret}"}
    assert client.get("/api/v1/me", headers=planted).status_code == 401
    named = {"Cookie": f"__Host-weakseg_session={secret}"}
    assert client.get("/api/v1/me", headers=named).status_code == 200
    left = client.delete("/api/v1/session", headers=named)
    dropped = cookies_of(left)["__Host-weakseg_session"]
    assert "Max-Age=0" in dropped
    assert "Secure" in dropped, "or else browsers do not take it"
    assert client.get("/api/v1/me", headers=named).status_code == 401


def test_a_trusted_proxy_says_that_the_browser_speaks_https(
    application: FastAPI, people: dict[Role, int]
) -> None:
    by_proxy = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
    for trusted, is_https in (("172.18.0.1", True), ("10.0.0.1", False)):
        client = through(application, "172.18.0.1", trusted)
        answer = client.post("/api/v1/session", json=CREDENTIALS, headers=by_proxy)
        assert answer.is_success
        assert ("__Host-weakseg_session" in cookies_of(answer)) == is_https
        assert ("strict-transport-security" in answer.headers) == is_https


def test_a_setting_says_that_the_browser_speaks_https(
    app_client: Callable[[], TestClient], people: dict[Role, int], settings: Set
) -> None:
    settings(WEAKSEG_SECURE_COOKIES="true")
    client = app_client()
    answer = client.post("/api/v1/session", json=CREDENTIALS)
    assert "__Host-weakseg_session" in cookies_of(answer)
    assert "strict-transport-security" in answer.headers


def test_headers_of_every_answer(app_client: Callable[[], TestClient]) -> None:
    client = app_client()
    for path in ("/api/v1/about", "/health/live", "/nowhere", "/metrics"):
        headers = client.get(path).headers
        assert "camera=()" in headers["permissions-policy"]
        assert "strict-transport-security" not in headers, "over http it would mean nothing"


def test_only_allowed_hosts_are_answered(application: FastAPI, settings: Set) -> None:
    def status(host: str, path: str = "/api/v1/about") -> int:
        client = TestClient(application, base_url="http://127.0.0.1:8000")
        return client.get(path, headers={"Host": host}).status_code

    assert status("anything.example") == 200
    settings(WEAKSEG_ALLOWED_HOSTS='["Weakseg.example.org", "*.labels.example"]')
    for host in ("weakseg.example.org", "WEAKSEG.example.org:8443", "weakseg.example.org.",
                 "a.labels.example", "a.b.labels.example:1"):  # fmt: skip
        assert status(host) == 200, host
    for host in ("evil.example", "labels.example", "xlabels.example", "weakseg.example.org.evil",
                 "127.0.0.1", "", "weakseg.example.org:80:80"):  # fmt: skip
        assert status(host) == 400, host
        assert status(host, "/") == 400, host
        assert status(host, "/health/ready") in (200, 503), "of the load balancer"
