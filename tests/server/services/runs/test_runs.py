from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from server.db import session_scope
from server.errors import BadInput, Conflict, NotFound
from server.models import Project, Run
from server.models.run import RunState
from server.schemas.run import RunIn
from server.services.labels import snapshots
from server.services.runs import runs
from server.storage import Storage
from tests.server.factories import (
    add_images,
    add_label,
    make_dataset,
    make_project,
    make_run,
    make_trainable_project,
    make_user,
    run_row,
)
from tests.server.one_database import ONE_DATABASE
from trainer.contract import TrainConfig, WeakLabel


def create(project_id: int, **fields: Any) -> Run:
    return runs.create(project_id, RunIn.model_validate(fields), None)


def refused(project_id: int, **fields: Any) -> tuple[str, str]:
    with pytest.raises((BadInput, Conflict, NotFound)) as error:
        create(project_id, **fields)
    with session_scope(read_only=True) as session:
        assert runs.list_all(session, project_id) == [], "nothing has changed"
    return error.value.problem_code, error.value.detail


def test_a_run_has_a_complete_configuration(database: str) -> None:
    make_dataset("tiny-validation")
    project_id = make_trainable_project(validation="tiny-validation")

    run = create(project_id, overrides={"steps": 8, "weights.point": 2})

    config = TrainConfig.model_validate(run.config)
    assert (config.recipe, config.supervision.value, config.steps) == ("tiny", "point", 8)
    assert config.weights.point == 2
    assert config.source.name == "tiny-source"
    assert config.source.root.is_absolute()
    assert config.validation is not None
    assert config.validation.name == "tiny-validation"
    assert (run.state, run.attempt, run.steps) == ("queued", 0, 12)
    assert run.snapshot is not None
    assert run.snapshot.labels == 3


def test_runs_of_the_same_labels_share_a_snapshot(database: str) -> None:
    project_id = make_trainable_project()
    assert create(project_id).snapshot_id == create(project_id).snapshot_id


@pytest.mark.parametrize("supervision", ["source-only", "pseudo"])
def test_a_run_without_peoples_labels_has_none(database: str, supervision: str) -> None:
    run = create(make_trainable_project(labels=0), supervision=supervision)
    assert run.snapshot is None
    assert run.config["labels"] is None


def test_a_project_that_is_not_ready_says_what_is_missing(database: str) -> None:
    project_id = make_project()
    assert refused(project_id)[0] == "no-source"
    with session_scope() as session:
        session.get_one(Project, project_id).source = "gone"
    code, detail = refused(project_id)
    assert code == "no-source"
    assert "there is no dataset 'gone'" in detail
    make_dataset("gone")
    assert refused(project_id)[0] == "no-images"
    (image_id,) = add_images(project_id, ["a"])
    assert refused(project_id) == ("no-labels", "this project has no labels yet")
    annotator_id = make_user()
    add_label(project_id, image_id, annotator_id, present=[], absent=[], skipped="dark")
    assert refused(project_id)[0] == "no-labels", "a skip is no label"
    add_label(project_id, image_id, annotator_id)
    assert create(project_id).state == "queued"


def test_a_validation_set_that_is_gone_is_named(database: str) -> None:
    project_id = make_trainable_project(validation="gone")
    assert refused(project_id)[0] == "no-validation"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"recipe": "tinny"}, "unknown recipe 'tinny'; did you mean 'tiny'?"),
        ({"overrides": {"step": 5}}, "unknown override 'step'; did you mean 'steps'?"),
        ({"overrides": {"steps": -1}}, "override steps: "),
        ({"overrides": {"steps": [1]}}, "override steps: "),
        ({"overrides": {"weights.point": "much"}}, "override weights.point: "),
        ({"overrides": {"weights": {"point": 1}}}, "unknown override 'weights'"),
        ({"overrides": {"source": {"root": "/etc"}}}, "unknown override 'source'"),
        ({"overrides": {"source.root": "/etc"}}, "unknown override 'source.root'"),
        ({"overrides": {"target": None}}, "unknown override 'target'"),
        ({"overrides": {"labels": "/etc/passwd"}}, "unknown override 'labels'"),
        ({"overrides": {"device": "cpu"}}, "overrides: 'device' is for the server to choose"),
        ({"overrides": {"threads": 64}}, "overrides: 'threads' is for the server to choose"),
    ],
)
@ONE_DATABASE
def test_bad_recipes_and_overrides_are_named(
    database: str, fields: dict[str, Any], complaint: str
) -> None:
    _, detail = refused(make_trainable_project(), **fields)
    assert complaint in detail


