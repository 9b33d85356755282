"""Who imported labels, and from which file.

Revision: 0030
Revises: 0029
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "label_imports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("format", sa.String(20), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            "fk_label_imports_project_id_projects",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["by_id"], ["users.id"], "fk_label_imports_by_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_label_imports"),
    )
    op.create_index("ix_label_imports_project_id", "label_imports", ["project_id"])
    op.add_column("labels", sa.Column("import_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("labels", "import_id")
    op.drop_table("label_imports")
