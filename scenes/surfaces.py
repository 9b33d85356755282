"""What makes flat colours look like things: asphalt, paving slabs, puddles, shadows, grain."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from scenes.canvas import SUPERSAMPLING, Camera, Canvas
from scenes.category import Category
from scenes.dice import Dice
from scenes.street import Plan
from scenes.style import Look, Style

Values = NDArray[np.floating[Any]]
Ids = NDArray[np.uint8]
_TILE = 256


def as_image(pixels: Values) -> Image.Image:
    """(height, width, 3) of 0 to 255 as a picture; what is out of range is cut."""
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@dataclass(frozen=True)
class _Ground:
    """The ground pixels of a picture and where each is in the world."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    s: Values
    t: Values
    ahead: Values


def _find_ground(ids: Ids, camera: Camera, bend: float) -> _Ground:
    rows, columns = np.nonzero((ids == Category.ROAD) | (ids == Category.PAVEMENT))
    middle, scale = np.float32(0.5), SUPERSAMPLING / camera.focal
    right = (columns.astype(np.float32) + middle) * scale - camera.width / 2 / camera.focal
    down = (rows.astype(np.float32) + middle) * scale - camera.height / 2 / camera.focal
    pose = camera.pose
    right, up = (
        right * math.cos(pose.roll) + down * math.sin(pose.roll),
        right * math.sin(pose.roll) - down * math.cos(pose.roll),
    )
    up, ahead = (
        up * math.cos(pose.pitch) + math.sin(pose.pitch),
        math.cos(pose.pitch) - up * math.sin(pose.pitch),
    )
    far = pose.height / np.maximum(-up, 0.002)
    x = pose.x + far * (right * math.cos(pose.yaw) + ahead * math.sin(pose.yaw))
    z = far * (ahead * math.cos(pose.yaw) - right * math.sin(pose.yaw))
    t = x - bend * z * z / 2
    return _Ground(rows, columns, z, t, far)


def _look_up(tile: Values, ground: _Ground, per_metre: float) -> Values:
    rows = (ground.s * per_metre).astype(np.int32) & (_TILE - 1)
    columns = (ground.t * per_metre).astype(np.int32) & (_TILE - 1)
    found: Values = tile[rows, columns]
    return found


def shade_ground(
    pixels: Values, ids: Ids, canvas: Canvas, plan: Plan, style: Style, dice: Dice
) -> None:
    """Texture, shadows, water and haze on the carriageway and the pavements, in place."""
    ground = _find_ground(ids, canvas.camera, plan.street.bend)
    grain, clouds = dice.grain(_TILE, _TILE), dice.clouds(_TILE, _TILE, 24, 3)
    place = (ground.rows, ground.columns)
    paved = ids[place] == Category.PAVEMENT
    near = 1 / (1 + ground.ahead / 7)
    rough = 0.06 if style.look is Look.SOURCE else 0.16
    tone = 1 + rough * near * _look_up(grain, ground, 36)
    tone += rough * _look_up(clouds, ground, 3) * (0.5 + 0.5 * near)
    tone -= np.where(paved, 0, 0.5 * rough * np.cos(ground.t * (2 * math.pi / 1.7)))
    tone += np.where(paved, _slabs(ground, canvas.camera, style.materials.slab, grain), 0)
    radius = 1 if style.light.sunlight[0] > 0.5 else 5
    dark = np.asarray(canvas.shadows.filter(ImageFilter.BoxBlur(radius)), np.float32)[place]
    tone *= 1 - style.light.shadow * dark / 255
    color: Values = pixels[place] * tone[:, None]
    if style.wet:
        color = _mirror(pixels, color, ground, canvas.camera, style.wet * _puddles(clouds, ground))
    air = np.exp(-style.light.haze * ground.ahead)[:, None]
    pixels[place] = color * air + np.array(style.light.haze_color, np.float32) * (1 - air)


def _slabs(ground: _Ground, camera: Camera, edge: float, grain: Values) -> Values:
    s, t = ground.s / edge, ground.t / edge
    across = ground.ahead * SUPERSAMPLING / camera.focal / edge
    along = across * ground.ahead / camera.pose.height
    joints = np.zeros_like(s)
    for offset, footprint in ((s, along), (t, across)):
        width = np.maximum(0.05, footprint)
        share = np.clip(0.05 / footprint, 0, 1) * np.clip(1.6 - 2 * footprint, 0, 1)
        joints -= 0.2 * share * (offset - np.floor(offset) < width)
    rows, columns = (np.floor(axis).astype(np.int32) & (_TILE - 1) for axis in (s, t))
    tones: Values = 0.05 * np.clip(1.5 - 2 * along, 0, 1) * grain[rows, columns]
    return joints + tones


def _puddles(clouds: Values, ground: _Ground) -> Values:
    depth: Values = np.clip(0.75 + 0.9 * _look_up(clouds, ground, 1.5), 0.25, 1.2)
    return depth


def _mirror(
    pixels: Values, color: Values, ground: _Ground, camera: Camera, share: Values
) -> Values:
    height, width = pixels.shape[:2]
    blurred = as_image(pixels).resize((width // 3, height // 14), Image.Resampling.BOX)
    world = np.asarray(blurred.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    horizon = camera.horizon / SUPERSAMPLING
    rows = np.clip(2 * horizon - ground.rows, 0, height - 1).astype(np.intp)
    reflected = world[rows, ground.columns]
    flat = share * np.clip(0.35 + ground.ahead / 26, 0, 0.9)
    wet: Values = color * ((1 - 0.25 * share) * (1 - flat))[:, None] + reflected * flat[:, None]
    return wet


_ROUGHNESS = {
    Look.SOURCE: {Category.BUILDING: 0.02, Category.TREE: 0.10},
    Look.TARGET: {
        Category.BUILDING: 0.06,
        Category.TREE: 0.24,
        Category.FENCE: 0.08,
        Category.CAR: 0.05,
        Category.PEDESTRIAN: 0.06,
        Category.BICYCLIST: 0.05,
    },
}


def roughen(pixels: Values, ids: Ids, style: Style, dice: Dice) -> None:
    """Give things a grain, some more than others, in place."""
    amounts = np.zeros(len(Category), np.float32)
    for category, amount in _ROUGHNESS[style.look].items():
        amounts[category] = amount
    height, width = ids.shape
    fine = Image.fromarray(dice.grain(height // 2 + 1, width // 2 + 1))
    field = 0.6 * dice.grain(height, width)
    field += np.asarray(fine.resize((width, height), Image.Resampling.BILINEAR))
    field += 0.6 * dice.clouds(height, width, 9, 2)
    pixels *= (1 + amounts[ids] * field)[..., None]
