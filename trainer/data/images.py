"""Datasets at the network's size, decoded once and kept as long as there is room."""

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.cards import Sample
from trainer.data.decode import MaskCodes, check_shapes, decode_image, decode_mask
from trainer.data.presence import area_fractions

Array = TypeVar("Array", bound=NDArray[Any])
Array_co = TypeVar("Array_co", bound=NDArray[Any], covariant=True)

MEMORY_LIMIT = 2 * 1024**3
"""Bytes that one dataset may keep; images beyond it are decoded anew each time."""


class _Kept(Generic[Array]):
    """Arrays that are made when first asked for, and kept as long as there is room.

    A copy that travels to another process keeps nothing: as many processes as there are cores
    would need as many times the memory.
    """

    def __init__(self, make: Callable[[int], Array], room: int) -> None:
        self._make = make
        self._room = room
        self._made: dict[int, Array] = {}

    def __getitem__(self, index: int) -> Array:
        if index in self._made:
            return self._made[index]
        array = self._make(index)
        if array.nbytes <= self._room:
            self._room -= array.nbytes
            self._made[index] = array
        return array

    def __reduce__(self) -> tuple[object, ...]:
        return _Kept, (self._make, 0)


class _Arrays(Protocol[Array_co]):
    def __getitem__(self, index: int) -> Array_co: ...


@dataclass(frozen=True)
class _Decoder:
    samples: Sequence[Sample]
    size: tuple[int, int]
    codes: MaskCodes | NDArray[np.int16] | None

    def image(self, index: int) -> NDArray[np.uint8]:
        return decode_image(self.samples[index].image, self.size)

    def mask(self, index: int) -> NDArray[np.int16]:
        path = self.samples[index].mask
        if path is None or self.codes is None:
            raise LookupError(f"{self.samples[index].name} has no mask")
        check_shapes(self.samples[index].image, path)
        return decode_mask(path, self.codes, self.size)


class ResizedImages:
    """Images, and masks where there are any, of one dataset at one size (width, height)."""

    def __init__(
        self,
        samples: Sequence[Sample],
        size: tuple[int, int],
        codes: MaskCodes | NDArray[np.int16] | None = None,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        self.samples = samples
        self.size = size
        decoder = _Decoder(samples, size, codes)
        of_images = memory_limit * 3 // 5 if codes is not None else memory_limit
        self._images: _Arrays[NDArray[np.uint8]] = _Kept(decoder.image, of_images)
        self._masks: _Arrays[NDArray[np.int16]] = _Kept(decoder.mask, memory_limit - of_images)
        self._rows = np.arange(len(samples))

    def __len__(self) -> int:
        return len(self.samples)

    def subset(self, indices: Sequence[int]) -> "ResizedImages":
        """Some of the images; what one keeps in memory, the other need not decode."""
        part = copy.copy(self)
        part.samples = [self.samples[index] for index in indices]
        part._rows = self._rows[np.array(indices, np.int64)]
        return part

    def image(self, index: int) -> NDArray[np.uint8]:
        """(H, W, 3) RGB."""
        return self._images[int(self._rows[index])]

    def tensor(self, index: int) -> Tensor:
        """(3, H, W) uint8 RGB, channels last in memory."""
        return torch.from_numpy(self.image(index)).permute(2, 0, 1)

    def batch(self, indices: Sequence[int]) -> Tensor:
        """(B, 3, H, W) uint8 RGB: several images at once, unchanged."""
        return torch.stack([self.tensor(index) for index in indices])

    def mask(self, index: int) -> NDArray[np.int16]:
        """(H, W) category indices, -1 for void."""
        return self._masks[int(self._rows[index])]

    def area_fractions(
        self, categories: int, indices: Sequence[int], threads: int
    ) -> NDArray[np.float64]:
        """(N, C) share of each category in the valid pixels of several masks."""
        with ThreadPoolExecutor(threads) as pool:
            return np.stack(
                list(pool.map(lambda index: area_fractions(self.mask(index), categories), indices))
            )
