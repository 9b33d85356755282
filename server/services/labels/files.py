"""Labels out into files and in from files, in the formats that people have.

An import is idempotent: a label is known by what it says, so the same file again changes nothing,
even where an annotator has corrected an imported label since, unless the file is to win.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, BinaryIO, Literal, TypeVar

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from server.db import session_scope
from server.errors import WeaksegError
from server.models import AuditEvent, Label, LabelImport, User
from server.schemas.label import LabelIn, LabelOut, Timing
from server.services import audit, projects
from server.services.accounts import users
from server.services.audit import Thing
from server.services.labels import reading, snapshots, submitting
from server.services.labels.content import IN_NAMES, says
from server.services.labels.formats import FORMATS, FileLabel, LabelFormat, Refused
from server.services.labels.formats.label import Click, first_problem, placed, unheard
from server.services.labels.name_matching import Match, Target
from server.services.labels.submitting import Submission
from trainer.contract import Places, WeakLabel
from trainer.contract.image_names import MatchedBy
from trainer.contract.names import shown, why_refused

BATCH = 200
"""Labels of one transaction: annotators wait for no longer than that takes."""
SKIPPED = "skipped in the imported file"
MOST_REFUSALS = 100_000
"""A file of which more is refused is not this project's: it is read no further."""
MOST_LISTED = 1000
"""Refusals that are told one by one, and kinds of things that are passed over; the rest is counted."""
LONGEST_FILE_NAME = 255
LONGEST_TEXT = 500
"""Characters of a name or a reason, which may quote what somebody put into a file."""
OTHERS = "others"
EXAMPLES = 5
"""Images of each kind of match that a result shows."""

Existing = Literal["once", "replace", "keep"]
"""What becomes of a label of the same annotator: `once`, it is replaced by one that was not imported
before; `replace`, by what the file says; `keep`, it stays."""
_OWN_AUTHOR = re.compile(r"a(\d{1,9})", re.ASCII)
Unmentioned = Literal["not-asked", "absent"]
Item = TypeVar("Item")
Advance = Callable[[int, int], object]


@dataclass(frozen=True)
class MatchExample:
    """An image as the file names it and as the project does."""

    name: str
    image: str
    matched_by: MatchedBy


@dataclass
class ImportedLabels:
    """What became of the labels of one file, or would become of them."""

    imported: int = 0
    replaced: int = 0
    """Of the imported: those in whose place the annotator had another label."""
    skipped: int = 0
    """Known already, or kept from being replaced."""
    matched: Counter[MatchedBy] = field(default_factory=Counter)
    """How the images of those that were imported or skipped are known."""
    examples: list[MatchExample] = field(default_factory=list)
    rejected: list[Refused] = field(default_factory=list)
    """Labels, and points of labels that are taken otherwise: the first MOST_LISTED of them."""
    rejected_total: int = 0
    stopped: bool = False
    """More than MOST_REFUSALS were refused: the rest of the file was not looked at."""
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
    existing: Existing = "once"
    own_export: bool = False
    """The file was exported here: `a17` is the account of this number, and an image keeps all of its
    labels, also those that are more than the project now asks for."""
    dry_run: bool = False
    """Store nothing: the result says what would become of the file."""


@dataclass(frozen=True)
class Origin:
    """Where a file comes from."""

    by_id: int | None = None
    """Who imports it; None: a command on the server."""
    name: str = ""


def export_to(
    file: BinaryIO,
    session: Session,
    project_id: int,
    label_format: LabelFormat,
    advance: Advance | None = None,
) -> None:
    """Write a project's current labels, skips left out, into a file. Raises NotFound.

    `advance(done, all)` hears how far it is.
    """
    categories = {c.name: c.color for c in projects.get(session, project_id).categories}
    labels = snapshots.weak_labels(session, project_id)
    if advance:
        labels = _heard(labels, snapshots.count_current_labels(session, project_id), advance)
    pieces = FORMATS[label_format].write(labels, categories)
    file.writelines(piece.encode() for piece in pieces)
    on = Thing("project", project_id, project_id)
    audit.record_now(AuditEvent.LABELS_EXPORTED, on, {"format": label_format, "bytes": file.tell()})


