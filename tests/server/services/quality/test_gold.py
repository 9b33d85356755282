"""Gold images are made once, look like any other image to people, and count nowhere else."""

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from server.db import session_scope, utcnow
from server.models import Assignment, GoldImage, GoldSet, Handout, Image, Label, Member, Project
from server.models.image import AssignmentState
from server.models.member import MemberRole
from server.models.user import Role
from server.services.assignment import gold_turns, leases, prefill
from server.services.quality import gold_making
from server.services.runs import directory
from server.storage import get_storage
from tests.server.factories import (
    add_label,
    add_prediction,
    make_dataset,
    make_user,
    show_run,
)
from tests.server.services.quality.conftest import GOLD, OWN

TIMING = {"wall_ms": 5000, "events": []}


def gold_ids(project: int) -> set[int]:
    with session_scope(read_only=True) as session:
        query = select(GoldImage.image_id).where(GoldImage.project_id == project)
        return set(session.scalars(query))


def image_of(lease: dict[str, Any]) -> int:
    """Id of the leased image, which annotators are not told."""
    return image_by(lease["image"]["id"])


def image_by(number: int) -> int:
    if number < Handout.NUMBERS_FROM:
        return number
    with session_scope(read_only=True) as session:
        return session.get_one(Handout, number - Handout.NUMBERS_FROM).image_id


def status(client: TestClient, project: int) -> dict[str, Any]:
    answer = client.get(f"/api/v1/projects/{project}/gold")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def take(client: TestClient, project: int, count: int = 1) -> list[dict[str, Any]]:
    answer = client.post(f"/api/v1/projects/{project}/leases", json={"count": count})
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def put(client: TestClient, lease: dict[str, Any], **fields: Any) -> None:
    body = {"lease_id": lease["id"], "present": ["Road"], "absent": ["Car"], "timing": TIMING}
    answer = client.put(f"/api/v1/images/{lease['image']['id']}/label", json=body | fields)
    assert answer.status_code == 200, answer.text


def label_all(client: TestClient, project: int, **fields: Any) -> list[int]:
    """Label until nothing is left; gives the images in the order in which they came."""
    seen = []
    while found := take(client, project):
        put(client, found[0], **fields)
        seen.append(image_of(found[0]))
    return seen


def test_the_trainer_tells_the_truth_of_each_image(engineer: TestClient, project: int) -> None:
    engineer.post(f"/api/v1/projects/{project}/gold", json={"count": GOLD})
    gold_making.make(project)
    assert status(engineer, project) == {
        "state": "ready", "wanted": GOLD, "made": GOLD, "error": None,
    }  # fmt: skip
    with session_scope(read_only=True) as session:
        rows = session.execute(
            select(Image, GoldImage).join(GoldImage, GoldImage.image_id == Image.id)
        ).all()
        ids = [c.id for c in session.get_one(Project, project).categories]
    assert len(rows) == GOLD
    for image, truth in rows:
        assert (image.gold, image.state, image.width, image.height) == (True, "ready", 64, 48)
        assert (truth.present, truth.absent) == (ids, [])
        assert get_storage().exists(truth.mask_key)


def test_names_are_like_the_projects_own(mixed: int) -> None:
    with session_scope(read_only=True) as session:
        names = session.scalars(select(Image.alias).where(Image.gold)).all()
        own = session.scalars(select(Image.external_id).where(~Image.gold)).all()
    assert len(set(names)) == GOLD
    assert not set(names) & set(own)
    for name in names:
        assert name is not None
        assert name.startswith("cam")
        assert name.endswith(".jpg")
        assert len(name) == len("cam3/0000.jpg")


