"""The only place where a label becomes a row: from forms, sweeps and files, all are stored alike."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    Integer,
    Select,
    and_,
    bindparam,
    cast,
    delete,
    insert,
    inspect,
    literal,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Session, defer
from sqlalchemy.orm.attributes import set_committed_value

from server.bulk import json_members
from server.db import utcnow
from server.errors import Conflict
from server.models import Answer, Assignment, Image, Label
from server.models.label import AnswerValue, SweepShare
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
    withheld: bool = False
    """Whether help is withheld from who finishes such an assignment."""
    sweep_share: SweepShare | None = None
    """Of an answer in a sweep: where its trail is."""
    import_id: int | None = None
    """Of the file that it came with."""
    key: str | None = None
    request_hash: str = ""


_IS_CURRENT = and_(Label.image_id.in_(bindparam("images", expanding=True)), Label.current)
_IS_KEYED = and_(
    Label.annotator_id.in_(bindparam("people", expanding=True)),
    Label.idempotency_key.in_(bindparam("keys", expanding=True)),
)
_CURRENT = select(Label).where(_IS_CURRENT).options(defer(Label.trail))
_CURRENT_OR_KEYED = select(Label).where(or_(_IS_CURRENT, _IS_KEYED)).options(defer(Label.trail))


class Locked:
    """Images of some people's labels, and what they have said of them so far.

    The images are locked until the transaction ends: labels of one go one after the other, and a
    request that is sent twice at once finds what its twin has stored.
    """

    def __init__(
        self,
        session: Session,
        pairs: Collection[tuple[int, int]],
        keys: Collection[tuple[int, str]] = (),
    ) -> None:
        """`pairs` are of (annotator, image), `keys` of (annotator, idempotency key)."""
        locked = lookup.lock_all(session, {image_id for _, image_id in pairs})
        self.images = {image.id: image for image, _ in locked}
        self.projects = {
            image.project_id: projects.seen(session, image.project_id, version)
            for image, version in locked
        }
        found = session.scalars(
            _CURRENT_OR_KEYED if keys else _CURRENT,
            {
                "images": list(self.images),
                "people": list({annotator_id for annotator_id, _ in keys}),
                "keys": list({key for _, key in keys}),
            },
        ).all()
        self._current = {(e.annotator_id, e.image_id): e for e in found if e.current}
        self._keyed = {(e.annotator_id, e.idempotency_key): e for e in found}

    def current(self, annotator_id: int, image_id: int) -> Label | None:
        """The annotator's label of the image so far."""
        return self._current.get((annotator_id, image_id))

    def all_current(self) -> Collection[Label]:
        """Everybody's labels of the images so far."""
        return [label for label in self._current.values() if label.image_id in self.images]

    def made_with(self, annotator_id: int, key: str | None) -> Label | None:
        """The annotator's label, of whichever image, that was made with one of the keys."""
        return None if key is None else self._keyed.get((annotator_id, key))

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
    make_current(session, locked, stored)
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
        idle_after_s=locked.projects[image.project_id].idle_after_s,
        sweep_share=draft.sweep_share,
        prefilled_by=draft.prefilled_by,
        prefilled=[],
        blind=False,
        partial=draft.partial,
        resolves=draft.resolves,
        gold=image.gold,
        import_id=draft.import_id,
        idempotency_key=draft.key,
        request_hash=draft.request_hash,
        created_at=utcnow(),
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
                label.blind = draft.withheld
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


def make_current(session: Session, locked: Locked, labels: Sequence[Label]) -> None:
    """Make new revisions their annotators' current labels of locked images.

    At most one an annotator and image. Brings up to date what is known of the images: whether
    they are labelled, and disputed. Of a gold image nothing is searched for.
    """
    if not labels:
        return
    standing = _retire(session, locked, labels)
    ids = session.connection().scalars(_STORING, [_columns(label) for label in labels])
    for label, label_id in zip(labels, ids, strict=True):
        label.id = label_id
    own = [label for label in labels if not label.gold]
    answering = [label for label in own if label.skipped is None]
    if answering:
        of = {"labels": [label.id for label in answering]}
        session.connection().execute(_ANSWERING, of)
    standing += answering
    _summarise(session, {label.image_id: locked.images[label.image_id] for label in own}, standing)


_STORING = insert(Label).returning(Label.id, sort_by_parameter_order=True)


def _said(
    value: AnswerValue, listed: InstrumentedAttribute[list[int]]
) -> Select[int, int, int, Any]:
    """Answers as the rows of labels list them: a statement for all takes less than rows one by one."""
    members = json_members(listed).table_valued("value")
    return (
        select(
            Label.id,
            cast(members.c.value, Integer),
            Label.image_id,
            literal(value, Answer.value.type),
        )
        .join_from(Label, members, true())
        .where(Label.id.in_(bindparam("labels", expanding=True)))
    )


_ANSWERING = insert(Answer).from_select(
    ["label_id", "category_id", "image_id", "value"],
    union_all(
        _said(AnswerValue.PRESENT, Label.present),
        _said(AnswerValue.ABSENT, Label.absent),
        _said(AnswerValue.UNSURE, Label.unsure),
    ),
)


def _columns(label: Label) -> dict[str, object]:
    """What is set of a label; the rest has defaults."""
    columns = inspect(Label).column_attrs.keys()
    return {name: value for name, value in vars(label).items() if name in columns}


def _retire(session: Session, locked: Locked, successors: Sequence[Label]) -> list[Label]:
    """Let labels be current no more where they have successors.

    Gives the others of the images that have answers.
    """
    pairs = {(label.annotator_id, label.image_id) for label in successors}
    current = locked.all_current()
    retired = [label.id for label in current if (label.annotator_id, label.image_id) in pairs]
    if retired:
        session.execute(delete(Answer).where(Answer.label_id.in_(retired)))
        session.execute(update(Label).where(Label.id.in_(retired)).values(current=False))
    return [
        label
        for label in current
        if label.skipped is None and (label.annotator_id, label.image_id) not in pairs
    ]


def _summarise(session: Session, images: Mapping[int, Image], standing: Sequence[Label]) -> None:
    """Bring images up to date with their current labels that have answers."""
    of_image: defaultdict[int, list[Label]] = defaultdict(list)
    for label in standing:
        of_image[label.image_id].append(label)
    disputed = _disputed(session, [i for i in images if len(of_image[i]) > 1])
    changed = []
    for image_id, image in images.items():
        labelled = not all(label.partial for label in of_image[image_id])
        is_decided = any(label.resolves for label in of_image[image_id])
        is_open = image_id in disputed and not is_decided
        disputed_at = (image.disputed_at or utcnow()) if is_open else None
        if (labelled, disputed_at) != (image.labelled, image.disputed_at):
            changed.append({"of": image_id, "labelled": labelled, "disputed_at": disputed_at})
            set_committed_value(image, "labelled", labelled)
            set_committed_value(image, "disputed_at", disputed_at)
    if changed:
        session.connection().execute(_SUMMARISING, changed)


_SUMMARISING = (
    update(Image)
    .where(Image.id == bindparam("of"))
    .values(labelled=bindparam("labelled"), disputed_at=bindparam("disputed_at"))
)


def _disputed(session: Session, image_ids: Sequence[int]) -> set[int]:
    """Those of images with several labels on which these contradict each other."""
    if not image_ids:
        return set()
    query = select(Image.id).where(Image.id.in_(image_ids), Answer.is_disputed(Image.id))
    return set(session.scalars(query))
