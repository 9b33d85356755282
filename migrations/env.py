"""Alembic's entry: migrates the database of the settings, or the one it is handed."""

from typing import Literal

from alembic import context
from sqlalchemy import Connection, Engine

from server import models
from server.db import Base, UtcDateTime, get_engine

assert models  # noqa: S101 - importing them registers the tables


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our column type as the plain one below it: a migration must not depend on today's code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def migrate(connection: Connection) -> None:
    """Run the migrations; SQLite alters tables by copying them (batch mode)."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=render_item,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """Use the connection of the caller when there is one."""
    given = context.config.attributes.get("connection")
    if isinstance(given, Connection):
        migrate(given)
        return
    engine: Engine = get_engine()
    with engine.connect() as connection:
        migrate(connection)
        connection.commit()


main()
