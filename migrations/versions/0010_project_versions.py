"""Projects have a version, by which it is known whether what a process keeps of them still holds.

Revision: 0010
Revises: 0009
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "projects", sa.Column("version", sa.String(32), nullable=False, server_default="")
    )
    connection = op.get_bind()
    for project_id in connection.scalars(sa.text("SELECT id FROM projects")).all():
        connection.execute(
            sa.text("UPDATE projects SET version = :version WHERE id = :id"),
            {"version": secrets.token_hex(16), "id": project_id},
        )


def downgrade() -> None:
    op.execute("ALTER TABLE projects DROP COLUMN version")
