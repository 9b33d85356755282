"""Counts of images are what a recount gives, whatever was written and by which door."""

import random
import threading

from sqlalchemy import delete, func, insert, select, update

from server.db import is_postgresql, session_scope, utcnow
from server.models import Assignment, Image, ImageCount, Project
from server.models.image import AssignmentState, ImageState
from server.services.assignment import leases, overlap
from server.services.images import counting
from tests.server import factories

REGISTERED, READY, REJECTED = ImageState
OPEN, DONE, VOID = AssignmentState


Counts = tuple[int, int, int, int, int, int]
"""Images that are registered, ready, rejected, labelled; answers that are given, and those in all."""


def counted(project_id: int) -> Counts:
    """Row by row, apart from what is tested."""
    with session_scope(read_only=True) as session:
        images = session.scalars(select(Image).where(Image.is_own_of(project_id))).all()
        assigned = session.scalars(
            select(Assignment).where(
                Assignment.gold.is_(False), Assignment.project_id == project_id
            )
        ).all()
    wanted = {each.image_id for each in assigned if each.state == OPEN}
    states = [each.state for each in assigned]
    given = states.count(DONE)
    there = [sum(image.state == state for image in images) for state in ImageState]
    registered, ready, rejected = there
    labelled = registered + ready - len(wanted)
    return registered, ready, rejected, labelled, given, given + states.count(OPEN)


def kept(project_id: int) -> Counts:
    with session_scope(read_only=True) as session:
        counts = counting.of_projects(session, [project_id])[project_id]
    assert counts.total == counts.registered + counts.ready + counts.rejected
    images = counts.registered, counts.ready, counts.rejected, counts.labelled
    return *images, counts.answers, counts.answers_wanted


def rows(
    project_id: int, names: range, state: ImageState, **fields: bool
) -> list[dict[str, object]]:
    return [
        {"project_id": project_id, "external_id": f"{n}.jpg", "comparable_id": f"{n}.jpg", "split": "train",
         "state": state, "labelled": False, "gold": False, "created_at": utcnow()} | fields
        for n in names
    ]  # fmt: skip


def add(project_id: int, rng: random.Random, first: int) -> None:
    """Some images in one statement, each with assignments in another."""
    with session_scope() as session:
        states = rng.choice([REGISTERED, READY]), rng.random() < 0.2
        images = rows(
            project_id, range(first, first + rng.randint(1, 5)), states[0], gold=states[1]
        )
        ids = session.scalars(insert(Image).returning(Image.id), images).all()
        slots = [
            {"project_id": project_id, "image_id": i, "slot": slot, "state": OPEN, "priority": 0.0,
             "gold": states[1]}
            for i in ids
            for slot in range(rng.randint(0, 2))
        ]  # fmt: skip
        if slots:
            session.execute(insert(Assignment), slots)


def change_images(project_id: int, rng: random.Random) -> None:
    with session_scope() as session:
        some = Image.id % rng.randint(1, 4) == 0
        session.execute(
            update(Image)
            .where(Image.project_id == project_id, some)
            .values(state=rng.choice(list(ImageState)))
        )


def change_assignments(project_id: int, rng: random.Random) -> None:
    """Both of an image's in one statement too."""
    with session_scope() as session:
        some = Assignment.image_id % rng.randint(1, 4) == 0
        session.execute(
            update(Assignment)
            .where(Assignment.project_id == project_id, some)
            .values(state=rng.choice([OPEN, DONE, VOID]), lease_expires_at=None)
        )


def move_gold(project_id: int, rng: random.Random) -> None:
    with session_scope() as session:
        gold = rng.random() < 0.5
        some = Image.id % 5 == 0
        session.execute(update(Image).where(Image.project_id == project_id, some).values(gold=gold))


def remove(project_id: int, rng: random.Random) -> None:
    """Assignments, or images with their assignments by the foreign key."""
    with session_scope() as session:
        if rng.random() < 0.5:
            some = Assignment.id % 3 == 0
            session.execute(delete(Assignment).where(Assignment.project_id == project_id, some))
        else:
            session.execute(delete(Image).where(Image.project_id == project_id, Image.id % 4 == 0))


