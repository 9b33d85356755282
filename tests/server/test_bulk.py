"""Rows that go to the database as one text come out of it as they were."""

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Float, Integer, String

from server import bulk, db
from server.bulk import values
from server.db import EnumText, session_scope
from server.models.image import ImageState

COLUMNS = {
    "number": Integer(), "share": Float(), "name": String(500), "state": EnumText(ImageState, 20),
}  # fmt: skip
ROWS = st.tuples(
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.floats(-1e9, 1e9, allow_subnormal=False),
    # What a name may have: no database takes a zero character, nor half of a surrogate pair.
    st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))),
    st.none() | st.sampled_from(ImageState),
)


@pytest.mark.usefixtures("database")
@given(rows=st.lists(ROWS, max_size=5))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rows(
    rows: list[tuple[int | None, float | None, str | None, ImageState | None]],
) -> None:
    with session_scope(read_only=True) as session:
        found = session.execute(values(COLUMNS, rows)).all()
    assert [(row.number, row.name, row.state) for row in found] == [
        (number, name, state) for number, _, name, state in rows
    ]
    # SQLite reads the digits of a number to all but its last binary one.
    assert [row.share for row in found] == [
        share if share is None else pytest.approx(share, rel=1e-15) for _, share, _, _ in rows
    ]


@pytest.mark.usefixtures("database")
def test_others_write_between_two_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite, where nobody else knows when a turn ends, each leaves a part of its time to them."""
    moments = iter([10.0, 12.0])
    pauses: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: next(moments), sleep=pauses.append)
    monkeypatch.setattr(bulk, "time", clock)
    with bulk.short_turn() as session:
        session.execute(values({"number": Integer()}, [(1,)]))
    is_sqlite = db.get_engine().dialect.name == "sqlite"
    assert pauses == ([pytest.approx(2.0 * bulk.PAUSE)] if is_sqlite else [])
