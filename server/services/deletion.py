"""Deleting: what goes with a thing, what stays, and when it can not be.

Rows go in one transaction, in which it is also written down what is to go besides them (`removals`).
Of a project, whose images may be very many, the row is only marked there, and it is gone for everybody;
the rest follows in short transactions, each of which finds what the ones before have left.
"""

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import delete, exists, func, or_, select, text, update
from sqlalchemy.orm import Session

from server.bulk import short_turn
from server.db import is_postgresql, session_scope, utcnow
from server.errors import BadInput, Conflict, WeaksegError
from server.models import (
    Assignment,
    AuditEvent,
    CategoryKey,
    Checkpoint,
    Flag,
    GoldImage,
    GoldSet,
    Identity,
    Image,
    ImageCount,
    Label,
    Member,
    Prediction,
    Project,
    RecoveryCode,
    RulesReading,
    Run,
    SignInFailure,
    Snapshot,
    SweepPage,
    User,
)
from server.models.gold import GoldState
from server.models.image import AssignmentState
from server.models.run import RunState
from server.models.user import Role
from server.queue import send_after_commit
from server.schemas.deletion import DeletionOut
from server.security import no_password
from server.services import audit, datasets, projects, removals
from server.services.accounts import users
from server.services.audit import Thing
from server.services.dataset_uploads import uploads
from server.services.images import files, lookup
from server.services.labels import snapshots
from server.services.runs import checkpoints, claims, runs

IMAGES_AT_ONCE = 200
AT_ONCE_SECONDS = 1.0
"""For so long the one who deletes waits for files to go; what is left is a worker's."""
IN_WORK = (RunState.QUEUED, RunState.RUNNING, RunState.INTERRUPTED)
STOPPED = (RunState.FAILED, RunState.CANCELLED, RunState.INTERRUPTED, RunState.QUEUED)


def _preview(
    told: Callable[[Session], DeletionOut], refuse: Callable[[Session], None]
) -> DeletionOut:
    """What would go, and why it can not be now."""
    with session_scope(read_only=True) as session:
        said = told(session)
        try:
            refuse(session)
        except WeaksegError as error:
            said.refused = error.detail
        return said


@contextmanager
def _deleting(on: Thing, said: DeletionOut) -> Iterator[Session]:
    """A transaction whose end is in the audit log, and after which files go at once if they can."""
    with session_scope() as session:
        yield session
        audit.record(session, AuditEvent.DELETED, on, before=said.counts)
    removals.work(AT_ONCE_SECONDS)


def _count(session: Session, column: object, *where: object) -> int:
    return session.scalar(select(func.count(column)).where(*where)) or 0  # type: ignore[arg-type]


def _no_run_starts(session: Session) -> None:
    """Until this transaction ends: a run lists its images when it starts. On SQLite writers queue."""
    if is_postgresql(session):
        session.execute(text(f"SELECT pg_advisory_xact_lock({claims.CLAIM_LOCK})"))


# --- an image


def preview_image(image_id: int) -> DeletionOut:
    """What would go with an image. Raises NotFound."""
    with session_scope(read_only=True) as session:
        image = lookup.get(session, image_id)
    naming = _naming(image, 0)
    return _preview(
        lambda session: _of_image(session, image, len(naming)),
        lambda session: _refuse_image(session, image),
    )


def _of_image(session: Session, image: Image, named: int) -> DeletionOut:
    counts = {
        "labels": _count(session, Label.id, Label.image_id == image.id),
        "predictions": _count(session, Prediction.id, Prediction.image_id == image.id),
        "leases": _count(
            session, Assignment.id, Assignment.image_id == image.id,
            Assignment.state == AssignmentState.OPEN, Assignment.lease_expires_at > utcnow(),
        ),
        "flags": _count(session, Flag.id, Flag.image_id == image.id),
    }  # fmt: skip
    remarks = ["The file goes with its scaled copies, unless another image is the same picture."]
    if named:
        remarks.append(
            f"{named} snapshots name it: they keep their bytes, and say that it was deleted."
        )
    if image.uri is not None:
        remarks.append("It came by a manifest: the original stays where the manifest found it.")
    return DeletionOut(
        kind="image", id=str(image.id), counts=counts | {"snapshots": named}, remarks=remarks
    )


