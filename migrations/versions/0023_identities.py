"""As whom an OpenID provider knows people, and which sessions began there.

Revision: 0023
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("subject_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], "fk_identities_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.UniqueConstraint("issuer", "subject_hash", name="uq_identities_issuer_subject_hash"),
    )
    op.create_index("ix_identities_user_id", "identities", ["user_id"])
    # In place: a table that is made anew on SQLite forgets that it gives no number again. So without
    # a foreign key; whoever removes an identity ends its sessions.
    op.add_column("user_sessions", sa.Column("identity_id", sa.Integer(), nullable=True))
    op.add_column(
        "user_sessions",
        sa.Column("second_factor", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    op.drop_column("user_sessions", "second_factor")
    op.drop_column("user_sessions", "identity_id")
    op.drop_index("ix_identities_user_id", "identities")
    op.drop_table("identities")
