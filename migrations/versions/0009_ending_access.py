"""A token ends with the one that made it; a session says when, where and by what it is used.

Revision: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SESSION_COLUMNS = (
    ("last_used_at", sa.DateTime(timezone=True)),
    ("address", sa.String(100)),
    ("browser", sa.String(200)),
)


def upgrade() -> None:
    with op.batch_alter_table("api_tokens") as tokens:
        tokens.add_column(sa.Column("parent_id", sa.Integer(), nullable=True))
        tokens.create_foreign_key(
            "fk_api_tokens_parent_id_api_tokens",
            "api_tokens",
            ["parent_id"],
            ["id"],
            ondelete="CASCADE",
        )
    op.create_index("ix_api_tokens_parent_id", "api_tokens", ["parent_id"])
    for name, kind in SESSION_COLUMNS:
        op.add_column("user_sessions", sa.Column(name, kind, nullable=True))


def downgrade() -> None:
    for name, _ in reversed(SESSION_COLUMNS):
        op.drop_column("user_sessions", name)
    op.drop_index("ix_api_tokens_parent_id", "api_tokens")
    with op.batch_alter_table("api_tokens") as tokens:
        tokens.drop_constraint("fk_api_tokens_parent_id_api_tokens", type_="foreignkey")
        tokens.drop_column("parent_id")
