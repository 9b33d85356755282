"""How a world looks: its light, its weather and what its things are made of."""

import math
from dataclasses import dataclass
from enum import StrEnum

from scenes.canvas import Light, Point
from scenes.color import Color
from scenes.dice import Dice


class Look(StrEnum):
    """The labelled, computer-made world, and the one that the model shall work in."""

    SOURCE = "source"
    TARGET = "target"


class Weather(StrEnum):
    """What the sky does."""

    CLEAR = "clear"
    OVERCAST = "overcast"
    LOW_SUN = "low sun"
    DUSK = "dusk"
    FOG = "fog"
    RAIN = "rain"


@dataclass(frozen=True)
class Materials:
    """Colours to choose from, and the kinds of things that this world has."""

    walls: tuple[Color, ...]
    roofs: tuple[Color, ...]
    frames: tuple[Color, ...]
    awnings: tuple[Color, ...]
    windows: tuple[str, ...]
    leaves: tuple[Color, ...]
    trees: tuple[str, ...]
    bark: Color
    paints: tuple[Color, ...]
    vehicles: tuple[str, ...]
    coats: tuple[Color, ...]
    trousers: tuple[Color, ...]
    signs: tuple[str, ...]
    poles: tuple[Color, ...]
    fences: tuple[str, ...]
    asphalt: Color
    paving: Color
    kerb: Color
    marking: Color
    slab: float
    """Edge of a paving slab in metres."""


@dataclass(frozen=True)
class Style:
    """One scene's look, drawn from the look's range."""

    look: Look
    weather: Weather
    light: Light
    zenith: Color
    skyline: Color
    cloud: Color
    clouds: float
    """Share of the sky that is covered, 0 to 1."""
    lamps: bool
    """Street lamps, windows and headlights are on."""
    wet: float
    """How much the ground mirrors, 0 to 1."""
    materials: Materials


SKIN: tuple[Color, ...] = (
    (238, 200, 172),
    (224, 176, 140),
    (186, 130, 94),
    (134, 88, 60),
    (92, 60, 42),
)
HAIR: tuple[Color, ...] = (
    (40, 30, 26),
    (82, 56, 36),
    (150, 112, 62),
    (120, 118, 118),
    (24, 22, 24),
)

_SOURCE = Materials(
    walls=(
        (236, 214, 178),
        (226, 186, 152),
        (240, 232, 214),
        (206, 216, 224),
        (228, 170, 140),
        (196, 210, 184),
        (242, 214, 140),
        (214, 196, 216),
    ),
    roofs=((176, 84, 62), (160, 92, 70), (120, 96, 92), (188, 104, 74)),
    frames=((250, 250, 248), (236, 236, 232)),
    awnings=((204, 60, 54), (56, 112, 190), (62, 150, 92), (240, 180, 60)),
    windows=("plain", "plain", "cross"),
    leaves=((96, 164, 62), (76, 148, 66), (120, 178, 70), (62, 132, 72)),
    trees=("round", "round", "cone", "poplar"),
    bark=(122, 90, 62),
    paints=(
        (206, 44, 40),
        (38, 92, 188),
        (244, 244, 244),
        (240, 186, 44),
        (54, 152, 96),
        (84, 190, 214),
        (226, 112, 44),
        (150, 154, 164),
    ),
    vehicles=("hatchback", "saloon", "hatchback", "van", "bus"),
    coats=(
        (226, 70, 62),
        (60, 120, 210),
        (250, 200, 60),
        (80, 176, 110),
        (236, 236, 240),
        (210, 96, 170),
    ),
    trousers=((52, 72, 120), (60, 60, 68), (150, 128, 96), (96, 60, 50)),
    signs=("round", "triangle", "square", "stop", "traffic light", "board"),
    poles=((150, 156, 164), (120, 126, 132), (70, 92, 80)),
    fences=("picket", "guard rail", "railing"),
    asphalt=(122, 124, 132),
    paving=(206, 196, 180),
    kerb=(226, 222, 214),
    marking=(250, 250, 250),
    slab=1.0,
)

