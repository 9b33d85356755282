"""Labels out and in through the interface, on both databases."""

import hashlib
import io
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.db import session_scope, utcnow
from server.models import Answer, Assignment, Image, Label, LabelImport, Prediction
from server.models.image import AssignmentState
from server.models.user import Role
from server.services.labels import files as label_files
from server.services.labels.files import ImportRules
from server.services.labels.formats import LabelFormat
from tests.server.factories import (
    add_images,
    add_label,
    add_prediction,
    category_ids,
    hand_out,
    make_project,
    make_user,
    show_run,
)
from tests.server.people import EMAILS

EXPORTED = Path(__file__).parents[1] / "services" / "labels" / "exported"


def add_open_images(project_id: int, names: list[str], overlap: int = 1) -> list[int]:
    """Verified images of 64 x 48 pixels that wait for labels."""
    ids = add_images(project_id, names)
    with session_scope() as session:
        session.add_all(
            Assignment(project_id=project_id, image_id=image_id, slot=slot,
                       state=AssignmentState.OPEN.value)
            for image_id in ids for slot in range(overlap)
        )  # fmt: skip
    return ids


def url(project_id: int, what: str) -> str:
    return f"/api/v1/projects/{project_id}/labels/{what}"


def export(client: TestClient, project_id: int, label_format: str) -> bytes:
    answer = client.get(url(project_id, "export"), params={"format": label_format})
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.content


def send(
    client: TestClient, project_id: int, label_format: str, content: bytes | str, **options: Any
) -> dict[str, Any]:
    params = {"format": label_format} | options
    answer = client.post(url(project_id, "import"), params=params, content=content)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def jsonl(*labels: dict[str, Any]) -> str:
    size = {"width": 64, "height": 48}
    return "".join(json.dumps(size | label) + "\n" for label in labels)


def current(project_id: int) -> list[Label]:
    with session_scope(read_only=True) as session:
        query = session.query(Label).filter(Label.project_id == project_id, Label.current)
        return query.order_by(Label.image_id, Label.annotator_id).all()


def revisions(project_id: int) -> int:
    with session_scope(read_only=True) as session:
        return session.query(Label).filter(Label.project_id == project_id).count()


@pytest.fixture
def project_id(database: str) -> int:
    """Three images; the first has a label with points, by somebody."""
    project_id = make_project()
    first, *_ = add_open_images(project_id, ["cam1/a.png", "cam2/b.png", "cam2/c.png"])
    add_label(project_id, first, make_user(), present=["Road"], points=[("Road", 10.25, 20.5)])
    return project_id


@pytest.mark.parametrize("label_format", list(LabelFormat))
def test_labels_move_to_another_project_and_arrive_once(
    engineer: TestClient, project_id: int, label_format: LabelFormat, people: dict[Role, int]
) -> None:
    other = make_project("Elsewhere")
    add_open_images(other, ["cam1/a.png"])
    content = export(engineer, project_id, label_format)

    first = send(engineer, other, label_format, content)

    assert (first["imported"], first["skipped"], first["rejected"], first["ignored"]) == (
        1, 0, [], {},
    )  # fmt: skip
    assert first["matched"] == {"exact": 1, "path_ending": 0, "name_alone": 0}
    (label,) = current(other)
    assert (label.annotator_id, label.active_ms, label.revision) == (people[Role.ENGINEER], 0, 1)
    moved, original = (json.loads(export(engineer, p, "jsonl")) for p in (other, project_id))
    for key in ("present", "absent", "points", "image"):
        assert moved[key] == original[key]
    again = send(engineer, other, label_format, content)
    assert (again["imported"], again["skipped"]) == (0, 1)
    assert revisions(other) == 1


def test_an_export_is_a_download_of_everybodys_labels(
    engineer: TestClient, project_id: int
) -> None:
    answer = engineer.get(url(project_id, "export"), params={"format": "cvat"})
    assert answer.headers["content-type"].startswith("application/xml")
    assert f'filename="labels-{project_id}-cvat.xml"' in answer.headers["content-disposition"]
    empty = make_project("Empty")
    for label_format in LabelFormat:
        content = export(engineer, empty, label_format)
        assert send(engineer, empty, label_format, content)["imported"] == 0


def test_an_export_has_what_a_snapshot_has(engineer: TestClient, project_id: int) -> None:
    snapshot = engineer.post(f"/api/v1/projects/{project_id}/snapshots").json()
    assert export(engineer, project_id, "jsonl") == engineer.get(snapshot["url"]).content


