"""Cars, vans and buses."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from scenes.canvas import Canvas, Point
from scenes.category import Category
from scenes.color import Color, mix, scaled, varied
from scenes.dice import Dice
from scenes.street import Frame
from scenes.style import Look, Style

CAR = Category.CAR
TYRE: Color = (34, 34, 38)
_TAIL_LAMP: Color = (206, 34, 30)
_HEADLAMP: Color = (240, 240, 228)
_LAMPS: tuple[Color, Color] = ((255, 250, 226), (255, 60, 44))
"""Head and tail lamps that are on."""
Profile = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Shape:
    """Side view of a kind of vehicle: (forward, up) in metres, rear first, over the top."""

    body: Profile
    cabin: Profile
    half: float
    """Half the width of the body."""
    roof: float
    """Half the width of the roof."""
    axles: tuple[float, float]
    wheel: float

    @property
    def belt(self) -> float:
        """Height at which the cabin begins."""
        return self.cabin[0][1]

    @property
    def top(self) -> float:
        """Height of the roof."""
        return max(v for _, v in self.cabin)

    def half_at(self, v: float) -> float:
        """Half the width at this height: the cabin narrows towards the roof."""
        share = max(0.0, v - self.belt) / (self.top - self.belt)
        return self.half - (self.half - self.roof) * share


_SHAPES = {
    "hatchback": Shape(
        (
            (-1.9, 0.26),
            (-2.0, 0.55),
            (-1.92, 0.92),
            (0.85, 0.96),
            (1.8, 0.82),
            (1.98, 0.58),
            (1.95, 0.26),
        ),
        ((-1.9, 0.92), (-1.5, 1.44), (0.05, 1.47), (0.95, 0.95)),
        0.86,
        0.62,
        (-1.22, 1.25),
        0.31,
    ),
    "saloon": Shape(
        (
            (-2.25, 0.28),
            (-2.35, 0.6),
            (-2.25, 0.92),
            (-1.4, 0.97),
            (0.95, 0.95),
            (2.1, 0.8),
            (2.28, 0.56),
            (2.25, 0.26),
        ),
        ((-1.65, 0.95), (-0.95, 1.4), (0.15, 1.42), (1.05, 0.94)),
        0.89,
        0.62,
        (-1.35, 1.4),
        0.32,
    ),
    "estate": Shape(
        (
            (-2.2, 0.32),
            (-2.28, 0.65),
            (-2.2, 1.02),
            (1.0, 1.05),
            (2.05, 0.94),
            (2.25, 0.66),
            (2.2, 0.32),
        ),
        ((-2.18, 1.02), (-1.85, 1.68), (0.3, 1.7), (1.1, 1.04)),
        0.93,
        0.72,
        (-1.4, 1.38),
        0.37,
    ),
    "van": Shape(
        (
            (-2.4, 0.36),
            (-2.45, 0.7),
            (-2.42, 1.2),
            (1.5, 1.2),
            (2.3, 1.02),
            (2.45, 0.7),
            (2.4, 0.36),
        ),
        ((-2.42, 1.2), (-2.32, 2.15), (0.8, 2.2), (1.75, 1.18)),
        0.98,
        0.86,
        (-1.55, 1.55),
        0.36,
    ),
    "pickup": Shape(
        (
            (-2.5, 0.42),
            (-2.55, 0.75),
            (-2.52, 1.12),
            (0.95, 1.12),
            (2.2, 1.04),
            (2.42, 0.74),
            (2.36, 0.42),
        ),
        ((-0.75, 1.1), (-0.55, 1.78), (0.55, 1.8), (1.2, 1.1)),
        0.96,
        0.74,
        (-1.55, 1.5),
        0.4,
    ),
    "bus": Shape(
        ((-5.2, 0.35), (-5.25, 0.8), (-5.22, 1.3), (5.15, 1.3), (5.25, 0.8), (5.2, 0.35)),
        ((-5.2, 1.3), (-5.15, 3.0), (5.0, 3.05), (5.18, 1.3)),
        1.25,
        1.2,
        (-3.2, 3.4),
        0.48,
    ),
}


@dataclass(frozen=True)
class Vehicle:
    """One vehicle in its place."""

    frame: Frame
    shape: Shape
    paint: Color
    glass: Color
    lamps: bool
    plate: Color

    def parked(self) -> "Vehicle":
        """The same with its lamps off."""
        return replace(self, lamps=False)


def build_vehicle(style: Style, dice: Dice, kind: str, frame: Frame) -> Vehicle:
    """One vehicle of this kind."""
    return Vehicle(
        frame=frame,
        shape=_SHAPES[kind],
        paint=varied(dice, dice.pick(style.materials.paints), 0.1),
        glass=mix((34, 44, 56), style.zenith, dice.between(0.1, 0.3)),
        lamps=style.lamps,
        plate=(236, 234, 226) if style.look is Look.SOURCE else (226, 190, 80),
    )


def half_length(kind: str) -> float:
    """Half the length of this kind of vehicle, with a little room."""
    return 0.3 - _SHAPES[kind].body[1][0]


def draw_vehicle(vehicle: Vehicle, canvas: Canvas) -> None:
    """Draw it with its shadow."""
    shape = vehicle.shape
    _cast(canvas, vehicle)
    _draw_tyres(canvas, vehicle)
    _draw_hull(canvas, vehicle, shape.body, lambda _: shape.half)
    _draw_wheels(canvas, vehicle)
    _draw_hull(canvas, vehicle, shape.cabin, shape.half_at)
    _draw_windscreens(canvas, vehicle)
    _draw_side_windows(canvas, vehicle)
    for rear in (True, False):
        _draw_end(canvas, vehicle, rear=rear)


def _cast(canvas: Canvas, vehicle: Vehicle) -> None:
    frame, shape = vehicle.frame, vehicle.shape
    long, half = shape.body[0][0], shape.half
    corners = [(-half, long), (half, long), (half, -long), (-half, -long)]
    canvas.shadow([frame.at(u * 1.08, 0, w * 1.02) for u, w in corners], 1.5)
    dx, dz = canvas.light.cast(shape.top * 0.8)
    base = [frame.at(u, 0, w) for u, w in corners]
    for number in range(4):
        a, b = base[number], base[(number + 1) % 4]
        canvas.shadow([a, b, (b[0] + dx, 0, b[2] + dz), (a[0] + dx, 0, a[2] + dz)])
    canvas.shadow([(x + dx, 0, z + dz) for x, _, z in base])


def _draw_hull(
    canvas: Canvas, vehicle: Vehicle, profile: Profile, half: Callable[[float], float]
) -> None:
    frame, paint = vehicle.frame, vehicle.paint
    for (w0, v0), (w1, v1) in pairwise(profile):
        a, b = half(v0), half(v1)
        quad = [
            frame.at(-a, v0, w0),
            frame.at(-b, v1, w1),
            frame.at(b, v1, w1),
            frame.at(a, v0, w0),
        ]
        canvas.face(quad, paint, CAR, one_sided=True)
    right = [frame.at(half(v), v, w) for w, v in profile]
    left = [frame.at(-half(v), v, w) for w, v in reversed(profile)]
    canvas.face(right, scaled(paint, 0.94), CAR, one_sided=True)
    canvas.face(left, scaled(paint, 0.94), CAR, one_sided=True)


def _draw_tyres(canvas: Canvas, vehicle: Vehicle) -> None:
    frame, shape = vehicle.frame, vehicle.shape
    for axle in shape.axles:
        for side in (-1, 1):
            outer, inner = side * shape.half, side * (shape.half - 0.22)
            for w in (axle - shape.wheel * 0.8, axle + shape.wheel * 0.8):
                quad = [frame.at(outer, 0, w), frame.at(outer, 0.45, w)]
                quad += [frame.at(inner, 0.45, w), frame.at(inner, 0, w)]
                canvas.face(quad, TYRE, CAR)
    long, half = shape.body[0][0] * 0.92, shape.half * 0.9
    for w in (long, -long):
        under = [
            frame.at(-half, 0.14, w),
            frame.at(-half, 0.4, w),
            frame.at(half, 0.4, w),
            frame.at(half, 0.14, w),
        ]
        canvas.face(under, (26, 26, 28), CAR)


def _ring(vehicle: Vehicle, side: int, axle: float, radius: float) -> list[Point]:
    frame, shape = vehicle.frame, vehicle.shape
    points = []
    for step in range(14):
        angle = -side * step * math.tau / 14
        v = shape.wheel + radius * math.sin(angle)
        points.append(
            frame.at(side * (shape.half + 0.01), max(v, 0.0), axle + radius * math.cos(angle))
        )
    return points


def _draw_wheels(canvas: Canvas, vehicle: Vehicle) -> None:
    shape = vehicle.shape
    for side in (-1, 1):
        for axle in shape.axles:
            arch = scaled(vehicle.paint, 0.25)
            canvas.face(_ring(vehicle, side, axle, shape.wheel * 1.2), arch, CAR, one_sided=True)
            canvas.face(_ring(vehicle, side, axle, shape.wheel), TYRE, CAR, one_sided=True)
            hub = _ring(vehicle, side, axle, shape.wheel * 0.58)
            canvas.face(hub, (156, 158, 162), None, one_sided=True)


def _pillars(shape: Shape, v: float) -> tuple[float, float]:
    """Where the cabin begins and ends at this height, measured forward."""
    rear, nose = shape.cabin[:2], shape.cabin[:1:-1]
    first, second = (
        low[0] + (high[0] - low[0]) * (v - low[1]) / (high[1] - low[1])
        for low, high in (rear, nose)
    )
    return first, second


def _pane_heights(shape: Shape) -> tuple[float, float]:
    tall = shape.top - shape.belt
    return shape.belt + 0.07 * tall, shape.belt + 0.86 * tall


def _draw_windscreens(canvas: Canvas, vehicle: Vehicle) -> None:
    shape, frame = vehicle.shape, vehicle.frame
    low, high = _pane_heights(shape)
    for end, out in ((0, -0.02), (1, 0.02)):
        quad = []
        for v, side in ((low, -1), (high, -1), (high, 1), (low, 1)):
            u = math.copysign(shape.half_at(v) * 0.88, -side * out)
            quad.append(frame.at(u, v, _pillars(shape, v)[end] + out))
        canvas.face(quad, vehicle.glass, None, one_sided=True)


def _draw_side_windows(canvas: Canvas, vehicle: Vehicle) -> None:
    shape, frame = vehicle.shape, vehicle.frame
    low, high = _pane_heights(shape)
    panes = 6 if shape.half > 1.2 else 2
    for side in (-1, 1):
        for pane in range(panes):
            first, last = pane / panes + 0.03, (pane + 1) / panes - 0.02
            quad = []
            for v, share in ((low, first), (high, first), (high, last), (low, last)):
                start, stop = _pillars(shape, v)
                start, stop = start + 0.12, stop - 0.1
                u = side * (shape.half_at(v) + 0.01)
                quad.append(frame.at(u, v, start + share * (stop - start)))
            ordered = quad if side > 0 else quad[::-1]
            canvas.face(ordered, scaled(vehicle.glass, 0.9), None, one_sided=True)


def _draw_end(canvas: Canvas, vehicle: Vehicle, *, rear: bool) -> None:
    frame, shape = vehicle.frame, vehicle.shape
    tail, nose = shape.body[1][0], max(w for w, _ in shape.body)
    end, turn = (tail - 0.02, 1) if rear else (nose + 0.01, -1)
    if canvas.camera.ahead(frame.at(0, 1, end)) > canvas.camera.ahead(frame.at(0, 1, 0)):
        return

    def patch(u: tuple[float, float], v: tuple[float, float], color: Color) -> None:
        corners = ((u[0], v[0]), (u[0], v[1]), (u[1], v[1]), (u[1], v[0]))
        quad = [frame.at(across * turn, up, end) for across, up in corners]
        canvas.face(quad, color, None, one_sided=True, glowing=vehicle.lamps and color in _LAMPS)

    wide, belt = shape.half - 0.08, shape.body[2][1]
    patch((-wide, wide), (0.34, 0.5), scaled(vehicle.paint, 0.45))
    patch((-0.28, 0.28), (0.52, 0.64), vehicle.plate)
    if not rear:
        patch((-0.5, 0.5), (belt - 0.28, belt - 0.16), (40, 42, 46))
    lamp = _LAMPS[rear] if vehicle.lamps else (_TAIL_LAMP if rear else _HEADLAMP)
    for side in (-1, 1):
        inner, outer = sorted((side * wide * 0.62, side * wide))
        patch((inner, outer), (belt - 0.3, belt - 0.1), lamp)
        if vehicle.lamps:
            place = frame.at(side * wide * 0.8, belt - 0.2, end)
            canvas.glow(place, 0.5 if rear else 0.9, lamp)
