"""Rules of projects with their pictures and who was shown them, and flags on images.

Revision: 0020
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0021"
branch_labels = None
depends_on = None


def _refers(table: str, column: str, other: str, **options: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{other}"
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name, **options)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "rules_versions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sections", sa.JSON(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        _moment("created_at"),
        _refers("rules_versions", "project_id", "projects", ondelete="CASCADE"),
        _refers("rules_versions", "author_id", "users"),
        sa.PrimaryKeyConstraint("id", name="pk_rules_versions"),
        sa.UniqueConstraint("project_id", "version", name="uq_rules_versions_project_id_version"),
    )
    op.create_table(
        "rules_readings",
        sa.Column("rules_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        _moment("seen_at"),
        _refers("rules_readings", "rules_id", "rules_versions", ondelete="CASCADE"),
        _refers("rules_readings", "user_id", "users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("rules_id", "user_id", name="pk_rules_readings"),
    )
    # A browser keeps a picture under its number, so that none is given twice.
    op.create_table(
        "rules_pictures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("storage_key", sa.String(500), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("first_version", sa.Integer(), nullable=True),
        _moment("created_at"),
        _refers("rules_pictures", "project_id", "projects", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_rules_pictures"),
        sa.UniqueConstraint("storage_key", name="uq_rules_pictures_storage_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rules_pictures_project_id", "rules_pictures", ["project_id"])
    op.create_table(
        "flags",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("annotator_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(500), nullable=False),
        _moment("flagged_at"),
        sa.Column("answer", sa.String(500), nullable=True),
        _moment("answered_at", nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        _moment("read_at", nullable=True),
        _refers("flags", "project_id", "projects", ondelete="CASCADE"),
        _refers("flags", "image_id", "images", ondelete="CASCADE"),
        _refers("flags", "annotator_id", "users"),
        _refers("flags", "answered_by_id", "users"),
        sa.PrimaryKeyConstraint("id", name="pk_flags"),
        sa.UniqueConstraint("image_id", "annotator_id", name="uq_flags_image_id_annotator_id"),
    )
    op.create_index("ix_flags_project", "flags", ["project_id", "id"])
    op.create_index("ix_flags_annotator", "flags", ["annotator_id", "project_id", "id"])


def downgrade() -> None:
    for table in ("flags", "rules_pictures", "rules_readings", "rules_versions"):
        op.drop_table(table)
