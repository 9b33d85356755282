"""The only place where a label becomes a row: from forms, sweeps and files, all are stored alike."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from server.db import utcnow
from server.errors import Conflict
from server.models import Answer, Assignment, Image, Label
from server.models.label import AnswerValue
from server.services import projects
from server.services.assignment import leases, priorities
from server.services.images import lookup
from server.services.labels.content import Content
from server.services.labels.timing import Spent


@dataclass(frozen=True)
class Draft:
    """The next revision of a person's label of an image, which must be locked."""

    image: Image
    annotator_id: int
    content: Content
    spent: Spent
    partial: bool
    resolves: bool
    prefilled_by: str | None = None
    """What the form started from, as a browser claims."""
    starts_from: Label | None = None
    """The label that this one corrects, and so from the same beginnings."""
    lease_id: str | None = None
    """Of the assignment that it finishes."""
    unleased: Literal["none", "if-left", "needed"] = "none"
    """Whether it finishes an assignment that nobody holds; one that needs it is refused without."""
    key: str | None = None
    request_hash: str = ""


class Locked:
    """Images of some people's labels, and what they have said of them so far.

    The images are locked until the transaction ends: labels of one go one after the other, and a
    request that is sent twice at once finds what its twin has stored.
    """

    def __init__(self, session: Session, pairs: Collection[tuple[int, int]]) -> None:
        """`pairs` are of (annotator, image)."""
        self.images = lookup.lock_all(session, {image_id for _, image_id in pairs})
        project_ids = {image.project_id for image in self.images.values()}
        self.projects = {i: projects.get(session, i) for i in sorted(project_ids)}
        current = select(Label).where(
            Label.annotator_id.in_({annotator_id for annotator_id, _ in pairs}),
            Label.image_id.in_(self.images),
            Label.current,
        )
        self._current = {(e.annotator_id, e.image_id): e for e in session.scalars(current)}

    def current(self, annotator_id: int, image_id: int) -> Label | None:
        """The annotator's label of the image so far."""
        return self._current.get((annotator_id, image_id))

    def category_ids(self, image: Image) -> list[int]:
        """The categories of an image's project, in its order."""
        return [category.id for category in self.projects[image.project_id].categories]


def save(session: Session, locked: Locked, drafts: Sequence[Draft]) -> list[Label | Conflict]:
    """Store labels, at most one an annotator and image, and finish their assignments.

    Gives the Conflict of one that can not be stored in its place. Raises IntegrityError when
    another label of its annotator has the key of one of them.
    """
    labels = [_row(locked, draft) for draft in drafts]
    refused = _finish(session, drafts, labels)
    stored = [label for place, label in enumerate(labels) if place not in refused]
    make_current(session, [(locked.images[label.image_id], label) for label in stored])
    for project in locked.projects.values():
        changed = {label.image_id for label in stored if label.project_id == project.id}
        if changed:
            priorities.refresh(session, project, sorted(changed))
    return [refused.get(place, label) for place, label in enumerate(labels)]


def _row(locked: Locked, draft: Draft) -> Label:
    image, earlier = draft.image, locked.current(draft.annotator_id, draft.image.id)
    label = Label(
        project_id=image.project_id,
        image_id=image.id,
        annotator_id=draft.annotator_id,
        revision=earlier.revision + 1 if earlier else 1,
        **draft.content.columns(locked.category_ids(image)),
        active_ms=draft.spent.active_ms,
        wall_ms=draft.spent.wall_ms,
        trail=draft.spent.trail,
        prefilled_by=draft.prefilled_by,
        prefilled=[],
        blind=False,
        partial=draft.partial,
        resolves=draft.resolves,
        gold=image.gold,
        idempotency_key=draft.key,
        request_hash=draft.request_hash,
    )
    if draft.starts_from is not None:
        _start_from(label, draft.starts_from)
    return label


