import hashlib

from fastapi.testclient import TestClient

from tests.server.factories import (
    add_images,
    add_label,
    make_project,
    make_snapshot,
    make_user,
)


def test_a_snapshot_is_made_listed_and_downloaded(engineer: TestClient) -> None:
    project_id, annotator_id = make_project(), make_user()
    first, second = add_images(project_id, ["a", "b"])
    add_label(project_id, first, annotator_id, points=[("Car", 1.5, 2.5)])
    url = f"/api/v1/projects/{project_id}/snapshots"

    made = engineer.post(url)

    assert made.status_code == 201
    snapshot = made.json()
    assert (snapshot["labels"], snapshot["points"], snapshot["active_ms"]) == (1, 1, 1000)
    assert engineer.post(url).json() == snapshot, "the same labels"
    file = engineer.get(snapshot["url"])
    assert hashlib.sha256(file.content).hexdigest() == snapshot["sha256"]
    assert len(file.content) == snapshot["size"]
    assert file.headers["content-type"] == "application/x-ndjson"
    assert engineer.get(snapshot["url"], headers={"Range": "bytes=0-8"}).text == '{"image":'

    add_label(project_id, second, annotator_id)
    newer = engineer.post(url).json()
    assert [s["id"] for s in engineer.get(url).json()] == [newer["id"], snapshot["id"]]
    assert engineer.get(snapshot["url"]).content == file.content


def test_without_labels_there_is_no_snapshot(engineer: TestClient) -> None:
    answer = engineer.post(f"/api/v1/projects/{make_project()}/snapshots")
    assert (answer.status_code, answer.json()["code"]) == (409, "no-labels")
    assert engineer.get("/api/v1/snapshots/1/labels.jsonl").status_code == 404


def test_snapshots_are_for_engineers(annotator: TestClient) -> None:
    project = make_project()
    url = f"/api/v1/projects/{project}/snapshots"
    assert annotator.get(url).status_code == 403
    assert annotator.post(url).status_code == 403
    file = f"/api/v1/snapshots/{make_snapshot(project)}/labels.jsonl"
    assert annotator.get(file).status_code == 403
