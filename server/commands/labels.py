"""Files of labels, out and in."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from server.commands.database import find_project, find_user, require_migrated
from server.commands.terminal import follow, messages, progress_bar, report
from server.db import session_scope
from server.services.labels import files as label_files
from server.services.labels.files import Existing, ImportRules, Unmentioned
from server.services.labels.formats import LabelFormat
from trainer.contract.image_names import MatchedBy

labels_app = typer.Typer(no_args_is_help=True, help="Files of labels, in and out.")

MATCHED = {
    MatchedBy.EXACT: "by their whole name",
    MatchedBy.PATH_ENDING: "by the end of their path",
    MatchedBy.NAME_ALONE: "by their file name alone",
}
FormatOption = Annotated[LabelFormat, typer.Option("--format", help="What docs/formats.md says.")]


@labels_app.command("export")
def export_labels(
    project: Annotated[str, typer.Argument(help="Name or number of the project.")],
    out: Annotated[Path, typer.Option(help="The file; one of this name is replaced.")],
    label_format: FormatOption = LabelFormat.JSONL,
) -> None:
    """Write the current labels of everybody into a file."""
    require_migrated()
    partial = out.with_name(f"{out.name}.partial")
    try:
        with progress_bar() as progress, session_scope(read_only=True) as session:
            project_id = find_project(session, project).id
            advance = follow(progress, "Exporting")
            with partial.open("wb") as file:
                label_files.export_to(file, session, project_id, label_format, advance)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    messages.print(f"wrote {escape(str(out))}", highlight=False)


@labels_app.command("import")
def import_labels(  # noqa: PLR0913 - one for each option
    project: Annotated[str, typer.Argument(help="Name or number of the project.")],
    path: Annotated[Path, typer.Argument(help="The file.")],
    annotator: Annotated[str, typer.Option(help="E-mail address of whose labels they become.")],
    label_format: FormatOption = LabelFormat.JSONL,
    match_authors: Annotated[
        bool, typer.Option(help="Labels of authors who have an account here are theirs.")
    ] = False,
    unmentioned: Annotated[
        Unmentioned, typer.Option(help="What a category means that the file does not name.")
    ] = "not-asked",
    existing: Annotated[
        Existing,
        typer.Option(
            help="A label that the annotator has given already: once, a label that was not "
            "imported before replaces it; replace, what the file says does; keep, it stays."
        ),
    ] = "once",
    own_export: Annotated[
        bool,
        typer.Option(
            "--own-export",
            help="The file was exported by this server: its "
            "annotators are the accounts of their numbers.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Store nothing; say what would happen.")
    ] = False,
) -> None:
    """Import labels; importing again changes nothing. Exit status 1: some were refused.

    Images are found by their external id, or else by the end of their path, or by a file name that
    only one of them has where no folder contradicts it.
    """
    require_migrated()
    with session_scope(read_only=True) as session:
        project_id = find_project(session, project).id
        annotator_id = find_user(session, annotator).id
    rules = ImportRules(annotator_id, match_authors, unmentioned, existing, own_export, dry_run)
    with path.open("rb") as file, progress_bar() as progress:
        advance = follow(progress, "Looking" if dry_run else "Importing")
        origin = label_files.Origin(name=path.name)
        result = label_files.import_from(file, project_id, label_format, rules, advance, origin)
    for kind, count in result.ignored.most_common():
        messages.print(f"passed over: {escape(kind)} ({count})", highlight=False)
    for example in result.examples:
        if example.matched_by is not MatchedBy.EXACT:
            pair = f"{example.name} is {example.image}"
            messages.print(f"not by its whole name: {escape(pair)}", highlight=False)
    for by, count in result.matched.items():
        messages.print(f"images known {MATCHED[by]}: {count}", highlight=False)
    if result.replaced:
        messages.print(f"labels replaced: {result.replaced}", highlight=False)
    if dry_run:
        messages.print("nothing was stored; this is what would happen:", highlight=False)
    refused = [
        (f"line {one.line}, {one.name}" if one.line else one.name, one.reason)
        for one in result.rejected
    ]
    if result.stopped:
        messages.print("stopped: too much was refused; the rest of the file was not looked at")
    report(result.imported, result.skipped, refused, result.rejected_total)
