"""What people get wrong: overlooked categories, confusions, clicks beside the mark."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from pydantic import Field

from trainer.contract.record import Fraction, Record
from trainer.errors import BadInput


class Mistakes(Record):
    """Chances of each mistake. They are assumptions, set to be plausible; gold images measure them."""

    miss: Fraction = 0
    """Chance of overlooking a category of which there is next to nothing."""
    miss_area: float = Field(default=0.002, gt=0, le=1)
    """Share of the image at which that chance has fallen to 1/e of it."""
    confusion: Fraction = 0
    """Chance of calling a category that is there by the name of another that is not."""
    confused_with: dict[str, tuple[str, ...]] = Field(default={})
    """What a category may be called; any other one, where it is not named here."""
    false_alarm: Fraction = 0
    """Chance of seeing a category that is not there, for each."""
    jitter: float = Field(default=0, ge=0, le=1)
    """Standard deviation of a click in each direction, as a share of the image's width."""

    def miss_chance(self, share: float) -> float:
        """Chance of overlooking what covers this share of an image, or of a tile."""
        return self.miss * math.exp(-share / self.miss_area)


NONE = Mistakes()
CAREFUL = Mistakes(miss=0.3, miss_area=0.002, confusion=0.005, false_alarm=0.002, jitter=0.003)
HASTY = Mistakes(miss=0.6, miss_area=0.01, confusion=0.02, false_alarm=0.01, jitter=0.01)
KNOWN: Mapping[str, Mistakes] = MappingProxyType({"none": NONE, "careful": CAREFUL, "hasty": HASTY})


def mistakes_named(name: str) -> Mistakes:
    """Raises BadInput for a name that nobody has."""
    if name not in KNOWN:
        raise BadInput(f"mistakes: {name!r} is none of {', '.join(KNOWN)}")
    return KNOWN[name]
