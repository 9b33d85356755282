"""What an import of a label file answers."""

from server.schemas.common import Out
from trainer.contract.image_names import MatchedBy


class RejectedLabel(Out):
    name: str
    """The image's name in the file."""
    line: int | None
    """Null for formats without lines."""
    reason: str


class MatchedLabels(Out):
    """How many labels were imported or skipped, by how their images are known."""

    exact: int = 0
    """The file has the image's whole name."""
    path_ending: int = 0
    """The names end alike, with at least one folder, and none contradicts."""
    name_alone: int = 0
    """One of the two names has no folder; the file name is that of this image alone."""


class MatchExample(Out):
    name: str
    """The image's name in the file."""
    image: str
    """Its external id."""
    matched_by: MatchedBy


class LabelImportResult(Out):
    dry_run: bool
    """Nothing was stored: this is what would become of the file."""
    imported: int
    replaced: int
    """Of the imported: those in whose place the annotator had another label."""
    skipped: int
    """Known already, or kept from being replaced."""
    matched: MatchedLabels
    examples: list[MatchExample]
    """A few of each kind of match."""
    rejected: list[RejectedLabel]
    """Labels, and points of labels that are taken otherwise: the first 1,000 of them."""
    rejected_total: int
    """All of them, those that are not listed too."""
    stopped: bool
    """More than 100,000 were rejected: the rest of the file was not looked at."""
    ignored: dict[str, int]
    """How many of each kind of thing in the file were passed over, such as boxes."""
