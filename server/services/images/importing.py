"""Importing target images, as files or by a manifest.

An import is idempotent: an image is known by its external id and by the hash of its content.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import exists, literal, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from server.bulk import short_turn, values
from server.db import is_postgresql, session_scope, utcnow
from server.errors import BadInput
from server.models import Assignment, AuditEvent, Image, Project
from server.models.image import AssignmentState, ImageState
from server.pictures import BadPicture, verify_picture
from server.schemas.image import ManifestLine
from server.services import audit, projects
from server.services.audit import Thing
from server.services.images import files, manifests
from server.settings import get_settings
from trainer.contract.names import comparable, why_no_path, why_unsafe
from trainer.contract.pictures import any_reason

BATCH = 500
"""Lines of one transaction."""
MOST_LISTED = 1000
"""Refusals that are told one by one; the rest is counted."""

Advance = Callable[[int, int], object]


@dataclass
class Imported:
    """What became of the files or lines of one import."""

    imported: int = 0
    skipped: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)
    """(name, reason), of the first MOST_LISTED."""
    rejected_total: int = 0
    notes: list[tuple[str, str]] = field(default_factory=list)
    """(name, what its owner should know of an image that was imported)"""

    def reject(self, name: str, reason: str) -> None:
        """Note that a file or line is not imported, and why."""
        self.rejected_total += 1
        if len(self.rejected) < MOST_LISTED:
            self.rejected.append((name, reason))


def _open_project(session: Session, project_id: int) -> Project:
    return projects.require_open(projects.get(session, project_id))


def note(project_id: int, result: Imported) -> None:
    """Write what an import has stored into the audit log, if anything."""
    if result.imported:
        counts = {"imported": result.imported, "skipped": result.skipped,
                  "rejected": result.rejected_total}  # fmt: skip
        on = Thing("project", project_id, project_id)
        audit.record_now(AuditEvent.IMAGES_IMPORTED, on, counts)


def register_manifest(
    project_id: int,
    lines: Iterable[tuple[int, ManifestLine]],
    advance: Advance = lambda _done, _all: None,
) -> Imported:
    """Register the images of a manifest; their files are opened later.

    All lines are read before the first is stored: raises BadInput with the line's number, and then
    nothing is imported. An address that is not allowed is rejected by itself. Stored in transactions
    of BATCH lines; where the database fails between two, the same manifest again goes on.
    `advance(done, all)` hears how far it is.
    """
    result = Imported()
    rows = list(_new_lines(lines, result))
    try:
        for first in range(0, len(rows), BATCH):
            batch = [dict(zip(_OF_A_LINE, row, strict=True)) for row in rows[first : first + BATCH]]
            with short_turn() as session:
                _insert(session, _open_project(session, project_id), batch, result)
            advance(first + len(batch), len(rows))
    finally:
        note(project_id, result)
    return result


_OF_A_LINE = ("external_id", "comparable_id", "uri", "split", "state")


def _new_lines(
    lines: Iterable[tuple[int, ManifestLine]], result: Imported
) -> Iterator[tuple[str, str, str, str, ImageState]]:
    """Of each line that is to be stored, _OF_A_LINE; the others are counted. Raises BadInput."""
    settings = get_settings()
    first_line: dict[str, tuple[int, str]] = {}
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
        if reason := manifests.refuse_uri(line.uri, settings) or why_unsafe(name):
            result.reject(name, reason)
            continue
        yield name, key, line.uri, line.split, ImageState.REGISTERED


def _insert(
    session: Session, project: Project, rows: Sequence[Mapping[str, Any]], result: Imported
) -> None:
    """Insert images that are not there yet, with one assignment for each wanted label.

    All rows have values for the same columns.
    """
    # Its overlap may be being changed: then the new images have the new one. Others who import wait
    # too: each must know how many images there are before its own.
    session.refresh(project, projects.OVERLAP, with_for_update={"key_share": True})
    alike = {
        "project_id": project.id, "created_at": utcnow(), "labelled": False, "gold": False,
    }  # fmt: skip
    ids = sorted(_insert_new(session, Image, rows, alike, Image.id))
    if project.overlap_first is not None and project.overlap_until is None:
        project.overlap_until = projects.last_of_first(session, project)
    assignments = [
        {"image_id": i, "slot": slot, "priority": priority}
        for i, priority in ((i, project.new_priority()) for i in ids)
        for slot in range(project.people_wanted(i))
    ]
    if assignments:
        alike = {"project_id": project.id, "state": AssignmentState.OPEN, "gold": False}
        _insert_new(session, Assignment, assignments, alike, Assignment.id)
    result.imported += len(ids)
    result.skipped += len(rows) - len(ids)


def _insert_new(
    session: Session,
    kind: type[Image] | type[Assignment],
    rows: Sequence[Mapping[str, Any]],
    alike: Mapping[str, Any],
    key: InstrumentedAttribute[int],
) -> Sequence[int]:
    """Insert rows but those that are there; returns the keys of what was inserted.

    `alike` are columns with one value for all.
    """
    columns = kind.__table__.c
    given = values({name: columns[name].type for name in rows[0]}, map(_values, rows))
    query = given.add_columns(
        *(literal(value, columns[name].type) for name, value in alike.items())
    )
    dialect = postgresql if is_postgresql(session) else sqlite
    # SQLite takes ON for a part of a join without a condition before it.
    statement = dialect.insert(kind).from_select([*rows[0], *alike], query.where(true()))
    return session.scalars(statement.on_conflict_do_nothing().returning(key)).all()


def _values(row: Mapping[str, Any]) -> list[Any]:
    return list(row.values())


def import_file(project_id: int, name: str, content: bytes, result: Imported) -> None:
    """Verify and store one file, in a transaction of its own.

    `name` is its path below what is imported, with forward slashes, as it is.
    """
    if reason := why_no_path(name) or why_unsafe(name):
        result.reject(name, reason)
        return
    digest = hashlib.sha256(content).hexdigest()
    with session_scope(read_only=True) as session:
        known = _known(session, project_id, name, digest)
    if known == "same":
        result.skipped += 1
        return
    if known == "other":
        result.reject(name, "another image already has this name")
        return
    try:
        picture = verify_picture(content, get_settings())
    except BadPicture as error:
        result.reject(name, files.printable(str(error)))
        return
    columns = files.store(digest, picture)
    if columns["note"]:
        result.notes.append((name, columns["note"]))
    row = {
        "external_id": name, "comparable_id": comparable(name), "uri": None, "split": "train",
    } | columns  # fmt: skip
    with session_scope() as session:
        project = _open_project(session, project_id)
        _insert(session, project, [row], result)


def import_path(project_id: int, name: str, path: Path, result: Imported) -> None:
    """Verify and store one file of this machine, in a transaction of its own."""
    limit = get_settings().max_image_bytes
    try:
        with any_reason("can not be read"):
            content = path.read_bytes() if path.stat().st_size <= limit else None
    except BadPicture as error:
        result.reject(name, str(error))
        return
    if content is None:
        result.reject(name, f"larger than {limit / 2**20:.0f} MB")
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
