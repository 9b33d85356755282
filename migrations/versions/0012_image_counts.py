# ruff: noqa: S608 - statements are made of words of this file alone
"""How many images of each project are where, kept by triggers whoever writes.

On SQLite, where writers queue, one row a project is changed in place. On PostgreSQL they would wait
for each other at that row: there each statement adds a row of differences, and the upkeep adds them up.

Revision: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STATES = ("registered", "ready", "rejected")
FILL = """
    INSERT INTO image_counts (project_id, registered, ready, rejected, unfinished)
    SELECT projects.id, count(*) FILTER (WHERE images.state = 'registered'),
        count(*) FILTER (WHERE images.state = 'ready'),
        count(*) FILTER (WHERE images.state = 'rejected'),
        (SELECT count(DISTINCT image_id) FROM assignments
         WHERE assignments.project_id = projects.id AND assignments.state = 'open' AND NOT assignments.gold)
    FROM projects LEFT JOIN images ON images.project_id = projects.id AND NOT images.gold
    GROUP BY projects.id
"""


def upgrade() -> None:
    op.create_table(
        "image_counts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in (*STATES, "unfinished")),
    )
    op.create_index("ix_image_counts_project_id", "image_counts", ["project_id"])
    leased = sa.text("lease_expires_at IS NOT NULL")
    op.create_index(
        "ix_assignments_leased",
        "assignments",
        ["project_id", "lease_expires_at"],
        sqlite_where=leased,
        postgresql_where=leased,
    )
    for statement in _statements():
        op.execute(sa.text(statement))
    op.execute(sa.text(FILL))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in _SQLITE:
            op.execute(f"DROP TRIGGER {name}")
    else:
        for table in ("images", "assignments"):
            for event in _TRANSITIONS:
                op.execute(f"DROP TRIGGER count_{event} ON {table}")
                op.execute(f"DROP FUNCTION count_{table}_{event}()")
    op.drop_index("ix_assignments_leased", "assignments")
    op.drop_table("image_counts")


def _statements() -> list[str]:
    if op.get_bind().dialect.name == "sqlite":
        return [f"CREATE TRIGGER {name} {text}" for name, text in _SQLITE.items()]
    return [
        text
        for table, make in (("images", _image_differences), ("assignments", _open_differences))
        for event, parts in _TRANSITIONS.items()
        for text in _postgresql(table, event, make(parts))
    ]


def _add(row: str, sign: str) -> str:
    changes = ", ".join(
        f"{s} = {s} {sign} ({row}.state = '{s}' AND NOT {row}.gold)" for s in STATES
    )
    return f"UPDATE image_counts SET {changes} WHERE project_id = {row}.project_id;"


def _no_other_open(row: str) -> str:
    return (
        f"NOT EXISTS (SELECT 1 FROM assignments WHERE image_id = {row}.image_id AND state = 'open' "
        f"AND NOT gold AND id <> {row}.id)"
    )


def _unfinished(row: str, sign: str) -> str:
    return (
        f"BEGIN UPDATE image_counts SET unfinished = unfinished {sign} 1 "
        f"WHERE project_id = {row}.project_id; END"
    )


_SQLITE = {
    "count_projects_insert": (
        "AFTER INSERT ON projects BEGIN DELETE FROM image_counts WHERE project_id = NEW.id; "
        "INSERT INTO image_counts (project_id, registered, ready, rejected, unfinished) "
        "VALUES (NEW.id, 0, 0, 0, 0); END"
    ),
    "count_images_insert": f"AFTER INSERT ON images BEGIN {_add('NEW', '+')} END",
    "count_images_update": (
        "AFTER UPDATE OF state, gold, project_id ON images "
        "WHEN (OLD.state, OLD.gold, OLD.project_id) IS NOT (NEW.state, NEW.gold, NEW.project_id) "
        f"BEGIN {_add('OLD', '-')} {_add('NEW', '+')} END"
    ),
    "count_images_delete": f"AFTER DELETE ON images BEGIN {_add('OLD', '-')} END",
    "count_assignments_insert": (
        "AFTER INSERT ON assignments WHEN NEW.state = 'open' AND NOT NEW.gold "
        f"AND {_no_other_open('NEW')} {_unfinished('NEW', '+')}"
    ),
    "count_assignments_close": (
        "AFTER UPDATE OF state ON assignments WHEN OLD.state = 'open' AND NEW.state <> 'open' "
        f"AND NOT NEW.gold AND {_no_other_open('NEW')} {_unfinished('NEW', '-')}"
    ),
    "count_assignments_open": (
        "AFTER UPDATE OF state ON assignments WHEN OLD.state <> 'open' AND NEW.state = 'open' "
        f"AND NOT NEW.gold AND {_no_other_open('NEW')} {_unfinished('NEW', '+')}"
    ),
    "count_assignments_delete": (
        "AFTER DELETE ON assignments WHEN OLD.state = 'open' AND NOT OLD.gold "
        f"AND {_no_other_open('OLD')} {_unfinished('OLD', '-')}"
    ),
}

_TRANSITIONS = {
    "insert": {"new_rows": 1},
    "update": {"old_rows": -1, "new_rows": 1},
    "delete": {"old_rows": -1},
}
"""Which rows a statement of a kind leaves behind and makes, and how they count."""


def _image_differences(parts: dict[str, int]) -> str:
    columns = ", ".join(f"sum(sign) FILTER (WHERE state = '{s}') AS {s}" for s in STATES)
    rows = " UNION ALL ".join(
        f"SELECT project_id, state, {sign} AS sign FROM {part} WHERE NOT gold"
        for part, sign in parts.items()
    )
    return (
        "SELECT project_id, coalesce(registered, 0), coalesce(ready, 0), coalesce(rejected, 0), 0 "
        f"FROM (SELECT project_id, {columns} FROM ({rows}) AS changed GROUP BY project_id) AS summed "
        "WHERE (coalesce(registered, 0), coalesce(ready, 0), coalesce(rejected, 0)) <> (0, 0, 0)"
    )


def _open_differences(parts: dict[str, int]) -> str:
    rows = " UNION ALL ".join(
        f"SELECT project_id, image_id, {sign} AS sign FROM {part} WHERE state = 'open' AND NOT gold"
        for part, sign in parts.items()
    )
    changed = (
        f"SELECT project_id, image_id, sum(sign) AS more FROM ({rows}) AS changed "
        "GROUP BY project_id, image_id HAVING sum(sign) <> 0"
    )
    now = (
        "(SELECT count(*) FROM assignments AS a WHERE a.image_id = changed.image_id "
        "AND a.state = 'open' AND NOT a.gold)"
    )
    return (
        "SELECT project_id, 0, 0, 0, sum(CAST(now > 0 AS int) - CAST(now - more > 0 AS int)) "
        f"FROM (SELECT project_id, more, {now} AS now FROM ({changed}) AS changed) AS summed "
        "GROUP BY project_id HAVING sum(CAST(now > 0 AS int) - CAST(now - more > 0 AS int)) <> 0"
    )


def _postgresql(table: str, event: str, differences: str) -> list[str]:
    names = {"old_rows": "OLD TABLE AS old_rows", "new_rows": "NEW TABLE AS new_rows"}
    referencing = " ".join(names[part] for part in _TRANSITIONS[event])
    return [
        f"CREATE FUNCTION count_{table}_{event}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "INSERT INTO image_counts (project_id, registered, ready, rejected, unfinished) "
        f"{differences}; RETURN NULL; END $$",
        f"CREATE TRIGGER count_{event} AFTER {event} ON {table} REFERENCING {referencing} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION count_{table}_{event}()",
    ]
