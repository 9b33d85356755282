"""Files that nothing needs, and what pictures tell besides pixels."""

from typing import Annotated

import typer
from rich.markup import escape

from server.commands.database import require_migrated
from server.commands.terminal import messages, progress_bar
from server.errors import BadInput
from server.models import AuditEvent
from server.services import audit, cleaning
from server.services.images import files as image_files
from server.settings import get_settings


def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    metadata: Annotated[
        bool,
        typer.Option(
            "--metadata",
            help="Also cut out of stored pictures what they tell besides pixels, such as where "
            "they were made. Newer imports have none of it.",
        ),
    ] = False,
) -> None:
    """Remove files and run folders that no row of the database needs.

    It may run while everything else does. Results, labels and the folders of runs that can be
    resumed stay.
    """
    require_migrated()
    if metadata:
        _cut_metadata(dry_run=dry_run)
    count = freed = 0
    with progress_bar() as progress:
        for leftover in progress.track(cleaning.find(), description="Cleaning"):
            if not dry_run and not leftover.remove():
                continue
            count, freed = count + 1, freed + leftover.size
            verb = "would remove" if dry_run else "removed"
            messages.print(
                f"{verb} {escape(str(leftover.path))} ({leftover.why}, {leftover.size} bytes)",
                highlight=False,
            )
    whole = f"{'would remove' if dry_run else 'removed'} {count}, {freed} bytes"
    messages.print(whole, highlight=False)


def _cut_metadata(*, dry_run: bool) -> None:
    if get_settings().keep_metadata:
        raise BadInput("WEAKSEG_KEEP_METADATA says that pictures keep their metadata")
    verb = "would cut" if dry_run else "cut"
    count = 0
    for path, lost in image_files.cut_stored(dry_run=dry_run):
        count += 1
        messages.print(f"{verb} {lost} bytes from {escape(str(path))}", highlight=False)
    if count and not dry_run:
        audit.record_now(AuditEvent.METADATA_CUT, after={"pictures": count})
    messages.print(f"{verb} metadata from {count} pictures", highlight=False)
