"""Columns that hold a member of an enum."""

from sqlalchemy import Column, MetaData, String, Table, create_engine, insert, select, text

from server.db import EnumText
from server.models.run import RunState

PLACES = Table("places", MetaData(), Column("state", EnumText(RunState, 20), primary_key=True))


def test_a_member_is_stored_as_its_text_and_another_text_is_read_as_it_is() -> None:
    with create_engine("sqlite://").begin() as connection:
        PLACES.create(connection)
        connection.execute(insert(PLACES).values(state=RunState.QUEUED))
        connection.execute(text("INSERT INTO places VALUES ('postponed')"))
        stored = select(PLACES.c.state)
        is_queued = PLACES.c.state.in_([RunState.QUEUED, RunState.RUNNING])
        assert connection.scalars(text("SELECT state FROM places")).all() == ["queued", "postponed"]
        assert connection.scalar(stored.where(is_queued)) is RunState.QUEUED
        assert connection.scalar(stored.where(~is_queued)) == "postponed"


def test_it_makes_the_same_column_as_text_does() -> None:
    made, plain = EnumText(RunState, 20), String(20)
    dialect = create_engine("sqlite://").dialect
    assert made.compile(dialect=dialect) == plain.compile(dialect=dialect)
