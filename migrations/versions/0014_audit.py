"""The audit log, whose lines the database itself keeps from being changed.

Revision: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

REFUSED = "the audit log is only added to"
TRIMMED = "SELECT anchor_id FROM audit_chain"


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("door", sa.String(10), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("session_id", sa.Integer(), nullable=True),
        sa.Column("token_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(100), nullable=True),
        sa.Column("request_id", sa.String(32), nullable=True),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(30), nullable=True),
        sa.Column("subject_id", sa.String(100), nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    for name, column in (("event", "event"), ("user", "user_id"), ("project", "project_id")):
        op.create_index(f"ix_audit_entries_{name}", "audit_entries", [column, "id"])
    chain = op.create_table(
        "audit_chain",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("anchor_id", sa.Integer(), nullable=False),
        sa.Column("anchor_hash", sa.String(64), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.Column("last_hash", sa.String(64), nullable=False),
    )
    begin = {"id": 1, "anchor_id": 0, "anchor_hash": "0" * 64, "last_id": 0, "last_hash": "0" * 64}
    op.bulk_insert(chain, [begin])
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL:
        op.execute(sa.text(statement))


def downgrade() -> None:
    op.drop_table("audit_entries")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_audit_change()")
    op.drop_table("audit_chain")


_SQLITE = (
    "CREATE TRIGGER audit_entries_update BEFORE UPDATE ON audit_entries "
    f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
    "CREATE TRIGGER audit_entries_delete BEFORE DELETE ON audit_entries "
    f"WHEN OLD.id > ({TRIMMED}) BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    f"IF TG_OP = 'UPDATE' OR OLD.id > ({TRIMMED}) THEN RAISE EXCEPTION '{REFUSED}'; END IF; "
    "RETURN OLD; END $$",
    "CREATE TRIGGER audit_entries_kept BEFORE UPDATE OR DELETE ON audit_entries "
    "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()",
)
