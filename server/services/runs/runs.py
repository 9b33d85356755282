"""Runs: how they are asked for, looked at, cancelled and taken up again."""

import re
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import structlog
from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session

from server.db import session_scope
from server.errors import BadInput, Conflict, NotFound, WeaksegError
from server.models import AuditEvent, Image, Label, Project, Run, RunEvent, Snapshot
from server.models.image import ImageState
from server.models.run import RunState
from server.schemas.run import RunIn
from server.services import audit, datasets, projects
from server.services.audit import Thing
from server.services.labels import snapshots
from server.services.runs import claims
from server.services.runs.directory import LABELS, TARGET
from server.settings import get_settings
from server.storage import get_storage
from trainer.contract import DatasetCard, Supervision, TrainConfig
from trainer.contract.labels import HELD_OUT_FROM
from trainer.recipes import FILE_FIELDS, RecipeError, RunSubject, apply_overrides, build

log = structlog.get_logger()

ORACLE = tuple(each for each in Supervision if each.is_oracle)

SERVER_OWNED = FILE_FIELDS | {"device", "threads"}
"""Fields of a config that are about the worker's machine; those of the run's subject are refused by the recipes."""


def create(project_id: int, wanted: RunIn, created_by_id: int | None) -> Run:
    """Queue a run, and wake a worker after the commit.

    The snapshot of the labels is made before, in a transaction of its own. Raises NotFound for the
    project or a snapshot that is not its own; Conflict `no-source`, `no-labels` or `no-images`;
    BadInput for a recipe or an override.
    """
    with session_scope(read_only=True) as session:
        config = _usable_config(session, projects.get(session, project_id), wanted)
    snapshot_id = wanted.snapshot_id
    if snapshot_id is None and config.labels is not None:
        snapshot_id = snapshots.create(project_id).id
    with session_scope() as session:
        return _create(session, project_id, wanted, snapshot_id, created_by_id)


def _create(
    session: Session,
    project_id: int,
    wanted: RunIn,
    snapshot_id: int | None,
    created_by_id: int | None,
) -> Run:
    project = projects.get(session, project_id)
    config = _usable_config(session, project, wanted)
    snapshot = None if snapshot_id is None else _own_snapshot(session, project, snapshot_id)
    return _queue(session, project, config, wanted, snapshot, created_by_id)


def _usable_config(session: Session, project: Project, wanted: RunIn) -> TrainConfig:
    projects.require_open(project)
    supervision = wanted.supervision or project.supervision
    recipe = wanted.recipe or project.recipe
    refused = sorted(SERVER_OWNED & set(wanted.overrides))
    if refused:
        raise BadInput(
            f"overrides: {refused[0]!r} is for the server to choose", code="bad-override"
        )
    is_scored = _is_scored_by_labels(session, project, wanted)
    config = _config(project, recipe, supervision, wanted, is_scored=is_scored)
    _require_images(session, project)
    if wanted.snapshot_id is not None:
        _own_snapshot(session, project, wanted.snapshot_id)
    return config


def _queue(
    session: Session,
    project: Project,
    config: TrainConfig,
    wanted: RunIn,
    snapshot: Snapshot | None,
    created_by_id: int | None,
) -> Run:
    run = Run(
        project_id=project.id,
        snapshot=snapshot,
        recipe=config.recipe,
        supervision=config.supervision,
        overrides=wanted.overrides,
        config=config.model_dump(mode="json"),
        automatic=created_by_id is None,
        created_by_id=created_by_id,
        state=RunState.QUEUED,
        attempt=0,
        steps=config.warmup_steps + config.steps,
    )
    session.add(run)
    session.flush()
    claims.set_state(session, run, RunState.QUEUED)
    session.flush()
    session.refresh(run)
    started = {
        "recipe": run.recipe, "supervision": run.supervision, "snapshot_id": run.snapshot_id,
        "automatic": run.automatic,
    }  # fmt: skip
    audit.record(session, AuditEvent.RUN_STARTED, _thing(run), after=started)
    return run


def _thing(run: Run) -> Thing:
    return Thing("run", run.id, run.project_id)


def _is_scored_by_labels(session: Session, project: Project, wanted: RunIn) -> bool:
    """Whether there are labels of which some can be held out, for runs of any supervision."""
    if wanted.snapshot_id is not None:
        return snapshots.get(session, wanted.snapshot_id).images >= HELD_OUT_FROM
    return snapshots.count_current_labels(session, project.id) >= HELD_OUT_FROM


def _config(
    project: Project,
    recipe: str,
    supervision: Supervision,
    wanted: RunIn,
    *,
    is_scored: bool,
) -> TrainConfig:
    names = {category.name for category in project.categories}
    subject = RunSubject(
        supervision=supervision,
        categories=tuple(category.name for category in project.categories),
        colors=tuple(category.color for category in project.categories),
        source=_source(project, names),
        target=DatasetCard(name=f"project-{project.id}", listing=Path(TARGET)),
        validation=_validation(project, names),
        labels=Path(LABELS) if supervision.is_oracle or is_scored else None,
    )
    try:
        config = apply_overrides(
            build(recipe, subject), {"hold_out": is_scored, **wanted.overrides}
        )
    except RecipeError as error:
        raise BadInput(str(error), code="bad-recipe") from error
    # Else the run would wait for a worker, and then fail.
    if reason := config.why_no_network():
        raise BadInput(f"override {reason}", code="bad-recipe")
    return config


