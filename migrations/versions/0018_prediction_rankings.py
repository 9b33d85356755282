"""Rankings of a run's images by category, for runs that end from now on.

Revision: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prediction_rankings",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("image_ids", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], "fk_prediction_rankings_run_id_runs", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["category_id"],
            ["categories.id"],
            "fk_prediction_rankings_category_id_categories",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "category_id", name="pk_prediction_rankings"),
    )


def downgrade() -> None:
    op.drop_table("prediction_rankings")
