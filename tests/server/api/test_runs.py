import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import trainer.report
from server.db import session_scope
from server.models import Member
from server.models.member import MemberRole
from server.models.run import RunState
from server.models.user import Role
from server.services.runs import claims, runs
from server.settings import get_settings
from server.storage import get_storage
from tests.server.factories import make_project, make_run, make_trainable_project, run_row
from tests.server.one_database import ONE_DATABASE
from trainer.contract import Report, Score
from trainer.recipes import FILE_FIELDS


def add_events(run_id: int, *steps: int) -> None:
    with session_scope() as session:
        for step in steps:
            claims.add_event(session, run_id, 1, "progress", {"step": step})
            session.flush()


def parse(stream: str) -> list[dict[str, Any]]:
    """The events of a stream; comments and `retry` are left out."""
    events = []
    for block in stream.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
        if "event" in fields:
            events.append(fields | {"data": json.loads(fields["data"])})
    return events


def test_an_engineer_starts_a_run(engineer: TestClient) -> None:
    project_id = make_trainable_project()

    answer = engineer.post(f"/api/v1/projects/{project_id}/runs",
                           json={"recipe": "tiny", "overrides": {"steps": 7}})  # fmt: skip

    assert answer.status_code == 201, answer.text
    run = answer.json()
    assert (run["state"], run["recipe"], run["supervision"]) == ("queued", "tiny", "point")
    assert (run["created_by"], run["automatic"]) == ("engineer@example.org", False)
    assert run["overrides"] == {"steps": 7}
    assert run["snapshot"]["labels"] == 3
    detail = engineer.get(f"/api/v1/runs/{run['id']}").json()
    assert detail["config"]["steps"] == 7
    assert detail["report"] is None
    assert [r["id"] for r in engineer.get(f"/api/v1/projects/{project_id}/runs").json()] == [
        run["id"]
    ]
    content = engineer.get(run["snapshot"]["url"])
    assert len(content.text.splitlines()) == 3


