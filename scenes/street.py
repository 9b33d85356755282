"""Where a scene's street runs and what stands in it: decided before anything is drawn."""

import math
from dataclasses import dataclass

from scenes.canvas import Camera, Point, Pose
from scenes.category import Category
from scenes.dice import Dice

FAR = 130.0
"""Metres to the end of a street that is not closed by anything."""


@dataclass(frozen=True)
class Street:
    """A street that may bend. Along it: s metres ahead, t metres right of its centre line."""

    bend: float
    half: float
    """Half the width of the carriageway."""
    walk: float
    """Width of each pavement."""
    end: float
    """Where the street meets a cross street and something closes the view; `FAR` if nothing does."""
    junction: tuple[float, float] | None
    """The stretch of s that a cross street takes."""

    def at(self, s: float, t: float, y: float = 0.0) -> Point:
        """The point in the world."""
        return (t + self.bend * s * s / 2, y, s)

    def heading(self, s: float) -> float:
        """Direction of the street in radians, 0 is straight ahead, positive to the right."""
        return math.atan(self.bend * s)

    def is_free(self, s: float) -> bool:
        """Whether there is a kerb at s: not in the cross street, not past the end."""
        crossed = self.junction is not None and self.junction[0] - 1 < s < self.junction[1] + 1
        return s < self.end - 1 and not crossed

    @property
    def edge(self) -> float:
        """Distance of the house fronts from the centre line."""
        return self.half + self.walk


@dataclass(frozen=True)
class Frame:
    """A place with a direction: local axes are u right, v up, w forward, in metres."""

    origin: Point
    heading: float

    def at(self, u: float, v: float, w: float) -> Point:
        """The point in the world."""
        sin, cos = math.sin(self.heading), math.cos(self.heading)
        x, y, z = self.origin
        return (x + u * cos + w * sin, y + v, z - u * sin + w * cos)


@dataclass(frozen=True)
class Plan:
    """What a scene contains."""

    street: Street
    camera: Camera
    shown: frozenset[Category]
    sides: tuple[str, str]
    """What lines the street left and right: houses, park or open."""

    def shows(self, category: Category) -> bool:
        """Whether the scene has this category."""
        return category in self.shown


_CHANCES = {
    Category.BUILDING: 0.86,
    Category.POLE: 0.72,
    Category.TREE: 0.66,
    Category.SIGN_SYMBOL: 0.60,
    Category.FENCE: 0.48,
    Category.CAR: 0.72,
    Category.PEDESTRIAN: 0.58,
    Category.BICYCLIST: 0.40,
}


def make_plan(dice: Dice, size: tuple[int, int]) -> Plan:
    """Decide on a scene; `size` is the canvas in pixels."""
    shown = {category for category, chance in _CHANCES.items() if dice.chance(chance)}
    ground = dice.pick(("street",) * 17 + ("yard",) * 2 + ("precinct",))
    if ground != "precinct":
        shown.add(Category.ROAD)
    else:
        shown -= {Category.CAR}
    if ground != "yard":
        shown.add(Category.PAVEMENT)
    if Category.BUILDING not in shown and dice.chance(0.75):
        shown.add(Category.TREE)
    if Category.BUILDING not in shown or not dice.chance(0.09):
        shown.add(Category.SKY)
    sides = (_side(dice, shown), _side(dice, shown))
    if Category.BUILDING in shown and "houses" not in sides:
        sides = ("houses", sides[1])
    if Category.SKY not in shown:
        sides = ("houses", "houses")
    return Plan(
        street=_make_street(dice, closed=Category.SKY not in shown, shown=shown),
        camera=_make_camera(dice, size, precinct=ground == "precinct"),
        shown=frozenset(shown),
        sides=sides,
    )


def _side(dice: Dice, shown: set[Category]) -> str:
    kinds = ["open"]
    if Category.BUILDING in shown:
        kinds += ["houses"] * 5
    if Category.TREE in shown:
        kinds += ["park"] * 2
    return dice.pick(kinds)


def _make_street(dice: Dice, *, closed: bool, shown: set[Category]) -> Street:
    end = FAR
    if closed:
        end = dice.between(24, 36)
    elif Category.BUILDING in shown and dice.chance(0.22):
        end = dice.between(38, 70)
    junction = None
    if end == FAR and Category.ROAD in shown and dice.chance(0.35):
        start = dice.between(15, 34)
        junction = (start, start + dice.between(7, 10))
    return Street(
        bend=0.0 if closed or dice.chance(0.5) else dice.around(0, 0.007),
        half=dice.between(3.2, 5.2),
        walk=dice.between(2.4, 4.2),
        end=end,
        junction=junction,
    )


def _make_camera(dice: Dice, size: tuple[int, int], *, precinct: bool) -> Camera:
    lane = dice.around(0, 1.2) if precinct else dice.pick((-1.7, 1.7, 1.7)) + dice.around(0, 0.7)
    pose = Pose(
        x=lane,
        height=dice.between(1.35, 2.1),
        yaw=dice.around(0, 0.13),
        pitch=dice.around(0.01, 0.06),
        roll=dice.around(0, 0.02),
    )
    return Camera(size, dice.between(0.8, 0.98), pose)
