"""Labels out into files and in from files, in the formats that people have.

An import is idempotent: a label is known by what it says, so the same file again changes nothing,
even where an annotator has corrected an imported label since.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import BinaryIO, Literal, TypeVar

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import session_scope
from server.errors import WeaksegError
from server.models import Image, Label
from server.schemas.label import LabelIn, LabelOut, PointIn, TilesIn, Timing
from server.services import labels, projects, snapshots, users
from server.services.label_formats import FORMATS, FileLabel, LabelFormat, Refused
from server.services.label_formats.label import first_problem
from server.services.labels import Submission
from trainer.contract import WeakLabel

BATCH = 200
"""Labels of one transaction: annotators wait for no longer than that takes."""
SKIPPED = "skipped in the imported file"

Unmentioned = Literal["not-asked", "absent"]
Item = TypeVar("Item")
Advance = Callable[[int, int], object]


@dataclass
class ImportedLabels:
    """What became of the labels of one file."""

    imported: int = 0
    skipped: int = 0
    """Known already."""
    rejected: list[Refused] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    """How many of each kind of thing in the file were passed over."""


@dataclass(frozen=True)
class ImportRules:
    """How a file is read."""

    annotator_id: int
    """Whose labels they become."""
    match_authors: bool = False
    """Give a label to the account whose e-mail address the file names as its author, if any."""
    unmentioned: Unmentioned = "not-asked"
    """What a category means that the file does not name for an image."""


def export_to(
    file: BinaryIO,
    session: Session,
    project_id: int,
    label_format: LabelFormat,
    advance: Advance = lambda _done, _all: None,
) -> None:
    """Write a project's current labels, skips left out, into a file. Raises NotFound.

    `advance(done, all)` hears how far it is.
    """
    categories = {c.name: c.color for c in projects.get(session, project_id).categories}
    total = snapshots.count_current_labels(session, project_id)

    def counted() -> Iterator[WeakLabel]:
        for done, label in enumerate(snapshots.weak_labels(session, project_id), 1):
            yield label
            advance(done, total)

    pieces = FORMATS[label_format].write(counted(), categories)
    file.writelines(piece.encode() for piece in pieces)


def filename(project_id: int, label_format: LabelFormat) -> str:
    """How an export is called."""
    return f"labels-{project_id}{FORMATS[label_format].ending}"


def import_from(
    file: BinaryIO,
    project_id: int,
    label_format: LabelFormat,
    rules: ImportRules,
    advance: Advance = lambda _done, _all: None,
) -> ImportedLabels:
    """Store the labels of a seekable file as revisions of their annotators.

    The whole file is read once before the first label is stored: raises NotFound for the project,
    and BadInput for a file that is not of the format, and then nothing has changed. A label that
    does not fit is rejected by itself. `advance(done, all)` hears how far it is.
    """
    form = FORMATS[label_format]
    with session_scope(read_only=True) as session:
        target = _Target(session, project_id)
    total = sum(1 for _ in form.read(file, Counter()))
    file.seek(0)
    result = ImportedLabels()
    importer = _Importer(target, rules, result)
    done = 0
    for batch in _batches(form.read(file, result.ignored), BATCH):
        importer.take(batch)
        done += len(batch)
        advance(done, total)
    result.ignored = +result.ignored
    return result


def _batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while batch := list(islice(items, size)):
        yield batch


@dataclass(frozen=True, slots=True)
class _KnownImage:
    """What an import has to know of an image; a width of None: it is not verified yet."""

    id: int
    width: int | None
    height: int | None


class _Target:
    """The images and categories of a project, by the names that a file may use."""

    def __init__(self, session: Session, project_id: int) -> None:
        project = projects.get(session, project_id)
        self.categories = [category.name for category in project.categories]
        self._categories = {name.casefold(): name for name in self.categories}
        self._images: dict[str, _KnownImage] = {}
        self._files: dict[str, _KnownImage | None] = {}
        query = select(Image.external_id, Image.id, Image.width, Image.height)
        own = query.where(Image.is_own_of(project_id))
        rows = own.execution_options(yield_per=1000)
        for name, image_id, width, height in session.execute(rows):
            image = self._images[name] = _KnownImage(image_id, width, height)
            file = PurePosixPath(name).name
            self._files[file] = None if file in self._files else image

    def image(self, name: str) -> _KnownImage:
        """The image with this external id, or else the only one with this file name.

        Raises ValueError.
        """
        if (found := self._images.get(name)) is not None:
            return found
        file = PurePosixPath(name.replace("\\", "/")).name
        if file not in self._files:
            raise ValueError("there is no image of this name in the project")
        if (only := self._files[file]) is None:
            raise ValueError(f"several images have the file name {file}")
        return only

    def category(self, name: str) -> str | None:
        """The category of this name, in any case; None when there is none."""
        return name if name in self.categories else self._categories.get(name.strip().casefold())


@dataclass(frozen=True)
class _Wanted:
    """A label that fits the project, and where it came from."""

    image_id: int
    annotator_id: int
    label: LabelIn
    source: FileLabel

    @property
    def key(self) -> str:
        """The same for the same content: what makes an import idempotent."""
        said = self.label.model_dump(
            mode="json", include={"absent", "points", "present", "skipped", "tiles"}
        )
        body = json.dumps([self.image_id, said], sort_keys=True)
        return f"import-{hashlib.sha256(body.encode()).hexdigest()}"


class _Importer:
    """Takes a file's labels in, a batch at a time."""

    def __init__(self, target: _Target, rules: ImportRules, result: ImportedLabels) -> None:
        self._target = target
        self._rules = rules
        self._result = result
        self._accounts: dict[str, int] = {}
        self._seen: set[tuple[int, int]] = set()

    def take(self, batch: Iterable[FileLabel | Refused]) -> None:
        with session_scope() as session:
            wanted = [fitting for found in batch if (fitting := self._fit(session, found))]
            # In one order for all, so that two imports at once can not wait for each other.
            wanted.sort(key=lambda one: one.image_id)
            self._store(session, list(self._new(session, wanted)))

    def _fit(self, session: Session, found: FileLabel | Refused) -> _Wanted | None:
        if isinstance(found, Refused):
            self._result.rejected.append(found)
            return None
        try:
            return self._wanted(session, found)
        except ValidationError as error:
            self._reject(found, first_problem(error))
        except ValueError as error:
            self._reject(found, str(error))
        return None

    def _reject(self, found: FileLabel, reason: str) -> None:
        self._result.rejected.append(Refused(found.image, reason, found.line))

    def _wanted(self, session: Session, found: FileLabel) -> _Wanted:
        image = self._target.image(found.image)
        sizes = ((found.width, image.width), (found.height, image.height))
        if any(None not in pair and pair[0] != pair[1] for pair in sizes):
            raise ValueError(
                f"the file says {found.width} x {found.height}, "
                f"the image is {image.width} x {image.height}"
            )
        annotator_id = self._annotator(session, found.author)
        if (image.id, annotator_id) in self._seen:
            raise ValueError("the file has another label of this image for the same annotator")
        wanted = _Wanted(image.id, annotator_id, self._label(found), found)
        self._seen.add((image.id, annotator_id))
        return wanted

    def _annotator(self, session: Session, author: str) -> int:
        if not (self._rules.match_authors and "@" in author):
            return self._rules.annotator_id
        if author not in self._accounts:
            account = users.find_by_email(session, author)
            self._accounts[author] = account.id if account else self._rules.annotator_id
        return self._accounts[author]

    def _label(self, found: FileLabel) -> LabelIn:
        """Raises ValueError when it would say nothing."""
        if found.skipped:
            return LabelIn(timing=Timing(wall_ms=0), skipped=SKIPPED)
        present = self._known(found.present)
        absent = self._known(found.absent)
        points = [
            PointIn(category=name, x=point.x, y=point.y)
            for point in found.points
            for name in self._known([point.category])
        ]
        tiles = self._tiles(found)
        if self._rules.unmentioned == "absent":
            tagged = tiles.present if tiles else {}
            named = {*present, *absent, *tagged, *(point.category for point in points)}
            absent = [*absent, *(name for name in self._target.categories if name not in named)]
        if not (present or absent or points or tiles):
            raise ValueError("the file says nothing of this project's categories here")
        return LabelIn(
            present=present, absent=absent, points=points, tiles=tiles, timing=Timing(wall_ms=0)
        )

    def _known(self, names: Iterable[str]) -> list[str]:
        known: dict[str, None] = {}
        for name in names:
            category = self._target.category(name)
            if category is None:
                self._result.ignored[f"category {name}"] += 1
            else:
                known[category] = None
        return list(known)

    def _tiles(self, found: FileLabel) -> TilesIn | None:
        if found.tiles is None:
            return None
        present = {
            known: list(indices)
            for name, indices in found.tiles.present.items()
            for known in self._known([name])
        }
        return TilesIn(rows=found.tiles.rows, cols=found.tiles.cols, present=present)

    def _new(self, session: Session, wanted: list[_Wanted]) -> Iterator[_Wanted]:
        """Those that were not imported before and say something new."""
        for annotator_id in sorted({one.annotator_id for one in wanted}):
            own = [one for one in wanted if one.annotator_id == annotator_id]
            keys = select(Label.idempotency_key).where(
                Label.annotator_id == annotator_id,
                Label.idempotency_key.in_([one.key for one in own]),
            )
            stored = set(session.scalars(keys))
            current = labels.current_of(session, annotator_id, [one.image_id for one in own])
            said = {
                label.image_id: label for label in labels.describe(session, [*current.values()])
            }
            for one in own:
                earlier = said.get(one.image_id)
                if one.key in stored or (earlier and _says_the_same(one.label, earlier)):
                    self._result.skipped += 1
                else:
                    yield one

    def _store(self, session: Session, new: Sequence[_Wanted]) -> None:
        submissions = [
            Submission(one.image_id, one.annotator_id, one.label, one.key) for one in new
        ]
        outcomes = labels.submit_all(session, submissions)
        for one, outcome in zip(new, outcomes, strict=True):
            if isinstance(outcome, WeaksegError):
                self._reject(one.source, outcome.detail)
            else:
                self._result.imported += 1


def _says_the_same(wanted: LabelIn, stored: LabelOut) -> bool:
    return _said(wanted) == _said(stored)


def _said(label: LabelIn | LabelOut) -> tuple[object, ...]:
    """What a label says, points to a tenth of a pixel: formats round them."""
    points = {(point.category, round(point.x, 1), round(point.y, 1)) for point in label.points}
    tagged = label.tiles.present if label.tiles else {}
    present = {*label.present, *tagged, *(category for category, _, _ in points)}
    tiles = label.tiles and (
        label.tiles.rows,
        label.tiles.cols,
        {n: sorted(t) for n, t in tagged.items()},
    )
    return present, set(label.absent), points, tiles, label.skipped is None
