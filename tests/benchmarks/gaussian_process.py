"""Accuracy over labelling time by a Gaussian process on log-time, to be held against `trainer.curves`.

As in Tejero et al., "Full or Weak Annotations?" (CVPR 2023), which forecasts with one: a constant mean,
a squared exponential kernel over the logarithm of hours, and noise of each run. Length and noise are
those of the highest marginal likelihood on a grid; mean and scale have a closed form (Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, sections 2.2, 2.7 and 5.4.1).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LENGTHS = np.geomspace(0.3, 10, 16)
"""Of the kernel, in units of the natural logarithm of hours."""
NOISES = np.geomspace(1e-3, 3, 16)
"""Variance of a run's noise over that of the process."""


def _log_time(hours: Floats, shortest: float) -> Floats:
    """Half the shortest time besides, so that a run without labels has a place too."""
    return np.log(hours + shortest / 2)


def _kernel(one: Floats, other: Floats, length: float) -> Floats:
    return np.exp(-0.5 * ((one[:, None] - other[None, :]) / length) ** 2)


def predict(hours: Sequence[float], values: Sequence[float], at: float) -> tuple[float, float]:
    """The value that a further run with `at` hours is expected to have, and its standard deviation."""
    x_all, y = np.array([*hours, at], float), np.array(values, float)
    shortest = min(h for h in hours if h > 0)
    x, new = _log_time(x_all[:-1], shortest), _log_time(x_all[-1:], shortest)
    best, found = -np.inf, (float(y.mean()), float(y.std()))
    ones = np.ones_like(y)
    for length in LENGTHS:
        for noise in NOISES:
            covariance = _kernel(x, x, length) + noise * np.eye(len(y))
            solved = np.linalg.solve(covariance, np.stack([y, ones], 1))
            mean = (ones @ solved[:, 0]) / (ones @ solved[:, 1])
            weights = solved[:, 0] - mean * solved[:, 1]
            scale = max(float((y - mean) @ weights) / len(y), 1e-12)
            likelihood = -0.5 * (len(y) * np.log(scale) + np.linalg.slogdet(covariance)[1])
            if likelihood > best:
                near = _kernel(new, x, length)[0]
                left = 1 + noise - near @ np.linalg.solve(covariance, near)
                best = likelihood
                found = float(mean + near @ weights), float(np.sqrt(scale * max(left, 0.0)))
    return found
