"""What commands say and show: output for programs, messages for people, progress."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from trainer.contract.names import shown

LISTED = 20

output = Console(soft_wrap=True)
messages = Console(stderr=True, soft_wrap=True)


@contextlib.contextmanager
def progress_bar() -> Iterator[Progress]:
    """Bars among the messages, gone once the work is done."""
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=messages, transient=True) as progress:
        yield progress


def follow(progress: Progress, what: str) -> Callable[[int, int], object]:
    """A bar that is told (done, all)."""
    task = progress.add_task(what, total=None)
    return lambda done, total: progress.update(task, completed=done, total=total)


def report(imported: int, skipped: int, rejected: Sequence[tuple[str, str]], total: int) -> None:
    """Say what became of an import; leaves with status 1 when something was refused."""
    messages.print(f"imported {imported}, skipped {skipped}, refused {total}")
    list_some("refused", rejected, total)
    if total:
        raise typer.Exit(1)


def list_some(what: str, said: Sequence[tuple[str, str]], total: int | None = None) -> None:
    """Name the first of what there is something to say of, and how many more there are."""
    for name, words in said[:LISTED]:
        messages.print(f"{what} {escape(shown(name))}: {escape(words)}", highlight=False)
    if (more := (total or len(said)) - LISTED) > 0:
        messages.print(f"and {more} more")
