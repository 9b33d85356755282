"""No image is handed to two people at once, on either database, however many ask."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, update

from server.db import session_scope, utcnow
from server.errors import Conflict
from server.models import Assignment, Image, Project, User
from server.models.image import AssignmentState
from server.schemas.image import ManifestLine
from server.schemas.label import LabelIn, Timing
from server.schemas.project import ProjectIn
from server.services import projects
from server.services.assignment import leases
from server.services.assignment.leases import Lease
from server.services.images import importing
from server.services.labels import submitting

CLIENTS = 32
IMAGES = 200

Take = Callable[[int, int, int], list[Lease]]


@pytest.fixture
def annotators(database: str) -> list[int]:
    with session_scope() as session:
        people = [
            User(email=f"a{n}@example.org", password_hash="-", role="annotator")
            for n in range(CLIENTS)
        ]
        session.add_all(people)
        session.flush()
        return [person.id for person in people]


def make_ready_images(count: int, overlap: int = 1) -> int:
    """A project with images that need no verification; gives its id."""
    body = {"name": "Streets", "categories": [{"name": "Road"}], "overlap": overlap,
            "open_to_everybody": True}  # fmt: skip
    with session_scope() as session:
        project = projects.create(session, ProjectIn.model_validate(body))
    lines = ((n, ManifestLine(uri=f"{n}.jpg")) for n in range(1, count + 1))
    importing.register_manifest(project.id, lines)
    with session_scope() as session:
        session.execute(update(Image).values(state="ready", width=64, height=48))
    return project.id


def take_naively(project_id: int, annotator_id: int, count: int) -> list[Lease]:
    """What must not be done: look for free images first, take them afterwards."""
    now = utcnow()
    until = now + timedelta(seconds=90)
    with session_scope(read_only=True) as session:
        free = session.scalars(
            select(Assignment)
            .where(Assignment.project_id == project_id, leases.is_free(Assignment, now))
            .order_by(Assignment.id)
            .limit(count)
        ).all()
    with session_scope() as session:
        for found in free:
            session.execute(
                update(Assignment)
                .where(Assignment.id == found.id)
                .values(annotator_id=annotator_id, lease_expires_at=until)
            )
    return [Lease("naive", until, found.image_id) for found in free]


def hand_out(take: Take, project_id: int, people: list[int]) -> Counter[int]:
    """Let everybody lease at once until nothing is left; how often each image was handed out."""
    together = Barrier(len(people))

    def work(person: int) -> list[int]:
        together.wait()
        mine: list[int] = []
        while taken := take(project_id, person, 3):
            mine += [lease.image_id for lease in taken]
        return mine

    with ThreadPoolExecutor(len(people)) as pool:
        return Counter(image for mine in pool.map(work, people) for image in mine)


def test_thirty_two_people_never_share_an_image(
    annotators: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_check_lease_limit", lambda *_: None)
    project_id = make_ready_images(IMAGES)
    handed_out = hand_out(leases.take, project_id, annotators)
    assert set(handed_out.values()) == {1}
    assert len(handed_out) == IMAGES


def test_the_same_test_catches_select_then_update(annotators: list[int]) -> None:
    project_id = make_ready_images(2 * len(annotators))
    handed_out = hand_out(take_naively, project_id, annotators)
    assert max(handed_out.values()) > 1


def test_with_overlap_each_image_goes_to_that_many_different_people(
    annotators: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_check_lease_limit", lambda *_: None)
    project_id = make_ready_images(40, overlap=2)
    hand_out(leases.take, project_id, annotators)
    # Whoever asks while others take may see nothing free for a moment: ask once more in turn.
    for person in annotators:
        leases.take(project_id, person, 40)
    with session_scope() as session:
        holders = session.execute(select(Assignment.image_id, Assignment.annotator_id)).all()
    assert len(holders) == 80
    assert None not in {person for _, person in holders}
    assert len(set(holders)) == 80


def test_nobody_gets_both_slots_of_an_image(annotators: list[int]) -> None:
    project_id = make_ready_images(3, overlap=2)
    taken = leases.take(project_id, annotators[0], 6)
    assert sorted(Counter(lease.image_id for lease in taken).values()) == [1, 1, 1]


def test_leases_come_in_order_of_import(annotators: list[int]) -> None:
    project_id = make_ready_images(5)
    first = leases.take(project_id, annotators[0], 3)
    assert [lease.image_id for lease in first] == sorted(lease.image_id for lease in first)
    second = leases.take(project_id, annotators[1], 2)
    assert min(lease.image_id for lease in second) > max(lease.image_id for lease in first)


def expire_all() -> None:
    with session_scope() as session:
        session.execute(update(Assignment).values(lease_expires_at=utcnow() - timedelta(seconds=1)))


def test_an_expired_lease_goes_to_the_next_person_and_is_lost(annotators: list[int]) -> None:
    project_id = make_ready_images(1)
    [old] = leases.take(project_id, annotators[0], 1)
    assert leases.take(project_id, annotators[1], 1) == []
    expire_all()
    [new] = leases.take(project_id, annotators[1], 1)
    assert new.image_id == old.image_id
    assert new.id != old.id
    for act in (leases.renew, leases.release):
        with session_scope() as session, pytest.raises(Conflict) as caught:
            act(session, old.id, annotators[0])
        assert caught.value.problem_code == "lease-lost"


def test_an_expired_lease_that_nobody_took_is_lost_too(annotators: list[int]) -> None:
    project_id = make_ready_images(1)
    [lease] = leases.take(project_id, annotators[0], 1)
    expire_all()
    with session_scope() as session, pytest.raises(Conflict, match="expired"):
        leases.finish(session, lease.id, annotators[0], lease.image_id)


def test_a_heartbeat_extends_the_lease(annotators: list[int]) -> None:
    project_id = make_ready_images(1)
    [lease] = leases.take(project_id, annotators[0], 1)
    with session_scope() as session:
        session.execute(update(Assignment).values(lease_expires_at=utcnow() + timedelta(seconds=2)))
    with session_scope() as session:
        renewed = leases.renew(session, lease.id, annotators[0])
    assert renewed.expires_at > utcnow() + timedelta(seconds=80)


def test_another_persons_lease_can_not_be_renewed(annotators: list[int]) -> None:
    project_id = make_ready_images(1)
    [lease] = leases.take(project_id, annotators[0], 1)
    with session_scope() as session, pytest.raises(Conflict):
        leases.renew(session, lease.id, annotators[1])


def test_a_released_image_is_free_again(annotators: list[int]) -> None:
    project_id = make_ready_images(1)
    [lease] = leases.take(project_id, annotators[0], 1)
    with session_scope() as session:
        leases.release(session, lease.id, annotators[0])
    assert len(leases.take(project_id, annotators[1], 1)) == 1


def test_one_person_can_not_hoard(annotators: list[int]) -> None:
    project_id = make_ready_images(40)
    leases.take(project_id, annotators[0], 16)
    with pytest.raises(Conflict) as caught:
        leases.take(project_id, annotators[0], 1)
    assert caught.value.problem_code == "too-many-leases"


@pytest.mark.parametrize(("active_ms", "most"), [(2_000, 16 + 30), (20_000, 16 + 3), (1, 64)])
def test_who_is_fast_holds_what_they_label_in_a_minute(
    annotators: list[int], active_ms: int, most: int
) -> None:
    project_id = make_ready_images(90)
    for lease in leases.take(project_id, annotators[0], 6):
        timing = Timing.model_validate(
            {
                "wall_ms": active_ms,
                "events": [{"at": at, "kind": "input"} for at in range(0, active_ms, 1000)],
            }
        )
        wanted = LabelIn(lease_id=lease.id, present=["Road"], timing=timing)
        with session_scope() as session:
            submitting.submit(session, lease.image_id, annotators[0], wanted, None)
    held = 0
    while held < most:
        held += len(leases.take(project_id, annotators[0], min(16, most - held)))
    with pytest.raises(Conflict, match=f"at most {most}"):
        leases.take(project_id, annotators[0], 1)


def test_several_leases_are_renewed_and_given_back_at_once(annotators: list[int]) -> None:
    project_id = make_ready_images(4)
    mine = [lease.id for lease in leases.take(project_id, annotators[0], 3)]
    [other] = leases.take(project_id, annotators[1], 1)
    with session_scope() as session:
        leases.release(session, mine[0], annotators[0])
        kept = leases.renew_all(session, [*mine, other.id, "strange"], annotators[0])
        assert {lease.id for lease in kept} == set(mine[1:])
        leases.release_all(session, [*mine, other.id], annotators[0])
        assert leases.renew_all(session, mine, annotators[0]) == []
        assert len(leases.renew_all(session, [other.id], annotators[1])) == 1


def test_a_bad_picture_is_set_aside_when_it_is_leased(annotators: list[int]) -> None:
    body = {"name": "Streets", "categories": [{"name": "Road"}]}
    with session_scope() as session:
        project = projects.create(session, ProjectIn.model_validate(body))
    importing.register_manifest(project.id, [(1, ManifestLine(uri="missing.jpg"))])
    assert leases.take(project.id, annotators[0], 1) == []
    with session_scope() as session:
        image = session.scalars(select(Image)).one()
        assert image.state == "rejected"
        assert "No such file" in (image.reject_reason or "")
        assert session.scalars(select(Assignment.state)).one() == AssignmentState.VOID
        assert session.get_one(Project, project.id).overlap == 1
