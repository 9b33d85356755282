"""The whole loop by REST against running processes: embedded defaults, and a team's services."""

import csv
import hashlib
import io
import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.numpy import load_file

from tests.command import run_here
from tests.domains import Domains, make_project, street_scenes, upload
from tests.product import running_api, running_product, said

FINISHED = ("succeeded", "failed", "cancelled")
RUN_SECONDS = 240
REAL_DATA = "WEAKSEG_TEST_REAL_DATA"


@pytest.fixture(params=["embedded", "team"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings alone make it SQLite and files, or PostgreSQL and Redis."""
    settings = {
        "WEAKSEG_DATA": str(tmp_path / "data"),
        "WEAKSEG_SWEEP_SECONDS": "1",
        "WEAKSEG_TRAINER_THREADS": "1",
    }
    if request.param == "team":
        settings["WEAKSEG_DATABASE_URL"] = request.getfixturevalue("fresh_postgres_database")()
        settings["WEAKSEG_BROKER_URL"] = request.getfixturevalue("redis_url")
    return settings


@pytest.fixture
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Domains:
    """Domains of the demo's own scenes."""
    return street_scenes(tmp_path_factory, 10)


@pytest.fixture
def photographs(tmp_path: Path) -> Domains:
    """A small part of real data: photographs as target, rendered scenes as source."""
    if not (folder := os.environ.get(REAL_DATA)):
        pytest.skip(f"{REAL_DATA} names no folder with camvid/ and procstreet/")
    names = (
        "Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car",
        "Pedestrian", "Bicyclist",
    )  # fmt: skip
    ids = dict(enumerate(names))
    parts = {"source": "procstreet", "validation": "camvid/val", "target": "camvid/train"}
    for part, found in parts.items():
        for kind in ("images", "masks"):
            (tmp_path / part / kind).mkdir(parents=True)
            for path in sorted((Path(folder) / found / kind).iterdir())[:8]:
                shutil.copy(path, tmp_path / part / kind)
        card = {"name": part, "masks": "masks/{stem}.png", "ids": ids, "void": [255]}
        (tmp_path / part / "card.yaml").write_text(yaml.safe_dump(card))
    return Domains(
        tmp_path / "source/card.yaml", tmp_path / "validation/card.yaml",
        sorted((tmp_path / "target/images").iterdir()), tmp_path / "target/masks", ids,
    )  # fmt: skip


def test_the_whole_loop(
    environment: dict[str, str],
    rendered: Domains,
    tmp_path: Path,
    forked_product: dict[str, str],
) -> None:
    go_round(environment | forked_product, rendered, tmp_path)


@pytest.mark.parametrize("environment", ["embedded"], indirect=True)
def test_the_whole_loop_on_photographs(
    environment: dict[str, str], photographs: Domains, tmp_path: Path
) -> None:
    go_round(environment, photographs, tmp_path)


def go_round(environment: dict[str, str], domains: Domains, tmp_path: Path) -> None:
    """Images in, labels, a run, predictions, checkpoint, curve; restarted, all is still there."""

    def weakseg(*arguments: str, **more: str) -> str:
        done = run_here(*arguments, environment=environment | more, folder=tmp_path)
        assert done.returncode == 0, done
        return done.stdout

    weakseg("migrate")
    weakseg("datasets", "add", str(domains.source), "--name", "source")
    password = "correct horse battery"
    weakseg("user", "add", "lead@example.org", "--role", "admin", WEAKSEG_PASSWORD=password)
    scopes = [x for s in ("read", "label", "import", "runs", "admin") for x in ("--scope", s)]
    token = weakseg("token", "add", "lead@example.org", "loop", *scopes)
    headers = {"Authorization": f"Bearer {token.strip()}"}

    def client(address: str) -> httpx.Client:
        return httpx.Client(base_url=address, headers=headers, trust_env=False, timeout=30)

    logs = tmp_path / "logs"
    with running_product(environment, logs) as address, client(address) as api:
        upload_dataset(api, "val", domains.validation, logs)
        project = make_project(api, domains)
        imported = upload(api, project, domains.images)
        assert imported["imported"] == len(domains.images)
        labelled = label_everything(api, project, domains)
        assert labelled == imported["imported"]
        automatic = wait_for(lambda: automatic_run(api, project), logs)
        run = wait_for(lambda: finished(api, automatic["id"]), logs)
        assert run["state"] == "succeeded", (run, said(logs))
        check_run(api, project, run, domains)
        check_checkpoint(api, run, tmp_path)
        check_curve(api, project, run)
        check_cancel(api, project, logs)
    with running_api(environment, logs) as address, client(address) as api:
        assert api.get(f"/api/v1/projects/{project}").json()["images"]["labelled"] == labelled
        assert api.get(f"/api/v1/runs/{run['id']}").json()["state"] == "succeeded"
        [image, *_] = api.get(f"/api/v1/projects/{project}/images").json()["items"]
        assert api.get(f"/api/v1/images/{image['id']}/prediction/mask.png").is_success


def upload_dataset(api: httpx.Client, name: str, card: Path, logs: Path) -> None:
    """Pictures and masks as somebody sends them who has a folder of them, in pieces of a ZIP file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in (card, *card.parent.glob("images/*"), *card.parent.glob("masks/*")):
            archive.write(path, f"{name}/{path.relative_to(card.parent)}")
    content = buffer.getvalue()
    begun = api.post("/api/v1/dataset-uploads", json={"name": name})
    assert begun.status_code == 201, begun.text
    at = f"/api/v1/dataset-uploads/{begun.json()['id']}"
    middle = len(content) // 2
    for start, end in ((0, middle), (middle, len(content))):
        params = {"offset": start, "size": len(content)}
        sent = api.post(f"{at}/archive", params=params, content=content[start:end])
        assert sent.is_success, sent.text
    assert api.post(f"{at}/check", json={}).is_success

    def looked_at() -> dict[str, Any] | None:
        upload: dict[str, Any] = api.get(at).json()
        return None if upload["state"] == "checking" else upload

    checked = wait_for(looked_at, logs)
    assert (checked["state"], checked["problems"]) == ("ready", []), checked


def label_everything(api: httpx.Client, project: int, domains: Domains) -> int:
    """Label as a person would who sees the masks: what is there, and one point on each."""
    done = 0
    while leases := api.post(f"/api/v1/projects/{project}/leases", json={"count": 4}).json():
        for lease in leases:
            stem = Path(lease["image"]["external_id"]).stem
            body = weak_label(domains.masks / f"{stem}.png", domains.ids)
            body |= {"lease_id": lease["id"], "timing": {"wall_ms": 8000}}
            answer = api.put(
                f"/api/v1/images/{lease['image']['id']}/label",
                json=body, headers={"Idempotency-Key": f"loop-{lease['id']}"},
            )  # fmt: skip
            assert answer.is_success, answer.text
            done += 1
    return done


def weak_label(mask: Path, ids: dict[int, str]) -> dict[str, Any]:
    raw = np.asarray(Image.open(mask))
    present = [i for i in ids if (raw == i).any()]
    rng = np.random.default_rng(0)
    points = []
    for i in present:
        y, x = rng.choice(np.argwhere(raw == i))
        points.append({"category": ids[i], "x": float(x) + 0.5, "y": float(y) + 0.5})
    return {
        "present": [ids[i] for i in present],
        "absent": [name for i, name in ids.items() if i not in present],
        "points": points,
    }


def automatic_run(api: httpx.Client, project: int) -> dict[str, Any] | None:
    runs = api.get(f"/api/v1/projects/{project}/runs").json()
    return next((run for run in runs if run["automatic"]), None)


def finished(api: httpx.Client, run_id: int) -> dict[str, Any] | None:
    run: dict[str, Any] = api.get(f"/api/v1/runs/{run_id}").json()
    return run if run["state"] in FINISHED else None


def wait_for(look: Callable[[], dict[str, Any] | None], logs: Path) -> dict[str, Any]:
    until = time.monotonic() + RUN_SECONDS
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.25)
    raise AssertionError(f"waited {RUN_SECONDS} s in vain:\n{said(logs)}")


def events(api: httpx.Client, run_id: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The (event, data) pairs of a run's event stream until it closes."""
    with api.stream("GET", f"/api/v1/runs/{run_id}/events") as stream:
        kind = ""
        for line in stream.iter_lines():
            if line.startswith("event:"):
                kind = line.removeprefix("event:").strip()
            elif line.startswith("data:") and kind != "end":
                yield kind, json.loads(line.removeprefix("data:"))


def check_run(api: httpx.Client, project: int, run: dict[str, Any], domains: Domains) -> None:
    kinds = [kind for kind, _ in events(api, run["id"])]
    assert {"started", "progress", "evaluated", "checkpoint", "finished"} <= set(kinds)
    assert run["report"]["source_only"]["miou"] is not None
    assert 0 < run["miou"] <= 1

    snapshot = run["snapshot"]
    content = api.get(snapshot["url"]).content
    assert hashlib.sha256(content).hexdigest() == snapshot["sha256"]
    assert len(content.splitlines()) == snapshot["labels"] == len(domains.images)
    again = api.post(f"/api/v1/projects/{project}/snapshots").json()
    assert (again["id"], again["sha256"]) == (snapshot["id"], snapshot["sha256"])

    for image in api.get(f"/api/v1/projects/{project}/images").json()["items"]:
        prediction = api.get(f"/api/v1/images/{image['id']}/prediction").json()
        assert prediction["run_id"] == run["id"]
        assert set(prediction["presence"]) == set(domains.ids.values())
        mask = Image.open(io.BytesIO(api.get(prediction["mask_url"]).content))
        assert (mask.mode, mask.size) == ("P", (image["width"], image["height"]))
        assert int(np.asarray(mask).max()) < len(domains.ids)


def check_checkpoint(api: httpx.Client, run: dict[str, Any], folder: Path) -> None:
    checkpoints = api.get(f"/api/v1/runs/{run['id']}/checkpoints").json()
    [chosen] = [checkpoint for checkpoint in checkpoints if checkpoint["selected"]]
    path = folder / chosen["filename"]
    half = chosen["size"] // 2
    first = api.get(chosen["url"], headers={"Range": f"bytes=0-{half - 1}"})
    rest = api.get(chosen["url"], headers={"Range": f"bytes={half}-"})
    assert (first.status_code, rest.status_code) == (206, 206)
    path.write_bytes(first.content + rest.content)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == chosen["sha256"]
    weights = load_file(path)
    assert sum(array.size for array in weights.values()) > 1_000_000


def check_curve(api: httpx.Client, project: int, run: dict[str, Any]) -> None:
    url = f"/api/v1/projects/{project}/cost-curve"
    [point] = api.get(url).json()["points"]
    images = run["snapshot"]["images"]
    assert point["run_id"] == run["id"]
    assert point["miou"] == pytest.approx(run["miou"])
    assert point["wall_hours"] == pytest.approx(images * 8 / 3600)
    rows = list(csv.DictReader(io.StringIO(api.get(url, params={"format": "csv"}).text)))
    assert [int(row["run_id"]) for row in rows] == [run["id"]]


def check_cancel(api: httpx.Client, project: int, logs: Path) -> None:
    """A run that would take long is cancelled while it trains."""
    body = {"recipe": "tiny", "supervision": "source-only", "overrides": {"warmup_steps": 100_000}}
    started = api.post(f"/api/v1/projects/{project}/runs", json=body)
    assert started.status_code == 201, started.text
    run_id = started.json()["id"]

    def training() -> dict[str, Any] | None:
        run: dict[str, Any] = api.get(f"/api/v1/runs/{run_id}").json()
        return run if run["step"] > 0 else None

    wait_for(training, logs)
    assert api.post(f"/api/v1/runs/{run_id}/cancel").is_success
    run = wait_for(lambda: finished(api, run_id), logs)
    assert run["state"] == "cancelled"