def test_making_goes_on_where_it_stopped_and_happens_once(
    engineer: TestClient, mixed: int, copying: list[str]
) -> None:
    before = gold_ids(mixed)
    with session_scope() as session:
        gone = session.scalars(select(GoldImage).where(GoldImage.number == 2)).one()
        session.delete(gone)
        session.get_one(GoldSet, mixed).state = "making"
    with session_scope(read_only=True) as session:
        assert gold_making.due(session) == [mixed]
    gold_making.make(mixed, command=copying)
    gold_making.make(mixed, command=["false"])
    after = gold_ids(mixed)
    assert (len(after), len(after & before)) == (GOLD, GOLD - 1)
    again = engineer.post(f"/api/v1/projects/{mixed}/gold", json={"count": GOLD})
    assert again.json()["state"] == "ready"
    other = engineer.post(f"/api/v1/projects/{mixed}/gold", json={"count": GOLD + 1})
    assert (other.status_code, other.json()["code"]) == (409, "gold-exists")


def test_a_failure_is_told_and_can_be_tried_again(
    engineer: TestClient, project: int, copying: list[str]
) -> None:
    engineer.post(f"/api/v1/projects/{project}/gold", json={"count": GOLD})
    command = [sys.executable, "-c", "import sys; sys.exit('error: no more disk')"]
    gold_making.make(project, command=command)
    found = status(engineer, project)
    assert (found["state"], found["error"]) == ("failed", "no more disk")
    retried = engineer.post(f"/api/v1/projects/{project}/gold", json={"count": 2})
    assert retried.json() == {"state": "making", "wanted": 2, "made": 0, "error": None}
    gold_making.make(project, command=copying)
    assert status(engineer, project)["state"] == "ready"


def test_what_is_missing_is_said(
    engineer: TestClient, annotator: TestClient, make_project: Callable[..., dict[str, Any]]
) -> None:
    def refused(project: int, client: TestClient = engineer, **body: Any) -> tuple[int, str]:
        answer = client.post(f"/api/v1/projects/{project}/gold", json=body)
        return answer.status_code, answer.json()["code"]

    bare = make_project()["id"]
    assert refused(bare) == (409, "no-source")
    make_dataset("town")
    empty = make_project(name="Empty", source="town")["id"]
    assert refused(empty) == (409, "no-images")
    assert refused(empty, count=501)[0] == 422
    assert refused(empty, annotator) == (403, "forbidden")
    assert refused(99) == (404, "not-found")
    assert annotator.get(f"/api/v1/projects/{empty}/gold").status_code == 403
    shares = [make_project(name=f"P{s}", gold_share=s)["gold_share"] for s in (0, 0.5)]
    assert shares == [0, 0.5]
    too_much = engineer.patch(f"/api/v1/projects/{empty}", json={"gold_share": 0.51})
    assert too_much.status_code == 422


def test_each_person_gets_each_gold_image_at_most_once_among_their_work(
    sign_in: Callable[[Role], TestClient], mixed: int
) -> None:
    hidden = gold_ids(mixed)
    for role in (Role.ANNOTATOR, Role.ENGINEER):
        seen = label_all(sign_in(role), mixed)
        assert len(seen) == len(set(seen))
        assert set(seen) - hidden == set(range(1, OWN + 1))
        assert 0 < len(set(seen) & hidden) <= GOLD


def test_the_share_is_kept_whatever_number_is_asked_for(
    annotator: TestClient, people: dict[Role, int], mixed: int
) -> None:
    person = people[Role.ANNOTATOR]
    with session_scope(read_only=True) as session:
        project = session.get_one(Project, mixed)
        for share in (0.02, 0.2, 0.5):
            project.gold_share = share
            drawn = sum(
                gold_turns.is_drawn(project.blind_secret, f"gold:{person}:{n}", share)
                for n in range(4000)
            )
            assert abs(drawn / 4000 - share) < 0.03
        session.expunge_all()


