"""Target images, from a folder or a manifest."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from server.commands.database import find_project, require_migrated
from server.commands.terminal import follow, list_some, messages, progress_bar, report
from server.db import session_scope
from server.errors import BadInput
from server.services.images import importing, manifests
from server.services.images.importing import Imported
from trainer.contract.names import shown
from trainer.contract.walk import Pictures, describe_left_out, pictures_below


def import_images(
    project: Annotated[str, typer.Argument(help="Name or number of the project.")],
    path: Annotated[Path, typer.Argument(help="A folder of images, or an NDJSON manifest.")],
) -> None:
    """Import target images; importing again changes nothing. Exit status 1: some were refused.

    A folder's files are copied into storage, those of linked folders too; what is hidden or no
    picture by its ending is left out, and counted. A manifest's paths are below WEAKSEG_IMAGE_ROOT and
    are verified later by a worker.
    """
    require_migrated()
    with session_scope(read_only=True) as session:
        project_id = find_project(session, project).id
    if path.is_dir():
        result = _import_folder(project_id, pictures_below(path))
    else:
        result = _import_manifest(project_id, path)
    list_some("note on", result.notes)
    report(result.imported, result.skipped, result.rejected, result.rejected_total)


def _import_folder(project_id: int, pictures: Pictures) -> Imported:
    """Raises BadInput when there is no picture at all."""
    said = describe_left_out(pictures.left_out)
    if not pictures.names:
        where = f"there are no pictures below {shown(str(pictures.folder))}"
        raise BadInput(f"{where} ({said})" if said else where)
    if said:
        messages.print(escape(said), highlight=False)
    result = Imported()
    try:
        with progress_bar() as progress:
            for name in progress.track(pictures.names, description="Importing"):
                importing.import_path(project_id, name, pictures.folder / name, result)
    finally:
        importing.note(project_id, result)
    return result


def _import_manifest(project_id: int, path: Path) -> Imported:
    with (
        progress_bar() as progress,
        progress.open(path, "rb", description="Reading") as lines,
    ):
        advance = follow(progress, "Importing")
        return importing.register_manifest(project_id, manifests.parse(lines), advance)
