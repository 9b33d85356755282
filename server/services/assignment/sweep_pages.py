"""Sweeps: a page of images that one person answers for one category.

The likeliest images come first, as a run has ranked them when it ended. They are looked for in a
transaction that only reads; those that are still free are then taken in a short one that writes.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from sqlalchemy import (
    CompoundSelect,
    Select,
    case,
    delete,
    except_,
    exists,
    func,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session

from server import bulk
from server.db import session_scope, utcnow
from server.errors import BadInput, Conflict
from server.models import (
    Answer,
    Assignment,
    Image,
    Label,
    Project,
    SweepPage,
    SweepPlace,
    SweepProgress,
)
from server.models.image import AssignmentState, ImageState
from server.schemas.sweep import PAGE_SIZE
from server.services import predictions, projects
from server.services.assignment import holds, leases, prefill
from server.settings import get_settings

CANDIDATES = 4 * PAGE_SIZE
"""So many images are looked for, since others may take some of them meanwhile."""
MOST_AT_ONCE = 2000
"""Images are looked at a few at a time, then ever more of them, up to so many."""
FAR = 1500
"""After so many images a page of what was found is enough. Where there is less, the search goes on
where as many people have come to as are asked of an image: what they have left behind them is found
once nothing is left ahead."""
MAX_PAGES = 3
"""That one person may hold in one project."""


@dataclass(frozen=True)
class Sweeper:
    """Who sweeps what."""

    project: Project
    category_id: int
    annotator_id: int

    @property
    def run_id(self) -> int | None:
        """Whose predictions the person may be shown."""
        return self.project.prediction_run_id if prefill.shows_model(self.project) else None

    @property
    def differs(self) -> bool:
        """Whether other people may be given what this person is not."""
        is_blind = self.run_id is not None and prefill.blind_share(self.project) > 0
        return is_blind or self.project.overlap > 1

    def is_blind(self, image_id: int) -> bool:
        """Whether the person judges an image without being shown what the model says of it."""
        shows = self.run_id is not None
        return shows and prefill.is_blind(self.project, self.annotator_id, image_id)


@dataclass(frozen=True)
class _Candidate:
    image_id: int
    probability: float | None


class _Place(NamedTuple):
    """Between two images of the order in which a person is asked for a category."""

    ranked: int = 0
    """So many places of the ranking lie before it."""
    imported: int = 0
    """Of the images that are not ranked, those up to this id do."""


_START = _Place()


@dataclass(frozen=True)
class _Found:
    """What a search has found."""

    run_id: int | None
    """Whose ranking gave the order."""
    candidates: list[_Candidate]
    """Free images, the likeliest first."""
    begin: _Place
    """All before it is taken for good."""
    is_whole: bool
    """Whether all images were looked at, as far as was needed."""


def take(
    project_id: int, annotator_id: int, category: str, held: Sequence[str]
) -> SweepPage | None:
    """A page for a person: one they hold that is not among `held`, or a new one; None: all is done.

    Raises NotFound for the project, BadInput for a category that is not its own or for a project
    that can not be swept, Conflict when too many pages are held.
    """
    who = project_id, annotator_id, category
    with session_scope() as session:
        if page := _find_again(session, _sweeper(session, *who), held):
            return page
    while True:
        with session_scope(read_only=True) as session:
            sweeper = _sweeper(session, *who)
            run_id, found = sweeper.run_id, _search(session, sweeper, category)
        if found is None and run_id is not None:
            predictions.rank(project_id, run_id)
            continue
        if found is None or not found.candidates:
            return None
        with session_scope() as session:
            if page := _take(session, _sweeper(session, *who), found):
                return page


def _sweeper(session: Session, project_id: int, annotator_id: int, category: str) -> Sweeper:
    project = projects.require_open(projects.get(session, project_id))
    if not project.asked.can_be_swept:
        raise BadInput(
            "this project asks for parts of images, not for whole ones", code="no-sweeps"
        )
    return Sweeper(project, projects.category_id(project, category), annotator_id)


def _find_again(session: Session, sweeper: Sweeper, held: Sequence[str]) -> SweepPage | None:
    """A page that a reload or a crash has taken from the browser."""
    now = utcnow()
    page = session.scalar(
        select(SweepPage)
        .where(
            SweepPage.project_id == sweeper.project.id,
            SweepPage.annotator_id == sweeper.annotator_id,
            SweepPage.category_id == sweeper.category_id,
            SweepPage.id.not_in(held),
            holds.is_held(now),
        )
        .order_by(SweepPage.created_at)
        .limit(1)
    )
    if page is not None:
        page.expires_at = expiry(now)
        _load(page)
    return page


def _load(page: SweepPage) -> None:
    """Its places, for when the session is closed."""
    _ = page.places


def expiry(now: datetime) -> datetime:
    """Until when a page is held that is taken or renewed now."""
    return now + timedelta(seconds=get_settings().lease_seconds)


def _search(session: Session, sweeper: Sweeper, category: str) -> _Found | None:
    """What the person could be given. They judge some blind: these are no part of it.

    Where everything ahead of where the search before began is taken, it looks from the start: answers
    may have been withdrawn. None: the run has yet to be ranked.
    """
    found = _look(session, sweeper, category, _begin(session, sweeper))
    if found and not found.candidates and not found.is_whole:
        found = _look(session, sweeper, category, _START, jumps=False)
    return found


def _begin(session: Session, sweeper: Sweeper) -> _Place:
    last = _furthest(sweeper)
    if sweeper.differs:
        last = last.where(SweepProgress.annotator_id == sweeper.annotator_id)
    return _place_of(session.scalar(last))


def _ahead(session: Session, sweeper: Sweeper) -> _Place:
    """Where as many others have come to as are asked of an image."""
    others = _furthest(sweeper).where(SweepProgress.annotator_id != sweeper.annotator_id)
    return _place_of(session.scalar(others.offset(sweeper.project.overlap - 1)))


def _furthest(sweeper: Sweeper) -> Select[SweepProgress]:
    return (
        select(SweepProgress)
        .where(
            SweepProgress.category_id == sweeper.category_id,
            SweepProgress.run_id.is_not_distinct_from(sweeper.run_id),
        )
        .order_by(SweepProgress.ranked.desc(), SweepProgress.imported.desc())
        .limit(1)
    )


def _place_of(found: SweepProgress | None) -> _Place:
    return _Place(found.ranked, found.imported) if found else _START


def _unverified(session: Session, project_id: int, until: int) -> int | None:
    """The first image whose file has yet to be looked at, of those up to an id."""
    own = Image.is_own_of(project_id), Image.id <= until
    found: int | None = session.scalar(select(func.min(Image.id)).where(Image.waits(), *own))
    return found


def _look(
    session: Session, sweeper: Sweeper, category: str, begin: _Place, *, jumps: bool = True
) -> _Found | None:
    """What is free from a place on; with `jumps`, from ahead of it where it is far to the next."""
    now, run_id, is_whole = utcnow(), sweeper.run_id, begin == _START
    waiting = _in_order(session, sweeper, begin)
    if waiting is None:
        return None
    held = frozenset(session.scalars(union_all(_on_pages(sweeper, now), _leased(sweeper, now))))
    walk = _Walk(sweeper, held, begin)
    # The page before lies ahead of where its search began.
    many, looked, wanted = CANDIDATES + PAGE_SIZE, 0, CANDIDATES
    while len(walk.found) < wanted and (some := list(islice(waiting, many))):
        walk.past(some, still_free(session, sweeper, [image_id for image_id, _ in some], now))
        looked, many = looked + len(some), min(2 * many, MOST_AT_ONCE)
        if looked >= FAR:
            wanted = PAGE_SIZE
            if jumps and (ahead := _ahead(session, sweeper)) > some[-1][1]:
                waiting = _in_order(session, sweeper, ahead) or waiting
                walk.jump(ahead)
                is_whole = False
            jumps = False
    begin = walk.begin
    if begin.imported and (first := _unverified(session, sweeper.project.id, begin.imported)):
        begin = begin._replace(imported=first - 1)
    told = predictions.current(session, sweeper.project, walk.found) if run_id else {}
    candidates = [
        _Candidate(image_id, told[image_id].presence.get(category) if image_id in told else None)
        for image_id in walk.found
    ]
    return _Found(run_id, candidates, begin, is_whole)


@dataclass
class _Walk:
    """From image to image, in the order in which a person is asked."""

    sweeper: Sweeper
    held: frozenset[int]
    """By anybody, on pages and in leases."""
    begin: _Place
    """All before it is taken for good."""
    found: list[int] = field(default_factory=list)
    """What is free, but for what the person is to judge blind."""
    is_behind: bool = True
    """Whether all so far is."""

    def past(self, some: Iterable[tuple[int, _Place]], free: Collection[int]) -> None:
        """Some more images, each with the place after it, of which these are free."""
        for image_id, after in some:
            is_free = image_id in free
            if is_free and not self.sweeper.is_blind(image_id):
                self.found.append(image_id)
                if len(self.found) == CANDIDATES:
                    return
            self.is_behind = (
                self.is_behind and not self.found and (is_free or image_id not in self.held)
            )
            self.begin = after if self.is_behind else self.begin

    def jump(self, place: _Place) -> None:
        """Go on from a place, with nothing in between that is worth the way."""
        self.begin = place if self.is_behind else self.begin


def _in_order(
    session: Session, sweeper: Sweeper, begin: _Place
) -> Iterator[tuple[int, _Place]] | None:
    """Ids of the project's images, each with the place after it, from a place on.

    Those that the model has ranked, then the others as imported. None: the run has yet to be ranked.
    """
    run_id = sweeper.run_id
    ranked = (
        predictions.ranked(session, run_id, sweeper.category_id, begin.ranked) if run_id else ()
    )
    return None if ranked is None else _placed(session, sweeper, ranked, begin)


def _placed(
    session: Session, sweeper: Sweeper, ranked: Iterable[int], begin: _Place
) -> Iterator[tuple[int, _Place]]:
    at = begin.ranked
    for image_id in ranked:
        at += 1
        yield image_id, _Place(at, begin.imported)
    for image_id in _not_ranked(session, sweeper, begin.imported):
        yield image_id, _Place(at, image_id)


def _not_ranked(session: Session, sweeper: Sweeper, after: int) -> Iterator[int]:
    run_id, category_id = sweeper.run_id, sweeper.category_id
    known = frozenset((run_id and predictions.ranked(session, run_id, category_id)) or ())
    many = CANDIDATES
    of_project = _ready(sweeper.project.id).order_by(Image.id)
    while some := session.scalars(of_project.where(Image.id > after).limit(many)).all():
        yield from (image_id for image_id in some if image_id not in known)
        after, many = some[-1], min(2 * many, MOST_AT_ONCE)


def _ready(project_id: int) -> Select[int]:
    return select(Image.id).where(Image.is_own_of(project_id), Image.state == ImageState.READY)


def _taken(sweeper: Sweeper, now: datetime, among: Select[int]) -> Select[int]:
    """Ids of those of some images that have the person's answer or nobody else can be at work on.

    What people have said, and are asked on pages and in leases, comes to as many as the project
    asks for at most.
    """
    people: CompoundSelect[int, int | None] = union_all(
        _answers(sweeper, among), _on_pages(sweeper, now), _leased(sweeper, now)
    )
    at = people.subquery()
    by_me = case((at.c.annotator_id == sweeper.annotator_id, 1), else_=0)
    wanted = sweeper.project.people_wanted_of(at.c.image_id)
    is_taken = or_(func.count() >= wanted, func.max(by_me) > 0)
    taken = select(at.c.image_id).group_by(at.c.image_id).having(is_taken)
    return taken.where(at.c.image_id.in_(among))


def _answers(sweeper: Sweeper, among: Select[int]) -> Select[int, int]:
    # Label by label, where a join would begin with all answers to the category.
    of_label = exists().where(
        Answer.label_id == Label.id, Answer.category_id == sweeper.category_id
    )
    return select(Label.image_id, Label.annotator_id).where(Label.image_id.in_(among), of_label)


def _on_pages(sweeper: Sweeper, now: datetime) -> Select[int, int]:
    return (
        select(SweepPlace.image_id, SweepPage.annotator_id)
        .join(SweepPage, SweepPage.id == SweepPlace.page_id)
        .where(SweepPage.category_id == sweeper.category_id, holds.is_held(now))
    )


def _leased(sweeper: Sweeper, now: datetime) -> Select[int, int | None]:
    return select(Assignment.image_id, Assignment.annotator_id).where(
        Assignment.project_id == sweeper.project.id,
        Assignment.state == AssignmentState.OPEN,
        Assignment.lease_expires_at > now,
    )


def _take(session: Session, sweeper: Sweeper, found: _Found) -> SweepPage | None:
    """A new page of those that are still free; None: none is."""
    now = utcnow()
    holds.taking_page(session, sweeper.project.id)
    _check_page_limit(session, sweeper, now)
    free = still_free(session, sweeper, [c.image_id for c in found.candidates], now)
    chosen = [c for c in found.candidates if c.image_id in free][:PAGE_SIZE]
    if not chosen:
        return None
    is_sorted = any(c.probability is not None for c in chosen)
    page = SweepPage(
        id=secrets.token_hex(16),
        project_id=sweeper.project.id,
        category_id=sweeper.category_id,
        annotator_id=sweeper.annotator_id,
        run_id=found.run_id if is_sorted else None,
        expires_at=expiry(now),
        trail=[],
        places=[_place(sweeper.project, at, one) for at, one in enumerate(chosen)],
    )
    session.add(page)
    session.merge(
        SweepProgress(
            annotator_id=sweeper.annotator_id,
            category_id=sweeper.category_id,
            run_id=found.run_id,
            ranked=found.begin.ranked,
            imported=found.begin.imported,
        )
    )
    return page


def _place(project: Project, position: int, one: _Candidate) -> SweepPlace:
    is_expected = (one.probability or 0) >= prefill.TICKED_FROM
    return SweepPlace(
        position=position,
        image_id=one.image_id,
        probability=one.probability,
        ticked=project.prefill == "model" and is_expected,
    )


def still_free(
    session: Session, sweeper: Sweeper, image_ids: Sequence[int], now: datetime
) -> set[int]:
    """Those of some images that a person could be given now."""
    among = bulk.numbers(image_ids)
    waiting = _ready(sweeper.project.id).where(Image.id.in_(among))
    # By their images alone: by the project SQLite would look through all of its labels.
    closed = select(Label.image_id).where(Label.image_id.in_(among), Label.closes())
    return set(session.scalars(except_(waiting, _taken(sweeper, now, among), closed)))


def _check_page_limit(session: Session, sweeper: Sweeper, now: datetime) -> None:
    held = session.scalar(
        select(func.count()).where(
            SweepPage.project_id == sweeper.project.id,
            SweepPage.annotator_id == sweeper.annotator_id,
            holds.is_held(now),
        )
    )
    if (held or 0) >= MAX_PAGES:
        raise Conflict(
            f"you hold {held} pages here; at most {MAX_PAGES} are allowed at a time",
            code="too-many-leases",
        )


def renew(session: Session, page_id: str, annotator_id: int) -> datetime:
    """Hold a page for its full time again; until when. Raises Conflict when it is lost."""
    now = utcnow()
    until: datetime | None = session.scalar(
        update(SweepPage)
        .where(
            SweepPage.id == page_id,
            SweepPage.annotator_id == annotator_id,
            holds.is_held(now),
        )
        .values(expires_at=expiry(now))
        .returning(SweepPage.expires_at)
    )
    if until is None:
        raise leases.lost()
    return until


def release(session: Session, page_id: str, annotator_id: int) -> None:
    """Give the images of an unanswered page back. Raises Conflict when it is lost."""
    gone = session.scalar(
        delete(SweepPage)
        .where(
            SweepPage.id == page_id,
            SweepPage.annotator_id == annotator_id,
            SweepPage.answered_at.is_(None),
        )
        .returning(SweepPage.id)
    )
    if gone is None:
        raise leases.lost()
