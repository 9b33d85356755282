"""Labels out into files and in from files, in the formats that people have."""

import tempfile
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from server.api.deps import GuardedRoute, Importer, LeadReader, ReadSessionDep
from server.api.downloads import pieces
from server.api.problems import problems
from server.db import session_scope
from server.errors import BadInput
from server.schemas.common import DatabaseId
from server.schemas.label_file import (
    LabelImportResult,
    MatchedLabels,
    MatchExample,
    RejectedLabel,
)
from server.services import projects
from server.services.accounts import users
from server.services.labels import files as label_files
from server.services.labels.files import Existing, ImportRules, Origin, Unmentioned
from server.services.labels.formats import FORMATS, LabelFormat

router = APIRouter(tags=["label files"], route_class=GuardedRoute)

# JSON files are an array or an object; a document describes the others as text.
CONTENT = {
    kind: {"schema": {} if kind == "application/json" else {"type": "string"}}
    for kind in sorted({form.media_type for form in FORMATS.values()})
}
FormatQuery = Annotated[LabelFormat, Query(alias="format")]


@router.get(
    "/projects/{project_id}/labels/export",
    responses=problems(401, 403, 404) | {200: {"content": CONTENT}},
    response_class=StreamingResponse,
)
def export_labels(
    project_id: DatabaseId,
    _caller: LeadReader,
    session: ReadSessionDep,
    label_format: FormatQuery = LabelFormat.JSONL,
) -> StreamingResponse:
    """The current labels of everybody as a file; skipped images are left out."""
    # The file is whole before it is sent: a slow reader must not hold a transaction open, and an
    # error must not look like the end of a file.
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed when it was sent
    try:
        label_files.export_to(file, session, project_id, label_format)
    except BaseException:
        file.close()
        raise
    name = label_files.filename(project_id, label_format)
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Length": str(file.tell()),
    }
    return StreamingResponse(
        pieces(file), media_type=FORMATS[label_format].media_type, headers=headers
    )


@router.post(
    "/projects/{project_id}/labels/import",
    responses=problems(401, 403, 404, 413),
    openapi_extra={"requestBody": {"required": True, "content": CONTENT}},
)
async def import_labels(
    project_id: DatabaseId,
    request: Request,
    caller: Importer,
    label_format: FormatQuery,
    annotator: Annotated[str | None, Query(max_length=320)] = None,
    match_authors: bool = False,
    unmentioned: Unmentioned = "not-asked",
    existing: Existing = "once",
    own_export: bool = False,
    dry_run: bool = False,
    file_name: Annotated[str, Query(max_length=255)] = "",
) -> LabelImportResult:
    """Import a file of labels, the body, as labels of `annotator` (an e-mail address; the caller).

    Images are found by their external id, or else by the end of their path, or by a file name that
    only one of them has where no folder contradicts it. The same file again changes nothing. With
    `match_authors`, labels whose author in the file has the e-mail address of an account go to that
    account. `unmentioned=absent` takes every category that the file does not name for an image as
    absent from it.

    `existing` says what becomes of a label that the annotator has given already: with `once` it is
    replaced by a label that was not imported before, with `replace` by what the file says, and with
    `keep` it stays. With `own_export`, the annotators of a file that was exported here are the
    accounts of their numbers, and an image keeps all of its labels. `dry_run` stores nothing and answers what would happen.

    Each label says who imported it, when and from which file: by its sha256 and `file_name`.
    """
    annotator_id = await run_in_threadpool(_annotator_id, project_id, annotator, caller.id)
    rules = ImportRules(annotator_id, match_authors, unmentioned, existing, own_export, dry_run)
    # The body goes to a file first: a slow sender must not hold a transaction open.
    with tempfile.TemporaryFile() as body:
        async for piece in request.stream():
            body.write(piece)
        body.seek(0)
        result = await run_in_threadpool(
            partial(label_files.import_from, origin=Origin(caller.id, file_name)),
            body,
            project_id,
            label_format,
            rules,
        )
    return LabelImportResult(
        dry_run=dry_run,
        imported=result.imported,
        replaced=result.replaced,
        skipped=result.skipped,
        matched=MatchedLabels(**{str(by): count for by, count in result.matched.items()}),
        examples=[MatchExample.model_validate(example) for example in result.examples],
        rejected=[RejectedLabel.model_validate(refused) for refused in result.rejected],
        rejected_total=result.rejected_total,
        stopped=result.stopped,
        ignored=result.ignored,
    )


def _annotator_id(project_id: int, email: str | None, caller_id: int) -> int:
    with session_scope(read_only=True) as session:
        projects.get(session, project_id)
        if email is None:
            return caller_id
        account = users.find_by_email(session, email)
        if account is None:
            raise BadInput(f"annotator: there is no account {email}", code="unknown-annotator")
        return account.id