def _refuse_image(session: Session, image: Image) -> None:
    working = select(Run.id).where(
        Run.project_id == image.project_id, Run.state == RunState.RUNNING
    )
    if (run_id := session.scalar(working.limit(1))) is not None:
        raise Conflict(
            f"run {run_id} is at work on the images; cancel it first", code="run-in-work"
        )
    gold = session.get(GoldSet, image.project_id)
    if image.gold and gold is not None and gold.state == GoldState.MAKING:
        raise Conflict("gold images are being made; wait until they are", code="gold-in-work")


def delete_image(image_id: int) -> DeletionOut:
    """Delete an image: its file, copies, predictions and labels, and who holds it loses it.

    Snapshots that name it keep their bytes and say so. Raises NotFound, Conflict `run-in-work` or
    `gold-in-work`.
    """
    with session_scope(read_only=True) as session:
        image = lookup.get(session, image_id)
        last = session.scalar(select(func.max(Snapshot.id))) or 0
    naming = _naming(image, 0)  # long files are not searched while others wait
    on = Thing("image", image.id, image.project_id)
    said = DeletionOut(kind="image", id=str(image.id), counts={}, remarks=[])
    with _deleting(on, said) as session:
        _no_run_starts(session)
        image = lookup.get(session, image_id, lock=True)
        _refuse_image(session, image)
        naming |= _naming(image, last)
        told = _of_image(session, image, len(naming))
        said.counts, said.remarks = told.counts, told.remarks
        removals.note(session, _besides(session, image))
        marked = update(Snapshot).where(Snapshot.id.in_(naming))
        session.execute(marked.values(deleted_images=Snapshot.deleted_images + 1))
        session.execute(delete(Image).where(Image.id == image_id))
    files.forget()
    return said


def _naming(image: Image, after: int) -> set[int]:
    """The snapshots with ids over `after` whose files name an image."""
    with session_scope(read_only=True) as session:
        found = session.scalars(
            select(Snapshot).where(Snapshot.project_id == image.project_id, Snapshot.id > after)
        ).all()
    return {each.id for each in found if snapshots.names_image(each, image.external_id)}


def _besides(session: Session, image: Image) -> Iterator[str]:
    """What is to go besides the rows: files, and folders and pages of runs that have the picture."""
    if image.storage_key is not None:
        yield image.storage_key
    of_image = select(Prediction.mask_key).where(Prediction.image_id == image.id)
    yield from session.scalars(of_image)
    yield from session.scalars(select(GoldImage.mask_key).where(GoldImage.image_id == image.id))
    for run in session.scalars(select(Run).where(Run.project_id == image.project_id)):
        yield f"work/{run.id}/"
        page = runs.report_page(run)
        shown = html.escape(image.external_id).encode()
        if page is not None and shown in page.read_bytes():
            yield runs.report_page_key(run.id, run.attempt)


# --- a run, a checkpoint


def preview_run(run_id: int) -> DeletionOut:
    """What would go with a run. Raises NotFound."""
    with session_scope(read_only=True) as session:
        run = runs.get(session, run_id)
    return _preview(lambda session: _of_run(session, run), lambda _: _refuse_run(run))


def _of_run(session: Session, run: Run) -> DeletionOut:
    counts = {
        "checkpoints": _count(session, Checkpoint.id, Checkpoint.run_id == run.id),
        "predictions": _count(session, Prediction.id, Prediction.run_id == run.id),
    }
    remarks = ["Its report and its point on the accuracy curve go; its snapshot stays."]
    if session.get_one(Project, run.project_id).prediction_run_id == run.id:
        remarks.append("Annotators see its predictions: those of the newest other run follow.")
    return DeletionOut(kind="run", id=str(run.id), counts=counts, remarks=remarks)


def _refuse_run(run: Run) -> None:
    if run.state in IN_WORK:
        raise Conflict(f"run {run.id} is {run.state}; cancel it first", code="run-in-work")


