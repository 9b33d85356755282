"""Active time against hand-made replays of what a person did."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadInput
from server.schemas.label import Timing, TimingEvent
from server.services.labels.timing import (
    IDLE_AFTER_S,
    LONGEST_IDLE_S,
    LONGEST_WALL_MS,
    ByIdle,
    active_ms,
    counted,
    gaps,
    share,
    wall_ms,
)


def replay(wall_ms: int, *events: tuple[int, str]) -> int:
    trail = [TimingEvent.model_validate({"at": at, "kind": kind}) for at, kind in events]
    return active_ms(Timing(wall_ms=wall_ms, events=trail))


def test_short_gaps_count_whole() -> None:
    assert replay(9_000, (2_000, "input"), (6_000, "input")) == 9_000


def test_of_a_long_gap_ten_seconds_count() -> None:
    assert replay(45_000, (5_000, "input")) == 5_000 + 10_000


def test_without_events_at_most_ten_seconds_count() -> None:
    assert replay(3_600_000) == 10_000
    assert replay(4_000) == 4_000


def test_a_hidden_tab_counts_nothing() -> None:
    assert replay(60_000, (2_000, "hidden"), (58_000, "visible"), (59_000, "input")) == 4_000


def test_a_wait_for_the_next_picture_counts_nothing() -> None:
    assert replay(8_000, (1_000, "wait-start"), (6_000, "wait-end")) == 3_000


def test_hidden_while_waiting_is_subtracted_once() -> None:
    trail = ((1_000, "wait-start"), (2_000, "hidden"), (3_000, "wait-end"), (5_000, "visible"))
    assert replay(6_000, *trail) == 2_000


def test_hiding_does_not_start_a_new_gap() -> None:
    # 6 s idle, hidden, 6 s idle: one gap of 12 s of which 10 count.
    assert replay(20_000, (6_000, "hidden"), (14_000, "visible")) == 10_000


@pytest.mark.parametrize(
    ("wall_ms", "events", "words"),
    [
        (5_000, [(6_000, "input")], r"events\[0\].*after submit"),
        (5_000, [(3_000, "input"), (2_000, "input")], r"events\[1\].*earlier"),
    ],
)
def test_impossible_trails_are_refused(
    wall_ms: int, events: list[tuple[int, str]], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        replay(wall_ms, *events)


def test_more_active_than_wall_is_refused() -> None:
    with pytest.raises(BadInput, match="active_ms"):
        active_ms(Timing(wall_ms=10, active_ms=11))


kinds = st.sampled_from(["input", "hidden", "visible", "wait-start", "wait-end"])


@given(
    st.lists(st.tuples(st.integers(0, 100_000), kinds), max_size=40).map(sorted),
    st.integers(100_000, 200_000),
)
def test_active_is_within_wall_and_inputs_bound_it(
    events: list[tuple[int, str]], wall_ms: int
) -> None:
    found = replay(wall_ms, *events)
    inputs = 1 + sum(kind == "input" for _, kind in events)
    assert 0 <= found <= min(wall_ms, inputs * IDLE_AFTER_S * 1000)


DAY = 24 * 3_600_000


@given(st.integers(0, 30 * 365 * DAY), st.lists(st.tuples(st.integers(0, DAY), kinds), max_size=40))
def test_no_span_is_too_long(wall: int, ends: list[tuple[int, str]]) -> None:
    """Whatever was done at the end of a page that was open for years counts."""
    events = sorted((max(0, wall - before), kind) for before, kind in ends)
    trail = [TimingEvent.model_validate({"at": at, "kind": kind}) for at, kind in events]
    timing = Timing(wall_ms=wall, events=trail)
    assert wall_ms(timing) == min(wall, LONGEST_WALL_MS)
    assert active_ms(timing) <= wall_ms(timing)


def test_work_after_a_week_counts() -> None:
    back = 8 * DAY
    events = [
        (2_000, "hidden"),
        (back, "visible"),
        *((back + 1_000 * n, "input") for n in range(7)),
    ]
    assert replay(back + 7_000, *events) == 2_000 + 7_000


def test_a_trail_has_no_room_for_more_active_time_than_a_week() -> None:
    events = [TimingEvent(at=20_000 * n, kind="input") for n in range(1, 5_001)]
    timing = Timing(wall_ms=100_000_000, events=events)
    assert active_ms(timing) == 5_000 * IDLE_AFTER_S * 1000
    widely = [TimingEvent(at=200_000 * n, kind="input") for n in range(1, 5_001)]
    longest = active_ms(Timing(wall_ms=1_000_200_000, events=widely), LONGEST_IDLE_S)
    assert longest == 5_001 * LONGEST_IDLE_S * 1000 < LONGEST_WALL_MS


def test_other_gaps_are_idle_elsewhere() -> None:
    # Gaps of 3, 17 (hidden for 5 in between) and 40 s.
    trail = [[3_000, "input"], [5_000, "hidden"], [10_000, "visible"], [25_000, "input"]]
    found = gaps(trail, 65_000)
    assert found == [3_000, 17_000, 40_000]
    by_hand = {1: 3_000, 3: 9_000, 10: 23_000, 17: 37_000, 30: 50_000, 40: 60_000, 120: 60_000}
    assert {seconds: counted(found, seconds) for seconds in by_hand} == by_hand


@given(
    st.lists(st.lists(st.integers(0, 300_000), max_size=6), max_size=6),
    st.lists(st.integers(0, 10_000), max_size=3),
    st.integers(1, 5),
)
def test_time_by_idle_is_the_sum_of_each_label_alone(
    trails: list[list[int]], untimed: list[int], count: int
) -> None:
    by_idle, page = ByIdle(), ByIdle()
    page.add_gaps(trails[0] if trails else [])
    for trail in trails:
        by_idle.add_gaps(trail)
    for ms in untimed:
        by_idle.add_same(ms)
    by_idle.add_share(page.values(), count - 1, count)
    one_by_one = [
        sum(counted(trail, seconds) for trail in trails)
        + sum(untimed)
        + share(counted(trails[0] if trails else [], seconds), count - 1, count)
        for seconds in range(1, LONGEST_IDLE_S + 1)
    ]
    assert by_idle.values() == one_by_one