_TARGET = Materials(
    walls=(
        (134, 78, 62),
        (112, 70, 58),
        (150, 142, 130),
        (122, 122, 126),
        (92, 86, 82),
        (168, 146, 116),
        (156, 100, 76),
        (104, 112, 116),
    ),
    roofs=((70, 66, 70), (84, 74, 70), (58, 64, 72), (96, 70, 62)),
    frames=((206, 204, 196), (58, 56, 56), (104, 82, 62), (170, 164, 150)),
    awnings=((110, 40, 44), (44, 62, 66), (60, 74, 50), (120, 104, 84)),
    windows=("arched", "ribbon", "sash", "balcony"),
    leaves=((152, 112, 48), (128, 82, 44), (92, 92, 52), (166, 130, 56), (70, 82, 56)),
    trees=("broad", "broad", "bare", "bare", "birch", "cone"),
    bark=(78, 68, 60),
    paints=(
        (52, 54, 58),
        (96, 98, 102),
        (150, 150, 150),
        (190, 188, 182),
        (44, 54, 78),
        (92, 36, 36),
        (58, 70, 62),
        (124, 112, 96),
    ),
    vehicles=("estate", "saloon", "estate", "van", "pickup", "bus"),
    coats=(
        (52, 54, 60),
        (70, 58, 52),
        (96, 84, 66),
        (52, 66, 84),
        (110, 48, 48),
        (128, 124, 116),
        (70, 80, 62),
    ),
    trousers=((38, 40, 46), (54, 58, 72), (74, 66, 60)),
    signs=("round", "triangle", "diamond", "green board", "traffic light", "square"),
    poles=((88, 86, 82), (64, 62, 60), (112, 92, 70)),
    fences=("mesh", "planks", "railing", "guard rail"),
    asphalt=(100, 98, 95),
    paving=(138, 126, 118),
    kerb=(150, 144, 136),
    marking=(206, 200, 180),
    slab=0.4,
)


def make_style(look: Look, dice: Dice) -> Style:
    """A day in this look's world."""
    if look is Look.SOURCE:
        return _clear_day(dice)
    weather = dice.pick(
        (
            *(Weather.OVERCAST, Weather.LOW_SUN) * 2,
            *(Weather.DUSK, Weather.FOG, Weather.RAIN),
        )
    )
    return _SKIES[weather](dice)


def _sun(azimuth: float, elevation: float) -> Point:
    """Direction to the sun; azimuth 0 is ahead of the camera, positive to the right."""
    flat = math.cos(elevation)
    return (flat * math.sin(azimuth), math.sin(elevation), flat * math.cos(azimuth))


def _clear_day(dice: Dice) -> Style:
    sun = _sun(dice.sign() * dice.between(1.6, 2.6), dice.between(0.75, 1.1))
    return Style(
        look=Look.SOURCE,
        weather=Weather.CLEAR,
        light=Light(
            sun=sun,
            sunlight=(0.54, 0.52, 0.48),
            skylight=(0.68, 0.70, 0.74),
            haze_color=(196, 216, 236),
            haze=dice.between(0.0015, 0.004),
            shadow=0.42,
        ),
        zenith=(dice.between(58, 96), dice.between(130, 158), dice.between(214, 236)),
        skyline=(202, 224, 242),
        cloud=(252, 252, 254),
        clouds=dice.between(0.0, 0.55),
        lamps=False,
        wet=0.0,
        materials=_SOURCE,
    )


