"""Weak labels: append-only revisions, submitted once however often they are sent."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.errors import BadInput, Conflict
from server.models import Assignment, Category, Image, Label, Project
from server.models.image import ImageState
from server.schemas.label import LabelIn, LabelOut, PointOut, TilesIn
from server.services import (
    answers,
    images,
    leases,
    partial_labels,
    priorities,
    projects,
    timing,
)

KEY_REUSED = "this Idempotency-Key was used for another label"


def submit(
    session: Session, image_id: int, annotator_id: int, wanted: LabelIn, key: str | None
) -> Label:
    """Store a new revision of an annotator's label, and finish their assignment.

    With an idempotency key, the same request again returns the label it made. Raises NotFound,
    BadInput for a label that does not fit the image or the project, Conflict for a lost lease,
    for an image that is somebody else's, or for a key that was used for another request.
    """
    request_hash = _request_hash(image_id, wanted)
    # Submits of one image go one after the other, so that a request sent twice at once finds
    # the label that its twin has stored.
    image = images.get(session, image_id, lock=True)
    if earlier := _find_by_key(session, annotator_id, key, request_hash):
        return earlier
    project = projects.get(session, image.project_id)
    label = _new_label(project, image, wanted)
    earlier_label = current_of(session, annotator_id, [image_id]).get(image_id)
    partial_labels.keep(earlier_label, label, project)
    label.annotator_id = annotator_id
    label.revision = earlier_label.revision + 1 if earlier_label else 1
    label.idempotency_key = key
    label.request_hash = request_hash
    if wanted.lease_id is not None:
        _start_from(label, leases.finish(session, wanted.lease_id, annotator_id, image_id))
    elif earlier_label is not None and not earlier_label.partial:
        _start_from(label, earlier_label)
    elif not wanted.resolves:
        _start_from(label, leases.finish_unleased(session, annotator_id, image_id))
    try:
        answers.replace(session, image, label)
    except IntegrityError as error:
        raise Conflict(KEY_REUSED, code="key-reused") from error
    priorities.refresh(session, project, [image_id])
    return label


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


def _find_by_key(
    session: Session, annotator_id: int, key: str | None, request_hash: str
) -> Label | None:
    if key is None:
        return None
    label = session.scalar(
        select(Label).where(Label.annotator_id == annotator_id, Label.idempotency_key == key)
    )
    if label is not None and label.request_hash != request_hash:
        raise Conflict(KEY_REUSED, code="key-reused")
    return label


def _new_label(project: Project, image: Image, wanted: LabelIn) -> Label:
    if image.state != ImageState.READY or image.width is None or image.height is None:
        raise Conflict(f"image {image.id} can not be labelled: it is {image.state}",
                       code="not-ready")  # fmt: skip
    _refuse_other_modes(project, wanted)
    ids = {category.name: category.id for category in project.categories}
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
        wall_ms=wanted.timing.wall_ms,
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
    """What a label says of each category that it names. A point or a tile makes it present."""
    present = dict.fromkeys(wanted.present)
    present |= dict.fromkeys(point.category for point in wanted.points)
    present |= dict.fromkeys(wanted.tiles.present if wanted.tiles else ())
    lists = {"present": present, "absent": wanted.absent, "unsure": wanted.unsure}
    said: dict[str, str] = {}
    for value, names in lists.items():
        for name in names:
            if name not in ids:
                raise BadInput(
                    f"{value}: there is no category {name!r} in this project",
                    code="unknown-category",
                )
            if said.setdefault(name, value) != value:
                raise BadInput(
                    f"{value}: {name!r} is both {said[name]} and {value}", code="contradiction"
                )
    return said


def _points_inside(image: Image, wanted: LabelIn, ids: dict[str, int]) -> list[dict[str, Any]]:
    width, height = image.width or 0, image.height or 0
    for index, point in enumerate(wanted.points):
        if not (point.x < width and point.y < height):
            raise BadInput(
                f"points[{index}]: ({point.x:g}, {point.y:g}) is outside the "
                f"{width} x {height} image",
                code="point-outside",
            )
    return [{"category_id": ids[p.category], "x": p.x, "y": p.y} for p in wanted.points]


def _tiles_inside(tiles: TilesIn | None, ids: dict[str, int]) -> dict[str, Any] | None:
    if tiles is None:
        return None
    count = tiles.rows * tiles.cols
    for name, indices in tiles.present.items():
        if wrong := [i for i in indices if not 0 <= i < count]:
            raise BadInput(f"tiles.present.{name}: there is no tile {wrong[0]} of {count}")
    present = {str(ids[name]): sorted(set(tiles.present[name])) for name in tiles.present}
    return {"rows": tiles.rows, "cols": tiles.cols, "present": present}


def describe(session: Session, found: Sequence[Label]) -> list[LabelOut]:
    """Labels as the API shows them, with the names of categories and annotators."""
    names = _category_names(session, {label.project_id for label in found})
    return [_describe(label, names) for label in found]


def _category_names(session: Session, project_ids: Iterable[int]) -> dict[int, str]:
    query = select(Category.id, Category.name).where(Category.project_id.in_(project_ids))
    return dict(session.execute(query).all())


def _describe(label: Label, names: dict[int, str]) -> LabelOut:
    tiles = None
    if label.tiles is not None:
        present = {names[int(i)]: tiles for i, tiles in label.tiles["present"].items()}
        tiles = TilesIn(rows=label.tiles["rows"], cols=label.tiles["cols"], present=present)
    return LabelOut(
        id=label.id,
        image_id=label.image_id,
        annotator_id=label.annotator_id,
        annotator=label.annotator.email,
        revision=label.revision,
        present=[names[i] for i in label.present],
        absent=[names[i] for i in label.absent],
        unsure=[names[i] for i in label.unsure],
        points=[PointOut(category=names[p["category_id"]], x=p["x"], y=p["y"])
                for p in label.points],
        tiles=tiles,
        skipped=label.skipped,
        active_ms=label.active_ms,
        wall_ms=label.wall_ms,
        prefilled_by=label.prefilled_by,
        prefilled=[names[i] for i in label.prefilled],
        blind=label.blind,
        partial=label.partial,
        resolves=label.resolves,
        created_at=label.created_at,
    )  # fmt: skip


def current_of(session: Session, annotator_id: int, image_ids: Sequence[int]) -> dict[int, Label]:
    """One annotator's current labels of images, by image."""
    query = select(Label).where(
        Label.annotator_id == annotator_id, Label.image_id.in_(image_ids), Label.current
    )
    return {label.image_id: label for label in session.scalars(query)}


def list_own(
    session: Session, project_id: int, annotator_id: int, before: int | None, limit: int
) -> list[Label]:
    """One's current labels of whole images, newest first."""
    projects.get(session, project_id)
    query = select(Label).where(
        Label.project_id == project_id,
        Label.annotator_id == annotator_id,
        Label.current,
        Label.partial.is_(False),
    )
    if before is not None:
        query = query.where(Label.id < before)
    return list(session.scalars(query.order_by(Label.id.desc()).limit(limit)))
