"""Errors as RFC 9457 problem JSON, in one form everywhere."""

import json
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException

from server.db import trouble
from server.errors import TooManyAttempts, Unavailable, WeaksegError, in_words
from server.schemas.common import Problem
from server.storage import is_full, refusal

log = structlog.get_logger()

RETRY_AFTER_SECONDS = 1
"""The browser waits twice as long each time."""
LONGEST_DETAIL = 2000
"""Characters: an error may quote what a file or a request said."""
MOST_FIELDS = 100
"""Wrong fields that an answer lists."""


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


class _ProblemResponse(JSONResponse):
    media_type = "application/problem+json"

    def render(self, content: Any) -> bytes:
        """What a request said may be quoted, halves of surrogate pairs too: those are no UTF-8."""
        return json.dumps(content, ensure_ascii=False).encode(errors="replace")


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
        "detail": detail[:LONGEST_DETAIL],
        "code": code,
        **jsonable_encoder(extra or {}),
    }
    if errors is not None:
        body["errors"] = errors
    return _ProblemResponse(body, status_code=status, headers=headers)


def _field(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location[1:])
    return path.removeprefix(".") or str(location[0])


def install(app: FastAPI) -> None:
    """Register the handlers, and the schema that all error responses refer to."""

    @app.exception_handler(RequestValidationError)
    def on_bad_request(_request: Request, error: RequestValidationError) -> Response:
        fields = [
            {
                "field": _field(tuple(e["loc"]))[:LONGEST_DETAIL],
                "message": in_words(e)[:LONGEST_DETAIL],
            }
            for e in error.errors()[:MOST_FIELDS]
        ]
        detail = "; ".join(f"{f['field']}: {f['message']}" for f in fields[:3])
        return problem(422, detail, "bad-input", errors=fields)

    @app.exception_handler(HTTPException)
    def on_http_error(_request: Request, error: HTTPException) -> Response:
        code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        headers = dict(error.headers) if error.headers else None
        return problem(error.status_code, str(error.detail), code, headers=headers)

    app.add_exception_handler(WeaksegError, _on_our_error)
    app.add_exception_handler(DataError, _on_refused_value)
    app.add_exception_handler(SQLAlchemyError, _on_database_error)
    app.add_exception_handler(OSError, _on_system_error)


def _on_our_error(request: Request, error: Exception) -> Response:
    return _answer(request, error, error.__cause__)


def _on_refused_value(_request: Request, _error: Exception) -> Response:
    # PostgreSQL stores no NUL in text; SQLite would.
    return problem(422, "a value can not be stored, such as text with a NUL", "bad-input")


def _on_database_error(request: Request, error: Exception) -> Response:
    return _answer(request, trouble(error) or error, getattr(error, "orig", None))


def _on_system_error(request: Request, error: Exception) -> Response:
    if isinstance(error, OSError) and is_full(error):
        return _answer(request, refusal(error, "temporary files"), error)
    raise error


def _answer(request: Request, error: Exception, cause: BaseException | None) -> Response:
    """The problem of one of our errors. Raises what is none of them: a mistake of ours.

    The server's own troubles go into the log line of the request, with their cause.
    """
    if not isinstance(error, WeaksegError):
        raise error
    headers = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if isinstance(error, TooManyAttempts):
        headers["Retry-After"] = str(error.retry_after)
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        lines = (str(part).strip().partition("\n")[0] for part in (error.detail, cause) if part)
        request.state.trouble = ": ".join(lines)
    return problem(
        error.status, error.detail, error.problem_code, headers=headers, extra=error.extra
    )


def bug() -> Response:
    """The answer to a request that met a mistake of ours; the log has the rest."""
    return problem(500, "something went wrong on the server; it has been logged", "internal")


def add_problem_schema(document: dict[str, Any]) -> None:
    """Put the Problem schema into an OpenAPI document."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(schema.pop("$defs", {}))
    schemas["Problem"] = schema
