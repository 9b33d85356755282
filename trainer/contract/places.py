"""Where points are in an image."""

EDGE = 0.001
"""Of a pixel: how far inside of the far edge a point comes that was on it or a hair outside."""
HAIR = 0.5
"""Pixels outside of an image that a point may be: rounding and other conventions move it so far."""
_NOISE = 1e-6


def inside(value: float, limit: int) -> float | None:
    """A coordinate in pixels, moved into [0, limit) from at most half a pixel outside; else None."""
    if 0 <= value < limit:
        return value
    if value < 0:
        return 0.0 if value >= -HAIR - _NOISE else None
    return limit - EDGE if value <= limit + HAIR + _NOISE else None
