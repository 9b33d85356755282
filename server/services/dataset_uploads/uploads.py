"""Uploads of datasets: begun, described, checked, and removed with all that is of them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import yaml
from pydantic import ValidationError
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server.db import session_scope, utcnow
from server.errors import BadInput, Conflict, NotFound, first_complaint
from server.models import AuditEvent, DatasetUpload, Removal
from server.models.dataset_upload import UploadState
from server.queue import send_after_commit
from server.schemas.dataset import UploadChange, UploadIn
from server.services import audit, datasets
from server.services.audit import Thing
from server.services.datasets import DATASET_NAME
from server.settings import get_settings
from trainer.contract import DatasetCard

OF_MASKS = ("ids", "colors", "void", "mask_channel", "description")
"""Fields of a card that an upload takes from one: where its files are, the server knows."""
OPEN = (UploadState.RECEIVING, UploadState.REFUSED)
MOST_OPEN = 20
"""Uploads that one person may have begun and not finished."""


def list_all(session: Session, person_id: int | None) -> list[DatasetUpload]:
    """What is not a dataset yet, newest first; of one person, when one is given."""
    query = select(DatasetUpload).where(DatasetUpload.state != UploadState.READY)
    if person_id is not None:
        query = query.where(DatasetUpload.created_by_id == person_id)
    return list(session.scalars(query.order_by(DatasetUpload.id.desc())))


def get(
    session: Session, upload_id: int, person_id: int | None, *, lock: bool = False
) -> DatasetUpload:
    """Raises NotFound, also for one of somebody else's where a person is given."""
    upload = session.get(
        DatasetUpload, upload_id, with_for_update={"of": DatasetUpload} if lock else None
    )
    if upload is None or person_id not in (None, upload.created_by_id):
        raise NotFound(f"there is no upload {upload_id}")
    return upload


def require_open(upload: DatasetUpload) -> DatasetUpload:
    """Raises Conflict `upload-closed` while it is checked and once it is a dataset."""
    if upload.state not in OPEN:
        raise Conflict(f"the upload is {upload.state}", code="upload-closed")
    return upload


def create(session: Session, wanted: UploadIn, person_id: int) -> DatasetUpload:
    """Begin one. Raises BadInput, Conflict `name-taken` or `too-many-uploads`."""
    _require_free(session, wanted.name)
    if len(list_all(session, person_id)) >= MOST_OPEN:
        raise Conflict("finish or remove your other uploads first", code="too-many-uploads")
    card = {"description": wanted.description} if wanted.description else {}
    upload = DatasetUpload(
        name=wanted.name, folder=uuid4().hex, created_by_id=person_id, card=card, problems=[], values=[],
        state=UploadState.RECEIVING,
    )  # fmt: skip
    session.add(upload)
    _flush(session, wanted.name)
    return upload


def _require_free(session: Session, name: str) -> None:
    """Raises BadInput, Conflict `name-taken`."""
    if not DATASET_NAME.fullmatch(name):
        raise BadInput(f"name: letters, digits, dots and dashes, not {name!r}")
    taken = session.scalar(
        select(DatasetUpload.id).where(func.lower(DatasetUpload.name) == name.lower())
    )
    if taken is not None or datasets.is_there(name):
        raise _taken(name)


def _taken(name: str) -> Conflict:
    return Conflict(f"there is a dataset {name!r} already", code="name-taken")


def _flush(session: Session, name: str) -> None:
    """Raises Conflict `name-taken` where somebody else has taken the name at this moment."""
    try:
        session.flush()
    except IntegrityError as error:
        raise _taken(name) from error


def change(session: Session, upload: DatasetUpload, wanted: UploadChange) -> None:
    """Say what the masks' values mean, or give it another name.

    Raises BadInput naming the field, Conflict; then nothing has changed.
    """
    require_open(upload)
    if wanted.name is not None and wanted.name != upload.name:
        _require_free(session, wanted.name)
        upload.name = wanted.name
        _flush(session, wanted.name)
    fields = dict(upload.card)
    if wanted.card is not None:
        fields = fields_of(wanted.card)
    sent = wanted.model_dump(exclude_unset=True, exclude={"card", "name"})
    for one, other in (("ids", "colors"), ("colors", "ids")):
        if sent.get(one):
            fields.pop(other, None)
    fields |= sent
    upload.card = _checked(
        {name: value for name, value in fields.items() if value not in (None, {})}
    )
    upload.changed_at = utcnow()