def _source(project: Project, categories: set[str]) -> DatasetCard:
    if project.source is None:
        raise Conflict("this project has no source domain; choose a dataset", code="no-source")
    try:
        return datasets.get_usable(project.source, categories)
    except WeaksegError as error:
        raise Conflict(f"the source domain: {error.detail}", code="no-source") from error


def _validation(project: Project, categories: set[str]) -> DatasetCard | None:
    if project.validation is None:
        return None
    try:
        return datasets.get_usable(project.validation, categories)
    except WeaksegError as error:
        raise Conflict(f"the validation set: {error.detail}", code="no-validation") from error


def _require_images(session: Session, project: Project) -> None:
    ready = exists().where(
        Image.is_own_of(project.id),
        Image.state == ImageState.READY,
    )
    if not session.scalar(select(ready)):
        raise Conflict("this project has no verified images yet", code="no-images")


def _own_snapshot(session: Session, project: Project, snapshot_id: int) -> Snapshot:
    snapshot = snapshots.get(session, snapshot_id)
    if snapshot.project_id != project.id:
        raise NotFound(f"there is no snapshot {snapshot_id} in project {project.id}")
    return snapshot


def get(session: Session, run_id: int) -> Run:
    """Raises NotFound."""
    run = session.get(Run, run_id)
    if run is None:
        raise missing(run_id)
    return run


def missing(run_id: int) -> NotFound:
    """NotFound for an unknown run id."""
    return NotFound(f"there is no run {run_id}")


def list_all(session: Session, project_id: int) -> list[Run]:
    """A project's runs, newest first. Raises NotFound for the project."""
    projects.get(session, project_id)
    return list(
        session.scalars(select(Run).where(Run.project_id == project_id).order_by(Run.id.desc()))
    )


def report_page_key(run_id: int, attempt: int) -> str:
    """Where storage has the report page of an attempt."""
    return f"runs/{run_id}/report-{attempt}.html"


def report_page(run: Run) -> Path | None:
    """The report page of a run that succeeded."""
    if run.state != RunState.SUCCEEDED:
        return None
    storage, key = get_storage(), report_page_key(run.id, run.attempt)
    return storage.path(key) if storage.exists(key) else None


_OF_THE_MACHINE = (
    re.compile(rb"<h3>To be known</h3>\s*<ul>.*?</ul>", re.DOTALL),
    re.compile(rb"<p>Images cannot be shown:.*?</p>", re.DOTALL),
)
"""What a report page has from the machine on which it was made, in whose words there may be paths."""


def told_page(page: Path) -> bytes:
    """A report page without the machine's words, for who is not to see them.

    Raises NotFound for one in which there are places of this server all the same.
    """
    text = page.read_bytes()
    for part in _OF_THE_MACHINE:
        text = part.sub(b"", text)
    settings = get_settings()
    places = [settings.data, settings.datasets, settings.runs, settings.image_root]
    if any(place and str(place.absolute()).encode() in text for place in places):
        raise NotFound("this report page is for whoever leads the project")
    return text


def events_after(session: Session, run_id: int, after: int, limit: int) -> list[RunEvent]:
    """What a run reported, oldest first, with ids over `after`."""
    return list(
        session.scalars(
            select(RunEvent)
            .where(RunEvent.run_id == run_id, RunEvent.id > after)
            .order_by(RunEvent.id)
            .limit(limit)
        )
    )


def report_after(
    session: Session, run_id: int, after: int, limit: int
) -> tuple[RunState, list[RunEvent]]:
    """A run's state and what it reported, oldest first, with ids over `after`: one statement.

    A state is never ahead of the event that tells of it. Raises NotFound.
    """
    is_new = (RunEvent.run_id == Run.id) & (RunEvent.id > after)
    return _report(session, run_id, _STATE_AND_EVENTS.outerjoin(RunEvent, is_new), limit)


def newest_report(session: Session, run_id: int, limit: int) -> tuple[RunState, list[RunEvent]]:
    """A run's state and the last of what it reported, oldest first: one statement.

    Raises NotFound.
    """
    newest = select(RunEvent.id).where(RunEvent.run_id == run_id)
    ids = newest.order_by(RunEvent.id.desc()).limit(limit)
    return _report(
        session, run_id, _STATE_AND_EVENTS.outerjoin(RunEvent, RunEvent.id.in_(ids)), limit
    )


_STATE_AND_EVENTS = select(Run.state, RunEvent).select_from(Run)


def _report(
    session: Session, run_id: int, statement: Select[RunState, RunEvent], limit: int
) -> tuple[RunState, list[RunEvent]]:
    found = statement.where(Run.id == run_id).order_by(RunEvent.id).limit(limit)
    rows = session.execute(found).all()
    if not rows:
        raise NotFound(f"there is no run {run_id}")
    # Without an event, the state stands in a row of its own.
    return rows[0].state, [row.RunEvent for row in rows if row.RunEvent is not None]


