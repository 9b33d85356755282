"""Target images: import, lists, files."""

import hashlib
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile

from server.api.deps import (
    MULTIPART_FILES,
    Caller,
    GuardedRoute,
    Importer,
    Lead,
    LeadReader,
    NumberCursor,
    ReadSessionDep,
    SessionDep,
    Viewer,
    number_of,
)
from server.api.downloads import PICTURE_TYPES, send_file, turn_of_picture
from server.api.problems import problems
from server.db import session_scope
from server.errors import BadInput, Forbidden, NotFound
from server.models import Project
from server.models.member import MemberRole
from server.schemas.common import DatabaseId, Page
from server.schemas.image import (
    Dispute,
    DisputedImage,
    ImageDetail,
    ImageOut,
    ImagePage,
    ImageTotal,
    ImportResult,
    Neighbours,
    Noted,
    Rejected,
    Requeue,
    Requeued,
)
from server.schemas.label import LabelOut
from server.services import projects
from server.services.assignment import leases
from server.services.images import browse, files, importing, lookup, manifests, numbers
from server.services.images.browse import (
    LAST,
    ImageFilter,
    ImageOrder,
    Part,
    Place,
    Said,
    Span,
    State,
)
from server.services.images.importing import Imported
from server.services.images.numbers import Person
from server.services.labels import reading
from server.services.quality import agreement
from server.settings import get_settings
from server.storage import get_storage
from trainer.contract.names import why_refused

router = APIRouter(tags=["images"], route_class=GuardedRoute)

IMPORT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": MULTIPART_FILES,
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
    response_model_exclude_defaults=True,
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
    notes = tuple(Noted(name=name, note=note) for name, note in result.notes)
    return ImportResult(
        imported=result.imported,
        skipped=result.skipped,
        rejected=rejected,
        rejected_total=result.rejected_total,
        notes=notes,
    )


def _must_exist(project_id: int) -> None:
    with session_scope(read_only=True) as session:
        projects.require_open(projects.get(session, project_id))


async def _import_manifest(project_id: int, request: Request) -> Imported:
    """The body goes to a file first: a slow sender must not hold a transaction open."""
    with tempfile.TemporaryFile() as body:
        async for piece in request.stream():
            body.write(piece)
        body.seek(0)

        return await run_in_threadpool(
            importing.register_manifest, project_id, manifests.parse(manifests.lines_of(body))
        )


async def _import_files(project_id: int, request: Request) -> Imported:
    settings = get_settings()
    result = Imported()
    async with request.form(max_files=settings.max_upload_files, max_fields=10) as form:
        uploads = [f for f in form.getlist("files") if isinstance(f, UploadFile)]
        if not uploads:
            raise BadInput("files: there is no file in the form")
        try:
            async for name, content in _contents(uploads, settings.max_image_bytes, result):
                await run_in_threadpool(importing.import_file, project_id, name, content, result)
        finally:
            await run_in_threadpool(importing.note, project_id, result)
    return result


async def _contents(
    uploads: list[UploadFile], limit: int, result: Imported
) -> AsyncIterator[tuple[str, bytes]]:
    for file in uploads:
        name = importing.uploaded_name(file.filename or "unnamed")
        if (file.size or 0) > limit:
            result.reject(name, f"larger than {limit / 2**20:.0f} MB")
            continue
        yield name, await file.read()


def image_filter(
    caller: Viewer,
    state: State | None = None,
    name: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=500,
            description="A part of the image's name, as it is written.",
        ),
    ] = None,
    category: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    said: Annotated[Said, Query(description="What people say of `category`.")] = "present",
    annotator: Annotated[DatabaseId | None, Query(description="Id of who labelled it.")] = None,
    disagrees: Annotated[
        bool, Query(description="Only where the latest model contradicts a label.")
    ] = False,
    order: ImageOrder = "imported",
) -> ImageFilter:
    """The filters of an image list; what others or the model say is for leads."""
    own = annotator if annotator == caller.id else None
    if name is not None and (reason := why_refused(name)):
        raise BadInput(f"name: {reason}")
    wanted = ImageFilter(state, name, category, said, annotator, disagrees, order)
    seen = replace(wanted, annotator_id=None if own else annotator)
    if caller.member_role == MemberRole.ANNOTATOR and state == "flagged":
        seen = replace(seen, state=None)  # by themselves
    if seen.looks_at_others and not caller.leads:
        raise Forbidden(f"this filter needs the role {MemberRole.LEAD}", code="filter")
    return wanted


ImageFilterDep = Annotated[ImageFilter, Depends(image_filter)]


SEARCHES = CapacityLimiter(2)
"""So few lists are searched by name, counted or walked to a page at once: each may read an index of all
images, and others label meanwhile."""


