"""Importing target images, as files or by a manifest.

An import is idempotent: an image is known by its external id and by the hash of its content.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from server.db import is_postgresql, session_scope, utcnow
from server.errors import BadInput
from server.models import Assignment, Image, Project
from server.models.image import AssignmentState, ImageState
from server.pictures import BadPicture, verify_picture
from server.schemas.image import ManifestLine
from server.services.images import files, manifests
from server.settings import get_settings
from trainer.contract.names import comparable, why_no_path, why_refused
from trainer.contract.pictures import any_reason

BATCH = 1000


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
             "state": ImageState.REGISTERED}
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
            "state": AssignmentState.OPEN,
        }
        for i, priority in ((i, project.new_priority()) for i in ids)
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
        result.rejected.append((name, files.printable(str(error))))
        return
    columns = files.store(digest, picture)
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
