"""Weak labels: append-only revisions, submitted once however often they are sent."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.errors import Conflict, WeaksegError
from server.models import AuditEvent, Image, Label
from server.models.image import ImageState
from server.schemas.label import LabelIn
from server.services import audit
from server.services.assignment import prefill
from server.services.audit import Thing
from server.services.images import lookup
from server.services.labels import store
from server.services.labels.content import Content, fitting
from server.services.labels.store import Draft
from server.services.labels.timing import Spent

KEY_REUSED = "this Idempotency-Key was used for another label"


@dataclass(frozen=True)
class Submission:
    """One label that an annotator gives to an image."""

    image_id: int
    annotator_id: int
    label: LabelIn
    key: str | None
    """With an idempotency key, the same again is the label that it made the first time."""
    beyond_overlap: bool = False
    """Stored even where no assignment of the image is left: it was given under one once."""
    is_import: bool = False
    """Given elsewhere: nothing was shown or withheld here."""
    import_id: int | None = None
    """With which file it came."""


def submit(
    session: Session, image_id: int, annotator_id: int, label: LabelIn, key: str | None
) -> Label:
    """Store a new revision of an annotator's label, and finish their assignment.

    With an idempotency key, the same request again returns the label it made. Without a lease, a
    label that names no more than a partial one before it corrects that one alone. Raises NotFound,
    BadInput for a label that does not fit the image or the project, Conflict for a lost lease,
    for an image that is somebody else's, or for a key that was used for another request.
    """
    (stored,) = submit_all(session, [Submission(image_id, annotator_id, label, key)])
    if isinstance(stored, WeaksegError):
        raise stored
    return stored


def submit_all(session: Session, submissions: Sequence[Submission]) -> list[Label | WeaksegError]:
    """Store labels as `submit` stores one, at most one an annotator and image.

    Gives the error of one that can not be stored in its place. Raises Conflict when another
    request uses one of the keys at this moment.
    """
    locked = store.Locked(
        session,
        {(each.annotator_id, each.image_id) for each in submissions},
        {(each.annotator_id, each.key) for each in submissions if each.key is not None},
    )
    drafts = [_draft(session, locked, submission) for submission in submissions]
    new = [draft for draft in drafts if isinstance(draft, Draft)]
    try:
        saved = store.save(session, locked, new)
    except IntegrityError as error:
        raise Conflict(KEY_REUSED, code="key-reused") from error
    for draft, label in zip(new, saved, strict=True):
        if draft.resolves and isinstance(label, Label) and not label.gold:
            _note_decision(session, label)
    stored = iter(saved)
    return [next(stored) if isinstance(draft, Draft) else draft for draft in drafts]


def _note_decision(session: Session, label: Label) -> None:
    """A reviewer's word counts in place of other people's: that they said it is in the audit log."""
    session.flush()
    on = Thing("image", label.image_id, label.project_id)
    audit.record(session, AuditEvent.LABEL_CORRECTED, on, after={"label_id": label.id})


def _draft(
    session: Session, locked: store.Locked, submission: Submission
) -> Draft | Label | WeaksegError:
    """The label to store, the one that is stored already, or why there is none."""
    try:
        image = locked.images.get(submission.image_id)
        if image is None:
            raise lookup.missing(submission.image_id)
        if known := locked.made_with(submission.annotator_id, submission.key):
            return _the_same(known, submission)
        draft = _new(locked, image, submission)
        if draft.unleased == "none" or submission.is_import:
            return draft
        project = locked.projects[image.project_id]
        withheld = prefill.is_withheld(session, project, submission.annotator_id, image)
        return replace(draft, withheld=withheld)
    except WeaksegError as error:
        return error


def _new(locked: store.Locked, image: Image, submission: Submission) -> Draft:
    if image.state != ImageState.READY or image.width is None or image.height is None:
        raise Conflict(f"image {image.id} can not be labelled: it is {image.state}",
                       code="not-ready")  # fmt: skip
    label = submission.label
    project = locked.projects[image.project_id]
    content = fitting(project, image, label)
    earlier = locked.current(submission.annotator_id, image.id)
    is_first = earlier is None or earlier.partial
    unleased = label.lease_id is None
    # Neither of an assignment that is held nor a decision: it may be a correction, or a late label.
    is_plain = unleased and not label.resolves
    is_partial = False
    if earlier is not None and earlier.partial:
        swept = Content.of(earlier)
        is_partial = is_plain and content.only_corrects(swept, locked.category_ids(image))
        content = content.keeping(swept)
    needs_assignment = is_plain and is_first and not is_partial
    finishes: Literal["if-left", "needed"] = "if-left" if submission.beyond_overlap else "needed"
    return Draft(
        image,
        submission.annotator_id,
        content,
        Spent.of(label.timing, project.idle_after_s),
        partial=is_partial,
        resolves=label.resolves,
        prefilled_by=label.prefilled_by,
        starts_from=earlier if unleased and not is_first else None,
        lease_id=label.lease_id,
        unleased=finishes if needs_assignment else "none",
        import_id=submission.import_id,
        key=submission.key,
        request_hash=_request_hash(submission),
    )


def _the_same(made: Label, submission: Submission) -> Label:
    if made.request_hash != _request_hash(submission):
        raise Conflict(KEY_REUSED, code="key-reused")
    return made


def _request_hash(submission: Submission) -> str:
    """What makes two requests the same; a retry may come without the lease that has run out."""
    content = submission.label.model_dump(mode="json", exclude={"lease_id"})
    body = {"image_id": submission.image_id} | content
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