def _overcast(dice: Dice) -> Style:
    grey = dice.between(150, 190)
    return Style(
        look=Look.TARGET,
        weather=Weather.OVERCAST,
        light=Light(
            sun=_sun(0.4, 1.3),
            sunlight=(0.10, 0.10, 0.10),
            skylight=(1.04, 1.06, 1.08),
            haze_color=(grey, grey + 2, grey + 6),
            haze=dice.between(0.005, 0.010),
            shadow=0.30,
        ),
        zenith=(grey - 12, grey - 8, grey),
        skyline=(grey + 20, grey + 20, grey + 20),
        cloud=(grey - 34, grey - 33, grey - 28),
        clouds=dice.between(0.7, 1.0),
        lamps=False,
        wet=dice.pick((0.0, 0.0, 0.25)),
        materials=_TARGET,
    )


def _low_sun(dice: Dice) -> Style:
    sun = _sun(dice.sign() * dice.between(0.35, 2.7), dice.between(0.16, 0.32))
    return Style(
        look=Look.TARGET,
        weather=Weather.LOW_SUN,
        light=Light(
            sun=sun,
            sunlight=(0.86, 0.66, 0.42),
            skylight=(0.80, 0.77, 0.80),
            haze_color=(226, 190, 150),
            haze=dice.between(0.004, 0.009),
            shadow=0.52,
        ),
        zenith=(128, 148, 176),
        skyline=(250, 212, 160),
        cloud=(236, 196, 166),
        clouds=dice.between(0.2, 0.7),
        lamps=False,
        wet=dice.pick((0.0, 0.0, 0.3)),
        materials=_TARGET,
    )


def _dusk(dice: Dice) -> Style:
    return Style(
        look=Look.TARGET,
        weather=Weather.DUSK,
        light=Light(
            sun=_sun(dice.around(0, 0.8), 0.7),
            sunlight=(0.06, 0.05, 0.07),
            skylight=(0.62, 0.60, 0.76),
            haze_color=(150, 122, 134),
            haze=dice.between(0.006, 0.011),
            shadow=0.35,
        ),
        zenith=(64, 78, 128),
        skyline=(dice.between(200, 236), dice.between(128, 150), dice.between(104, 140)),
        cloud=(96, 74, 104),
        clouds=dice.between(0.2, 0.7),
        lamps=True,
        wet=dice.pick((0.0, 0.5)),
        materials=_TARGET,
    )


def _fog(dice: Dice) -> Style:
    grey = dice.between(176, 204)
    return Style(
        look=Look.TARGET,
        weather=Weather.FOG,
        light=Light(
            sun=_sun(0.4, 1.3),
            sunlight=(0.05, 0.05, 0.05),
            skylight=(1.0, 1.0, 1.0),
            haze_color=(grey, grey + 1, grey - 1),
            haze=dice.between(0.016, 0.028),
            shadow=0.22,
        ),
        zenith=(grey - 8, grey - 5, grey - 2),
        skyline=(grey + 2, grey + 2, grey),
        cloud=(grey - 10, grey - 10, grey - 10),
        clouds=0.4,
        lamps=dice.chance(0.5),
        wet=0.15,
        materials=_TARGET,
    )


def _rain(dice: Dice) -> Style:
    grey = dice.between(132, 162)
    return Style(
        look=Look.TARGET,
        weather=Weather.RAIN,
        light=Light(
            sun=_sun(0.4, 1.3),
            sunlight=(0.04, 0.04, 0.04),
            skylight=(0.86, 0.90, 0.96),
            haze_color=(grey, grey + 6, grey + 14),
            haze=dice.between(0.009, 0.015),
            shadow=0.25,
        ),
        zenith=(grey - 36, grey - 30, grey - 20),
        skyline=(grey + 26, grey + 30, grey + 36),
        cloud=(grey - 58, grey - 52, grey - 44),
        clouds=1.0,
        lamps=True,
        wet=dice.between(0.5, 0.75),
        materials=_TARGET,
    )


_SKIES = {
    Weather.OVERCAST: _overcast,
    Weather.LOW_SUN: _low_sun,
    Weather.DUSK: _dusk,
    Weather.FOG: _fog,
    Weather.RAIN: _rain,
}