def test_giving_images_back_brings_no_other_draw(annotator: TestClient, mixed: int) -> None:
    def look() -> list[bool]:
        found = take(annotator, mixed, 4)
        for lease in found:
            assert annotator.delete(f"/api/v1/leases/{lease['id']}").status_code == 204
        return [image_of(lease) in gold_ids(mixed) for lease in found]

    first = look()
    assert [look() for _ in range(3)] == [first] * 3
    assert sum(first) <= 1


def test_looking_far_ahead_keeps_the_share_and_unanswered_ones_come_back(
    annotator: TestClient, people: dict[Role, int], mixed: int
) -> None:
    hidden = gold_ids(mixed)
    with session_scope(read_only=True) as session:
        secret = session.get_one(Project, mixed).blind_secret
    names = [f"gold:{people[Role.ANNOTATOR]}:{n}" for n in range(OWN)]
    drawn = min(GOLD, sum(gold_turns.is_drawn(secret, name, 0.5) for name in names))
    held = [image_of(lease) for _ in range(OWN) for lease in take(annotator, mixed)]
    mine = [image for image in held if image in hidden]
    assert len(mine) == len(set(mine)) == drawn
    with session_scope() as session:
        session.execute(update(Assignment).values(lease_expires_at=utcnow()))
    again = [lease for _ in range(OWN) for lease in take(annotator, mixed)]
    assert [image_of(one) for one in again if image_of(one) in hidden] == mine
    for lease in again:
        put(annotator, lease)
    with session_scope(read_only=True) as session:
        states = session.scalars(select(Assignment.state).where(Assignment.gold)).all()
    assert states == [AssignmentState.DONE.value] * drawn


def test_an_answer_counts_after_its_lease_ran_out_but_only_its_owners(
    annotator: TestClient, engineer: TestClient, mixed: int
) -> None:
    hidden = gold_ids(mixed)
    [lease] = [one for one in take(annotator, mixed, 12) if image_of(one) in hidden]
    with session_scope() as session:
        session.execute(update(Assignment).values(lease_expires_at=utcnow()))
    address = f"/api/v1/images/{lease['image']['id']}/label"
    body = {"present": ["Road"], "absent": [], "timing": TIMING}
    assert engineer.put(address, json=body).json()["code"] == "image-taken"
    assert annotator.put(address, json=body).status_code == 200


def test_many_people_at_once_share_no_assignment(mixed: int) -> None:
    workers = [make_user(f"w{n}@example.org") for n in range(8)]
    with ThreadPoolExecutor(len(workers)) as pool:
        taken = list(pool.map(lambda person: leases.take(mixed, person, 2), workers * 2))
    ids = [lease.id for found in taken for lease in found]
    assert len(ids) == len(set(ids))
    with session_scope(read_only=True) as session:
        rows = session.scalars(select(Assignment).where(Assignment.lease_id.in_(ids))).all()
    assert len(rows) == len(ids)
    assert all(row.slot == row.annotator_id for row in rows if row.gold)
    assert any(row.gold for row in rows)


@pytest.mark.parametrize(
    "settings",
    [{}, {"prefill": "model"}, {"prefill": "priors"}, {"show_predictions": False}],
    ids=["shown", "ticked", "priors", "hidden"],
)
def test_nothing_sets_a_gold_lease_apart_from_those_of_blind_images(
    annotator: TestClient, engineer: TestClient, mixed: int, settings: dict[str, Any]
) -> None:
    engineer.patch(f"/api/v1/projects/{mixed}", json=settings | {"blind_share": 1})
    run_id = show_run(mixed)
    for image_id in range(1, OWN + 1):
        add_prediction(run_id, image_id, {"Road": 0.9})
    found = take(annotator, mixed, 12)
    hidden = gold_ids(mixed)
    assert {image_of(lease) in hidden for lease in found} == {True, False}

    def told(value: Any) -> Any:
        """What a lease says, less what differs between any two."""
        if isinstance(value, dict):
            names = {"id", "external_id", "url"}
            return {k: type(v) if k in names else told(v) for k, v in value.items()}
        return value

    assert len({json.dumps(told(lease), default=str) for lease in found}) == 1
    for lease in found:
        image = annotator.get(f"/api/v1/images/{lease['image']['id']}").json()
        assert image["external_id"] == lease["image"]["external_id"]
        assert "gold" not in json.dumps([lease, image])