def test_images_are_found_by_a_file_name_that_is_unique(
    engineer: TestClient, project_id: int
) -> None:
    add_open_images(make_project("Other project"), ["d.png"])
    add_open_images(project_id, ["cam9/c.png"])
    lines = [
        {"image": "C:\\photos\\cam2\\b.png", "present": ["Road"]},
        {"image": "c.png", "present": ["Road"]},
        {"image": "d.png", "present": ["Road"]},
        {"image": "cam2/c.png", "present": ["Road"], "width": 128},
    ]
    result = send(engineer, project_id, "jsonl", jsonl(*lines))
    assert result["imported"] == 1
    assert result["rejected"] == [
        {"name": "c.png", "line": 2,
         "reason": "several images have the file name c.png: cam2/c.png, cam9/c.png"},
        {"name": "d.png", "line": 3, "reason": "there is no image of this name in the project"},
        {"name": "cam2/c.png", "line": 4,
         "reason": "the file says 128 x 48, the image is 64 x 48"},
    ]  # fmt: skip


OTHER_CAMERA = """<annotations><version>1.1</version>
<image id="0" name="cam2/000001.png" width="64" height="48"><tag label="Car"></tag></image>
<image id="1" name="cam1/000001.png" width="64" height="48"><tag label="Road"></tag></image>
</annotations>"""


def in_every_format(*images: tuple[str, str]) -> dict[str, str]:
    """The same labels, one category of each image, as files of all formats."""
    ids = {"Road": 1, "Car": 2}
    return {
        "jsonl": jsonl(*({"image": name, "present": [said]} for name, said in images)),
        "csv": "image,category,answer\n"
        + "".join(f'"{name}",{said},present\n' for name, said in images),
        "label-studio": json.dumps([
            {"data": {"image": name},
             "annotations": [{"result": [{"type": "choices", "value": {"choices": [said]}}]}]}
            for name, said in images
        ]),
        "cvat": "<annotations>" + "".join(
            f'<image name="{escape(name)}" width="64" height="48"><tag label="{said}"/></image>'
            for name, said in images
        ) + "</annotations>",
        "coco": json.dumps({
            "categories": [{"id": number, "name": name} for name, number in ids.items()],
            "images": [
                {"id": number, "file_name": name, "width": 64, "height": 48,
                 "pos_category_ids": [ids[said]]}
                for number, (name, said) in enumerate(images)
            ],
        }),
    }  # fmt: skip


@pytest.mark.parametrize("label_format", list(LabelFormat))
def test_a_label_never_lands_on_another_cameras_picture(
    engineer: TestClient, database: str, label_format: LabelFormat
) -> None:
    project_id = make_project()
    add_open_images(project_id, ["cam1/1.png", "2.png", "cam1/3.png", "cam1/4.png"])
    files = in_every_format(
        ("/data/cam1/1.png", "Road"), ("https://host/b/cam2/1.png?sig=1", "Car"),
        ("cam1/2.png", "Road"), ("cam2/2.png", "Car"),
        ("C:\\data\\cam2\\3.png", "Car"), ("4.png", "Road"),
    )  # fmt: skip

    seen = send(engineer, project_id, label_format, files[label_format], dry_run=True)

    assert revisions(project_id) == 0
    result = send(engineer, project_id, label_format, files[label_format])
    assert result == seen | {"dry_run": False}
    assert result["matched"] == {"exact": 0, "path_ending": 1, "name_alone": 1}
    assert [(label["name"], label["image"]) for label in result["examples"]] == [
        ("/data/cam1/1.png", "cam1/1.png"), ("4.png", "cam1/4.png"),
    ]  # fmt: skip
    reasons = {label["name"]: label["reason"] for label in result["rejected"]}
    assert "cam1/1.png" in reasons["https://host/b/cam2/1.png?sig=1"]
    assert "cam1/3.png" in reasons["C:\\data\\cam2\\3.png"]
    for name in ("cam1/2.png", "cam2/2.png"):
        assert reasons[name] == "cam1/2.png and cam2/2.png of the file may both be 2.png"
    stored = [json.loads(line) for line in export(engineer, project_id, "jsonl").splitlines()]
    assert [(label["image"], label["present"]) for label in stored] == [
        ("cam1/1.png", ["Road"]), ("cam1/4.png", ["Road"]),
    ]  # fmt: skip


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_long_name_takes_no_longer_than_it_is(engineer: TestClient, database: str) -> None:
    project_id = make_project()
    add_open_images(project_id, ["cam1/1.png", "2.png"])
    names = (
        "a/" * 20_000 + "2.png", "a" + "\u0315\u0300" * 20_000, "'" * 30_000 + "x",
        "/data/local-files/?" * 1000 + "&" * 40_000,
    )  # fmt: skip
    started = time.monotonic()
    for name in names:
        for label_format, content in in_every_format((name, "Road")).items():
            result = send(engineer, project_id, label_format, content)
            assert (result["imported"], len(result["rejected"])) == (0, 1)
    said = {"image": "2.png", "present": [names[1]]}
    assert send(engineer, project_id, "jsonl", jsonl(said))["imported"] == 0
    assert time.monotonic() - started < 4


