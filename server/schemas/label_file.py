"""What an import of a label file answers."""

from server.schemas.common import Out


class RejectedLabel(Out):
    name: str
    """The image's name in the file."""
    line: int | None
    """Null for formats without lines."""
    reason: str


class LabelImportResult(Out):
    imported: int
    skipped: int
    """Known already."""
    rejected: list[RejectedLabel]
    ignored: dict[str, int]
    """How many of each kind of thing in the file were passed over, such as boxes."""
