"""For load balancers, supervisors and Prometheus."""

import hmac
import importlib.metadata
import ipaddress
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from server.api.deps import host_of
from server.api.problems import problem, problems
from server.db import session_scope, trouble
from server.errors import Forbidden
from server.queue import broker_trouble
from server.settings import get_settings
from server.storage import folder_trouble

SAID_BY_PROXIES = (
    "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip",
)  # fmt: skip

router = APIRouter(tags=["operation"])
about_router = APIRouter(tags=["operation"])


class Health(BaseModel):
    status: str
    """`ok`, or `degraded` when something is away that labelling does without."""
    detail: str | None = None


class About(BaseModel):
    name: str
    version: str
    demo: bool
    passwords: bool
    """Whether people sign in with passwords that are kept here."""
    provider: str | None
    """What the button says that signs in at an OpenID provider; null without one."""


@router.get("/health/live", response_model_exclude_none=True)
async def live() -> Health:
    """The process runs. Answered by the event loop, which waits for no thread."""
    return Health(status="ok")


@router.get(
    "/health/ready",
    responses=problems(503),
    response_model=Health,
    response_model_exclude_none=True,
)
def ready() -> Health | Response:
    """The database answers, and files can be written and have room."""
    if failed := [f"{name}: {why}" for name, why in _needed()]:
        return problem(503, "; ".join(failed), "not-ready")
    if why := broker_trouble():
        return Health(status="degraded", detail=f"broker: {why}; runs do not start")
    return Health(status="ok")


def _needed() -> Iterator[tuple[str, str]]:
    """What the server cannot do without and does not have, and why."""
    try:
        with session_scope(read_only=True) as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        found = trouble(error)
        yield "database", found.detail if found else "it does not answer"
    settings = get_settings()
    for name, folder in {"files": settings.files, "data": settings.data.absolute()}.items():
        if why := folder_trouble(folder, settings.min_free_bytes):
            yield name, why


@router.get("/metrics", response_class=Response, responses=problems(403, media_type="text/plain"))
def metrics(request: Request, authorization: Annotated[str | None, Header()] = None) -> Response:
    """Prometheus metrics: with the token of the settings, or else from this machine alone.

    What came through a proxy is not from this machine, wherever the proxy is.
    """
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
    """By the address and by the name that was called: a proxy here may say neither who asked."""
    if any(name in request.headers for name in SAID_BY_PROXIES) or request.client is None:
        return False
    return _is_loopback(request.client.host) and _is_loopback(host_of(request.headers))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@about_router.get("/about")
def about() -> About:
    """What is running here."""
    settings = get_settings()
    return About(
        name="weakseg",
        version=importlib.metadata.version("weakseg"),
        demo=settings.demo,
        passwords=not settings.oidc_only,
        provider=None if settings.oidc_issuer is None else settings.oidc_label,
    )