def test_a_file_of_two_cameras(engineer: TestClient, database: str) -> None:
    project_id = make_project()
    add_open_images(project_id, ["cam1/000001.png"])
    result = send(engineer, project_id, "cvat", OTHER_CAMERA)
    (refused,) = result["rejected"]
    assert refused["name"] == "cam2/000001.png"
    assert "cam1/000001.png" in refused["reason"]
    (line,) = export(engineer, project_id, "jsonl").splitlines()
    assert json.loads(line)["present"] == ["Road"]


@pytest.mark.parametrize("label_format", ["cvat", "coco", "label-studio"])
def test_an_image_without_labels_tells_two_of_a_name_apart(
    engineer: TestClient, database: str, label_format: str
) -> None:
    project_id = make_project()
    add_open_images(project_id, ["1.png"])
    content = in_every_format(("cam2/1.png", "Road"), ("cam1/1.png", "Car"))[label_format]
    for labelled, bare in (
        ('<tag label="Car"/>', ""), ('"pos_category_ids": [2]', '"pos_category_ids": []'),
        ('"annotations": [{"result": [{"type": "choices", "value": {"choices": ["Car"]}}]}]',
         '"annotations": []'),
    ):  # fmt: skip
        content = content.replace(labelled, bare)
    result = send(engineer, project_id, label_format, content)
    assert [refused["name"] for refused in result["rejected"]] == ["cam2/1.png"]
    assert revisions(project_id) == 0


EXTERNAL_IDS = [
    "plain.png", "cam1/1.png", "with blank (1) [a].png", "Stra\u00dfe/\u96ea.png", "100%.png",
    "a%20b.png", "what?.png", "https://host.example/cam1/1.png", "https://host.example/cam2/1.png",
    "https://host.example/q.png?x=1&sig=a%2Fb%3D", "s3://bucket/cam1/1.png", "gs://bucket/1.png",
    "//nas/share/1.png", "C:\\data\\1.png", "1a2b3c4d-1.png", "/data/upload/3/1a2b3c4d-1.png",
    "/data/local-files/?d=cam1/1.png", "/tasks/1/resolve/?fileuri=czM6Ly9iLzEucG5n", "e\u0301.png",
    "http://[broken/1.png", "no ending",
]  # fmt: skip


def test_label_studio_brings_back_every_kind_of_name(engineer: TestClient, database: str) -> None:
    project_id = make_project()
    add_open_images(project_id, EXTERNAL_IDS)
    lines = ({"image": name, "present": ["Car" if n % 2 else "Road"]} for n, name in
             enumerate(EXTERNAL_IDS))  # fmt: skip
    send(engineer, project_id, "jsonl", jsonl(*lines))
    content = export(engineer, project_id, "label-studio")
    other = make_project("Elsewhere")
    add_open_images(other, EXTERNAL_IDS)
    result = send(engineer, other, "label-studio", content)
    assert (result["rejected"], result["matched"]["exact"]) == ([], len(EXTERNAL_IDS))
    assert export(engineer, other, "csv").count(b"present") == len(EXTERNAL_IDS)
    said = [[json.loads(line)[key] for key in ("image", "present")] for p in (project_id, other)
            for line in export(engineer, p, "jsonl").splitlines()]  # fmt: skip
    assert said[: len(EXTERNAL_IDS)] == said[len(EXTERNAL_IDS) :]