def delete_run(run_id: int) -> DeletionOut:
    """Delete a run that has ended, with all of its files. Raises NotFound, Conflict `run-in-work`."""
    with session_scope(read_only=True) as session:
        run = runs.get(session, run_id)
        said = _of_run(session, run)
    with _deleting(Thing("run", run.id, run.project_id), said) as session:
        locked = claims.lock(session, run_id)
        if locked is None:
            raise runs.missing(run_id)
        _refuse_run(locked)
        _show_another(session, locked)
        removals.note(session, [f"runs/{run_id}/"])
        session.execute(delete(Run).where(Run.id == run_id))
    return said


def _show_another(session: Session, run: Run) -> None:
    """Where a run's predictions are shown, show those of the newest other run that has any."""
    project = session.get_one(Project, run.project_id)
    if project.prediction_run_id != run.id:
        return
    has_any = exists().where(Prediction.run_id == Run.id)
    others = select(Run.id).where(
        Run.project_id == project.id, Run.id != run.id, Run.state == RunState.SUCCEEDED, has_any
    )
    project.prediction_run_id = session.scalar(others.order_by(Run.id.desc()).limit(1))
    project.prioritised_for = ""
    session.flush()
    send_after_commit(session, "prioritise")


def preview_checkpoint(checkpoint_id: int) -> DeletionOut:
    """What would go with a checkpoint. Raises NotFound."""
    with session_scope(read_only=True) as session:
        checkpoint = checkpoints.get(session, checkpoint_id)
        run = runs.get(session, checkpoint.run_id)
    return _preview(lambda _: _of_checkpoint(checkpoint, run), lambda _: _refuse_run(run))


def _of_checkpoint(checkpoint: Checkpoint, run: Run) -> DeletionOut:
    remarks = [f"Run {run.id} keeps its figures, its report and its other checkpoints."]
    if run.state in STOPPED:
        remarks.append("When the run is resumed, it begins anew.")
    return DeletionOut(
        kind="checkpoint", id=str(checkpoint.id), counts={"bytes": checkpoint.size}, remarks=remarks
    )


def delete_checkpoint(checkpoint_id: int) -> DeletionOut:
    """Delete a checkpoint of a run that has ended. Raises NotFound, Conflict `run-in-work`."""
    with session_scope(read_only=True) as session:
        checkpoint = checkpoints.get(session, checkpoint_id)
        run = runs.get(session, checkpoint.run_id)
        said = _of_checkpoint(checkpoint, run)
    with _deleting(Thing("checkpoint", checkpoint_id, run.project_id), said) as session:
        locked = claims.lock(session, run.id)
        if locked is None:
            raise runs.missing(run.id)
        _refuse_run(locked)
        # The folder has the same file under another name.
        removals.note(session, [checkpoint.storage_key, f"work/{run.id}/"])
        session.execute(delete(Checkpoint).where(Checkpoint.id == checkpoint_id))
    return said


# --- a dataset


def preview_dataset(name: str) -> DeletionOut:
    """What would go with a dataset. Raises NotFound."""
    datasets.require(name)
    return _preview(
        lambda session: _of_dataset(session, name),
        lambda session: _refuse_dataset(session, name),
    )


def _of_dataset(session: Session, name: str) -> DeletionOut:
    uploaded = uploads.of_dataset(session, name)
    if uploaded is None:
        remarks = [
            "Its card goes; images and masks stay where they are: the server did not make them.",
            "Runs that used it keep their results. To use it again, its card has to be added again.",
        ]
        return DeletionOut(kind="dataset", id=name, counts={}, remarks=remarks)
    counts = {"images": uploaded.pairs, "bytes": uploaded.bytes}
    remarks = ["It was uploaded: its images and masks go with it."]
    return DeletionOut(kind="dataset", id=name, counts=counts, remarks=remarks)


