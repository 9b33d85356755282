"""Where a project has gold images, annotators know images by numbers that tell nothing.

What they were given until now keeps the number that they know.

Revision: 0022
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "gold_sets", sa.Column("plain_until", sa.Integer(), nullable=False, server_default="0")
    )
    op.execute("UPDATE gold_sets SET plain_until = (SELECT coalesce(max(id), 0) FROM handouts)")


def downgrade() -> None:
    op.drop_column("gold_sets", "plain_until")
