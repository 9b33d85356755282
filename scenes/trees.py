"""Trees along the kerb, in front gardens and parks, and hedges."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from scenes.canvas import Canvas, Item, Point, Room, Sprite
from scenes.category import Category
from scenes.color import Color, mix, scaled, varied
from scenes.dice import Dice
from scenes.street import Plan
from scenes.style import Style

TREE = Category.TREE


@dataclass(frozen=True)
class Tree:
    """One tree."""

    foot: Point
    kind: str
    height: float
    leaf: Color
    bark: Color


def place_trees(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    """Street trees, and a belt of green on the sides that are parks."""
    if not plan.shows(TREE):
        return
    street = plan.street
    for sign, side in zip((-1, 1), plan.sides, strict=True):
        if side == "park":
            yield from _park(plan, style, dice, sign)
        elif dice.chance(0.3):
            yield from _hedge(plan, style, dice, sign)
    yield from _along_kerbs(plan, style, dice)
    if dice.chance(0.3) and street.end > 100:
        for sign in (-1, 1):
            yield from _wood(plan, style, dice, sign)


def _along_kerbs(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    street = plan.street
    sign, kind = dice.sign(), dice.pick(style.materials.trees)
    step, t = dice.between(9, 18), street.half + 0.9
    s = dice.between(12, 22)
    while s < 70:
        if street.is_free(s) and dice.chance(0.75):
            tree = _grow(style, dice, street.at(s, sign * t), kind, dice.between(5, 8))
            yield Item(s + 1, TREE, partial(_draw_tree, tree), Room(s, sign * t, 0.5, 0.5))
        if dice.chance(0.3):
            sign = -sign
        s += step


def _park(plan: Plan, style: Style, dice: Dice, sign: int) -> Iterator[Item]:
    street = plan.street
    yield from _hedge(plan, style, dice, sign)
    for row, step in ((2.5, 6.0), (7.0, 5.0), (12.0, 6.0)):
        s = dice.between(4, 10)
        while s < min(street.end - 9, 90):
            if street.is_free(s):
                foot = street.at(s, sign * (street.edge + row + dice.around(0, 1)))
                kind = dice.pick(style.materials.trees)
                tree = _grow(style, dice, foot, kind, dice.between(6, 10))
                yield Item(s + 3 + row / 3, TREE, partial(_draw_tree, tree))
            s += step * dice.between(0.8, 1.3) + s * 0.08


def _wood(plan: Plan, style: Style, dice: Dice, sign: int) -> Iterator[Item]:
    for _ in range(7):
        s = dice.between(85, 125)
        foot = plan.street.at(s, sign * dice.between(4, 34))
        tree = _grow(style, dice, foot, "round", dice.between(6, 11))
        yield Item(s + 6, TREE, partial(_draw_tree, tree))


def _grow(style: Style, dice: Dice, foot: Point, kind: str, height: float) -> Tree:
    materials = style.materials
    leaf = varied(dice, dice.pick(materials.leaves), 0.16)
    bark = (206, 202, 194) if kind == "birch" else varied(dice, materials.bark, 0.15)
    return Tree(foot, kind, height, leaf, bark)


def _draw_tree(tree: Tree, canvas: Canvas) -> None:
    _cast(canvas, tree)
    _GROW[tree.kind](Sprite(canvas, tree.foot, TREE), tree, canvas.dice)


def _cast(canvas: Canvas, tree: Tree) -> None:
    x, _, z = tree.foot
    dx, dz = canvas.light.cast(tree.height * 0.55)
    across = math.hypot(dx, dz) or 1.0
    ux, uz = dx / across, dz / across
    trunk = [(x - uz * 0.2, 0.0, z + ux * 0.2), (x + uz * 0.2, 0.0, z - ux * 0.2)]
    trunk += [
        (x + uz * 0.2 + dx, 0.0, z - ux * 0.2 + dz),
        (x - uz * 0.2 + dx, 0.0, z + ux * 0.2 + dz),
    ]
    canvas.shadow(trunk)
    wide, long = tree.height * 0.28, max(tree.height * 0.28, across * 0.45)
    crown: list[Point] = []
    for step in range(12):
        a, b = wide * math.cos(step * math.pi / 6), long * math.sin(step * math.pi / 6)
        crown.append((x + dx - uz * a + ux * b, 0.0, z + dz + ux * a + uz * b))
    canvas.shadow(crown, 0.4 if tree.kind == "bare" else 0.85)


def _trunk(sprite: Sprite, tree: Tree, top: float, width: float) -> None:
    half = width / 2
    shape = [(-half * 1.3, 0.0), (-half, top), (half, top), (half * 1.3, 0.0)]
    sprite.polygon(shape, tree.bark)
    sprite.polygon(
        [(half * 0.2, 0.0), (half * 0.1, top), (half, top), (half * 1.3, 0.0)],
        scaled(tree.bark, 0.75),
    )


def _outlines() -> list[list[tuple[float, float]]]:
    dice = Dice(1)
    turns = [k * math.tau / 9 for k in range(9)]
    shapes = [[(angle, dice.between(0.72, 1.12)) for angle in turns] for _ in range(24)]
    return [[(r * math.cos(a), 0.85 * r * math.sin(a)) for a, r in shape] for shape in shapes]


_OUTLINES = _outlines()


def _tuft(sprite: Sprite, dice: Dice, at: tuple[float, float], size: float, color: Color) -> None:
    u, v = at
    outline = [(u + size * a, v + size * b) for a, b in dice.pick(_OUTLINES)]
    sprite.polygon(outline, color, (0.0, 1.0, 0.0))


def _crown(
    sprite: Sprite, tree: Tree, dice: Dice, middle: float, radii: tuple[float, float], count: int
) -> None:
    """Tufts of leaves from dark inside to light on top."""
    if sprite.pixels_per_metre < 14:
        count //= 2
    for number in range(count):
        share = number / count
        angle = dice.between(0, math.tau)
        reach = math.sqrt(dice.between(0, 1)) * (1 - 0.22 * share)
        u, v = reach * math.cos(angle), reach * math.sin(angle)
        light = 0.58 + 0.34 * share + 0.2 * v
        color = varied(dice, scaled(tree.leaf, light), 0.08)
        size = math.sqrt(radii[0] * radii[1]) * (0.5 - 0.28 * share)
        _tuft(
            sprite,
            dice,
            (u * max(radii[0] - size * 0.6, 0.2), middle + v * (radii[1] - size * 0.6)),
            size,
            color,
        )


def _draw_round(sprite: Sprite, tree: Tree, dice: Dice) -> None:
    _trunk(sprite, tree, tree.height * 0.5, tree.height * 0.05)
    radius = tree.height * 0.28
    _crown(sprite, tree, dice, tree.height * 0.68, (radius, radius * 1.1), 34)


def _draw_broad(sprite: Sprite, tree: Tree, dice: Dice) -> None:
    _trunk(sprite, tree, tree.height * 0.45, tree.height * 0.06)
    for side in (-1, 1):
        sprite.limb(
            [(0, tree.height * 0.32), (side * tree.height * 0.2, tree.height * 0.6)],
            0.16,
            tree.bark,
        )
    _crown(sprite, tree, dice, tree.height * 0.66, (tree.height * 0.36, tree.height * 0.3), 46)


def _draw_birch(sprite: Sprite, tree: Tree, dice: Dice) -> None:
    _trunk(sprite, tree, tree.height * 0.85, tree.height * 0.028)
    for _ in range(9):
        v = dice.between(0.05, 0.6) * tree.height
        sprite.limb([(-0.1, v), (dice.between(0, 0.1), v)], 0.06, (50, 46, 44))
    _crown(sprite, tree, dice, tree.height * 0.66, (tree.height * 0.19, tree.height * 0.32), 34)


def _draw_poplar(sprite: Sprite, tree: Tree, dice: Dice) -> None:
    _trunk(sprite, tree, tree.height * 0.3, tree.height * 0.035)
    _crown(sprite, tree, dice, tree.height * 0.62, (tree.height * 0.14, tree.height * 0.46), 30)


def _draw_cone(sprite: Sprite, tree: Tree, dice: Dice) -> None:
    _trunk(sprite, tree, tree.height * 0.2, tree.height * 0.04)
    layers = 7
    for layer in range(layers):
        share = layer / layers
        low = tree.height * (0.12 + 0.78 * share)
        wide = tree.height * 0.24 * (1 - share * 0.86)
        top = low + tree.height * 0.24
        edge = [(-wide + wide * 0.4 * k, low + dice.around(0, 0.12)) for k in range(6)]
        color = mix(scaled(tree.leaf, 0.62), (30, 70, 56), 0.35)
        sprite.polygon([*edge, (0.0, min(top, tree.height))], scaled(color, 0.85 + 0.4 * share))
        shine = [(-wide * 0.8, low + 0.1), (-wide * 0.1, low + 0.1), (0.0, min(top, tree.height))]
        sprite.polygon(shine, scaled(color, 1.05 + 0.4 * share))


def _draw_bare(sprite: Sprite, tree: Tree, dice: Dice) -> None:
    _trunk(sprite, tree, tree.height * 0.3, tree.height * 0.05)
    deep = 5 if sprite.pixels_per_metre > 22 else 4
    _branch(sprite, dice, (0.0, tree.height * 0.28), (math.pi / 2, tree.height * 0.2), deep, tree)


def _branch(
    sprite: Sprite,
    dice: Dice,
    start: tuple[float, float],
    way: tuple[float, float],
    deep: int,
    tree: Tree,
) -> None:
    angle, length = way
    end = (start[0] + length * math.cos(angle), start[1] + length * math.sin(angle))
    sprite.limb([start, end], tree.height * 0.006 * deep, scaled(tree.bark, 0.8))
    if deep == 0:
        return
    for side in (-1.0, 0.1, 1.0):
        turn = side * dice.between(0.3, 0.65) + (math.pi / 2 - angle) * 0.12
        _branch(
            sprite, dice, end, (angle + turn, length * dice.between(0.62, 0.82)), deep - 1, tree
        )


_GROW = {
    "round": _draw_round,
    "broad": _draw_broad,
    "birch": _draw_birch,
    "poplar": _draw_poplar,
    "cone": _draw_cone,
    "bare": _draw_bare,
}


def _hedge(plan: Plan, style: Style, dice: Dice, sign: int) -> Iterator[Item]:
    street = plan.street
    height, t = dice.between(0.8, 1.7), sign * (street.edge + 0.2)
    leaf = mix(dice.pick(style.materials.leaves), (60, 96, 54), 0.5)
    s, last = dice.between(2, 12), min(street.end - 9, dice.between(24, 80))
    while s < last:
        if street.is_free(s) and street.is_free(s + 2):
            place = (street.at(s, t), street.at(s + 2, t))
            yield Item(s + 5.2, TREE, partial(_draw_hedge, place, (sign, height), leaf))
        s += 2


def _draw_hedge(
    place: tuple[Point, Point], shape: tuple[int, float], leaf: Color, canvas: Canvas
) -> None:
    (x0, _, z0), (x1, _, z1) = place
    sign, height = shape
    dice = canvas.dice
    front = [(x0, 0.0, z0), (x0, height, z0), (x1, height, z1), (x1, 0.0, z1)]
    back = sign * 0.9
    top = [(x0, height, z0), (x0 + back, height, z0), (x1 + back, height, z1), (x1, height, z1)]
    end = [(x0, 0.0, z0), (x0, height, z0), (x0 + back, height, z0), (x0 + back, 0.0, z0)]
    canvas.face(end, scaled(leaf, 0.8), TREE)
    canvas.face(front, varied(dice, leaf, 0.06), TREE)
    canvas.face(top, scaled(leaf, 1.12), TREE)
    if canvas.camera.ahead(place[0]) > 45:
        return
    for _ in range(16):
        share, y = dice.between(0, 1), dice.between(0.05, 1.03) * height
        foot = (x0 + share * (x1 - x0) - sign * 0.03, 0.0, z0 + share * (z1 - z0))
        color = varied(dice, scaled(leaf, 0.75 + 0.4 * y / height), 0.15)
        _tuft(Sprite(canvas, foot, TREE), dice, (0.0, y), dice.between(0.1, 0.24), color)
