"""A whole scene: plan it, draw it from far to near, develop it."""

import numpy as np
from PIL import Image

from scenes.buildings import place_buildings
from scenes.canvas import SUPERSAMPLING, Canvas, Item, Room
from scenes.category import Category
from scenes.dice import Dice
from scenes.fences import place_fences
from scenes.finish import develop
from scenes.furniture import place_furniture
from scenes.ground import lay_ground
from scenes.people import place_people
from scenes.sky import paint_sky
from scenes.street import Plan, make_plan
from scenes.style import Look, Style, make_style
from scenes.traffic import place_vehicles
from scenes.trees import place_trees

_PLACERS = (
    place_people,
    place_furniture,
    place_trees,
    place_vehicles,
    place_fences,
    place_buildings,
)
"""What comes first keeps its room; what would stand in it is left out."""

_REMOVABLE = frozenset(Category) - {
    Category.SKY,
    Category.BUILDING,
    Category.ROAD,
    Category.PAVEMENT,
}
SMALLEST_SHARE = 0.0004
"""Of the picture: a category with fewer pixels is left out, since no one could say that it is there."""


def compose(
    look: Look, seed: int, index: int, size: tuple[int, int]
) -> tuple[Image.Image, Image.Image]:
    """The picture and the mask of one scene."""
    domain = list(Look).index(look)
    canvas_size = (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING)
    dice = Dice(seed, domain, index, 0)
    style, plan = make_style(look, dice), make_plan(dice, canvas_size)
    items = _place(plan, style, (seed, domain, index, 1))
    image, mask = _draw(plan, style, items, (seed, domain, index, 2), size)
    while (slivers := _slivers(mask)) & {item.category for item in items}:
        items = [item for item in items if item.category not in slivers]
        image, mask = _draw(plan, style, items, (seed, domain, index, 2), size)
    return image, mask


def _place(plan: Plan, style: Style, seeds: tuple[int, ...]) -> list[Item]:
    items: list[Item] = []
    taken: list[Room] = []
    for number, place in enumerate(_PLACERS):
        for item in place(plan, style, Dice(*seeds, number)):
            if item.room is None:
                items.append(item)
            elif not any(item.room.meets(room) for room in taken):
                items.append(item)
                taken.append(item.room)
    return items


def _draw(
    plan: Plan, style: Style, items: list[Item], seeds: tuple[int, ...], size: tuple[int, int]
) -> tuple[Image.Image, Image.Image]:
    dice = Dice(*seeds)
    if plan.shows(Category.SKY):
        backdrop, behind = paint_sky(plan.camera, style, dice, size), Category.SKY
    else:
        red, green, blue = (round(channel * 0.8) for channel in style.materials.walls[0])
        backdrop, behind = Image.new("RGB", size, (red, green, blue)), Category.BUILDING
    canvas = Canvas(plan.camera, style.light, (backdrop, behind), dice)
    lay_ground(canvas, plan, style, dice)
    for item in sorted(items, key=lambda item: -item.depth):
        item.draw(canvas)
    return develop(canvas, plan, style, dice)


def _slivers(mask: Image.Image) -> frozenset[Category]:
    counts = np.bincount(np.asarray(mask).ravel(), minlength=len(Category))
    least = SMALLEST_SHARE * mask.width * mask.height
    return frozenset(c for c in _REMOVABLE if 0 < counts[c] < least)
