"""Colours as three numbers from 0 to 255."""

from scenes.dice import Dice

Color = tuple[float, float, float]


def mix(first: Color, second: Color, share: float) -> Color:
    """`share` of the second colour in the first."""
    keep = 1 - share
    return (
        first[0] * keep + second[0] * share,
        first[1] * keep + second[1] * share,
        first[2] * keep + second[2] * share,
    )


def scaled(color: Color, factor: float) -> Color:
    """Brighter or darker; may leave 0 to 255."""
    return (color[0] * factor, color[1] * factor, color[2] * factor)


def varied(dice: Dice, color: Color, amount: float) -> Color:
    """A near relative of the colour: brightness by `amount`, each channel by a third of it."""
    light = dice.around(1, amount)
    red, green, blue = (channel * light * dice.around(1, amount / 3) for channel in color)
    return (red, green, blue)


def whole(color: Color) -> tuple[int, int, int]:
    """The colour as a pixel's value."""
    red, green, blue = (0 if c < 0 else 255 if c > 255 else int(c) for c in color)
    return (red, green, blue)
