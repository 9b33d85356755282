"""What the names in a label file stand for: images and categories of one project."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.models import Image
from server.services import projects
from server.services.labels.formats import FileLabel, Found
from server.services.labels.formats.label_studio import renamed
from trainer.contract.image_names import Claims, ImageNames, MatchedBy, NoMatch, path_of
from trainer.contract.names import comparable


@dataclass(frozen=True, slots=True)
class KnownImage:
    """What an import has to know of an image; a width of None: it is not verified yet."""

    id: int
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Match:
    """The image that a file's label is of, its name in the project, and how it is known."""

    image: KnownImage
    name: str
    by: MatchedBy


class Target:
    """The images and categories of a project, by the names that a file uses.

    All names of a file are noted before the first is matched: whether one stands for an image for
    certain is known when all are.
    """

    def __init__(self, session: Session, project_id: int) -> None:
        project = projects.require_open(projects.get(session, project_id))
        self.categories = [category.name for category in project.categories]
        self._categories = {_folded(name): name for name in self.categories}
        query = select(Image.external_id, Image.id, Image.width, Image.height)
        own = query.where(Image.is_own_of(project_id))
        rows = session.execute(own.execution_options(yield_per=1000))
        self._images = {name: KnownImage(number, w, h) for name, number, w, h in rows}
        self._names = ImageNames(self._images, "the project")
        self._claims = Claims()
        self._noted: Counter[str] = Counter()

    def note(self, found: Found) -> None:
        """Hear that the file has this name."""
        label = found if isinstance(found, FileLabel) else FileLabel(image=found.name)
        try:
            name, by = self._find(label)
        except NoMatch:
            return
        self._claims.add(name, _said(label), by)
        self._noted[name] += 1

    def match(self, label: FileLabel) -> Match:
        """The image that a label is of. Raises NoMatch."""
        name, by = self._find(label)
        self._claims.check(name, by)
        return Match(self._images[name], name, by)

    def is_repeated(self, match: Match) -> bool:
        """Whether the file has several labels of the image."""
        return self._noted[match.name] > 1

    def _find(self, label: FileLabel) -> tuple[str, MatchedBy]:
        # An export of our own has the whole name, which may look like an address of another tool.
        if label.raw and (name := self._names.exact(label.raw)) is not None:
            return name, MatchedBy.EXACT
        if label.uploaded:
            found = self._uploaded.get(comparable(label.image), [])
            return self._names.only(found, label.image), MatchedBy.NAME_ALONE
        return self._names.find(label.image)

    @cached_property
    def _uploaded(self) -> dict[str, list[str]]:
        """The images by what their files may be called where they were uploaded to."""
        found: dict[str, list[str]] = {}
        for name in self._images:
            for spelling in renamed(path_of(name).file_name):
                found.setdefault(spelling, []).append(name)
        return found

    def category(self, name: str) -> str | None:
        """The category of this name, in any case; None when there is none."""
        return name if name in self.categories else self._categories.get(_folded(name))


def _folded(name: str) -> str:
    return comparable(comparable(name).strip().casefold())


def _said(label: FileLabel) -> str:
    """What tells the file's images apart: of files that were uploaded, not their names alone."""
    return label.raw if label.uploaded else label.image
