"""Accounts, and the API tokens of programs."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from server.commands.database import find_user, require_migrated
from server.commands.terminal import messages, output
from server.db import session_scope, utcnow
from server.models.user import Role
from server.schemas.user import Scope, TokenIn, UserChange, UserIn
from server.services.accounts import second_factor, single_sign_on, tokens, users

user_app = typer.Typer(no_args_is_help=True, help="Accounts.")
token_app = typer.Typer(no_args_is_help=True, help="API tokens of programs.")

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
    require_migrated()
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
    require_migrated()
    wanted = UserChange.model_validate({"password": password, "must_change": must_change})
    with session_scope(read_only=True) as session:
        user_id = find_user(session, email).id
    with session_scope() as session:
        users.change(session, user_id, wanted)
    messages.print(f"set the password of {escape(email)}; all sessions and tokens have ended")


@user_app.command("remove-second-factor")
def remove_second_factor(
    email: Annotated[str, typer.Argument(help="Who has lost the authenticator app.")],
) -> None:
    """Take somebody's second factor away: the password alone opens the account until a new one."""
    require_migrated()
    with session_scope() as session:
        second_factor.remove(session, find_user(session, email).id)
    messages.print(f"{escape(email)} has no second factor now")


@user_app.command("unlink")
def unlink_user(
    email: Annotated[str, typer.Argument(help="Whom the OpenID provider knows as somebody else.")],
) -> None:
    """Forget as whom the OpenID provider knows somebody, which ends all of their sessions and tokens.

    Whoever comes next with their verified e-mail address has the account then.
    """
    require_migrated()
    with session_scope() as session:
        count = single_sign_on.unlink(session, find_user(session, email).id)
    links = "1 link" if count == 1 else f"{count} links"
    messages.print(f"removed {links} of {escape(email)}; all sessions and tokens have ended")


@user_app.command("list")
def list_users() -> None:
    """Show all accounts."""
    require_migrated()
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
    require_migrated()
    wanted = TokenIn(name=name, scopes=scope, expires_at=utcnow() + timedelta(days=days))
    with session_scope() as session:
        owner = find_user(session, email)
        token, secret = tokens.create(session, owner, wanted, holder_scopes=frozenset(Scope))
    if token.expires_at and wanted.expires_at and token.expires_at < wanted.expires_at:
        messages.print(f"it ends on {token.expires_at:%Y-%m-%d}: WEAKSEG_MAX_TOKEN_LIFETIME")
    output.print(secret, highlight=False)
