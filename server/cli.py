"""The `weakseg` command: every part of the product as one program. Thin: services do the work."""

import contextlib
import json
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from celery.exceptions import SecurityWarning
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from server import demo, migrations, storage, trainer_commands
from server.db import get_engine, session_scope, utcnow
from server.errors import BadInput, NotFound, WeaksegError, first_complaint
from server.logs import configure_logs
from server.models import AuditEvent, Project, User
from server.models.user import Role
from server.queue import get_app
from server.schemas.user import Scope, TokenIn, UserChange, UserIn
from server.services import audit, cleaning, datasets, projects
from server.services.accounts import second_factor, single_sign_on, tokens, users
from server.services.audit import AuditFilter
from server.services.images import files as image_files
from server.services.images import importing, manifests
from server.services.images.importing import Imported
from server.services.labels import files as label_files
from server.services.labels.files import Existing, ImportRules, Unmentioned
from server.services.labels.formats import LabelFormat
from server.settings import get_settings
from server.supervisor import ChildFailed
from trainer.contract.image_names import MatchedBy
from trainer.contract.names import shown
from trainer.contract.walk import Pictures, describe_left_out, pictures_below

BAD_INPUT = 2
LISTED = 20

output = Console(soft_wrap=True)
messages = Console(stderr=True, soft_wrap=True)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Segmentation models for street images from weak labels.")  # fmt: skip
user_app = typer.Typer(no_args_is_help=True, help="Accounts.")
token_app = typer.Typer(no_args_is_help=True, help="API tokens of programs.")
datasets_app = typer.Typer(no_args_is_help=True, help="Dataset cards: source and validation sets.")
audit_app = typer.Typer(no_args_is_help=True, help="The audit log: who did what.")
labels_app = typer.Typer(no_args_is_help=True, help="Files of labels, in and out.")
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")
app.add_typer(datasets_app, name="datasets")
app.add_typer(labels_app, name="labels")
app.add_typer(audit_app, name="audit")
app.command("demo")(demo.run)


LASTING = ("serve", "worker", "beat")


def main() -> None:
    """The program's entry: what is wrong with the input is one line, and exit status 2."""
    try:
        app()
    except WeaksegError as error:
        _fail(error.detail)
    except ValidationError as error:
        field, message = first_complaint(error)
        where = f"WEAKSEG_{field.upper()}" if error.title == "Settings" else field
        _fail(f"{where}: {message}" if field else message)
    except DBAPIError as error:
        _fail(f"the database refused: {str(error.orig).strip().splitlines()[0]}")
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except ChildFailed as error:
        _fail(f"{error}; stopped the others", status=1)


def _fail(message: str, status: int = BAD_INPUT) -> None:
    line = " ".join(message.split())
    messages.print(f"[bold red]error:[/] {escape(line)}", highlight=False)
    sys.exit(status)


@app.callback()
def _begin(context: typer.Context) -> None:
    """Before every command. What a command has to say it prints; those that last have a log."""
    if context.invoked_subcommand in LASTING:
        configure_logs(json=get_settings().log_json)
    else:
        configure_logs(json=False, level=logging.WARNING)
    storage.withhold()
    audit.enter_by_command()


# --- the running product