def listed(client: TestClient, project: int, **params: Any) -> set[int]:
    found, cursor = set(), None
    while True:
        wanted = params | {"limit": 5} | ({"cursor": cursor} if cursor else {})
        page = client.get(f"/api/v1/projects/{project}/images", params=wanted)
        assert page.status_code == 200, page.text
        found |= {image_by(image["id"]) for image in page.json()["items"]}
        if not (cursor := page.json()["next_cursor"]):
            return found


@pytest.fixture
def answered(annotator: TestClient, engineer: TestClient, mixed: int) -> tuple[int, set[int]]:
    """The project after two people answered, and its gold images, on which they disagree."""
    hidden = gold_ids(mixed)
    for client, car in ((annotator, "present"), (engineer, "absent")):
        while found := take(client, mixed):
            if image_of(found[0]) in hidden:
                said: dict[str, Any] = {"present": ["Road"], "absent": []}
                said[car] = [*said[car], "Car"]
                put(client, found[0], **said)
            else:
                put(client, found[0], present=["Road"], absent=["Car", "Tree"])
    with session_scope(read_only=True) as session:
        assert len(session.scalars(select(Label).where(Label.gold)).all()) > 1
    return mixed, hidden


DOORS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "": lambda found: (found["images"]["total"], found["images"]["ready"],
                       found["images"]["labelled"], found["images"]["leased"]) == (OWN, OWN, OWN, 0),
    "/disputed": lambda found: found["items"] == [],
    "/agreement": lambda found: {c["category"]: c["images"] for c in found["categories"]}
    == {"Road": OWN, "Car": OWN, "Tree": OWN},
    "/prefill-effect": lambda found: found["blind"]["labels"] == 0,
    "/skips": lambda found: found == [],
}  # fmt: skip


def test_gold_counts_at_no_door_of_a_project(
    engineer: TestClient, answered: tuple[int, set[int]]
) -> None:
    project, _ = answered
    for door, is_right in DOORS.items():
        found = engineer.get(f"/api/v1/projects/{project}{door}")
        assert found.status_code == 200
        assert is_right(found.json()), door


def test_gold_is_in_no_list_snapshot_export_or_run(
    engineer: TestClient, annotator: TestClient, answered: tuple[int, set[int]]
) -> None:
    project, hidden = answered
    own = set(range(1, OWN + 1))
    address = f"/api/v1/projects/{project}"
    assert listed(engineer, project) == own
    assert own <= listed(annotator, project) <= own | hidden, "what they were given"
    assert listed(engineer, project, category="Road") == own
    assert listed(engineer, project, state="ready") == own
    assert listed(engineer, project, state="unlabelled") == set()
    assert listed(engineer, project, state="gold") == hidden
    refused = annotator.get(f"{address}/images", params={"state": "gold"})
    assert (refused.status_code, refused.json()["code"]) == (403, "filter")
    after = engineer.get(f"{address}/images/{OWN}/neighbours").json()
    assert after == {"previous_id": OWN - 1, "next_id": None}

    snapshot = engineer.post(f"{address}/snapshots").json()
    assert (snapshot["labels"], snapshot["images"]) == (2 * OWN, OWN)
    lines = engineer.get(f"{address}/labels/export").text.splitlines()
    assert len(lines) == 2 * OWN
    assert {json.loads(line)["image"][:5] for line in lines} == {"cam3/"}

    image_id = min(hidden)
    again = engineer.post(f"{address}/images/requeue", json={"image_ids": [image_id]})
    assert again.status_code == 404
    with session_scope(read_only=True) as session:
        names = session.scalars(select(Image.alias).where(Image.gold)).all()
    line = json.dumps(
        {"image": names[0], "width": 64, "height": 48, "present": ["Car"], "absent": []}
    )
    imported = engineer.post(f"{address}/labels/import", params={"format": "jsonl"}, content=line)
    assert imported.status_code == 200
    assert imported.json()["imported"] == 0
    assert "no image of this name" in imported.text

    config = {"recipe": "tiny", "supervision": "source-only"}
    made = engineer.post(f"{address}/runs", json=config)
    assert made.status_code == 201, made.text
    folder = directory.prepare(made.json()["id"])
    assert len((folder / directory.TARGET).read_text().splitlines()) == OWN


