"""Flags by HTTP: raised by who labels, answered by leads, and who sees what of them."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from server.db import session_scope
from server.models import AuditEntry, AuditEvent, Flag, Image, Label
from server.models.user import Role
from tests.server.factories import hand_out
from tests.server.people import EMAILS

ASKED = {"text": "Is a trailer a car?"}


@pytest.fixture
def project(
    make_project: Callable[..., dict[str, Any]],
    upload: Callable[..., dict[str, Any]],
    jpeg: Callable[..., bytes],
    people: dict[Role, int],
) -> int:
    """Four images, of which the annotator was given the first three; the third is a gold one."""
    number = int(make_project()["id"])
    upload(number, {f"{n}.jpg": jpeg(n) for n in range(4)})
    hand_out(number, [1, 2, 3], people[Role.ANNOTATOR])
    with session_scope() as session:
        session.execute(update(Image).where(Image.id == 3).values(gold=True, alias="00042.jpg"))
    return number


def put(client: TestClient, image: int, text: str = ASKED["text"]) -> Any:
    return client.put(f"/api/v1/images/{image}/flag", json={"text": text})


def listed(client: TestClient, project: int, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/projects/{project}/flags", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def answer(client: TestClient, project: int, flag: int, said: str = "No", **more: Any) -> Any:
    body = {"answer": said} | more
    return client.put(f"/api/v1/projects/{project}/flags/{flag}/answer", json=body)


def test_a_flag_is_answered_and_the_answer_is_read(
    engineer: TestClient, annotator: TestClient, project: int, people: dict[Role, int]
) -> None:
    made = put(annotator, 1)
    assert made.status_code == 200, made.text
    flag = made.json()
    assert (flag["image"], flag["text"], flag["answered_at"]) == ("0.jpg", ASKED["text"], None)
    assert put(annotator, 1).json() == flag, "sent again, it is still one"
    (seen,) = listed(engineer, project, state="open")
    assert seen["annotator"] == EMAILS[Role.ANNOTATOR]
    assert listed(annotator, project, state="unread") == []
    closed = answer(engineer, project, flag["id"], "No, a trailer is none").json()
    assert closed["answered_by"] == EMAILS[Role.ENGINEER]
    assert listed(engineer, project, state="open") == []
    assert listed(engineer, project, state="unread") == [], "of one's own"
    (mine,) = listed(annotator, project, state="unread")
    assert (mine["answer"], mine["answered_by"]) == ("No, a trailer is none", None)
    url = f"/api/v1/projects/{project}/flags/read"
    assert engineer.put(url, json={"ids": [flag["id"]]}).status_code == 204
    assert len(listed(annotator, project, state="unread")) == 1, "nobody reads it for another"
    assert annotator.put(url, json={"ids": [flag["id"], 99]}).status_code == 204
    assert listed(annotator, project, state="unread") == []
    assert listed(annotator, project, state="answered")[0]["read_at"] is not None
    answer(engineer, project, flag["id"], "Yes, after all")
    assert listed(annotator, project, state="unread")[0]["answer"] == "Yes, after all"
    assert put(annotator, 1).json()["answer"] == "Yes, after all", "the same again opens nothing"
    with session_scope(read_only=True) as session:
        lines = session.scalars(
            select(AuditEntry).where(AuditEntry.event == AuditEvent.FLAG_ANSWERED)
        ).all()
        assert session.scalars(select(Label)).all() == []
    assert [(line.user_id, line.subject, line.subject_id, line.after) for line in lines] == [
        (people[Role.ENGINEER], "image", "1", {"flag_id": flag["id"]})
    ] * 2


def test_in_other_words_it_is_open_again(
    engineer: TestClient, annotator: TestClient, project: int
) -> None:
    first = put(annotator, 1).json()
    answer(engineer, project, first["id"])
    again = put(annotator, 1, "And a caravan?").json()
    assert (again["id"], again["answer"], again["answered_at"]) == (first["id"], None, None)
    assert again["flagged_at"] > first["flagged_at"]
    late = answer(engineer, project, first["id"], flagged_at=first["flagged_at"])
    assert (late.status_code, late.json()["code"]) == (409, "flag-changed")
    assert answer(engineer, project, first["id"], flagged_at=again["flagged_at"]).is_success


def test_two_leads_do_not_answer_over_each_other(
    engineer: TestClient, admin: TestClient, annotator: TestClient, project: int
) -> None:
    flag = put(annotator, 1).json()
    read = {"flagged_at": flag["flagged_at"], "answered_at": flag["answered_at"]}
    first = answer(engineer, project, flag["id"], "No", **read).json()
    assert answer(engineer, project, flag["id"], "No", **read).json() == first, "sent again"
    late = answer(admin, project, flag["id"], "Yes", **read)
    assert (late.status_code, late.json()["code"]) == (409, "flag-changed")
    assert "No" in late.json()["detail"]
    read["answered_at"] = first["answered_at"]
    assert answer(admin, project, flag["id"], "Yes", **read).json()["answer"] == "Yes"


def test_who_flagged_it_may_take_it_back_until_it_is_answered(
    engineer: TestClient, annotator: TestClient, project: int
) -> None:
    put(engineer, 1, "mine")
    flag = put(annotator, 1).json()
    for _ in range(2):
        assert annotator.delete("/api/v1/images/1/flag").status_code == 204
    assert [each["text"] for each in listed(engineer, project)] == ["mine"]
    assert answer(engineer, project, flag["id"]).status_code == 404
    answer(engineer, project, put(annotator, 2).json()["id"])
    assert annotator.delete("/api/v1/images/2/flag").json()["code"] == "flag-answered"


def test_people_see_their_own_alone_and_leads_all(
    engineer: TestClient, annotator: TestClient, admin: TestClient, project: int
) -> None:
    put(engineer, 1, "by the lead")
    mine = put(annotator, 1).json()
    assert [each["text"] for each in listed(annotator, project)] == [ASKED["text"]]
    of_image = annotator.get("/api/v1/images/1/flags").json()
    assert [each["text"] for each in of_image] == [ASKED["text"]]
    assert len(engineer.get("/api/v1/images/1/flags").json()) == 2
    assert len(listed(admin, project)) == 2
    assert answer(annotator, project, mine["id"]).status_code == 403
    assert put(annotator, 4).status_code == 404, "an image that they were not given"
    assert annotator.get("/api/v1/images/4/flags").status_code == 404
    members = f"/api/v1/projects/{project}/members"
    body = {"email": EMAILS[Role.ANNOTATOR], "role": "viewer"}
    engineer.post(members, json=body)
    assert put(annotator, 1, "as a viewer").status_code == 403
    assert annotator.delete("/api/v1/images/1/flag").status_code == 403


def test_a_flag_of_another_project_is_not_answered(
    engineer: TestClient, annotator: TestClient, project: int,
    make_project: Callable[..., dict[str, Any]],
) -> None:  # fmt: skip
    other = make_project(name="Parks")["id"]
    assert answer(engineer, other, put(annotator, 1).json()["id"]).status_code == 404


@pytest.mark.parametrize(
    "text", ["", "  ", "x" * 501, "two\nlines", "bell\x07", "turned \u202e", "line\u2028end", None]
)
def test_what_is_no_word_is_refused(
    engineer: TestClient, annotator: TestClient, project: int, text: Any
) -> None:
    assert put(annotator, 1, text).status_code == 422
    flag = put(annotator, 1, f" {'x' * 500} ").json()
    assert flag["text"] == "x" * 500
    assert answer(engineer, project, flag["id"], text).status_code == 422


def test_nothing_tells_gold_images_by_their_flags(
    engineer: TestClient, annotator: TestClient, project: int
) -> None:
    own, gold = put(annotator, 1).json(), put(annotator, 3).json()
    assert gold["image"] == "00042.jpg"
    apart = {"id", "image_id", "image", "image_url", "flagged_at"}
    assert {k: v for k, v in own.items() if k not in apart} == {
        k: v for k, v in gold.items() if k not in apart
    }
    assert [each["image_id"] for each in listed(annotator, project)] == [3, 1]
    assert answer(engineer, project, gold["id"]).is_success
    assert [each["image_id"] for each in listed(annotator, project, state="unread")] == [3]


def test_images_are_found_by_their_open_flags(
    engineer: TestClient, annotator: TestClient, project: int
) -> None:
    def found(client: TestClient) -> list[int]:
        query = {"state": "flagged", "limit": 1}
        url, ids = f"/api/v1/projects/{project}/images", []
        while True:
            page = client.get(url, params=query).json()
            ids += [image["id"] for image in page["items"]]
            if page["next_cursor"] is None:
                return ids
            query["cursor"] = page["next_cursor"]

    assert found(engineer) == []
    put(engineer, 4, "by the lead")
    put(engineer, 1, "by the lead")
    put(annotator, 1)
    flag = put(annotator, 3).json()
    assert found(engineer) == [1, 3, 4]
    assert found(annotator) == [1, 3], "what they flagged"
    url = f"/api/v1/projects/{project}/images/1/neighbours"
    for client, following in ((engineer, 3), (annotator, 3)):
        beside = client.get(url, params={"state": "flagged"}).json()
        assert beside == {"previous_id": None, "next_id": following}
    answer(engineer, project, flag["id"])
    assert (found(engineer), found(annotator)) == ([1, 4], [1])


def test_a_page_goes_on_where_the_last_one_ended(
    engineer: TestClient, annotator: TestClient, project: int
) -> None:
    ids = [put(annotator, image).json()["id"] for image in (1, 2, 3)]
    url = f"/api/v1/projects/{project}/flags"
    first = engineer.get(url, params={"limit": 2}).json()
    rest = engineer.get(url, params={"cursor": first["next_cursor"]}).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next_cursor"] is None


def test_not_in_an_archived_project_but_what_is_open_is_answered(
    engineer: TestClient, annotator: TestClient, project: int
) -> None:
    flag = put(annotator, 1).json()
    assert engineer.patch(f"/api/v1/projects/{project}", json={"archived": True}).is_success
    assert put(annotator, 2).json()["code"] == "archived"
    assert answer(engineer, project, flag["id"]).is_success


def test_a_flag_goes_with_its_image_and_stays_without_its_person(
    engineer: TestClient, annotator: TestClient, admin: TestClient, project: int,
    people: dict[Role, int],
) -> None:  # fmt: skip
    put(annotator, 1)
    put(annotator, 2, "about the second")
    told = engineer.get("/api/v1/images/1/deletion").json()["counts"]
    assert told["flags"] == 1
    assert engineer.delete("/api/v1/images/1").is_success
    assert admin.delete(f"/api/v1/users/{people[Role.ANNOTATOR]}").is_success
    (left,) = listed(engineer, project)
    assert (left["text"], left["annotator"]) == (
        "about the second", f"annotator {people[Role.ANNOTATOR]}",
    )  # fmt: skip
    with session_scope(read_only=True) as session:
        assert len(session.scalars(select(Flag)).all()) == 1
