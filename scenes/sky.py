"""The sky behind everything."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenes.canvas import Camera
from scenes.color import Color
from scenes.dice import Dice
from scenes.style import Style, Weather

Rows = NDArray[np.float32]


def paint_sky(camera: Camera, style: Style, dice: Dice, size: tuple[int, int]) -> Image.Image:
    """The whole sky at the finished picture's size."""
    # Soft shapes need only half the resolution.
    width, height = (max(2, side // 2) for side in size)
    horizon = camera.horizon * height / camera.height
    rows = np.arange(height, dtype=np.float32)[:, None]
    up = np.clip((horizon - rows) / max(horizon, 1.0), 0, 1)
    sky = _blend(style.skyline, style.zenith, up**0.7)
    sky = np.broadcast_to(sky, (height, width, 3)).astype(np.float32)
    if style.clouds > 0:
        sky = _add_clouds(sky, up, style, dice)
    if style.weather is Weather.LOW_SUN:
        sky += _sun_glow(camera, style, (width, height))
    painted = Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))
    return painted.resize(size, Image.Resampling.BILINEAR)


def _blend(first: Color, second: Color, share: Rows) -> Rows:
    low, high = np.array(first, np.float32), np.array(second, np.float32)
    return low + share[..., None] * (high - low)


def _add_clouds(sky: Rows, up: Rows, style: Style, dice: Dice) -> Rows:
    height, width = sky.shape[:2]
    # Clouds lie flat above the street: near the horizon their rows are closer together.
    depth = 1.2 * height * (1 / (up[:, 0] + 0.5) - 1 / 1.5)
    field = dice.clouds(int(depth[-1]) + 1, width, dice.between(2.6, 4.5))[depth.astype(np.intp)]
    softness = 0.35 if style.weather is Weather.CLEAR else 0.8
    cover = np.clip((field + style.clouds * 1.5 - 0.75) / softness, 0, 1)
    cover *= np.clip(up * 6, 0, 1) * 0.92
    cloud = np.array(style.cloud, np.float32)
    lit = cloud * (1 - 0.12 * np.clip(field, 0, 1))[..., None]
    sky += cover[..., None] * (lit - sky)
    return sky


def _sun_glow(camera: Camera, style: Style, size: tuple[int, int]) -> Rows:
    width, height = size
    sun = tuple(1000 * axis for axis in style.light.sun)
    seen = camera.view((sun[0], sun[1] + camera.pose.height, sun[2]))
    if seen[2] <= 1:
        return np.zeros((1, 1, 1), np.float32)
    x, y = camera.pixel(seen)
    scale = width / camera.width
    columns = (np.arange(width, dtype=np.float32) - x * scale)[None, :] / width
    rows = (np.arange(height, dtype=np.float32) - y * scale)[:, None] / width
    distance = columns**2 + rows**2
    glow = 190 * np.exp(-distance / 0.004) + 70 * np.exp(-distance / 0.08)
    return np.asarray(glow[..., None] * np.array((1.0, 0.86, 0.6), np.float32), np.float32)