def fields_of(text: str) -> dict[str, Any]:
    """What the masks' values mean, of the text of a dataset card. Raises BadInput."""
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadInput(f"card: it is no YAML: {str(error)[:300]}") from error
    if not isinstance(content, dict):
        raise BadInput("card: a dataset card is a mapping of fields")
    content = {name: value for name, value in content.items() if name in (*OF_MASKS, "extends")}
    card = card_of(content)
    return card.model_dump(mode="json", exclude_defaults=True, include=set(OF_MASKS))


def _checked(fields: dict[str, Any]) -> dict[str, Any]:
    card = card_of(fields)
    return card.model_dump(mode="json", exclude_defaults=True, include=set(OF_MASKS))


def card_of(fields: Mapping[str, Any], name: str = "upload") -> DatasetCard:
    """A card that says what masks mean. Raises BadInput naming the field."""
    try:
        return DatasetCard.model_validate({"name": name, **fields})
    except ValidationError as error:
        field, message = first_complaint(error)
        raise BadInput(f"card: {field}: {message}" if field else f"card: {message}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"card: {str(error)[:300]}") from error


def begin_check(session: Session, upload: DatasetUpload, *, leave_out: bool) -> None:
    """Have a worker look at all of it. Raises Conflict when something is missing for that."""
    require_open(upload)
    if not upload.files and upload.archive_size is None:
        raise Conflict("there are no files yet", code="no-files")
    if upload.archive_size is not None and upload.archive_bytes < upload.archive_size:
        raise Conflict("the archive has not arrived as a whole", code="archive-unfinished")
    upload.state, upload.leave_out = UploadState.CHECKING, leave_out
    upload.done = upload.total = 0
    upload.problems, upload.problems_total, upload.values = [], 0, []
    upload.heartbeat_at, upload.changed_at = None, utcnow()
    send_after_commit(session, "check_dataset", upload.id)


def used_bytes(session: Session) -> int:
    """What all uploads take."""
    return session.scalar(select(func.coalesce(func.sum(DatasetUpload.bytes), 0))) or 0


def note_removal(session: Session, upload: DatasetUpload) -> None:
    """Forget an upload, and have its files removed after the commit."""
    session.add(Removal(key=f"datasets/{upload.folder}/"))
    session.execute(delete(DatasetUpload).where(DatasetUpload.id == upload.id))
    # Also that of one whose last step was cut off.
    datasets.forget_uploaded(upload.name)
    send_after_commit(session, "remove_deleted")


def remove(session: Session, upload: DatasetUpload) -> None:
    """Remove one that is no dataset yet; who works on it finds it gone. Raises Conflict."""
    if upload.state == UploadState.READY:
        raise Conflict(f"delete the dataset {upload.name!r} instead", code="upload-closed")
    audit.record(
        session, AuditEvent.DELETED, Thing("upload", upload.id), before={"files": upload.files}
    )
    note_removal(session, upload)


def of_dataset(session: Session, name: str) -> DatasetUpload | None:
    """The upload that a dataset was; None for one that was put there otherwise."""
    return session.scalar(
        select(DatasetUpload).where(
            DatasetUpload.name == name, DatasetUpload.state == UploadState.READY
        )
    )


def remove_left(session: Session) -> int:
    """Remove what nobody has touched for as long as the settings keep it; returns how many."""
    before = utcnow() - get_settings().keep_uploads
    left = session.scalars(
        select(DatasetUpload).where(
            DatasetUpload.state.in_(OPEN), DatasetUpload.changed_at < before
        )
    ).all()
    for upload in left:
        remove(session, upload)
    return len(left)


def due(session: Session) -> list[int]:
    """Those that nobody works on and somebody should."""
    lost = utcnow() - timedelta(seconds=get_settings().stale_seconds)
    waiting = select(DatasetUpload.id).where(
        DatasetUpload.state == UploadState.CHECKING,
        (DatasetUpload.heartbeat_at.is_(None)) | (DatasetUpload.heartbeat_at < lost),
    )
    return list(session.scalars(waiting.order_by(DatasetUpload.id)))


def needed_folders() -> set[str]:
    """Of all uploads and datasets that were."""
    with session_scope(read_only=True) as session:
        return set(session.scalars(select(DatasetUpload.folder)))
