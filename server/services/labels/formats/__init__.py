"""Label files in the formats that people have: each is a reader and a writer of weak labels.

A writer turns labels, sorted by image, and the project's categories (name to colour) into pieces of
text. A reader yields what it finds, label or refusal, counts by kind what it passes over, and raises
BadInput for a file that is not of its format at all.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from server.services.labels.formats import coco, csv_table, cvat, jsonl, label_studio
from server.services.labels.formats.label import FileLabel, Found, Hear, Refused
from trainer.contract import WeakLabel

__all__ = ["FORMATS", "FileLabel", "Format", "Found", "LabelFormat", "Refused"]


class LabelFormat(StrEnum):
    """How label files are named in the interface."""

    JSONL = "jsonl"
    CSV = "csv"
    LABEL_STUDIO = "label-studio"
    CVAT = "cvat"
    COCO = "coco"


@dataclass(frozen=True)
class Format:
    """How labels become a file of this kind, and a file labels."""

    write: Callable[[Iterable[WeakLabel], Mapping[str, str]], Iterator[str]]
    read: Callable[[BinaryIO, Counter[str], Hear], Iterator[Found]]
    """Given the file, where to count what is passed over, and who hears of images without labels."""
    media_type: str
    ending: str
    """Of a file's name, after what says whose labels they are."""


FORMATS = {
    LabelFormat.JSONL: Format(jsonl.write, jsonl.read, "application/x-ndjson", ".jsonl"),
    LabelFormat.CSV: Format(csv_table.write, csv_table.read, "text/csv", ".csv"),
    LabelFormat.LABEL_STUDIO: Format(
        label_studio.write, label_studio.read, "application/json", "-label-studio.json"
    ),
    LabelFormat.CVAT: Format(cvat.write, cvat.read, "application/xml", "-cvat.xml"),
    LabelFormat.COCO: Format(coco.write, coco.read, "application/json", "-coco.json"),
}
