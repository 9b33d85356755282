"""The running product: its web processes, worker and clock, and its database's tables."""

import json
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from celery.exceptions import SecurityWarning

from server import migrations, storage
from server.commands.database import require_migrated
from server.commands.terminal import messages
from server.db import get_engine
from server.errors import BadInput
from server.queue import get_app
from server.settings import get_settings


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    processes: Annotated[int, typer.Option(min=1, help="Number of web processes.")] = 1,
    certificate: Annotated[
        Path | None, typer.Option(help="Serve https: PEM file of the certificate.", exists=True)
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="PEM file of its key, where it has another.", exists=True)
    ] = None,
) -> None:
    """Serve the browser pages and the HTTP interface.

    Beyond this machine it listens with a certificate, or behind a proxy that FORWARDED_ALLOW_IPS
    names.
    """
    settings = get_settings()
    if why := settings.why_not_listen(host, has_tls=certificate is not None):
        raise BadInput(why)
    if settings.forwarded_allow_ips == "*":
        messages.print("FORWARDED_ALLOW_IPS=* believes whoever connects: name the proxy's address")
    require_migrated()
    uvicorn.run(
        "server.main:create_process",
        factory=True,
        host=host,
        port=port,
        http="server.http_heads:BoundedHeads",
        workers=processes,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
        forwarded_allow_ips=settings.forwarded_allow_ips or "127.0.0.1,::1",
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


def worker(
    queues: Annotated[
        str, typer.Option(help="What this worker takes: runs are trainings.")
    ] = "default,runs",
    threads: Annotated[int, typer.Option(min=1, help="Tasks at a time.")] = 4,
) -> None:
    """Run background tasks: trainings, verification of images, the sweep."""
    # Importing the tasks opens the broker, which no other command needs.
    from server.tasks import app as celery  # noqa: PLC0415

    require_migrated()
    # More trainings at once take nothing from the other tasks.
    at_once = threads + get_settings().trainings - 1
    options = ["--pool=threads", f"--concurrency={at_once}", f"--queues={queues}"]
    # Meant for pickled messages, from which root should keep its hands: ours are JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    celery.start(["--quiet", "worker", *options, "--loglevel=WARNING"])


def beat() -> None:
    """Send the periodic wake-ups; one process of this kind is enough."""
    get_app().start(["--quiet", "beat", "--loglevel=WARNING", "--pidfile="])


def migrate() -> None:
    """Bring the database to the tables of this version."""
    storage.withhold_what_is_there()
    migrations.upgrade(get_engine())
    messages.print(f"{get_engine().url.render_as_string()} is up to date", highlight=False)


def openapi() -> None:
    """Print the OpenAPI document of the HTTP interface."""
    from server.main import create_app  # noqa: PLC0415 - no other command needs the web parts

    sys.stdout.write(json.dumps(create_app().openapi(), indent=2, sort_keys=True) + "\n")
