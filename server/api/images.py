"""Target images: import, lists, files."""

import tempfile
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from starlette.datastructures import UploadFile

from server.api.deps import Importer, Reader, ReadSessionDep
from server.api.problems import problems
from server.db import session_scope
from server.errors import BadInput
from server.models import Image
from server.models.image import ImageState
from server.models.user import Role
from server.schemas.common import DatabaseId, Page
from server.schemas.image import ImageDetail, ImageOut, ImportResult, Rejected
from server.services import images, labels, manifests, projects
from server.services.images import Imported
from server.settings import get_settings

router = APIRouter(tags=["images"])

IMPORT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            },
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"uri": "cam3/000123.jpg", "external_id": "000123"}\n',
            },
        },
    }
}


@router.post(
    "/projects/{project_id}/images",
    responses=problems(401, 403, 404, 413),
    openapi_extra=IMPORT_BODY,
)
async def import_images(
    project_id: DatabaseId, request: Request, _caller: Importer
) -> ImportResult:
    """Import pictures (multipart field `files`, each verified at once), or a manifest (NDJSON).

    Importing the same again changes nothing. A manifest's pictures are verified later.
    """
    await run_in_threadpool(_must_exist, project_id)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-ndjson":
        result = await _import_manifest(project_id, request)
    elif kind == "multipart/form-data":
        result = await _import_files(project_id, request)
    else:
        raise BadInput("send multipart/form-data or application/x-ndjson", code="content-type")
    rejected = [Rejected(name=name, reason=reason) for name, reason in result.rejected]
    return ImportResult(imported=result.imported, skipped=result.skipped, rejected=rejected)


def _must_exist(project_id: int) -> None:
    with session_scope(read_only=True) as session:
        projects.get(session, project_id)


async def _import_manifest(project_id: int, request: Request) -> Imported:
    """The body goes to a file first: a slow sender must not hold a transaction open."""
    with tempfile.TemporaryFile() as body:
        async for piece in request.stream():
            body.write(piece)
        body.seek(0)

        def register() -> Imported:
            with session_scope() as session:
                project = projects.get(session, project_id)
                return images.register_manifest(session, project, manifests.parse(body))

        return await run_in_threadpool(register)


async def _import_files(project_id: int, request: Request) -> Imported:
    settings = get_settings()
    result = Imported()
    async with request.form(max_files=settings.max_upload_files, max_fields=10) as form:
        files = [f for f in form.getlist("files") if isinstance(f, UploadFile)]
        if not files:
            raise BadInput("files: there is no file in the form")
        async for name, content in _contents(files, settings.max_image_bytes, result):
            await run_in_threadpool(images.import_file, project_id, name, content, result)
    return result


async def _contents(
    files: list[UploadFile], limit: int, result: Imported
) -> AsyncIterator[tuple[str, bytes]]:
    for file in files:
        name = file.filename or "unnamed"
        if (file.size or 0) > limit:
            result.rejected.append((name, f"larger than {limit / 2**20:.0f} MB"))
            continue
        yield name, await file.read()


def image_out(image: Image, n_labels: int) -> ImageOut:
    """An image as the API shows it."""
    return ImageOut(
        id=image.id,
        external_id=image.external_id,
        state=ImageState(image.state),
        reject_reason=image.reject_reason,
        width=image.width,
        height=image.height,
        split=image.split,
        created_at=image.created_at,
        labels=n_labels,
        url=image_url(image),
    )


def image_url(image: Image) -> str:
    return f"/api/v1/images/{image.id}/file"


@router.get("/projects/{project_id}/images", responses=problems(401, 403, 404))
def list_images(
    project_id: DatabaseId,
    _caller: Reader,
    session: ReadSessionDep,
    state: Literal["registered", "ready", "rejected", "labelled", "unlabelled"] | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 60,
    cursor: Annotated[str | None, Query(max_length=20, pattern=r"^\d{1,10}$")] = None,
) -> Page[ImageOut]:
    """The images of a project in order of import."""
    projects.get(session, project_id)
    after = min(int(cursor), 2**31 - 1) if cursor else 0
    found = images.list_page(session, project_id, state, after, limit + 1)
    page, more = found[:limit], len(found) > limit
    items = [image_out(image, n) for image, n in page]
    return Page(items=items, next_cursor=str(items[-1].id) if more else None)


@router.get("/images/{image_id}", responses=problems(401, 403, 404))
def show_image(image_id: DatabaseId, caller: Reader, session: ReadSessionDep) -> ImageDetail:
    """One image with the history of its labels; an annotator sees their own."""
    image = images.get(session, image_id)
    everybody = caller.is_at_least(Role.ENGINEER)
    history = images.label_history(session, image_id, None if everybody else caller.id)
    n_labels = sum(label.current and label.skipped is None for label in history)
    return ImageDetail(
        **image_out(image, n_labels).model_dump(),
        history=labels.describe(session, history),
    )


@router.get(
    "/images/{image_id}/file",
    responses=problems(401, 403, 404, media_type="image/*"),
    response_class=Response,
)
def image_file(
    image_id: DatabaseId,
    _caller: Reader,
    session: ReadSessionDep,
    width: Annotated[int | None, Query(ge=1, le=20_000)] = None,
) -> Response:
    """The upright picture; with `width`, scaled down to at least that many pixels."""
    path = images.file_for_screen(images.get(session, image_id), width)
    # A file never changes under its image: a browser may keep it, but not share it.
    return FileResponse(path, headers={"Cache-Control": "private, max-age=31536000, immutable"})