def test_files_that_label_studio_renamed_are_found(engineer: TestClient, database: str) -> None:
    project_id = make_project()
    add_open_images(project_id, ["cam 1/my photo (1).png", "b[2].png", "c_d.png", "c d.png"])
    names = ["11111111-my_photo_1.png", "22222222-b_2_.png", "33333333-c_d.png", "44444444-e.png"]
    tasks = [
        {"data": {"image": f"/ls/data/upload/1/{name}"},
         "annotations": [{"result": [{"type": "choices", "value": {"choices": ["Car"]}}]}]}
        for name in names
    ]  # fmt: skip
    result = send(engineer, project_id, "label-studio", json.dumps(tasks))
    assert (result["imported"], result["matched"]["name_alone"]) == (2, 2)
    reasons = {label["name"]: label["reason"] for label in result["rejected"]}
    assert "c d.png" in reasons["c_d.png"]
    assert "no image" in reasons["e.png"]
    again = [tasks[0], {**tasks[0], "data": {"image": "/data/upload/1/99999999-my_photo_1.png"}}]
    assert len(send(engineer, project_id, "label-studio", json.dumps(again))["rejected"]) == 2


def test_a_backup_is_restored_over_later_labels(
    engineer: TestClient, annotator: TestClient, people: dict[Role, int], database: str
) -> None:
    project_id = make_project()
    first, second = add_open_images(project_id, ["a.png", "b.png"])
    hand_out(project_id, [second], people[Role.ANNOTATOR])
    for client, image_id in ((engineer, first), (annotator, second)):
        put = client.put(f"/api/v1/images/{image_id}/label",
                         json={"present": ["Road"], "timing": {"wall_ms": 9}})  # fmt: skip
        assert put.status_code == 200, put.text
    backup = export(engineer, project_id, "jsonl")
    options = {"existing": "replace", "own_export": True}
    for _ in range(2):
        for client, image_id in ((engineer, first), (annotator, second)):
            client.put(f"/api/v1/images/{image_id}/label",
                       json={"present": ["Car"], "timing": {"wall_ms": 9}})  # fmt: skip
        keep = send(engineer, project_id, "jsonl", backup, existing="keep", own_export=True)
        assert (keep["imported"], keep["skipped"]) == (0, 2)
        result = send(engineer, project_id, "jsonl", backup, **options)
        assert (result["imported"], result["replaced"], result["rejected"]) == (2, 2, [])
    said = [(label.annotator_id, label.revision, len(label.present))
            for label in current(project_id)]  # fmt: skip
    assert said == [(people[Role.ENGINEER], 5, 1), (people[Role.ANNOTATOR], 5, 1)]
    lines = [json.loads(line) for line in export(engineer, project_id, "jsonl").splitlines()]
    assert [line["present"] for line in lines] == [["Road"], ["Road"]]
    assert send(engineer, project_id, "jsonl", backup, **options)["skipped"] == 2
    empty = make_project("Empty")
    add_open_images(empty, ["a.png", "b.png"])
    send(engineer, empty, "jsonl", backup, **options)
    moved = [json.loads(line) for line in export(engineer, empty, "jsonl").splitlines()]
    assert [(line["present"], line["annotator"]) for line in moved] == [
        (line["present"], line["annotator"]) for line in lines
    ]


def test_what_is_looked_at_is_what_comes_of_people_who_compete_for_an_image(
    engineer: TestClient, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_files, "BATCH", 1)
    project_id = make_project()
    add_open_images(project_id, ["a.png", "b.png"])
    authors = ["anna@example.org", "bert@example.org"]
    for author in authors:
        make_user(author)
    content = jsonl(
        *({"image": image, "present": ["Road"], "annotator": author}
          for image in ("a.png", "b.png") for author in authors)
    )  # fmt: skip
    looked_at = send(engineer, project_id, "jsonl", content, match_authors=True, dry_run=True)
    assert current(project_id) == []
    assert (looked_at["imported"], len(looked_at["rejected"])) == (2, 2)
    result = send(engineer, project_id, "jsonl", content, match_authors=True)
    assert looked_at == result | {"dry_run": True}


def test_a_backup_brings_back_more_labels_than_the_project_asks_for(
    engineer: TestClient, people: dict[Role, int], database: str
) -> None:
    full = make_project(overlap=2)
    (image_id,) = add_open_images(full, ["a.png"], overlap=2)
    add_label(full, image_id, people[Role.ENGINEER])
    add_label(full, image_id, people[Role.ANNOTATOR], present=["Car"])
    backup = export(engineer, full, "jsonl")
    empty = make_project("Empty", overlap=1)
    add_open_images(empty, ["a.png"])
    without = send(engineer, empty, "jsonl", backup, dry_run=True)
    assert (without["imported"], len(without["rejected"])) == (1, 1)
    result = send(engineer, empty, "jsonl", backup, own_export=True)
    assert (result["imported"], result["rejected"]) == (2, [])
    assert [label.annotator_id for label in current(empty)] == sorted(
        (people[Role.ENGINEER], people[Role.ANNOTATOR])
    )


