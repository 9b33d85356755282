# ruff: noqa: S608 - statements are made of words of this file alone
"""Which images each person was ever given, kept by triggers whoever hands them out.

Revision: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

INTO = "INSERT INTO handouts (project_id, image_id, annotator_id)"
ONCE = "ON CONFLICT (image_id, annotator_id) DO NOTHING"
FILL = (
    "SELECT project_id, image_id, annotator_id FROM labels WHERE true ORDER BY id",
    "SELECT project_id, image_id, annotator_id FROM assignments WHERE annotator_id IS NOT NULL "
    "ORDER BY id",
    "SELECT project_id, image_id, annotator_id FROM sweep_places "
    "JOIN sweep_pages ON sweep_pages.id = sweep_places.page_id WHERE true ORDER BY position",
)
"""What people have had: labels first, in the order in which they were given."""
LEASED = "NEW.lease_id IS NOT NULL AND NEW.annotator_id IS NOT NULL"
BY_ROW = f"{INTO} VALUES (NEW.project_id, NEW.image_id, NEW.annotator_id) {ONCE};"
BY_PAGE = (
    f"{INTO} SELECT project_id, NEW.image_id, annotator_id FROM sweep_pages "
    f"WHERE id = NEW.page_id {ONCE};"
)
FORGET = "DELETE FROM handouts WHERE image_id = OLD.id;"
SQLITE = {
    "hand_out_leased": (
        f"AFTER UPDATE OF lease_id ON assignments WHEN {LEASED} BEGIN {BY_ROW} END"
    ),
    "hand_out_assigned": f"AFTER INSERT ON assignments WHEN {LEASED} BEGIN {BY_ROW} END",
    "hand_out_labelled": f"AFTER INSERT ON labels BEGIN {BY_ROW} END",
    "hand_out_swept": f"AFTER INSERT ON sweep_places BEGIN {BY_PAGE} END",
    "hand_out_forget": f"AFTER DELETE ON images BEGIN {FORGET} END",
}
BY_STATEMENT = (
    f"{INTO} SELECT project_id, image_id, annotator_id FROM new_rows ORDER BY image_id {ONCE};"
)
POSTGRESQL = {
    "hand_out_leased": (
        "assignments", f"AFTER UPDATE OF lease_id ON assignments FOR EACH ROW WHEN ({LEASED})", BY_ROW,
    ),
    "hand_out_assigned": (
        "assignments", f"AFTER INSERT ON assignments FOR EACH ROW WHEN ({LEASED})", BY_ROW,
    ),
    "hand_out_labelled": (
        "labels",
        "AFTER INSERT ON labels REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT",
        BY_STATEMENT,
    ),
    "hand_out_swept": ("sweep_places", "AFTER INSERT ON sweep_places FOR EACH ROW", BY_PAGE),
    "hand_out_forget": ("images", "AFTER DELETE ON images FOR EACH ROW", FORGET),
}  # fmt: skip
"""By name: the table, when it fires, and what it does."""


def upgrade() -> None:
    op.create_table(
        "handouts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("annotator_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_handouts"),
        sa.UniqueConstraint("image_id", "annotator_id", name="uq_handouts_image_id_annotator_id"),
    )
    op.create_index("ix_handouts_person", "handouts", ["annotator_id", "project_id", "id"])
    for query in FILL:
        op.execute(sa.text(f"{INTO} {query} {ONCE}"))
    if op.get_bind().dialect.name == "sqlite":
        for name, text in SQLITE.items():
            op.execute(sa.text(f"CREATE TRIGGER {name} {text}"))
    else:
        for name, (_, fires, does) in POSTGRESQL.items():
            op.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN {does} RETURN NULL; END $$"
            )
            op.execute(f"CREATE TRIGGER {name} {fires} EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in SQLITE:
            op.execute(f"DROP TRIGGER {name}")
    else:
        for name, (table, _, _) in POSTGRESQL.items():
            op.execute(f"DROP TRIGGER {name} ON {table}")
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("handouts")