def change_overlap(project_id: int, rng: random.Random) -> None:
    with session_scope() as session:
        session.get_one(Project, project_id).overlap = rng.randint(1, 3)
    overlap.fit(project_id)


def test_counts_are_those_of_a_recount_after_any_writes(database: str) -> None:
    rng = random.Random(14)
    project_id, other_id = factories.make_project("One"), factories.make_project("Other")
    for step in range(120):
        does = rng.choice([change_images, change_assignments, remove, change_overlap, None, None])
        if does is None:
            add(rng.choice([project_id, other_id]), rng, 10 * step)
        else:
            does(project_id, rng)
        if step % 10 == 0:
            counting.add_up()
        assert (step, kept(project_id)) == (step, counted(project_id))
        assert (step, kept(other_id)) == (step, counted(other_id))
    assert counting.check() == {}


def test_an_image_that_becomes_gold_is_no_longer_counted(database: str) -> None:
    project_id = factories.make_project()
    with session_scope() as session:
        session.execute(insert(Image), rows(project_id, range(10), READY))
    move_gold(project_id, random.Random(1))
    assert kept(project_id)[:3] == counted(project_id)[:3]


def test_what_is_taken_back_is_not_counted(database: str) -> None:
    project_id = factories.make_project()
    with session_scope() as session:
        session.execute(insert(Image), rows(project_id, range(3), READY))
        session.rollback()
    assert kept(project_id) == (0, 0, 0, 0, 0, 0)


def test_wrong_counts_are_put_right(database: str) -> None:
    project_id = factories.make_project()
    factories.add_images(project_id, ["0.jpg", "1.jpg"])
    with session_scope() as session:
        session.execute(
            insert(ImageCount).values(
                project_id=project_id,
                registered=5,
                ready=-1,
                rejected=0,
                unfinished=2,
                answers_open=3,
                answers_done=-4,
            )
        )
    assert kept(project_id) != counted(project_id)
    assert counting.check() == {project_id: (-5, 1, 0, -2, -3, 4)}
    assert kept(project_id) == counted(project_id)
    assert counting.check() == {}


def test_two_people_finish_two_answers_of_one_image_at_once(database: str) -> None:
    project_id = factories.make_project(overlap=2)
    image_ids = factories.add_images(project_id, [f"{n}.jpg" for n in range(6)])
    with session_scope() as session:
        session.execute(
            insert(Assignment),
            [
                {"project_id": project_id, "image_id": i, "slot": slot, "state": OPEN,
                 "priority": 0.0, "gold": False}
                for i in image_ids
                for slot in (0, 1)
            ],
        )  # fmt: skip
    people = [factories.make_user(f"{n}@example.org") for n in range(2)]
    held = {person: leases.take(project_id, person, 6) for person in people}
    start = threading.Barrier(2)

    def finish(person: int) -> None:
        for lease in held[person]:
            start.wait(30)
            with session_scope() as session:
                # As a label does, whose image is locked until it is stored.
                session.get_one(Image, lease.image_id, with_for_update=True)
                leases.finish(session, lease.id, person, lease.image_id)

    threads = [threading.Thread(target=finish, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert kept(project_id) == counted(project_id) == (0, 6, 0, 6, 12, 12)


def test_labels_do_not_wait_for_each_other_at_the_counts(database: str) -> None:
    """On PostgreSQL each transaction leaves rows of its own, which the upkeep adds up."""
    project_id = factories.make_project()
    factories.add_images(project_id, ["0.jpg", "1.jpg"])
    with session_scope() as session:
        several = is_postgresql(session)
        of_project = select(func.count()).where(ImageCount.project_id == project_id)
        before = session.scalar(of_project) or 0
        session.execute(insert(Image), rows(project_id, range(7, 9), REGISTERED))
        assert ((session.scalar(of_project) or 0) > before) == several
    counting.add_up()
    with session_scope(read_only=True) as session:
        assert session.scalar(of_project) == 1
    assert kept(project_id) == counted(project_id)