def _lock(session: Session, run_id: int) -> Run:
    run = claims.lock(session, run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    return run


def cancel(session: Session, run_id: int) -> Run:
    """Cancel a run: at once when it waits, else as soon as its worker has stopped the trainer.

    Asking twice changes nothing. Raises NotFound, Conflict `run-ended`.
    """
    run = _lock(session, run_id)
    if run.state == RunState.CANCELLED:
        return run
    if run.state.is_final:
        raise Conflict(f"run {run_id} has {run.state} already", code="run-ended")
    if not run.cancel_requested:
        audit.record(session, AuditEvent.RUN_CANCELLED, _thing(run), before={"state": run.state})
    if run.state == RunState.RUNNING:
        run.cancel_requested = True
    else:
        claims.set_state(session, run, RunState.CANCELLED)
    return run


def resume(session: Session, run_id: int) -> Run:
    """Queue a run again that failed, was cancelled or interrupted; it goes on where it stopped.

    Raises NotFound, Conflict `run-not-stopped`.
    """
    run = _lock(session, run_id)
    if run.state not in (RunState.FAILED, RunState.CANCELLED, RunState.INTERRUPTED):
        raise Conflict(f"run {run_id} can not be resumed: it is {run.state}",
                       code="run-not-stopped")  # fmt: skip
    audit.record(session, AuditEvent.RUN_RESUMED, _thing(run), before={"state": run.state})
    run.cancel_requested = False
    run.interruptions = 0
    claims.set_state(session, run, RunState.QUEUED)
    return run


def start_automatic() -> list[Run]:
    """Queue a run for each project whose policy asks for one by now.

    That is when as many labels as the project says came in since its last run that learned from
    labels or started by itself, and no run of it waits or works. A project that cannot be trained is logged and left out.
    """
    with session_scope(read_only=True) as session:
        policies = session.scalars(
            select(Project).where(Project.retrain_after.is_not(None), Project.archived_at.is_(None))
        ).all()
        due = [project.id for project in policies if _is_due(session, project)]
    started = []
    for project_id in due:
        try:
            run = _start_one(project_id)
        except WeaksegError as error:
            log.warning("automatic run not started", project=project_id, reason=error.detail)
        else:
            started += [run] if run else []
    return started


def _start_one(project_id: int) -> Run | None:
    """None: another worker was faster."""
    # Taken whatever the supervision, because the next run's labels are counted from it.
    snapshot = snapshots.create(project_id)
    with session_scope() as session:
        locked = select(Project).where(Project.id == project_id).with_for_update(of=Project)
        if not _is_due(session, session.scalars(locked).one()):
            return None
        return _create(session, project_id, RunIn(), snapshot.id, None)


def _is_due(session: Session, project: Project) -> bool:
    unfinished = [RunState.QUEUED, RunState.RUNNING, RunState.INTERRUPTED]
    is_busy = exists().where(Run.project_id == project.id, Run.state.in_(unfinished))
    if session.scalar(select(is_busy)):
        return False
    last = (
        select(Snapshot.labels)
        .join(Run, Run.snapshot_id == Snapshot.id)
        .where(Run.project_id == project.id, or_(Run.automatic, Run.supervision.in_(ORACLE)))
        .order_by(Run.id.desc())
        .limit(1)
    )
    if project.retrain_after is None:
        return False
    wanted = project.retrain_after + (session.scalar(last) or 0)
    return _may_have(session, project, wanted) and _count_labels(session, project) >= wanted


@dataclass(frozen=True)
class _Count:
    """How many labels of a project counted at one moment."""

    version: str
    """Of the project then."""
    last_id: int
    labels: int
    at: float


_counts: dict[int, _Count] = {}
"""By project. All labels are counted only where enough have come since: the upkeep asks every few seconds."""
COUNT_HOLDS_SECONDS = 3600
"""A decision that is taken back lets labels count again without a new one: they are seen by then."""


def _may_have(session: Session, project: Project, wanted: int) -> bool:
    """Whether so many labels may count by now, by how many have come since they were counted."""
    known = _counts.get(project.id)
    if known is None or known.version != project.version:
        return True
    if monotonic() - known.at > COUNT_HOLDS_SECONDS or known.labels >= wanted:
        return True
    ids = select(Label.id).where(Label.project_id == project.id).order_by(Label.id.desc())
    newest = session.scalar(ids.limit(1)) or 0
    nth = session.scalar(ids.offset(wanted - known.labels - 1).limit(1)) or 0
    return nth > known.last_id or newest < known.last_id


def _count_labels(session: Session, project: Project) -> int:
    ids = select(func.max(Label.id)).where(Label.project_id == project.id)
    last_id = session.scalar(ids) or 0
    labels = snapshots.count_current_labels(session, project.id)
    _counts[project.id] = _Count(project.version, last_id, labels, monotonic())
    return labels
