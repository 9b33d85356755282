"""Datasets, by their cards."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from server.commands.database import require_migrated
from server.commands.terminal import messages, output
from server.services import datasets

datasets_app = typer.Typer(no_args_is_help=True, help="Dataset cards: source and validation sets.")


@datasets_app.command("add")
def add_dataset(
    card: Annotated[Path, typer.Argument(help="A dataset card (YAML).")],
    name: Annotated[
        str | None, typer.Option(help="Known as; the card's own name if unset.")
    ] = None,
) -> None:
    """Make a dataset known to the server. Its files stay where they are."""
    require_migrated()
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
