"""After how many seconds a gap is idle, project by project, and what it takes to compute times anew.

Revision: 0024
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0019"
branch_labels = None
depends_on = None

ADDED = (
    ("projects", "idle_after_s", sa.Integer(), "10"),
    ("projects", "retime_since", sa.DateTime(timezone=True), None),
    ("labels", "idle_after_s", sa.Integer(), "10"),
    ("labels", "sweep_share", sa.JSON(), None),
    ("sweep_pages", "walls", sa.JSON(), "[]"),
    ("snapshots", "active_ms_by_idle", sa.JSON(), None),
)
"""Tables, columns, and what those have that are there already; null without it."""


def upgrade() -> None:
    for table, name, kind, default in ADDED:
        column = sa.Column(name, kind, nullable=default is None, server_default=default)
        op.add_column(table, column)


def downgrade() -> None:
    for table, name, _, _ in reversed(ADDED):
        op.drop_column(table, name)
