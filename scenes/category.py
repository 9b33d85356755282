"""The categories of a street scene; a category's number is its id in masks."""

from enum import IntEnum


class Category(IntEnum):
    """What a pixel shows."""

    SKY = 0
    BUILDING = 1
    POLE = 2
    ROAD = 3
    PAVEMENT = 4
    TREE = 5
    SIGN_SYMBOL = 6
    FENCE = 7
    CAR = 8
    PEDESTRIAN = 9
    BICYCLIST = 10

    @property
    def label(self) -> str:
        """The name in label files: `SignSymbol` for `SIGN_SYMBOL`."""
        return self.name.title().replace("_", "")
