# ruff: noqa: S608 - statements are made of words of this file alone
"""What is deleted: files to remove, archived projects, people who are gone, numbers used once.

On SQLite a table gives the number of its last row again once that row is deleted, and a browser that
kept a picture under its number would show it for another one. There the tables whose rows can be
deleted by people get AUTOINCREMENT. It changes nothing of how rows are stored, so the text of the table
is changed as https://www.sqlite.org/lang_altertable.html (section 7) describes for such changes: to
make a table anew would delete what refers to it.

Revision: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NUMBERED = ("projects", "images", "runs", "checkpoints", "snapshots", "user_sessions", "api_tokens")


def upgrade() -> None:
    op.create_table(
        "removals",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_removals"),
    )
    op.add_column(
        "snapshots",
        sa.Column("deleted_images", sa.Integer(), nullable=False, server_default="0"),
    )
    for table, column in (
        ("projects", "archived_at"), ("projects", "deleted_at"), ("users", "deleted_at"),
    ):  # fmt: skip
        op.add_column(table, sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        _use_numbers_once()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rewrite(dict.fromkeys(NUMBERED, ("(id AUTOINCREMENT)", "(id)")))
    for table, column in (
        ("users", "deleted_at"), ("projects", "deleted_at"), ("projects", "archived_at"),
        ("snapshots", "deleted_images"),
    ):  # fmt: skip
        op.drop_column(table, column)
    op.drop_table("removals")


def _use_numbers_once() -> None:
    # SQLite makes its table of last numbers with the first table that needs it.
    op.execute("CREATE TABLE makes_sequence (id INTEGER PRIMARY KEY AUTOINCREMENT)")
    op.execute("DROP TABLE makes_sequence")
    _rewrite(dict.fromkeys(NUMBERED, ("(id)", "(id AUTOINCREMENT)")))
    for name in NUMBERED:
        op.execute(
            f"INSERT INTO sqlite_sequence (name, seq) SELECT '{name}', coalesce(max(id), 0) FROM {name}"
        )


def _rewrite(changes: dict[str, tuple[str, str]]) -> None:
    """Change the primary keys in the texts of tables, or nothing."""
    bind = op.get_bind()
    version = bind.exec_driver_sql("PRAGMA schema_version").scalar_one()
    bind.exec_driver_sql("PRAGMA writable_schema = ON")
    for name, (old, new) in changes.items():
        found = bind.exec_driver_sql(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", (name,)
        )
        text = found.scalar_one()
        if text.count(f"PRIMARY KEY {old}") != 1:
            raise RuntimeError(f"the table {name} does not look as this version knows it")
        changed = text.replace(f"PRIMARY KEY {old}", f"PRIMARY KEY {new}")
        bind.exec_driver_sql(
            "UPDATE sqlite_schema SET sql = ? WHERE type = 'table' AND name = ?", (changed, name)
        )
    bind.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    bind.exec_driver_sql("PRAGMA writable_schema = OFF")
