"""Weak labels: append-only revisions, submitted once however often they are sent."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.errors import BadInput, Conflict, WeaksegError
from server.models import Assignment, Image, Label, Project
from server.models.image import ImageState
from server.schemas.label import LabelIn, TilesIn
from server.services import projects
from server.services.assignment import leases, priorities
from server.services.images import lookup
from server.services.labels import partial_labels, store, timing
from trainer.contract.names import comparable
from trainer.contract.places import inside

KEY_REUSED = "this Idempotency-Key was used for another label"


@dataclass(frozen=True)
class Submission:
    """One label that an annotator gives to an image."""

    image_id: int
    annotator_id: int
    wanted: LabelIn
    key: str | None
    """With an idempotency key, the same again is the label that it made the first time."""
    beyond_overlap: bool = False
    """Stored even where no assignment of the image is left: it was given under one once."""


def submit(
    session: Session, image_id: int, annotator_id: int, wanted: LabelIn, key: str | None
) -> Label:
    """Store a new revision of an annotator's label, and finish their assignment.

    With an idempotency key, the same request again returns the label it made. Without a lease, a
    label that names no more than a partial one before it corrects that one alone. Raises NotFound,
    BadInput for a label that does not fit the image or the project, Conflict for a lost lease,
    for an image that is somebody else's, or for a key that was used for another request.
    """
    (stored,) = submit_all(session, [Submission(image_id, annotator_id, wanted, key)])
    if isinstance(stored, WeaksegError):
        raise stored
    return stored


def submit_all(session: Session, submissions: Sequence[Submission]) -> list[Label | WeaksegError]:
    """Store labels as `submit` stores one, at most one an annotator and image.

    Gives the error of one that can not be stored in its place. Raises Conflict when another
    request uses one of the keys at this moment.
    """
    known = _Known(session, submissions)
    outcomes = [_revision(session, known, submission) for submission in submissions]
    unleased = {
        (label.annotator_id, label.image_id): (place, each, label)
        for place, (each, label) in enumerate(zip(submissions, outcomes, strict=True))
        if isinstance(label, Label) and not label.partial and known.needs_assignment(each)
    }
    finished = leases.finish_unleased(session, list(unleased))
    for pair, (place, each, label) in unleased.items():
        if pair in finished:
            _start_from(label, finished[pair])
        elif not each.beyond_overlap:
            outcomes[place] = leases.taken()
    new = [
        label
        for submission, label in zip(submissions, outcomes, strict=True)
        if isinstance(label, Label) and label is not known.by_key(submission)
    ]
    try:
        store.replace_all(session, [(known.images[label.image_id], label) for label in new])
    except IntegrityError as error:
        raise Conflict(KEY_REUSED, code="key-reused") from error
    for project in known.projects.values():
        changed = {label.image_id for label in new if label.project_id == project.id}
        if changed:
            priorities.refresh(session, project, sorted(changed))
    return outcomes


class _Known:
    """What is stored for the images and people of submissions; the images are locked.

    So submits of one image go one after the other, and a request sent twice at once finds the
    label that its twin has stored.
    """

    def __init__(self, session: Session, submissions: Sequence[Submission]) -> None:
        self.images = lookup.lock_all(session, {each.image_id for each in submissions})
        project_ids = {image.project_id for image in self.images.values()}
        self.projects = {i: projects.get(session, i) for i in sorted(project_ids)}
        people = {each.annotator_id for each in submissions}
        own = select(Label).where(Label.annotator_id.in_(people))
        keys = {each.key for each in submissions if each.key is not None}
        keyed = session.scalars(own.where(Label.idempotency_key.in_(keys))) if keys else ()
        self._by_key = {(label.annotator_id, label.idempotency_key): label for label in keyed}
        current = session.scalars(own.where(Label.image_id.in_(self.images), Label.current))
        self._current = {(label.annotator_id, label.image_id): label for label in current}

    def by_key(self, submission: Submission) -> Label | None:
        """The label that this submission, or another one with its key, has made."""
        return self._by_key.get((submission.annotator_id, submission.key))

    def current(self, submission: Submission) -> Label | None:
        """The annotator's label of the image so far."""
        return self._current.get((submission.annotator_id, submission.image_id))

    def needs_assignment(self, submission: Submission) -> bool:
        """Whether one that nobody holds is to be finished with it."""
        earlier, wanted = self.current(submission), submission.wanted
        is_first = earlier is None or earlier.partial
        is_new = self.by_key(submission) is None
        return is_new and is_first and wanted.lease_id is None and not wanted.resolves


def _revision(session: Session, known: _Known, submission: Submission) -> Label | WeaksegError:
    """The label to store, the one that is stored already, or why there is none."""
    wanted, annotator_id = submission.wanted, submission.annotator_id
    request_hash = _request_hash(submission.image_id, wanted)
    try:
        image = known.images.get(submission.image_id)
        if image is None:
            raise lookup.missing(submission.image_id)
        if made := known.by_key(submission):
            return _the_same(made, request_hash)
        project = known.projects[image.project_id]
        label, earlier = _new_label(project, image, wanted), known.current(submission)
        if wanted.lease_id is None:
            label.partial = partial_labels.is_correction(earlier, label, project)
        partial_labels.keep(earlier, label, project)
        label.annotator_id = annotator_id
        label.revision = earlier.revision + 1 if earlier else 1
        label.idempotency_key = submission.key
        label.request_hash = request_hash
        if wanted.lease_id is not None:
            _start_from(label, leases.finish(session, wanted.lease_id, annotator_id, image.id))
        elif earlier is not None and not earlier.partial:
            _start_from(label, earlier)
    except WeaksegError as error:
        return error
    return label


