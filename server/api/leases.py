"""Leases: images handed out for labelling."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Response, status
from sqlalchemy.orm import Session

from server.api.deps import Annotator, Caller, Labeller, LabellingRoute, SessionDep
from server.api.problems import problems
from server.api.responses import sent
from server.db import session_scope
from server.models import Image, Label
from server.schemas.common import DatabaseId
from server.schemas.label import (
    Heartbeat,
    LeasedImage,
    LeaseIds,
    LeaseIn,
    LeaseOut,
    PredictionOut,
    PrefillOut,
)
from server.services import projects
from server.services.assignment import leases, prefill
from server.services.assignment.leases import Lease
from server.services.images import numbers
from server.services.labels import reading

router = APIRouter(tags=["labelling"], route_class=LabellingRoute)

LeaseId = Annotated[str, Path(max_length=36)]


@router.post(
    "/projects/{project_id}/leases",
    response_model=list[LeaseOut],
    responses=problems(401, 403, 404, 409),
)
def take_leases(project_id: DatabaseId, body: LeaseIn, caller: Annotator) -> Response:
    """Lease up to `count` more images. An empty list: nothing is left at the moment."""
    with session_scope() as session:
        taken = leases.take_in(session, project_id, caller.id, body.count)
        found = leases.leased_images(session, taken, caller.id)
        if len(found) == len(taken):
            return _describe(session, project_id, caller, taken, found)
    taken = leases.complete(project_id, caller.id, body.count, taken)
    with session_scope() as session:
        found = leases.leased_images(session, taken, caller.id)
        return _describe(session, project_id, caller, taken, found)


def _describe(
    session: Session,
    project_id: int,
    caller: Caller,
    taken: Sequence[Lease],
    found: Mapping[int, tuple[Image, Label | None]],
) -> Response:
    taken = [lease for lease in taken if lease.image_id in found]
    if not taken:
        return sent([])
    project = projects.seen(session, project_id)
    images = {lease.id: found[lease.image_id][0] for lease in taken}
    own = [label for _, label in found.values() if label is not None]
    whole = {label.image_id for label in own if not label.partial}
    handouts = prefill.hand_out(session, project, caller.id, images, whole)
    names = {category.id: category.name for category in project.categories}
    known = numbers.of_images(session, caller.in_project(project), list(found))
    described_labels = reading.describe(session, own, [caller.user], known)
    labels = dict(zip((label.image_id for label in own), described_labels, strict=True))
    described = []
    for lease in taken:
        handout, image = handouts[lease.image_id], images[lease.id]
        number = known.get(image.id, image.id)
        prediction, ticked = handout.prediction, handout.prefill
        present = [names[i] for i in ticked.category_ids] if ticked else []
        described.append(
            LeaseOut(
                id=lease.id,
                expires_at=lease.expires_at,
                image=LeasedImage.of(image, **numbers.known_as(image, known)),
                prediction=PredictionOut.of(prediction, number) if prediction else None,
                blind=handout.blind,
                prefill=PrefillOut(by=ticked.by, present=present) if ticked else None,
                label=labels.get(lease.image_id),
            )
        )
    return sent(described)


@router.post("/leases/heartbeat", responses=problems(401, 403))
def renew_leases(body: LeaseIds, caller: Labeller, session: SessionDep) -> list[Heartbeat]:
    """Hold leases for their full time again. Those that are lost are not in the answer."""
    held = leases.renew_all(session, body.lease_ids, caller.id)
    return [Heartbeat(id=lease.id, expires_at=lease.expires_at) for lease in held]


@router.post(
    "/leases/release", status_code=status.HTTP_204_NO_CONTENT, responses=problems(401, 403)
)
def release_leases(body: LeaseIds, caller: Labeller, session: SessionDep) -> None:
    """Give images back; those whose leases are lost are passed over."""
    leases.release_all(session, body.lease_ids, caller.id)


@router.post("/leases/{lease_id}/heartbeat", responses=problems(401, 403, 409))
def renew_lease(lease_id: LeaseId, caller: Annotator, session: SessionDep) -> Heartbeat:
    """Hold a lease for its full time again."""
    lease = leases.renew(session, lease_id, caller.id)
    return Heartbeat(id=lease.id, expires_at=lease.expires_at)


@router.delete(
    "/leases/{lease_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(401, 403, 409),
)
def release_lease(lease_id: LeaseId, caller: Annotator, session: SessionDep) -> None:
    """Give an image back."""
    leases.release(session, lease_id, caller.id)
