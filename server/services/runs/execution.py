"""One attempt at a run: start the trainer, write down what it says, bring home what it made."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from server import trainer_commands, worker
from server.db import DATABASE_ERRORS, retried, session_scope
from server.errors import StorageFull, Unavailable, WeaksegError
from server.models import Project, Run
from server.models.run import RunState
from server.services.runs import checkpoints, claims, directory, figures, predictions_import, runs
from server.services.runs.checkpoints import StoredCheckpoint
from server.services.runs.claims import Claim, ClaimLost
from server.services.runs.trainer_process import TrainerProcess
from server.settings import get_settings
from server.storage import get_storage
from trainer.contract import (
    CheckpointSaved,
    Evaluated,
    Failed,
    Finished,
    Progress,
    ProgressLine,
    Report,
    Started,
    Supervision,
)

log = structlog.get_logger()
T = TypeVar("T")

RECORD_SECONDS = 0.5
"""Lines are written down together, at most this often."""

_PROGRESS_LINE: TypeAdapter[ProgressLine] = TypeAdapter(ProgressLine)


class TrainerFailed(Exception):
    """The attempt came to nothing; the message is for people."""


class TrainerStopped(Exception):
    """The trainer ended early without being at fault."""


def execute(run_id: int, *, command: Sequence[str] = trainer_commands.TRAIN) -> None:
    """Take a queued run and see it through; return at once when it can not be taken.

    `command` is the trainer's, less the run's directory.
    """
    if worker.stopping.is_set():
        return
    with session_scope() as session:
        claim = claims.take(session, run_id, claims.worker_name())
    if claim is None:
        return
    with structlog.contextvars.bound_contextvars(run=run_id, attempt=claim.attempt):
        log.info("run started")
        try:
            _attempt(claim, command)
        except ClaimLost:
            log.warning("run lost: nothing more is written")
        log.info("run left")


def _attempt(claim: Claim, command: Sequence[str]) -> None:
    with Heartbeat(claim) as heartbeat:
        try:
            run_dir = _patiently(lambda: directory.prepare(claim.run_id))
            _train(claim, run_dir, command, heartbeat)
            _patiently(lambda: _publish(claim, run_dir))
            directory.tidy(run_dir)
        except (ClaimLost, TrainerStopped):
            _patiently(lambda: _give_back(claim))
        except (TrainerFailed, directory.NotPrepared, StorageFull, Unavailable) as error:
            why = str(error)
            _patiently(lambda: _fail(claim, why))
        except DATABASE_ERRORS:
            raise  # without the database nothing can be written; the upkeep takes the run away
        except Exception as error:
            log.exception("run failed on the worker")
            why = f"the worker could not go on: {type(error).__name__}: {error}"
            _patiently(lambda: _fail(claim, why))


def _patiently(work: Callable[[], T]) -> T:
    """Whole transactions, again while the database is away: no longer than a heartbeat may be."""
    return retried(work, seconds=get_settings().stale_seconds)


def _give_back(claim: Claim) -> None:
    with session_scope() as session:
        claims.give_back(session, claim, lost=not worker.stopping.is_set())


def _fail(claim: Claim, error: str) -> None:
    with session_scope() as session:
        claims.fail(session, claim, error)


class Heartbeat:
    """Renews a claim from a thread of its own, whatever the worker is busy with."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._ended = threading.Event()
        self.lost = threading.Event()
        """The run was taken away or is to be cancelled, or the database is gone for too long."""
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        settings = get_settings()
        renewed = time.monotonic()
        while not self._ended.wait(settings.heartbeat_seconds):
            try:
                with session_scope() as session:
                    claims.hold(session, self._claim)
                renewed = time.monotonic()
            except ClaimLost:
                self.lost.set()
                return
            except DATABASE_ERRORS as error:
                log.warning("heartbeat not written", error=str(error).partition("\n")[0])
                if time.monotonic() - renewed > settings.stale_seconds:
                    self.lost.set()
                    return


def _train(claim: Claim, run_dir: Path, command: Sequence[str], heartbeat: Heartbeat) -> None:
    """Run the trainer to its end. Raises TrainerFailed, TrainerStopped, ClaimLost."""
    process = TrainerProcess(command, run_dir)
    recorder = Recorder(claim, run_dir)
    grace = get_settings().cancel_grace_seconds
    try:
        ended = False
        while not ended:
            lines, ended = process.read_lines(RECORD_SECONDS)
            recorder.add(lines)
            if heartbeat.lost.is_set() or recorder.is_lost or worker.stopping.is_set():
                process.stop(grace)
            recorder.flush(patience=get_settings().stale_seconds if ended else 0)
    except BaseException:
        process.stop(0)
        raise
    finally:
        status = process.close()
    if heartbeat.lost.is_set() or recorder.is_lost:
        raise ClaimLost
    _patiently(lambda: _record_saved(claim, run_dir))
    _judge(recorder.last, status, process)


def _record_saved(claim: Claim, run_dir: Path) -> None:
    """Record what the trainer has saved and could not tell of any more."""
    for saved in checkpoints.saved_in(run_dir):
        with session_scope(read_only=True) as session:
            is_recorded = checkpoints.is_recorded(session, claim.run_id, saved)
        if not is_recorded:
            _record_one(claim, run_dir, saved)


