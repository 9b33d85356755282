"""Learning rate over the steps of a run."""

import math

POWER = 0.9


def poly(step: int, steps: int) -> float:
    """Factor of the learning rate at `step` of `steps`: from 1 at step 0 down to 0 at the end."""
    return math.pow(1 - min(step / max(steps, 1), 1), POWER)
