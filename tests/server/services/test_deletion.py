"""What is deleted is gone: from tables, storage and the bytes of the database, and figures stay right."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text, update

from server.db import get_engine, session_scope, utcnow
from server.errors import BadInput, Conflict, NotFound
from server.models import (
    Assignment,
    Checkpoint,
    GoldImage,
    GoldSet,
    Image,
    Label,
    Prediction,
    Project,
    Removal,
    RulesPicture,
    RulesReading,
    Run,
    SignInFailure,
    Snapshot,
    User,
)
from server.models.gold import GoldState
from server.models.image import AssignmentState, ImageState
from server.models.run import RunState
from server.models.user import Role
from server.schemas.label import LabelIn
from server.schemas.rules import RulesIn
from server.services import deletion, flags, projects, removals, rules
from server.services.accounts import sessions, users
from server.services.assignment import leases
from server.services.images import counting, files
from server.services.labels import snapshots, submitting
from server.services.runs import directory
from server.settings import get_settings
from server.storage import get_storage
from server.tasks import cleaning as tasks
from tests.server import factories

pytestmark = pytest.mark.usefixtures("database")

NAME = "portrait-of-ann-0815.png"
OTHER = "street.png"
ADDRESS = "ann.0815@example.org"


def make_old(seconds: float = 3600) -> None:
    """As if all files had been stored a while ago."""
    then = time.time() - seconds
    for path in stored():
        os.utime(path, (then, then))


def stored() -> list[Path]:
    return [path for path in get_settings().data.rglob("*") if path.is_file()]


def everything() -> bytes:
    """All bytes that the server keeps: of storage, run folders, and the database with its log."""
    found = [path.read_bytes() for path in stored()] + [str(path).encode() for path in stored()]
    url = get_engine().url
    if url.get_backend_name() == "sqlite":
        for end in ("", "-wal"):
            path = Path(f"{url.database}{end}")
            found.append(path.read_bytes() if path.exists() else b"")
    else:
        with session_scope(read_only=True) as session:
            for table in inspect(get_engine()).get_table_names():
                rows = session.execute(text(f"SELECT * FROM {table}")).all()
                found.append(repr(rows).encode())
    return b"\n".join(found)


def open_assignments(image_ids: list[int], project_id: int) -> None:
    with session_scope() as session:
        session.add_all(
            Assignment(project_id=project_id, image_id=i, slot=0, state=AssignmentState.OPEN)
            for i in image_ids
        )


def add_files_of_run(run_id: int, image_id: int) -> None:
    """A mask, a report page with a picture, and a folder that lists the images."""
    storage = get_storage()
    key = f"runs/{run_id}/predictions/1/{image_id}.png"
    storage.put_bytes(key, b"mask of ann")
    factories.add_prediction(run_id, image_id, {"Road": 0.5}, mask_key=key)
    storage.put_bytes(f"runs/{run_id}/report-0.html", f"<img title={NAME}>".encode())
    folder = directory.path_of(run_id)
    folder.mkdir(parents=True)
    (folder / "target.jsonl").write_text(NAME)


@pytest.fixture
def project() -> Iterator[int]:
    """Two images, the first with labels, prediction, snapshot, lease; at the end counts are right."""
    project_id = factories.make_project()
    ann = factories.make_user(ADDRESS)
    image_ids = factories.add_images(project_id, [NAME, OTHER])
    open_assignments(image_ids, project_id)
    for image_id in image_ids:
        factories.add_label(project_id, image_id, ann, present=["Car"])
    run_id = factories.show_run(project_id)
    for image_id in image_ids:
        add_files_of_run(run_id, image_id) if image_id == 1 else None
    with session_scope() as session:
        flags.put(session, image_ids[0], ann, "about ann herself")
        wanted = RulesIn.model_validate({"based_on": 0, "sections": [{"text": "how ann is told"}]})
        rules.publish(session, project_id, ann, wanted)
    key = f"projects/{project_id}/rules/{'0' * 32}.png"
    get_storage().put_bytes(key, b"a picture of ann")
    with session_scope() as session:
        session.add(RulesPicture(project_id=project_id, storage_key=key, width=64, height=48))
    files.key_for_screen(image_ids[0], 30)
    files.forget()
    make_old()
    yield project_id
    tasks.remove_deleted()
    assert counting.check() == {}


def count(table: type, *where: object) -> int:
    with session_scope(read_only=True) as session:
        return len(session.scalars(select(table).where(*where)).all())  # type: ignore[arg-type]


# --- an image


def test_of_a_deleted_image_nothing_is_left(project: int) -> None:
    with session_scope(read_only=True) as session:
        key = session.get_one(Image, 1).storage_key or ""
    content = get_storage().path(key).read_bytes()
    assert NAME.encode() in everything()
    told = deletion.preview_image(1)
    assert told.counts == {
        "labels": 1, "predictions": 1, "leases": 0, "flags": 1, "snapshots": 0,
    }  # fmt: skip
    assert told.refused is None
    assert deletion.delete_image(1).counts == told.counts
    left = everything()
    for gone in (NAME.encode(), content[-200:], b"mask of ann", b"about ann herself"):
        assert gone not in left
    assert not list(get_settings().data.rglob(f"*{Path(key).stem}*")), "scaled copies too"
    assert (count(Image), count(Label), count(Prediction), count(Removal)) == (1, 1, 0, 0)
    with pytest.raises(NotFound):
        deletion.delete_image(1)


def test_a_snapshot_that_names_it_keeps_its_bytes_and_says_so(project: int) -> None:
    snapshot = snapshots.create(project)
    before = get_storage().path(snapshot.storage_key).read_bytes()
    deletion.delete_image(1)
    later = snapshots.create(project)
    with session_scope(read_only=True) as session:
        named, fresh = session.get_one(Snapshot, snapshot.id), session.get_one(Snapshot, later.id)
    assert (named.deleted_images, fresh.deleted_images) == (1, 0)
    figures = ("labels", "images", "points", "active_ms", "wall_ms", "sha256", "size")
    assert [getattr(named, f) for f in figures] == [getattr(snapshot, f) for f in figures]
    assert get_storage().path(snapshot.storage_key).read_bytes() == before
    assert fresh.labels == 1


def test_a_run_on_such_a_snapshot_gets_the_labels_that_are_left(project: int) -> None:
    snapshot = snapshots.create(project)
    deletion.delete_image(1)
    with session_scope() as session:
        run = Run(project_id=project, snapshot_id=snapshot.id, recipe="tiny", supervision="point",
                  overrides={}, config={"labels": "labels.jsonl"}, state=RunState.QUEUED)  # fmt: skip
        session.add(run)
        session.flush()
        session.refresh(run)
    path = get_settings().data / "labels.jsonl"
    directory._copy_labels(run, path)
    assert NAME not in path.read_text()
    assert OTHER in path.read_text()


def test_a_picture_that_another_image_shares_stays(project: int) -> None:
    with session_scope() as session:
        first = session.get_one(Image, 1)
        key = first.storage_key or ""
        session.add(
            Image(project_id=project, external_id="twin", storage_key=key, width=64, height=48,
                  state=ImageState.READY)
        )  # fmt: skip
    deletion.delete_image(1)
    assert get_storage().exists(key)
    assert count(Removal) == 0
    deletion.delete_image(3)
    assert not get_storage().exists(key)


def test_a_picture_that_may_be_in_an_import_at_this_moment_goes_a_little_later(
    project: int,
) -> None:
    make_old(5)
    with session_scope(read_only=True) as session:
        key = session.get_one(Image, 1).storage_key or ""
    deletion.delete_image(1)
    assert get_storage().exists(key)
    assert count(Removal) == 1
    make_old()
    tasks.remove_deleted()
    assert not get_storage().exists(key)
    assert count(Removal) == 0


@pytest.mark.parametrize("after_file", [False, True])
def test_a_kill_between_loses_nothing(
    project: int, monkeypatch: pytest.MonkeyPatch, after_file: bool
) -> None:
    """Killed before the first file goes, or after it has gone and before its row has."""
    with session_scope(read_only=True) as session:
        key = session.get_one(Image, 1).storage_key or ""
    remove = removals._is_gone

    class Killed(BaseException):
        pass

    def killed(number: int, what: str) -> bool:
        if after_file:
            remove(number, what)
        raise Killed

    monkeypatch.setattr(removals, "_is_gone", killed)
    with pytest.raises(Killed):
        deletion.delete_image(1)
    assert count(Image) == 1, "the rows had gone"
    assert get_storage().exists(key) != after_file
    assert count(Removal) > 0
    monkeypatch.setattr(removals, "_is_gone", remove)
    tasks.remove_deleted()
    assert count(Removal) == 0
    assert NAME.encode() not in everything()


def test_a_file_that_had_lost_its_name_when_killed_goes_too(project: int) -> None:
    with session_scope(read_only=True) as session:
        path = get_storage().path(session.get_one(Image, 1).storage_key or "")
    with session_scope() as session:
        session.add(Removal(id=77, key=path.relative_to(get_storage().root).as_posix()))
        session.delete(session.get_one(Image, 1))
    path.rename(path.with_name(".writing-removal-77"))
    tasks.remove_deleted()
    assert not path.with_name(".writing-removal-77").exists()


def test_who_holds_it_loses_it_and_who_answers_is_told(project: int) -> None:
    ben = factories.make_user("ben@example.org")
    with session_scope() as session:
        held = leases.take_in(session, project, ben, 2)
    assert {lease.image_id for lease in held} == {1, 2}
    assert deletion.delete_image(1).counts["leases"] == 1
    body = LabelIn.model_validate(
        {"present": ["Road"], "timing": {"wall_ms": 1000, "events": []}, "lease_id": held[0].id}
    )
    with pytest.raises(NotFound), session_scope() as session:
        submitting.submit(session, 1, ben, body, None)
    with session_scope() as session:
        assert [
            lease.image_id for lease in leases.renew_all(session, [h.id for h in held], ben)
        ] == [2]


def test_not_while_a_run_is_at_work(project: int) -> None:
    run_id = factories.make_run(project, RunState.RUNNING)
    assert "cancel it first" in (deletion.preview_image(1).refused or "")
    with pytest.raises(Conflict, match="cancel it first"):
        deletion.delete_image(1)
    assert count(Image) == 2
    with session_scope() as session:
        session.get_one(Run, run_id).state = RunState.CANCELLED
    deletion.delete_image(1)


def test_a_gold_image_goes_with_its_mask(project: int) -> None:
    get_storage().put_bytes("projects/1/gold/00001.mask", b"true answers")
    with session_scope() as session:
        image = Image(project_id=project, external_id="gold", gold=True, state=ImageState.READY)
        session.add(image)
        session.flush()
        session.add(
            GoldImage(image_id=image.id, project_id=project, number=1, present=[], absent=[],
                      mask_key="projects/1/gold/00001.mask")
        )  # fmt: skip
        session.add(
            GoldSet(project_id=project, wanted=2, seed=1, category_ids=[], state=GoldState.MAKING)
        )
    with pytest.raises(Conflict, match="being made"):
        deletion.delete_image(image.id)
    with session_scope() as session:
        session.get_one(GoldSet, project).state = GoldState.READY
    deletion.delete_image(image.id)
    assert b"true answers" not in everything()
    assert count(GoldImage) == 0


def test_nobody_waits_while_remnants_cannot_go(project: int, database: str) -> None:
    if database != "sqlite":
        pytest.skip("PostgreSQL has its own vacuum")
    with session_scope(read_only=True) as reader:
        reader.execute(text("SELECT count(*) FROM images"))
        deletion.delete_image(1)
        with session_scope(read_only=True) as session:
            assert set(session.scalars(select(Removal.key))) == {removals.REMNANTS}
        with session_scope() as session:
            assert session.execute(text("PRAGMA busy_timeout")).scalar_one() > 1000
    tasks.remove_deleted()
    assert count(Removal) == 0
    assert NAME.encode() not in everything()


@pytest.mark.parametrize("name", ['a"b.png', "straße\u2028.png", "b\\n.png", "x.png"])
def test_a_snapshot_names_what_it_has_a_line_of_and_no_more(project: int, name: str) -> None:
    ann = factories.make_user("eve@example.org")
    (image_id,) = factories.add_images(project, [name])
    factories.add_label(project, image_id, ann)
    snapshot = snapshots.create(project)
    assert snapshots.names_image(snapshot, name)
    for other in (name[1:], name[:-1], f"{name}x", "Car", ""):
        assert not snapshots.names_image(snapshot, other)


def test_a_number_is_not_given_again(project: int) -> None:
    """Else a browser would show the picture that it kept under it."""
    deletion.delete_image(2)
    (new,) = factories.add_images(project, ["later.png"])
    assert new == 3


# --- a run, a checkpoint


def test_a_run_goes_with_its_files_and_another_is_shown(project: int) -> None:
    first = count(Run)
    second = factories.show_run(project)
    add_files_of_run(second, 2)
    with session_scope() as session:
        key = f"runs/{second}/checkpoints/000001-x.safetensors"
        get_storage().put_bytes(key, b"weights of the second")
        session.add(
            Checkpoint(run_id=second, step=1, miou=None, score={}, size=21, sha256="0" * 64,
                       storage_key=key)
        )  # fmt: skip
    told = deletion.delete_run(second)
    assert told.counts == {"checkpoints": 1, "predictions": 1}
    assert not get_storage().path(f"runs/{second}").exists()
    assert not directory.path_of(second).exists()
    assert b"weights of the second" not in everything()
    with session_scope(read_only=True) as session:
        assert session.get_one(Project, project).prediction_run_id == first
    deletion.delete_run(first)
    with session_scope(read_only=True) as session:
        assert session.get_one(Project, project).prediction_run_id is None


@pytest.mark.parametrize("state", [RunState.QUEUED, RunState.RUNNING, RunState.INTERRUPTED])
def test_a_run_that_has_not_ended_stays(project: int, state: RunState) -> None:
    run_id = factories.make_run(project, state)
    assert deletion.preview_run(run_id).refused is not None
    with pytest.raises(Conflict, match="cancel it first"):
        deletion.delete_run(run_id)
    assert count(Run, Run.id == run_id) == 1


def test_a_checkpoint_goes_and_its_run_stays(project: int) -> None:
    key = "runs/1/checkpoints/000001-x.safetensors"
    get_storage().put_bytes(key, b"weights")
    link = directory.path_of(1) / "step-000001.safetensors"
    os.link(get_storage().path(key), link)
    with session_scope() as session:
        session.add(
            Checkpoint(run_id=1, step=1, miou=None, score={}, size=7, sha256="0" * 64, storage_key=key)
        )  # fmt: skip
    assert deletion.preview_checkpoint(1).counts == {"bytes": 7}
    deletion.delete_checkpoint(1)
    assert not get_storage().exists(key)
    assert not link.exists()
    assert (count(Run), count(Checkpoint)) == (1, 0)


# --- a dataset


def test_a_dataset_is_forgotten_once_no_project_names_it() -> None:
    card = factories.make_dataset("tiny-source")
    project = factories.make_project(source="tiny-source")
    assert deletion.preview_dataset("tiny-source").refused is not None
    with pytest.raises(Conflict, match=f"project {project}"):
        deletion.delete_dataset("tiny-source")
    with session_scope() as session:
        session.execute(update(Project).values(source=None))
    deletion.delete_dataset("tiny-source")
    assert not card.exists()
    assert (card.parent / "tiny-source" / "images").is_dir()
    for name in ("tiny-source", "../x", "."):
        with pytest.raises(NotFound):
            deletion.delete_dataset(name)


# --- a project


def archive(project: int) -> None:
    with session_scope() as session:
        session.get_one(Project, project).archived_at = utcnow()


def test_a_project_is_archived_first_and_its_name_typed(project: int) -> None:
    with pytest.raises(Conflict, match="archive"):
        deletion.delete_project(project, "Streets")
    archive(project)
    with pytest.raises(BadInput, match="name"):
        deletion.delete_project(project, "streets")
    run_id = factories.make_run(project, RunState.QUEUED)
    with pytest.raises(Conflict, match=f"run {run_id}"):
        deletion.delete_project(project, "Streets")


def test_of_a_deleted_project_nothing_is_left(project: int) -> None:
    other = factories.make_project("Parks")
    factories.add_images(other, ["tree.png"])
    snapshots.create(project)
    with session_scope() as session:
        session.get_one(Project, project).description = "where ann lives"
    archive(project)
    make_old()
    assert deletion.preview_project(project).counts == {
        "images": 2, "labels": 2, "runs": 1, "snapshots": 1,
    }  # fmt: skip
    deletion.delete_project(project, "Streets")
    with session_scope(read_only=True) as session:
        assert [each.id for each in projects.list_all(session)] == [other]
        with pytest.raises(NotFound):
            projects.get(session, project)
    factories.make_project("Streets")  # the name is free
    tasks.remove_deleted()
    left = everything()
    for gone in (
        NAME, OTHER, "where ann lives", "about ann herself", "how ann is told", "a picture of ann",
    ):  # fmt: skip
        assert gone.encode() not in left
    assert (count(Image), count(Label), count(Removal)) == (1, 0, 0)
    assert not get_storage().path(f"projects/{project}").exists()
    assert not get_storage().path("runs/1").exists()


def test_a_kill_while_a_project_goes_loses_nothing(
    project: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(project)
    deletion.delete_project(project, "Streets")
    monkeypatch.setattr(deletion, "IMAGES_AT_ONCE", 1)
    remove: Callable[[int], bool] = deletion._remove_images
    calls = []

    class Killed(BaseException):
        pass

    def killed(project_id: int) -> bool:
        calls.append(project_id)
        if len(calls) == 2:
            raise Killed
        return remove(project_id)

    monkeypatch.setattr(deletion, "_remove_images", killed)
    with pytest.raises(Killed):
        tasks.remove_deleted()
    assert (count(Image), count(Project)) == (1, 1)
    with session_scope(read_only=True) as session:
        assert deletion.is_due(session)
    monkeypatch.setattr(deletion, "_remove_images", remove)
    tasks.remove_deleted()
    assert (count(Image), count(Project), count(Removal)) == (0, 0, 0)
    assert NAME.encode() not in everything()


# --- a person


def test_of_a_deleted_person_a_number_is_left(project: int) -> None:
    boss = factories.make_user("boss@example.org", Role.ADMIN)
    with session_scope() as session:
        subjects = (f"email:{ADDRESS}", f"from:192.0.2.1 {ADDRESS}")
        session.add_all(SignInFailure(subject=subject) for subject in subjects)
        ann = users.find_by_email(session, ADDRESS)
        assert ann is not None
        sessions.start(session, ann, sessions.Browser("192.0.2.9", "Anns own browser"))
    snapshot = snapshots.create(project)
    before = get_storage().path(snapshot.storage_key).read_bytes()
    assert deletion.delete_user(ann.id, boss).counts == {"labels_kept": 2}
    left = everything()
    assert ADDRESS.encode() not in left
    assert b"Anns own browser" not in left
    with session_scope(read_only=True) as session:
        row = session.get_one(User, ann.id)
        assert (row.email, row.active) == (f"annotator {ann.id}", False)
        assert [user.id for user in users.list_all(session)] == [boss]
        assert users.find_by_email(session, row.email) is None
        assert sessions.list_of(session, ann.id) == []
        with pytest.raises(NotFound):
            users.get(session, ann.id)
    assert (count(Label), count(RulesReading)) == (2, 0)
    assert snapshots.create(project).sha256 == snapshot.sha256
    assert get_storage().path(snapshot.storage_key).read_bytes() == before
    factories.make_user(ADDRESS)  # it is free


def test_guesses_at_others_are_counted_on() -> None:
    boss = factories.make_user("boss@example.org", Role.ADMIN)
    ann = factories.make_user("a@example.org")
    others = {"email:aa@example.org", "from:192.0.2.1 b-a@example.org", "email:%a@example.org"}
    with session_scope() as session:
        mine = {"email:a@example.org", "from:192.0.2.1 a@example.org"}
        session.add_all(SignInFailure(subject=subject) for subject in others | mine)
    deletion.delete_user(ann, boss)
    with session_scope(read_only=True) as session:
        assert set(session.scalars(select(SignInFailure.subject))) == others


def test_nobody_deletes_themselves_or_the_last_admin() -> None:
    boss = factories.make_user("boss@example.org", Role.ADMIN)
    with pytest.raises(Conflict, match="last active admin"):
        deletion.delete_user(boss, 99)
    other = factories.make_user("other@example.org", Role.ADMIN)
    with pytest.raises(Conflict, match="own account"):
        deletion.delete_user(boss, boss)
    deletion.delete_user(boss, other)
    with pytest.raises(NotFound):
        deletion.delete_user(boss, other)
