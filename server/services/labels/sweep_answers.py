"""Answers to a sweep's page: stored all at once, however often they are sent."""

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy.orm import Session

from server.db import utcnow
from server.errors import BadInput
from server.models import Image, SweepPage
from server.models.image import ImageState
from server.models.label import AnswerValue, SweepShare
from server.models.member import MemberRole
from server.schemas.sweep import SweepAnswers, SweepStored
from server.services import projects
from server.services.assignment import holds, leases, sweep_pages
from server.services.images import numbers
from server.services.images.numbers import Numbers, Person
from server.services.labels import store
from server.services.labels.content import Content
from server.services.labels.store import Draft
from server.services.labels.timing import IDLE_AFTER_S, Spent


def submit(
    session: Session,
    page_id: str,
    annotator_id: int,
    answers: SweepAnswers,
    role: MemberRole = MemberRole.LEAD,
) -> SweepStored:
    """Store the answers of a page; the same again changes nothing, others are a correction.

    Once the hold on a page has run out, images that others have answered or are at are left out.
    Who has this `role` in the project knows images by the numbers that follow from it. Raises
    BadInput for answers that are not one for each image, Conflict for a page that is not
    this person's.
    """
    page = session.get(SweepPage, page_id, with_for_update=True)
    if page is None or page.annotator_id != annotator_id:
        raise leases.lost()
    person = Person(projects.seen(session, page.project_id), annotator_id, role)
    known = numbers.of_images(session, person, [place.image_id for place in page.places])
    values = _by_image(session, page, answers, known)
    request_hash = _hash(answers)
    if page.request_hash != request_hash:
        _store(session, page, values, answers)
        page.request_hash = request_hash
        page.answered_at = utcnow()
    taken = [
        known.get(place.image_id, place.image_id) for place in page.places if place.answer is None
    ]
    return SweepStored(stored=len(page.places) - len(taken), taken=taken)


def _by_image(
    session: Session, page: SweepPage, answers: SweepAnswers, known: Numbers
) -> dict[int, AnswerValue]:
    """The answers by the images' ids; they come by `known` numbers."""
    numbered = {known.get(place.image_id, place.image_id): place.image_id for place in page.places}
    ids = set(numbered)
    named = {number for value in AnswerValue for number in getattr(answers, value)}
    # Deleted while its page was held: the answers for the others, if they are all there, are none
    # the worse.
    gone = _missing(session, named - ids) if named >= ids else set()
    values: dict[int, AnswerValue] = {}
    for value in AnswerValue:
        for image_id in getattr(answers, value):
            if image_id in gone:
                continue
            if image_id not in ids:
                raise BadInput(f"{value}: image {image_id} is not on this page", code="not-on-page")
            if values.setdefault(image_id, value) != value:
                raise BadInput(
                    f"{value}: image {image_id} is both {values[image_id]} and {value}",
                    code="contradiction",
                )
    if missing := ids - values.keys():
        if gone:
            raise BadInput(f"image {min(gone)} is not on this page", code="not-on-page")
        raise BadInput(f"there is no answer for image {min(missing)}", code="answer-missing")
    return {numbered[number]: value for number, value in values.items()}


def _missing(session: Session, named: set[int]) -> set[int]:
    """Those of the numbers under which there is no image, or not any more."""
    return named - numbers.existing(session, named) if named else set()


def _hash(answers: SweepAnswers) -> str:
    body = answers.model_dump(mode="json")
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _store(
    session: Session, page: SweepPage, values: Mapping[int, AnswerValue], answers: SweepAnswers
) -> None:
    own = _own(session, page)
    changed = [p for p in page.places if p.image_id in own and p.answer != values[p.image_id]]
    locked = store.Locked(session, [(page.annotator_id, place.image_id) for place in changed])
    project = locked.projects.get(page.project_id)  # None where nothing has changed
    spent = Spent.of(answers.timing, project.idle_after_s if project else IDLE_AFTER_S)
    submit = len(page.trail)
    earlier: list[int | None] = [None] * (submit - len(page.walls))  # an earlier version kept none
    page.walls = [*page.walls, *earlier, spent.wall_ms]
    page.trail = [*page.trail, spent.trail]
    ready = {i: image for i, image in locked.images.items() if image.state == ImageState.READY}
    answered = [place for place in changed if place.image_id in ready]
    drafts = []
    for index, (place, part) in enumerate(zip(answered, spent.shares(len(answered)), strict=True)):
        value = values[place.image_id]
        share = SweepShare(page=page.id, submit=submit, index=index, of=len(answered))
        drafts.append(_draft(locked, page, ready[place.image_id], value, part, share))
        place.answer = value
    store.save(session, locked, drafts)


def _draft(
    locked: store.Locked,
    page: SweepPage,
    image: Image,
    value: AnswerValue,
    spent: Spent,
    share: SweepShare,
) -> Draft:
    """The next revision, with the page's category answered."""
    earlier = locked.current(page.annotator_id, image.id)
    if earlier is not None and earlier.skipped is not None:
        earlier = None
    before = Content() if earlier is None else Content.of(earlier)
    content = before.with_answer(page.category_id, value)
    partial = earlier is None or earlier.partial
    # Where tags are all that is asked, an image is done once a person has swept every category.
    asked = locked.projects[image.project_id].asked
    is_done = asked.tags_alone and content.names_all(locked.category_ids(image))
    return Draft(
        image,
        page.annotator_id,
        content,
        spent,
        partial=partial,
        resolves=earlier is not None and earlier.resolves,
        starts_from=earlier,
        sweep_share=share,
        unleased="if-left" if partial and is_done else "none",
    )


def _own(session: Session, page: SweepPage) -> set[int]:
    """The images of a page for which its person may answer now."""
    image_ids = [place.image_id for place in page.places]
    now = utcnow()
    if page.answered_at is not None:
        return {place.image_id for place in page.places if place.answer is not None}
    if page.expires_at > now:
        return set(image_ids)
    holds.taking_page(session, page.project_id)
    project = projects.get(session, page.project_id)
    sweeper = sweep_pages.Sweeper(project, page.category_id, page.annotator_id)
    return sweep_pages.still_free(session, sweeper, image_ids, now)
