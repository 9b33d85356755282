"""Rules of projects, their pictures, and who was shown them."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from server.api.deps import (
    Annotator,
    GuardedRoute,
    Lead,
    LeadReader,
    NumberCursor,
    ReadSessionDep,
    SessionDep,
    Viewer,
    number_of,
)
from server.api.downloads import PICTURE_TYPES, send_file
from server.api.problems import problems
from server.errors import BadInput
from server.schemas.common import DatabaseId, Page
from server.schemas.rules import (
    RulesIn,
    RulesOut,
    RulesPictureOut,
    RulesReaderOut,
    RulesSeen,
    RulesVersionOut,
)
from server.services import projects, rules
from server.settings import get_settings
from server.storage import get_storage

router = APIRouter(prefix="/projects/{project_id}/rules", tags=["rules"], route_class=GuardedRoute)

PICTURE_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


@router.get("", responses=problems(401, 403, 404))
def show_rules(project_id: DatabaseId, caller: Viewer, session: ReadSessionDep) -> RulesOut:
    """The rules of a project and its categories as they are now; version 0 where there are none."""
    found = rules.current(session, project_id)
    return rules.describe(session, project_id, found, caller.id, leads=caller.leads)


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(401, 403, 404, 409))
def publish_rules(
    project_id: DatabaseId, body: RulesIn, caller: Lead, session: SessionDep
) -> RulesOut:
    """Publish the next version; everybody who labels is shown it once.

    Sections that say nothing are left out, and rules that say the same as before make no version.
    409 `rules-changed` where somebody else has published since `based_on`.
    """
    made = rules.publish(session, project_id, caller.id, body)
    return rules.describe(session, project_id, made, caller.id, leads=True)


@router.get("/versions", responses=problems(401, 403, 404))
def list_rules_versions(
    project_id: DatabaseId,
    caller: Viewer,
    session: ReadSessionDep,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: NumberCursor = None,
) -> Page[RulesVersionOut]:
    """All versions, newest first."""
    projects.get(session, project_id)
    before = number_of(cursor) if cursor else None
    found = rules.versions(session, project_id, before, limit + 1)
    items = [rules.describe_version(each, is_for_lead=caller.leads) for each in found[:limit]]
    more = len(found) > limit
    return Page(items=items, next_cursor=str(items[-1].version) if more else None)


@router.get("/versions/{version}", responses=problems(401, 403, 404))
def show_rules_version(
    project_id: DatabaseId, version: DatabaseId, caller: Viewer, session: ReadSessionDep
) -> RulesOut:
    """One version."""
    found = rules.get(session, project_id, version)
    return rules.describe(session, project_id, found, caller.id, leads=caller.leads)


@router.put("/seen", status_code=status.HTTP_204_NO_CONTENT, responses=problems(401, 403, 404))
def note_rules_seen(
    project_id: DatabaseId, body: RulesSeen, caller: Annotator, session: SessionDep
) -> None:
    """Say that the caller was shown a version: it is not shown to them by itself again."""
    rules.note_seen(session, project_id, caller.id, body.version)


@router.get("/readers", responses=problems(401, 403, 404))
def list_rules_readers(
    project_id: DatabaseId, _caller: LeadReader, session: ReadSessionDep
) -> list[RulesReaderOut]:
    """Who was shown rules: the newest version that each person was, and since when."""
    projects.get(session, project_id)
    return rules.readers(session, project_id)


@router.post(
    "/pictures",
    status_code=status.HTTP_201_CREATED,
    responses=problems(401, 403, 404, 409, 413),
    openapi_extra=PICTURE_BODY,
)
async def add_rules_picture(
    project_id: DatabaseId, request: Request, _caller: Lead
) -> RulesPictureOut:
    """Upload a picture (multipart field `file`) that the next version may show.

    It is verified, and what it says besides its pixels is cut, as with images. One that is wider
    than 1,600 pixels is scaled down. What no version shows within a day is deleted.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise BadInput("send multipart/form-data", code="content-type")
    limit = get_settings().max_image_bytes
    async with request.form(max_files=1, max_fields=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise BadInput("file: there is no file in the form")
        if (file.size or 0) > limit:
            raise BadInput(f"file: larger than {limit / 2**20:.0f} MB", code="picture")
        content = await file.read()
    return await run_in_threadpool(rules.add_picture, project_id, content)


@router.get(
    "/pictures/{picture_id}",
    responses=problems(401, 403, 404, media_type="image/*"),
    response_class=Response,
)
def rules_picture(
    project_id: DatabaseId,
    picture_id: DatabaseId,
    request: Request,
    _caller: Viewer,
    session: ReadSessionDep,
) -> Response:
    """A picture's file."""
    key = rules.picture_key(session, project_id, picture_id)
    path = get_storage().existing_path(key)
    kind = PICTURE_TYPES[Path(key).suffix]
    return send_file(request, path, tag=Path(key).stem, media_type=kind, by_proxy=True)


@router.delete(
    "/pictures/{picture_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 404),
)
def delete_rules_picture(project_id: DatabaseId, picture_id: DatabaseId, _caller: Lead) -> None:
    """Delete a picture, also out of the versions that show it; their texts stay."""
    rules.delete_picture(project_id, picture_id)
