"""Active labelling time, recomputed from the browser's event trail.

The clock of an image runs from its painting to submit: *wall* time. *Active* time is wall time
less hidden-tab time, less waits for a prefetch, less the part of every gap without input beyond
`IDLE_AFTER_MS`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from server.errors import BadInput
from server.models.label import Trail
from server.schemas.label import Timing, TimingEvent

IDLE_AFTER_MS = 10_000
LONGEST_WALL_MS = 7 * 24 * 3_600_000
"""Of a page that was left open for longer, nobody says that the image took all that time."""


@dataclass(frozen=True)
class Spent:
    """The time that a label took, and what it was computed from."""

    active_ms: int
    wall_ms: int
    trail: Trail = field(default_factory=list)

    @classmethod
    def of(cls, timing: Timing) -> "Spent":
        """Raises BadInput for a trail that cannot be."""
        trail: Trail = [[event.at, event.kind] for event in timing.events]
        return cls(active_ms(timing), wall_ms(timing), trail)

    def shares(self, count: int) -> Iterator["Spent"]:
        """The times in equal whole parts, which sum up to them."""
        for index in range(count):
            active, wall = (
                total // count + (index < total % count) for total in (self.active_ms, self.wall_ms)
            )
            yield Spent(active, wall)


def wall_ms(timing: Timing) -> int:
    """Wall milliseconds of one image as they count: never more than a week.

    A trail has room for 14 hours of active time, so that there is always less of it than of this.
    """
    return min(timing.wall_ms, LONGEST_WALL_MS)


def active_ms(timing: Timing) -> int:
    """Active milliseconds of one image.

    Painting and submit count as input. Raises BadInput for a trail that cannot be: events out of
    order or after submit, or more active time than wall time.
    """
    _refuse_nonsense(timing)
    active = gap = 0
    hidden = waiting = False
    before = 0
    for at, kind in [*((e.at, e.kind) for e in timing.events), (timing.wall_ms, "input")]:
        if not (hidden or waiting):
            gap += at - before
        before = at
        if kind == "input":
            active += min(gap, IDLE_AFTER_MS)
            gap = 0
        elif kind in ("hidden", "visible"):
            hidden = kind == "hidden"
        else:
            waiting = kind == "wait-start"
    return active


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
