"""Where vehicles are: parked at the kerb, in the lanes, in the cross street."""

import math
from collections.abc import Iterator
from functools import partial

from scenes.canvas import Item, Room
from scenes.category import Category
from scenes.dice import Dice
from scenes.street import Frame, Plan
from scenes.style import Style
from scenes.vehicles import Vehicle, build_vehicle, draw_vehicle, half_length


def place_vehicles(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    """Parked cars at the kerbs, one or two in the lanes, and now and then one in the cross street."""
    if not plan.shows(Category.CAR):
        return
    count = 0
    if dice.chance(0.65):
        for item in _parked(plan, style, dice, dice.pick(((1,), (-1,), (-1, 1)))):
            count += 1
            yield item
    cross = plan.street.junction
    if cross and dice.chance(0.6):
        count += 1
        yield _crossing(plan, style, dice, (cross[0] + cross[1]) / 2)
    if count == 0 or dice.chance(0.6):
        yield from _driving(plan, style, dice)


def _parked(plan: Plan, style: Style, dice: Dice, signs: tuple[int, ...]) -> Iterator[Item]:
    street = plan.street
    for sign in signs:
        s, last = dice.between(9, 20), dice.between(22, 75)
        kinds = [kind for kind in style.materials.vehicles if kind != "bus"]
        while s < last:
            if street.is_free(s - 2) and street.is_free(s + 2):
                t = sign * (street.half - 1.05)
                facing = 0.0 if sign > 0 or dice.chance(0.3) else math.pi
                frame = Frame(street.at(s, t), street.heading(s) + facing + dice.around(0, 0.04))
                vehicle = build_vehicle(style, dice, dice.pick(kinds), frame)
                yield _item(vehicle.parked(), Room(s, t, 2.4, 0.95))
            s += dice.between(5.4, 7.0) if dice.chance(0.7) else dice.between(9, 18)


def _driving(plan: Plan, style: Style, dice: Dice) -> Iterator[Item]:
    street = plan.street
    last = min(street.end - 12, 60)
    for sign, first in ((1, dice.between(10, 24)), (-1, dice.between(12, 34))):
        s = first if sign > 0 else first + 3
        number = dice.count(1, 2) if sign > 0 else dice.count(0, 2)
        for _ in range(number):
            if s < last:
                heading = street.heading(s) + (0.0 if sign > 0 else math.pi)
                t, kind = sign * street.half * 0.42, dice.pick(style.materials.vehicles)
                frame = Frame(street.at(s, t), heading + dice.around(0, 0.05))
                yield _item(
                    build_vehicle(style, dice, kind, frame), Room(s, t, half_length(kind), 1.0)
                )
            s += dice.between(11, 26)


def _crossing(plan: Plan, style: Style, dice: Dice, s: float) -> Item:
    t, kind = dice.around(0, 6), dice.pick(style.materials.vehicles)
    frame = Frame(plan.street.at(s, t), dice.sign() * math.pi / 2)
    return _item(build_vehicle(style, dice, kind, frame), Room(s, t, 1.2, half_length(kind)))


def _item(vehicle: Vehicle, room: Room) -> Item:
    return Item(room.s + 0.2, Category.CAR, partial(draw_vehicle, vehicle), room)
