"""Datasets at the network's size, decoded once and kept as long as there is room."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.cards import Sample
from trainer.data.decode import decode_image, decode_mask

MEMORY_LIMIT = 2 * 1024**3
"""Bytes that one dataset may keep; images beyond it are decoded anew each time."""


class ResizedImages:
    """Images, and masks where there are any, of one dataset at one size (width, height)."""

    def __init__(
        self,
        samples: Sequence[Sample],
        size: tuple[int, int],
        lookup: NDArray[np.int16] | None = None,
        memory_limit: int = MEMORY_LIMIT,
    ) -> None:
        self.samples = samples
        self.size = size
        self._lookup = lookup
        self._room = memory_limit
        self._images: dict[int, NDArray[np.uint8]] = {}
        self._masks: dict[int, NDArray[np.int16]] = {}

    def __len__(self) -> int:
        return len(self.samples)

    def image(self, index: int) -> NDArray[np.uint8]:
        """(H, W, 3) RGB."""
        if index not in self._images:
            image = decode_image(self.samples[index].image, self.size)
            if not self._has_room_for(image.nbytes):
                return image
            self._images[index] = image
        return self._images[index]

    def tensor(self, index: int) -> Tensor:
        """(3, H, W) uint8 RGB, channels last in memory."""
        return torch.from_numpy(self.image(index)).permute(2, 0, 1)

    def batch(self, indices: Sequence[int]) -> Tensor:
        """(B, 3, H, W) uint8 RGB: several images at once, unchanged."""
        return torch.stack([self.tensor(index) for index in indices])

    def mask(self, index: int) -> NDArray[np.int16]:
        """(H, W) category indices, -1 for void."""
        if index not in self._masks:
            path = self.samples[index].mask
            if path is None or self._lookup is None:
                raise LookupError(f"{self.samples[index].name} has no mask")
            mask = decode_mask(path, self._lookup, self.size)
            if not self._has_room_for(mask.nbytes):
                return mask
            self._masks[index] = mask
        return self._masks[index]

    def masks(self, indices: Sequence[int], threads: int) -> list[NDArray[np.int16]]:
        """Several masks at once."""
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self.mask, indices))

    def _has_room_for(self, size: int) -> bool:
        if size > self._room:
            return False
        self._room -= size
        return True
