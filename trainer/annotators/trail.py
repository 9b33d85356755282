"""The clock of a label as the browser keeps it: painted at 0, inputs, a break, submit."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

LONGEST_GAP = 4.0
"""Seconds: people who think go on moving the pointer, long before a gap counts as idle (10 s)."""
BURST = 0.25
"""Seconds between two inputs that the browser keeps of a burst."""
FIRST_LOOK = 0.15
"""Share of the time before the first action."""
MOST_EVENTS = 5000


@dataclass(frozen=True)
class Clocked:
    """What is sent of the time of a label, in the form of the API's `timing`."""

    active_ms: int
    wall_ms: int
    events: tuple[tuple[int, str], ...]
    """(milliseconds since the image was painted, kind)."""

    def body(self) -> dict[str, object]:
        """For JSON."""
        events = [{"at": at, "kind": kind} for at, kind in self.events]
        return {"wall_ms": self.wall_ms, "active_ms": self.active_ms, "events": events}


def clocked(
    seconds: float, actions: int, break_seconds: float, random: np.random.Generator
) -> Clocked:
    """The trail of somebody who works for so long, as one with keys and a pointer leaves it.

    No gap is long enough to count as idle, so that the active time is exactly `seconds`.

    Args:
        seconds: active time.
        actions: keys and clicks before the one that submits.
        break_seconds: of a hidden tab in between; 0: none.
        random: where the actions lie.
    """
    active = max(round(1000 * seconds), 1)
    shares = np.sort(random.uniform(FIRST_LOOK, 1, min(actions, MOST_EVENTS // 4)))
    moments = [round(float(share) * active) for share in shares]
    inputs = _thinned(_filled([0, *moments, active], LONGEST_GAP * 1000)[1:-1])
    if not break_seconds:
        return Clocked(active, active, tuple((at, "input") for at in inputs))
    away = max(round(1000 * break_seconds), 1)
    left = int(random.integers(0, active + 1))
    before = tuple((at, "input") for at in inputs if at <= left)
    after = tuple((at + away, "input") for at in inputs if at > left)
    gone = ((left, "hidden"), (left + away, "visible"))
    return Clocked(active, active + away, (*before, *gone, *after))


def _filled(moments: list[int], longest: float) -> list[int]:
    """With moves of the pointer in between, where two moments are farther apart than that."""
    longest = max(longest, moments[-1] / (MOST_EVENTS // 2))
    filled = moments[:1]
    for before, after in pairwise(moments):
        parts = int(np.ceil((after - before) / longest)) or 1
        filled += [before + (after - before) * part // parts for part in range(1, parts + 1)]
    return filled


def _thinned(inputs: list[int]) -> list[int]:
    """Of a burst, one input each `BURST`."""
    kept: list[int] = []
    for at in inputs:
        if not kept or at - kept[-1] >= BURST * 1000:
            kept.append(at)
    return kept