def test_a_point_outside_costs_the_point_alone(engineer: TestClient, database: str) -> None:
    project_id = make_project()
    add_open_images(project_id, ["a.png", "b.png"])
    points = [
        {"category": "Road", "x": 64.00064, "y": -0.3}, {"category": "Road", "x": 64, "y": 48},
        {"category": "Car", "x": 70, "y": 1},
    ]  # fmt: skip
    content = jsonl(
        {"image": "a.png", "absent": ["Tree"], "points": points},
        {"image": "b.png", "points": [points[2]]},
    )
    for unmentioned, absent in (("not-asked", ["Tree"]), ("absent", ["Tree"])):
        result = send(engineer, project_id, "jsonl", content, unmentioned=unmentioned)
        line, *_ = export(engineer, project_id, "jsonl").splitlines()
        label = json.loads(line)
        assert (label["present"], label["absent"]) == (["Road"], absent)
        assert [(p["x"], p["y"]) for p in label["points"]] == [(63.999, 0), (63.999, 47.999)]
        first, *_ = result["rejected"]
        assert first == {
            "name": "a.png", "line": 1,
            "reason": "the point of Car at 70, 1 is outside of the 64 x 48 image; "
            "the rest of the label is taken",
        }  # fmt: skip
    only = send(
        engineer, project_id, "csv", "image,category,answer,points\nb.png,Car,present,70 1\n"
    )
    assert "70, 1 is outside" in only["rejected"][0]["reason"]


def test_what_does_not_fit_is_rejected_by_itself(engineer: TestClient, project_id: int) -> None:
    tagging = make_project("Tags alone", mode="tags")
    add_open_images(tagging, ["a.png", "b.png", "c.png", "d.png"])
    point = {"category": "Road", "x": 1, "y": 1}
    lines = [
        {"image": "a.png", "present": ["Road"], "points": [point]},
        {"image": "b.png", "present": ["Road"], "absent": ["Road"]},
        {"image": "c.png", "present": ["Bridge"]},
        {"image": "d.png", "present": ["Bridge", " ROAD "], "absent": ["Tree"]},
        {"image": "d.png", "present": ["Car"]},
    ]
    result = send(engineer, tagging, "jsonl", jsonl(*lines))
    reasons = {refused["line"]: refused["reason"] for refused in result["rejected"]}
    assert reasons.keys() == {1, 2, 3, 5}
    assert "does not ask for points" in reasons[1]
    assert "present and absent" in reasons[2]
    assert "says nothing" in reasons[3]
    assert "another label of this image" in reasons[5]
    assert (result["imported"], result["ignored"]) == (1, {"category Bridge": 2})
    (line,) = export(engineer, tagging, "jsonl").splitlines()
    assert json.loads(line)["present"] == ["Road"]