def _refuse_dataset(session: Session, name: str) -> None:
    uses = (
        select(Project.id)
        .where(
            or_(Project.source == name, Project.validation == name), Project.deleted_at.is_(None)
        )
        .order_by(Project.id)
    )
    if used := session.scalars(uses.limit(5)).all():
        where = ", ".join(map(str, used))
        raise Conflict(f"the dataset is used by project {where}", code="dataset-in-use")
    if uploads.of_dataset(session, name) is not None:
        _refuse_files_in_work(session, name)


def _refuse_files_in_work(session: Session, name: str) -> None:
    """Of an uploaded dataset the files go: a run may need them whose project names another by now."""
    working = select(Run.id, Run.config).where(Run.state.in_(IN_WORK)).order_by(Run.id)
    for run_id, config in session.execute(working):
        if name in {(config.get(part) or {}).get("name") for part in ("source", "validation")}:
            raise Conflict(f"run {run_id} is at work with it; cancel it first", code="run-in-work")


def delete_dataset(name: str) -> DeletionOut:
    """Forget a dataset's card, and remove all of one that was uploaded.

    Raises NotFound, Conflict `dataset-in-use` or `run-in-work`.
    """
    datasets.require(name)
    with session_scope(read_only=True) as session:
        said = _of_dataset(session, name)
    with _deleting(Thing("dataset", name), said) as session:
        _no_run_starts(session)
        _refuse_dataset(session, name)
        if (uploaded := uploads.of_dataset(session, name)) is not None:
            uploads.note_removal(session, uploaded)
        else:
            datasets.forget(name)
    return said


# --- a project


def preview_project(project_id: int) -> DeletionOut:
    """What would go with a project. Raises NotFound."""
    with session_scope(read_only=True) as session:
        project = projects.get(session, project_id)
    return _preview(
        lambda session: _of_project(session, project),
        lambda session: _refuse_project(session, project),
    )


def _of_project(session: Session, project: Project) -> DeletionOut:
    counts = {
        name: _count(session, table.id, table.project_id == project.id)
        for name, table in (("images", Image), ("labels", Label), ("runs", Run), ("snapshots", Snapshot))
    }  # fmt: skip
    remarks = ["All files of it go. Originals that a manifest named, and datasets, stay."]
    return DeletionOut(kind="project", id=str(project.id), counts=counts, remarks=remarks)


def _refuse_project(session: Session, project: Project) -> None:
    if project.archived_at is None:
        raise Conflict("archive the project first", code="not-archived")
    working = select(Run.id).where(Run.project_id == project.id, Run.state.in_(IN_WORK))
    if (run_id := session.scalar(working.limit(1))) is not None:
        raise Conflict(f"run {run_id} is at work; cancel it first", code="run-in-work")
    gold = session.get(GoldSet, project.id)
    if gold is not None and gold.state == GoldState.MAKING:
        raise Conflict("gold images are being made; wait until they are", code="gold-in-work")


def delete_project(project_id: int, name: str) -> DeletionOut:
    """Delete an archived project: it is gone at once, and its images and files soon after.

    Raises NotFound, BadInput `wrong-name` unless the name is its own, Conflict `not-archived`,
    `run-in-work` or `gold-in-work`.
    """
    with session_scope(read_only=True) as session:
        project = projects.get(session, project_id)
        if project.name != name:
            raise BadInput("name: not the name of this project", code="wrong-name")
        said = _of_project(session, project)
    with _deleting(Thing("project", project_id, project_id), said) as session:
        _no_run_starts(session)
        project = session.get_one(Project, project_id, with_for_update=True, populate_existing=True)
        if project.deleted_at is not None:
            raise projects.missing(project_id)
        _refuse_project(session, project)
        project.deleted_at = utcnow()
        project.name, project.description = f"deleted project {project_id}", ""
        project.retrain_after = None
        send_after_commit(session, "remove_deleted")
    return said


def is_due(session: Session) -> bool:
    """Whether something that was deleted is still to be removed."""
    gone = select(exists().where(Project.deleted_at.is_not(None)))
    return removals.are_due(session) or bool(session.scalar(gone))


