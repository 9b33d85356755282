"""Random decisions of a scene, from nothing but its seed."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Choice = TypeVar("Choice")


class Dice:
    """Draws that are the same for the same seeds, on every machine."""

    def __init__(self, *seeds: int) -> None:
        # Only raw uniform numbers are drawn: NumPy keeps those stable between its versions.
        self._generator = np.random.Generator(np.random.PCG64(list(seeds)))
        self._random = self._generator.random

    def between(self, low: float, high: float) -> float:
        """A number of [low, high)."""
        return low + (high - low) * self._random()

    def around(self, middle: float, spread: float) -> float:
        """A number at most `spread` away from `middle`, more often near it."""
        return middle + spread * (self._random() + self._random() - 1)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random() < probability

    def count(self, low: int, high: int) -> int:
        """A whole number of [low, high]."""
        return low + int((high - low + 1) * self._random())

    def sign(self) -> int:
        """-1 or 1."""
        return 1 if self._random() < 0.5 else -1

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """One of the choices."""
        return choices[int(len(choices) * self._random())]

    def grain(self, height: int, width: int) -> NDArray[np.float32]:
        """Independent noise in [-1, 1), (height, width)."""
        return self._generator.random((height, width), dtype=np.float32) * 2 - 1

    def clouds(
        self, height: int, width: int, cells: float, octaves: int = 4
    ) -> NDArray[np.float32]:
        """Smooth fractal noise, (height, width), about -1 to 1; `cells` features fit across."""
        total = Image.fromarray(np.zeros((2, 2), np.float32))
        for octave in range(octaves):
            columns = max(2, round(cells * 2**octave) + 1)
            rows = max(2, round(cells * 2**octave * height / width) + 1)
            smooth = total.resize((columns, rows), Image.Resampling.BICUBIC)
            total = Image.fromarray(
                np.asarray(smooth) + self.grain(rows, columns) / np.float32(2**octave)
            )
        finished = total.resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(finished, np.float32) / np.float32(1.3)

    def spread(self, count: int, low: float, high: float) -> list[float]:
        """`count` positions in [low, high), ascending, one in each of `count` equal parts."""
        part = (high - low) / max(count, 1)
        return [low + part * (number + self.between(0.1, 0.9)) for number in range(count)]