def _record_one(claim: Claim, run_dir: Path, saved: CheckpointSaved) -> None:
    """Whether the run can do without one that cannot be stored is judged when it is published."""
    try:
        stored = checkpoints.store_file(claim.run_id, run_dir, saved)
    except (checkpoints.DamagedCheckpoint, WeaksegError, OSError) as error:
        log.warning("checkpoint passed over", reason=str(error))
        return
    with session_scope() as session:
        claims.hold(session, claim)
        checkpoints.record(session, claim.run_id, stored)


def _judge(last: ProgressLine | None, status: int, process: TrainerProcess) -> None:
    """Raise TrainerFailed or TrainerStopped unless the trainer came to its end."""
    if isinstance(last, Failed):
        raise TrainerFailed(last.error)
    if worker.stopping.is_set() and not (isinstance(last, Finished) and last.status == "succeeded"):
        raise TrainerStopped
    if status != 0:
        raise TrainerFailed(process.describe_end(status))
    if not isinstance(last, Finished):
        raise TrainerFailed(f"the trainer did not finish: {process.describe_end(status)}")
    if last.status == "interrupted":
        raise TrainerStopped


class Recorder:
    """Turns the trainer's lines into rows, many in one transaction."""

    def __init__(self, claim: Claim, run_dir: Path) -> None:
        self._claim = claim
        self._run_dir = run_dir
        self._pending: list[ProgressLine] = []
        self._stored: dict[int, StoredCheckpoint] = {}
        self.last: ProgressLine | None = None
        self.is_lost = False

    def add(self, lines: Sequence[str]) -> None:
        """Take lines of stdout. What is not a progress line is only logged."""
        for text in lines:
            try:
                line = _PROGRESS_LINE.validate_json(text)
            except ValidationError:
                log.info("the trainer said", line=text.rstrip()[:500])
                continue
            if isinstance(line, CheckpointSaved):
                self._store(line)
            self._pending.append(line)
            self.last = line

    def _store(self, saved: CheckpointSaved) -> None:
        try:
            stored = checkpoints.store_file(self._claim.run_id, self._run_dir, saved)
        except checkpoints.DamagedCheckpoint as error:
            raise TrainerFailed(str(error)) from error
        except WeaksegError as error:
            raise TrainerFailed(f"{saved.path} cannot be stored: {error.detail}") from error
        self._stored[saved.step] = stored

    def flush(self, *, patience: float = 0) -> None:
        """Write down what is pending; what the database does not take now is kept for later.

        `patience`: seconds for which it is tried again at once.
        """
        if not self._pending or self.is_lost:
            return
        try:
            retried(self._write, seconds=patience)
        except ClaimLost:
            self.is_lost = True
        except DATABASE_ERRORS as error:
            log.warning("progress not written yet", error=str(error).partition("\n")[0])
        else:
            self._pending, self._stored = [], {}

    def _write(self) -> None:
        with session_scope() as session:
            claims.hold(session, self._claim, **_columns(self._pending))
            for line in self._pending:
                payload = line.model_dump(mode="json", exclude={"kind"})
                claims.add_event(
                    session, self._claim.run_id, self._claim.attempt, line.kind, payload
                )
            for stored in self._stored.values():
                checkpoints.record(session, self._claim.run_id, stored)


def _columns(lines: Sequence[ProgressLine]) -> dict[str, Any]:
    """What these lines change in the row of the run."""
    columns: dict[str, Any] = {}
    for line in lines:
        if isinstance(line, Started):
            columns |= {"step": line.first_step, "steps": line.steps}
        elif isinstance(line, Progress):
            columns |= {"step": line.step, "steps": line.steps}
        elif isinstance(line, Evaluated):
            columns["miou"] = line.score.miou
    return columns


def _publish(claim: Claim, run_dir: Path) -> None:
    """Bring the report and the predictions home, and call the run a success."""
    try:
        report = Report.model_validate_json((run_dir / "report.json").read_bytes())
        predicted = predictions_import.import_all(claim, run_dir / directory.PREDICTIONS)
    except (OSError, ValueError) as error:
        raise TrainerFailed(f"the trainer's results cannot be read: {error}") from error
    _require_selected(claim, run_dir, report.selected_step)
    page = run_dir / "report.html"
    if page.is_file():
        get_storage().put_file(
            runs.report_page_key(run_id=claim.run_id, attempt=claim.attempt), page
        )
    with session_scope() as session:
        run = claims.lock_held(session, claim)
        if run.cancel_requested:
            raise ClaimLost
        run.report = report.model_dump(mode="json")
        run.miou = report.score.miou
        figures.keep(session, run)
        if predicted:
            _show_predictions(session.get_one(Project, run.project_id), run)
        claims.set_state(session, run, RunState.SUCCEEDED)


def _require_selected(claim: Claim, run_dir: Path, step: int) -> None:
    """A run is no success without the model that it is to bring.

    Storage's file is compared with the trainer's once more, and replaced when it was damaged.
    """
    for saved in checkpoints.saved_in(run_dir):
        if saved.step == step:
            _record_one(claim, run_dir, saved)
    try:
        with session_scope(read_only=True) as session:
            checkpoints.require_whole(session, claim.run_id, step)
    except checkpoints.DamagedCheckpoint as error:
        raise TrainerFailed(f"{error}; resume the run to make it again") from error


def _show_predictions(project: Project, run: Run) -> None:
    """Show this run's predictions to annotators; a baseline does not replace a better model's."""
    is_baseline = run.supervision == Supervision.SOURCE_ONLY
    if project.prediction_run_id is None or not is_baseline:
        project.prediction_run_id = run.id