async def turn_of_search(
    request: Request, _caller: Viewer, name: str | None = None, page: int | None = None
) -> AsyncIterator[None]:
    """One of the few turns, for who asks for what walks along an index."""
    if name is None and page is None and not request.url.path.endswith("/count"):
        yield
        return
    async with SEARCHES:
        yield


Cursor = Annotated[str | None, Query(max_length=50)]
_OF_A_SEARCH = [Depends(turn_of_search, scope="function")]


def span(
    limit: Annotated[int, Query(ge=1, le=200)] = 60,
    cursor: Cursor = None,
    before: Annotated[Cursor, Query(description="A page's `previous_cursor`.")] = None,
    page: Annotated[
        int | None,
        Query(
            ge=LAST,
            le=10**8,
            description="In place of a cursor: from 1, or -1 for the last images.",
        ),
    ] = None,
) -> Span:
    """Which images of a list."""
    if sum(each is not None for each in (cursor or None, before, page)) > 1:
        raise BadInput("give one of cursor, before and page")
    if page == 0:
        raise BadInput("page: pages are counted from 1")
    after, end = (Place.parse(each) if each else None for each in (cursor, before))
    return Span(limit, after, end, page)


@router.get(
    "/projects/{project_id}/images",
    responses=problems(401, 403, 404),
    dependencies=_OF_A_SEARCH,
)
def list_images(
    project_id: DatabaseId,
    caller: Viewer,
    wanted: ImageFilterDep,
    span: Annotated[Span, Depends(span)],
    session: ReadSessionDep,
) -> ImagePage:
    """The images of a project that pass a filter, in order of import or the most uncertain first.

    Of an annotator those that they were given to label, in the order in which they came; they may
    filter by state, where labelled is what they labelled and flagged what they flagged, by name,
    and by themselves. `flagged`: with a flag that nobody has answered; of leads' gold ones too.
    """
    project = projects.get(session, project_id)
    if caller.member_role == MemberRole.ANNOTATOR:
        part = browse.given(session, project.id, caller.id, wanted, span)
        return _page(session, part, caller.in_project(project))
    return _page(session, browse.page(session, project, wanted, span), None)


def _page(session: Session, part: Part, annotator: Person | None) -> ImagePage:
    """A page as it is for an annotator, or for who is told all."""
    ids = [image.id for image in part.images]
    counts = browse.label_counts(session, ids, annotator.id if annotator else None)
    known = numbers.of_images(session, annotator, ids) if annotator else numbers.PLAIN
    untold = _untold(annotator.project) if annotator else {}
    return ImagePage(
        items=[
            ImageOut.of(image, counts.get(image.id, 0), **(untold | numbers.known_as(image, known)))
            for image in part.images
        ],
        next_cursor=str(part.next) if part.next else None,
        previous_cursor=str(part.previous) if part.previous else None,
    )


@router.get(
    "/projects/{project_id}/images/count",
    responses=problems(401, 403, 404),
    dependencies=_OF_A_SEARCH,
)
def count_images(
    project_id: DatabaseId, caller: Viewer, wanted: ImageFilterDep, session: ReadSessionDep
) -> ImageTotal:
    """How many images a list with this filter has for the caller."""
    project = projects.get(session, project_id)
    if caller.member_role == MemberRole.ANNOTATOR:
        count, is_exact = browse.count_given(session, project_id, caller.id, wanted)
    else:
        count, is_exact = browse.count(session, project, wanted)
    return ImageTotal(count=count, is_exact=is_exact)


def _untold(project: Project) -> dict[str, object]:
    """In place of what would tell annotators which images are gold."""
    untold: dict[str, object] = {
        "created_at": project.created_at, "disputed_at": None, "note": None,
    }  # fmt: skip
    return untold if project.gold_set is None else untold | {"split": "train"}


@router.get(
    "/projects/{project_id}/images/{image_id}/neighbours", responses=problems(401, 403, 404)
)
def show_neighbours(
    project_id: DatabaseId,
    image_id: DatabaseId,
    caller: Viewer,
    wanted: ImageFilterDep,
    session: ReadSessionDep,
) -> Neighbours:
    """The images before and after one in a list with the same filter."""
    project = projects.get(session, project_id)
    if caller.member_role == MemberRole.ANNOTATOR:
        return _given_neighbours(session, caller.in_project(project), wanted, image_id)
    image = lookup.get(session, image_id)
    if image.project_id != project_id or (image.gold and not caller.leads):
        raise NotFound(f"there is no image {image_id} in this project")
    previous_id, next_id = browse.neighbours(session, project, wanted, image)
    return Neighbours(previous_id=previous_id, next_id=next_id)


def _given_neighbours(
    session: Session, person: Person, wanted: ImageFilter, number: int
) -> Neighbours:
    image_id = numbers.find(session, person, number)
    if image_id is None:
        raise NotFound(f"there is no image {number} in this project")
    of = browse.given_neighbours(session, person.project.id, person.id, wanted, image_id)
    known = numbers.of_images(session, person, [each for each in of if each is not None])
    previous_id, next_id = (None if each is None else known.get(each, each) for each in of)
    return Neighbours(previous_id=previous_id, next_id=next_id)


