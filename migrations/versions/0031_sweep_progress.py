"""How far each person has come with each category that they sweep; an index of pages that are held.

Revision: 0031
Revises: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sweep_progress",
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("annotator_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("ranked", sa.Integer(), nullable=False),
        sa.Column("imported", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["annotator_id"], ["users.id"], "fk_sweep_progress_annotator_id_users"
        ),
        sa.ForeignKeyConstraint(
            ["category_id"],
            ["categories.id"],
            "fk_sweep_progress_category_id_categories",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("category_id", "annotator_id", name="pk_sweep_progress"),
    )
    op.create_index("ix_sweep_pages_category", "sweep_pages", ["category_id", "expires_at"])


def downgrade() -> None:
    op.drop_index("ix_sweep_pages_category", "sweep_pages")
    op.drop_table("sweep_progress")
