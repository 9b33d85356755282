"""An annotator who wants to know which images are gold asks everything that they may ask."""

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image as PillowImage
from sqlalchemy import select, update

from server import queue
from server.db import session_scope
from server.models import Assignment, GoldImage, Handout, Image, Member, Project
from server.models.image import ImageState
from server.models.member import MemberRole
from server.models.user import Role
from server.security import is_drawn
from server.services import measures
from server.services.quality import gold_making
from server.storage import get_storage
from server.tasks import measures as tasks
from tests.server.factories import (
    add_label,
    add_prediction,
    make_user,
    picture,
    show_run,
)
from tests.server.services.quality.conftest import GOLD, OWN
from tests.server.services.quality.test_gold import (
    TIMING,
    gold_ids,
    image_by,
    image_of,
    put,
    take,
)


@pytest.fixture
def alternating(mixed: int, people: dict[Role, int]) -> int:
    """The project, in which the annotator's second, fourth, sixth image is a gold one."""
    person = people[Role.ANNOTATOR]
    drawn = [
        (secret, [is_drawn(secret, f"gold:{person}:{n}", 0.5) for n in range(6)])
        for secret in map(str, range(2000))
    ]
    secret = next(secret for secret, turns in drawn if turns == [False, True] * 3)
    with session_scope() as session:
        session.get_one(Project, mixed).blind_secret = secret
    return mixed


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from flat(part, f"{path}.{name}")
    elif isinstance(value, list):
        yield f"{path}.length", len(value)
        for place, part in enumerate(value):
            yield from flat(part, f"{path}.{place}")
    else:
        yield path, value


