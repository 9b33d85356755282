"""Datasets that are uploaded: from the first file to a run's configuration, and gone again."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image as PillowImage
from sqlalchemy import select, update

from server.db import session_scope, utcnow
from server.models import AuditEntry, DatasetUpload, User
from server.models.dataset_upload import UploadState
from server.models.user import Role
from server.services import cleaning, datasets, removals
from server.services.dataset_uploads import checking, receiving, uploads
from server.settings import get_settings
from server.storage import get_storage
from tests.server.factories import make_dataset, make_run, picture
from trainer.contract.cards import load_card
from trainer.contract.masks import decode_mask, mask_codes
from trainer.data.samples import list_samples

AT = "/api/v1/dataset-uploads"
Files = dict[str, bytes]


def mask(values: tuple[int, ...] = (0, 1, 2), size: tuple[int, int] = (64, 48)) -> bytes:
    rows = np.resize(np.repeat(np.array(values, np.uint8), 16), size[1])
    buffer = io.BytesIO()
    PillowImage.fromarray(rows[:, None].repeat(size[0], axis=1)).save(buffer, "PNG")
    return buffer.getvalue()


def folder_of(count: int = 2) -> Files:
    images = {f"set/images/{n}.png": picture(n) for n in range(count)}
    return images | {f"set/masks/{n}.png": mask() for n in range(count)}


def zipped(files: Files) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def begun(client: TestClient, name: str = "town", **card: Any) -> str:
    answer = client.post(AT, json={"name": name})
    assert answer.status_code == 201, answer.text
    at = f"{AT}/{answer.json()['id']}"
    if card:
        assert client.patch(at, json=card).status_code == 200
    return at


STALE = timedelta(seconds=60)
IDS = {"0": "Road", "1": "Car", "2": "Tree"}


def sent(client: TestClient, at: str, files: Files) -> dict[str, Any]:
    form = [("files", (name, content)) for name, content in files.items()]
    answer = client.post(f"{at}/files", files=form)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def sent_archive(client: TestClient, at: str, content: bytes, piece: int = 1000) -> None:
    for offset in range(0, len(content), piece):
        answer = client.post(
            f"{at}/archive",
            params={"offset": offset, "size": len(content)},
            content=content[offset : offset + piece],
        )
        assert answer.status_code == 200, answer.text


def checked(client: TestClient, at: str, *, leave_out: bool = False) -> dict[str, Any]:
    """As after a worker has looked at it."""
    answer = client.post(f"{at}/check", json={"leave_out": leave_out})
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "checking"
    checking.work(answer.json()["id"])
    return dict(client.get(at).json())


def problems(upload: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["reason"] for each in upload["problems"]}


def trainable(name: str, images: int) -> None:
    """The trainer reads the card, every image and every mask of a dataset."""
    card = datasets.get_usable(name, {"Road", "Car"})
    path = get_settings().uploaded_cards / f"{name}.yaml"
    assert load_card(path) == card
    samples = list_samples(card, with_masks=True)
    assert len(samples) == images
    codes = mask_codes(card, ("Road", "Car", "Tree"))
    for sample in samples:
        assert sample.mask is not None
        with PillowImage.open(sample.image) as opened:
            assert decode_mask(sample.mask, codes).shape == opened.size[::-1]


def test_files_become_a_dataset_that_the_trainer_reads_and_go_with_it(
    engineer: TestClient, admin: TestClient, make_project: Callable[..., dict[str, Any]]
) -> None:
    at = begun(engineer, ids=IDS)
    assert sent(engineer, at, folder_of())["imported"] == 4
    again = sent(engineer, at, folder_of(3) | {"set/images/0.png": b"other", "set/a.txt": b"x"})
    assert (again["imported"], again["skipped"]) == (2, 3)
    assert {each["name"] for each in again["rejected"]} == {"set/images/0.png", "set/a.txt"}
    assert [each["name"] for each in engineer.get(AT).json()] == ["town"]
    ready = checked(engineer, at)
    assert (ready["state"], ready["pairs"], ready["problems"]) == ("ready", 3, [])
    assert [value["value"] for value in ready["values"]] == ["0", "1", "2"]
    trainable("town", 3)
    [listed] = engineer.get("/api/v1/datasets").json()
    assert (listed["name"], listed["images"], listed["problem"]) == ("town", 3, None)
    project = make_project(source="town", validation="town")
    assert project["source"] == "town"
    assert engineer.get(AT).json() == []

    shown = engineer.get(f"{at}/pairs").json()
    assert [pair["name"] for pair in shown["pairs"]] == ["set/0", "set/1", "set/2"]
    drawn = engineer.get(shown["pairs"][0]["url"])
    assert drawn.headers["content-type"] == "image/webp"
    assert PillowImage.open(io.BytesIO(drawn.content)).size == (64, 48)
    assert engineer.get(f"{at}/pairs/3/picture").status_code == 404

    assert engineer.delete(at).json()["code"] == "upload-closed"
    url = "/api/v1/datasets/town"
    assert admin.delete(url).json()["code"] == "dataset-in-use"
    change = {"source": None, "validation": None}
    assert engineer.patch(f"/api/v1/projects/{project['id']}", json=change).is_success
    config = {"source": None, "validation": {"name": "town"}}
    run = make_run(project["id"], config=config)
    assert admin.delete(url).json()["code"] == "run-in-work", "it was asked for before the change"
    assert f"run {run} " in admin.get(f"{url}/deletion").json()["refused"]
    assert engineer.post(f"/api/v1/runs/{run}/cancel").is_success
    preview = admin.get(f"{url}/deletion").json()
    assert preview["counts"]["images"] == 3
    assert admin.delete(url).status_code == 200
    removals.work()
    left = [path for path in (get_storage().root / "datasets").rglob("*") if path.is_file()]
    assert left == []
    with session_scope(read_only=True) as session:
        events = [each.event for each in session.scalars(select(AuditEntry))]
        assert events.count("dataset-added") == 1


def test_an_archive_arrives_in_pieces_and_goes_on_where_it_ended(engineer: TestClient) -> None:
    content = zipped(folder_of() | {"set/card.yaml": b"ids: {0: Road, 1: Car, 2: Tree}\n"})
    at = begun(engineer)
    half = len(content) // 2
    params = {"offset": 0, "size": len(content)}
    first = engineer.post(f"{at}/archive", params=params, content=content[:half])
    assert first.json()["archive_bytes"] == half
    assert engineer.post(f"{at}/check", json={}).json()["code"] == "archive-unfinished"
    wrong = engineer.post(f"{at}/archive", params=params | {"offset": 3}, content=b"x")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "wrong-offset")
    rest = engineer.post(f"{at}/archive", params=params | {"offset": half}, content=content[half:])
    assert rest.json()["archive_bytes"] == len(content)
    ready = checked(engineer, at)
    assert (ready["state"], ready["archive_size"]) == ("ready", None), ready
    assert ready["card"]["ids"] == IDS
    trainable("town", 2)
    with session_scope(read_only=True) as session:
        upload = session.scalars(select(DatasetUpload)).one()
        files = list((receiving.folder_of(upload) / "files").iterdir())
        assert not (receiving.folder_of(upload) / "archive").exists()
    assert len(files) == 2, "masks: pictures are kept as they were verified"


def test_what_is_wrong_is_named_and_can_be_left_out(engineer: TestClient) -> None:
    at = begun(engineer, ids={"0": "Road", "1": "Car"})
    files = folder_of(4) | {
        "set/images/4.png": picture(4), "set/masks/5.png": mask(),
        "set/masks/1.png": mask((0, 1)), "set/masks/2.png": mask((0,), (32, 48)),
        "set/masks/3.png": b"no picture", "set/images/6.png": b"no picture either",
        "set/masks/6.png": mask((0,)),
    }  # fmt: skip
    sent(engineer, at, files)
    refused = checked(engineer, at)
    assert refused["state"] == "refused"
    told = problems(refused)
    assert told["set/masks/0.png"] == "neither a category nor void: id 2"
    assert "32 x 48" in told["set/masks/2.png"]
    assert "64 x 48" in told["set/masks/2.png"]
    assert told["set/images/4.png"] == "there is no mask for this picture"
    assert told["set/masks/5.png"] == "there is no picture for this mask"
    assert set(told) == {
        "set/masks/0.png", "set/masks/2.png", "set/images/4.png", "set/masks/5.png",
        "set/masks/3.png", "set/images/6.png",
    }  # fmt: skip
    assert str(get_settings().files) not in json.dumps(refused), "no path of the server"
    strange = next(value for value in refused["values"] if value["value"] == "2")
    assert (strange["known"], strange["first"]) == (False, "set/masks/0.png")
    assert engineer.get(f"{at}/pairs/0/picture").status_code == 200

    assert engineer.patch(at, json={"void": [2]}).status_code == 200
    assert "set/masks/0.png" not in problems(checked(engineer, at))
    ready = checked(engineer, at, leave_out=True)
    assert (ready["state"], ready["pairs"], ready["problems_total"]) == ("ready", 2, 5)
    trainable("town", 2)


def test_values_are_found_before_anybody_has_said_what_they_mean(engineer: TestClient) -> None:
    colored = np.zeros((48, 64, 3), np.uint8)
    colored[:20] = (128, 64, 128)
    buffer = io.BytesIO()
    PillowImage.fromarray(colored).save(buffer, "PNG")
    for name, content, values in (
        ("ids", mask((3, 7)), ["3", "7"]),
        ("colours", buffer.getvalue(), ["#000000", "#804080"]),
    ):
        at = begun(engineer, name)
        sent(engineer, at, {"images/a.png": picture(1), "masks/a.png": content})
        refused = checked(engineer, at)
        assert [value["value"] for value in refused["values"]] == values
        assert list(problems(refused).values()) == [
            "say which value of the masks is which category"
        ]
    card = {"colors": {"#804080": "Road"}, "void": "others"}
    assert engineer.patch(at, json=card).status_code == 200
    assert checked(engineer, at)["state"] == "ready"
    trainable("colours", 1)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"card": "ids: ["}, "YAML"),
        ({"card": "- a"}, "mapping"),
        ({"card": "extends: nowhere"}, "nowhere"),
        ({"card": "&a [*a]"}, "card"),
        ({"colors": {"red": "Road"}}, "colour"),
        ({"ids": {"0": ""}}, "ids"),
        ({"ids": {"x": "Road"}}, "ids"),
        ({"ids": {"0": "Road"}, "void": ["#000000"]}, "void"),
        ({"mask_channel": 9}, "mask_channel"),
        ({"root": "/etc"}, "root"),
    ],
)
def test_a_wrong_card_is_refused_where_it_is_wrong(
    engineer: TestClient, change: dict[str, Any], words: str
) -> None:
    at = begun(engineer, ids=IDS)
    answer = engineer.patch(at, json=change)
    assert answer.status_code == 422, answer.text
    assert words in answer.text
    assert engineer.get(at).json()["card"] == {"ids": IDS}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_card_can_name_no_file_of_the_server(engineer: TestClient) -> None:
    at = begun(engineer)
    card = "root: /etc\nimages: '*'\nlisting: /etc/passwd\nmasks: '{stem}'\nids: {0: Road}\n"
    assert engineer.patch(at, json={"card": card}).json()["card"] == {"ids": {"0": "Road"}}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_limits(engineer: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEAKSEG_MAX_DATASET_FILES", "3")
    monkeypatch.setenv("WEAKSEG_MAX_IMAGE_BYTES", "20000")
    get_settings.cache_clear()
    at = begun(engineer, ids=IDS)
    result = sent(engineer, at, folder_of() | {"big.png": bytes(20001)})
    assert result["imported"] == 3
    assert [each["reason"] for each in result["rejected"]] == [
        "larger than 0 MB", "there are 3 files already"
    ]  # fmt: skip
    used = engineer.get(at).json()["bytes"]
    monkeypatch.setenv("WEAKSEG_DATASET_QUOTA_BYTES", str(used + 10))
    get_settings.cache_clear()
    other = begun(engineer, "other")
    full = engineer.post(f"{other}/files", files=[("files", ("a.png", picture(9)))])
    assert full.status_code == 507
    params = {"offset": 0, "size": 100}
    assert engineer.post(f"{other}/archive", params=params, content=bytes(100)).status_code == 507
    assert engineer.post(f"{other}/archive", params=params, content=bytes(5)).status_code == 200
    assert engineer.get(other).json()["files"] == 0
    left = (get_storage().root / "datasets").rglob(".writing-*")
    assert list(left) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_names(engineer: TestClient) -> None:
    make_dataset("taken")
    for name, status in (("taken", 409), ("TAKEN", 409), ("../x", 422), ("a/b", 422), ("", 422)):
        assert engineer.post(AT, json={"name": name}).status_code == status, name
    begun(engineer, "mine")
    assert engineer.post(AT, json={"name": "mine"}).json()["code"] == "name-taken"
    for number in range(uploads.MOST_OPEN - 1):
        begun(engineer, f"n{number}")
    assert engineer.post(AT, json={"name": "one-more"}).json()["code"] == "too-many-uploads"


def test_a_name_that_was_taken_meanwhile_is_exchanged(engineer: TestClient) -> None:
    at = begun(engineer, ids=IDS)
    sent(engineer, at, folder_of())
    make_dataset("town")
    refused = checked(engineer, at)
    assert refused["state"] == UploadState.REFUSED
    assert problems(refused) == {"town": "there is another dataset 'town' already"}
    begun(engineer, "Mine")
    for name, status in (("mine", 409), ("TOWN", 409), ("../x", 422), ("", 422), (None, 200)):
        assert engineer.patch(at, json={"name": name}).status_code == status, name
    assert engineer.patch(at, json={"name": "new-town"}).json()["name"] == "new-town"
    ready = checked(engineer, at)
    assert (ready["state"], ready["name"], ready["pairs"]) == ("ready", "new-town", 2)
    trainable("new-town", 2)
    assert engineer.patch(at, json={"name": "again"}).json()["code"] == "upload-closed"


def test_an_upload_is_its_makers_and_admins(
    engineer: TestClient, admin: TestClient, annotator: TestClient, people: dict[Role, int]
) -> None:
    at = begun(engineer)
    assert admin.get(at).status_code == 200
    with session_scope() as session:
        session.execute(
            update(User).where(User.id == people[Role.ANNOTATOR]).values(role=Role.ENGINEER)
        )
    assert annotator.get(AT).json() == []
    for method, path, body in (
        ("GET", "", None), ("PATCH", "", {}), ("DELETE", "", None), ("GET", "/pairs", None),
        ("GET", "/pairs/0/picture", None), ("POST", "/check", {}),
    ):  # fmt: skip
        assert annotator.request(method, at + path, json=body).status_code == 404, path
    files = [("files", ("a.png", picture(1)))]
    assert annotator.post(f"{at}/files", files=files).status_code == 404
    params = {"offset": 0, "size": 1}
    assert annotator.post(f"{at}/archive", params=params, content=b"x").status_code == 404


def test_what_is_left_goes(engineer: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    at = begun(engineer)
    sent(engineer, at, folder_of(1))
    root = get_storage().root / "datasets"
    [folder] = root.iterdir()
    with session_scope() as session:
        assert uploads.remove_left(session) == 0
        long_ago = utcnow() - get_settings().keep_uploads
        session.execute(update(DatasetUpload).values(changed_at=long_ago))
        assert uploads.remove_left(session) == 1
    removals.work()
    assert not folder.exists()
    assert engineer.get(at).status_code == 404

    # Of one that was killed in between there is a folder that nobody knows, and halves of files.
    at = begun(engineer)
    sent(engineer, at, folder_of(1))
    [kept] = root.iterdir()
    orphan = root / ("0" * 32)
    (orphan / "files").mkdir(parents=True)
    for path in (orphan / "files" / "a.png", kept / "files" / ".writing-x"):
        path.write_bytes(b"half")
    old = utcnow().timestamp() - 7200
    for path in (*orphan.rglob("*"), *kept.rglob("*"), orphan):
        os.utime(path, (old, old))
    cleaning.clean()
    assert not orphan.exists()
    assert not (kept / "files" / ".writing-x").exists()
    assert len(list((kept / "files").iterdir())) == 2


def test_a_worker_that_was_lost_is_followed_by_another(
    engineer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = begun(engineer, ids=IDS)
    sent_archive(engineer, at, zipped(folder_of()))
    number = engineer.post(f"{at}/check", json={}).json()["id"]
    look = checking._look_at

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checking, "_look_at", killed)
    with pytest.raises(KeyboardInterrupt):
        checking.work(number)
    monkeypatch.setattr(checking, "_look_at", look)
    with session_scope(read_only=True) as session:
        assert uploads.due(session) == []
    checking.work(number)
    assert engineer.get(at).json()["state"] == "checking", "somebody may still be at work"
    with session_scope() as session:
        session.execute(update(DatasetUpload).values(heartbeat_at=utcnow() - 2 * STALE))
    with session_scope(read_only=True) as session:
        assert uploads.due(session) == [number]
    checking.work(number)
    assert engineer.get(at).json()["state"] == "ready"
    trainable("town", 2)


def test_who_removes_an_upload_while_it_is_checked_is_obeyed(
    engineer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = begun(engineer, ids=IDS)
    sent(engineer, at, folder_of())
    number = engineer.post(f"{at}/check", json={}).json()["id"]
    look = checking._look_at

    def meanwhile(*arguments: Any) -> Any:
        engineer.delete(at)
        return look(*arguments)

    monkeypatch.setattr(checking, "_look_at", meanwhile)
    checking.work(number)
    assert datasets.list_all() == []
    assert engineer.get(at).status_code == 404


def test_a_bomb_is_refused_as_a_whole(
    engineer: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_MAX_DATASET_BYTES", str(2**20))
    get_settings.cache_clear()
    at = begun(engineer, ids=IDS)
    sent_archive(engineer, at, zipped({f"images/{n}.png": bytes(2**19) for n in range(3)}))
    refused = checked(engineer, at)
    assert refused["state"] == UploadState.REFUSED
    assert "unpacks to more" in refused["problems"][0]["reason"]
    assert engineer.delete(at).status_code == 204


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_card_that_a_cut_off_last_step_has_left_goes_with_its_upload(
    engineer: TestClient,
) -> None:
    at = begun(engineer)
    datasets.put_uploaded("town", {"ids": {0: "Road"}})
    assert engineer.post(AT, json={"name": "Town"}).status_code == 409
    assert engineer.delete(at).status_code == 204
    assert not datasets.is_there("town")
    assert begun(engineer) != at or engineer.get(at).json()["files"] == 0
