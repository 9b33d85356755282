"""Checkpoint files over HTTP: ranges, caches, digests."""

import base64
import hashlib
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from server.db import session_scope
from server.models import Checkpoint
from server.storage import get_storage
from tests.server.factories import make_project, make_run
from tests.server.one_database import ONE_DATABASE

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def url(database: str) -> Iterator[str]:
    run_id = make_run(make_project())
    get_storage().put_bytes("weights", CONTENT)
    with session_scope() as session:
        session.add(
            Checkpoint(run_id=run_id, step=12, score={}, sha256=SHA256, size=len(CONTENT),
                       storage_key="weights")
        )  # fmt: skip
        session.flush()
        return f"/api/v1/checkpoints/{session.scalar(select(Checkpoint.id))}/file"


def test_the_whole_file_with_its_digest_and_name(engineer: TestClient, url: str) -> None:
    answer = engineer.get(url)
    assert answer.status_code == 200
    assert answer.content == CONTENT
    headers = answer.headers
    assert headers["etag"] == f'"{SHA256}"'
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert headers["repr-digest"] == f"sha-256=:{digest}:"
    assert headers["accept-ranges"] == "bytes"
    assert headers["content-length"] == str(len(CONTENT))
    assert headers["content-disposition"] == 'attachment; filename="run-1-step-000012.safetensors"'
    assert "immutable" in headers["cache-control"]


def test_a_file_that_was_cut_short_is_not_sent(engineer: TestClient, url: str) -> None:
    get_storage().put_bytes("weights", CONTENT[:1000])
    answer = engineer.get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "damaged-checkpoint")
    assert f"1000 of {len(CONTENT)} bytes" in answer.json()["detail"]


def test_head_says_the_same_without_the_file(engineer: TestClient, url: str) -> None:
    answer, whole = engineer.head(url), engineer.get(url)
    assert answer.status_code == 200
    assert answer.content == b""
    for name in ("etag", "repr-digest", "content-length", "accept-ranges", "content-type"):
        assert answer.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-199", 100, 199),
        ("bytes=255000-", 255000, 255999),
        ("bytes=-10", 255990, 255999),
        ("bytes=-9999999", 0, 255999),
        ("bytes=255990-9999999", 255990, 255999),
    ],
)
@ONE_DATABASE
def test_a_range_of_it(engineer: TestClient, url: str, asked: str, first: int, last: int) -> None:
    answer = engineer.get(url, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/256000"
    assert answer.headers["content-length"] == str(last - first + 1)
    assert answer.content == CONTENT[first : last + 1]
    assert answer.headers["etag"] == f'"{SHA256}"'


@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=999999-1000000", "bytes=-0"])
@ONE_DATABASE
def test_a_range_outside_of_it_is_a_problem(engineer: TestClient, url: str, asked: str) -> None:
    answer = engineer.get(url, headers={"Range": asked})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == "bytes */256000"
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "range-invalid"


@pytest.mark.parametrize(
    "asked", ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "nonsense",
              "bytes=" + "9" * 5000 + "-"]
)  # fmt: skip
@ONE_DATABASE
def test_a_range_that_makes_no_sense_is_passed_over(
    engineer: TestClient, url: str, asked: str
) -> None:
    answer = engineer.get(url, headers={"Range": asked})
    assert answer.status_code == 200
    assert answer.content == CONTENT


def test_a_resumed_download_notices_another_file(engineer: TestClient, url: str) -> None:
    headers = {"Range": "bytes=10-19"}
    same = engineer.get(url, headers=headers | {"If-Range": f'"{SHA256}"'})
    other = engineer.get(url, headers=headers | {"If-Range": '"another"'})
    assert (same.status_code, len(same.content)) == (206, 10)
    assert (other.status_code, other.content) == (200, CONTENT)
    beyond = {"Range": "bytes=999999-", "If-Range": '"another"'}
    assert engineer.get(url, headers=beyond).status_code == 200


@pytest.mark.parametrize("tags", [f'"{SHA256}"', f'W/"{SHA256}"', f'"x", "{SHA256}"', "*"])
@ONE_DATABASE
def test_a_cache_that_has_it_gets_nothing(engineer: TestClient, url: str, tags: str) -> None:
    answer = engineer.get(url, headers={"If-None-Match": tags})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == f'"{SHA256}"'
    assert engineer.get(url, headers={"If-None-Match": '"x"'}).status_code == 200


def test_a_file_that_is_gone_from_storage_is_not_found(engineer: TestClient, url: str) -> None:
    get_storage().delete("weights")
    answer = engineer.get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_annotators_list_checkpoints_and_do_not_download_them(
    annotator: TestClient, url: str
) -> None:
    (listed,) = annotator.get("/api/v1/runs/1/checkpoints").json()
    assert (listed["step"], listed["sha256"], listed["url"]) == (12, SHA256, url)
    assert listed["filename"] == "run-1-step-000012.safetensors"
    assert annotator.get(url).status_code == 403