def test_a_file_that_is_none_changes_nothing(engineer: TestClient, project_id: int) -> None:
    before = revisions(project_id)
    content = jsonl({"image": "cam2/b.png", "present": ["Road"]}) + "oops\n"
    answer = engineer.post(url(project_id, "import"), params={"format": "jsonl"}, content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-input")
    assert answer.json()["detail"].startswith("line 2: not JSON")
    assert revisions(project_id) == before


def test_a_correction_is_not_undone_by_the_same_file(engineer: TestClient, project_id: int) -> None:
    content = jsonl({"image": "cam2/b.png", "present": ["Road"]})
    send(engineer, project_id, "jsonl", content)
    (_, imported) = current(project_id)
    body = {"present": ["Car"], "timing": {"wall_ms": 900}}
    assert engineer.put(f"/api/v1/images/{imported.image_id}/label", json=body).status_code == 200

    again = send(engineer, project_id, "jsonl", content)

    assert (again["imported"], again["skipped"]) == (0, 1)
    newer = send(engineer, project_id, "jsonl", jsonl({"image": "b.png", "present": ["Tree"]}))
    assert newer["imported"] == 1
    assert current(project_id)[1].revision == 3


def test_a_label_that_is_there_already_is_no_new_revision(
    engineer: TestClient, project_id: int
) -> None:
    body = {"present": ["Road"], "absent": ["Car"], "timing": {"wall_ms": 900}}
    second = current(project_id)[0].image_id + 1
    assert engineer.put(f"/api/v1/images/{second}/label", json=body).status_code == 200
    content = jsonl({"image": "b.png", "absent": ["Car"], "present": ["Road"]})
    assert send(engineer, project_id, "jsonl", content)["skipped"] == 1
    assert revisions(project_id) == 2


def test_labels_go_to_the_annotator_named_or_to_the_author(
    engineer: TestClient, people: dict[Role, int]
) -> None:
    project_id = make_project(overlap=2)
    crossing, fog, _ = add_open_images(
        project_id, ["cam3/crossing.jpg", "cam 3/fog.jpg", "cam3/turned.jpg"], overlap=2
    )
    tasks = json.loads((EXPORTED / "label-studio.json").read_text())
    for result in (r for t in tasks for a in t["annotations"] for r in a["result"]):
        if "original_width" in result:
            result |= {"original_width": 64, "original_height": 48}
    content = json.dumps(tasks).replace("second@example.org", EMAILS[Role.ADMIN])
    options = {"annotator": EMAILS[Role.ANNOTATOR], "match_authors": True}

    result = send(engineer, project_id, "label-studio", content, **options)

    assert (result["imported"], result["rejected"]) == (4, [])
    assert result["ignored"] == {
        "predictions": 1, "brushlabels": 1, "choices": 1, "rotated keypointlabels": 1,
    }  # fmt: skip
    by_whom = {(label.image_id, label.annotator_id) for label in current(project_id)}
    assert {(crossing, people[Role.ADMIN]), (crossing, people[Role.ANNOTATOR])} < by_whom
    (skip,) = [label for label in current(project_id) if label.image_id == fog]
    assert skip.skipped == "skipped in the imported file"
    unknown = engineer.post(
        url(project_id, "import"), params={"format": "csv", "annotator": "no@example.org"}
    )
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown-annotator")


def test_an_imported_label_says_who_brought_it_and_from_which_file(
    engineer: TestClient, annotator: TestClient, project_id: int
) -> None:
    content = jsonl({"image": "cam2/b.png", "present": ["Car"], "absent": []})
    whose = {"annotator": EMAILS[Role.ANNOTATOR], "file_name": "team/of\n\0May.jsonl"}

    def origin_for(client: TestClient) -> Any:
        image_id = current(project_id)[-1].image_id
        items = client.get(f"/api/v1/images/{image_id}/labels").json()["items"]
        return [one["imported"] for one in items]

    assert send(engineer, project_id, "jsonl", content, dry_run=True, **whose)["imported"] == 1
    with session_scope(read_only=True) as session:
        assert session.query(LabelImport).count() == 0
    assert send(engineer, project_id, "jsonl", content, **whose)["imported"] == 1
    [origin] = origin_for(engineer)
    assert datetime.fromisoformat(origin.pop("created_at")) <= utcnow()
    assert origin == {
        "by": EMAILS[Role.ENGINEER],
        "format": "jsonl",
        "file_name": "team/of\\x0a\\x00May.jsonl",
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
    }
    assert origin_for(annotator) == origin_for(engineer), "whose name was used sees it too"
    mine = annotator.get(f"/api/v1/projects/{project_id}/labels/mine").json()["items"]
    assert [one["imported"] for one in mine] == origin_for(engineer)

    send(engineer, project_id, "jsonl", content, **whose | {"file_name": "again.jsonl"})
    image_id = current(project_id)[-1].image_id
    body = {"present": ["Road"], "absent": ["Car"], "timing": {"wall_ms": 5000, "events": []}}
    assert annotator.put(f"/api/v1/images/{image_id}/label", json=body).status_code == 200
    corrected, imported = origin_for(engineer)
    assert (corrected, imported["file_name"]) == (None, "team/of\\x0a\\x00May.jsonl")


def test_what_the_file_does_not_name_can_be_taken_as_absent(
    engineer: TestClient, project_id: int
) -> None:
    content = jsonl({"image": "b.png", "present": ["Road"]}, {"image": "c.png"})
    result = send(engineer, project_id, "jsonl", content, unmentioned="absent")
    assert result["imported"] == 2
    _, one, other = (
        json.loads(line) for line in export(engineer, project_id, "jsonl").splitlines()
    )
    assert (one["present"], one["absent"]) == (["Road"], ["Car", "Tree"])
    assert (other["present"], other["absent"]) == ([], ["Road", "Car", "Tree"])


def test_an_image_that_somebody_else_labelled_is_left_to_them(
    engineer: TestClient, annotator: TestClient, project_id: int
) -> None:
    second = current(project_id)[0].image_id + 1
    leases = annotator.post(f"/api/v1/projects/{project_id}/leases", json={"count": 3})
    assert second in [lease["image"]["id"] for lease in leases.json()]
    result = send(engineer, project_id, "jsonl", jsonl({"image": "b.png", "present": ["Road"]}))
    (refused,) = result["rejected"]
    assert "is labelling it now" in refused["reason"]
    assert revisions(project_id) == 1


def test_more_labels_than_one_transaction_takes(engineer: TestClient, database: str) -> None:
    project_id = make_project()
    add_open_images(project_id, [f"{number:03}.png" for number in range(230)])
    content = jsonl(*({"image": f"{n:03}.png", "present": ["Car"]} for n in range(230)))
    assert send(engineer, project_id, "jsonl", content)["imported"] == 230
    assert send(engineer, project_id, "jsonl", content)["skipped"] == 230
    assert len(export(engineer, project_id, "jsonl").splitlines()) == 230


LINES = st.lists(
    st.fixed_dictionaries(
        {
            "image": st.sampled_from(["0.png", "1.png", "2.png", "3.png", "missing.png"]),
            "annotator": st.sampled_from(["one", "two", "unknown"]),
            "present": st.sampled_from([[], ["Road"], ["Car"], ["Bridge"]]),
            "absent": st.sampled_from([[], ["Road"], ["Tree"]]),
            "points": st.sampled_from([[], [("Road", 3, 4)], [("Car", 99, 4)]]),
        }
    ),
    max_size=12,
)
fresh_name = count()


def import_in_batches(size: int, lines: list[dict[str, Any]], overlap: int) -> dict[str, Any]:
    """What becomes of a file in a project where others have labelled or hold some images."""
    number = next(fresh_name)
    project_id = make_project(f"Streets {number}", overlap=overlap, order="disagreement")
    names = ("other", "one", "two")
    people = {name: make_user(f"{name}-{number}@example.org") for name in names}
    first, second, *_ = add_open_images(project_id, [f"{n}.png" for n in range(4)], overlap)
    add_label(project_id, first, people["other"], present=["Road"], absent=["Car"])
    add_prediction(show_run(project_id), first, {"Road": 0.25})
    with session_scope() as session:
        held = session.query(Assignment).filter_by(image_id=second, slot=0).one()
        held.annotator_id, held.lease_expires_at = people["other"], utcnow() + timedelta(hours=1)
    content = jsonl(
        *(
            line | {
                "annotator": f"{line['annotator']}-{number}@example.org",
                "points": [dict(zip(("category", "x", "y"), p, strict=True))
                           for p in line["points"]],
            }
            for line in lines
        )
    )  # fmt: skip
    rules = ImportRules(people["one"], match_authors=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_files, "BATCH", size)
        result = label_files.import_from(
            io.BytesIO(content.encode()), project_id, LabelFormat.JSONL, rules
        )
    return {"result": result} | stored(project_id, {i: name for name, i in people.items()})


def stored(project_id: int, names: dict[int, str]) -> dict[str, Any]:
    """All that an import writes, in terms that are alike in two projects."""
    categories = {i: name for name, i in category_ids(project_id).items()}
    with session_scope(read_only=True) as session:
        images = session.query(Image).filter_by(project_id=project_id).order_by(Image.id).all()
        shown = {image.id: image.external_id for image in images}
        labels = session.query(Label).filter_by(project_id=project_id)
        work = session.query(Assignment).filter_by(project_id=project_id)
        told = session.query(Prediction).filter(Prediction.image_id.in_(shown))
        answers = session.query(Answer, Label).join(Label, Label.id == Answer.label_id)
        return {
            "labels": sorted(
                (shown[x.image_id], names[x.annotator_id], x.revision, x.current,
                 [categories[i] for i in x.present], [categories[i] for i in x.absent],
                 [(categories[p["category_id"]], p["x"], p["y"]) for p in x.points])
                for x in labels
            ),
            "answers": sorted(
                (shown[x.image_id], names[label.annotator_id], categories[x.category_id], x.value)
                for x, label in answers.filter(Label.project_id == project_id)
            ),
            "images": [(x.external_id, x.labelled, x.disputed_at is not None) for x in images],
            "assignments": sorted(
                (shown[x.image_id], x.slot, x.state, names.get(x.annotator_id or 0), x.priority)
                for x in work
            ),
            "predictions": [x.disagreement for x in told],
        }  # fmt: skip


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=LINES, overlap=st.integers(1, 2))
def test_labels_that_are_stored_together_are_as_if_stored_one_by_one(
    database: str, lines: list[dict[str, Any]], overlap: int
) -> None:
    together = import_in_batches(50, lines, overlap)
    one_by_one = import_in_batches(1, lines, overlap)
    for found in (together, one_by_one):
        result = found["result"]
        refused = {each.line: each.reason for each in result.rejected}
        found["result"] = (result.imported, result.skipped, result.ignored, refused)
    assert together == one_by_one