def test_a_snapshot_of_another_project_is_not_found(database: str) -> None:
    mine, other = make_trainable_project(), make_trainable_project(name="Other")
    snapshot_id = snapshots.create(other).id
    assert refused(mine, snapshot_id=snapshot_id)[0] == "not-found"
    assert refused(mine, snapshot_id=snapshot_id + 100)[0] == "not-found"
    assert create(other, snapshot_id=snapshot_id).snapshot_id == snapshot_id


def test_a_queued_run_is_cancelled_at_once(database: str) -> None:
    run_id = make_run(make_project())
    with session_scope() as session:
        runs.cancel(session, run_id)
    assert run_row(run_id).state == "cancelled"


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED])
def test_a_run_that_ended_can_not_be_cancelled(database: str, state: RunState) -> None:
    run_id = make_run(make_project(), state)
    with pytest.raises(Conflict) as error, session_scope() as session:
        runs.cancel(session, run_id)
    assert error.value.problem_code == "run-ended"


@pytest.mark.parametrize("state", list(RunState))
def test_what_can_be_resumed(database: str, state: RunState) -> None:
    run_id = make_run(
        make_project(), state, error="it broke", interruptions=2, attempt=3,
        finished_at=datetime(2026, 1, 1, tzinfo=UTC), cancel_requested=True,
    )  # fmt: skip
    stopped = state in (RunState.FAILED, RunState.CANCELLED, RunState.INTERRUPTED)
    if not stopped:
        with pytest.raises(Conflict) as error, session_scope() as session:
            runs.resume(session, run_id)
        assert error.value.problem_code == "run-not-stopped"
        return
    with session_scope() as session:
        runs.resume(session, run_id)
    run = run_row(run_id)
    assert (run.state, run.attempt, run.interruptions) == ("queued", 3, 0)
    assert (run.error, run.finished_at, run.cancel_requested) == (None, None, False)


def start_automatic() -> list[int]:
    return [run.project_id for run in runs.start_automatic()]


def finish_all() -> None:
    with session_scope() as session:
        session.query(Run).update({"state": RunState.SUCCEEDED.value})


def label_next(project_id: int, count: int) -> None:
    annotator_id = make_user(f"more-{count}-{project_id}@example.org")
    for image_id in add_images(project_id, [f"more-{count}-{n}" for n in range(count)]):
        add_label(project_id, image_id, annotator_id)


def test_a_run_starts_by_itself_after_enough_new_labels(database: str) -> None:
    project_id = make_trainable_project(labels=2, retrain_after=3)
    assert start_automatic() == []
    label_next(project_id, 1)
    assert start_automatic() == [project_id]
    assert start_automatic() == [], "one waits already"
    finish_all()
    assert start_automatic() == [], "its labels are used"
    label_next(project_id, 2)
    assert start_automatic() == []
    label_next(project_id, 3)
    assert start_automatic() == [project_id]
    with session_scope(read_only=True) as session:
        newest = runs.list_all(session, project_id)[0]
        assert (newest.automatic, newest.created_by) == (True, None)
        assert newest.snapshot is not None
        assert newest.snapshot.labels == 8


def test_labels_are_not_counted_while_few_have_come(
    database: str, statements: list[tuple[str, Any]]
) -> None:
    project_id = make_trainable_project(labels=4, retrain_after=2)
    assert start_automatic() == [project_id]
    finish_all()
    assert start_automatic() == []
    label_next(project_id, 1)
    statements.clear()
    assert start_automatic() == []
    assert not [text for text, _ in statements if "count(" in text]
    label_next(project_id, 2)
    assert start_automatic() == [project_id]


