"""What an image's owner should know of its file.

Revision: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("images", sa.Column("note", sa.String(500), nullable=True))


def downgrade() -> None:
    op.drop_column("images", "note")