def test_the_same_picture_and_name_can_still_be_imported(
    engineer: TestClient, mixed: int, upload: Callable[[int, dict[str, bytes]], dict[str, Any]]
) -> None:
    with session_scope(read_only=True) as session:
        image = session.scalars(select(Image).where(Image.gold)).first()
        assert image is not None
        assert image.alias is not None
        assert image.storage_key is not None
    content = get_storage().path(image.storage_key).read_bytes()
    assert upload(mixed, {image.alias: content})["imported"] == 1


def test_priors_are_those_of_own_labels(
    annotator: TestClient, engineer: TestClient, mixed: int
) -> None:
    engineer.patch(f"/api/v1/projects/{mixed}", json={"prefill": "priors"})
    image_id = min(gold_ids(mixed))
    for number in range(20):
        add_label(mixed, image_id, make_user(f"p{number}@example.org"), gold=True)
    assert [lease["prefill"] for lease in take(annotator, mixed, 4)] == [None] * 4


def test_without_a_source_or_a_share_nothing_is_mixed_in(
    annotator: TestClient, engineer: TestClient, mixed: int
) -> None:
    for change in ({"source": None}, {"source": "town", "gold_share": 0}):
        engineer.patch(f"/api/v1/projects/{mixed}", json=change)
        found = take(annotator, mixed, 12)
        assert {image_of(lease) for lease in found} == set(range(1, OWN + 1))
        for lease in found:
            annotator.delete(f"/api/v1/leases/{lease['id']}")


def test_a_gold_image_never_comes_alone(annotator: TestClient, mixed: int) -> None:
    with session_scope() as session:
        session.execute(update(Assignment).values(state=AssignmentState.DONE.value))
    assert take(annotator, mixed, 4) == []


@pytest.mark.parametrize(
    ("settings", "blind"),
    [
        ({}, True),
        ({"prefill": "model", "show_predictions": False}, True),
        ({"prefill": "priors", "show_predictions": False}, False),
        ({"source": None}, False),
        ({"gold_share": 0}, False),
    ],
    ids=["shown", "ticked", "not shown", "no source", "no share"],
)
def test_without_a_blind_share_of_its_own_a_project_has_as_many_blind_images_as_gold_ones(
    engineer: TestClient, mixed: int, settings: dict[str, Any], blind: bool
) -> None:
    changed = engineer.patch(f"/api/v1/projects/{mixed}", json={"blind_share": 0} | settings)
    assert changed.status_code == 200, changed.text
    show_run(mixed)
    with session_scope(read_only=True) as session:
        project = session.get_one(Project, mixed)
        drawn = sum(prefill.is_blind(project, 1, image) for image in range(1000))
    assert (abs(drawn / 1000 - 0.5) < 0.07) if blind else drawn == 0


def test_gold_stands_out_nowhere_when_nothing_else_is_to_be_blind(
    annotator: TestClient, engineer: TestClient, mixed: int
) -> None:
    engineer.patch(f"/api/v1/projects/{mixed}", json={"blind_share": 0})
    run_id = show_run(mixed)
    for image_id in range(1, OWN + 1):
        add_prediction(run_id, image_id, {"Road": 0.9})
    found = take(annotator, mixed, 12)
    hidden = gold_ids(mixed)
    blind = {image_of(lease) for lease in found if lease["blind"]}
    assert blind & hidden
    assert blind - hidden


