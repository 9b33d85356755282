"""Active labelling time, recomputed from the browser's event trail.

The clock of an image runs from its painting to submit: *wall* time. *Active* time is wall time
less hidden-tab time, less waits for a prefetch, less the part of every gap without input beyond
what the project calls idle (`Project.idle_after_s`).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from server.errors import BadInput
from server.models.label import Trail
from server.schemas.label import Timing, TimingEvent

IDLE_AFTER_S = 10
"""Of a project that says nothing else."""
LONGEST_IDLE_S = 120
"""A trail has room for less than a week of active time with it."""
MS = 1000
LONGEST_WALL_MS = 7 * 24 * 3_600_000
"""Of a page that was left open for longer, nobody says that the image took all that time."""


@dataclass(frozen=True)
class Spent:
    """The time that a label took, and what it was computed from."""

    active_ms: int
    wall_ms: int
    trail: Trail = field(default_factory=list)

    @classmethod
    def of(cls, timing: Timing, idle_after_s: int = IDLE_AFTER_S) -> "Spent":
        """Raises BadInput for a trail that cannot be."""
        trail: Trail = [[event.at, event.kind] for event in timing.events]
        return cls(active_ms(timing, idle_after_s), wall_ms(timing), trail)

    def shares(self, count: int) -> Iterator["Spent"]:
        """The times in equal whole parts, which sum up to them."""
        for index in range(count):
            yield Spent(share(self.active_ms, index, count), share(self.wall_ms, index, count))


def share(total: int, index: int, count: int) -> int:
    """One of `count` equal whole parts; the first ones have what is left over."""
    return total // count + (index < total % count)


def wall_ms(timing: Timing) -> int:
    """Wall milliseconds of one image as they count: never more than a week.

    A trail has room for 167 hours of active time, so that there is always less of it than of this.
    """
    return min(timing.wall_ms, LONGEST_WALL_MS)


def active_ms(timing: Timing, idle_after_s: int = IDLE_AFTER_S) -> int:
    """Active milliseconds of one image.

    Painting and submit count as input. Raises BadInput for a trail that cannot be: events out of
    order or after submit, or more active time than wall time.
    """
    _refuse_nonsense(timing)
    return counted(gaps(((e.at, e.kind) for e in timing.events), timing.wall_ms), idle_after_s)


def counted(found: Iterable[int], idle_after_s: int) -> int:
    """What counts of gaps, in milliseconds."""
    longest = idle_after_s * MS
    return sum(min(gap, longest) for gap in found)


def gaps(events: Iterable[Sequence[int | str]], wall_ms: int) -> list[int]:
    """Milliseconds from each input to the next, without hidden and waiting time.

    From painting on, and until submit. `events`: [at, kind], in order.
    """
    found = []
    gap = before = 0
    hidden = waiting = False
    for moment, kind in (*events, (wall_ms, "input")):
        at = int(moment)
        if not (hidden or waiting):
            gap += at - before
        before = at
        if kind == "input":
            found.append(gap)
            gap = 0
        elif kind in ("hidden", "visible"):
            hidden = kind == "hidden"
        else:
            waiting = kind == "wait-start"
    return found


class ByIdle:
    """Active time for each whole number of seconds after which a gap is idle."""

    def __init__(self) -> None:
        # By the whole seconds of a gap, all longer ones in the last place.
        self._ms = [0] * (LONGEST_IDLE_S + 1)
        self._gaps = [0] * (LONGEST_IDLE_S + 1)
        self._added = [0] * LONGEST_IDLE_S
        self._same = 0

    def add_gaps(self, found: Iterable[int]) -> None:
        """Add the time of one trail."""
        for gap in found:
            place = min(gap // MS, LONGEST_IDLE_S)
            self._ms[place] += gap
            self._gaps[place] += 1

    def add_same(self, ms: int) -> None:
        """Add a time that has no trail: it is the same whatever counts as idle."""
        self._same += ms

    def add_share(self, totals: Sequence[int], index: int, count: int) -> None:
        """Add one of the equal parts of a time, of which `totals` is `values()`."""
        self._added = [a + share(t, index, count) for a, t in zip(self._added, totals, strict=True)]

    def values(self) -> list[int]:
        """Milliseconds with gaps that are idle after 1, 2, ... `LONGEST_IDLE_S` seconds."""
        shorter, longer, found = 0, sum(self._gaps), []
        for seconds, added in enumerate(self._added, 1):
            shorter += self._ms[seconds - 1]
            longer -= self._gaps[seconds - 1]
            found.append(self._same + added + shorter + longer * seconds * MS)
        return found


def _refuse_nonsense(timing: Timing) -> None:
    if timing.active_ms is not None and timing.active_ms > timing.wall_ms:
        raise BadInput("timing: active_ms is more than wall_ms", code="bad-timing")
    _refuse_disorder(timing.events, timing.wall_ms)


def _refuse_disorder(events: Sequence[TimingEvent], wall_ms: int) -> None:
    before = 0
    for index, event in enumerate(events):
        if event.at < before:
            raise BadInput(f"timing.events[{index}]: earlier than the one before it",
                           code="bad-timing")  # fmt: skip
        if event.at > wall_ms:
            raise BadInput(f"timing.events[{index}]: after submit", code="bad-timing")
        before = event.at