@app.command()
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
    _require_migrated()
    uvicorn.run(
        "server.main:create_app",
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


@app.command()
def worker(
    queues: Annotated[
        str, typer.Option(help="What this worker takes: runs are trainings.")
    ] = "default,runs",
    threads: Annotated[int, typer.Option(min=1, help="Tasks at a time.")] = 4,
) -> None:
    """Run background tasks: trainings, verification of images, the sweep."""
    # Importing the tasks opens the broker, which no other command needs.
    from server.tasks import app as celery  # noqa: PLC0415

    _require_migrated()
    # More trainings at once take nothing from the other tasks.
    at_once = threads + get_settings().trainings - 1
    options = ["--pool=threads", f"--concurrency={at_once}", f"--queues={queues}"]
    # Meant for pickled messages, from which root should keep its hands: ours are JSON.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    celery.start(["--quiet", "worker", *options, "--loglevel=WARNING"])


@app.command()
def beat() -> None:
    """Send the periodic wake-ups; one process of this kind is enough."""
    get_app().start(["--quiet", "beat", "--loglevel=WARNING", "--pidfile="])


@app.command()
def migrate() -> None:
    """Bring the database to the tables of this version."""
    storage.withhold_what_is_there()
    migrations.upgrade(get_engine())
    messages.print(f"{get_engine().url.render_as_string()} is up to date", highlight=False)


@app.command()
def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    metadata: Annotated[
        bool,
        typer.Option(
            "--metadata",
            help="Also cut out of stored pictures what they tell besides pixels, such as where "
            "they were made. Newer imports have none of it.",
        ),
    ] = False,
) -> None:
    """Remove files and run folders that no row of the database needs.

    It may run while everything else does. Results, labels and the folders of runs that can be
    resumed stay.
    """
    _require_migrated()
    if metadata:
        _cut_metadata(dry_run=dry_run)
    count = freed = 0
    with _progress() as progress:
        for leftover in progress.track(cleaning.find(), description="Cleaning"):
            if not dry_run and not leftover.remove():
                continue
            count, freed = count + 1, freed + leftover.size
            verb = "would remove" if dry_run else "removed"
            messages.print(
                f"{verb} {escape(str(leftover.path))} ({leftover.why}, {leftover.size} bytes)",
                highlight=False,
            )
    whole = f"{'would remove' if dry_run else 'removed'} {count}, {freed} bytes"
    messages.print(whole, highlight=False)


def _cut_metadata(*, dry_run: bool) -> None:
    if get_settings().keep_metadata:
        raise BadInput("WEAKSEG_KEEP_METADATA says that pictures keep their metadata")
    verb = "would cut" if dry_run else "cut"
    count = 0
    for path, lost in image_files.cut_stored(dry_run=dry_run):
        count += 1
        messages.print(f"{verb} {lost} bytes from {escape(str(path))}", highlight=False)
    if count and not dry_run:
        audit.record_now(AuditEvent.METADATA_CUT, after={"pictures": count})
    messages.print(f"{verb} metadata from {count} pictures", highlight=False)


def _require_migrated() -> None:
    if not migrations.is_current(get_engine()):
        raise BadInput("the database is not at this version's tables: run weakseg migrate")


# --- accounts


NewPassword = Annotated[
    str,
    typer.Option(
        envvar="WEAKSEG_PASSWORD",
        prompt=True,
        confirmation_prompt=True,
        hide_input=True,
        help="Asked for when neither this nor WEAKSEG_PASSWORD is given.",
    ),
]


@user_app.command("add")
def add_user(
    email: Annotated[str, typer.Argument()],
    password: Annotated[
        str | None,
        typer.Option(
            envvar="WEAKSEG_PASSWORD",
            help="Asked for when neither this nor WEAKSEG_PASSWORD is given.",
        ),
    ] = None,
    role: Annotated[Role, typer.Option(help="What the account may do.")] = Role.ANNOTATOR,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="For who signs in at an OpenID provider.")
    ] = False,
) -> None:
    """Make an account. The first one of an installation should be an admin."""
    _require_migrated()
    if no_password:
        password = None
    elif password is None:
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    wanted = UserIn.model_validate({"email": email, "password": password, "role": role})
    with session_scope() as session:
        users.create(session, wanted.email, password, wanted.role)
    messages.print(f"made the account {escape(wanted.email)} ({wanted.role})")


@user_app.command("password")
def set_user_password(
    email: Annotated[str, typer.Argument(help="Whose password it becomes.")],
    password: NewPassword,
    must_change: Annotated[
        bool, typer.Option(help="Whether it has to be changed at the next sign-in.")
    ] = True,
) -> None:
    """Set somebody's password, which ends all of their sessions and tokens."""
    _require_migrated()
    wanted = UserChange.model_validate({"password": password, "must_change": must_change})
    with session_scope(read_only=True) as session:
        user_id = _find_user(session, email).id
    with session_scope() as session:
        users.change(session, user_id, wanted)
    messages.print(f"set the password of {escape(email)}; all sessions and tokens have ended")


