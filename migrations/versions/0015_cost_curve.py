"""What the cost curve needs in small: figures of runs, time by kind of label, when to stop.

Runs and snapshots that are there already get theirs from the upkeep, which may read files.

Revision: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("snapshots", sa.Column("active_ms_by_kind", sa.JSON(), nullable=True))
    op.add_column("snapshots", sa.Column("answers", sa.Integer(), nullable=True))
    op.add_column("projects", sa.Column("stop_below", sa.Double(), nullable=True))
    op.create_table(
        "run_figures",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("setting", sa.String(64), nullable=False),
        sa.Column("same_config", sa.String(64), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], "fk_run_figures_run_id_runs", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_figures"),
    )


def downgrade() -> None:
    op.drop_table("run_figures")
    op.drop_column("projects", "stop_below")
    for column in ("answers", "active_ms_by_kind"):
        op.drop_column("snapshots", column)