def test_who_may(
    annotator: TestClient,
    engineer: TestClient,
    app_client: Callable[[], TestClient],
    project_id: int,
) -> None:
    params = {"format": "jsonl"}
    for client, status in ((app_client(), 401), (annotator, 403)):
        assert client.get(url(project_id, "export"), params=params).status_code == status
        assert client.post(url(project_id, "import"), params=params).status_code == status
    assert engineer.get(url(999, "export"), params=params).status_code == 404
    assert engineer.post(url(999, "import"), params=params).status_code == 404
    assert engineer.post(url(project_id, "import")).status_code == 422
    token = engineer.post("/api/v1/tokens", json={"name": "look", "scopes": ["read"]}).json()
    reader = app_client()
    reader.headers["Authorization"] = f"Bearer {token['token']}"
    assert reader.get(url(project_id, "export"), params=params).status_code == 200
    assert reader.post(url(project_id, "import"), params=params).json()["code"] == "scope"


def test_a_body_may_be_as_large_as_a_manifest(engineer: TestClient, project_id: int) -> None:
    content = jsonl({"image": "b.png", "present": ["Road"]}) + "\n" * (3 * 2**20)
    assert send(engineer, project_id, "jsonl", content)["imported"] == 1


def test_a_file_that_is_not_of_this_project_is_read_no_further(
    engineer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_files, "MOST_REFUSALS", 5)
    monkeypatch.setattr(label_files, "MOST_LISTED", 3)
    monkeypatch.setattr(label_files, "BATCH", 2)
    project_id = make_project()
    add_open_images(project_id, ["first.png", "last.png"])
    labels = [{"image": f"{number}.png", "present": ["Road"]} for number in range(20)]
    first, last = ({"image": f"{name}.png", "present": ["Road"]} for name in ("first", "last"))
    result = send(engineer, project_id, "jsonl", jsonl(first, *labels, last))
    assert (result["imported"], result["rejected_total"], result["stopped"]) == (1, 7, True)
    assert [one["line"] for one in result["rejected"]] == [2, 3, 4]
    result = send(engineer, project_id, "jsonl", jsonl(*labels[:5], last))
    assert (result["imported"], result["rejected_total"], result["stopped"]) == (1, 5, False)
    assert len(result["rejected"]) == 3


def test_what_a_file_makes_the_answer_quote_is_short(engineer: TestClient) -> None:
    project_id = make_project()
    add_open_images(project_id, ["a.png"])
    long = "x" * 300_000
    labels = [
        {"image": long, "present": ["Road"]},
        {"image": "a.png", "width": long},
        {"image": "a.png", "present": ["Road", long]},
    ]
    result = send(engineer, project_id, "jsonl", jsonl(*labels))
    assert (result["imported"], result["rejected_total"]) == (1, 2)
    assert len(json.dumps(result)) < 5000


def test_very_many_kinds_of_things_that_are_passed_over_are_told_together(
    engineer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(label_files, "MOST_LISTED", 3)
    project_id = make_project()
    add_open_images(project_id, ["a.png"])
    shapes = "<box/><box/><box/>" + "".join(f"<shape{number}/>" for number in range(7))
    image = f'<image name="a.png" width="64" height="48"><tag label="Road"/>{shapes}</image>'
    result = send(engineer, project_id, "cvat", f"<annotations>{image}</annotations>")
    assert result["ignored"] == {"box": 3, "shape0": 1, "shape1": 1, "others": 5}
