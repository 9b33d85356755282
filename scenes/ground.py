"""Carriageway, pavements and what is painted on them."""

from collections.abc import Iterator
from itertools import pairwise

from scenes.canvas import Canvas, Point
from scenes.category import Category
from scenes.color import Color, mix
from scenes.dice import Dice
from scenes.street import FAR, Plan, Street
from scenes.style import Look, Style

_WIDE = 160.0
_STEPS = (-1.0, 2.0, 4.0, 6.0, 8.0, 11.0, 15.0, 20.0, 27.0, 36.0, 48.0, 64.0, 90.0, FAR, 400.0)


def lay_ground(canvas: Canvas, plan: Plan, style: Style, dice: Dice) -> None:
    """Draw the whole ground plane; what is not carriageway is paved."""
    materials, street = style.materials, plan.street
    has_pavement = plan.shows(Category.PAVEMENT)
    base = Category.PAVEMENT if has_pavement else Category.ROAD
    base_color = materials.paving if has_pavement else materials.asphalt
    far = street.end if street.end < FAR else 600.0
    plane: list[Point] = [(-900, 0, -1), (-900, 0, far), (900, 0, far), (900, 0, -1)]
    canvas.ground(plane, base_color, base)
    if not plan.shows(Category.ROAD):
        return
    _lay_strip(canvas, street, (-street.half, street.half), materials.asphalt, Category.ROAD)
    for start, stop in _cross_streets(street):
        cross: list[Point] = [street.at(start, -_WIDE), street.at(stop, -_WIDE)]
        cross += [street.at(stop, _WIDE), street.at(start, _WIDE)]
        canvas.ground(cross, materials.asphalt, Category.ROAD)
    if has_pavement:
        for side in (-1, 1):
            edges = (side * street.half, side * (street.half + 0.22))
            for low, high in _between_crossings(street):
                _lay_strip(canvas, street, edges, materials.kerb, None, (low, high))
    _paint_markings(canvas, street, style, dice)


def _cross_streets(street: Street) -> Iterator[tuple[float, float]]:
    if street.junction:
        yield street.junction
    if street.end < FAR:
        yield (street.end - 8.0, street.end)


def _between_crossings(street: Street) -> Iterator[tuple[float, float]]:
    start = -1.0
    for low, high in _cross_streets(street):
        yield (start, low)
        start = high
    if street.end == FAR:
        yield (start, 400.0)


def _lay_strip(
    canvas: Canvas,
    street: Street,
    edges: tuple[float, float],
    color: Color,
    category: Category | None,
    reach: tuple[float, float] = (-1.0, 400.0),
) -> None:
    low, high = reach[0], min(reach[1], street.end if street.end < FAR else 400.0)
    steps = [low, *(s for s in _STEPS if low < s < high), high]
    for near, far in pairwise(steps):
        quad = [street.at(near, edges[0]), street.at(far, edges[0])]
        quad += [street.at(far, edges[1]), street.at(near, edges[1])]
        canvas.ground(quad, color, category)


def _paint_markings(canvas: Canvas, street: Street, style: Style, dice: Dice) -> None:
    paint = _paint(style, dice)
    if dice.chance(0.85):
        _dash(canvas, street, paint, dice)
    if dice.chance(0.6):
        _draw_edges(canvas, street, paint)
    crossings = [s for low, high in _cross_streets(street) for s in (low - 4.5, high + 1.0)]
    if dice.chance(0.3):
        crossings.append(dice.between(8, 18))
    for s in crossings:
        if s < street.end - 9 and dice.chance(0.7):
            _zebra(canvas, street, s, paint)


def _paint(style: Style, dice: Dice) -> Color:
    fresh = style.materials.marking
    if style.look is Look.SOURCE:
        worn = dice.between(0.0, 0.15)
    else:
        worn = dice.between(0.15, 0.6)
        fresh = (214, 168, 60) if dice.chance(0.3) else fresh
    return mix(fresh, style.materials.asphalt, worn)


def _draw_edges(canvas: Canvas, street: Street, paint: Color) -> None:
    for t in (-street.half + 0.35, street.half - 0.35):
        for reach in _between_crossings(street):
            _lay_strip(canvas, street, (t - 0.07, t + 0.07), paint, None, reach)


def _dash(canvas: Canvas, street: Street, paint: Color, dice: Dice) -> None:
    period, length, width = dice.between(4, 8), dice.between(1.8, 3.2), dice.between(0.06, 0.1)
    s = dice.between(-2, 2)
    last = min(street.end - 9, 100.0)
    while s < last:
        if street.is_free(s) and street.is_free(s + length):
            _lay_strip(canvas, street, (-width, width), paint, None, (s, s + length))
        s += period


def _zebra(canvas: Canvas, street: Street, s: float, paint: Color) -> None:
    t = -street.half + 0.4
    while t < street.half - 0.7:
        _lay_strip(canvas, street, (t, t + 0.5), paint, None, (s, s + 3.2))
        t += 1.05
