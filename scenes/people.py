"""Pedestrians and cyclists."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from scenes.canvas import Canvas, Item, Point, Room, Sprite
from scenes.category import Category
from scenes.color import Color, scaled, varied
from scenes.dice import Dice
from scenes.street import Plan
from scenes.style import HAIR, SKIN, Look, Style, Weather


@dataclass(frozen=True)
class Person:
    """How someone looks and moves."""

    height: float
    skin: Color
    hair: Color
    coat: Color
    trousers: Color
    stride: float
    facing: int
    """-1 left, 1 right, 0 towards or away from the camera."""
    dress: str
    extra: str
    """What is carried or worn besides: bag, backpack, hat, umbrella, helmet or nothing."""
    extra_color: Color


def place_people(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    """Pedestrians on the pavements and crossings, cyclists at the edge of the carriageway."""
    if plan.shows(Category.PEDESTRIAN):
        yield from _pedestrians(plan, style, dice)
    if plan.shows(Category.BICYCLIST):
        yield from _cyclists(plan, style, dice)


def _pedestrians(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    street = plan.street
    for number in range(dice.count(2, 7)):
        first = number == 0
        s = dice.between(9, 17) if first else dice.between(9, 40)
        sign = dice.sign()
        if first:
            sign = -1 if plan.camera.pose.x > 0 else 1
        t = sign * (street.half + dice.between(0.7, street.walk - 0.4))
        if not plan.shows(Category.ROAD):
            t = dice.between(-street.edge, street.edge)
        elif not first and dice.chance(0.12):
            t = dice.between(-street.half, street.half)
        s = min(s, street.end - 3)
        person = _someone(style, dice)
        yield _standing(person, street.at(s, t), Room(s, t, 0.4, 0.4))
        if dice.chance(0.3):
            friend = _someone(style, dice)
            t += dice.sign() * 0.6
            yield _standing(friend, street.at(s + 0.2, t), Room(s + 0.2, t, 0.2, 0.2))


def _standing(person: Person, foot: Point, room: Room) -> Item:
    return Item(room.s + 0.6, Category.PEDESTRIAN, partial(_draw_pedestrian, person, foot), room)


def _cyclists(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    street = plan.street
    for number in range(dice.pick((1, 1, 2, 3))):
        s = dice.between(8.5, 16) if number == 0 else dice.between(12, 34)
        s = min(s, street.end - 4)
        turn = dice.pick((0.0, 0.0, 1.0, -1.0, 0.75, -0.75))
        sign = dice.sign()
        t = (
            sign * (street.half - dice.between(0.6, 1.2))
            if turn == 0
            else dice.around(0, street.half)
        )
        person = _someone(style, dice, rides=True)
        frame = varied(dice, dice.pick(style.materials.paints), 0.1)
        draw = partial(_draw_cyclist, person, (street.at(s, t), turn), frame)
        room = Room(s, t, 1.0, 0.4 + 0.7 * abs(turn))
        yield Item(s - 0.1, Category.BICYCLIST, draw, room)


def _someone(style: Style, dice: Dice, *, rides: bool = False) -> Person:
    materials = style.materials
    child = not rides and dice.chance(0.12)
    if rides:
        extra = "helmet" if dice.chance(0.7) else ""
    elif style.weather is Weather.RAIN and dice.chance(0.6):
        extra = "umbrella"
    else:
        extra = dice.pick(("", "bag", "backpack", "hat", ""))
    return Person(
        height=dice.between(1.1, 1.4) if child else dice.between(1.6, 1.88),
        skin=dice.pick(SKIN),
        hair=dice.pick(HAIR),
        coat=varied(dice, dice.pick(materials.coats), 0.15),
        trousers=varied(dice, dice.pick(materials.trousers), 0.15),
        stride=dice.between(0.02, 0.17),
        facing=dice.pick((-1, 0, 0, 1)),
        dress=dice.pick(
            ("coat", "jacket") if style.look is Look.TARGET else ("shirt", "shirt", "skirt")
        ),
        extra=extra,
        extra_color=varied(dice, dice.pick(materials.coats), 0.2),
    )


def _draw_pedestrian(person: Person, foot: Point, canvas: Canvas) -> None:
    _cast(canvas, foot, person.height, 0.26)
    sprite = Sprite(canvas, foot, Category.PEDESTRIAN)
    tall = person.height
    if person.extra == "backpack" and person.facing == 0:
        _shape(
            sprite,
            tall,
            [(-0.13, 0.55), (-0.12, 0.8), (0.12, 0.8), (0.13, 0.55)],
            person.extra_color,
        )
    _draw_legs(sprite, person)
    _draw_torso(sprite, person)
    _draw_head(sprite, person, (0.012 * person.facing * tall, 0.925 * tall), tall * 0.068)
    _draw_extra(sprite, person)


def _cast(canvas: Canvas, foot: Point, height: float, half: float) -> None:
    x, _, z = foot
    dx, dz = canvas.light.cast(height)
    around: list[Point] = []
    for step in range(10):
        angle = step * math.tau / 10
        around.append((x + half * 1.3 * math.cos(angle), 0.0, z + half * math.sin(angle)))
    canvas.shadow(around, 1.2)
    across = math.hypot(dx, dz) or 1.0
    px, pz = -dz / across * half * 0.7, dx / across * half * 0.7
    canvas.shadow(
        [
            (x + px, 0, z + pz),
            (x - px, 0, z - pz),
            (x - px + dx, 0, z - pz + dz),
            (x + px + dx, 0, z + pz + dz),
        ]
    )


def _shape(sprite: Sprite, tall: float, points: list[tuple[float, float]], color: Color) -> None:
    sprite.polygon([(u * tall, v * tall) for u, v in points], color)


def _draw_legs(sprite: Sprite, person: Person) -> None:
    tall, reach = person.height, person.stride if person.facing else person.stride * 0.35
    for side in (-1, 1):
        hip = side * 0.045
        knee = hip + side * reach * 0.5 + 0.02 * person.facing
        foot = hip + side * reach
        color = person.trousers if side > 0 else scaled(person.trousers, 0.82)
        leg = [(hip - 0.05, 0.5), (knee - 0.042, 0.27), (foot - 0.032, 0.03)]
        leg += [(foot + 0.032, 0.03), (knee + 0.042, 0.27), (hip + 0.055, 0.5)]
        _shape(sprite, tall, leg, color)
        toe = 0.05 * person.facing
        shoe = [
            (foot - 0.04 + min(toe, 0), 0.0),
            (foot - 0.035, 0.04),
            (foot + 0.035, 0.04),
            (foot + 0.04 + max(toe, 0), 0.0),
        ]
        _shape(sprite, tall, shoe, (44, 38, 36))


def _draw_torso(sprite: Sprite, person: Person) -> None:
    tall, wide = person.height, 0.085 if person.facing else 0.12
    hem = {"coat": 0.3, "skirt": 0.36}.get(person.dress, 0.46)
    flare = {"coat": 1.05, "skirt": 1.3}.get(person.dress, 0.9)
    coat = person.coat
    far_arm, near_arm = -wide - 0.02, wide + 0.02
    swing = person.stride * 0.9 * (person.facing or 0.25)
    _arm(sprite, person, far_arm if person.facing == 0 else 0.0, swing, 0.85)
    body = [
        (-wide * flare, hem),
        (-wide * 0.86, 0.56),
        (-wide, 0.74),
        (-wide * 0.86, 0.82),
        (-0.03, 0.855),
    ]
    _shape(sprite, tall, body + [(-u, v) for u, v in reversed(body)], coat)
    shade = [
        (wide * 0.25, hem),
        (wide * 0.2, 0.83),
        (wide * 0.86, 0.82),
        (wide, 0.74),
        (wide * 0.86, 0.56),
        (wide * flare, hem),
    ]
    _shape(sprite, tall, shade, scaled(coat, 0.82))
    if person.dress == "skirt":
        skirt = [(-wide * flare, hem), (-wide * 0.8, 0.56), (wide * 0.8, 0.56), (wide * flare, hem)]
        _shape(sprite, tall, skirt, person.extra_color)
    _arm(sprite, person, near_arm if person.facing == 0 else 0.0, -swing, 0.92)


def _arm(sprite: Sprite, person: Person, shoulder: float, swing: float, light: float) -> None:
    tall, color = person.height, scaled(person.coat, light)
    hand = (shoulder * 1.15 + swing, 0.45)
    arm = [
        (shoulder - 0.026, 0.8),
        (hand[0] - 0.022, hand[1]),
        (hand[0] + 0.022, hand[1]),
        (shoulder + 0.03, 0.81),
    ]
    _shape(sprite, tall, arm, color)
    sprite.ellipse(
        (hand[0] * tall, (hand[1] - 0.012) * tall), (0.022 * tall, 0.026 * tall), person.skin
    )


def _draw_head(sprite: Sprite, person: Person, at: tuple[float, float], size: float) -> None:
    u, v = at
    neck = [
        (u - size * 0.4, v - size * 1.5),
        (u - size * 0.4, v),
        (u + size * 0.4, v),
        (u + size * 0.4, v - size * 1.5),
    ]
    sprite.polygon(neck, scaled(person.skin, 0.85))
    sprite.ellipse((u, v + size * 0.12), (size * 0.98, size * 1.12), person.hair)
    if person.facing or person.stride > 0.08:
        face = (u + 0.28 * size * person.facing, v - size * 0.12)
        sprite.ellipse(face, (size * 0.72, size * 0.88), person.skin)


def _draw_extra(sprite: Sprite, person: Person) -> None:
    tall, color = person.height, person.extra_color
    if person.extra == "bag":
        _shape(sprite, tall, [(0.1, 0.36), (0.11, 0.5), (0.2, 0.5), (0.21, 0.36)], color)
    elif person.extra == "backpack" and person.facing:
        back = -person.facing * 0.1
        pack = [(back - 0.055, 0.57), (back - 0.05, 0.8), (back + 0.05, 0.8), (back + 0.045, 0.57)]
        _shape(sprite, tall, pack, color)
    elif person.extra == "hat":
        _shape(
            sprite,
            tall,
            [(-0.1, 0.95), (-0.06, 0.96), (-0.055, 1.02), (0.055, 1.02), (0.06, 0.96), (0.1, 0.95)],
            color,
        )
    elif person.extra == "umbrella":
        sprite.limb([(0.1 * tall, 0.5 * tall), (0.1 * tall, 1.2 * tall)], 0.025, (40, 40, 44))
        dome = [(math.cos(k * math.pi / 8), math.sin(k * math.pi / 8)) for k in range(9)]
        _shape(sprite, tall, [(0.1 + 0.33 * a, 1.08 + 0.17 * b) for a, b in dome], color)
        ribs = [(0.1 + 0.33 * a, 1.08 + 0.17 * b) for a, b in dome[2:7]]
        _shape(sprite, tall, [*ribs, (0.0, 1.08), (0.2, 1.08)], scaled(color, 1.2))


def _draw_cyclist(person: Person, place: tuple[Point, float], paint: Color, canvas: Canvas) -> None:
    foot, turn = place
    _cast(canvas, foot, 1.6, 0.28 + 0.5 * abs(turn))
    sprite = Sprite(canvas, foot, Category.BICYCLIST)
    if turn == 0:
        _draw_ride_along(sprite, person, paint)
    else:
        _draw_ride_across(sprite, person, paint, turn)


def _draw_ride_along(sprite: Sprite, person: Person, paint: Color) -> None:
    sprite.ellipse((0.0, 0.34), (0.045, 0.34), (30, 30, 32))
    sprite.limb([(0.0, 0.4), (0.0, 0.95)], 0.05, paint)
    for side, low in ((-1, 0.22), (1, 0.42)):
        knee = (side * 0.15, low + 0.36)
        sprite.limb(
            [(side * 0.09, 0.95), knee, (side * 0.11, low)],
            0.12,
            scaled(person.trousers, 1 - 0.08 * side),
        )
        sprite.ellipse((side * 0.11, low - 0.03), (0.06, 0.05), (40, 36, 36))
    sprite.limb([(-0.28, 1.04), (0.28, 1.04)], 0.035, (44, 44, 46))
    for side in (-1, 1):
        sprite.limb(
            [(side * 0.18, 1.42), (side * 0.3, 1.22), (side * 0.26, 1.05)],
            0.09,
            scaled(person.coat, 0.85),
        )
    body = [
        (-0.15, 0.92),
        (-0.2, 1.2),
        (-0.21, 1.44),
        (-0.08, 1.52),
        (0.08, 1.52),
        (0.21, 1.44),
        (0.2, 1.2),
        (0.15, 0.92),
    ]
    sprite.polygon(body, person.coat)
    sprite.polygon(
        [(0.04, 0.92), (0.06, 1.52), (0.21, 1.44), (0.2, 1.2), (0.15, 0.92)],
        scaled(person.coat, 0.82),
    )
    _draw_head(sprite, person, (0.0, 1.68), 0.115)
    _draw_helmet(sprite, person, 0.0, 1.72)


def _draw_ride_across(sprite: Sprite, person: Person, paint: Color, turn: float) -> None:
    def limb(points: list[tuple[float, float]], width: float, color: Color) -> None:
        sprite.limb([(u * turn, v) for u, v in points], width, color)

    for hub in (-0.52, 0.54):
        rim = [
            (hub + 0.33 * math.cos(k * math.tau / 16), 0.34 + 0.33 * math.sin(k * math.tau / 16))
            for k in range(17)
        ]
        limb(rim, 0.045, (34, 34, 36))
        for spoke in range(0, 8, 2):
            limb([rim[spoke], rim[spoke + 8]], 0.012, (120, 122, 126))
    far_leg = [(-0.18, 0.98), (0.2, 0.72), (-0.02, 0.42)]
    limb(far_leg, 0.13, scaled(person.trousers, 0.72))
    limb([(-0.52, 0.34), (0.0, 0.32), (0.4, 0.86), (-0.2, 0.84), (0.0, 0.32)], 0.05, paint)
    limb([(-0.52, 0.34), (-0.2, 0.84), (-0.22, 0.98)], 0.04, paint)
    limb([(0.54, 0.34), (0.4, 0.86), (0.38, 1.06), (0.5, 1.08)], 0.045, scaled(paint, 0.8))
    limb([(-0.34, 0.97), (-0.1, 0.98)], 0.07, (30, 28, 28))
    limb([(-0.2, 1.0), (0.16, 0.66), (0.06, 0.2)], 0.14, person.trousers)
    limb([(0.0, 0.19), (0.16, 0.19)], 0.07, (40, 36, 36))
    torso = [(-0.3, 0.96), (-0.24, 1.2), (0.06, 1.5), (0.24, 1.44), (0.14, 1.2), (-0.08, 0.94)]
    sprite.polygon([(u * turn, v) for u, v in torso], person.coat)
    limb([(0.12, 1.42), (0.28, 1.18), (0.47, 1.1)], 0.09, scaled(person.coat, 0.8))
    head = Person(**{**vars(person), "facing": 1 if turn > 0 else -1})
    _draw_head(sprite, head, (0.25 * turn, 1.62), 0.115)
    _draw_helmet(sprite, person, 0.24 * turn, 1.66)


def _draw_helmet(sprite: Sprite, person: Person, u: float, v: float) -> None:
    if person.extra == "helmet":
        dome = [
            (u + 0.15 * math.cos(k * math.pi / 8), v + 0.15 * math.sin(k * math.pi / 8))
            for k in range(9)
        ]
        sprite.polygon(dome, person.extra_color)
