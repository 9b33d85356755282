"""Label modes, honest pre-filling, order of work, personal keys, answers that can be searched.

Revision: 0002
Revises: 0001
"""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BATCH = 5000
MODES = {
    "tags": ["image"],
    "points": ["point"],
    "tags-and-points": ["image", "point"],
}


def upgrade() -> None:
    # Nothing refers to categories yet: SQLite changes a column by making the table anew, and
    # dropping one that is referred to would delete what refers to it.
    with op.batch_alter_table("categories") as categories:
        categories.alter_column("key", existing_type=sa.String(1), nullable=True)
    _change_projects()
    _add_columns()
    _add_tables()
    _fill_answers()
    op.execute(
        "UPDATE images SET labelled = EXISTS (SELECT 1 FROM labels WHERE labels.image_id = images.id "
        "AND labels.current AND labels.skipped IS NULL)"
    )
    op.execute(
        "UPDATE images SET disputed_at = (SELECT max(labels.created_at) FROM labels "
        "WHERE labels.image_id = images.id AND labels.current) WHERE EXISTS ("
        "SELECT 1 FROM answers one JOIN answers other ON other.image_id = one.image_id "
        "AND other.category_id = one.category_id AND other.value = 'absent' "
        "WHERE one.image_id = images.id AND one.value = 'present')"
    )


