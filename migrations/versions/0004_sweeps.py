"""Sweeps: one category answered for many images, and labels that hold such answers alone.

Revision: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "labels", sa.Column("partial", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "sweep_pages",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("annotator_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True)),
        sa.Column("request_hash", sa.String(64)),
        sa.Column("trail", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{noun}_id"], [f"{table}.id"], f"fk_sweep_pages_{noun}_id_{table}",
                ondelete=ondelete,
            )
            for noun, table, ondelete in (
                ("project", "projects", "CASCADE"),
                ("category", "categories", "CASCADE"),
                ("annotator", "users", None),
            )
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sweep_pages"),
    )  # fmt: skip
    op.create_index(
        "ix_sweep_pages_person", "sweep_pages", ["annotator_id", "project_id", "expires_at"]
    )
    op.create_table(
        "sweep_places",
        sa.Column("page_id", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("probability", sa.Double()),
        sa.Column("ticked", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.String(10)),
        sa.ForeignKeyConstraint(
            ["page_id"],
            ["sweep_pages.id"],
            "fk_sweep_places_page_id_sweep_pages",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], "fk_sweep_places_image_id_images", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("page_id", "position", name="pk_sweep_places"),
    )
    op.create_index("ix_sweep_places_image", "sweep_places", ["image_id"])


def downgrade() -> None:
    # A label of some categories would pass for one of the whole image.
    op.execute("DELETE FROM labels WHERE partial")
    op.drop_table("sweep_places")
    op.drop_table("sweep_pages")
    op.drop_column("labels", "partial")
