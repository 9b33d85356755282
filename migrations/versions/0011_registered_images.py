"""An index of the images whose files nobody has looked at.

Revision: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    registered = sa.text("state = 'registered'")
    op.create_index(
        "ix_images_registered",
        "images",
        ["id"],
        sqlite_where=registered,
        postgresql_where=registered,
    )


def downgrade() -> None:
    op.drop_index("ix_images_registered", "images")
