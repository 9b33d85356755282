"""Rows that go to the database as one text come out of it as they were."""

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Float, Integer, String, event

from server import bulk, db
from server.bulk import numbers, values
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
@pytest.mark.parametrize("whole", [[], [3, 1, 3], [-(2**31), 0, 2**31 - 1]])
def test_whole_numbers(whole: list[int]) -> None:
    with session_scope(read_only=True) as session:
        assert session.scalars(numbers(whole)).all() == whole


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


def test_where_a_transaction_takes_long_the_next_has_fewer_rows() -> None:
    size = bulk.TurnSize(500)
    for seconds, following in (
        (0.01, 80), (0.01, 320), (0.01, 500), (0.05, 500), (0.25, 200), (0.05, 400), (60, 20),
        (0, 80), (0.1, 80),
    ):  # fmt: skip
        size.took(seconds)
        assert size.rows == following
    assert bulk.TurnSize(7).rows == 7


@pytest.mark.usefixtures("database")
def test_what_a_turn_waits_for_others_is_not_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else who was kept waiting would do less and less."""
    moments, pauses = [0.0], []
    clock = SimpleNamespace(monotonic=lambda: moments[-1], sleep=pauses.append)
    monkeypatch.setattr(bulk, "time", clock)
    size, waited = bulk.TurnSize(500), lambda _: moments.append(5.0)
    event.listen(db.get_engine(), "begin", waited)
    try:
        with bulk.short_turn(size):
            moments.append(5.05)
    finally:
        event.remove(db.get_engine(), "begin", waited)
    assert size.rows == int(20 * 0.1 / 0.05)
    assert pauses in ([], [pytest.approx(0.05 * bulk.PAUSE)])
