"""Child processes that cannot outlive the process that started them."""

import os
import shutil
import signal
from collections.abc import Sequence
from functools import lru_cache

# The parent may be gone before setpriv has asked for the signal, which then never comes.
UNLESS_ORPHANED = '[ "$PPID" = "$0" ] && exec "$@"'


def bound_to_parent(
    command: Sequence[str], when_parent_dies: signal.Signals = signal.SIGKILL
) -> list[str]:
    """The command, made to receive the signal when the thread that starts it ends.

    Linux does that even when the parent is killed; elsewhere the command comes back unchanged. It
    is for this process to start, in a thread that waits for it: that thread counts as the parent.
    """
    if (setpriv := _find_setpriv()) is None:
        return list(command)
    name = when_parent_dies.name.removeprefix("SIG")
    bound = [setpriv, "--pdeathsig", name, "sh", "-c", UNLESS_ORPHANED]
    return [*bound, str(os.getpid()), *command]


@lru_cache
def _find_setpriv() -> str | None:
    return shutil.which("setpriv")
