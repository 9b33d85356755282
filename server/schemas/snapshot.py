"""Immutable label files."""

from datetime import datetime
from typing import Self

from server.models import Snapshot
from server.schemas.common import Out


class SnapshotOut(Out):
    id: int
    project_id: int
    sha256: str
    size: int
    labels: int
    images: int
    points: int
    active_ms: int
    wall_ms: int
    created_at: datetime
    deleted_images: int
    """Of the images that its file names, how many have been deleted since."""
    url: str

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """A snapshot with the address of its file."""
        return cls.from_row(snapshot, url=f"/api/v1/snapshots/{snapshot.id}/labels.jsonl")
