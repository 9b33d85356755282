"""How much of the machine this process may take. Needs no torch."""

import os


def processes_here() -> int:
    """How many processes of the run share this machine's cores."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # noqa: TID251 - set by torchrun


def cores_here() -> int:
    """How many cores there are for this process, at least one."""
    return max(len(os.sched_getaffinity(0)) // processes_here(), 1)