def test_a_persons_run_counts_too_and_corrections_are_not_new(database: str) -> None:
    project_id = make_trainable_project(labels=3, retrain_after=2)
    create(project_id)
    finish_all()
    label_next(project_id, 1)
    with session_scope(read_only=True) as session:
        snapshot = runs.list_all(session, project_id)[0].snapshot
    assert snapshot is not None
    annotator_id = make_user("corrector@example.org")
    (image_id,) = add_images(project_id, ["corrected"])
    for _ in range(5):
        add_label(project_id, image_id, annotator_id, skipped="dark", present=[], absent=[])
    assert start_automatic() == []
    add_label(project_id, image_id, annotator_id)
    assert start_automatic() == [project_id]


@pytest.mark.parametrize("door", ["run", "automatic run", "snapshot"])
def test_others_write_while_a_snapshot_is_made(
    database: str, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """While labels are read, and while their file is stored: on SQLite one writes at a time."""
    project_id = make_trainable_project(labels=2, retrain_after=1)
    written: list[str] = []

    def write(when: str) -> None:
        with session_scope() as session:
            session.execute(update(Project).values(description=when))
        written.append(when)

    read, put_file = snapshots._timed_labels, Storage.put_file

    def reading(session: Session, number: int) -> Iterator[tuple[WeakLabel, dict[str, int]]]:
        for label in read(session, number):
            write("reading")
            yield label

    def storing(self: Storage, key: str, source: Path) -> None:
        write("storing")
        put_file(self, key, source)

    monkeypatch.setattr(snapshots, "_timed_labels", reading)
    monkeypatch.setattr(Storage, "put_file", storing)
    if door == "run":
        assert create(project_id, supervision="image").snapshot_id is not None
    elif door == "automatic run":
        assert start_automatic() == [project_id]
    else:
        assert snapshots.create(project_id).labels == 2
    assert written == ["reading", "reading", "storing"]


def test_automatic_pseudo_runs_do_not_follow_each_other_without_labels(database: str) -> None:
    project_id = make_trainable_project(retrain_after=2, supervision="pseudo")
    assert start_automatic() == [project_id]
    finish_all()
    assert start_automatic() == []


def test_one_project_that_can_not_be_trained_does_not_stop_the_others(database: str) -> None:
    make_trainable_project(name="Broken", source="gone", retrain_after=1)
    project_id = make_trainable_project(name="Whole", retrain_after=1)
    assert start_automatic() == [project_id]


def test_with_twenty_labels_runs_of_any_supervision_are_scored_by_some_of_them(
    database: str,
) -> None:
    project_id = make_trainable_project(labels=19, images=20, retrain_after=20)
    few = create(project_id, supervision="source-only")
    assert (few.snapshot_id, few.config["labels"], few.config["hold_out"]) == (None, None, False)
    annotator_id = make_user("late@example.org")
    (image_id,) = add_images(project_id, ["late.png"])
    add_label(project_id, image_id, annotator_id)
    runs_of_all = [create(project_id, supervision=s) for s in ("source-only", "pseudo", "image")]
    assert len({run.snapshot_id for run in runs_of_all} - {None}) == 1
    assert all(run.config["labels"] and run.config["hold_out"] for run in runs_of_all)
    chosen = create(project_id, supervision="image", overrides={"hold_out": False})
    assert chosen.config["hold_out"] is False


def test_a_baseline_that_labels_score_alone_does_not_put_off_the_next_run(database: str) -> None:
    project_id = make_trainable_project(labels=20, images=20, retrain_after=20)
    wanted = RunIn.model_validate({"supervision": "source-only"})
    baseline = runs.create(project_id, wanted, make_user("engineer@example.org"))
    assert baseline.snapshot_id is not None
    with session_scope() as session:
        session.get_one(Run, baseline.id).state = RunState.SUCCEEDED
    assert start_automatic() == [project_id]