def seen_by(client: TestClient, image_id: int) -> list[int]:
    """How each address of an image answers."""
    here = f"/api/v1/images/{image_id}"
    label = {"present": ["Road"], "absent": ["Car", "Tree"], "timing": {"wall_ms": 5000}}
    addresses = (here, f"{here}/file", f"{here}/labels", f"{here}/prediction")
    return [client.get(each).status_code for each in addresses] + [
        client.put(f"{here}/label", json=label).status_code
    ]


def test_who_asks_for_every_image_by_its_number_finds_what_they_were_given(
    annotator: TestClient, engineer: TestClient, mixed: int, people: dict[Role, int]
) -> None:
    engineer.patch(f"/api/v1/projects/{mixed}", json={"blind_share": 1})
    leased = take(annotator, mixed, 12)
    given = {image_of(lease) for lease in leased}
    assert {image_id in gold_ids(mixed) for image_id in given} == {True, False}
    everything = set(range(1, OWN + 1)) | gold_ids(mixed)
    for image_id in everything:
        assert seen_by(annotator, image_id) == [404] * 5, image_id
    assert listed(annotator, mixed) == given
    url = f"/api/v1/projects/{mixed}/images"
    for image_id in everything:
        assert annotator.get(f"{url}/{image_id}/neighbours").status_code == 404
    numbers = {lease["image"]["id"] for lease in leased}
    walked, here = [], max(numbers)
    while here is not None:
        here = annotator.get(f"{url}/{here}/neighbours").json()["previous_id"]
        walked.append(here)
    assert set(walked) - {None} < numbers
    for image_id in gold_ids(mixed) - given:
        assert seen_by(engineer, image_id)[:3] == [200, 200, 200], "leads inspect"
    with session_scope() as session:
        viewer = Member(project_id=mixed, user_id=people[Role.ANNOTATOR], role=MemberRole.VIEWER)
        session.add(viewer)
    assert {annotator.get(f"/api/v1/images/{n}").status_code for n in gold_ids(mixed)} == {404}


def test_nothing_sets_gold_apart_in_the_list_of_what_one_was_given(
    annotator: TestClient, engineer: TestClient, mixed: int
) -> None:
    """Before and after one's answer, whatever others say: dates, counts, states and disputes."""
    engineer.patch(f"/api/v1/projects/{mixed}", json={"overlap": 2})
    found = take(annotator, mixed, 12)
    hidden = gold_ids(mixed)
    gold = next(lease for lease in found if image_of(lease) in hidden)
    own = [lease for lease in found if image_of(lease) not in hidden]
    other = make_user("other@example.org")
    for image_id in (image_of(gold), image_of(own[0])):
        add_label(mixed, image_id, other, gold=image_id in hidden)
    put(annotator, gold)
    put(annotator, own[0])
    address = f"/api/v1/projects/{mixed}/images"
    for state, count in (("labelled", 2), ("unlabelled", 10), ("ready", 12)):
        items = annotator.get(address, params={"state": state}).json()["items"]
        assert len(items) == count, state
        told = [
            {k: v for k, v in item.items() if k not in ("id", "external_id", "url", "labels")}
            for item in items
        ]
        assert all(one == told[0] for one in told), state
    for state in ("labelled", "unlabelled"):
        items = annotator.get(address, params={"state": state}).json()["items"]
        assert {item["labels"] for item in items} == {int(state == "labelled")}


def test_an_image_that_one_gave_back_is_still_there_for_who_had_it(
    annotator: TestClient, mixed: int
) -> None:
    for lease in take(annotator, mixed, 4):
        annotator.delete(f"/api/v1/leases/{lease['id']}")
        image_id = lease["image"]["id"]
        assert annotator.get(f"/api/v1/images/{image_id}").status_code == 200
