"""Errors that the command line reports in one line."""

import errno
import re
from collections.abc import Sequence

from pydantic import ValidationError

WORKER_KILLED = "DataLoader worker .*(killed by signal: Killed|exited unexpectedly)"
"""What torch says when the kernel, short of memory, ended a process that prepares batches."""
BAD_INPUT = 2
"""Exit status of a command that was given something that cannot be used."""
FAILED = 1
"""Exit status of a command that could not go on."""


class BadInput(Exception):
    """Something that the user gave cannot be used; the message names the thing and the place."""


class NonFinite(Exception):
    """What a network computes is not finite: it has diverged, and nothing can come of it."""


class NonFiniteLoss(NonFinite):
    """Training cannot go on: a loss or the gradient is not finite."""

    def __init__(self, step: int, terms: str, names: Sequence[str]) -> None:
        super().__init__(
            f"step {step}: {terms} is not finite; images of the batch: {', '.join(names)}"
        )


def is_memory_full(error: BaseException) -> bool:
    """Whether an error says that a machine or a device has no memory left."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, RuntimeError):  # torch's own for CPUs, and its class for accelerators
        words = f"out of (shared )?memory|allocate memory|{WORKER_KILLED}"
        return re.search(words, str(error)) is not None
    return isinstance(error, MemoryError)


def in_one_line(error: BaseException) -> str:
    """What went wrong, for people: the file of a system's error, and memory in plain words."""
    if re.search(WORKER_KILLED, str(error)):
        return (
            "a process that prepares batches was killed, as happens when memory is full; "
            "fewer loader_workers, a smaller batch_size or smaller images need less"
        )
    if is_memory_full(error):
        wanted = re.search(r"allocate ([\d.]+ ?\w+)", str(error))
        more = f": {wanted[1]} could not be had" if wanted else ""
        return f"out of memory{more}; a smaller batch_size or smaller images need less"
    said = " ".join(str(error).splitlines())
    if isinstance(error, OSError) and error.filename is not None:
        said = f"{error.filename}: {error.strerror} (error {error.errno})"
    # The name of a file need not be UTF-8, what a run writes is.
    return said.encode(errors="backslashreplace").decode()


def describe(error: ValidationError) -> str:
    """The first complaint of a validation as `field: what is wrong`, and how many more there are."""
    complaints = error.errors(include_url=False, include_context=False)
    first = complaints[0]
    field = ".".join(str(part) for part in first["loc"])
    more = f" (and {len(complaints) - 1} more)" if len(complaints) > 1 else ""
    message = first["msg"].removeprefix("Value error, ")
    return (f"{field}: {message}" if field else message) + more
