"""Child processes that cannot outlive the process that started them."""

import shutil
import signal
from collections.abc import Sequence
from functools import lru_cache


def bound_to_parent(
    command: Sequence[str], when_parent_dies: signal.Signals = signal.SIGKILL
) -> list[str]:
    """The command, made to receive the signal when the thread that starts it ends.

    Linux does that even when the parent is killed; elsewhere the command comes back unchanged. The
    starting thread counts as the parent, so it has to wait for the child.
    """
    if (setpriv := _find_setpriv()) is None:
        return list(command)
    return [setpriv, "--pdeathsig", when_parent_dies.name.removeprefix("SIG"), *command]


@lru_cache
def _find_setpriv() -> str | None:
    return shutil.which("setpriv")