@router.post("/projects/{project_id}/images/requeue", responses=problems(401, 403, 404))
def requeue_images(
    project_id: DatabaseId, body: Requeue, _caller: Lead, session: SessionDep
) -> Requeued:
    """Hand images out again. What was said of them so far stays."""
    project = projects.get(session, project_id)
    return Requeued(images=leases.requeue(session, project, body.image_ids))


@router.get("/projects/{project_id}/disputed", responses=problems(401, 403, 404))
def list_disputed(
    project_id: DatabaseId,
    _caller: LeadReader,
    session: ReadSessionDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=50)] = None,
) -> Page[DisputedImage]:
    """Images whose current labels contradict each other, the latest first.

    `PUT /images/{id}/label` with `resolves` decides one.
    """
    project = projects.get(session, project_id)
    before = _moment_and_id(cursor) if cursor else None
    found = agreement.disputed_page(session, project_id, before, limit + 1)
    shown = found[:limit]
    image_ids = [image.id for image in shown]
    counts = browse.label_counts(session, image_ids)
    sides = agreement.sides(session, image_ids)
    items = [
        DisputedImage.of(
            image,
            counts[image.id],
            disputes=[
                Dispute(category=c.name, present_by=said["present"], absent_by=said["absent"])
                for c in project.categories
                if (said := sides[image.id].get(c.id))
            ],
        )
        for image in shown
    ]
    last = shown[-1] if len(found) > limit else None
    return Page(items=items, next_cursor=f"{last.disputed_at}~{last.id}" if last else None)


def _moment_and_id(cursor: str) -> tuple[datetime, int]:
    moment, _, image_id = cursor.partition("~")
    try:
        return datetime.fromisoformat(moment).astimezone(UTC), min(int(image_id), 2**31 - 1)
    except (ValueError, OverflowError) as error:
        raise BadInput("cursor: not one that this list gave") from error


@router.get("/images/{image_id}", responses=problems(401, 403, 404))
def show_image(image_id: DatabaseId, caller: Viewer, session: ReadSessionDep) -> ImageDetail:
    """One image with the history of its labels; an annotator sees their own."""
    image = lookup.get(session, image_id)
    whose = _whose_labels(caller)
    history = reading.history(session, image_id, whose)
    untold, known = {}, numbers.PLAIN
    if caller.member_role == MemberRole.ANNOTATOR:
        project = projects.seen(session, image.project_id)
        known = numbers.of_images(session, caller.in_project(project), [image_id])
        untold = _untold(project) | numbers.known_as(image, known)
    return ImageDetail.of(
        image,
        reading.count_current(session, image_id, whose),
        history=reading.describe(session, history.labels, numbers=known),
        history_cursor=history.cursor,
        **untold,
    )


@router.get("/images/{image_id}/labels", responses=problems(401, 403, 404))
def list_revisions(
    image_id: DatabaseId,
    caller: Viewer,
    session: ReadSessionDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    cursor: NumberCursor = None,
) -> Page[LabelOut]:
    """All revisions of an image's labels, newest first; an annotator sees their own.

    With the `history_cursor` of an image, those that are not in its history.
    """
    image = lookup.get(session, image_id)
    before = number_of(cursor) if cursor else 2**31 - 1
    found = reading.history(session, image_id, _whose_labels(caller), before, limit)
    person = caller.in_project(projects.seen(session, image.project_id))
    known = numbers.of_images(session, person, [image_id])
    return Page(
        items=reading.describe(session, found.labels, numbers=known),
        next_cursor=found.cursor,
    )


def _whose_labels(caller: Caller) -> int | None:
    """Whose labels somebody may see, by id; None: everybody's."""
    return None if caller.leads else caller.id


@router.get(
    "/images/{image_id}/file",
    responses=problems(401, 403, 404, media_type="image/*"),
    response_class=Response,
    dependencies=[Depends(turn_of_picture, scope="function")],
)
def image_file(
    image_id: DatabaseId,
    request: Request,
    _caller: Viewer,
    width: Annotated[int | None, Query(ge=1, le=20_000)] = None,
) -> Response:
    """The upright picture; with `width`, scaled down for a screen that wants so many pixels.

    It comes 320, 640, 1280, 1920 or 2560 pixels wide: the next of these, or the largest where more
    is asked for. A picture that is no wider than what is asked for or than that comes as it is.
    """
    key = files.key_for_screen(image_id, width)
    # A file never changes under its key: a browser may keep it, but not share it.
    tag = hashlib.sha256(key.encode()).hexdigest()
    return send_file(
        request,
        get_storage().existing_path(key),
        tag=tag,
        media_type=PICTURE_TYPES[Path(key).suffix],
        by_proxy=True,
    )
