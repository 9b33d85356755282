"""Finding images of a project again: by name, by what was said of them and by what the model thinks.

Pages of a list begin after a place in it, so that the last costs what the first does. Three things walk
along an index: a name that few images have (all names of the project), the count of a list, and a page
that is asked for by its number (all pages before it). With a million images each takes 0.1 to 0.2 s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    select,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased
from sqlalchemy.sql.functions import FunctionElement

from server.errors import BadInput, NotFound
from server.models import Answer, Flag, Handout, Image, Label, Prediction, Project
from server.models.image import ImageState
from server.services import members, projects
from trainer.contract.names import comparable

State = Literal[
    "registered", "ready", "rejected", "labelled", "unlabelled", "disputed", "flagged", "gold"
]
Said = Literal["present", "absent", "unsure", "disputed"]
ImageOrder = Literal["imported", "uncertain"]

_IS_FLAGGED = exists().where(Flag.image_id == Image.id, Flag.answered_at.is_(None))
STATES: dict[State, ColumnElement[bool]] = {
    "registered": Image.state == ImageState.REGISTERED,
    "ready": Image.state == ImageState.READY,
    "rejected": Image.state == ImageState.REJECTED,
    "labelled": Image.labelled.is_(True),
    "unlabelled": Image.labelled.is_(False),
    "disputed": Image.disputed_at.is_not(None),
    "flagged": _IS_FLAGGED,
    "gold": Image.gold.is_(True),
}
FEW = 1000
"""So many images are looked up one by one rather than met on the way through a list."""
OTHER_SIDE = 0.5
"""A probability further than this from an answer speaks against it."""
MOST_WALKED = 100_000
"""Images that are counted, or passed on the way to a page, where an index does not hold all that is
asked for."""
LAST = -1
"""The last page."""


class _Position(FunctionElement[int]):
    """Where a text first has another one, counted from 1; 0: nowhere."""

    type = Integer()
    inherit_cache = True


@compiles(_Position)
def _position_on_postgresql(element: _Position, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)})"


@compiles(_Position, "sqlite")
def _position_on_sqlite(element: _Position, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)})"


@dataclass(frozen=True)
class ImageFilter:
    """Which images, and in which order; None is no condition."""

    state: State | None = None
    name: str | None = None
    """A part of the name that is shown, in letters as they are; accents in either form."""
    category: str | None = None
    said: Said = "present"
    """What people say of the category."""
    annotator_id: int | None = None
    disagrees: bool = False
    """Only where the model that annotators see is on the other side of some answer."""
    order: ImageOrder = "imported"

    @property
    def looks_at_others(self) -> bool:
        """Whether the answer tells what somebody else or the model said."""
        wanted = (self.category, self.disagrees or None, self.annotator_id)
        return (
            any(wanted) or self.state in ("disputed", "flagged", "gold") or self.order != "imported"
        )


@dataclass(frozen=True)
class Place:
    """Where an image stands in an order."""

    image_id: int
    uncertainty: float | None = None

    @classmethod
    def parse(cls, cursor: str) -> "Place":
        """Of a cursor. Raises BadInput."""
        image_id, _, uncertainty = cursor.partition("~")
        try:
            return cls(min(int(image_id), 2**31 - 1), float(uncertainty) if uncertainty else None)
        except ValueError as error:
            raise BadInput("cursor: not one that this list gave") from error

    def __str__(self) -> str:
        return str(self.image_id) + ("" if self.uncertainty is None else f"~{self.uncertainty!r}")


@dataclass(frozen=True)
class Span:
    """Which images of a list: of the three, one at most is given; without any, the first ones."""

    limit: int
    after: Place | None = None
    before: Place | None = None
    page: int | None = None
    """Counted from 1 in pages of `limit`, or LAST: the last `limit` images."""


@dataclass(frozen=True)
class Part:
    """Some images of a list, in its order."""

    images: list[Image]
    previous: Place | None = None
    """Where the first is, when there are others before it."""
    next: Place | None = None
    """Where the last is, when there are others after it."""


def page(session: Session, project: Project, wanted: ImageFilter, span: Span) -> Part:
    """Some images of a project that pass a filter.

    Raises BadInput for a category that is not the project's, and for the number of a page that is
    further away than such a list is walked.
    """
    return _matching(session, project, wanted).part(session, span, _most_walked(wanted))


def count(session: Session, project: Project, wanted: ImageFilter) -> tuple[int, bool]:
    """How many images pass a filter, and whether that is all: other counts end at MOST_WALKED."""
    return _matching(session, project, wanted).count(session, _most_walked(wanted))


def _most_walked(wanted: ImageFilter) -> int | None:
    return None if wanted == ImageFilter(name=wanted.name) else MOST_WALKED


def neighbours(
    session: Session, project: Project, wanted: ImageFilter, image: Image
) -> tuple[int | None, int | None]:
    """Ids of the images before and after one in a filtered list, which need not hold it."""
    place = Place(image.id, _uncertainty(session, project, wanted, image))
    if wanted.order == "uncertain" and place.uncertainty is None:
        return None, None
    matching = _matching(session, project, wanted)
    found = []
    for backwards in (True, False):
        row = session.execute(matching.beyond(place, backwards=backwards).limit(1)).one_or_none()
        found.append(row[0].id if row else None)
    return found[0], found[1]


def given(
    session: Session, project_id: int, person_id: int, wanted: ImageFilter, span: Span
) -> Part:
    """The images that a person was given to label, in the order in which they came.

    Gold ones are among them, and nothing sets them apart: what is labelled is what the person has
    labelled, and a name is the one that is shown.
    """
    return _of_person(project_id, person_id, wanted).part(session, span, None)


def count_given(
    session: Session, project_id: int, person_id: int, wanted: ImageFilter
) -> tuple[int, bool]:
    """How many images `given` has, and that it is all of them."""
    return _of_person(project_id, person_id, wanted).count(session, None)


def given_neighbours(
    session: Session, project_id: int, person_id: int, wanted: ImageFilter, image_id: int
) -> tuple[int | None, int | None]:
    """Ids of the images before and after one in the list of those that a person was given.

    Raises NotFound for one that they were not given.
    """
    own = Handout.annotator_id == person_id, Handout.project_id == project_id
    place = session.scalar(select(Handout.id).where(*own, Handout.image_id == image_id))
    if place is None:
        raise NotFound(f"there is no image {image_id} in this project")
    query = _given(project_id, person_id, wanted).with_only_columns(Handout.image_id).limit(1)
    before = query.where(Handout.id < place).order_by(Handout.id.desc())
    after = query.where(Handout.id > place).order_by(Handout.id)
    return session.scalar(before), session.scalar(after)


def _given(project_id: int, person_id: int, wanted: ImageFilter) -> Select[Any]:
    said = exists().where(
        Label.image_id == Image.id, Label.annotator_id == person_id, Label.has_answers()
    )
    query: Select[Any] = (
        select(Image)
        .add_columns(Handout.id)
        .join(Handout, Handout.image_id == Image.id)
        .where(Handout.annotator_id == person_id, Handout.project_id == project_id)
    )
    if wanted.annotator_id is not None:
        query = query.where(said)
    if wanted.name is not None:
        query = query.where(_has_name(_NAME_TO_ANNOTATORS, wanted.name))
    match wanted.state:
        case None:
            return query
        case "labelled":
            return query.where(said.where(Label.partial.is_(False)))
        case "unlabelled":
            return query.where(~said.where(Label.partial.is_(False)))
        case "flagged":
            return query.where(_IS_FLAGGED.where(Flag.annotator_id == person_id))
        case state:
            return query.where(STATES[state])


def label_counts(
    session: Session, image_ids: Sequence[int], whose: int | None = None
) -> dict[int, int]:
    """How many current labels images have, skips not counted; of one person when one is given."""
    query = (
        select(Label.image_id, func.count())
        .where(Label.image_id.in_(image_ids), Label.has_answers())
        .group_by(Label.image_id)
    )
    if whose is not None:
        query = query.where(Label.annotator_id == whose)
    return dict(session.execute(query).all())


def _uncertainty(
    session: Session, project: Project, wanted: ImageFilter, image: Image
) -> float | None:
    if wanted.order != "uncertain":
        return None
    return session.scalar(
        select(Prediction.uncertainty).where(
            Prediction.run_id == project.prediction_run_id, Prediction.image_id == image.id
        )
    )


def _of_person(project_id: int, person_id: int, wanted: ImageFilter) -> "_Matching":
    return _Matching(_given(project_id, person_id, wanted), (Handout.id,))


@dataclass(frozen=True)
class _Matching:
    """Images that a filter lets through, with what they are sorted by."""

    query: Select[Any]
    """Of (image, its place's uncertainty), or of (image, its place)."""
    keys: tuple[InstrumentedAttribute[Any], ...]
    """The image's id, after the uncertainty where that decides.

    Columns of the table that lets fewest images through and has an index in this order: a
    database that starts there reads no more than a page needs.
    """

    def beyond(self, place: Place, *, backwards: bool = False) -> Select[Any]:
        """What comes after a place, or before it. Raises BadInput for one of another order."""
        values = [place.image_id] if len(self.keys) == 1 else [place.uncertainty, place.image_id]
        if None in values:
            raise BadInput("cursor: of a list in another order")
        row = tuple_(*self.keys)
        there = tuple_(*map(literal, values))
        runs_down = len(self.keys) > 1
        query = self.query.where(row < there if runs_down != backwards else row > there)
        return self.sorted(query, backwards=backwards)

    def part(self, session: Session, span: Span, most: int | None) -> Part:
        """Some of them. Raises BadInput for a page that lies beyond `most` images."""
        after, backwards = span.after, span.before is not None or span.page == LAST
        if span.page is not None and span.page > 1:
            after = self._place_of(session, (span.page - 1) * span.limit, most)
            if after is None:
                return Part([])
        if span.before is not None:
            query = self.beyond(span.before, backwards=True)
        elif after is not None:
            query = self.beyond(after)
        else:
            query = self.sorted(self.query, backwards=backwards)
        rows = session.execute(query.limit(span.limit + 1)).all()
        found = [(image, self._place(image, key)) for image, key in rows[: span.limit]]
        has_more = len(rows) > span.limit
        if backwards:
            found.reverse()
        if not found:
            return Part([])
        has_previous = has_more if backwards else after is not None
        has_next = span.before is not None if backwards else has_more
        return Part(
            [image for image, _ in found],
            found[0][1] if has_previous else None,
            found[-1][1] if has_next else None,
        )

    def _place(self, image: Image, key: float | None) -> Place:
        if self.keys[0] is Handout.id:
            return Place(int(key or 0))
        return Place(image.id, key)

    def _place_of(self, session: Session, number: int, most: int | None) -> Place | None:
        """Where the image with this number is, counted from 1; None when there are fewer."""
        if most is not None and number > most:
            raise BadInput(f"page: of this list, the first {most} images have pages with numbers")
        walked = self.sorted(self.query.with_only_columns(*self.keys)).limit(number).subquery()
        columns = list(walked.c)
        if len(columns) == 1:
            last = session.scalar(select(func.max(columns[0])))
            return None if last is None else Place(last)
        ordered = select(*columns).order_by(*(column.asc() for column in columns))
        row = session.execute(ordered.limit(1)).one_or_none()
        return None if row is None else Place(row[1], row[0])

    def count(self, session: Session, most: int | None) -> tuple[int, bool]:
        """How many there are, and whether that is all; others than the first `most` are not seen."""
        query = self.query.with_only_columns(self.keys[-1])
        if most is not None:
            query = query.limit(most + 1)
        number = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        is_all = most is None or number <= most
        return number if is_all else number - 1, is_all

    def sorted(self, query: Select[Any], *, backwards: bool = False) -> Select[Any]:
        """In order of import, or the most uncertain first."""
        runs_down = len(self.keys) > 1
        return query.order_by(
            *(key.desc() if runs_down != backwards else key.asc() for key in self.keys)
        )


def _matching(session: Session, project: Project, wanted: ImageFilter) -> _Matching:
    """Raises BadInput for a category that is not the project's."""
    steps = [
        step
        for step in (
            _by_model(project, wanted),
            _by_answer(project, wanted),
            _by_annotator(project, wanted),
            _by_flag(project, wanted),
        )
        if step is not None
    ]
    conditions = _of_image(project, wanted)
    by_name = _by_name(project, wanted)
    few = _few(session, [*steps, *([by_name] if by_name else []), ((Image.id,), conditions)])
    # Few images are looked at one by one, in an order for which no index is needed.
    starts_at_step = bool(steps) and (few is None or wanted.order == "uncertain")
    keys, joined = steps.pop(0) if starts_at_step else ((Image.id,), [])
    query: Select[Any] = select(Image)
    query = query.add_columns(keys[0] if len(keys) > 1 else null())
    if starts_at_step:
        query = query.join(keys[-1].class_, and_(keys[-1] == Image.id, *joined))
    if few is not None:
        query = query.where(keys[-1].in_(few))
    for (*_, image_id), others in steps:
        query = query.where(exists().where(image_id == Image.id, *others))
    query = query.where(*conditions)
    if wanted.category is not None and wanted.said == "disputed":
        category_id = projects.category_id(project, wanted.category)
        query = query.where(Answer.is_disputed(Image.id, category_id))
    return _Matching(query, keys)


_Step = tuple[tuple[InstrumentedAttribute[Any], ...], list[ColumnElement[bool]]]
"""Sorted columns of one table, the image's id last, and the conditions on its rows."""


def _few(session: Session, steps: Sequence[_Step]) -> Sequence[int] | None:
    """The images that one of the steps alone lets through, if these are few.

    A database starts at the table with the right order, and would go through all of it to find
    that hardly anything passes the other conditions.
    """
    for (*_, image_id), conditions in steps:
        found = session.scalars(select(image_id).where(*conditions).limit(FEW + 1)).all()
        if len(found) <= FEW:
            return found
    return None


def _of_image(project: Project, wanted: ImageFilter) -> list[ColumnElement[bool]]:
    is_gold, is_flagged = wanted.state == "gold", wanted.state == "flagged"
    conditions = [Image.project_id == project.id]
    if not is_flagged:  # people flag gold ones too, which they can not tell
        conditions.append(Image.gold.is_(is_gold))
    if wanted.said == "disputed" and wanted.category is not None:
        conditions.append(STATES["disputed"])
    if wanted.name is not None:
        column = _SHOWN_NAME if is_gold or is_flagged else Image.comparable_id
        conditions.append(_has_name(column, wanted.name))
    if wanted.state is not None and not (is_gold or is_flagged):
        conditions.append(STATES[wanted.state])
    return conditions


_SHOWN_NAME = func.coalesce(Image.alias, Image.comparable_id)
"""What images are called before people. Only gold ones have an alias: their own name is no secret's
way out."""


_NAME_TO_ANNOTATORS = case(
    (members.is_numbered(), literal("image ") + cast(Handout.id, String)), else_=_SHOWN_NAME
)
"""As `numbers.name_of` says it."""


def _has_name(column: SQLColumnExpression[str], part: str) -> ColumnElement[bool]:
    """Whether a name has a part, in letters as they are: `LIKE` of SQLite takes A for a."""
    return _Position(column, comparable(part)) > 0


def _by_name(project: Project, wanted: ImageFilter) -> _Step | None:
    """By name alone, for which an index has all that it takes."""
    if wanted.name is None or wanted.state in ("gold", "flagged"):
        return None
    own = [Image.project_id == project.id, Image.gold.is_(False)]
    return (Image.id,), [*own, _has_name(Image.comparable_id, wanted.name)]


def _by_model(project: Project, wanted: ImageFilter) -> _Step | None:
    conditions: list[ColumnElement[bool]] = [Prediction.run_id == project.prediction_run_id]
    if wanted.disagrees:
        conditions.append(Prediction.disagreement > OTHER_SIDE)
    if wanted.order == "uncertain":
        return (Prediction.uncertainty, Prediction.image_id), conditions
    return ((Prediction.image_id,), conditions) if wanted.disagrees else None


def _by_answer(project: Project, wanted: ImageFilter) -> _Step | None:
    if wanted.category is None or wanted.said == "disputed":
        return None
    earlier = aliased(Answer)
    # Of several people's answers that say the same, the first stands for its image.
    is_repeated = exists().where(
        earlier.category_id == Answer.category_id,
        earlier.value == Answer.value,
        earlier.image_id == Answer.image_id,
        earlier.label_id < Answer.label_id,
    )
    category_id = projects.category_id(project, wanted.category)
    conditions = [Answer.category_id == category_id, Answer.value == wanted.said, ~is_repeated]
    return (Answer.image_id,), conditions


def _by_annotator(project: Project, wanted: ImageFilter) -> _Step | None:
    if wanted.annotator_id is None:
        return None
    conditions: list[ColumnElement[bool]] = [
        Label.project_id == project.id,
        Label.annotator_id == wanted.annotator_id,
        Label.has_answers(),
    ]
    return (Label.image_id,), conditions


def _by_flag(project: Project, wanted: ImageFilter) -> _Step | None:
    if wanted.state != "flagged":
        return None
    earlier = aliased(Flag)
    # Of several people's, the first stands for its image.
    is_repeated = exists().where(
        earlier.image_id == Flag.image_id, earlier.answered_at.is_(None), earlier.id < Flag.id
    )
    conditions = [Flag.project_id == project.id, Flag.answered_at.is_(None), ~is_repeated]
    return (Flag.image_id,), conditions
