"""The work on an upload that takes long: unpacking, pairing, a look at every pixel of every mask.

Whoever works holds an attempt; what an older one writes is refused. All steps find what an interrupted
one has left, and begin again at little cost.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import update

from server import worker
from server.db import session_scope, utcnow
from server.errors import WeaksegError
from server.models import AuditEvent, DatasetUpload
from server.models.dataset_upload import UploadState
from server.pictures import BadPicture, verify_picture
from server.services import audit, datasets
from server.services.audit import Thing
from server.services.dataset_uploads import archives, pairing, receiving, uploads
from server.services.dataset_uploads.archives import Limits
from server.services.dataset_uploads.receiving import ARCHIVE, Stored
from server.settings import get_settings
from server.storage import refusal
from trainer.contract import DatasetCard
from trainer.contract.names import shown
from trainer.contract.pictures import Rules, picture_size
from trainer.contract.walk import describe_left_out

if TYPE_CHECKING:
    from trainer.contract.masks import MaskCodes

MOST_PROBLEMS = 200
"""That are kept one by one; the rest is counted."""
MOST_VALUES = 256
PAIRS, LISTING = "pairs.jsonl", "listing.jsonl"
BEAT_SECONDS = 1.0


class Lost(Exception):
    """The upload is another worker's by now, or is gone."""


class _Stopped(Exception):
    """This worker is to end."""


@dataclass
class _Findings:
    problems: list[list[str]] = field(default_factory=list)
    total: int = 0
    bad: set[str] = field(default_factory=set)
    """Keys of pairs with something wrong."""
    values: dict[int, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, reason: str) -> None:
        self.total += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append([shown(name)[:500], reason[:500]])


@dataclass
class _Claim:
    """One worker's hold of an upload, with what it has found so far."""

    upload: DatasetUpload
    findings: _Findings = field(default_factory=_Findings)
    next_beat: float = 0.0

    @property
    def folder(self) -> Path:
        return receiving.folder_of(self.upload)

    def write(self, **columns: Any) -> None:
        """Raises Lost."""
        with session_scope() as session:
            held = session.execute(
                update(DatasetUpload)
                .where(
                    DatasetUpload.id == self.upload.id,
                    DatasetUpload.attempt == self.upload.attempt,
                    DatasetUpload.state == UploadState.CHECKING,
                )
                .values(heartbeat_at=utcnow(), **columns)
                .returning(DatasetUpload.id)
            )
            if held.one_or_none() is None:
                raise Lost

    def advance(self, done: int, total: int) -> None:
        """Say how far the work is, now and then. Raises Lost."""
        if worker.stopping.is_set():
            raise _Stopped
        if time.monotonic() >= self.next_beat:
            self.write(done=done, total=total)
            self.next_beat = time.monotonic() + BEAT_SECONDS


def work(upload_id: int) -> None:
    """Do the work on an upload, if it is nobody's. Interrupted, another worker begins again."""
    claim = _take(upload_id)
    if claim is None:
        return
    try:
        _check(claim)
    except Lost:
        return
    except _Stopped:
        with session_scope() as session:
            ours = (DatasetUpload.id == upload_id, DatasetUpload.attempt == claim.upload.attempt)
            session.execute(update(DatasetUpload).where(*ours).values(heartbeat_at=None))
    except (WeaksegError, ValueError, OSError) as error:
        told = refusal(error, "datasets") if isinstance(error, OSError) else error
        claim.findings.add(claim.upload.name, getattr(told, "detail", None) or str(told))
        with suppress(Lost):
            _refuse(claim)


def _take(upload_id: int) -> _Claim | None:
    lost = utcnow() - timedelta(seconds=get_settings().stale_seconds)
    with session_scope() as session:
        free = (DatasetUpload.heartbeat_at.is_(None)) | (DatasetUpload.heartbeat_at < lost)
        taken = session.execute(
            update(DatasetUpload)
            .where(DatasetUpload.id == upload_id, DatasetUpload.state == UploadState.CHECKING, free)
            .values(attempt=DatasetUpload.attempt + 1, heartbeat_at=utcnow())
            .returning(DatasetUpload.id)
        )
        if taken.one_or_none() is None:
            return None
        session.expire_all()
        return _Claim(session.get_one(DatasetUpload, upload_id))