def _the_same(made: Label, request_hash: str) -> Label:
    if made.request_hash != request_hash:
        raise Conflict(KEY_REUSED, code="key-reused")
    return made


def _start_from(label: Label, shown: Assignment | Label) -> None:
    """Note what the form started from: what the server handed out, not what a browser claims.

    A correction starts from the label before it, and so from the same beginnings.
    """
    if shown.blind is None:
        return
    label.blind = shown.blind
    label.prefilled = shown.prefilled or []
    label.prefilled_by = shown.prefilled_by


def _request_hash(image_id: int, wanted: LabelIn) -> str:
    """What makes two requests the same; a retry may come without the lease that has run out."""
    body = {"image_id": image_id} | wanted.model_dump(mode="json", exclude={"lease_id"})
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _new_label(project: Project, image: Image, wanted: LabelIn) -> Label:
    if image.state != ImageState.READY or image.width is None or image.height is None:
        raise Conflict(f"image {image.id} can not be labelled: it is {image.state}",
                       code="not-ready")  # fmt: skip
    _refuse_other_modes(project, wanted)
    ids = {comparable(category.name): category.id for category in project.categories}
    said = _said(wanted, ids)
    return Label(
        project_id=project.id,
        image_id=image.id,
        present=[ids[name] for name in ids if said.get(name) == "present"],
        absent=[ids[name] for name in ids if said.get(name) == "absent"],
        unsure=[ids[name] for name in ids if said.get(name) == "unsure"],
        points=_points_inside(image, wanted, ids),
        tiles=_tiles_inside(wanted.tiles, ids),
        skipped=wanted.skipped,
        active_ms=timing.active_ms(wanted.timing),
        wall_ms=timing.wall_ms(wanted.timing),
        trail=[[event.at, event.kind] for event in wanted.timing.events],
        prefilled_by=wanted.prefilled_by,
        prefilled=[],
        blind=False,
        resolves=wanted.resolves,
        gold=image.gold,
    )


def _refuse_other_modes(project: Project, wanted: LabelIn) -> None:
    if wanted.points and project.mode not in ("points", "tags-and-points"):
        raise BadInput("points: this project does not ask for points", code="no-points")
    if wanted.tiles is None:
        return
    if project.mode != "tiles":
        raise BadInput("tiles: this project does not ask for tiles", code="no-tiles")
    grid, own = (wanted.tiles.rows, wanted.tiles.cols), (project.tile_rows, project.tile_cols)
    if grid != own:
        raise BadInput(
            f"tiles: a grid of {grid[0]} x {grid[1]}, but this project's is {own[0]} x {own[1]}",
            code="wrong-grid",
        )


def _said(wanted: LabelIn, ids: Mapping[str, int]) -> dict[str, str]:
    """What a label says of each category that it names, by comparable name.

    A point or a tile makes it present.
    """
    present = dict.fromkeys(wanted.present)
    present |= dict.fromkeys(point.category for point in wanted.points)
    present |= dict.fromkeys(wanted.tiles.present if wanted.tiles else ())
    lists = {"present": present, "absent": wanted.absent, "unsure": wanted.unsure}
    said: dict[str, str] = {}
    for value, names in lists.items():
        for name, key in ((name, comparable(name)) for name in names):
            if key not in ids:
                raise BadInput(
                    f"{value}: there is no category {name!r} in this project",
                    code="unknown-category",
                )
            if said.setdefault(key, value) != value:
                raise BadInput(
                    f"{value}: {name!r} is both {said[key]} and {value}", code="contradiction"
                )
    return said


def _points_inside(image: Image, wanted: LabelIn, ids: dict[str, int]) -> list[dict[str, Any]]:
    width, height = image.width or 0, image.height or 0
    points = []
    for index, point in enumerate(wanted.points):
        x, y = inside(point.x, width), inside(point.y, height)
        if x is None or y is None:
            raise BadInput(
                f"points[{index}]: ({point.x:g}, {point.y:g}) of {point.category} is outside the "
                f"{width} x {height} image",
                code="point-outside",
            )
        points.append({"category_id": ids[comparable(point.category)], "x": x, "y": y})
    return points


def _tiles_inside(tiles: TilesIn | None, ids: dict[str, int]) -> dict[str, Any] | None:
    if tiles is None:
        return None
    count = tiles.rows * tiles.cols
    for name, indices in tiles.present.items():
        if wrong := [i for i in indices if not 0 <= i < count]:
            raise BadInput(f"tiles.present.{name}: there is no tile {wrong[0]} of {count}")
    present = {
        str(ids[comparable(name)]): sorted(set(tiles.present[name])) for name in tiles.present
    }
    return {"rows": tiles.rows, "cols": tiles.cols, "present": present}
