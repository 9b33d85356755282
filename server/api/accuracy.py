"""Accuracy against labelling time."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from server.api.deps import GuardedRoute, ReadSessionDep, Viewer
from server.api.problems import problems
from server.api.responses import sent
from server.schemas.common import DatabaseId
from server.schemas.forecast import Forecast
from server.schemas.run import CostCurve
from server.services.runs import cost_curve, forecast

router = APIRouter(tags=["accuracy"], route_class=GuardedRoute)


@router.get(
    "/projects/{project_id}/cost-curve",
    response_model=CostCurve,
    responses=problems(401, 403, 404)
    | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def show_cost_curve(
    project_id: DatabaseId,
    _caller: Viewer,
    session: ReadSessionDep,
    wanted: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Response:
    """For each finished run, the active labelling hours in its labels and its accuracy."""
    curve = cost_curve.of_project(session, project_id)
    if wanted == "json":
        return sent(curve)
    name = f"cost-curve-{project_id}.csv"
    return Response(
        cost_curve.as_csv(curve),
        media_type="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/projects/{project_id}/forecast", responses=problems(401, 403, 404))
def show_forecast(project_id: DatabaseId, _caller: Viewer, session: ReadSessionDep) -> Forecast:
    """What another hour is expected to bring by kind of label, by curves through the finished runs.

    Where there are too few, it says which are missing.
    """
    return forecast.of_project(session, project_id)