def test_annotators_look_at_runs_and_do_not_start_them(annotator: TestClient) -> None:
    project_id = make_trainable_project()
    run_id = make_run(project_id)
    assert annotator.get(f"/api/v1/runs/{run_id}").status_code == 200
    assert annotator.post(f"/api/v1/projects/{project_id}/runs", json={}).status_code == 403
    assert annotator.post(f"/api/v1/runs/{run_id}/cancel").status_code == 403
    assert annotator.post(f"/api/v1/runs/{run_id}/resume").status_code == 403
    assert run_row(run_id).state == "queued"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"recipe": "nothing"}, 422, "bad-recipe"),
        ({"overrides": {"nothing": 1}}, 422, "bad-recipe"),
        ({"overrides": {"device": "cpu"}}, 422, "bad-override"),
        ({"overrides": {"cache": "/etc"}}, 422, "bad-override"),
        ({"overrides": {"start_from": "/etc/passwd"}}, 422, "bad-override"),
        ({"overrides": {"backbone": "efficientnet-lite1"}}, 422, "bad-recipe"),
        ({"overrides": {"backbone": "/etc/passwd"}}, 422, "bad-recipe"),
        ({"overrides": {"backbone": "timm/../a"}}, 422, "bad-recipe"),
        ({"overrides": {"backbone": "timm/"}}, 422, "bad-recipe"),
        ({"overrides": {"backbone": "timm/hf_hub:somebody/else"}}, 422, "bad-recipe"),
        ({"overrides": {"backbone": "vgg16", "frozen_stages": 6}}, 422, "bad-recipe"),
        ({"supervision": "dense"}, 422, "bad-input"),
        ({"snapshot_id": 99}, 404, "not-found"),
        ({"snapshot_id": 0}, 422, "bad-input"),
        ({"unknown": 1}, 422, "bad-input"),
    ],
)
@ONE_DATABASE
def test_a_bad_wish_is_one_clear_error(
    engineer: TestClient, body: dict[str, Any], status: int, code: str
) -> None:
    project_id = make_trainable_project()
    answer = engineer.post(f"/api/v1/projects/{project_id}/runs", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert engineer.get(f"/api/v1/projects/{project_id}/runs").json() == []


def test_a_supervision_that_no_run_has_is_told_in_plain_words(engineer: TestClient) -> None:
    url = f"/api/v1/projects/{make_trainable_project()}/runs"
    for supervision in ("dense", "oracle"):
        detail = engineer.post(url, json={"supervision": supervision}).json()["detail"]
        assert detail.startswith("supervision: ")
        assert "'point'" in detail
        assert not set("<>") & set(detail)


def test_a_project_without_source_or_labels_is_a_conflict(engineer: TestClient) -> None:
    url = f"/api/v1/projects/{make_project()}/runs"
    answer = engineer.post(url, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "no-source")
    url = f"/api/v1/projects/{make_trainable_project(labels=0, name='Other')}/runs"
    answer = engineer.post(url, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "no-labels")


def test_cancel_and_resume(engineer: TestClient) -> None:
    run_id = make_run(make_project())
    url = f"/api/v1/runs/{run_id}"
    assert engineer.post(f"{url}/cancel").json()["state"] == "cancelled"
    assert engineer.post(f"{url}/resume").json()["state"] == "queued"
    assert engineer.post(f"{url}/resume").json()["code"] == "run-not-stopped"


def test_what_is_not_there_is_not_found(engineer: TestClient) -> None:
    for path in ("", "/metrics", "/events", "/checkpoints"):
        assert engineer.get(f"/api/v1/runs/7{path}").status_code == 404
    for action in ("cancel", "resume"):
        assert engineer.post(f"/api/v1/runs/7/{action}").status_code == 404
    for path in ("runs", "snapshots", "cost-curve"):
        assert engineer.get(f"/api/v1/projects/7/{path}").status_code == 404
    assert engineer.post("/api/v1/projects/7/runs", json={}).status_code == 404


def test_metrics_come_in_pages(annotator: TestClient) -> None:
    run_id = make_run(make_project())
    add_events(run_id, 1, 2, 3)
    url = f"/api/v1/runs/{run_id}/metrics"
    first = annotator.get(url, params={"limit": 2}).json()
    assert [m["payload"]["step"] for m in first] == [1, 2]
    rest = annotator.get(url, params={"after": first[-1]["id"]}).json()
    assert [m["payload"]["step"] for m in rest] == [3]


def test_the_stream_of_a_finished_run_has_everything_and_an_end(annotator: TestClient) -> None:
    run_id = make_run(make_project(), RunState.SUCCEEDED)
    add_events(run_id, 1, 2, 3)

    answer = annotator.get(f"/api/v1/runs/{run_id}/events")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    events = parse(answer.text)
    assert [e["event"] for e in events] == ["progress", "progress", "progress", "end"]
    assert [e["data"]["payload"]["step"] for e in events[:3]] == [1, 2, 3]
    assert [int(e["id"]) for e in events[:3]] == [e["data"]["id"] for e in events[:3]]
    assert events[3]["data"] == {"state": "succeeded"}


@pytest.mark.parametrize("by_header", [True, False])
def test_the_stream_goes_on_after_the_last_event(annotator: TestClient, by_header: bool) -> None:
    run_id = make_run(make_project(), RunState.FAILED)
    add_events(run_id, 1, 2, 3)
    second = annotator.get(f"/api/v1/runs/{run_id}/metrics").json()[1]["id"]

    answer = annotator.get(
        f"/api/v1/runs/{run_id}/events",
        headers={"Last-Event-ID": str(second)} if by_header else {},
        params={"after": 0 if by_header else second},
    )

    events = parse(answer.text)
    assert [e["data"].get("payload") for e in events] == [{"step": 3}, None]
    assert events[1]["data"] == {"state": "failed"}


def test_a_long_history_comes_whole(annotator: TestClient) -> None:
    run_id = make_run(make_project(), RunState.CANCELLED)
    add_events(run_id, *range(1200))
    events = parse(annotator.get(f"/api/v1/runs/{run_id}/events").text)
    assert [e["data"]["payload"]["step"] for e in events[:-1]] == list(range(1200))


def test_recipes_and_datasets_are_listed(engineer: TestClient, annotator: TestClient) -> None:
    make_trainable_project()
    recipes = {r["name"]: r["description"] for r in engineer.get("/api/v1/recipes").json()}
    assert "tiny" in recipes
    assert all(recipes.values())
    (dataset,) = engineer.get("/api/v1/datasets").json()
    assert (dataset["name"], dataset["images"], dataset["problem"]) == ("tiny-source", 4, None)
    assert annotator.get("/api/v1/datasets").status_code == 403


def test_the_report_page_of_a_run_that_succeeded(annotator: TestClient) -> None:
    run_id = make_run(make_project(), state=RunState.SUCCEEDED, attempt=2)
    url = f"/api/v1/runs/{run_id}"
    assert annotator.get(url).json()["report_url"] is None
    assert annotator.get(f"{url}/report.html").status_code == 404
    get_storage().put_bytes(runs.report_page_key(run_id, 2), b"<h1>Report</h1>")
    answer = annotator.get(annotator.get(url).json()["report_url"])
    assert (answer.status_code, answer.text) == (200, "<h1>Report</h1>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox; default-src 'none'" in answer.headers["content-security-policy"]
    annotator.delete("/api/v1/session")
    annotator.cookies.clear()
    assert annotator.get(f"{url}/report.html").status_code == 401


SECRET = "/srv/weakseg/private"
TRACEBACK = f'Traceback (most recent call last): File "{SECRET}/train.py", line 7'


@pytest.fixture
def leaking(engineer: TestClient) -> tuple[int, list[int]]:
    """A project with a run that succeeded and one that failed, in whose every text there is a path."""
    project_id = make_trainable_project()
    body = {"recipe": "tiny", "overrides": {"steps": 7}}
    made = engineer.post(f"/api/v1/projects/{project_id}/runs", json=body).json()["id"]
    config = engineer.get(f"/api/v1/runs/{made}").json()["config"]
    config |= {name: f"{SECRET}/{name}" for name in (*FILE_FIELDS, "labels", "of_later_versions")}
    report = Report(
        supervision="point", selected_step=7, selection="last step", score=Score(miou=0.5),
        seconds=1, device="cpu", labelled_images=3, notes=(f"{SECRET}/7.png is damaged",),
    )  # fmt: skip
    fields: dict[str, Any] = {
        "config": config, "worker": f"machine {SECRET}", "attempt": 1,
        "overrides": {"steps": 7, "initial_weights": f"{SECRET}/w.pth", "source.root": SECRET},
    }  # fmt: skip
    ids = [
        make_run(project_id, RunState.SUCCEEDED, report=report.model_dump(mode="json"), **fields),
        make_run(project_id, RunState.FAILED, error=TRACEBACK, **fields),
    ]
    events: dict[str, dict[str, Any]] = {
        "started": {"steps": 7, "device": "cpu", "notes": [f"{SECRET}/7.png is damaged"]},
        "checkpoint": {"step": 7, "path": f"{SECRET}/step-7.safetensors"},
        "failed": {"error": TRACEBACK},
        "state": {"state": "failed", "error": TRACEBACK},
        "log": {"line": TRACEBACK},
    }
    with session_scope() as session:
        for run_id in ids:
            for kind, payload in events.items():
                claims.add_event(session, run_id, 1, kind, payload)
                session.flush()
    page = (Path(trainer.report.__file__).parent / "page.html.j2").read_text(encoding="utf-8")
    page = re.sub(r"{{ (note|why_no_examples) }}", TRACEBACK, page)
    assert page.count(SECRET) == 2, "the page has other words of the machine"
    get_storage().put_bytes(runs.report_page_key(ids[0], 1), page.encode())
    return project_id, ids


def everything(
    client: TestClient, application: FastAPI, project_id: int, run_ids: list[int]
) -> str:
    """All that somebody may read of a project and its runs, whatever kind of answer it is."""
    addresses = dict.fromkeys(
        path.format(project_id=project_id, run_id=run_id)
        for run_id in run_ids
        for path, kinds in application.openapi()["paths"].items()
        if "get" in kinds and set(re.findall(r"{(\w+)}", path)) <= {"project_id", "run_id"}
    )
    assert len(addresses) > 20
    return "\n".join(
        f"{address}: {client.get(address, params=params).text}"
        for address in addresses
        for params in ({}, {"format": "csv"})
    )


@pytest.mark.parametrize("member", [MemberRole.VIEWER, MemberRole.ANNOTATOR])
def test_what_machines_say_of_runs_is_for_leads_and_engineers(
    application: FastAPI,
    sign_in: Callable[[Role], TestClient],
    people: dict[Role, int],
    leaking: tuple[int, list[int]],
    member: MemberRole,
) -> None:
    project_id, ids = leaking
    with session_scope() as session:
        session.add(Member(project_id=project_id, user_id=people[Role.ANNOTATOR], role=member))
    annotator = sign_in(Role.ANNOTATOR)
    lines = everything(annotator, application, project_id, ids).splitlines()
    assert [line for line in lines if "srv/weakseg" in line] == []
    shown = annotator.get(f"/api/v1/runs/{ids[0]}").json()
    assert (shown["overrides"], shown["config"]["steps"]) == ({"steps": 7}, 7)
    assert shown["config"]["source"] == {"name": "tiny-source"}
    assert annotator.get(f"/api/v1/runs/{ids[1]}").json()["error"] == (
        "the run failed; whoever leads the project sees why"
    )
    assert "Categories" in annotator.get(f"/api/v1/runs/{ids[0]}/report.html").text

    with session_scope() as session:
        one = session.get_one(Member, (project_id, people[Role.ANNOTATOR]))
        one.role = MemberRole.LEAD
    for client in (annotator, sign_in(Role.ENGINEER), sign_in(Role.ADMIN)):
        assert client.get(f"/api/v1/runs/{ids[1]}").json()["error"] == TRACEBACK
        assert client.get(f"/api/v1/runs/{ids[0]}").json()["config"]["labels"].startswith(SECRET)
        for address in ("metrics", "events", "report.html"):
            assert "srv/weakseg" in client.get(f"/api/v1/runs/{ids[0]}/{address}").text, address


def test_a_report_page_that_names_a_place_of_the_server_is_for_leads(
    annotator: TestClient, engineer: TestClient
) -> None:
    """A page of another version, of which it is not known where it says what."""
    run_id = make_run(make_project(), state=RunState.SUCCEEDED, attempt=2)
    page = f"<p>made in {get_settings().runs.absolute()}/7</p>".encode()
    get_storage().put_bytes(runs.report_page_key(run_id, 2), page)
    assert annotator.get(f"/api/v1/runs/{run_id}/report.html").status_code == 404
    assert engineer.get(f"/api/v1/runs/{run_id}/report.html").content == page
