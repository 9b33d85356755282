"""`weakseg demo`: the whole product on one machine, with images to label, under one command."""

import contextlib
import fcntl
import importlib.util
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from server import db, migrations, storage, trainer_commands
from server.demo_content import (
    Drawings,
    Target,
    Wanted,
    ensure_accounts,
    ensure_project,
    register_images,
    simulation,
)
from server.errors import BadInput, Conflict
from server.services.images import verifying
from server.settings import get_settings
from server.supervisor import Child, Supervisor
from trainer.contract.names import shown
from trainer.contract.walk import describe_left_out, pictures_below

HERE = "127.0.0.1"

console = Console(soft_wrap=True, highlight=False)


def run(  # noqa: PLR0913 - each is an option of the command
    data: Annotated[Path, typer.Option(help="Folder of the database and all files.")] = Path(
        "data"
    ),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = HERE,
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    own_images: Annotated[
        Path | None, typer.Option("--images", help="Your own images as the target domain.")
    ] = None,
    source: Annotated[Path | None, typer.Option(help="Card of your labelled source.")] = None,
    validation: Annotated[Path | None, typer.Option(help="Card of masks to measure on.")] = None,
    password: Annotated[
        str | None, typer.Option(envvar="WEAKSEG_DEMO_PASSWORD", help="Of both accounts.")
    ] = None,
    simulate: Annotated[
        int,
        typer.Option(
            min=0,
            help="Let simulated annotators label until so many drawn images have labels, and train on "
            "some of them in between: a full accuracy page.",
        ),
    ] = 0,
    scenes: Annotated[
        tuple[int, int, int], typer.Option(help="How many to draw: source, target, validation.")
    ] = (150, 120, 30),
) -> None:
    """Run everything on this machine until Ctrl-C, with images to label. Data is kept."""
    if importlib.util.find_spec("torch") is None:
        raise BadInput("the demo trains models and needs torch: pip install 'weakseg[train]'")
    # make hands on a ~ that the shell left as it was.
    data = data.expanduser().absolute()
    own_images, source, validation = (
        path and path.expanduser() for path in (own_images, source, validation)
    )
    data.mkdir(parents=True, exist_ok=True)
    with _only_one(data):
        if why := get_settings().why_not_listen(host, has_tls=False):
            raise BadInput(why)
        _refuse_taken(host, port)
        target = Target.choose(data, own_images)
        if simulate and not target.is_drawn:
            raise BadInput(
                "--simulate is for the drawn scenes; weakseg simulate labels images of yours that "
                "have masks"
            )
        _finish_earlier_import(data, target)
        _use_embedded_defaults(data, target.images)
        storage.withhold_what_is_there()
        migrations.upgrade(db.get_engine())
        drawings = Drawings.of_counts(*scenes)
        ensure_project(target, drawings, source, validation, console, with_masks=simulate > 0)
        target.remember(data)
        _report_import(target)
        passwords = ensure_accounts(data / "demo-password", password or None)
        wanted = simulation(target, simulate, console) if simulate else None
        db.dispose()
        _supervise(host, port, passwords, wanted)


@contextlib.contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Hold the data folder; raises Conflict when another demo does."""
    with (data / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(f"a demo already runs on {data}: stop it or choose DATA=") from error
        yield


def _refuse_taken(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Conflict(f"{host}:{port}: {error.strerror}; choose another PORT=") from error


def _use_embedded_defaults(data: Path, image_root: Path) -> None:
    """Settings of this process and of all that it starts."""
    os.environ.update(  # noqa: TID251 - settings are read from the environment
        WEAKSEG_DATA=str(data),
        WEAKSEG_IMAGE_ROOT=str(image_root),
        WEAKSEG_IMAGE_LINKS="true",
        WEAKSEG_DATASET_ROOT=str(data / "datasets"),
        WEAKSEG_WARM_UPS=str(data / "warm-ups"),
        WEAKSEG_DEMO="true",
    )
    db.dispose()
    settings = get_settings()
    if settings.database_url is not None or settings.broker_url is not None:
        raise Conflict(
            "the demo has a database and a broker of its own: unset WEAKSEG_DATABASE_URL and "
            "WEAKSEG_BROKER_URL (in the environment or .env)"
        )


def _finish_earlier_import(data: Path, target: Target) -> None:
    """Copy what is still to be read from the folder of the last start, before it changes."""
    last = Target.last_of(data)
    if last is None or last.images == target.images:
        return
    _use_embedded_defaults(data, last.images)
    migrations.upgrade(db.get_engine())
    with console.status(f"Copying the images of {escape(last.project)}"):
        while verifying.verify_registered():
            pass


def _report_import(target: Target) -> None:
    pictures = pictures_below(target.images)
    result = register_images(target, pictures)
    if said := describe_left_out(pictures.left_out):
        console.print(f"{escape(target.project)}: {escape(said)}")
    for name, reason in result.rejected:
        console.print(f"refused {escape(shown(name))}: {escape(reason)}")
    if more := result.rejected_total - len(result.rejected):
        console.print(f"and {more} more")
    console.print(f"{escape(target.project)}: {result.imported} new images, {result.skipped} known")


def _worker(command: Sequence[str], *, simulates: bool) -> Child:
    """The worker; beside simulated annotators it trains two runs at once, each on half of the cores.

    Much of a short run is work of one core: two at once end sooner than one after the other.
    """
    cores, settings = len(os.sched_getaffinity(0)), get_settings()
    if not simulates or cores < 2:
        return Child("worker", command)
    threads = settings.trainer_threads or cores // 2
    two = {"WEAKSEG_TRAINER_THREADS": str(threads), "WEAKSEG_TRAININGS": "2"}
    return Child("worker", command, two)


def _supervise(
    host: str, port: int, passwords: Mapping[str, str | None], wanted: Wanted | None
) -> None:
    reached = HERE if host in ("0.0.0.0", "::", "") else host  # noqa: S104 - a comparison
    address = f"http://{reached}:{port}"

    # Other commands, that of the web process among them, do without its memory.
    import httpx  # noqa: PLC0415

    # One for all questions, which are many: each would read all certificates of the machine.
    client = httpx.Client(trust_env=False)

    def is_ready() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return client.get(f"{address}/health/ready").is_success
        return False

    def show() -> None:
        console.print("\nPress Ctrl-C to stop; labels and runs stay. Open and sign in:")
        console.print(f"[bold]{address}[/]")
        for email, password in passwords.items():
            hint = "as chosen earlier; WEAKSEG_DEMO_PASSWORD=... sets a new one"
            console.print(f"  {email:<22} password: {escape(password or hint)}")

    weakseg = (sys.executable, "-m", "server.cli")
    children = [
        _worker([*weakseg, "worker"], simulates=wanted is not None),
        Child("beat", [*weakseg, "beat"]),
        Child("api", [*weakseg, "serve", "--host", host, "--port", str(port)], is_ready=is_ready),
    ]
    if wanted is not None:
        command = trainer_commands.simulate([*wanted.arguments, "--url", address])
        children.append(Child("simulate", command, {"WEAKSEG_TOKEN": wanted.token}, may_end=True))
    console.print("Starting the worker, the clock and the web server")
    grace = get_settings().cancel_grace_seconds + 10
    Supervisor(console, grace_seconds=grace).run(children, show)