def finish_projects() -> None:
    """Remove what is left of deleted projects; goes on where another has stopped."""
    with session_scope(read_only=True) as session:
        gone = session.scalars(select(Project.id).where(Project.deleted_at.is_not(None))).all()
    for project_id in gone:
        _remove_runs(project_id)
        while _remove_images(project_id):
            pass
        _remove_project(project_id)
    if gone:
        files.forget()


def _remove_runs(project_id: int) -> None:
    with session_scope(read_only=True) as session:
        ids = session.scalars(select(Run.id).where(Run.project_id == project_id)).all()
    for run_id in ids:
        with short_turn() as session:
            removals.note(session, [f"runs/{run_id}/"])
            session.execute(delete(Run).where(Run.id == run_id))


def _remove_images(project_id: int) -> bool:
    """Whether there were any."""
    with short_turn() as session:
        # In no order: to find the first of all that are left would take longer than to remove them.
        some = select(Image.id, Image.storage_key).where(Image.project_id == project_id)
        found = session.execute(some.limit(IMAGES_AT_ONCE)).all()
        if not found:
            return False
        removals.note(session, [row.storage_key for row in found if row.storage_key])
        session.execute(delete(Image).where(Image.id.in_([row.id for row in found])))
    return True


def _remove_project(project_id: int) -> None:
    with session_scope() as session:
        removals.note(session, [f"projects/{project_id}/"])
        session.execute(delete(SweepPage).where(SweepPage.project_id == project_id))
        if (project := session.get(Project, project_id)) is not None:
            session.delete(project)
            session.flush()
        session.execute(delete(ImageCount).where(ImageCount.project_id == project_id))


# --- a person


def preview_user(user_id: int, own_id: int) -> DeletionOut:
    """What would go with an account. Raises NotFound."""
    with session_scope(read_only=True) as session:
        user = users.get(session, user_id)
    return _preview(lambda session: _of_user(session, user), lambda _: _refuse_user(user, own_id))


def _of_user(session: Session, user: User) -> DeletionOut:
    counts = {"labels_kept": _count(session, Label.id, Label.annotator_id == user.id)}
    remarks = [
        f"Address, password, sessions, tokens and keys go; labels, flags and rules stay, as those of {alias(user.id)}.",
        "Lines of the audit log have the number alone, and addresses of the network until they are "
        "trimmed by age.",
    ]
    if _count(session, Identity.id, Identity.user_id == user.id):
        remarks.append(
            "A hash of who they are at the OpenID provider stays, so that they get no account anew."
        )
    return DeletionOut(kind="user", id=str(user.id), counts=counts, remarks=remarks)


def _refuse_user(user: User, own_id: int) -> None:
    if user.id == own_id:
        raise Conflict("this is your own account; another admin can delete it", code="own-account")


def alias(user_id: int) -> str:
    """What is left of a deleted person's name."""
    return f"annotator {user_id}"


def delete_user(user_id: int, own_id: int) -> DeletionOut:
    """Delete a person's account for good: their labels stay, under a number.

    Raises NotFound, Conflict `own-account` or `last-admin`.
    """
    with session_scope(read_only=True) as session:
        said = _of_user(session, users.get(session, user_id))
    with _deleting(Thing("user", user_id), said) as session:
        user = users.lock_out_for_good(session, user_id)
        _refuse_user(user, own_id)
        guessed_at = (f"email:{user.email}"[:400], f" {user.email}")
        session.execute(
            delete(SignInFailure).where(
                or_(
                    SignInFailure.subject == guessed_at[0],
                    SignInFailure.subject.endswith(guessed_at[1], autoescape=True),
                )
            )
        )
        session.execute(delete(CategoryKey).where(CategoryKey.user_id == user_id))
        session.execute(delete(Member).where(Member.user_id == user_id))
        session.execute(delete(RulesReading).where(RulesReading.user_id == user_id))
        user.email, user.password_hash = alias(user_id), no_password()
        user.role, user.deleted_at = Role.ANNOTATOR, utcnow()
        user.totp_secret = user.totp_step = None
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        user.must_change_password = False
        removals.note(session, [])
    return said
