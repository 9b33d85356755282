"""How much memory a web process keeps."""

import contextlib
import ctypes
import gc

_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""
_ARENAS = 2


def limit_arenas() -> None:
    """Let threads share two heaps; without it each gets its own, which hardly shrinks again.

    To be called before threads are started. On C libraries other than glibc nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def keep_loaded() -> None:
    """Take what is there by now for what stays, so that the search for garbage passes it over.

    To look through all modules takes a tenth of a second, in which no request is answered.
    """
    gc.collect()
    gc.freeze()
