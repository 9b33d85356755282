"""For load balancers, supervisors and Prometheus."""

import hmac
import importlib.metadata
import ipaddress
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import text

from server.api.deps import ReadSessionDep
from server.api.problems import problem, problems
from server.errors import Forbidden
from server.settings import get_settings

router = APIRouter(tags=["operation"])
about_router = APIRouter(tags=["operation"])


class Health(BaseModel):
    status: str


class About(BaseModel):
    name: str
    version: str
    demo: bool


@router.get("/health/live")
def live() -> Health:
    """The process runs."""
    return Health(status="ok")


@router.get("/health/ready", responses=problems(503), response_model=Health)
def ready(session: ReadSessionDep) -> Health | Response:
    """The database answers and storage can be written."""
    session.execute(text("SELECT 1"))
    files = get_settings().files
    files.mkdir(parents=True, exist_ok=True)
    if not files.is_dir():
        return problem(503, "storage is not there", "not-ready")
    return Health(status="ok")


@router.get("/metrics", response_class=Response, responses=problems(403, media_type="text/plain"))
def metrics(request: Request, authorization: Annotated[str | None, Header()] = None) -> Response:
    """Prometheus metrics: with the token of the settings, or else from this machine alone."""
    token = get_settings().metrics_token
    if token is not None:
        wanted = f"Bearer {token.get_secret_value()}"
        allowed = hmac.compare_digest((authorization or "").encode(), wanted.encode())
    else:
        allowed = _is_this_machine(request)
    if not allowed:
        raise Forbidden("metrics are for the operator")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _is_this_machine(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


@about_router.get("/about")
def about() -> About:
    """What is running here."""
    return About(
        name="weakseg", version=importlib.metadata.version("weakseg"), demo=get_settings().demo
    )
