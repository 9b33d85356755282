"""Source and validation sets that people upload, until they are datasets."""

from collections.abc import AsyncIterator
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, Path, Query, Request, Response, status
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from server.api.deps import (
    MULTIPART_FILES,
    Caller,
    Creator,
    GuardedRoute,
    ReadSessionDep,
    SessionDep,
)
from server.api.problems import problems
from server.errors import BadInput
from server.models import DatasetUpload
from server.models.user import Role
from server.schemas.common import DatabaseId
from server.schemas.dataset import (
    UploadCategory,
    UploadChange,
    UploadCheck,
    UploadIn,
    UploadOut,
    UploadPair,
    UploadPairs,
)
from server.schemas.image import ImportResult, Rejected
from server.services.dataset_uploads import previews, receiving, uploads
from server.services.images.importing import uploaded_name
from server.settings import get_settings

router = APIRouter(prefix="/dataset-uploads", tags=["datasets"], route_class=GuardedRoute)

DRAWING = CapacityLimiter(1)
"""So few pairs are drawn at once: each may hold a large picture several times."""

FILES_BODY = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": MULTIPART_FILES},
    }
}
PIECE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _whose(caller: Caller) -> int | None:
    """Whose uploads somebody may see and change, by id; None: everybody's."""
    return None if caller.is_at_least(Role.ADMIN) else caller.id


def _get(session: Session, upload_id: int, caller: Caller, *, lock: bool = False) -> DatasetUpload:
    return uploads.get(session, upload_id, _whose(caller), lock=lock)


@router.get("", responses=problems(401, 403))
def list_dataset_uploads(caller: Creator, session: ReadSessionDep) -> list[UploadOut]:
    """The caller's uploads that are no datasets yet, newest first; for admins all."""
    return [UploadOut.of(each) for each in uploads.list_all(session, _whose(caller))]


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(401, 403, 409))
def create_dataset_upload(body: UploadIn, caller: Creator, session: SessionDep) -> UploadOut:
    """Begin an upload. 409 `name-taken`, `too-many-uploads`."""
    return UploadOut.of(uploads.create(session, body, caller.id))


@router.get("/{upload_id}", responses=problems(401, 403, 404))
def show_dataset_upload(
    upload_id: DatabaseId, caller: Creator, session: ReadSessionDep
) -> UploadOut:
    """One upload: what has arrived, how far its check is, and what is wrong with it."""
    return UploadOut.of(_get(session, upload_id, caller))


@router.patch("/{upload_id}", responses=problems(401, 403, 404, 409))
def change_dataset_upload(
    upload_id: DatabaseId, body: UploadChange, caller: Creator, session: SessionDep
) -> UploadOut:
    """Say which value of the masks is which category, field by field or by a card; or rename it.

    409 `name-taken`, `upload-closed`.
    """
    upload = _get(session, upload_id, caller, lock=True)
    uploads.change(session, upload, body)
    return UploadOut.of(upload)


@router.delete(
    "/{upload_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404, 409),
)
def remove_dataset_upload(upload_id: DatabaseId, caller: Creator, session: SessionDep) -> None:
    """Remove an upload with all of its files; a dataset is deleted by its name."""
    uploads.remove(session, _get(session, upload_id, caller, lock=True))


@router.post(
    "/{upload_id}/files",
    responses=problems(401, 403, 404, 409, 413, 507),
    response_model_exclude_defaults=True,
    openapi_extra=FILES_BODY,
)
async def send_dataset_files(
    upload_id: DatabaseId, request: Request, caller: Creator
) -> ImportResult:
    """Add pictures and masks under their paths (multipart field `files`).

    What lies in a folder `images` is a picture, in a folder `masks` a mask; otherwise an ending such as
    `_mask` tells. The same file again changes nothing.
    """
    async with request.form(max_files=get_settings().max_upload_files, max_fields=10) as form:
        sent = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
        if not sent:
            raise BadInput("files: there is no file in the form")
        files = [(uploaded_name(file.filename or "unnamed"), file.file) for file in sent]
        result = await run_in_threadpool(receiving.receive_files, upload_id, _whose(caller), files)
    return ImportResult(
        imported=result.imported,
        skipped=result.skipped,
        rejected=[Rejected(name=name, reason=reason) for name, reason in result.rejected],
        rejected_total=result.rejected_total,
    )


@router.post(
    "/{upload_id}/archive",
    responses=problems(401, 403, 404, 409, 413, 507),
    openapi_extra=PIECE_BODY,
)
async def send_dataset_archive(
    upload_id: DatabaseId,
    request: Request,
    caller: Creator,
    offset: Annotated[int, Query(ge=0, le=2**53, description="Where the piece begins.")],
    size: Annotated[int, Query(ge=1, le=2**53, description="Of the whole archive, in bytes.")],
) -> UploadOut:
    """Add the next piece, of at most 32 MiB, of one ZIP file.

    409 `wrong-offset` where it does not go on from `archive_bytes`; from 0 it begins anew.
    """
    request.state.longest_body = receiving.LONGEST_PIECE
    piece = await request.body()
    upload = await run_in_threadpool(
        receiving.receive_piece, upload_id, _whose(caller), offset, size, piece
    )
    return UploadOut.of(upload)


@router.post("/{upload_id}/check", responses=problems(401, 403, 404, 409))
def check_dataset_upload(
    upload_id: DatabaseId, body: UploadCheck, caller: Creator, session: SessionDep
) -> UploadOut:
    """Have a worker look at every file; without anything wrong it is a dataset then.

    409 `no-files`, `archive-unfinished`, `upload-closed`.
    """
    upload = _get(session, upload_id, caller, lock=True)
    uploads.begin_check(session, upload, leave_out=body.leave_out)
    return UploadOut.of(upload)


@router.get("/{upload_id}/pairs", responses=problems(401, 403, 404))
def list_dataset_pairs(
    upload_id: DatabaseId, caller: Creator, session: ReadSessionDep
) -> UploadPairs:
    """The first 100 pictures with masks, once they were looked for."""
    upload = _get(session, upload_id, caller)
    categories = uploads.card_of(upload.card).categories
    at = f"/api/v1/dataset-uploads/{upload_id}/pairs"
    version = f"{upload.attempt}.{int(upload.changed_at.timestamp())}"
    return UploadPairs(
        pairs=[
            UploadPair(name=line["image"], url=f"{at}/{number}/picture?v={version}")
            for number, line in enumerate(previews.lines_of(upload))
        ],
        categories=[
            UploadCategory(name=name, color=previews.color_of(categories, name))
            for name in categories
        ],
    )


async def _turn_to_draw(_caller: Creator) -> AsyncIterator[None]:
    async with DRAWING:
        yield


@router.get(
    "/{upload_id}/pairs/{number}/picture",
    responses=problems(401, 403, 404, media_type="image/webp"),
    response_class=Response,
    dependencies=[Depends(_turn_to_draw, scope="function")],
)
def show_dataset_pair(
    upload_id: DatabaseId,
    number: Annotated[int, Path(ge=0, le=1000)],
    caller: Creator,
    session: ReadSessionDep,
) -> Response:
    """A picture under what its mask says; magenta is a value that is neither a category nor void."""
    content = previews.overlay(_get(session, upload_id, caller), number)
    headers = {"Cache-Control": "private, max-age=3600"}
    return Response(content, media_type="image/webp", headers=headers)