def _finish(
    session: Session, drafts: Sequence[Draft], labels: Sequence[Label]
) -> dict[int, Conflict]:
    """Finish the assignments of labels; why some are not to be stored, by their places."""
    waiting = [(d.annotator_id, d.image.id) for d in drafts if d.unleased != "none"]
    finished = leases.finish_unleased(session, waiting)
    refused: dict[int, Conflict] = {}
    for place, (draft, label) in enumerate(zip(drafts, labels, strict=True)):
        pair = draft.annotator_id, draft.image.id
        if draft.lease_id is not None:
            try:
                _start_from(label, leases.finish(session, draft.lease_id, *pair))
            except Conflict as error:
                refused[place] = error
        elif pair in finished:
            # The answers of sweeps come from no form.
            if not label.partial:
                _start_from(label, finished[pair])
            label.partial = False
        elif draft.unleased == "needed":
            refused[place] = leases.taken()
    return refused


def _start_from(label: Label, shown: leases.Shown | Assignment | Label) -> None:
    """Note what the form started from: what the server handed out, not what a browser claims."""
    if shown.blind is None:
        return
    label.blind = shown.blind
    label.prefilled = shown.prefilled or []
    label.prefilled_by = shown.prefilled_by


def make_current(session: Session, given: Sequence[tuple[Image, Label]]) -> None:
    """Make new revisions their annotators' current labels of images, which must be locked.

    At most one an annotator and image. Brings up to date what is known of the images: whether
    they are labelled, and disputed. Of a gold image nothing is searched for.
    """
    if not given:
        return
    others = _retire(session, [label for _, label in given])
    session.add_all(label for _, label in given)
    session.flush()
    own = [(image, label) for image, label in given if not label.gold]
    rows = [row for _, label in own for row in _rows(label)]
    if rows:
        session.execute(insert(Answer), rows)
    _summarise(session, own, others)


@dataclass(frozen=True)
class Standing:
    """What is to be known of a current label that has answers."""

    image_id: int
    partial: bool
    resolves: bool


def _retire(session: Session, successors: Sequence[Label]) -> list[Standing]:
    """Let labels be current no more where they have successors; gives the others of the images."""
    pairs = {(label.image_id, label.annotator_id) for label in successors}
    current = session.execute(
        select(
            *(Label.id, Label.image_id, Label.annotator_id),
            *(Label.skipped, Label.partial, Label.resolves),
        ).where(Label.image_id.in_({image_id for image_id, _ in pairs}), Label.current)
    ).all()
    retired = [row.id for row in current if (row.image_id, row.annotator_id) in pairs]
    if retired:
        session.execute(delete(Answer).where(Answer.label_id.in_(retired)))
        session.execute(update(Label).where(Label.id.in_(retired)).values(current=False))
    return [
        Standing(row.image_id, row.partial, row.resolves)
        for row in current
        if row.skipped is None and (row.image_id, row.annotator_id) not in pairs
    ]


def _rows(label: Label) -> list[dict[str, object]]:
    if label.skipped is not None:
        return []
    said = (
        (AnswerValue.PRESENT, label.present),
        (AnswerValue.ABSENT, label.absent),
        (AnswerValue.UNSURE, label.unsure),
    )
    return [
        {"label_id": label.id, "category_id": i, "image_id": label.image_id, "value": value}
        for value, ids in said
        for i in ids
    ]


def _summarise(
    session: Session, given: Sequence[tuple[Image, Label]], others: Sequence[Standing]
) -> None:
    standing: defaultdict[int, list[Standing]] = defaultdict(list)
    said = [
        Standing(image.id, label.partial, label.resolves)
        for image, label in given
        if label.skipped is None
    ]
    for each in (*others, *said):
        standing[each.image_id].append(each)
    images = {image.id: image for image, _ in given}
    disputed = _disputed(session, [i for i in images if len(standing[i]) > 1])
    for image_id, image in images.items():
        image.labelled = not all(each.partial for each in standing[image_id])
        is_decided = any(each.resolves for each in standing[image_id])
        is_open = image_id in disputed and not is_decided
        image.disputed_at = (image.disputed_at or utcnow()) if is_open else None


def _disputed(session: Session, image_ids: Sequence[int]) -> set[int]:
    """Those of images with several labels on which these contradict each other."""
    if not image_ids:
        return set()
    query = select(Image.id).where(Image.id.in_(image_ids), Answer.is_disputed(Image.id))
    return set(session.scalars(query))
