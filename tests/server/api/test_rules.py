"""Rules of projects by HTTP: versions, who was shown them, pictures, and who may what."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image as PillowImage
from sqlalchemy import select, update

from server.db import session_scope, utcnow
from server.models import AuditEntry, AuditEvent, RulesPicture, RulesReading
from server.models.user import Role
from server.storage import get_storage
from tests.server.people import EMAILS

MakeProject = Callable[..., dict[str, Any]]
OF_PROJECT = {"text": "Judge by the image.\n\n- kerbs are **Road**"}


@pytest.fixture
def url(make_project: MakeProject) -> str:
    """Of the rules of a project in which everybody takes part."""
    return f"/api/v1/projects/{make_project()['id']}/rules"


def publish(client: TestClient, url: str, *sections: dict[str, Any], based_on: int = 0) -> Any:
    return client.post(url, json={"based_on": based_on, "sections": list(sections)})


def add(client: TestClient, url: str, content: bytes) -> Any:
    return client.post(f"{url}/pictures", files={"file": ("phone.jpg", content)})


def photograph(size: tuple[int, int] = (64, 48), kind: str = "JPEG") -> bytes:
    """A picture that says where it was taken."""
    exif = PillowImage.Exif()
    exif[0x010F] = "Maker 0815"
    buffer = io.BytesIO()
    PillowImage.new("RGB", size, (9, 99, 199)).save(buffer, kind, exif=exif)
    return buffer.getvalue() + b"what follows its end"


def test_each_change_is_a_version_and_old_ones_are_read(
    engineer: TestClient, annotator: TestClient, url: str
) -> None:
    none = annotator.get(url).json()
    assert (none["version"], none["sections"], none["seen"]) == (0, [], True)
    car = {"category": "Car", "text": "Vans too"}
    assert publish(engineer, url, car).json()["sections"][0]["category"] == "Car"
    second = publish(engineer, url, car, OF_PROJECT, {"category": "Tree"}, based_on=1)
    assert second.status_code == 201, second.text
    said = [(each["category"], each["text"]) for each in second.json()["sections"]]
    assert said == [(None, OF_PROJECT["text"]), ("Car", "Vans too")]
    assert second.json()["author"] == EMAILS[Role.ENGINEER]
    shown = annotator.get(url).json()
    assert (shown["version"], shown["seen"], shown["author"]) == (2, False, None)
    first = annotator.get(f"{url}/versions/1").json()
    assert [each["text"] for each in first["sections"]] == ["Vans too"]
    listed = engineer.get(f"{url}/versions").json()["items"]
    assert [each["version"] for each in listed] == [2, 1]
    assert listed[0]["created_at"] > listed[1]["created_at"]
    page = engineer.get(f"{url}/versions", params={"limit": 1}).json()
    rest = engineer.get(f"{url}/versions", params={"cursor": page["next_cursor"]}).json()
    assert [each["version"] for each in rest["items"]] == [1]
    assert engineer.get(f"{url}/versions/3").status_code == 404


def test_the_same_again_is_no_version_and_nobody_overwrites_anybody(
    engineer: TestClient, url: str
) -> None:
    publish(engineer, url, OF_PROJECT)
    again = publish(engineer, url, OF_PROJECT, based_on=1)
    assert again.json()["version"] == 1
    late = publish(engineer, url, {"text": "Other"}, based_on=0)
    assert (late.status_code, late.json()["code"]) == (409, "rules-changed")
    assert publish(engineer, url, based_on=1).json()["sections"] == [], "taken away"


def test_a_category_is_named_as_it_is_now_and_one_that_is_gone_as_it_was(
    engineer: TestClient, url: str
) -> None:
    publish(engineer, url, {"category": "Car", "text": "a"}, {"category": "Tree", "text": "b"})
    project = engineer.get(url.removesuffix("/rules")).json()
    road, car, _ = project["categories"]
    changed = {"categories": [road, car | {"name": "Automobile"}]}
    assert engineer.patch(url.removesuffix("/rules"), json=changed).is_success
    names = [each["category"] for each in engineer.get(url).json()["sections"]]
    assert names == ["Automobile", "Tree"]


@pytest.mark.parametrize(
    "section",
    [
        {"category": "Bus", "text": "x"},
        {"text": "x" * 10_001},
        {"text": "bell \x07"},
        {"text": "turned \u202e round"},
        {"text": "half \ud800"},
        {"text": "x", "pictures": [{"id": 77}]},
        {"text": "x", "pictures": [{"id": 1, "caption": "x" * 301}]},
        {"text": "x", "pictures": [{"id": 1}] * 9},
        {"text": "x", "html": "<b>"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(engineer: TestClient, url: str, section: dict[str, Any]) -> None:
    body = json.dumps({"based_on": 0, "sections": [section]})
    answer = engineer.post(url, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert engineer.get(url).json()["version"] == 0


def test_a_section_twice_and_too_much_together_are_refused(
    engineer: TestClient, make_project: MakeProject
) -> None:
    names = [f"Category {n}" for n in range(31)]
    made = make_project(name="Many", categories=[{"name": name} for name in names])
    url = f"/api/v1/projects/{made['id']}/rules"
    twice = {"category": names[0], "text": "a"}
    assert publish(engineer, url, twice, twice).status_code == 422
    assert publish(engineer, url, OF_PROJECT, OF_PROJECT).status_code == 422
    long = [{"category": name, "text": "x" * 10_000} for name in names]
    assert publish(engineer, url, *long).status_code == 422


def test_text_is_kept_as_lines_of_text(
    engineer: TestClient, annotator: TestClient, url: str
) -> None:
    """HTML in it is text like any other: nothing on the server makes pages of it."""
    text = "a\r\nb\tc <script>alert(1)</script>\n\n"
    publish(engineer, url, {"text": text})
    (section,) = annotator.get(url).json()["sections"]
    assert section["text"] == "a\nb    c <script>alert(1)</script>"


def test_who_was_shown_which_version_is_known(
    engineer: TestClient, annotator: TestClient, url: str, people: dict[Role, int]
) -> None:
    publish(engineer, url, OF_PROJECT)
    assert annotator.put(f"{url}/seen", json={"version": 2}).status_code == 404
    for _ in range(2):
        assert annotator.put(f"{url}/seen", json={"version": 1}).status_code == 204
    assert annotator.get(url).json()["seen"]
    with session_scope(read_only=True) as session:
        first = session.scalars(select(RulesReading.seen_at).order_by(RulesReading.user_id)).all()
    annotator.put(f"{url}/seen", json={"version": 1})
    publish(engineer, url, {"text": "Newer"}, based_on=1)
    assert not annotator.get(url).json()["seen"], "the new one was not"
    assert annotator.get(f"{url}/versions/1").json()["seen"]
    readers = {one["email"]: one for one in engineer.get(f"{url}/readers").json()}
    assert {email: one["version"] for email, one in readers.items()} == {
        EMAILS[Role.ANNOTATOR]: 1, EMAILS[Role.ENGINEER]: 2,
    }  # fmt: skip
    with session_scope(read_only=True) as session:
        mine = session.scalar(
            select(RulesReading.seen_at).where(RulesReading.user_id == people[Role.ANNOTATOR])
        )
    assert mine in first, "the first time counts"


def test_leads_publish_and_everybody_in_the_project_reads(
    engineer: TestClient, annotator: TestClient, url: str, people: dict[Role, int]
) -> None:
    publish(engineer, url, OF_PROJECT)
    assert publish(annotator, url, {"text": "mine"}, based_on=1).status_code == 403
    assert add(annotator, url, photograph()).status_code == 403
    assert annotator.get(f"{url}/readers").status_code == 403
    picture = add(engineer, url, photograph()).json()
    assert annotator.delete(picture["url"]).status_code == 403
    assert annotator.get(picture["url"]).status_code == 200
    members = url.replace("/rules", "/members")
    body = {"email": EMAILS[Role.ANNOTATOR], "role": "viewer"}
    assert engineer.post(members, json=body).is_success
    assert annotator.get(url).status_code == 200
    assert annotator.put(f"{url}/seen", json={"version": 1}).status_code == 403
    engineer.patch(url.removesuffix("/rules"), json={"open_to_everybody": False})
    assert engineer.delete(f"{members}/{people[Role.ANNOTATOR]}").is_success
    for path in (url, f"{url}/versions", f"{url}/versions/1", picture["url"]):
        assert annotator.get(path).status_code == 404, path


def test_a_picture_is_cleaned_shown_and_gone_when_deleted(
    engineer: TestClient, annotator: TestClient, url: str
) -> None:
    content = photograph()
    assert b"Maker 0815" in content
    picture = add(engineer, url, content).json()
    assert (picture["width"], picture["height"]) == (64, 48)
    shown = {"text": "", "pictures": [{"id": picture["id"], "caption": "a kerb"}]}
    publish(engineer, url, shown)
    (each,) = annotator.get(url).json()["sections"][0]["pictures"]
    assert each == {"caption": "a kerb", "picture": picture}
    answer = annotator.get(picture["url"])
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    for untold in (b"Maker 0815", b"what follows its end"):
        assert untold not in answer.content
    again = annotator.get(picture["url"], headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    with session_scope(read_only=True) as session:
        path = get_storage().path(session.scalars(select(RulesPicture.storage_key)).one())
    assert path.exists()
    assert engineer.delete(picture["url"]).status_code == 204
    assert not path.exists()
    assert annotator.get(picture["url"]).status_code == 404
    assert engineer.delete(picture["url"]).status_code == 404
    (each,) = annotator.get(url).json()["sections"][0]["pictures"]
    assert each == {"caption": "a kerb", "picture": None}
    assert add(engineer, url, content).json()["id"] != picture["id"], "no number is given twice"


def test_a_wide_picture_is_scaled_down_and_what_is_none_is_refused(
    engineer: TestClient, url: str
) -> None:
    wide = add(engineer, url, photograph((3200, 100), "PNG")).json()
    assert (wide["width"], wide["height"]) == (1600, 50)
    with PillowImage.open(io.BytesIO(engineer.get(wide["url"]).content)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (1600, 50))
    for content in (b"", b"<svg onload=alert(1)>", photograph()[:200], photograph((4, 4))):
        refused = add(engineer, url, content)
        assert (refused.status_code, refused.json()["code"]) == (422, "picture"), content[:20]
    assert engineer.post(f"{url}/pictures", json={}).json()["code"] == "content-type"
    assert engineer.post(f"{url}/pictures", files={"other": b"x"}).status_code == 422
    with session_scope(read_only=True) as session:
        assert len(session.scalars(select(RulesPicture)).all()) == 1


def test_pictures_of_other_projects_are_not_to_be_had(
    engineer: TestClient, url: str, make_project: MakeProject
) -> None:
    picture = add(engineer, url, photograph()).json()
    other = f"/api/v1/projects/{make_project(name='Parks')['id']}/rules"
    shown = {"text": "x", "pictures": [{"id": picture["id"]}]}
    assert publish(engineer, other, shown).json()["code"] == "unknown-picture"
    assert engineer.get(f"{other}/pictures/{picture['id']}").status_code == 404
    assert engineer.delete(f"{other}/pictures/{picture['id']}").status_code == 404


def test_what_was_uploaded_and_never_published_goes(engineer: TestClient, url: str) -> None:
    kept, unused = (add(engineer, url, photograph()).json() for _ in range(2))
    publish(engineer, url, {"text": "x", "pictures": [{"id": kept["id"]}]})
    publish(engineer, url, {"text": "no picture any more"}, based_on=1)
    with session_scope() as session:
        session.execute(update(RulesPicture).values(created_at=utcnow() - timedelta(days=2)))
    fresh = add(engineer, url, photograph()).json()
    found = [engineer.get(each["url"]).status_code for each in (kept, unused, fresh)]
    assert found == [200, 404, 200], "an old version shows the first"


def test_the_audit_log_has_who_published_and_no_word_of_it(
    engineer: TestClient, url: str, people: dict[Role, int]
) -> None:
    publish(engineer, url, {"text": "secret words"})
    picture = add(engineer, url, photograph()).json()
    engineer.delete(picture["url"])
    with session_scope(read_only=True) as session:
        lines = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()[-2:]
    assert [(line.event, line.subject, line.user_id) for line in lines] == [
        (AuditEvent.RULES_CHANGED, "project", people[Role.ENGINEER]),
        (AuditEvent.DELETED, "rules-picture", people[Role.ENGINEER]),
    ]  # fmt: skip
    assert (lines[0].before, lines[0].after) == ({"version": 0}, {"version": 1})
