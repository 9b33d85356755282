"""The `weakseg` command: every part of the product as one program."""

import atexit
import gc
import logging
import sys

import typer
from pydantic import ValidationError
from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from server import demo, storage
from server.commands import cleaning, images, running, trainer
from server.commands.accounts import token_app, user_app
from server.commands.audit import audit_app
from server.commands.datasets import datasets_app
from server.commands.labels import labels_app
from server.commands.terminal import messages
from server.errors import WeaksegError, first_complaint
from server.logs import configure_logs
from server.services import audit
from server.settings import get_settings
from server.supervisor import ChildFailed

BAD_INPUT = 2
LASTING = ("serve", "worker", "beat")
HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="Segmentation models for street images from weak labels.")  # fmt: skip
app.add_typer(user_app, name="user")
app.add_typer(token_app, name="token")
app.add_typer(datasets_app, name="datasets")
app.add_typer(labels_app, name="labels")
app.add_typer(audit_app, name="audit")
app.command("demo")(demo.run)
app.command()(running.serve)
app.command()(running.worker)
app.command()(running.beat)
app.command()(running.migrate)
app.command()(cleaning.clean)
app.command("import")(images.import_images)
app.command(context_settings=HANDED_ON, add_help_option=False)(trainer.study)
app.command(context_settings=HANDED_ON, add_help_option=False)(trainer.simulate)
app.command()(running.openapi)


def main() -> None:
    """The program's entry: what is wrong with the input is one line, and exit status 2."""
    # Python looks for garbage in all that is loaded when it ends: a quarter of a short command.
    atexit.register(gc.freeze)
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


if __name__ == "__main__":
    main()