@user_app.command("remove-second-factor")
def remove_second_factor(
    email: Annotated[str, typer.Argument(help="Who has lost the authenticator app.")],
) -> None:
    """Take somebody's second factor away: the password alone opens the account until a new one."""
    _require_migrated()
    with session_scope() as session:
        second_factor.remove(session, _find_user(session, email).id)
    messages.print(f"{escape(email)} has no second factor now")


@user_app.command("unlink")
def unlink_user(
    email: Annotated[str, typer.Argument(help="Whom the OpenID provider knows as somebody else.")],
) -> None:
    """Forget as whom the OpenID provider knows somebody, which ends all of their sessions and tokens.

    Whoever comes next with their verified e-mail address has the account then.
    """
    _require_migrated()
    with session_scope() as session:
        count = single_sign_on.unlink(session, _find_user(session, email).id)
    links = "1 link" if count == 1 else f"{count} links"
    messages.print(f"removed {links} of {escape(email)}; all sessions and tokens have ended")


@user_app.command("list")
def list_users() -> None:
    """Show all accounts."""
    _require_migrated()
    table = Table("email", "role", "active")
    with session_scope(read_only=True) as session:
        for user in users.list_all(session):
            table.add_row(escape(user.email), user.role, "yes" if user.active else "no")
    output.print(table)


@token_app.command("add")
def add_token(
    email: Annotated[str, typer.Argument(help="Account that the token acts for.")],
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[Scope], typer.Option(help="May be given several times.")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days until it expires.")] = 90,
) -> None:
    """Make an API token and print it: it is shown this once."""
    _require_migrated()
    wanted = TokenIn(name=name, scopes=scope, expires_at=utcnow() + timedelta(days=days))
    with session_scope() as session:
        owner = _find_user(session, email)
        token, secret = tokens.create(session, owner, wanted, holder_scopes=frozenset(Scope))
    if token.expires_at and wanted.expires_at and token.expires_at < wanted.expires_at:
        messages.print(f"it ends on {token.expires_at:%Y-%m-%d}: WEAKSEG_MAX_TOKEN_LIFETIME")
    output.print(secret, highlight=False)


@audit_app.command("verify")
def verify_audit(
    kept: Annotated[
        str | None,
        typer.Option(help="NUMBER:HASH of a line, as an earlier verify or the log of then said."),
    ] = None,
) -> None:
    """Compute the hash of every line anew. Exit status 1: a line is missing or was changed.

    Keep the last line's number and hash somewhere else: with them the next look also finds a log
    that was written anew as a whole.
    """
    _require_migrated()
    found = audit.verify(_kept_line(kept) if kept else None)
    if found.problem:
        messages.print(f"[bold red]not as it was written:[/] {found.problem}", highlight=False)
        raise typer.Exit(1)
    messages.print(f"{found.lines} lines, each as it was written; the last is", highlight=False)
    output.print(f"{found.last_id}:{found.last_hash}", highlight=False)


