"""Predictions: what a model says of an image."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy.orm import Session

from server.api.deps import Caller, GuardedRoute, ReadSessionDep, Viewer
from server.api.downloads import FOR_EVER, send_file
from server.api.problems import problems
from server.errors import Forbidden
from server.models import Prediction, Project
from server.models.member import MemberRole
from server.schemas.common import DatabaseId
from server.schemas.label import PredictionOut
from server.services import predictions
from server.services.assignment import prefill
from server.services.images import lookup
from server.storage import get_storage

router = APIRouter(tags=["predictions"], route_class=GuardedRoute)

RunId = Annotated[DatabaseId | None, Query(description="A run; unset: the project's latest model.")]


def _find(session: Session, caller: Caller, image_id: int, run_id: int | None) -> Prediction:
    image = lookup.get(session, image_id)
    project = session.get_one(Project, image.project_id)
    inspects = caller.member_role != MemberRole.ANNOTATOR
    if not project.show_predictions and not inspects:
        raise Forbidden("this project does not show predictions to annotators")
    may_see = inspects or prefill.may_see(session, project, caller.id, image)
    if not may_see or prefill.holds_blind(session, caller.id, image_id):
        raise Forbidden(
            "this image is judged blind: its prediction is shown after the answer, if at all",
            code="judged-blind",
        )
    return predictions.find(session, image, run_id, _number(caller, image_id))


def _number(caller: Caller, image_id: int) -> int:
    """By which the image was asked for."""
    return int(caller.thing.id) if caller.thing else image_id


@router.get("/images/{image_id}/prediction", responses=problems(401, 403, 404))
def show_prediction(
    image_id: DatabaseId, caller: Viewer, session: ReadSessionDep, run_id: RunId = None
) -> PredictionOut:
    """How likely each category is in the image, and where the predicted mask is."""
    prediction = _find(session, caller, image_id, run_id)
    return PredictionOut.of(prediction, _number(caller, image_id))


@router.head("/images/{image_id}/prediction/mask.png", include_in_schema=False)
@router.get(
    "/images/{image_id}/prediction/mask.png",
    responses=problems(401, 403, 404, 416) | {200: {"content": {"image/png": {}}}},
    response_class=FileResponse,
)
def prediction_mask(
    image_id: DatabaseId,
    request: Request,
    caller: Viewer,
    session: ReadSessionDep,
    run_id: RunId = None,
) -> Response:
    """The predicted mask as a palette PNG of the image's size; index = place of the category."""
    prediction = _find(session, caller, image_id, run_id)
    return send_file(
        request,
        get_storage().existing_path(prediction.mask_key),
        tag=hashlib.sha256(prediction.mask_key.encode()).hexdigest(),
        media_type="image/png",
        # Without a run in the address the next run changes what is there.
        cache="private, no-cache" if run_id is None else FOR_EVER,
    )
