"""What is deleted, and what goes with it."""

from typing import Literal

from server.schemas.common import Out

Kind = Literal["image", "run", "checkpoint", "dataset", "project", "user"]


class DeletionOut(Out):
    """What goes with something when it is deleted, or has gone with it."""

    kind: Kind
    id: str
    counts: dict[str, int]
    """How many things of a kind go: `labels`, `predictions`, `checkpoints`, `images`, `runs`."""
    remarks: list[str]
    """What stays, and what else to know, in words."""
    refused: str | None = None
    """Before it is deleted: why it can not be now."""