def _heard(labels: Iterator[WeakLabel], total: int, advance: Advance) -> Iterator[WeakLabel]:
    for done, label in enumerate(labels, 1):
        yield label
        if done % BATCH == 0 or done == total:
            advance(done, total)


def filename(project_id: int, label_format: LabelFormat) -> str:
    """How an export is called."""
    return f"labels-{project_id}{FORMATS[label_format].ending}"


def import_from(
    file: BinaryIO,
    project_id: int,
    label_format: LabelFormat,
    rules: ImportRules,
    advance: Advance = lambda _done, _all: None,
    origin: Origin = Origin(),
) -> ImportedLabels:
    """Store the labels of a seekable file as revisions of their annotators.

    The whole file is read once before the first label is stored: raises NotFound for the project,
    and BadInput for a file that is not of the format, and then nothing has changed. A label that
    does not fit is rejected by itself; once there are more than MOST_REFUSALS, it stops there.
    `advance(done, all)` hears how far it is.
    """
    form = FORMATS[label_format]
    with session_scope(read_only=True) as session:
        target = Target(session, project_id)
    total = 0
    for found in form.read(file, Counter(), target.note):
        target.note(found)
        total += 1
    file.seek(0)
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    file.seek(0)
    result = ImportedLabels()
    name = shown(origin.name)[:LONGEST_FILE_NAME]
    came_with = {
        "project_id": project_id, "by_id": origin.by_id, "format": label_format, "file_name": name,
        "sha256": sha256,
    }  # fmt: skip
    importer = _Importer(target, rules, result, came_with)
    done = 0
    try:
        for batch in _batches(form.read(file, result.ignored, unheard), BATCH):
            importer.take(batch)
            done += len(batch)
            advance(done, total)
            if result.rejected_total > MOST_REFUSALS:
                result.stopped = True
                break
    finally:
        _note(project_id, label_format, rules, sha256, result)
    result.ignored = _in_short(+result.ignored)
    return result


def _note(
    project_id: int,
    label_format: LabelFormat,
    rules: ImportRules,
    sha256: str,
    result: ImportedLabels,
) -> None:
    """Write what an import has stored into the audit log, if anything: whose labels it says."""
    if rules.dry_run or not (result.imported or result.replaced):
        return
    said = {
        "annotator_id": rules.annotator_id, "match_authors": rules.match_authors,
        "own_export": rules.own_export, "existing": rules.existing, "format": label_format,
        "sha256": sha256, "imported": result.imported, "replaced": result.replaced,
        "rejected": result.rejected_total,
    }  # fmt: skip
    audit.record_now(AuditEvent.LABELS_IMPORTED, Thing("project", project_id, project_id), said)


def _in_short(ignored: Counter[str]) -> Counter[str]:
    """The most frequent kinds by name, and the others together."""
    named = ignored.most_common(MOST_LISTED)
    short: Counter[str] = Counter()
    for kind, count in named:
        short[shown(kind)[:LONGEST_TEXT]] += count
    short[OTHERS] += ignored.total() - short.total()
    return +short


def _batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while batch := list(islice(items, size)):
        yield batch


@dataclass(frozen=True)
class _Wanted:
    """A label that fits the project, and where it came from."""

    match: Match
    annotator_id: int
    label: LabelIn
    source: FileLabel
    replaces: bool = False
    """The annotator has labelled the image before."""
    instead_of: int | None = None
    """The label that the file is to win against, by its id."""

    @property
    def image_id(self) -> int:
        return self.match.image.id

    @property
    def key(self) -> str:
        """The same for the same content in the same place: what makes an import idempotent."""
        said = self.label.model_dump(mode="json", include={*IN_NAMES, "skipped"})
        place = [] if self.instead_of is None else [self.instead_of]
        body = json.dumps([self.image_id, said, *place], sort_keys=True)
        return f"import-{hashlib.sha256(body.encode()).hexdigest()}"


