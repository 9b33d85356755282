"""Gold images: pictures with known answers.

Revision: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "projects", sa.Column("gold_share", sa.Double(), nullable=False, server_default="0.02")
    )
    for table in ("images", "assignments", "labels"):
        op.add_column(
            table, sa.Column("gold", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.add_column("images", sa.Column("alias", sa.String(500)))
    op.create_table(
        "gold_sets",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("category_ids", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("error", sa.String(2000)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], "fk_gold_sets_project_id_projects", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", name="pk_gold_sets"),
    )
    op.create_table(
        "gold_images",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("present", sa.JSON(), nullable=False),
        sa.Column("absent", sa.JSON(), nullable=False),
        sa.Column("mask_key", sa.String(500), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], "fk_gold_images_image_id_images", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], "fk_gold_images_project_id_projects",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("image_id", name="pk_gold_images"),
        sa.UniqueConstraint("project_id", "number", name="uq_gold_images_project_id_number"),
    )  # fmt: skip


def downgrade() -> None:
    # Nobody could tell gold images from a project's own any more.
    for table in ("labels", "assignments"):
        op.execute(sa.text(f"DELETE FROM {table} WHERE gold"))  # noqa: S608 - names from above
    op.execute("DELETE FROM images WHERE gold")
    op.drop_table("gold_images")
    op.drop_table("gold_sets")
    op.drop_column("images", "alias")
    for table in ("labels", "assignments", "images"):
        op.drop_column(table, "gold")
    op.drop_column("projects", "gold_share")
