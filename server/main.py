"""The web application: routes, middleware, and the built frontend."""

import importlib
import importlib.metadata
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse, Response
from fastapi.routing import APIRoute

from server.api import (
    accuracy,
    audit,
    checkpoints,
    dataset_uploads,
    datasets,
    deletion,
    flags,
    gold,
    health,
    images,
    label_files,
    labels,
    leases,
    middleware,
    people,
    predictions,
    problems,
    projects,
    rules,
    runs,
    single_sign_on,
    snapshots,
    sweeps,
    users,
)
from server.db import get_engine
from server.logs import configure_logs
from server.memory import keep_loaded, limit_arenas
from server.settings import get_settings

API = "/api/v1"
LONGEST_PART = 255
STATIC = Path(__file__).parent / "static"

DESCRIPTION = """
Weak labels in, segmentation models out. Sign in with `POST /api/v1/session` (browsers) or send an
API token as `Authorization: Bearer wsk_...` (programs). Every error is RFC 9457 problem JSON with
a stable `code`. While the database is away any request may be answered by 503 with `Retry-After`,
and while a disk is full by 507: then nothing was changed.
"""


def create_app() -> FastAPI:
    """The application, configured from the environment."""
    configure_logs(json=get_settings().log_json)
    app = FastAPI(
        title="weakseg",
        version=importlib.metadata.version("weakseg"),
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_url=f"{API}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        generate_unique_id_function=_operation_id,
        separate_input_output_schemas=False,
    )
    problems.install(app)
    # Routes are tried one after the other: what a labelling page asks for comes first.
    for module in (
        leases, labels, images, predictions, users, projects, gold, datasets, dataset_uploads, sweeps, label_files,
        snapshots, runs, checkpoints, accuracy, people, audit, deletion, rules, flags,
        single_sign_on,
    ):  # fmt: skip
        app.include_router(module.router, prefix=API)
    app.include_router(health.about_router, prefix=API)
    app.include_router(health.router)
    _serve_frontend(app)
    app.add_middleware(middleware.RequestMiddleware)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def create_process() -> FastAPI:
    """The application of a process that serves nothing else."""
    app = create_app()
    keep_loaded()
    return app


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    limit_arenas()
    yield
    get_engine().dispose()


def _operation_id(route: APIRoute) -> str:
    return route.name


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            license_info=app.license_info,
            routes=app.routes,
            separate_input_output_schemas=False,
        )
        problems.add_problem_schema(document)
        app.openapi_schema = document
    return app.openapi_schema


def _serve_frontend(app: FastAPI) -> None:
    """The built pages: hashed assets for ever, and one page for every address of the browser's."""

    @app.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    def frontend(path: str, request: Request) -> Response:
        if path.startswith(("api/", "health/", "metrics")):
            return problems.problem(404, f"there is nothing at /{path}", "not-found")
        file = _built(path)
        if file is not None:
            cache = "public, max-age=31536000, immutable" if "assets/" in path else "no-cache"
            return _sent(file, request, cache)
        if path.startswith("assets/") or not _may_be_a_page(path):
            return problems.problem(404, f"there is no {path}", "not-found")
        page = STATIC / "index.html"
        if not page.is_file():
            return problems.problem(404, "the browser pages are not built here", "no-frontend")
        return _sent(page, request, "no-cache")


def _built(path: str) -> Path | None:
    """The file of the built frontend at a path, whatever the path looks like."""
    try:
        file = (STATIC / path).resolve()
        return file if file.is_file() and file.is_relative_to(STATIC.resolve()) else None
    except (OSError, ValueError):
        return None


def _may_be_a_page(path: str) -> bool:
    """The browser's own addresses have short parts and nothing that cannot be seen."""
    return path.isprintable() and all(len(part) <= LONGEST_PART for part in path.split("/"))


def _sent(file: Path, request: Request, cache: str) -> Response:
    """A file of the frontend's, gzipped where the build has made it so and the reader takes it."""
    headers = {"Cache-Control": cache, "Vary": "Accept-Encoding"}
    zipped = file.with_name(f"{file.name}.gz")
    if not (_takes_gzip(request) and zipped.is_file()):
        return FileResponse(file, headers=headers)
    media_type, _ = mimetypes.guess_type(file.name)
    return FileResponse(
        zipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=media_type
    )


def _takes_gzip(request: Request) -> bool:
    accepted = request.headers.get("accept-encoding", "").replace(" ", "").lower().split(",")
    return "gzip" in accepted
