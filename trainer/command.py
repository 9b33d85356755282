"""What the commands share: a quick start, errors in one line, and `--set key=value`."""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from trainer.errors import BAD_INPUT, FAILED, BadInput, NonFinite, in_one_line, is_memory_full


@contextmanager
def loading() -> Iterator[None]:
    """Within, a command imports what it needs to work, which is there to stay.

    To look for garbage in torch while it is loaded takes a fifth of a second. Nothing is frozen,
    here or at the end, which would save a second there: Triton calls leaks what is not let go.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Bad input, or a file that cannot be used, ends the program with one line and status 2.

    So do full memory and a network that has diverged, with status 1.
    """
    try:
        yield
    except (BadInput, NonFinite, OSError, MemoryError, RuntimeError) as error:
        failed = is_memory_full(error) or isinstance(error, NonFinite)
        if isinstance(error, RuntimeError) and not failed:
            raise
        typer.echo(f"error: {in_one_line(error)}", err=True)
        raise typer.Exit(FAILED if failed else BAD_INPUT) from error


def parse_overrides(changes: Sequence[str]) -> dict[str, object]:
    """`key=value` texts as overrides.

    Raises:
        BadInput: a text without `=`.
    """
    overrides: dict[str, object] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise BadInput(f"--set {change!r}: write key=value")
        overrides[name.strip()] = value.strip()
    return overrides
