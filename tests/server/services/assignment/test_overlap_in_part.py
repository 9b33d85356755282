"""Several people for a share of the images or for the first of them, and one for the others."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import literal_column, select, update

from server.db import session_scope, utcnow
from server.errors import BadInput
from server.models import Assignment, Image, Project
from server.models.image import AssignmentState, ImageState
from server.schemas.image import ManifestLine
from server.schemas.project import ProjectChange
from server.services import deletion, projects
from server.services.assignment import leases, overlap, sweep_pages
from server.services.images import counting, importing
from server.services.quality import agreement
from tests.server.factories import add_label, make_project, make_user
from tests.server.statements import noted

OPEN, DONE = AssignmentState.OPEN, AssignmentState.DONE


def add(project: int, first: int, count: int) -> None:
    lines = [(n, ManifestLine(uri=f"{n:03}.jpg")) for n in range(first, first + count)]
    importing.register_manifest(project, lines)
    with session_scope() as session:
        waits = Image.state == ImageState.REGISTERED
        session.execute(update(Image).where(waits).values(state="ready", width=64, height=48))


def change(project: int, **settings: Any) -> None:
    """As the route does it, and its worker."""
    with session_scope() as session:
        projects.change(session, project, ProjectChange(**settings))
    overlap.fit(project)


def work(project: int, person: int, most: int = 1000) -> list[int]:
    """The images that a person answers, in the order in which they are given."""
    done: list[int] = []
    while len(done) < most and (taken := leases.take(project, person, min(3, most - len(done)))):
        for lease in taken:
            finish(person, lease)
        done += [lease.image_id for lease in taken]
    return done


def finish(person: int, lease: leases.Lease) -> None:
    """As a label does, whose image is locked until it is stored."""
    with session_scope() as session:
        session.get_one(Image, lease.image_id, with_for_update=True)
        leases.finish(session, lease.id, person, lease.image_id)


def assigned(project: int) -> dict[int, list[Assignment]]:
    """By image."""
    found: dict[int, list[Assignment]] = {}
    with session_scope(read_only=True) as session:
        for image_id in session.scalars(select(Image.id).where(Image.project_id == project)):
            found[image_id] = []
        for each in session.scalars(select(Assignment).where(Assignment.project_id == project)):
            found[each.image_id].append(each)
    return found


def sizes(project: int) -> list[int]:
    """How many answers each image is to have, in order of import."""
    return [len(each) for _, each in sorted(assigned(project).items())]


def get(project: int) -> Project:
    with session_scope(read_only=True) as session:
        return projects.get(session, project)


@pytest.mark.parametrize("settings", [
    {"overlap": 3, "overlap_share": 0.1}, {"overlap": 2, "overlap_share": 0.37},
    {"overlap": 2, "overlap_share": 0.0}, {"overlap": 4}, {"overlap": 1, "overlap_share": 0.5},
    {"overlap": 2, "overlap_first": 7}, {"overlap": 2, "overlap_first": 7, "overlap_until": 1234},
])  # fmt: skip
def test_the_database_draws_as_the_server_does(database: str, settings: dict[str, Any]) -> None:
    project = get(make_project(**settings))
    numbers = [1, 2, 3, 77, 1233, 1234, 1235, 999_999, 1_000_000, 2**31 - 1]
    with session_scope(read_only=True) as session:
        for number in numbers:
            said = session.scalar(select(project.people_wanted_of(literal_column(str(number)))))
            assert said == project.people_wanted(number), number


def test_a_share_is_fixed_even_and_grows(database: str) -> None:
    project = get(make_project(overlap=2))
    before: set[int] = set()
    for share in (0.02, 0.1, 0.25, 0.5, 0.9, 1.0):
        project.overlap_share = share
        drawn = {i for i in range(1, 5001) if project.people_wanted(i) == 2}
        assert before <= drawn
        for first in range(1, 4001, 400):
            stretch = len(drawn & set(range(first, first + 1000)))
            assert stretch == pytest.approx(1000 * share, abs=5)
        before = drawn
    project.overlap_share, project.blind_secret = 0.5, "one"
    other = get(make_project("Other", overlap=2, overlap_share=0.5))
    other.blind_secret = "another"  # of two by chance one in a hundred draws these images alike
    ids = range(1, 99)
    assert [project.people_wanted(i) for i in ids] != [other.people_wanted(i) for i in ids]


def test_of_the_first_images_those_that_are_there_and_those_that_come(database: str) -> None:
    project = make_project(overlap=3, overlap_first=5)
    add(project, 0, 3)
    add(project, 3, 4)
    add(project, 7, 2)
    assert sizes(project) == [3] * 5 + [1] * 4
    change(project, overlap_first=7)
    assert sizes(project) == [3] * 7 + [1] * 2
    change(project, overlap_first=2)
    assert sizes(project) == [3] * 2 + [1] * 7
    change(project, overlap_first=20)
    add(project, 9, 20)
    assert sizes(project) == [3] * 20 + [1] * 9
    change(project, overlap_first=None, overlap=1)
    assert sizes(project) == [1] * 29


def test_deleting_one_of_the_first_draws_no_other_in(database: str) -> None:
    project = make_project(overlap=2, overlap_first=3)
    add(project, 0, 5)
    deletion.delete_image(min(assigned(project)))
    add(project, 5, 2)
    overlap.fit(project)
    assert sizes(project) == [2, 2, 1, 1, 1, 1]
    change(project, overlap_first=4)
    assert sizes(project) == [2, 2, 2, 2, 1, 1]


def test_an_image_goes_to_the_next_person_before_others_are_begun(database: str) -> None:
    """So that it is known on the first day how far people agree."""
    project = make_project(overlap=2, overlap_share=0.3)
    add(project, 0, 40)
    one, two = make_user("1@example.org"), make_user("2@example.org")
    shared = [i for i in sorted(assigned(project)) if get(project).people_wanted(i) == 2]
    mine = work(project, one, 20)
    assert mine == sorted(assigned(project))[:20]
    theirs = work(project, two, 10)
    again = [i for i in shared if i in mine]
    assert theirs[: len(again)] == again
    for image_id in again:
        for person in (one, two):
            add_label(project, image_id, person)
    with session_scope(read_only=True) as session:
        assert {c.images for c in agreement.measure(session, project).categories} == {
            len(again), 0
        }  # fmt: skip


def test_priorities_decide_which_images_come_and_the_overlap_how_often(database: str) -> None:
    project = make_project(overlap=2, overlap_first=2)
    add(project, 0, 6)
    first, second, *_, last = sorted(assigned(project))
    with session_scope() as session:
        for image_id, priority in ((last, 3.0), (second, 2.0), (first, 1.0)):
            here = update(Assignment).where(Assignment.image_id == image_id)
            session.execute(here.values(priority=priority))
    one, two = make_user("1@example.org"), make_user("2@example.org")
    assert work(project, one, 3) == [last, second, first]
    assert work(project, two, 3)[:2] == [second, first]


def test_where_one_has_begun_more_than_is_looked_at_the_others_get_all(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LOOKED_AT", 2)
    leases._leasing_begun.cache_clear()
    try:
        project = make_project(overlap=2, overlap_first=10)
        add(project, 0, 12)
        ids = sorted(assigned(project))
        people = [make_user(f"{n}@example.org") for n in range(3)]
        assert work(project, people[0], 4) == ids[:4]
        assert work(project, people[1], 2) == ids[:2]
        assert work(project, people[0]) == ids[4:]
        assert work(project, people[0]) == []
        assert sorted(work(project, people[1])) == ids[2:10]
        assert work(project, people[2]) == []
    finally:
        leases._leasing_begun.cache_clear()


def test_many_people_at_once_give_each_image_as_many_answers(database: str) -> None:
    project = make_project(overlap=3, overlap_share=0.5)
    add(project, 0, 30)
    people = [make_user(f"{n}@example.org") for n in range(6)]
    with ThreadPoolExecutor(len(people)) as pool:
        done = [*pool.map(lambda person: work(project, person), people)]
    # Who asks while others take may see nothing free for a moment.
    done += [work(project, person) for person in people]
    answers = Counter(image_id for each in done for image_id in each)
    of = get(project)
    assert answers == {i: of.people_wanted(i) for i in assigned(project)}
    check(project)


def test_to_take_leases_costs_no_statement_more(database: str) -> None:
    of = []
    for name, settings in (("all", {}), ("part", {"overlap_share": 0.5})):
        project = make_project(name, overlap=2, **settings)
        add(project, 0, 8)
        person = make_user(f"{name}@example.org")
        leases.take(project, person, 1)
        with noted() as sent:
            assert len(leases.take(project, person, 2)) == 2
        of.append(len(sent))
    assert of[0] == of[1]


def test_a_share_and_a_number_at_once_are_refused(database: str) -> None:
    project = make_project(overlap=2, overlap_share=0.5)
    with session_scope() as session, pytest.raises(BadInput, match="overlap_share"):
        projects.change(session, project, ProjectChange(overlap_first=3))
    change(project, overlap_first=3, overlap_share=1)
    assert get(project).overlap_first == 3


def test_the_settings_by_http(engineer: TestClient, make_project: Any) -> None:
    made = make_project(overlap=2, overlap_share=0.1)
    assert (made["overlap"], made["overlap_share"], made["overlap_first"]) == (2, 0.1, None)
    address = f"/api/v1/projects/{made['id']}"
    assert engineer.patch(address, json={"overlap_share": 1.01}).status_code == 422
    assert engineer.patch(address, json={"overlap_first": 0}).status_code == 422
    assert engineer.patch(address, json={"overlap_first": 5}).status_code == 422
    body = {"overlap_first": 5, "overlap_share": 1}
    assert engineer.patch(address, json=body).json()["overlap_first"] == 5
    answer = engineer.post("/api/v1/projects", json={
        "name": "Two", "categories": [{"name": "Road"}], "overlap_first": 5, "overlap_share": 0.5,
    })  # fmt: skip
    assert answer.status_code == 422


def test_a_sweep_asks_as_many_people_for_each_image(database: str) -> None:
    project = make_project(overlap=2, overlap_first=4, mode="tags", show_predictions=False)
    add(project, 0, 9)
    asked: Counter[int] = Counter()
    for n in range(3):
        page = sweep_pages.take(project, make_user(f"{n}@example.org"), "Car", [])
        asked.update([] if page is None else [place.image_id for place in page.places])
    assert [asked[i] for i in sorted(assigned(project))] == [2] * 4 + [1] * 5


def check(project: int) -> None:
    """What is asked for is what the settings say and what was begun, and the sums agree with it."""
    now, of = utcnow(), get(project)
    given = wanted = 0
    for image_id, each in assigned(project).items():
        begun = [a for a in each if a.state == DONE or (a.lease_expires_at or now) > now]
        assert len(each) == max(of.people_wanted(image_id), len(begun)), image_id
        people = [a.annotator_id for a in begun]
        assert len(set(people)) == len(people), "nobody twice"
        given += sum(a.state == DONE for a in each)
        wanted += len(each)
    with session_scope(read_only=True) as session:
        counts = counting.of_projects(session, [project])[project]
    assert (counts.answers, counts.answers_wanted) == (given, wanted)
    assert counting.check() == {}


class Team:
    """Some people at work in a project whose settings and images change."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.project = make_project(overlap=2, overlap_share=0.4)
        self.people = [make_user(f"{n}@example.org") for n in range(5)]
        self.held: list[tuple[int, leases.Lease]] = []
        self.added = 0

    def add(self) -> None:
        add(self.project, self.added, count := self.rng.randint(1, 5))
        self.added += count

    def delete(self) -> None:
        if there := sorted(assigned(self.project)):
            deletion.delete_image(gone := self.rng.choice(there))
            self.held = [each for each in self.held if each[1].image_id != gone]

    def settle(self) -> None:
        is_first = self.rng.random() < 0.5
        change(
            self.project,
            overlap=self.rng.randint(1, 4),
            overlap_share=1.0 if is_first else self.rng.random(),
            overlap_first=self.rng.randint(1, 20) if is_first else None,
        )

    def work(self) -> None:
        work(self.project, self.rng.choice(self.people), self.rng.randint(1, 6))

    def hold(self) -> None:
        person = self.rng.choice(self.people)
        self.held += [(person, lease) for lease in leases.take(self.project, person, 1)]

    def give_back(self) -> None:
        if self.held:
            person, lease = self.held.pop(self.rng.randrange(len(self.held)))
            with session_scope() as session:
                leases.release(session, lease.id, person)
            overlap.fit(self.project)

    def finish(self) -> None:
        for person, lease in self.held:
            finish(person, lease)


@pytest.mark.parametrize("seed", range(3))
def test_each_image_has_its_answers_whatever_is_changed_meanwhile(database: str, seed: int) -> None:
    """Raised, lowered, deleted, added, given back: then all go on until nothing is left."""
    team = Team(seed)
    does = [team.add, team.delete, team.settle, team.work, team.work, team.hold, team.give_back]
    for _ in range(30):
        team.rng.choice(does)()
        check(team.project)
    team.finish()
    before = {
        image_id: sum(one.state == DONE for one in each)
        for image_id, each in assigned(team.project).items()
    }
    done = Counter(i for person in team.people for i in work(team.project, person))
    of = get(team.project)
    for image_id, given in before.items():
        assert given + done[image_id] == max(of.people_wanted(image_id), given)
    check(team.project)
    with session_scope(read_only=True) as session:
        counts = counting.of_projects(session, [team.project])[team.project]
    assert counts.answers == counts.answers_wanted
    assert counts.labelled == counts.total
