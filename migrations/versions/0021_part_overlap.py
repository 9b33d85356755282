# ruff: noqa: S608 - statements are made of words of this file alone
"""Several people for a part of a project's images, and how many answers are given and wanted.

The counts are kept by the triggers that keep those of images: one write a change, as before.

Revision: 0021
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0027"
branch_labels = None
depends_on = None

ANSWERS = ("answers_open", "answers_done")
FILL = """
    UPDATE image_counts SET answers_open = given.is_open, answers_done = given.is_done
    FROM (
        SELECT assignments.project_id, min(kept.id) AS row_id,
            count(*) FILTER (WHERE state = 'open') AS is_open,
            count(*) FILTER (WHERE state = 'done') AS is_done
        FROM assignments JOIN (
            SELECT project_id, min(id) AS id FROM image_counts GROUP BY project_id
        ) AS kept ON kept.project_id = assignments.project_id
        WHERE NOT gold GROUP BY assignments.project_id
    ) AS given WHERE image_counts.id = given.row_id
"""


def upgrade() -> None:
    op.add_column(
        "projects", sa.Column("overlap_share", sa.Double(), nullable=False, server_default="1")
    )
    op.add_column("projects", sa.Column("overlap_first", sa.Integer()))
    op.add_column("projects", sa.Column("overlap_until", sa.Integer()))
    for name in ANSWERS:
        op.add_column(
            "image_counts", sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        )
    _replace_triggers(with_answers=True)
    op.execute(sa.text(FILL))


def downgrade() -> None:
    _replace_triggers(with_answers=False)
    for name in ANSWERS:
        op.drop_column("image_counts", name)
    for name in ("overlap_until", "overlap_first", "overlap_share"):
        op.drop_column("projects", name)


def _replace_triggers(*, with_answers: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("insert", "close", "open", "delete", "update"):
            op.execute(f"DROP TRIGGER IF EXISTS count_assignments_{name}")
        made = _sqlite_with_answers() if with_answers else _sqlite_without()
        for name, text in made.items():
            op.execute(sa.text(f"CREATE TRIGGER count_assignments_{name} {text}"))
    else:
        for event, parts in TRANSITIONS.items():
            text = _differences(parts) if with_answers else _differences_without(parts)
            columns = ("registered", "ready", "rejected", "unfinished")
            into = ", ".join(("project_id", *columns, *ANSWERS[: 2 * with_answers]))
            op.execute(
                sa.text(
                    f"CREATE OR REPLACE FUNCTION count_assignments_{event}() RETURNS trigger "
                    "LANGUAGE plpgsql AS $$ BEGIN "
                    f"INSERT INTO image_counts ({into}) {text}; RETURN NULL; END $$"
                )
            )


def _no_other_open(row: str) -> str:
    return (
        f"NOT EXISTS (SELECT 1 FROM assignments WHERE image_id = {row}.image_id AND state = 'open' "
        f"AND NOT gold AND id <> {row}.id)"
    )


def _changed(row: str, *changes: str) -> str:
    return f"UPDATE image_counts SET {', '.join(changes)} WHERE project_id = {row}.project_id;"


def _sqlite_with_answers() -> dict[str, str]:
    new = [f"{name} = {name} + (NEW.state = '{name[8:]}')" for name in ANSWERS]
    old = [f"{name} = {name} - (OLD.state = '{name[8:]}')" for name in ANSWERS]
    both = [
        f"{name} = {name} + (NEW.state = '{name[8:]}') - (OLD.state = '{name[8:]}')"
        for name in ANSWERS
    ]
    opened = f"(NEW.state = 'open' AND {_no_other_open('NEW')})"
    left = f"(OLD.state = 'open' AND {_no_other_open('OLD')})"
    more = f"unfinished = unfinished + {opened}"
    less = f"unfinished = unfinished - {left}"
    swapped = (
        "unfinished = unfinished + ((NEW.state = 'open') - (OLD.state = 'open')) "
        f"* {_no_other_open('NEW')}"
    )
    return {
        "insert": (
            f"AFTER INSERT ON assignments WHEN NOT NEW.gold BEGIN {_changed('NEW', more, *new)} END"
        ),
        "update": (
            "AFTER UPDATE OF state ON assignments WHEN OLD.state <> NEW.state AND NOT NEW.gold "
            f"BEGIN {_changed('NEW', swapped, *both)} END"
        ),
        "delete": (
            f"AFTER DELETE ON assignments WHEN NOT OLD.gold BEGIN {_changed('OLD', less, *old)} END"
        ),
    }


def _sqlite_without() -> dict[str, str]:
    """As they were before."""

    def when(event: str, condition: str, row: str, sign: str) -> str:
        return (
            f"AFTER {event} ON assignments WHEN {condition} AND NOT {row}.gold "
            f"AND {_no_other_open(row)} "
            f"BEGIN {_changed(row, f'unfinished = unfinished {sign} 1')} END"
        )

    is_open, was_open = "NEW.state = 'open'", "OLD.state = 'open'"
    update = "UPDATE OF state"
    return {
        "insert": when("INSERT", is_open, "NEW", "+"),
        "close": when(update, f"{was_open} AND NEW.state <> 'open'", "NEW", "-"),
        "open": when(update, f"OLD.state <> 'open' AND {is_open}", "NEW", "+"),
        "delete": when("DELETE", was_open, "OLD", "-"),
    }


TRANSITIONS = {
    "insert": {"new_rows": 1},
    "update": {"old_rows": -1, "new_rows": 1},
    "delete": {"old_rows": -1},
}
"""Which rows a statement of a kind leaves behind and makes, and how they count."""
NOW = (
    "(SELECT count(*) FROM assignments AS a WHERE a.image_id = changed.image_id "
    "AND a.state = 'open' AND NOT a.gold)"
)


def _differences(parts: dict[str, int]) -> str:
    rows = " UNION ALL ".join(
        f"SELECT project_id, image_id, {sign} * CAST(state = 'open' AS int) AS is_open, "
        f"{sign} * CAST(state = 'done' AS int) AS is_done FROM {part} WHERE NOT gold"
        for part, sign in parts.items()
    )
    changed = (
        "SELECT project_id, image_id, sum(is_open) AS is_open, sum(is_done) AS is_done "
        f"FROM ({rows}) AS changed GROUP BY project_id, image_id "
        "HAVING sum(is_open) <> 0 OR sum(is_done) <> 0"
    )
    return (
        "SELECT project_id, 0, 0, 0, "
        "sum(CAST(now > 0 AS int) - CAST(now - is_open > 0 AS int)), sum(is_open), sum(is_done) "
        f"FROM (SELECT project_id, is_open, is_done, {NOW} AS now FROM ({changed}) AS changed) "
        "AS summed GROUP BY project_id"
    )


def _differences_without(parts: dict[str, int]) -> str:
    """As they were before."""
    rows = " UNION ALL ".join(
        f"SELECT project_id, image_id, {sign} AS sign FROM {part} WHERE state = 'open' AND NOT gold"
        for part, sign in parts.items()
    )
    changed = (
        f"SELECT project_id, image_id, sum(sign) AS more FROM ({rows}) AS changed "
        "GROUP BY project_id, image_id HAVING sum(sign) <> 0"
    )
    return (
        "SELECT project_id, 0, 0, 0, sum(CAST(now > 0 AS int) - CAST(now - more > 0 AS int)) "
        f"FROM (SELECT project_id, more, {NOW} AS now FROM ({changed}) AS changed) AS summed "
        "GROUP BY project_id HAVING sum(CAST(now > 0 AS int) - CAST(now - more > 0 AS int)) <> 0"
    )
