"""The audit log: verified, and written into a file."""

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from server.commands.database import require_migrated
from server.commands.terminal import messages, output
from server.db import session_scope
from server.errors import BadInput
from server.models import AuditEvent
from server.services import audit
from server.services.audit import AuditFilter

audit_app = typer.Typer(no_args_is_help=True, help="The audit log: who did what.")


@audit_app.command("verify")
def verify_audit(
    kept: Annotated[
        str | None,
        typer.Option(help="NUMBER:HASH of a line, as an earlier verify or the log of then said."),
    ] = None,
) -> None:
    """Compute the hash of every line anew. Exit status 1: a line is missing or was changed.

    Keep the last line's number and hash somewhere else: with them the next look also finds a log
    that was written anew as a whole.
    """
    require_migrated()
    found = audit.verify(_kept_line(kept) if kept else None)
    if found.problem:
        messages.print(f"[bold red]not as it was written:[/] {found.problem}", highlight=False)
        raise typer.Exit(1)
    messages.print(f"{found.lines} lines, each as it was written; the last is", highlight=False)
    output.print(f"{found.last_id}:{found.last_hash}", highlight=False)


def _kept_line(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not (number.isascii() and number.isdecimal() and re.fullmatch("[0-9a-f]{64}", digest)):
        raise BadInput("--kept: not NUMBER:HASH, as weakseg audit verify prints it")
    return int(number), digest


@audit_app.command("export")
def export_audit(
    out: Annotated[Path, typer.Option(help="The file; one of this name is replaced.")],
) -> None:
    """Write the audit log into a file, a line of JSON each."""
    require_migrated()
    partial = out.with_name(f"{out.name}.partial")
    try:
        with partial.open("wb") as file, session_scope(read_only=True) as session:
            file.writelines(audit.export(session, AuditFilter()))
        audit.record_now(AuditEvent.AUDIT_EXPORTED)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    messages.print(f"wrote {escape(str(out))}", highlight=False)
