"""Indexes for lists of images: in order of import, and where the model contradicts a label.

Revision: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_images_gold", "images", ["project_id", "gold", "id"])
    op.drop_index("ix_predictions_disagreement", "predictions")
    op.create_index(
        "ix_predictions_disagreement", "predictions", ["run_id", "disagreement", "image_id"]
    )


def downgrade() -> None:
    op.drop_index("ix_predictions_disagreement", "predictions")
    op.create_index(
        "ix_predictions_disagreement", "predictions", ["run_id", "image_id", "disagreement"]
    )
    op.drop_index("ix_images_gold", "images")