def change(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What has changed: numbers by how much, names of images and moments only that they have."""
    was, is_now = dict(flat(before)), dict(flat(after))
    changed = {}
    for path in was.keys() | is_now.keys():
        old, new = was.get(path), is_now.get(path)
        if old == new:
            continue
        if path.rsplit(".", 1)[-1] in ("id", "image_id", "url", "external_id", "created_at"):
            changed[path] = "another"
        else:
            is_number = isinstance(old, int | float) and isinstance(new, int | float)
            changed[path] = round(new - old, 6) if is_number else (old, new)
    return changed


def doors(application: FastAPI, project: int) -> list[str]:
    """What is to be read of a project, and in general."""
    readable = [path for path, kinds in application.openapi()["paths"].items() if "get" in kinds]
    return [
        path.format(project_id=project)
        for path in readable
        if set(re.findall(r"{(\w+)}", path)) <= {"project_id"}
    ]


def told(client: TestClient, addresses: list[str]) -> dict[str, Any]:
    answers = {}
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code in (200, 403), answer.text
        if answer.status_code == 403:
            continue
        match answer.headers["content-type"]:
            case "application/json":
                answers[address] = answer.json()
            case "application/x-ndjson":
                answers[address] = [json.loads(line) for line in answer.text.splitlines()]
    return answers


QUIET = ("/session", "/health", "/metrics", "/me", "/tokens", "/about", "/openapi", "/docs")


@pytest.mark.parametrize("overlap", [1, 2])
def test_nothing_that_one_may_read_moves_otherwise_for_gold(
    application: FastAPI,
    annotator: TestClient,
    engineer: TestClient,
    alternating: int,
    overlap: int,
) -> None:
    """Counts, lists, times, trails: before and after each lease, and before and after each answer."""
    engineer.patch(f"/api/v1/projects/{alternating}", json={"overlap": overlap})
    if overlap == 2:
        # With what others have done before: each answer of an own image is its last.
        other = make_user("other@example.org")
        with session_scope() as session:
            session.execute(
                update(Assignment)
                .where(Assignment.slot == 0, Assignment.gold.is_(False))
                .values(state="done", annotator_id=other)
            )
        for image_id in range(1, OWN + 1):
            add_label(alternating, image_id, other, present=["Road"], absent=["Car"])
    addresses = [a for a in doors(application, alternating) if not any(q in a for q in QUIET)]
    hidden = gold_ids(alternating)
    moves: dict[bool, list[Any]] = {True: [], False: []}
    after = told(annotator, addresses)
    for number in range(6):
        before = after
        [lease] = take(annotator, alternating)
        leased = told(annotator, addresses)
        put(annotator, lease)
        after = told(annotator, addresses)
        is_gold = image_of(lease) in hidden
        assert is_gold == bool(number % 2)
        if number >= 2:  # lists and times begin with the first ones
            moves[is_gold].append((change(before, leased), change(leased, after)))
    assert {address.rsplit("/", 1)[-1] for address in before} >= {
        "projects", str(alternating), "images", "mine", "pace", "people", "trails", "sweeps",
    }  # fmt: skip
    for gold, own in zip(moves[True], moves[False], strict=True):
        for one, other_one in zip(gold, own, strict=True):
            assert normal(one) == normal(other_one)
    text = json.dumps(after)
    assert "gold/" not in text


def normal(changed: dict[str, Any]) -> list[tuple[str, str]]:
    """Changes, less where lists have grown: by as much, by fields of the same names."""
    found = set()
    for path, what in changed.items():
        is_count = re.search(r"\.(left|images|answers)$", path) and ".items." not in path
        is_listed = re.search(r"\.\d+", path) and not is_count
        found.add((re.sub(r"\.\d+", ".n", path), "") if is_listed else (path, str(what)))
    return sorted(found)


def test_a_list_of_sweeps_that_is_kept_is_as_old_for_gold_as_for_others(
    annotator: TestClient, alternating: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a large project: nothing moves before it is counted anew, and then both do."""
    messages: list[tuple[int, str]] = []
    monkeypatch.setattr(measures, "LARGE", 0)
    monkeypatch.setattr(measures, "REST", 0)
    monkeypatch.setattr(queue, "send", lambda _task, *args: messages.append(args))

    def left() -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = annotator.get(
            f"/api/v1/projects/{alternating}/sweeps"
        ).json()
        return listed

    moves = set()
    for _ in range(4):
        before = left()
        [lease] = take(annotator, alternating)
        put(annotator, lease)
        assert left() == before
        assert len(messages) == 1, "it is counted anew by a task"
        tasks.recount(*messages.pop())
        moves.add(json.dumps(change({"list": before}, {"list": left()}), sort_keys=True))
    [moved] = moves
    assert set(json.loads(moved).values()) == {-1}


def test_numbers_and_names_tell_when_an_image_was_given_and_nothing_else(
    annotator: TestClient, alternating: int
) -> None:
    leased = [lease for _ in range(6) for lease in take(annotator, alternating)]
    images = [lease["image"] for lease in leased]
    assert [image_of(lease) in gold_ids(alternating) for lease in leased] == [False, True] * 3
    first = images[0]["id"]
    assert [image["id"] for image in images] == list(range(first, first + 6))
    assert {image["external_id"].rsplit(" ", 1)[0] for image in images} == {"image"}
    for image in images:
        assert str(image["id"]) in image["url"]
        shown = annotator.get(f"/api/v1/images/{image['id']}").json()
        assert {name: shown[name] for name in image} == image
        assert annotator.get(image["url"]).status_code == 200
    for lease in leased:
        put(annotator, lease)
    mine = annotator.get(f"/api/v1/projects/{alternating}/labels/mine").json()["items"]
    assert [label["image_id"] for label in mine] == [image["id"] for image in images][::-1]
    address = f"/api/v1/projects/{alternating}/images"
    for part, found in (("image", 6), (images[1]["external_id"], 1), ("cam", 0), ("gold", 0)):
        listed = annotator.get(address, params={"name": part}).json()["items"]
        assert len(listed) == found, part
        counted = annotator.get(f"{address}/count", params={"name": part}).json()
        assert counted["count"] == found, part
    for number in {image_of(lease) for lease in leased}:
        assert annotator.get(f"/api/v1/images/{number}").status_code == 404


def test_a_number_is_its_owners_and_leads_find_the_image_by_it(
    annotator: TestClient,
    engineer: TestClient,
    sign_in: Callable[[Role], TestClient],
    alternating: int,
    people: dict[Role, int],
) -> None:
    leased = [lease for _ in range(2) for lease in take(annotator, alternating)]
    for lease in leased:
        here = f"/api/v1/images/{lease['image']['id']}"
        found = engineer.get(here).json()
        assert found["id"] == image_of(lease)
        assert engineer.get(f"{here}/file").content == annotator.get(f"{here}/file").content
    with session_scope() as session:
        session.add(
            Member(project_id=alternating, user_id=people[Role.ENGINEER], role=MemberRole.VIEWER)
        ) if session.get(Member, (alternating, people[Role.ENGINEER])) is None else session.execute(
            update(Member).where(Member.user_id == people[Role.ENGINEER]).values(role="viewer")
        )
    for lease in leased:
        here = f"/api/v1/images/{lease['image']['id']}"
        missing = engineer.get(here)
        assert missing.status_code == 404
        assert str(lease["image"]["id"]) in missing.json()["detail"]


def test_what_was_given_before_there_were_gold_images_keeps_its_number(
    annotator: TestClient, engineer: TestClient, project: int, copying: list[str]
) -> None:
    [before] = take(annotator, project)
    engineer.post(f"/api/v1/projects/{project}/gold", json={"count": GOLD})
    gold_making.make(project, command=copying)
    after = take(annotator, project, 2)
    assert before["image"]["id"] == 1
    assert min(lease["image"]["id"] for lease in after) > Handout.NUMBERS_FROM
    put(annotator, before)
    here = annotator.get("/api/v1/images/1").json()
    assert (here["id"], here["external_id"]) == (1, "cam3/0000.jpg")
    listed = annotator.get(f"/api/v1/projects/{project}/images").json()["items"]
    given = sorted(one["image"]["id"] for one in after)
    assert [image["id"] for image in listed] == [1, *given]


def test_an_image_that_one_gave_back_takes_a_label_gold_or_not(
    annotator: TestClient, alternating: int
) -> None:
    held = [lease for _ in range(4) for lease in take(annotator, alternating)]
    answers = []
    for lease in held:
        assert annotator.delete(f"/api/v1/leases/{lease['id']}").status_code == 204
        body = {"present": ["Road"], "absent": [], "timing": TIMING}
        answer = annotator.put(f"/api/v1/images/{lease['image']['id']}/label", json=body)
        lost = annotator.put(
            f"/api/v1/images/{lease['image']['id']}/label", json=body | {"lease_id": lease["id"]}
        )
        answers.append((answer.status_code, lost.status_code, lost.json()["detail"]))
    assert len(set(answers)) == 1, answers


def test_no_gold_image_comes_new_among_those_that_were_on_pages(
    annotator: TestClient, alternating: int
) -> None:
    """Who has swept all images knows what they are given new."""
    address = f"/api/v1/projects/{alternating}/sweeps"
    page = annotator.post(address, json={"category": "Car"}).json()
    assert len(page["images"]) == OWN
    numbers = [image["id"] for image in page["images"]]
    assert min(numbers) > Handout.NUMBERS_FROM
    refused = annotator.put(
        f"/api/v1/sweeps/{page['id']}/answers",
        json={"absent": [image_by(n) for n in numbers], "timing": TIMING},
    )
    assert refused.json()["code"] == "not-on-page"
    stored = annotator.put(
        f"/api/v1/sweeps/{page['id']}/answers", json={"absent": numbers, "timing": TIMING}
    )
    assert stored.json() == {"stored": OWN, "taken": []}
    leased = [lease for _ in range(OWN) for lease in take(annotator, alternating)]
    assert {lease["image"]["id"] for lease in leased} == set(numbers)
    assert all(lease["label"]["image_id"] == lease["image"]["id"] for lease in leased)


def test_no_gold_image_comes_in_place_of_one_that_takes_a_look_first(
    annotator: TestClient, alternating: int
) -> None:
    """To read and decode a file takes longer than a lease."""
    with session_scope() as session:
        session.execute(
            update(Image).where(Image.gold.is_(False)).values(state=ImageState.REGISTERED)
        )
    take(annotator, alternating, 4)
    with session_scope(read_only=True) as session:
        assert session.scalars(select(Assignment).where(Assignment.gold)).all() == []


@pytest.mark.parametrize("with_run", [False, True])
def test_what_the_model_says_is_told_of_no_blind_image_even_after_the_answer(
    annotator: TestClient, engineer: TestClient, alternating: int, with_run: bool
) -> None:
    engineer.patch(f"/api/v1/projects/{alternating}", json={"blind_share": 1})
    run_id = show_run(alternating)
    for image_id in range(1, OWN + 1):
        add_prediction(run_id, image_id, {"Road": 0.9})
    answers = set()
    for _ in range(4):
        [lease] = take(annotator, alternating)
        address = f"/api/v1/images/{lease['image']['id']}/prediction"
        params = {"run_id": run_id} if with_run else {}
        before = annotator.get(address, params=params).json()
        put(annotator, lease)
        after = annotator.get(address, params=params).json()
        mask = annotator.get(f"{address}/mask.png", params=params).json()
        answers.add(json.dumps([before, after, mask], sort_keys=True))
    assert len(answers) == 1
    assert "judged-blind" in answers.pop()


def test_gold_pictures_are_files_like_the_projects_own(
    annotator: TestClient,
    engineer: TestClient,
    make_project: Callable[..., dict[str, Any]],
    upload: Callable[[int, dict[str, bytes]], dict[str, Any]],
    copying: list[str],
) -> None:
    made = make_project(name="Wide", source="town", gold_share=0.5)["id"]
    buffer = io.BytesIO()
    wide = PillowImage.open(io.BytesIO(picture(1))).resize((120, 40))
    wide.save(buffer, "JPEG")
    upload(made, {"a.jpg": buffer.getvalue()})
    engineer.post(f"/api/v1/projects/{made}/gold", json={"count": GOLD})
    gold_making.make(made, command=copying)
    with session_scope(read_only=True) as session:
        rows = session.execute(
            select(Image, GoldImage).join(GoldImage, GoldImage.image_id == Image.id)
            .where(Image.project_id == made)
        ).all()  # fmt: skip
        ids = [c.id for c in session.get_one(Project, made).categories]
    assert len(rows) == GOLD
    for image, truth in rows:
        assert (image.width, image.height) == (120, 40)
        assert image.storage_key is not None
        with PillowImage.open(get_storage().path(image.storage_key)) as stored:
            assert (stored.size, stored.format) == ((120, 40), "JPEG")
        mask = get_storage().path(truth.mask_key).read_bytes()
        assert len(mask) == 120 * 40
        # Of 64 x 48 pixels in three bands of 16 rows the middle 64 x 21.3: of the outer bands 2.7
        # rows each, an eighth and so less than half of a third.
        assert [mask[120 * y] for y in (0, 4, 5, 34, 35, 39)] == [0, 0, 1, 1, 2, 2]
        assert (truth.present, truth.absent) == ([ids[1]], [])


def test_when_a_picture_was_written_is_not_told(
    annotator: TestClient, alternating: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.api.downloads.SMALL", 0)
    seen = set()
    for _ in range(2):
        [lease] = take(annotator, alternating)
        headers = annotator.get(lease["image"]["url"]).headers
        told_here = {"etag", "content-length", "x-request-id"}
        seen.add(str(sorted((k, v) for k, v in headers.items() if k not in told_here)))
    assert len(seen) == 1