def _change_projects() -> None:
    """Column by column: SQLite can do that without making the table anew."""
    for column in (
        sa.Column("mode", sa.String(20), nullable=False, server_default="tags-and-points"),
        sa.Column("points_per_category", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("tile_rows", sa.Integer(), nullable=False, server_default="2"),
        sa.Column("tile_cols", sa.Integer(), nullable=False, server_default="2"),
        sa.Column("prefill_by", sa.String(10), nullable=False, server_default="none"),
        sa.Column("blind_share", sa.Double(), nullable=False, server_default="0.1"),
        sa.Column("blind_secret", sa.String(64), nullable=False, server_default=""),
        sa.Column("order", sa.String(20), nullable=False, server_default="imported"),
        sa.Column("neutral_priority", sa.Double(), nullable=False, server_default="0"),
        sa.Column("prioritised_for", sa.String(60), nullable=False, server_default=""),
    ):
        op.add_column("projects", column)
    projects = sa.table(
        "projects",
        *(sa.column(name) for name in ("id", "mode", "blind_secret", "prefill_by")),
        sa.column("label_kinds", sa.JSON()),
        sa.column("prefill", sa.Boolean()),
    )
    connection = op.get_bind()
    rows = connection.execute(
        sa.select(projects.c.id, projects.c.label_kinds, projects.c.prefill)
    ).all()
    for project_id, kinds, prefill in rows:
        mode = next((m for m, given in MODES.items() if given == sorted(kinds)), "tags-and-points")
        connection.execute(
            projects.update()
            .where(projects.c.id == project_id)
            .values(
                mode=mode,
                blind_secret=secrets.token_hex(16),
                prefill_by="model" if prefill else "none",
            )
        )
    op.execute("ALTER TABLE projects DROP COLUMN label_kinds")
    op.execute("ALTER TABLE projects DROP COLUMN prefill")
    op.execute("ALTER TABLE projects RENAME COLUMN prefill_by TO prefill")


def _add_columns() -> None:
    false = sa.false()
    op.add_column(
        "assignments", sa.Column("priority", sa.Double(), nullable=False, server_default="0")
    )
    op.add_column("assignments", sa.Column("blind", sa.Boolean()))
    op.add_column("assignments", sa.Column("prefilled", sa.JSON()))
    op.add_column("assignments", sa.Column("prefilled_by", sa.String(100)))
    op.add_column(
        "images", sa.Column("labelled", sa.Boolean(), nullable=False, server_default=false)
    )
    op.add_column("images", sa.Column("disputed_at", sa.DateTime(timezone=True)))
    for name in ("unsure", "prefilled"):
        op.add_column("labels", sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
    for name in ("blind", "resolves"):
        op.add_column("labels", sa.Column(name, sa.Boolean(), nullable=False, server_default=false))
    op.add_column("predictions", sa.Column("disagreement", sa.Double()))
    op.drop_index("ix_assignments_queue", "assignments")
    queue = ["project_id", "state", "slot", sa.text("priority DESC"), "image_id"]
    op.create_index("ix_assignments_queue", "assignments", queue)
    op.create_index(
        "ix_labels_annotator", "labels", ["project_id", "annotator_id", "current", "image_id"]
    )
    op.create_index("ix_images_labelled", "images", ["project_id", "labelled", "id"])
    op.create_index("ix_images_disputed", "images", ["project_id", "disputed_at", "id"])
    op.create_index(
        "ix_predictions_uncertainty",
        "predictions",
        ["run_id", "uncertainty", "image_id", "disagreement"],
    )
    op.create_index(
        "ix_predictions_disagreement", "predictions", ["run_id", "image_id", "disagreement"]
    )


def _add_tables() -> None:
    op.create_table(
        "category_keys",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(1), nullable=False),
        _refers("category_keys", "user_id", "users", "CASCADE"),
        _refers("category_keys", "category_id", "categories", "CASCADE"),
        _refers("category_keys", "project_id", "projects", "CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "category_id", name="pk_category_keys"),
        sa.UniqueConstraint(
            "user_id", "project_id", "key", name="uq_category_keys_user_id_project_id_key"
        ),
    )
    op.create_table(
        "answers",
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(10), nullable=False),
        _refers("answers", "label_id", "labels", "CASCADE"),
        _refers("answers", "category_id", "categories"),
        _refers("answers", "image_id", "images", "CASCADE"),
        sa.PrimaryKeyConstraint("label_id", "category_id", name="pk_answers"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_answers_category", "answers", ["category_id", "value", "image_id", "label_id"]
    )
    op.create_index("ix_answers_image", "answers", ["image_id"])


def _refers(
    table: str, column: str, other: str, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{other}"
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete=ondelete)


def _fill_answers() -> None:
    connection = op.get_bind()
    answers = sa.table(
        "answers", *(sa.column(c) for c in ("label_id", "category_id", "image_id", "value"))
    )
    pending: list[dict[str, Any]] = []
    for row in _answers_of_current_labels(connection):
        pending.append(row)
        if len(pending) == BATCH:
            connection.execute(answers.insert(), pending)
            pending = []
    if pending:
        connection.execute(answers.insert(), pending)


def _answers_of_current_labels(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    last = 0
    query = sa.text(
        "SELECT id, image_id, present, absent FROM labels "
        "WHERE id > :last AND current AND skipped IS NULL ORDER BY id LIMIT 1000"
    )
    while rows := connection.execute(query, {"last": last}).all():
        for label_id, image_id, *lists in rows:
            for value, ids in zip(("present", "absent"), lists, strict=True):
                for category_id in json.loads(ids) if isinstance(ids, str) else ids:
                    yield {"label_id": label_id, "category_id": category_id,
                           "image_id": image_id, "value": value}  # fmt: skip
            last = label_id


def downgrade() -> None:
    op.drop_table("answers")
    op.drop_table("category_keys")
    op.drop_index("ix_predictions_disagreement", "predictions")
    op.drop_index("ix_predictions_uncertainty", "predictions")
    op.drop_index("ix_images_disputed", "images")
    op.drop_index("ix_images_labelled", "images")
    op.drop_index("ix_labels_annotator", "labels")
    op.drop_index("ix_assignments_queue", "assignments")
    op.create_index(
        "ix_assignments_queue", "assignments", ["project_id", "state", "slot", "image_id"]
    )
    added = {
        "predictions": ["disagreement"],
        "labels": ["unsure", "prefilled", "blind", "resolves"],
        "images": ["labelled", "disputed_at"],
        "assignments": ["priority", "blind", "prefilled", "prefilled_by"],
    }
    for table, columns in added.items():
        _drop(table, columns)
    _restore_projects()
    with op.batch_alter_table("categories") as categories:
        categories.alter_column("key", existing_type=sa.String(1), nullable=False)


def _restore_projects() -> None:
    kinds = sa.Column("label_kinds", sa.JSON(), nullable=False, server_default='["image", "point"]')
    op.add_column("projects", kinds)
    op.add_column(
        "projects", sa.Column("old", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    for mode, given in MODES.items():
        op.execute(
            sa.text("UPDATE projects SET label_kinds = :kinds WHERE mode = :mode").bindparams(
                sa.bindparam("kinds", given, sa.JSON()), mode=mode
            )
        )
    op.execute("UPDATE projects SET old = (prefill = 'model')")
    _drop(
        "projects",
        ["mode", "points_per_category", "tile_rows", "tile_cols", "prefill", "blind_share",
         "blind_secret", "order", "neutral_priority", "prioritised_for"],
    )  # fmt: skip
    op.execute("ALTER TABLE projects RENAME COLUMN old TO prefill")


def _drop(table: str, columns: list[str]) -> None:
    for column in columns:
        op.execute(f'ALTER TABLE {table} DROP COLUMN "{column}"')
