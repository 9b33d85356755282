"""From the canvas to the finished picture and mask."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from scenes.canvas import SUPERSAMPLING, Canvas
from scenes.dice import Dice
from scenes.lens import photograph
from scenes.street import Plan
from scenes.style import Look, Style, Weather
from scenes.surfaces import Ids, Values, as_image, roughen, shade_ground


def majority(mask: Image.Image) -> Ids:
    """Half the size of the mask: each pixel is the commonest of its four ids."""
    ids = np.asarray(mask)
    a, b, c, d = ids[::2, ::2], ids[::2, 1::2], ids[1::2, ::2], ids[1::2, 1::2]
    a, b = np.minimum(a, b), np.maximum(a, b)
    c, d = np.minimum(c, d), np.maximum(c, d)
    low, high = np.maximum(a, c), np.minimum(b, d)
    first = np.minimum(a, c)
    low, high = np.minimum(low, high), np.maximum(low, high)
    # In ascending order a pair of equal ids is first = low, low = high, or high = last.
    commonest: Ids = np.where(first == low, first, high)
    return commonest


def develop(
    canvas: Canvas, plan: Plan, style: Style, dice: Dice
) -> tuple[Image.Image, Image.Image]:
    """The finished picture and mask."""
    ids = majority(canvas.mask)
    pixels = np.asarray(canvas.image.reduce(SUPERSAMPLING), np.float32).copy()
    shade_ground(pixels, ids, canvas, plan, style, dice)
    roughen(pixels, ids, style, dice)
    _add_glow(pixels, canvas, style)
    mask = Image.fromarray(ids)
    if style.look is Look.SOURCE:
        return as_image(pixels), mask
    if style.weather is Weather.RAIN:
        _add_rain(pixels, dice)
    return photograph(pixels, mask, dice)


def _add_glow(pixels: Values, canvas: Canvas, style: Style) -> None:
    glows = canvas.visible_glows()
    if not glows:
        return
    strength = 1.0 if style.lamps else 0.35
    height, width = pixels.shape[:2]
    halo = Image.new("RGB", (width // 2, height // 2))
    draw = ImageDraw.Draw(halo)
    for glow in glows:
        x, y = (axis / SUPERSAMPLING / 2 for axis in glow.at)
        size = min(glow.radius / SUPERSAMPLING / 2, 26)
        red, green, blue = (round(channel) for channel in glow.color)
        draw.ellipse((x - size / 2, y - size / 2, x + size / 2, y + size / 2), (red, green, blue))
    light = np.zeros_like(pixels)
    for radius, share in ((2, 0.35), (8, 0.5)):
        soft = halo.filter(ImageFilter.GaussianBlur(radius)).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        light += share * np.asarray(soft, np.float32)
    pixels += strength * light


def _add_rain(pixels: Values, dice: Dice) -> None:
    height, width = pixels.shape[:2]
    streaks = Image.new("L", (width, height))
    draw = ImageDraw.Draw(streaks)
    slant = dice.around(0, 0.25)
    for _ in range(dice.count(130, 260)):
        x, y, length = dice.between(-20, width), dice.between(-20, height), dice.between(8, 26)
        brightness = dice.count(40, 120)
        draw.line((x, y, x + slant * length, y + length), brightness, 1)
    soft = np.asarray(streaks.filter(ImageFilter.GaussianBlur(0.6)), np.float32)
    pixels += soft[..., None] * 0.55
