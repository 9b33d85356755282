"""Immutable label files."""

from datetime import datetime

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
    url: str