def _kept_line(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not (number.isascii() and number.isdecimal() and re.fullmatch("[0-9a-f]{64}", digest)):
        raise BadInput("--kept: not NUMBER:HASH, as weakseg audit verify prints it")
    return int(number), digest


@audit_app.command("export")
def export_audit(
    out: Annotated[Path, typer.Option(help="The file; one of this name is replaced.")],
) -> None:
    """Write the audit log into a file, a line of JSON each."""
    _require_migrated()
    partial = out.with_name(f"{out.name}.partial")
    try:
        with partial.open("wb") as file, session_scope(read_only=True) as session:
            file.writelines(audit.export(session, AuditFilter()))
        audit.record_now(AuditEvent.AUDIT_EXPORTED)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    messages.print(f"wrote {escape(str(out))}", highlight=False)


def _find_user(session: Session, email: str) -> User:
    user = users.find_by_email(session, email)
    if user is None:
        raise NotFound(f"there is no account {email}")
    return user


# --- data


@app.command("import")
def import_images(
    project: Annotated[str, typer.Argument(help="Name or number of the project.")],
    path: Annotated[Path, typer.Argument(help="A folder of images, or an NDJSON manifest.")],
) -> None:
    """Import target images; importing again changes nothing. Exit status 1: some were refused.

    A folder's files are copied into storage, those of linked folders too; what is hidden or no
    picture by its ending is left out, and counted. A manifest's paths are below WEAKSEG_IMAGE_ROOT and
    are verified later by a worker.
    """
    _require_migrated()
    with session_scope(read_only=True) as session:
        project_id = _find_project(session, project).id
    if path.is_dir():
        result = _import_folder(project_id, pictures_below(path))
    else:
        result = _import_manifest(project_id, path)
    _list("note on", result.notes)
    _report(result.imported, result.skipped, result.rejected, result.rejected_total)


def _report(imported: int, skipped: int, rejected: Sequence[tuple[str, str]], total: int) -> None:
    """Say what became of an import; leaves with status 1 when something was refused."""
    messages.print(f"imported {imported}, skipped {skipped}, refused {total}")
    _list("refused", rejected, total)
    if total:
        raise typer.Exit(1)


def _list(what: str, said: Sequence[tuple[str, str]], total: int | None = None) -> None:
    for name, words in said[:LISTED]:
        messages.print(f"{what} {escape(shown(name))}: {escape(words)}", highlight=False)
    if (more := (total or len(said)) - LISTED) > 0:
        messages.print(f"and {more} more")


def _find_project(session: Session, name_or_number: str) -> Project:
    if found := projects.find_by_name(session, name_or_number):
        return found
    if name_or_number.isdecimal():
        return projects.get(session, int(name_or_number))
    known = ", ".join(project.name for project in projects.list_all(session)) or "none"
    raise NotFound(f"there is no project {name_or_number!r}; known are: {known}")


def _import_folder(project_id: int, pictures: Pictures) -> Imported:
    """Raises BadInput when there is no picture at all."""
    said = describe_left_out(pictures.left_out)
    if not pictures.names:
        where = f"there are no pictures below {shown(str(pictures.folder))}"
        raise BadInput(f"{where} ({said})" if said else where)
    if said:
        messages.print(escape(said), highlight=False)
    result = Imported()
    try:
        with _progress() as progress:
            for name in progress.track(pictures.names, description="Importing"):
                importing.import_path(project_id, name, pictures.folder / name, result)
    finally:
        importing.note(project_id, result)
    return result


def _import_manifest(project_id: int, path: Path) -> Imported:
    with (
        _progress() as progress,
        progress.open(path, "rb", description="Reading") as lines,
    ):
        advance = _follow(progress, "Importing")
        return importing.register_manifest(project_id, manifests.parse(lines), advance)


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=messages, transient=True) as progress:
        yield progress


MATCHED = {
    MatchedBy.EXACT: "by their whole name",
    MatchedBy.PATH_ENDING: "by the end of their path",
    MatchedBy.NAME_ALONE: "by their file name alone",
}
FormatOption = Annotated[LabelFormat, typer.Option("--format", help="What docs/formats.md says.")]


@labels_app.command("export")
def export_labels(
    project: Annotated[str, typer.Argument(help="Name or number of the project.")],
    out: Annotated[Path, typer.Option(help="The file; one of this name is replaced.")],
    label_format: FormatOption = LabelFormat.JSONL,
) -> None:
    """Write the current labels of everybody into a file."""
    _require_migrated()
    partial = out.with_name(f"{out.name}.partial")
    try:
        with _progress() as progress, session_scope(read_only=True) as session:
            project_id = _find_project(session, project).id
            advance = _follow(progress, "Exporting")
            with partial.open("wb") as file:
                label_files.export_to(file, session, project_id, label_format, advance)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    messages.print(f"wrote {escape(str(out))}", highlight=False)


