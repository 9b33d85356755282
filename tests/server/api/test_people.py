import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from server.models.run import RunState
from server.services.labels import snapshots
from tests.server.factories import add_images, add_label, make_run, make_user
from trainer.contract import Report, Score, Supervision


def test_who_leads_sees_all_and_annotators_themselves(
    make_project: Callable[..., dict[str, Any]], engineer: TestClient, annotator: TestClient
) -> None:
    project_id = make_project()["id"]
    me = annotator.get("/api/v1/me").json()["id"]
    other = make_user("other@example.org")
    (image_id,) = add_images(project_id, ["a.png"])
    for person in (me, other):
        add_label(project_id, image_id, person)
    url = f"/api/v1/projects/{project_id}/people"

    def emails(client: TestClient, **query: Any) -> set[str | None]:
        return {pace["email"] for pace in client.get(url, params=query).json()["paces"]}

    mine = annotator.get("/api/v1/me").json()["email"]
    assert emails(engineer) == {None, mine, "other@example.org"}
    assert emails(engineer, pseudonyms=True) == {None}
    assert emails(annotator) == {mine}
    sheet = engineer.get(url, params={"format": "csv"})
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(list(csv.DictReader(io.StringIO(sheet.text)))) == len(
        engineer.get(url).json()["paces"]
    )
    of = {
        client: [
            json.loads(line)["annotator"] for line in client.get(f"{url}/trails").text.splitlines()
        ]
        for client in (engineer, annotator)
    }
    assert of == {engineer: [f"a{me}", f"a{other}"], annotator: [f"a{me}"]}


def test_csv_and_json_have_the_same_figures(
    make_project: Callable[..., dict[str, Any]], engineer: TestClient
) -> None:
    project_id = make_project()["id"]
    people = [make_user("one@example.org"), make_user("two@example.org")]
    for n, image_id in enumerate(add_images(project_id, ["a.png", "b.png", "c.png"])):
        add_label(project_id, image_id, people[n % 2], active_ms=1000 + 370 * n)
        add_label(project_id, image_id, people[0], active_ms=90, present=["Car"], absent=[])
    url = f"/api/v1/projects/{project_id}/people"
    paces = engineer.get(url).json()["paces"]
    sheet = list(csv.DictReader(io.StringIO(engineer.get(url, params={"format": "csv"}).text)))

    def row(pace: dict[str, Any]) -> dict[str, str]:
        flat: dict[str, Any] = {}
        for name, value in pace.items():
            inner = value.items() if isinstance(value, dict) else ()
            flat |= {f"{name}.{key}": each for key, each in inner} or {name: value}
        return {name: "" if value is None else str(value) for name, value in flat.items()}

    expected = [row(pace) for pace in paces]
    assert expected
    for found, told in zip(sheet, expected, strict=True):
        told.pop("right", None)  # of nobody here: there are no known answers
        assert {name: found[name] for name in told} == told


def finish(project_id: int) -> None:
    """A run on the labels that the project has."""
    report = Report(
        supervision=Supervision.IMAGE, selected_step=1, selection="last step", score=Score(miou=0.5),
        source_only=None, seconds=1, device="cpu", labelled_images=1,
    )  # fmt: skip
    make_run(
        project_id, RunState.SUCCEEDED, supervision="image", report=report.model_dump(mode="json"),
        snapshot_id=snapshots.create(project_id).id, finished_at=datetime(2026, 11, 22, tzinfo=UTC),
    )  # fmt: skip


def deactivate(admin: TestClient, _project: int, person: int) -> None:
    assert admin.patch(f"/api/v1/users/{person}", json={"active": False}).status_code == 200


def end_membership(admin: TestClient, project: int, person: int) -> None:
    assert admin.delete(f"/api/v1/projects/{project}/members/{person}").status_code == 204


def delete(admin: TestClient, _project: int, person: int) -> None:
    assert admin.delete(f"/api/v1/users/{person}").status_code == 200


@pytest.mark.parametrize("remove", [deactivate, end_membership, delete])
def test_an_annotator_who_was_removed_stays_in_every_figure(
    make_project: Callable[..., dict[str, Any]],
    engineer: TestClient,
    admin: TestClient,
    remove: Callable[[TestClient, int, int], None],
) -> None:
    """Under their address, or as `annotator N` once that was deleted; a pseudonym stays what it is."""
    project_id = make_project(open_to_everybody=False)["id"]
    url = f"/api/v1/projects/{project_id}"
    address = "gone@example.org"
    person = make_user(address)
    body = {"email": address, "role": "annotator"}
    assert admin.post(f"{url}/members", json=body).status_code == 201
    for number, image_id in enumerate(add_images(project_id, ["a.png", "b.png"]), 1):
        add_label(project_id, image_id, person, active_ms=1700 * number)
    finish(project_id)
    doors = (
        "people", "people?format=csv", "people?pseudonyms=true", "people?format=csv&pseudonyms=true",
        "people/trails", "people/labels", f"people/labels?annotator=a{person}&by=kind&value=tags",
        "cost-curve", "cost-curve?format=csv", "forecast",
    )  # fmt: skip

    def told() -> dict[str, str]:
        answers = {door: engineer.get(f"{url}/{door}") for door in doors}
        assert {answer.status_code for answer in answers.values()} == {200}
        return {door: answer.text for door, answer in answers.items()}

    def in_team() -> tuple[dict[str, Any], dict[str, str]]:
        (row,) = (p for p in engineer.get(f"{url}/team").json()["people"] if p["user_id"] == person)
        sheet = csv.DictReader(io.StringIO(engineer.get(f"{url}/team?format=csv").text))
        (line,) = (line for line in sheet if line["user_id"] == str(person))
        return row, line

    before, (row, line) = told(), in_team()
    assert address in before["people"]
    remove(admin, project_id, person)
    shown = f"annotator {person}" if remove is delete else address
    assert told() == {door: text.replace(address, shown) for door, text in before.items()}
    stays = remove is deactivate
    gone = {
        "email": shown, "role": "annotator" if stays else None, "is_member": stays,
        "active": remove is end_membership,
    }  # fmt: skip
    kept = {name: row[name] for name in ("answers", "active_ms", "per_image", "last_seen_at")}
    assert kept["active_ms"] == 5100
    now, line_now = in_team()
    assert {name: now[name] for name in (*gone, *kept)} == gone | kept
    assert line_now["email"] == shown
    assert {name: line_now[name] for name in line if name not in gone} == {
        name: value for name, value in line.items() if name not in gone
    }
