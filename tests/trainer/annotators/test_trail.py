"""The trail of a label says exactly the active time, by the server's own arithmetic."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from server.schemas.label import Timing
from server.services.labels.timing import IDLE_AFTER_S, active_ms
from trainer.annotators.trail import MOST_EVENTS, clocked


@given(
    seconds=st.floats(0, 50_000),
    actions=st.integers(0, 9000),
    away=st.one_of(st.just(0.0), st.floats(0.001, 4000)),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_the_server_computes_the_time_that_was_simulated(
    seconds: float, actions: int, away: float, seed: int
) -> None:
    clock = clocked(seconds, actions, away, np.random.default_rng(seed))
    timing = Timing.model_validate(clock.body())
    assert len(timing.events) <= MOST_EVENTS
    if seconds < MOST_EVENTS // 2 * IDLE_AFTER_S:
        assert active_ms(timing, IDLE_AFTER_S) == clock.active_ms == max(round(1000 * seconds), 1)
    assert timing.wall_ms == clock.active_ms + (max(round(1000 * away), 1) if away else 0)


def test_it_looks_as_a_browser_leaves_it() -> None:
    clock = clocked(12.0, 9, 30.0, np.random.default_rng(0))
    kinds = [kind for _, kind in clock.events]
    assert kinds.count("hidden") == kinds.count("visible") == 1
    assert kinds.index("visible") == kinds.index("hidden") + 1
    inputs = [at for at, kind in clock.events if kind == "input"]
    assert inputs == sorted(inputs)
    assert min(np.diff(inputs)) >= 250, "the browser keeps one input of a burst"
    assert len(inputs) >= 6
