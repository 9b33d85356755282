"""Standard output and standard error that may be closed, or have nobody at their other end."""

import contextlib
import errno
import os
import sys
from typing import TextIO

GONE = {errno.EPIPE, errno.EIO, errno.EBADF, errno.ENXIO}
"""What a write says once the reader of a pipe, or the terminal, is gone for good."""


def open_closed_streams() -> None:
    """Put /dev/null where a program was started with stdout or stderr closed.

    Otherwise the next file that is opened gets their number, and whatever is printed.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_WRONLY)
            if null != number:
                os.dup2(null, number)
                os.close(null)
            # Kept for the life of the process.
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))


def say(stream: TextIO, text: str) -> None:
    """Write and flush; one that cannot be written to any more is passed over from then on.

    The work that is spoken of goes on whether or not anybody listens.
    """
    try:
        stream.write(text)
        stream.flush()
    except ValueError:
        return  # closed in this process
    except OSError as error:
        if error.errno in GONE:
            _turn_to_null(stream)


def _turn_to_null(stream: TextIO) -> None:
    """What is buffered, and written at the end of the process, must not fail either."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, stream.fileno())
        finally:
            os.close(null)
