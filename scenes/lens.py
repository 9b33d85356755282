"""The faults of a cheap camera."""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from scenes.dice import Dice
from scenes.surfaces import Values, as_image

_MIDDLE_GREY = 112.0


def photograph(pixels: Values, mask: Image.Image, dice: Dice) -> tuple[Image.Image, Image.Image]:
    """What a cheap camera behind a windscreen makes of it."""
    exposure = np.clip((_MIDDLE_GREY / max(float(pixels.mean()), 1.0)) ** 0.7, 0.85, 2.2)
    image = as_image(pixels * np.float32(exposure)).convert("RGB", _color_matrix(dice))
    image = ImageChops.multiply(image, _vignette(image.size, dice.between(0.12, 0.3)))
    mesh = _barrel(*image.size, dice.between(0.02, 0.07))
    method = Image.Transform.MESH
    image = image.transform(image.size, method, mesh, Image.Resampling.BILINEAR)
    mask = mask.transform(mask.size, method, mesh, Image.Resampling.NEAREST)
    image = image.filter(_blur(dice.between(0.0, 0.16), dice.pick((0.0, 0.0, 0.0, 0.3))))
    noise = dice.grain(mask.height, mask.width) + dice.grain(mask.height, mask.width)
    grain = Image.fromarray((128 + noise * np.float32(dice.between(1.5, 4))).astype(np.uint8))
    return ImageChops.add(image, Image.merge("RGB", (grain, grain, grain)), 1, -128), mask


def _color_matrix(dice: Dice) -> tuple[float, ...]:
    """Less colour, a cast, a little more or less contrast."""
    saturation, lift = dice.between(0.65, 0.95), dice.between(0, 12)
    matrix: list[float] = []
    for row, cast in enumerate((0.08, 0.03, 0.09)):
        gain = dice.around(1, cast)
        weights = [gain * (1 - saturation) / 3] * 3
        weights[row] += gain * saturation
        matrix += [*weights, lift]
    return tuple(matrix)


def _vignette(size: tuple[int, int], strength: float) -> Image.Image:
    across = np.linspace(-1, 1, size[0], dtype=np.float32)[None, :]
    down = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    light = 255 * (1 - strength * (across**2 + down**2) / 1.6)
    grey = Image.fromarray(light.astype(np.uint8))
    return Image.merge("RGB", (grey, grey, grey))


def _blur(soft: float, shaken: float) -> ImageFilter.Kernel:
    """A lens that is a little soft; a camera that moved sideways."""
    corner, edge = soft * 0.5, soft
    side = edge + shaken
    return ImageFilter.Kernel((3, 3), (corner, edge, corner, side, 1, side, corner, edge, corner))


Box = tuple[int, int, int, int]
Quad = tuple[float, float, float, float, float, float, float, float]


def _barrel(width: int, height: int, strength: float) -> list[tuple[Box, Quad]]:
    """Straight lines bow outwards; the corners of the picture stay where they are."""

    def source(x: float, y: float) -> tuple[float, float]:
        u, v = 2 * x / width - 1, 2 * y / height - 1
        factor = (1 + strength * (u * u + v * v)) / (1 + 2 * strength)
        return ((u * factor + 1) * width / 2, (v * factor + 1) * height / 2)

    columns = [round(width * k / 8) for k in range(9)]
    rows = [round(height * k / 6) for k in range(7)]
    mesh: list[tuple[Box, Quad]] = []
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            corners = [(left, top), (left, bottom), (right, bottom), (right, top)]
            (a, b), (c, d), (e, f), (g, h) = (source(x, y) for x, y in corners)
            mesh.append(((left, top, right, bottom), (a, b, c, d, e, f, g, h)))
    return mesh
