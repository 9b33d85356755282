"""Target images: import, verification, and finding them again.

An import is idempotent: an image is known by its external id and by the hash of its content.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import exists, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server.db import is_postgresql, session_scope, utcnow
from server.errors import BadInput, NotFound, StorageFull, Unavailable
from server.models import Assignment, Image, Label, Project
from server.models.image import AssignmentState, ImageState
from server.pictures import BadPicture, Picture, scaled, screen_width, verify_picture
from server.schemas.image import ManifestLine
from server.services import manifests, priorities
from server.settings import get_settings
from server.storage import get_storage
from trainer.contract.names import comparable, why_no_path, why_refused
from trainer.contract.pictures import any_reason

BATCH = 1000
MAX_NOTE = 500
MOST_FAILURES = 5
"""In a row, of storage or database."""

log = structlog.get_logger()


@dataclass
class Imported:
    """What became of the files or lines of one import."""

    imported: int = 0
    skipped: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)
    """(name, reason)"""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """(name, what its owner should know of an image that was imported)"""


def register_manifest(
    session: Session, project: Project, lines: Iterable[tuple[int, ManifestLine]]
) -> Imported:
    """Register the images of a manifest; their files are opened later.

    One transaction: raises BadInput with the line's number, and then nothing is imported. An
    address that is not allowed is rejected by itself.
    """
    settings = get_settings()
    result = Imported()
    first_line: dict[str, tuple[int, str]] = {}
    rows: list[dict[str, Any]] = []
    for number, line in lines:
        name = line.external_id or line.uri
        key = comparable(name)
        if key in first_line:
            earlier, uri = first_line[key]
            if uri != line.uri:
                raise BadInput(
                    f"line {number}: external_id {name!r} is on line {earlier} with another uri",
                    code="duplicate-external-id",
                    line=number,
                )
            result.skipped += 1
            continue
        first_line[key] = number, line.uri
        if reason := manifests.refuse_uri(line.uri, settings) or why_refused(name):
            result.rejected.append((name, reason))
            continue
        rows.append(
            {"external_id": name, "uri": line.uri, "split": line.split,
             "state": ImageState.REGISTERED.value}
        )  # fmt: skip
        if len(rows) == BATCH:
            _insert(session, project, rows, result)
            rows = []
    _insert(session, project, rows, result)
    return result


def _insert(
    session: Session, project: Project, rows: Sequence[dict[str, Any]], result: Imported
) -> None:
    """Insert images that are not there yet, with one assignment for each wanted label."""
    if not rows:
        return
    # Its overlap may be being changed: then the new images have the new one.
    session.refresh(project, ["overlap"], with_for_update={"read": True})
    dialect = postgresql if is_postgresql(session) else sqlite
    now = utcnow()
    statement = dialect.insert(Image).on_conflict_do_nothing().returning(Image.id)
    values = [row | {"project_id": project.id, "created_at": now} for row in rows]
    ids = sorted(session.scalars(statement, values))
    assignments = [
        {
            "project_id": project.id,
            "image_id": i,
            "slot": slot,
            "priority": priority,
            "state": AssignmentState.OPEN.value,
        }
        for i, priority in ((i, priorities.of_new_image(project)) for i in ids)
        for slot in range(project.overlap)
    ]
    if assignments:
        session.execute(dialect.insert(Assignment), assignments)
    result.imported += len(ids)
    result.skipped += len(rows) - len(ids)


def import_file(project_id: int, name: str, content: bytes, result: Imported) -> None:
    """Verify and store one file, in a transaction of its own.

    `name` is its path below what is imported, with forward slashes, as it is.
    """
    if reason := why_no_path(name):
        result.rejected.append((name, reason))
        return
    digest = hashlib.sha256(content).hexdigest()
    with session_scope(read_only=True) as session:
        known = _known(session, project_id, name, digest)
    if known == "same":
        result.skipped += 1
        return
    if known == "other":
        result.rejected.append((name, "another image already has this name"))
        return
    try:
        picture = verify_picture(content, get_settings())
    except BadPicture as error:
        result.rejected.append((name, _shown(str(error))))
        return
    columns = store(digest, picture)
    if columns["note"]:
        result.notes.append((name, columns["note"]))
    row = {"external_id": name, "uri": None, "split": "train"} | columns
    with session_scope() as session:
        project = session.get_one(Project, project_id)
        _insert(session, project, [row], result)


def import_path(project_id: int, name: str, path: Path, result: Imported) -> None:
    """Verify and store one file of this machine, in a transaction of its own."""
    limit = get_settings().max_image_bytes
    try:
        with any_reason("can not be read"):
            content = path.read_bytes() if path.stat().st_size <= limit else None
    except BadPicture as error:
        result.rejected.append((name, str(error)))
        return
    if content is None:
        result.rejected.append((name, f"larger than {limit / 2**20:.0f} MB"))
    else:
        import_file(project_id, name, content, result)


def _known(session: Session, project_id: int, name: str, digest: str) -> str | None:
    mine = Image.project_id == project_id
    if session.scalar(select(exists().where(mine, Image.content_hash == digest))):
        return "same"
    row = session.execute(
        select(Image.content_hash).where(mine, Image.comparable_id == comparable(name))
    ).one_or_none()
    if row is None:
        return None
    # Without a hash it was registered and not looked at yet: that file counts, not this one.
    return "same" if row.content_hash is None else "other"


def uploaded_name(name: str) -> str:
    """The path that a browser or a program sent for a file, with forward slashes and no `./`."""
    parts = name.replace("\\", "/").split("/")
    return "/".join(part for i, part in enumerate(parts) if part != "." and (part or i == 0))


def store(digest: str, picture: Picture) -> dict[str, Any]:
    """Put a verified picture into storage; returns the columns that describe it."""
    key = f"images/{digest[:2]}/{digest}{picture.suffix}"
    storage = get_storage()
    if not storage.keep(key):
        storage.put_bytes(key, picture.content)
    return {
        "storage_key": key,
        "content_hash": digest,
        "width": picture.width,
        "height": picture.height,
        "state": ImageState.READY.value,
        "note": _shown("; ".join(picture.notes)) or None,
    }


def _shown(text: str) -> str:
    """What a file made somebody say of it, as far as databases and pages take it."""
    return "".join(c if c.isprintable() else " " for c in text)[:MAX_NOTE]


def verify(image_id: int) -> bool:
    """Look at a registered image's file, if nobody has yet; returns whether it can be shown.

    Opens no transaction while it reads and decodes. What is wrong with the file is the reason why
    the image is rejected; what is wrong with storage or database is raised, and changes nothing.
    """
    with session_scope(read_only=True) as session:
        image = get(session, image_id)
    if image.state != ImageState.REGISTERED:
        return image.state == ImageState.READY
    settings = get_settings()
    try:
        with any_reason("can not be read"):
            content = manifests.read_uri(image.uri or "", settings)
            picture = verify_picture(content, settings)
    except BadPicture as error:
        log.warning("image rejected", image_id=image_id, uri=image.uri, reason=str(error))
        _reject(image_id, str(error))
        return False
    columns = store(hashlib.sha256(content).hexdigest(), picture)
    with session_scope() as session:
        _still_registered(session, image_id, columns)
    return True


def _still_registered(session: Session, image_id: int, columns: dict[str, Any]) -> None:
    registered = Image.state == ImageState.REGISTERED.value
    session.execute(update(Image).where(Image.id == image_id, registered).values(**columns))


def _reject(image_id: int, reason: str) -> None:
    with session_scope() as session:
        columns = {"state": ImageState.REJECTED.value, "reject_reason": _shown(reason)}
        _still_registered(session, image_id, columns)
        session.execute(
            update(Assignment)
            .where(Assignment.image_id == image_id, Assignment.state == AssignmentState.OPEN.value)
            .values(state=AssignmentState.VOID.value, lease_id=None, lease_expires_at=None)
        )


def verify_registered(limit: int = 200) -> int:
    """Verify the images that wait for it, oldest first; returns how many need not wait any more.

    An image that cannot be stored waits for the next time and keeps none of the others waiting.
    Raises what is in the way once MOST_FAILURES follow each other: then it is not the images.
    """
    settled, failed, after = 0, 0, 0
    while settled < limit:
        with session_scope(read_only=True) as session:
            waiting = session.scalars(
                select(Image.id)
                .where(Image.state == ImageState.REGISTERED.value, Image.id > after)
                .order_by(Image.id)
                .limit(limit - settled)
            ).all()
        for image_id in waiting:
            after = image_id
            try:
                verify(image_id)
            except Exception:
                log.exception("image not verified", image_id=image_id)
                failed += 1
                if failed == MOST_FAILURES:
                    raise
            else:
                settled, failed = settled + 1, 0
        if not waiting:
            break
    return settled


def get(session: Session, image_id: int, *, lock: bool = False) -> Image:
    """Raises NotFound. With `lock`, others who ask so wait until this transaction ends."""
    image = session.get(Image, image_id, with_for_update=lock)
    if image is None:
        raise missing(image_id)
    return image


def missing(image_id: int) -> NotFound:
    """The one answer for an image that is not there."""
    return NotFound(f"there is no image {image_id}")


def lock_all(session: Session, image_ids: Iterable[int]) -> dict[int, Image]:
    """Those of the images that there are, by id; others who ask for one of them wait.

    In one order for all, so that two who lock several can not wait for each other.
    """
    query = (
        select(Image)
        .where(Image.id.in_(set(image_ids)))
        .order_by(Image.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {image.id: image for image in session.scalars(query)}


def requeue(session: Session, project: Project, image_ids: Sequence[int]) -> int:
    """Open the done assignments of images again; returns of how many images. Labels stay.

    Raises NotFound, and then changes nothing, when one is no image of the project.
    """
    known = select(Image.id).where(Image.is_own_of(project.id), Image.id.in_(image_ids))
    if missing := set(image_ids) - set(session.scalars(known)):
        raise NotFound(f"there is no image {min(missing)} in this project")
    opened = session.scalars(
        update(Assignment)
        .where(Assignment.image_id.in_(image_ids), Assignment.state == AssignmentState.DONE.value)
        .values(
            state=AssignmentState.OPEN.value,
            annotator_id=None,
            lease_id=None,
            lease_expires_at=None,
        )
        .returning(Assignment.image_id)
        .execution_options(synchronize_session=False)
    )
    return len(set(opened))


def label_history(session: Session, image_id: int, annotator_id: int | None) -> list[Label]:
    """All revisions of an image's labels, newest first; of one annotator when one is given."""
    query = select(Label).where(Label.image_id == image_id).order_by(Label.id.desc())
    if annotator_id is not None:
        query = query.where(Label.annotator_id == annotator_id)
    return list(session.scalars(query))


def file_for_screen(image: Image, width: int | None) -> Path:
    """The image's file, scaled down for a screen when that is wanted; scaled files are kept.

    Where they cannot be, as on a full disk, it is the original. Raises NotFound while the image is not verified, and for a rejected one.
    """
    if image.state != ImageState.READY or image.storage_key is None or image.width is None:
        raise NotFound(f"image {image.id} has no file that can be shown: it is {image.state}")
    storage = get_storage()
    original = storage.existing_path(image.storage_key)
    scaled_width = None if width is None else screen_width(width, image.width)
    if scaled_width is None:
        return original
    key = f"scaled/{scaled_width}/{image.storage_key.removeprefix('images/')}.webp"
    try:
        if not storage.exists(key):
            storage.put_bytes(key, scaled(original, scaled_width))
    except (StorageFull, Unavailable):
        return original
    return storage.path(key)