def _check(claim: _Claim) -> None:
    _unpack(claim)
    stored = receiving.stored_in(claim.folder)
    pairs = pairing.pair(each.name for each in stored.values())
    for name, reason in pairs.problems:
        claim.findings.add(name, reason)
    by_name = {each.name: each for each in stored.values()}
    found = [(key, by_name[image], by_name[mask]) for key, image, mask in pairs.found]
    _write_lines(
        claim.folder / PAIRS,
        ({"image": key, "path": image.file, "mask": mask.file} for key, image, mask in found),
    )
    claim.write(pairs=len(found))
    if not found:
        claim.findings.add(
            claim.upload.name,
            "there is no picture with a mask of its name; pictures lie in a folder images, "
            "masks in a folder masks, and are called alike",
        )
        return _refuse(claim)
    card = uploads.card_of(claim.upload.card, claim.upload.name)
    codes = codes_of(card, claim.folder / found[0][2].file)
    listed = []
    for number, pair in enumerate(found):
        claim.advance(number, len(found))
        if (line := _look_at(claim, codes, *pair)) is not None:
            listed.append(line)
    if not card.categories:
        claim.findings.add(claim.upload.name, "say which value of the masks is which category")
        return _refuse(claim)
    if not listed or (claim.findings.total and not claim.upload.leave_out):
        return _refuse(claim)
    return _finish(claim, listed)


def _unpack(claim: _Claim) -> None:
    """Take the files out of an archive that has arrived; it goes, unless it is to be unpacked again."""
    upload, archive = claim.upload, claim.folder / ARCHIVE
    if upload.archive_size is None:
        return
    settings = get_settings()
    limits = Limits(
        settings.max_dataset_files, settings.max_dataset_bytes, settings.max_image_bytes
    )
    known = receiving.stored_in(claim.folder)

    def store(name: str, pieces: Iterator[bytes]) -> str | None:
        return _store(claim, known, name, pieces)

    unpacked = archives.unpack(archive, limits, store, claim.advance)
    for name, reason in unpacked.refused:
        claim.findings.add(name, reason)
    columns: dict[str, Any] = {"note": describe_left_out(unpacked.left_out)[:1000]}
    if unpacked.card is not None and not (upload.card.get("ids") or upload.card.get("colors")):
        upload.card = columns["card"] = uploads.fields_of(unpacked.card) | upload.card
    claim.write(**columns)
    if claim.findings.total and not upload.leave_out:
        return
    claim.write(
        bytes=DatasetUpload.bytes - DatasetUpload.archive_bytes,
        archive_size=None,
        archive_bytes=0,
    )
    archive.unlink(missing_ok=True)


def _store(
    claim: _Claim, known: dict[str, Stored], name: str, pieces: Iterator[bytes]
) -> str | None:
    temporary, size, digest = receiving.set_down(claim.folder, pieces)
    try:
        if size == 0:
            return "it is empty"
        with session_scope() as session:
            upload_id = claim.upload.id
            row = session.get(DatasetUpload, upload_id, with_for_update={"of": DatasetUpload})
            if row is None or row.attempt != claim.upload.attempt:
                raise Lost
            stored = Stored(name, "", size, digest)
            refused = receiving.keep(session, row, temporary, stored, known)
        return None if refused == "same" else refused
    finally:
        temporary.unlink(missing_ok=True)


def _look_at(
    claim: _Claim, codes: "MaskCodes", key: str, image: Stored, mask: Stored
) -> dict[str, str] | None:
    """Verify a picture and its mask; the line of the listing, None with a problem."""
    settings, folder = get_settings(), claim.folder
    try:
        picture = verify_picture((folder / image.file).read_bytes(), settings)
    except BadPicture as error:
        claim.findings.add(image.name, str(error))
        return None
    rules = Rules(most_pixels=settings.max_image_pixels, longest_side=settings.max_image_side)
    try:
        size = picture_size(folder / mask.file, rules)
        if size != (picture.width, picture.height):
            claim.findings.add(
                mask.name,
                f"it is {size[0]} x {size[1]} pixels, and its picture {image.name} "
                f"{picture.width} x {picture.height}",
            )
            return None
        strange = _values_of(claim.findings, folder / mask.file, codes, mask.name)
    except (ValueError, MemoryError) as error:
        claim.findings.add(mask.name, str(error) or "it takes too much memory")
        return None
    if strange:
        claim.findings.add(mask.name, strange)
        return None
    path = f"images/{Path(image.file).stem}{picture.suffix}"
    (folder / "images").mkdir(exist_ok=True)
    part = folder / f"{path}.part"
    part.write_bytes(picture.content)
    part.replace(folder / path)
    return {"image": key, "path": path, "mask": mask.file}


