"""Errors as RFC 9457 problem JSON, in one form everywhere."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from server.errors import WeaksegError
from server.schemas.common import Problem

log = structlog.get_logger()


def problems(*statuses: int, media_type: str | None = None) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: these errors besides the 422 that every route has.

    With a media type, also that the answer itself is not JSON.
    """
    answer: dict[int | str, dict[str, Any]] = (
        {200: {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}}
        if media_type
        else {}
    )
    return answer | {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
        for status in statuses
    }


def problem(
    status: int,
    detail: str,
    code: str,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
    extra: dict[str, object] | None = None,
) -> Response:
    """A problem response."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **jsonable_encoder(extra or {}),
    }
    if errors is not None:
        body["errors"] = errors
    return JSONResponse(
        body, status_code=status, media_type="application/problem+json", headers=headers
    )


def _field(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location[1:])
    return path.removeprefix(".") or str(location[0])


def install(app: FastAPI) -> None:
    """Register the handlers, and the schema that all error responses refer to."""

    @app.exception_handler(WeaksegError)
    def on_our_error(_request: Request, error: WeaksegError) -> Response:
        headers = (
            {"WWW-Authenticate": "Bearer"} if error.status == HTTPStatus.UNAUTHORIZED else None
        )
        return problem(
            error.status, error.detail, error.problem_code, headers=headers, extra=error.extra
        )

    @app.exception_handler(RequestValidationError)
    def on_bad_request(_request: Request, error: RequestValidationError) -> Response:
        fields = [
            {"field": _field(tuple(e["loc"])), "message": e["msg"].removeprefix("Value error, ")}
            for e in error.errors()
        ]
        detail = "; ".join(f"{f['field']}: {f['message']}" for f in fields[:3])
        return problem(422, detail, "bad-input", errors=fields)

    @app.exception_handler(HTTPException)
    def on_http_error(_request: Request, error: HTTPException) -> Response:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        headers = dict(error.headers) if error.headers else None
        return problem(error.status_code, str(error.detail), code, headers=headers)

    @app.exception_handler(DataError)
    def on_refused_value(_request: Request, _error: DataError) -> Response:
        # PostgreSQL stores no NUL in text; SQLite would.
        return problem(422, "a value can not be stored, such as text with a NUL", "bad-input")

    @app.exception_handler(Exception)
    def on_bug(request: Request, error: Exception) -> Response:
        log.error("unhandled", path=request.url.path, exc_info=error)
        return problem(500, "something went wrong on the server; it has been logged", "internal")


def add_problem_schema(document: dict[str, Any]) -> None:
    """Put the Problem schema into an OpenAPI document."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