@labels_app.command("import")
def import_labels(  # noqa: PLR0913 - one for each option
    project: Annotated[str, typer.Argument(help="Name or number of the project.")],
    path: Annotated[Path, typer.Argument(help="The file.")],
    annotator: Annotated[str, typer.Option(help="E-mail address of whose labels they become.")],
    label_format: FormatOption = LabelFormat.JSONL,
    match_authors: Annotated[
        bool, typer.Option(help="Labels of authors who have an account here are theirs.")
    ] = False,
    unmentioned: Annotated[
        Unmentioned, typer.Option(help="What a category means that the file does not name.")
    ] = "not-asked",
    existing: Annotated[
        Existing,
        typer.Option(
            help="A label that the annotator has given already: once, a label that was not "
            "imported before replaces it; replace, what the file says does; keep, it stays."
        ),
    ] = "once",
    own_export: Annotated[
        bool,
        typer.Option(
            "--own-export",
            help="The file was exported by this server: its "
            "annotators are the accounts of their numbers.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Store nothing; say what would happen.")
    ] = False,
) -> None:
    """Import labels; importing again changes nothing. Exit status 1: some were refused.

    Images are found by their external id, or else by the end of their path, or by a file name that
    only one of them has where no folder contradicts it.
    """
    _require_migrated()
    with session_scope(read_only=True) as session:
        project_id = _find_project(session, project).id
        annotator_id = _find_user(session, annotator).id
    rules = ImportRules(annotator_id, match_authors, unmentioned, existing, own_export, dry_run)
    with path.open("rb") as file, _progress() as progress:
        advance = _follow(progress, "Looking" if dry_run else "Importing")
        origin = label_files.Origin(name=path.name)
        result = label_files.import_from(file, project_id, label_format, rules, advance, origin)
    for kind, count in result.ignored.most_common():
        messages.print(f"passed over: {escape(kind)} ({count})", highlight=False)
    for example in result.examples:
        if example.matched_by is not MatchedBy.EXACT:
            pair = f"{example.name} is {example.image}"
            messages.print(f"not by its whole name: {escape(pair)}", highlight=False)
    for by, count in result.matched.items():
        messages.print(f"images known {MATCHED[by]}: {count}", highlight=False)
    if result.replaced:
        messages.print(f"labels replaced: {result.replaced}", highlight=False)
    if dry_run:
        messages.print("nothing was stored; this is what would happen:", highlight=False)
    refused = [
        (f"line {one.line}, {one.name}" if one.line else one.name, one.reason)
        for one in result.rejected
    ]
    if result.stopped:
        messages.print("stopped: too much was refused; the rest of the file was not looked at")
    _report(result.imported, result.skipped, refused, result.rejected_total)


def _follow(progress: Progress, what: str) -> Callable[[int, int], object]:
    """A bar that is told (done, all)."""
    task = progress.add_task(what, total=None)
    return lambda done, total: progress.update(task, completed=done, total=total)


@datasets_app.command("add")
def add_dataset(
    card: Annotated[Path, typer.Argument(help="A dataset card (YAML).")],
    name: Annotated[
        str | None, typer.Option(help="Known as; the card's own name if unset.")
    ] = None,
) -> None:
    """Make a dataset known to the server. Its files stay where they are."""
    _require_migrated()
    added = datasets.add(card, name)
    found = datasets.contents_of(added)
    besides = f"; {found.left_out}" if found.left_out else ""
    messages.print(f"added {escape(added.name)}: {found.images} images{escape(besides)}")


@datasets_app.command("list")
def list_datasets() -> None:
    """Show all datasets and what is wrong with them."""
    table = Table("name", "images", "masks", "categories", "problem")
    for dataset in datasets.list_all():
        table.add_row(
            escape(dataset.name),
            str(dataset.images),
            "yes" if dataset.has_masks else "no",
            str(len(dataset.categories)),
            escape(dataset.problem or ""),
        )
    output.print(table)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def study(context: typer.Context) -> None:
    """What labels are worth, by studies that train: `python -m trainer study`."""
    # In place of this process: torch stays out of the server, and signals reach the study.
    os.execv(sys.executable, trainer_commands.study(context.args))  # noqa: S606


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def simulate(context: typer.Context) -> None:
    """Simulated annotators label a project of a running server: `python -m trainer simulate`."""
    os.execv(sys.executable, trainer_commands.simulate(context.args))  # noqa: S606


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the HTTP interface."""
    from server.main import create_app  # noqa: PLC0415 - no other command needs the web parts

    sys.stdout.write(json.dumps(create_app().openapi(), indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