def codes_of(card: DatasetCard, mask: Path) -> "MaskCodes":
    """How masks are read; where the card says nothing yet, as this one of them asks for."""
    from PIL import Image  # noqa: PLC0415

    # It brings numpy along.
    from trainer.contract.masks import own_codes  # noqa: PLC0415

    is_colored = False
    with suppress(OSError, ValueError), Image.open(mask) as opened:
        is_colored = len(opened.getbands()) > 1 and card.mask_channel is None
    return own_codes(card, by_color=is_colored)


def _values_of(findings: _Findings, path: Path, codes: "MaskCodes", name: str) -> str | None:
    """Note which values a mask has; those that the card knows nothing of, in words."""
    import numpy as np  # noqa: PLC0415

    from trainer.contract.masks import UNKNOWN, readable_values  # noqa: PLC0415

    values, counts = np.unique(readable_values(path, codes), return_counts=True)
    known = codes.indices(values) != UNKNOWN
    for value, count, is_known in zip(values.tolist(), counts.tolist(), known, strict=True):
        if value in findings.values or len(findings.values) < MOST_VALUES:
            told = findings.values.setdefault(
                value,
                {"value": f"#{value:06x}" if codes.by_color else str(value),
                 "masks": 0, "pixels": 0, "first": shown(name), "known": bool(is_known)},
            )  # fmt: skip
            told["masks"] += 1
            told["pixels"] += count
    strange = values[~known].tolist()
    if not strange or known_of_none(codes):
        return None
    said = ", ".join(codes.called(value) for value in strange[:10])
    more = f" and {len(strange) - 10} more" if len(strange) > 10 else ""
    return f"neither a category nor void: {said}{more}"


def known_of_none(codes: "MaskCodes") -> bool:
    """Whether nothing is said of values yet."""
    return not codes.named


def _told(findings: _Findings) -> dict[str, Any]:
    values = [findings.values[value] for value in sorted(findings.values)]
    return {"problems": findings.problems, "problems_total": findings.total, "values": values}


def _refuse(claim: _Claim) -> None:
    claim.write(state=UploadState.REFUSED, changed_at=utcnow(), **_told(claim.findings))


def _finish(claim: _Claim, listed: list[dict[str, str]]) -> None:
    """Make it a dataset: the card comes last, and only from whoever still holds the upload."""
    upload, folder = claim.upload, claim.folder
    _write_lines(folder / LISTING, listed)
    with session_scope() as session:
        row = session.get(DatasetUpload, upload.id, with_for_update={"of": DatasetUpload})
        if row is None or row.attempt != upload.attempt or row.state != UploadState.CHECKING:
            raise Lost
        fields = dict(upload.card) | {"root": f"../{upload.folder}", "listing": LISTING}
        datasets.put_uploaded(upload.name, fields)
        row.state, row.changed_at, row.pairs = UploadState.READY, utcnow(), len(listed)
        for name, value in _told(claim.findings).items():
            setattr(row, name, value)
        row.done = row.total = len(listed)
        audit.record(
            session, AuditEvent.DATASET_ADDED, Thing("dataset", upload.name),
            after={"images": len(listed), "left_out": claim.findings.total,
                   "uploaded_by": upload.created_by_id},
        )  # fmt: skip
    used = {line[part] for line in listed for part in ("path", "mask")}
    for file in (*(folder / "files").iterdir(), *(folder / "images").iterdir()):
        if file.relative_to(folder).as_posix() not in used:
            file.unlink(missing_ok=True)
    (folder / ARCHIVE).unlink(missing_ok=True)


def _write_lines(path: Path, lines: Iterable[Mapping[str, str]]) -> None:
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    part.replace(path)
