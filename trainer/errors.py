"""Errors that the command line reports in one line."""

from collections.abc import Sequence

from pydantic import ValidationError

BAD_INPUT = 2
"""Exit status of a command that was given something that cannot be used."""


class BadInput(Exception):
    """Something that the user gave cannot be used; the message names the thing and the place."""


class NonFiniteLoss(Exception):
    """Training cannot go on: a loss or the gradient is not finite."""

    def __init__(self, step: int, terms: str, names: Sequence[str]) -> None:
        super().__init__(
            f"step {step}: {terms} is not finite; images of the batch: {', '.join(names)}"
        )


def describe(error: ValidationError) -> str:
    """The first complaint of a validation as `field: what is wrong`, and how many more there are."""
    complaints = error.errors(include_url=False, include_context=False)
    first = complaints[0]
    field = ".".join(str(part) for part in first["loc"])
    more = f" (and {len(complaints) - 1} more)" if len(complaints) > 1 else ""
    message = first["msg"].removeprefix("Value error, ")
    return (f"{field}: {message}" if field else message) + more
