"""How long an image is shown before the labelling page takes an answer.

Revision: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "projects", sa.Column("min_view_ms", sa.Integer(), nullable=False, server_default="400")
    )


def downgrade() -> None:
    op.drop_column("projects", "min_view_ms")
