"""Answers to a sweep's page: stored all at once, however often they are sent."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from server.db import utcnow
from server.errors import BadInput
from server.models import Image, Label, Project, SweepPage
from server.models.image import ImageState
from server.models.label import AnswerValue
from server.schemas.sweep import SweepAnswers, SweepStored
from server.services import projects
from server.services.assignment import holds, leases, priorities, sweep_pages
from server.services.images import lookup
from server.services.labels import partial_labels, reading, store, timing


@dataclass(frozen=True)
class _Share:
    """One image's part of the time that a page took."""

    active_ms: int
    wall_ms: int


def submit(session: Session, page_id: str, annotator_id: int, wanted: SweepAnswers) -> SweepStored:
    """Store the answers of a page; the same again changes nothing, others are a correction.

    Once the hold on a page has run out, images that others have answered or are at are left out.
    Raises BadInput for answers that are not one for each image, Conflict for a page that is not
    this person's.
    """
    page = session.get(SweepPage, page_id, with_for_update=True)
    if page is None or page.annotator_id != annotator_id:
        raise leases.lost()
    said = _said(page, wanted)
    request_hash = _hash(wanted)
    if page.request_hash != request_hash:
        _store(session, page, said, wanted)
        page.request_hash = request_hash
        page.answered_at = utcnow()
    taken = [place.image_id for place in page.places if place.answer is None]
    return SweepStored(stored=len(page.places) - len(taken), taken=taken)


def _said(page: SweepPage, wanted: SweepAnswers) -> dict[int, AnswerValue]:
    ids = {place.image_id for place in page.places}
    said: dict[int, AnswerValue] = {}
    for value in AnswerValue:
        for image_id in getattr(wanted, value.value):
            if image_id not in ids:
                raise BadInput(f"{value}: image {image_id} is not on this page", code="not-on-page")
            if said.setdefault(image_id, value) != value:
                raise BadInput(
                    f"{value}: image {image_id} is both {said[image_id]} and {value}",
                    code="contradiction",
                )
    if missing := ids - said.keys():
        raise BadInput(f"there is no answer for image {min(missing)}", code="answer-missing")
    return said


def _hash(wanted: SweepAnswers) -> str:
    body = wanted.model_dump(mode="json")
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _store(
    session: Session, page: SweepPage, said: Mapping[int, AnswerValue], wanted: SweepAnswers
) -> None:
    project = projects.get(session, page.project_id)
    active_ms, wall_ms = timing.active_ms(wanted.timing), timing.wall_ms(wanted.timing)
    page.trail = [*page.trail, [[event.at, event.kind] for event in wanted.timing.events]]
    own = _own(session, page)
    changed = [p for p in page.places if p.image_id in own and p.answer != said[p.image_id]]
    found = lookup.lock_all(session, {place.image_id for place in changed})
    locked = {i: image for i, image in found.items() if image.state == ImageState.READY}
    earlier = reading.current_of(session, page.annotator_id, list(locked))
    shares = _shares(active_ms, wall_ms, len(locked))
    given: list[tuple[Image, Label]] = []
    for place in changed:
        image = locked.get(place.image_id)
        if image is None:
            continue
        value, before = said[place.image_id], earlier.get(place.image_id)
        label = partial_labels.answered(before, project, image, page.category_id, value)
        _complete(label, page.annotator_id, before, next(shares))
        given.append((image, label))
        place.answer = value.value
    _finish_whole(session, project, [label for _, label in given])
    store.replace_all(session, given)
    priorities.refresh(session, project, list(locked))


def _finish_whole(session: Session, project: Project, given: Sequence[Label]) -> None:
    """Where tags are all that is asked, an image is done once a person has swept every category."""
    if project.mode != "tags":
        return
    whole = [each for each in given if each.partial and partial_labels.is_whole(each, project)]
    finished = leases.finish_unleased(session, [(e.annotator_id, e.image_id) for e in whole])
    for label in whole:
        label.partial = (label.annotator_id, label.image_id) not in finished


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


def _shares(active_ms: int, wall_ms: int, count: int) -> Iterator[_Share]:
    """The times of a page in equal whole parts, which sum up to them."""
    for index in range(count):
        active, wall = (total // count + (index < total % count) for total in (active_ms, wall_ms))
        yield _Share(active, wall)


def _complete(label: Label, annotator_id: int, earlier: Label | None, share: _Share) -> None:
    label.annotator_id = annotator_id
    label.revision = earlier.revision + 1 if earlier else 1
    label.active_ms, label.wall_ms = share.active_ms, share.wall_ms
    label.trail = []
    label.request_hash = ""