class _Importer:
    """Takes a file's labels in, a batch at a time."""

    def __init__(
        self,
        target: Target,
        rules: ImportRules,
        result: ImportedLabels,
        came_with: Mapping[str, Any],
    ) -> None:
        """`came_with`: the columns of the file's `LabelImport`."""
        self._came_with = came_with
        self._import_id: int | None = None
        self._target = target
        self._rules = rules
        self._result = result
        self._accounts: dict[str, int] = {}
        self._seen: set[tuple[int, int]] = set()
        self._looked_at: dict[int, list[Submission]] = {}
        """Of a dry run, by image: labels of batches before that were rolled back."""

    def take(self, batch: Iterable[FileLabel | Refused]) -> None:
        with session_scope() as session:
            wanted = [fitting for found in batch if (fitting := self._fit(session, found))]
            # In one order for all, so that two imports at once can not wait for each other.
            wanted.sort(key=lambda one: one.image_id)
            self._store(session, list(self._new(session, wanted)))
            if self._rules.dry_run:
                session.rollback()

    def _fit(self, session: Session, found: FileLabel | Refused) -> _Wanted | None:
        if isinstance(found, Refused):
            self._reject(found.name, found.reason, found.line)
            return None
        try:
            return self._wanted(session, found)
        except ValidationError as error:
            self._reject(found.image, first_problem(error), found.line)
        except ValueError as error:
            self._reject(found.image, str(error), found.line)
        return None

    def _reject(self, name: str, reason: str, line: int | None) -> None:
        self._result.rejected_total += 1
        if len(self._result.rejected) < MOST_LISTED:
            name, reason = (shown(text)[:LONGEST_TEXT] for text in (name, reason))
            self._result.rejected.append(Refused(name, reason, line))

    def _wanted(self, session: Session, found: FileLabel) -> _Wanted:
        match = self._target.match(found)
        image = match.image
        sizes = ((found.width, image.width), (found.height, image.height))
        if any(None not in pair and pair[0] != pair[1] for pair in sizes):
            raise ValueError(
                f"the file says {found.width} x {found.height}, "
                f"the image is {image.width} x {image.height}"
            )
        annotator_id = self._annotator(session, found.author)
        if (image.id, annotator_id) in self._seen:
            raise ValueError("the file has another label of this image for the same annotator")
        points, outside = placed(
            ((point.category, point.x, point.y) for point in found.places.points),
            (image.width, image.height),
        )
        places = found.places.model_copy(update={"points": points})
        found = replace(found, places=places, outside=(*found.outside, *outside))
        wanted = _Wanted(match, annotator_id, self._label(found, match), found)
        self._seen.add((image.id, annotator_id))
        for click in found.outside:
            reason = f"{_outside(click, match)}; the rest of the label is taken"
            self._reject(found.image, reason, found.line)
        return wanted

    def _annotator(self, session: Session, author: str) -> int:
        if author not in self._accounts:
            account = self._account(session, author) if why_refused(author) is None else None
            self._accounts[author] = account.id if account else self._rules.annotator_id
        return self._accounts[author]

    def _account(self, session: Session, author: str) -> User | None:
        """Whose account the file names, if it is to be looked for and there is one."""
        if self._rules.own_export and (number := _OWN_AUTHOR.fullmatch(author)):
            return session.get(User, int(number[1]))
        if self._rules.match_authors and "@" in author:
            return users.find_by_email(session, author)
        return None

    def _label(self, found: FileLabel, match: Match) -> LabelIn:
        """Raises ValueError when it would say nothing."""
        if found.skipped:
            return LabelIn(timing=Timing(wall_ms=0), skipped=SKIPPED)
        present = self._known(found.present)
        absent = self._known(found.absent)
        places = found.places.renamed(self._category)
        if self._rules.unmentioned == "absent":
            missed = [self._target.category(category) for category, _, _ in found.outside]
            named = {*present, *absent, *places.categories(), *missed}
            absent = [*absent, *(name for name in self._target.categories if name not in named)]
        if not (present or absent) and places == Places():
            raise ValueError(
                _outside(found.outside[0], match)
                if found.outside
                else "the file says nothing of this project's categories here"
            )
        return LabelIn(
            present=present, absent=absent, **places.model_dump(), timing=Timing(wall_ms=0)
        )

    def _known(self, names: Iterable[str]) -> list[str]:
        known = (category for name in names if (category := self._category(name)) is not None)
        return list(dict.fromkeys(known))

    def _category(self, name: str) -> str | None:
        """The category that a file means by a name; one that it means none by is counted."""
        category = self._target.category(name)
        if category is None:
            self._result.ignored[f"category {name}"] += 1
        return category

    def _new(self, session: Session, wanted: list[_Wanted]) -> Iterator[_Wanted]:
        """Those that are to be stored, by what there is already, in the same order."""
        stored: set[tuple[int, str | None]] = set()
        said: dict[tuple[int, int], LabelOut] = {}
        for annotator_id in sorted({one.annotator_id for one in wanted}):
            own = [one for one in wanted if one.annotator_id == annotator_id]
            keys = select(Label.annotator_id, Label.idempotency_key).where(
                Label.annotator_id == annotator_id,
                Label.idempotency_key.in_([one.key for one in own]),
            )
            stored |= {(person, key) for person, key in session.execute(keys)}
            current = reading.current_of(session, annotator_id, [one.image_id for one in own])
            for label in reading.describe(session, [*current.values()]):
                said[annotator_id, label.image_id] = label
        for one in wanted:
            earlier = said.get((one.annotator_id, one.image_id))
            if self._stays(earlier, one, was_imported=(one.annotator_id, one.key) in stored):
                self._result.skipped += 1
                self._count(one)
            elif earlier is None:
                yield one
            else:
                instead_of = earlier.id if self._rules.existing == "replace" else None
                yield replace(one, replaces=not earlier.partial, instead_of=instead_of)

    def _stays(self, earlier: LabelOut | None, one: _Wanted, *, was_imported: bool) -> bool:
        if earlier and says(one.label) == says(earlier):
            return True
        match self._rules.existing:
            case "once":
                return was_imported
            case "keep":
                return earlier is not None and not earlier.partial
            case "replace":
                return False

    def _count(self, one: _Wanted) -> None:
        by = one.match.by
        self._result.matched[by] += 1
        if self._result.matched[by] <= EXAMPLES:
            example = MatchExample(shown(one.source.image), one.match.name, by)
            self._result.examples.append(example)

    def _noted_import(self, session: Session) -> int | None:
        """The file's number, once there is something of it to store; a dry run has none."""
        if self._import_id is None and not self._rules.dry_run:
            row = LabelImport(**self._came_with)
            session.add(row)
            session.flush()
            self._import_id = row.id
        return self._import_id

    def _store(self, session: Session, new: Sequence[_Wanted]) -> None:
        beyond = self._rules.own_export
        submissions = [
            Submission(
                one.image_id,
                one.annotator_id,
                one.label,
                one.key,
                beyond,
                is_import=True,
                import_id=self._noted_import(session),
            )
            for one in new
        ]
        before = [
            each
            for image_id in dict.fromkeys(one.image_id for one in new)
            for each in self._looked_at.get(image_id, ())
        ]
        outcomes = submitting.submit_all(session, [*before, *submissions])[len(before) :]
        if self._rules.dry_run:
            for one, submission in zip(new, submissions, strict=True):
                if self._target.is_repeated(one.match):
                    self._looked_at.setdefault(one.image_id, []).append(submission)
        for one, outcome in zip(new, outcomes, strict=True):
            if isinstance(outcome, WeaksegError):
                self._reject(one.source.image, outcome.detail, one.source.line)
            else:
                self._result.imported += 1
                self._result.replaced += one.replaces
                self._count(one)


def _outside(click: Click, match: Match) -> str:
    category, x, y = click
    image = match.image
    size = f"{image.width} x {image.height} " if image.width else ""
    return f"the point of {category} at {x:g}, {y:g} is outside of the {size}image"
