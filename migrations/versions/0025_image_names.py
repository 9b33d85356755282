"""Names beside the order of import, so that a search by name reads an index alone.

Revision: 0025
Revises: 0024
"""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_images_names", "images", ["project_id", "gold", "id", "comparable_id"])
    op.drop_index("ix_images_gold", "images")


def downgrade() -> None:
    op.create_index("ix_images_gold", "images", ["project_id", "gold", "id"])
    op.drop_index("ix_images_names", "images")
