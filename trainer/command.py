"""What the commands share: errors in one line, and `--set key=value`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer

from trainer.errors import BAD_INPUT, BadInput


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Bad input, or a file that cannot be used, ends the program with one line and status 2."""
    try:
        yield
    except (BadInput, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error


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
