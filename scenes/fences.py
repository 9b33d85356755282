"""Fences along the pavement, railings and guard rails at the kerb.

A fence is labelled as one surface: the gaps between its bars belong to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from scenes.canvas import Canvas, Item, Point
from scenes.category import Category
from scenes.color import Color, scaled, varied
from scenes.dice import Dice
from scenes.street import Plan
from scenes.style import Look, Style

FENCE = Category.FENCE
_PANEL = 2.0


@dataclass(frozen=True)
class Panel:
    """Two metres of fence between two points on the ground."""

    start: Point
    stop: Point
    height: float
    color: Color
    kind: str
    shades: tuple[float, ...]
    """Brightness of each board."""

    def at(self, share: float, y: float) -> Point:
        """The point at this share of the panel's length, y metres up."""
        (x0, _, z0), (x1, _, z1) = self.start, self.stop
        return (x0 + share * (x1 - x0), y, z0 + share * (z1 - z0))

    def patch(self, share: tuple[float, float], y: tuple[float, float]) -> list[Point]:
        """The corners of an upright rectangle in the panel."""
        (a, b), (low, high) = share, y
        return [self.at(a, low), self.at(a, high), self.at(b, high), self.at(b, low)]


def place_fences(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    """One run of fence, or one on each side."""
    if not plan.shows(FENCE):
        return
    street = plan.street
    signs = dice.pick(((-1,), (1,), (-1, 1)))
    kind = dice.pick(style.materials.fences)
    at_kerb = kind == "guard rail" or (kind == "railing" and dice.chance(0.6))
    t = street.half + 0.3 if at_kerb else street.edge - 0.15
    color = varied(dice, dice.pick(_COLORS[style.look][kind]), 0.1)
    height = {"guard rail": 0.8, "railing": 1.1, "picket": 1.05, "mesh": 2.0, "planks": 1.8}[kind]
    for sign in signs:
        s, last = dice.between(4, 9), min(street.end - 9, dice.between(26, 75))
        while s < last:
            if street.is_free(s) and street.is_free(s + _PANEL):
                shades = tuple(dice.between(0.84, 1.08) for _ in range(12))
                ends = (street.at(s, sign * t), street.at(s + _PANEL, sign * t))
                panel = Panel(*ends, height, color, kind, shades)
                depth = s + (0.5 if at_kerb else 2.2)
                yield Item(depth + _PANEL / 2, FENCE, partial(_draw_panel, panel))
            s += _PANEL


_WOOD: tuple[Color, ...] = ((128, 100, 76), (110, 94, 80), (92, 74, 60))
_METAL: tuple[Color, ...] = ((150, 156, 160), (120, 124, 126))
_COLORS: dict[Look, dict[str, tuple[Color, ...]]] = {
    Look.SOURCE: {
        "picket": ((246, 246, 242), (246, 246, 242), (206, 160, 110)),
        "guard rail": ((206, 210, 214),),
        "railing": ((44, 84, 70), (60, 64, 84), (226, 226, 226)),
    },
    Look.TARGET: {
        "mesh": _METAL,
        "planks": _WOOD,
        "railing": ((46, 46, 48), (70, 56, 48)),
        "guard rail": ((130, 126, 120),),
    },
}


def _draw_panel(panel: Panel, canvas: Canvas) -> None:
    (x0, _, z0), (x1, _, z1) = panel.start, panel.stop
    dx, dz = canvas.light.cast(panel.height)
    solid = {"planks": 1.0, "picket": 0.7, "mesh": 0.35}.get(panel.kind, 0.45)
    canvas.shadow([(x0, 0, z0), (x1, 0, z1), (x1 + dx, 0, z1 + dz), (x0 + dx, 0, z0 + dz)], solid)
    _DRAW[panel.kind](canvas, panel)


def _posts(canvas: Canvas, panel: Panel, wide: float, extra: float = 0.0) -> None:
    for share in (0.0, 1.0):
        x, _, z = panel.at(share, 0)
        top = panel.height + extra
        post = [(x - wide, 0.0, z), (x - wide, top, z), (x + wide, top, z), (x + wide, 0.0, z)]
        canvas.face(post, scaled(panel.color, 0.85), FENCE)


def _draw_picket(canvas: Canvas, panel: Panel) -> None:
    canvas.glaze(
        panel.patch((0, 1), (0.05, panel.height * 0.92)), scaled(panel.color, 0.45), 0.45, FENCE
    )
    for y in (0.25, 0.75):
        canvas.face(
            panel.patch((0, 1), (y * panel.height, y * panel.height + 0.1)),
            scaled(panel.color, 0.9),
            FENCE,
        )
    for number in range(10):
        a, b = number / 10 + 0.01, number / 10 + 0.075
        top = panel.height
        board = [panel.at(a, 0.06), panel.at(a, top - 0.08), panel.at((a + b) / 2, top)]
        board += [panel.at(b, top - 0.08), panel.at(b, 0.06)]
        canvas.face(board, panel.color, FENCE)


def _draw_planks(canvas: Canvas, panel: Panel) -> None:
    for number, shade in enumerate(panel.shades[:10]):
        board = panel.patch(
            (number / 10, (number + 1) / 10), (0.04, panel.height * (0.97 + 0.03 * shade))
        )
        canvas.face(board, scaled(panel.color, shade), FENCE)
    _posts(canvas, panel, 0.07, 0.08)


def _draw_mesh(canvas: Canvas, panel: Panel) -> None:
    canvas.glaze(panel.patch((0, 1), (0.03, panel.height)), panel.color, 0.3, FENCE)
    if canvas.camera.ahead(panel.start) < 26:
        wire = scaled(panel.color, 0.72)
        for number in range(-5, 8):
            for way in (1, -1):
                ends = _clip(number / 8, number / 8 + 0.75)
                low, high = (panel.height * share for share in ends[1])
                a, b = ends[0] if way > 0 else (1 - ends[0][0], 1 - ends[0][1])
                canvas.line([panel.at(a, low), panel.at(b, high)], 0.018, wire, FENCE)
    rail = panel.patch((0, 1), (panel.height - 0.06, panel.height))
    canvas.face(rail, panel.color, FENCE)
    _posts(canvas, panel, 0.045)


def _clip(start: float, stop: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """A diagonal from the foot to the top of a panel, cut at the panel's ends."""
    low, high = max(start, 0.0), min(stop, 1.0)
    reach = stop - start
    return (low, high), ((low - start) / reach, (high - start) / reach)


def _draw_railing(canvas: Canvas, panel: Panel) -> None:
    canvas.glaze(panel.patch((0, 1), (0.1, panel.height)), panel.color, 0.22, FENCE)
    for y in (0.1, panel.height - 0.06):
        canvas.face(panel.patch((0, 1), (y, y + 0.07)), panel.color, FENCE)
    for number in range(14):
        share = number / 14
        canvas.face(panel.patch((share, share + 0.018), (0.1, panel.height)), panel.color, FENCE)
    _posts(canvas, panel, 0.05, 0.1)


def _draw_guard_rail(canvas: Canvas, panel: Panel) -> None:
    _posts(canvas, panel, 0.06, -0.1)
    for low, high, shade in ((0.42, 0.56, 0.8), (0.56, 0.66, 1.08), (0.66, 0.8, 0.92)):
        canvas.face(panel.patch((0, 1), (low, high)), scaled(panel.color, shade), FENCE)


_DRAW = {
    "picket": _draw_picket,
    "planks": _draw_planks,
    "mesh": _draw_mesh,
    "railing": _draw_railing,
    "guard rail": _draw_guard_rail,
}
