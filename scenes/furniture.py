"""What stands at the kerb: lamp posts and other poles, traffic signs and lights."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from scenes.canvas import Canvas, Item, Point, Room, Sprite
from scenes.category import Category
from scenes.color import Color, scaled
from scenes.dice import Dice
from scenes.street import Plan
from scenes.style import Look, Style

POLE, SIGN = Category.POLE, Category.SIGN_SYMBOL
RED: Color = (206, 36, 38)
WHITE: Color = (246, 246, 242)
BLUE: Color = (34, 84, 176)
YELLOW: Color = (244, 196, 44)
GREEN: Color = (24, 112, 76)
BLACK: Color = (36, 36, 38)


@dataclass(frozen=True)
class Mast:
    """A pole: where it stands and what is on top."""

    foot: Point
    height: float
    side: int
    kind: str
    color: Color
    lit: bool


@dataclass(frozen=True)
class Sign:
    """A traffic sign or light, `low` metres above ground at its lower edge."""

    foot: Point
    kind: str
    low: float
    size: float
    number: int


def place_furniture(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    """Poles, and signs on poles; without poles, signs stand on the ground or hang on a wall."""
    if plan.shows(POLE):
        yield from _lamp_posts(plan, style, dice)
    if plan.shows(SIGN):
        yield from _signs(plan, style, dice)


def _lamp_posts(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    street = plan.street
    kind = dice.pick(
        ("arm", "arm", "lantern")
        if style.look is Look.SOURCE
        else ("curved", "lantern", "wires", "curved")
    )
    color, height = dice.pick(style.materials.poles), dice.between(6.5, 9)
    if kind == "lantern":
        height *= 0.55
    signs = dice.pick(((-1,), (1,), (-1, 1)))
    for sign in signs:
        s, step = dice.between(11, 19), dice.between(14, 26)
        while s < 95:
            if street.is_free(s):
                t = sign * (street.half + 0.45)
                mast = Mast(street.at(s, t), height, sign, kind, color, style.lamps)
                yield Item(s + 0.5, POLE, partial(_draw_mast, mast), Room(s, t, 0.3, 0.3))
            s += step
    if dice.chance(0.2):
        sign = dice.sign()
        for s in range(8, 34, 3):
            if street.is_free(s):
                post = Mast(
                    street.at(s, sign * (street.half + 0.3)),
                    0.95,
                    sign,
                    "bollard",
                    color,
                    lit=False,
                )
                yield Item(s + 0.5, POLE, partial(_draw_mast, post))


def _draw_mast(mast: Mast, canvas: Canvas) -> None:
    x, _, z = mast.foot
    dx, dz = canvas.light.cast(mast.height)
    canvas.shadow(
        [(x - 0.1, 0, z), (x + 0.1, 0, z), (x + dx + 0.1, 0, z + dz), (x + dx - 0.1, 0, z + dz)]
    )
    sprite = Sprite(canvas, mast.foot, POLE)
    thick = 0.09 if mast.kind != "bollard" else 0.1
    shaft = [(-thick, 0.0), (-thick * 0.7, mast.height), (thick * 0.7, mast.height), (thick, 0.0)]
    sprite.polygon(shaft, mast.color)
    sprite.polygon(
        [(thick * 0.2, 0.0), (thick * 0.1, mast.height), *shaft[2:]], scaled(mast.color, 0.72)
    )
    base = min(0.9, mast.height * 0.2)
    sprite.polygon(
        [(-thick * 1.6, 0.0), (-thick * 1.4, base), (thick * 1.4, base), (thick * 1.6, 0.0)],
        mast.color,
    )
    lamp = _draw_top(sprite, mast)
    if mast.lit and lamp is not None:
        sprite.lamp(lamp, 0.2, (255, 232, 180))
        canvas.glow((x + lamp[0], lamp[1], z), 1.5, (255, 196, 120))


def _draw_top(sprite: Sprite, mast: Mast) -> tuple[float, float] | None:
    high, way = mast.height, -mast.side
    if mast.kind == "arm":
        sprite.limb([(0, high), (way * 1.8, high + 0.25)], 0.1, mast.color)
        head = [
            (way * 1.5, high + 0.1),
            (way * 1.5, high + 0.34),
            (way * 2.4, high + 0.38),
            (way * 2.4, high + 0.18),
        ]
        sprite.polygon(head, scaled(mast.color, 0.8))
        return (way * 2.0, high + 0.12)
    if mast.kind == "curved":
        bow = [
            (way * 1.1 * (1 - math.cos(k * math.pi / 8)), high + 0.9 * math.sin(k * math.pi / 8))
            for k in range(6)
        ]
        sprite.limb(bow, 0.1, mast.color)
        sprite.ellipse(bow[-1], (0.36, 0.14), scaled(mast.color, 0.8))
        return (bow[-1][0], bow[-1][1] - 0.1)
    if mast.kind == "lantern":
        sprite.polygon(
            [(-0.14, high), (-0.24, high + 0.5), (0.24, high + 0.5), (0.14, high)], (226, 222, 204)
        )
        sprite.polygon([(-0.3, high + 0.5), (0.0, high + 0.75), (0.3, high + 0.5)], mast.color)
        return (0.0, high + 0.27)
    if mast.kind == "wires":
        for v in (-0.4, -1.1):
            sprite.limb([(-1.0, high + v), (1.0, high + v)], 0.12, mast.color)
            for u in (-0.9, 0.9):
                sprite.limb([(u, high + v), (u, high + v + 0.22)], 0.1, scaled(mast.color, 1.3))
    return None


def _signs(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    street = plan.street
    for number in range(dice.count(1, 4)):
        s = dice.between(9, 17) if number == 0 else dice.between(12, 40)
        sign = dice.sign()
        if number == 0:
            sign = -1 if plan.camera.pose.x > 0 else 1
        if not street.is_free(s):
            s = street.junction[0] - 1.5 if street.junction else street.end - 10
        t = sign * (street.half + dice.between(0.5, 0.9))
        kind = dice.pick(style.materials.signs)
        size = dice.between(0.75, 1.0) * (1.7 if "board" in kind else 1)
        low = dice.between(2.0, 2.6)
        if not plan.shows(POLE):
            kind, low = dice.pick(("works", "works", kind)), 0.25
        board = Sign(street.at(s, t), kind, low, size, dice.count(0, 5))
        draw = partial(_draw_sign, board, dice.pick(style.materials.poles))
        yield Item(s + 0.45, SIGN, draw, Room(s, t, 0.5, 0.4))


def _draw_sign(sign: Sign, color: Color, canvas: Canvas) -> None:
    if sign.low > 1:
        post = Sprite(canvas, sign.foot, POLE)
        x, _, z = sign.foot
        dx, dz = canvas.light.cast(sign.low)
        canvas.shadow(
            [
                (x - 0.06, 0, z),
                (x + 0.06, 0, z),
                (x + dx + 0.06, 0, z + dz),
                (x + dx - 0.06, 0, z + dz),
            ]
        )
        for u in (-0.5, 0.5) if sign.size > 1.2 else (0.0,):
            post.polygon(
                [(u - 0.05, 0.0), (u - 0.05, sign.low), (u + 0.05, sign.low), (u + 0.05, 0.0)],
                color,
            )
    sprite = Sprite(canvas, sign.foot, SIGN)
    _FACES[sign.kind](sprite, sign, sign.low + sign.size / 2, sign.size / 2)
    if sign.kind == "traffic light":
        x, _, z = sign.foot
        lamp = sign.number % 3
        canvas.glow((x, sign.low + 0.2 + 0.3 * lamp, z), 0.35, _LAMPS[lamp])


_LAMPS: tuple[Color, ...] = ((60, 230, 130), (255, 190, 50), (255, 50, 40))


def _regular(v: float, size: float, corners: int, start: float) -> list[tuple[float, float]]:
    angles = [start + k * math.tau / corners for k in range(corners)]
    return [(size * math.cos(a), v + size * math.sin(a)) for a in angles]


def _round(sprite: Sprite, sign: Sign, v: float, size: float) -> None:
    blue = sign.number % 2 == 1
    sprite.ellipse((0, v), (size, size), WHITE if blue else RED)
    sprite.ellipse((0, v), (size * 0.94 if blue else size * 0.72,) * 2, BLUE if blue else WHITE)
    if sign.number == 0:
        sprite.ellipse((0, v), (size, size), RED)
        sprite.polygon(_box(0, v, size * 0.7, size * 0.17), WHITE)
    elif blue:
        sprite.polygon(
            [
                (-size * 0.1, v - size * 0.6),
                (-size * 0.1, v),
                (-size * 0.4, v),
                (0, v + size * 0.6),
                (size * 0.4, v),
                (size * 0.1, v),
                (size * 0.1, v - size * 0.6),
            ],
            WHITE,
        )
    else:
        for u in (-0.28, 0.22):
            sprite.polygon(_box(u * size, v, size * 0.16, size * 0.36), BLACK)


def _box(u: float, v: float, wide: float, high: float) -> list[tuple[float, float]]:
    return [(u - wide, v - high), (u - wide, v + high), (u + wide, v + high), (u + wide, v - high)]


def _triangle(sprite: Sprite, sign: Sign, v: float, size: float) -> None:
    start = math.pi / 2 if sign.number % 3 else -math.pi / 2
    middle = v - size * 0.2 if start > 0 else v + size * 0.2
    sprite.polygon(_regular(middle, size * 1.15, 3, start), RED)
    sprite.polygon(_regular(middle, size * 0.74, 3, start), WHITE)
    if start > 0:
        sprite.polygon(_box(0, middle, size * 0.09, size * 0.32), BLACK)


def _square(sprite: Sprite, sign: Sign, v: float, size: float) -> None:
    sprite.polygon(_box(0, v, size, size), WHITE)
    sprite.polygon(_box(0, v, size * 0.92, size * 0.92), BLUE)
    if sign.number % 2:
        sprite.polygon(_regular(v, size * 0.7, 3, math.pi / 2), WHITE)
        sprite.polygon(_box(0, v - size * 0.1, size * 0.1, size * 0.24), BLUE)
    else:
        sprite.polygon(_box(-size * 0.2, v, size * 0.14, size * 0.6), WHITE)
        sprite.ellipse((size * 0.06, v + size * 0.26), (size * 0.36, size * 0.34), WHITE)
        sprite.ellipse((size * 0.06, v + size * 0.26), (size * 0.16, size * 0.14), BLUE)


def _stop(sprite: Sprite, _: Sign, v: float, size: float) -> None:
    sprite.polygon(_regular(v, size, 8, math.pi / 8), WHITE)
    sprite.polygon(_regular(v, size * 0.92, 8, math.pi / 8), RED)
    for k in range(4):
        sprite.polygon(_box((k - 1.5) * size * 0.36, v, size * 0.11, size * 0.24), WHITE)


def _diamond(sprite: Sprite, sign: Sign, v: float, size: float) -> None:
    sprite.polygon(_regular(v, size * 1.15, 4, 0), BLACK)
    sprite.polygon(_regular(v, size * 1.05, 4, 0), YELLOW)
    if sign.number % 2:
        sprite.polygon(_box(0, v, size * 0.09, size * 0.42), BLACK)
        sprite.polygon(_box(0, v + size * 0.1, size * 0.36, size * 0.09), BLACK)
    else:
        sprite.limb(
            [
                (-size * 0.25, v - size * 0.4),
                (-size * 0.2, v),
                (size * 0.2, v + size * 0.1),
                (size * 0.2, v + size * 0.45),
            ],
            size * 0.16,
            BLACK,
        )


def _board(sprite: Sprite, sign: Sign, v: float, size: float) -> None:
    ground = GREEN if sign.kind == "green board" else BLUE
    sprite.polygon(_box(0, v, size * 1.2, size * 0.8), WHITE)
    sprite.polygon(_box(0, v, size * 1.14, size * 0.73), ground)
    for row, wide in ((0.36, 0.6), (-0.02, 0.75), (-0.4, 0.45)):
        sprite.polygon(_box(-size * (0.95 - wide), v + row * size, size * wide, size * 0.09), WHITE)
    sprite.polygon(
        [
            (size * 0.7, v - size * 0.4),
            (size * 0.7, v + size * 0.3),
            (size * 0.88, v),
            (size * 0.9, v - size * 0.4),
        ],
        WHITE,
    )


def _traffic_light(sprite: Sprite, sign: Sign, _: float, __: float) -> None:
    low, lamp = sign.low - 0.1, sign.number % 3
    sprite.polygon(_box(0, low + 0.55, 0.26, 0.62), (48, 50, 50))
    sprite.polygon(_box(0, low + 0.55, 0.2, 0.55), (28, 29, 30))
    for number, color in enumerate(_LAMPS):
        centre = (0.0, low + 0.2 + 0.35 * number)
        if number == lamp:
            sprite.lamp(centre, 0.15, color)
        else:
            sprite.ellipse(centre, (0.14, 0.14), scaled(color, 0.25))


def _works(sprite: Sprite, _: Sign, v: float, size: float) -> None:
    for u in (-size * 0.8, size * 0.8):
        sprite.limb([(u * 0.8, v), (u, 0.0)], 0.06, BLACK)
    wide, high = size * 1.5, size * 0.55
    sprite.polygon(_box(0, v, wide, high), WHITE)
    for k in range(4):
        u = (k - 2) * wide * 0.5
        stripe = [
            (u, v - high),
            (u + wide * 0.25, v + high),
            (u + wide * 0.5, v + high),
            (u + wide * 0.25, v - high),
        ]
        sprite.polygon([(max(-wide, min(wide, a)), b) for a, b in stripe], RED)


_FACES = {
    "round": _round,
    "triangle": _triangle,
    "square": _square,
    "stop": _stop,
    "diamond": _diamond,
    "board": _board,
    "green board": _board,
    "traffic light": _traffic_light,
    "works": _works,
}
