import errno
import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from server import db
from server.db import session_scope, utcnow
from server.models import Checkpoint, Image, Prediction, Project, Run, RunEvent, RunFigures
from server.schemas.run import RunIn
from server.services.runs import claims, directory, execution, runs
from server.storage import get_storage
from server.worker import stopping
from tests.server.factories import (
    eventually,
    make_dataset,
    make_trainable_project,
    run_row,
)
from trainer.contract import Report

SCRIPT = Path(__file__).with_name("scripted_trainer.py")


@pytest.fixture
def quick(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Heartbeats fast enough to wait for."""
    monkeypatch.setenv("WEAKSEG_HEARTBEAT_SECONDS", "0.05")
    monkeypatch.setenv("WEAKSEG_TRAINER_THREADS", "1")
    db.dispose()
    yield database
    stopping.clear()


def queue_run(**fields: object) -> int:
    project_id = make_trainable_project()
    return runs.create(project_id, RunIn.model_validate(fields), None).id


def play(scene: str, run_id: int) -> Run:
    """Execute a run with the scripted trainer, to its end."""
    execution.execute(run_id, command=(sys.executable, str(SCRIPT), scene))
    return run_row(run_id)


@contextmanager
def playing(scene: str, run_id: int) -> Iterator[threading.Thread]:
    """A worker that executes a run in the background, from when its trainer has started."""
    worker = threading.Thread(target=play, args=(scene, run_id))
    worker.start()
    eventually(lambda: "started" in kinds(run_id))
    try:
        yield worker
    finally:
        worker.join(60)
        assert not worker.is_alive()


def kinds(run_id: int) -> list[str]:
    with session_scope(read_only=True) as session:
        return [event.kind for event in runs.events_after(session, run_id, 0, 1000)]


def checkpoints_of(run_id: int) -> list[Checkpoint]:
    with session_scope(read_only=True) as session:
        return list(session.scalars(select(Checkpoint).where(Checkpoint.run_id == run_id)))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_trainer_learns_from_the_labels_and_brings_predictions(
    quick: str, request: pytest.FixtureRequest
) -> None:
    if quick.startswith("sqlite"):  # with the other database the trainer starts from nothing
        request.getfixturevalue("forked_trainers")
    make_dataset("tiny-validation", 2)
    project_id = make_trainable_project(validation="tiny-validation")
    run_id = runs.create(project_id, RunIn(overrides={"seed": 3}), None).id

    execution.execute(run_id)

    run = run_row(run_id)
    assert (run.state, run.error) == ("succeeded", None)
    report = Report.model_validate(run.report)
    assert report.score.miou is not None
    assert run.miou == report.score.miou
    with session_scope(read_only=True) as session:
        kept = session.get_one(RunFigures, run_id).figures
    assert (kept["miou"], kept["iou"]) == (report.score.miou, report.score.iou)
    assert kept["intervals"]["miou"]["low"] <= report.score.miou
    assert (run.step, run.steps) == (10, 10)
    seen = kinds(run_id)
    assert seen[:3] == ["state", "state", "started"]
    assert seen[-2:] == ["finished", "state"]
    assert {"progress", "evaluated", "checkpoint", "predicting"} < set(seen)

    saved = checkpoints_of(run_id)
    assert report.selected_step in {checkpoint.step for checkpoint in saved}
    for checkpoint in saved:
        content = get_storage().existing_path(checkpoint.storage_key).read_bytes()
        assert hashlib.sha256(content).hexdigest() == checkpoint.sha256
        assert len(content) == checkpoint.size

    with session_scope(read_only=True) as session:
        assert session.get_one(Project, project_id).prediction_run_id == run_id
        found = session.scalars(select(Prediction).where(Prediction.run_id == run_id)).all()
        images = session.scalars(select(Image).where(Image.project_id == project_id)).all()
        assert {p.image_id for p in found} == {image.id for image in images}
        assert all(set(p.presence) == {"Road", "Car", "Tree"} for p in found)
        assert all(get_storage().exists(p.mask_key) for p in found)
    page = runs.report_page(run)
    assert page is not None
    assert "<!doctype html>" in page.read_text().lower()


def payloads(run_id: int, kind: str) -> list[dict[str, object]]:
    with session_scope(read_only=True) as session:
        events = runs.events_after(session, run_id, 0, 10_000)
        return [event.payload for event in events if event.kind == kind]


@pytest.mark.usefixtures("forked_trainers")
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_interrupted_training_goes_on_where_it_stopped(quick: str) -> None:
    run_id = queue_run(overrides={"steps": 26, "predict": False})
    worker = threading.Thread(target=execution.execute, args=(run_id,))
    worker.start()
    eventually(lambda: run_row(run_id).step >= 5)
    stopping.set()
    worker.join()
    stopping.clear()
    (stopped_at,) = [line["step"] for line in payloads(run_id, "checkpoint")][-1:]
    assert run_row(run_id).state == "queued"

    execution.execute(run_id)

    run = run_row(run_id)
    assert (run.state, run.attempt, run.step) == ("succeeded", 2, 30)
    assert [line["first_step"] for line in payloads(run_id, "started")] == [0, stopped_at]
    steps = [line["step"] for line in payloads(run_id, "progress")]
    assert steps == list(range(1, 31)), "no step is lost and none is done twice"


def test_the_run_directory_says_everything_that_the_trainer_needs(quick: str) -> None:
    run_id = queue_run(overrides={"weights.point": 0.5})
    run = run_row(run_id)

    folder = directory.prepare(run_id)

    config = json.loads((folder / "config.json").read_text())
    assert config["weights"]["point"] == 0.5
    assert (config["device"], config["threads"]) == ("auto", 1)
    assert config["categories"] == ["Road", "Car", "Tree"]
    assert config["colors"] == ["#102030", "#102031", "#102032"]
    assert config["labels"] == "labels.jsonl"
    assert run.snapshot is not None
    labels = (folder / "labels.jsonl").read_bytes()
    assert hashlib.sha256(labels).hexdigest() == run.snapshot.sha256
    listed = [json.loads(line) for line in (folder / "target.jsonl").read_text().splitlines()]
    assert [line["image"] for line in listed] == ["000.png", "001.png", "002.png", "003.png"]
    assert all(Path(line["path"]).is_file() for line in listed)


def test_a_directory_is_kept_unless_the_worker_changed(
    quick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = queue_run()
    state = directory.prepare(run_id) / "checkpoints-of-before"
    state.touch()
    directory.prepare(run_id)
    assert state.exists()

    monkeypatch.setenv("WEAKSEG_DEVICE", "cpu")
    db.dispose()
    directory.prepare(run_id)
    assert not state.exists()


def test_a_run_whose_labels_were_damaged_fails(quick: str) -> None:
    run_id = queue_run()
    snapshot = run_row(run_id).snapshot
    assert snapshot is not None
    get_storage().put_bytes(snapshot.storage_key, b"{}\n")

    run = play("succeed", run_id)

    assert run.state == "failed"
    assert run.error == f"the file of snapshot {snapshot.id} does not have its sha256"


def test_a_doubled_message_runs_once(quick: str) -> None:
    run_id = queue_run()
    play("succeed", run_id)
    play("succeed", run_id)
    run = run_row(run_id)
    assert (run.state, run.attempt) == ("succeeded", 1)
    assert kinds(run_id).count("finished") == 1


def test_a_doubled_message_at_the_same_time_runs_once(quick: str) -> None:
    run_id = queue_run()
    workers = [threading.Thread(target=play, args=("succeed", run_id)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (run_row(run_id).state, run_row(run_id).attempt) == ("succeeded", 1)


def test_a_killed_trainer_is_a_clear_failure_that_can_be_resumed(quick: str) -> None:
    run_id = queue_run()

    run = play("die", run_id)

    assert run.state == "failed"
    assert run.error == ("the trainer was ended by SIGKILL; the machine may have run out of memory")
    (saved,) = checkpoints_of(run_id)
    assert (saved.step, saved.miou) == (4, 0.25)

    with session_scope() as session:
        runs.resume(session, run_id)
    assert run_row(run_id).error is None
    run = play("succeed", run_id)
    assert (run.state, run.attempt) == ("succeeded", 2)
    assert [checkpoint.step for checkpoint in checkpoints_of(run_id)] == [4, 10]


def test_the_trainers_own_error_is_the_runs(quick: str) -> None:
    run = play("fail", queue_run())
    assert (run.state, run.error) == ("failed", "step 3: point is not finite")


def test_a_crash_shows_the_end_of_the_log(quick: str) -> None:
    run = play("crash", queue_run())
    assert run.state == "failed"
    assert run.error is not None
    assert run.error.startswith("the trainer ended with status 1:\n")
    assert run.error.endswith("RuntimeError: no such device")


def test_ending_without_finishing_is_a_failure(quick: str) -> None:
    run = play("leave", queue_run())
    assert (run.state, run.error) == (
        "failed",
        "the trainer did not finish: the trainer ended with status 0",
    )


def test_an_announced_checkpoint_that_is_not_there_is_a_failure(quick: str) -> None:
    run = play("lie", queue_run())
    assert (run.state, run.error) == (
        "failed",
        "the trainer announced checkpoints/none, which is not there",
    )


def test_a_run_that_fails_wakes_the_next(quick: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[object, ...]] = []
    run_id = queue_run()
    waiting = runs.create(run_row(run_id).project_id, RunIn(), None).id
    monkeypatch.setattr("server.queue.send", lambda *message: sent.append(message))

    play("fail", run_id)

    assert sent == [("execute_run", waiting)]


def test_cancelling_stops_the_trainer_and_keeps_its_checkpoints(quick: str) -> None:
    run_id = queue_run()
    with playing("hang", run_id), session_scope() as session:
        assert runs.cancel(session, run_id).state == "running"

    run = run_row(run_id)
    assert run.state == "cancelled"
    assert run.finished_at is not None
    with session_scope() as session:
        assert runs.cancel(session, run_id).state == "cancelled", "asking twice"


def test_a_trainer_that_clings_is_killed_with_its_children(
    quick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEAKSEG_CANCEL_GRACE_SECONDS", "0.2")
    db.dispose()
    run_id = queue_run()
    with playing("cling", run_id), session_scope() as session:
        runs.cancel(session, run_id)

    assert run_row(run_id).state == "cancelled"
    child = int((directory.path_of(run_id) / "child.pid").read_text())
    eventually(lambda: not is_alive(child))


def test_a_worker_that_is_asked_to_end_queues_its_run_again(quick: str) -> None:
    run_id = queue_run()
    with playing("hang", run_id):
        stopping.set()

    run = run_row(run_id)
    assert (run.state, run.interruptions) == ("queued", 0)
    assert [checkpoint.step for checkpoint in checkpoints_of(run_id)] == [3]
    play("succeed", run_id)
    assert run_row(run_id).state == "queued", "it takes nothing more"

    stopping.clear()
    run = play("succeed", run_id)
    assert (run.state, run.attempt) == ("succeeded", 2)


def test_a_trainer_that_keeps_stopping_by_itself_fails_in_the_end(quick: str) -> None:
    run_id = queue_run()
    assert [play("stop_at_once", run_id).state for _ in range(3)] == ["queued", "queued", "failed"]
    assert "lost 3 times" in (run_row(run_id).error or "")


def test_a_worker_that_lost_its_run_writes_nothing_more(quick: str) -> None:
    run_id = queue_run()
    with playing("hang", run_id):
        before = kinds(run_id)
        with session_scope() as session:
            run = session.get_one(Run, run_id)
            run.heartbeat_at = utcnow() - timedelta(hours=1)
            session.flush()
            assert claims.recover_lost(session) == 1
            assert claims.take(session, run_id, "elsewhere") is not None

    run = run_row(run_id)
    assert (run.state, run.attempt, run.worker) == ("running", 2, "elsewhere")
    assert checkpoints_of(run_id) == [], "what the stale trainer saved at its end"
    assert kinds(run_id) == [*before, "state", "state", "state"]


def test_a_trainer_that_a_lost_worker_left_behind_is_ended(quick: str) -> None:
    run_id = queue_run()
    folder = directory.prepare(run_id)
    command = (sys.executable, str(SCRIPT), "cling")
    left = execution.TrainerProcess(command, folder)
    try:
        lines, ended = [], False
        while not lines and not ended:
            lines, ended = left.read_lines(0.1)

        run = play("succeed", run_id)

        assert run.state == "succeeded"
        assert not is_alive(left.pid)
    finally:
        left.stop(0)
        left.close()


def shown_run(project_id: int) -> int | None:
    with session_scope(read_only=True) as session:
        return session.get_one(Project, project_id).prediction_run_id


def test_a_baseline_does_not_replace_a_better_models_predictions(quick: str) -> None:
    project_id = make_trainable_project()
    shown = []
    for supervision in ("source-only", "point", "source-only", "image"):
        wanted = RunIn.model_validate({"supervision": supervision})
        run_id = runs.create(project_id, wanted, None).id
        play("succeed", run_id)
        shown.append(shown_run(project_id) == run_id)
    assert shown == [True, True, False, True]


def test_events_have_ids_in_the_order_of_what_happened(quick: str) -> None:
    run_id = queue_run()
    play("succeed", run_id)
    with session_scope(read_only=True) as session:
        events = session.scalars(select(RunEvent).order_by(RunEvent.id)).all()
    assert [event.kind for event in events] == [
        "state", "state", "started", "progress", "checkpoint", "finished", "state",
    ]  # fmt: skip
    assert [e.payload["state"] for e in events if e.kind == "state"] == [
        "queued", "running", "succeeded",
    ]  # fmt: skip


def steps_of(run_id: int) -> list[int]:
    return sorted(checkpoint.step for checkpoint in checkpoints_of(run_id))


def test_what_a_killed_trainer_saved_is_recorded_though_it_told_nobody(quick: str) -> None:
    run_id = queue_run()
    assert play("save_and_die", run_id).state == "failed"
    assert steps_of(run_id) == [4, 10], "and not the one that is half written"


def test_a_run_whose_end_was_told_has_its_selected_checkpoint(quick: str) -> None:
    run_id = queue_run()
    run = play("end_silently", run_id)
    assert (run.state, run.error) == ("succeeded", None)
    (checkpoint,) = checkpoints_of(run_id)
    path = get_storage().existing_path(checkpoint.storage_key)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == checkpoint.sha256


def test_a_run_without_its_selected_checkpoint_is_no_success(quick: str) -> None:
    run_id = queue_run()
    run = play("end_without", run_id)
    assert run.state == "failed"
    assert "step 10, which was selected, is missing" in (run.error or "")
    state = directory.path_of(run_id) / "checkpoints/training-state.safetensors"
    assert state.exists(), "it can go on"
    with session_scope() as session:
        runs.resume(session, run_id)
    assert play("end_silently", run_id).state == "succeeded"


@pytest.mark.parametrize("damage", [b"", b"weights of st", b"WEIGHTS OF STEP 10"])
def test_a_stored_checkpoint_that_was_damaged_is_stored_anew(quick: str, damage: bytes) -> None:
    run_id = queue_run()
    play("save_and_die", run_id)
    selected = next(each for each in checkpoints_of(run_id) if each.step == 10)
    stored = get_storage().path(selected.storage_key)
    stored.unlink()  # the run's directory has it under another name
    stored.write_bytes(damage)
    with session_scope() as session:
        runs.resume(session, run_id)
    assert play("end_silently", run_id).state == "succeeded"
    assert stored.read_bytes() == b"weights of step 10"


def test_a_success_keeps_each_checkpoint_once_and_no_state(quick: str) -> None:
    run_id = queue_run()
    play("end_silently", run_id)
    (checkpoint,) = checkpoints_of(run_id)
    stored = get_storage().path(checkpoint.storage_key)
    folder = directory.path_of(run_id)
    assert stored.samefile(folder / "checkpoints/step-000010.safetensors")
    assert not (folder / "checkpoints/training-state.safetensors").exists()
    assert not (folder / "predictions").exists()


def test_on_another_disk_a_checkpoint_is_copied(
    quick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr("server.storage.os.link", refuse)
    run_id = queue_run()
    assert play("end_silently", run_id).state == "succeeded"
    (checkpoint,) = checkpoints_of(run_id)
    assert get_storage().path(checkpoint.storage_key).stat().st_size == checkpoint.size
