"""The files of images over HTTP: cached for ever, cheap to ask for, and in nobody's way."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from server.api.downloads import PICTURES
from server.models.user import Role
from server.services.images import files
from server.settings import get_settings
from server.storage import get_storage
from tests.server.factories import hand_out
from tests.server.one_database import ONE_DATABASE


@pytest.fixture
def image(
    make_project: Callable[..., dict[str, Any]],
    upload: Callable[..., Any],
    jpeg: Callable[..., bytes],
    people: dict[Role, int],
) -> str:
    """The address of the file of an image of 400 x 300, which the annotator was given."""
    project_id = make_project()["id"]
    upload(project_id, {"a.jpg": jpeg(1, size=(400, 300))})
    hand_out(project_id, [1], people[Role.ANNOTATOR])
    return "/api/v1/images/1/file"


@pytest.mark.parametrize("width", [None, 400, 320])
@ONE_DATABASE
def test_it_is_kept_by_browsers_and_asked_for_by_its_tag(
    annotator: TestClient, image: str, jpeg: Callable[..., bytes], width: int | None
) -> None:
    address = image if width is None else f"{image}?width={width}"
    answer = annotator.get(address)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["content-length"] == str(len(answer.content))
    kind, original = answer.headers["content-type"], jpeg(1, size=(400, 300))
    if width == 320:
        assert kind == "image/webp"
        assert answer.content[8:12] == b"WEBP"
    else:
        assert (kind, answer.content) == ("image/jpeg", original)
    tag = answer.headers["etag"]
    again = annotator.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    part = annotator.get(address, headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.content) == (206, answer.content[4:10])
    assert annotator.get(address, headers={"Range": "bytes=99999999-"}).status_code == 416


def test_the_original_and_a_scaled_one_have_different_tags(
    annotator: TestClient, image: str
) -> None:
    tags = {
        annotator.get(image, params=p).headers["etag"] for p in ({}, {"width": 320}, {"width": 500})
    }
    assert len(tags) == 2


def test_a_large_file_is_sent_too(
    annotator: TestClient, image: str, jpeg: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.api.downloads.SMALL", 10)
    assert annotator.get(image).content == jpeg(1, size=(400, 300))


def test_after_the_first_time_the_database_is_asked_only_who_asks(
    annotator: TestClient, image: str, statements: list[tuple[str, Any]]
) -> None:
    annotator.get(image)
    annotator.get("/api/v1/me")
    statements.clear()
    annotator.get("/api/v1/me")
    alone = list(statements)
    statements.clear()
    assert annotator.get(image).status_code == 200
    assert len(statements) <= len(alone)
    assert not [text for text, _ in statements if "storage_key" in text]


def test_who_has_signed_out_sees_none(annotator: TestClient, image: str) -> None:
    tag = annotator.get(image).headers["etag"]
    cookies = dict(annotator.cookies)
    annotator.delete("/api/v1/session")
    annotator.cookies.update(cookies)
    for headers in ({}, {"If-None-Match": tag}):
        assert annotator.get(image, headers=headers).status_code == 401


def test_a_file_that_storage_has_lost_is_not_found(annotator: TestClient, image: str) -> None:
    assert annotator.get(image).status_code == 200
    for path in (get_storage().root / "images").rglob("*.jpeg"):
        path.unlink()
    assert annotator.get(image).status_code == 404
    assert annotator.get(f"{image}?width=320").status_code == 404


def test_a_proxy_is_told_which_file_to_send(
    annotator: TestClient, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = annotator.get(image).headers["etag"]
    monkeypatch.setenv("WEAKSEG_ACCEL_PREFIX", "/files/")
    get_settings.cache_clear()
    answer = annotator.get(image)
    place = answer.headers["x-accel-redirect"]
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (get_storage().root / place.removeprefix("/files/")).is_file()
    assert annotator.get(image, headers={"If-None-Match": tag}).status_code == 304
    annotator.delete("/api/v1/session")
    refused = annotator.get(image)
    assert (refused.status_code, "x-accel-redirect" in refused.headers) == (401, False)


@pytest.mark.parametrize("prefix", ["files/", "/files", "/fi les/", "/a\n/", "//../%2e/;"])
def test_a_prefix_that_is_no_address_is_refused(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_ACCEL_PREFIX", prefix)
    get_settings.cache_clear()
    with pytest.raises(ValueError, match="accel_prefix"):
        get_settings()


def test_pictures_that_take_long_keep_nobody_else_waiting(
    app_client: Callable[[], TestClient],
    annotator: TestClient,
    image: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on = threading.Event()
    begun = threading.Semaphore(0)

    def scaled(*_: object) -> bytes:
        begun.release()
        assert go_on.wait(30)
        return b"scaled"

    monkeypatch.setattr(files, "scaled", scaled)
    clients = [app_client() for _ in range(50)]
    for client in clients:
        client.cookies.update(annotator.cookies)
    with ThreadPoolExecutor(len(clients)) as pool:
        asked = [pool.submit(client.get, f"{image}?width=320") for client in clients]
        try:
            for _ in range(int(PICTURES.total_tokens)):
                assert begun.acquire(timeout=20)
            assert annotator.get("/api/v1/me").status_code == 200
            assert annotator.post("/api/v1/projects/1/leases", json={"count": 1}).status_code == 200
        finally:
            go_on.set()
        assert {each.result(30).status_code for each in asked} == {200}
