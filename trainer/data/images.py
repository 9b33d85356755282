"""Datasets at the network's size, decoded once and kept in memory or on disk."""

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.contract.masks import MaskCodes, decode_mask
from trainer.data.cache import Cache, CachedRows
from trainer.data.decode import check_shapes, decode_image
from trainer.data.presence import area_fractions
from trainer.data.samples import Sample

MEMORY_LIMIT = 2 * 1024**3
"""Bytes that one dataset may keep; images beyond it are decoded anew each time."""


_Make = Callable[[int], NDArray[Any]]


class _Rows(Protocol):
    def __getitem__(self, index: int) -> NDArray[Any]: ...


class _Kept:
    """Arrays that are made when first asked for, and kept as long as there is room.

    A copy that travels to another process keeps nothing: as many processes as there are cores
    would need as many times the memory.
    """

    def __init__(self, make: Callable[[int], NDArray[Any]], room: int) -> None:
        self._make = make
        self._room = room
        self._made: dict[int, NDArray[Any]] = {}

    def __getitem__(self, index: int) -> NDArray[Any]:
        if index in self._made:
            return self._made[index]
        array = self._make(index)
        if array.nbytes <= self._room:
            self._room -= array.nbytes
            self._made[index] = array
        return array

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_room": 0, "_made": {}}


@dataclass(frozen=True)
class _Decoder:
    samples: Sequence[Sample]
    size: tuple[int, int]
    codes: MaskCodes | None

    def image(self, index: int) -> NDArray[np.uint8]:
        return decode_image(self.samples[index].image, self.size)

    @property
    def categories(self) -> int:
        """So many at least; a run may have more that this dataset does not know."""
        return 0 if self.codes is None else int(self.codes.lookup.max()) + 1

    def mask(self, index: int) -> NDArray[np.int16]:
        path = self.samples[index].mask
        if path is None or self.codes is None:
            raise LookupError(f"{self.samples[index].name} has no mask")
        check_shapes(self.samples[index].image, path)
        return decode_mask(path, self.codes, self.size)


@dataclass(frozen=True)
class _Areas:
    masks: _Rows
    categories: int

    def of(self, index: int) -> NDArray[np.float64]:
        return area_fractions(self.masks[index], self.categories)


@dataclass(frozen=True)
class _Decoded:
    """What is known of a dataset's images, by index."""

    images: _Rows
    masks: _Rows
    areas: _Rows
    """(C,) share of each category in a mask's valid pixels."""

    @classmethod
    def in_memory(cls, decoder: _Decoder, limit: int) -> Self:
        """Decoded when asked for, and kept within a limit in bytes."""
        of_masks = limit * 2 // 5 if decoder.codes is not None else 0
        masks = _Kept(decoder.mask, of_masks)
        areas = _Kept(_Areas(masks, decoder.categories).of, limit)
        return cls(_Kept(decoder.image, limit - of_masks), masks, areas)

    @classmethod
    def on_disk(cls, decoder: _Decoder, cache: Cache) -> Self:
        """Decoded once for all runs."""
        (width, height), samples = decoder.size, decoder.samples
        files = [sample.image for sample in samples]

        def rows(
            kind: str, told: list[object], shape: tuple[int, ...], make: _Make, dtype: type
        ) -> CachedRows:
            path = cache.path(kind, files, [*decoder.size, *told])
            return CachedRows(path, (len(samples), *shape), np.dtype(dtype), make, cache.threads)

        images = rows("images", [], (height, width, 3), decoder.image, np.uint8)
        if decoder.codes is None:
            return cls(images, _Kept(decoder.mask, 0), _Kept(decoder.mask, 0))
        files += [sample.mask for sample in samples if sample.mask]
        told: list[object] = [decoder.codes.digest(), decoder.codes.channel]
        masks = rows("masks", told, (height, width), decoder.mask, np.int16)
        areas = _Areas(masks, decoder.categories)
        return cls(images, masks, rows("areas", told, (decoder.categories,), areas.of, np.float64))


class ResizedImages:
    """Images, and masks where there are any, of one dataset at one size (width, height)."""

    def __init__(
        self,
        samples: Sequence[Sample],
        size: tuple[int, int],
        codes: MaskCodes | None = None,
        *,
        memory_limit: int = MEMORY_LIMIT,
        cache: Cache | None = None,
    ) -> None:
        self.samples = samples
        self.size = size
        self.codes = codes
        decoder = _Decoder(samples, size, codes)
        self._decoded = (
            _Decoded.on_disk(decoder, cache) if cache else _Decoded.in_memory(decoder, memory_limit)
        )
        self._rows = np.arange(len(samples))
        self.dataset = samples
        """Samples of the whole dataset, of which these may be a part."""

    def __len__(self) -> int:
        return len(self.samples)

    def prepare(self, *, masks: bool = False) -> None:
        """Fill the cache on disk now, where there is one, rather than at the first look.

        Raises:
            BadInput: a file cannot be decoded; names it.
            OSError: the cache cannot be written; names its file.
        """
        decoded = self._decoded
        for rows in (decoded.images, *((decoded.masks, decoded.areas) if masks else ())):
            if isinstance(rows, CachedRows):
                rows.prepare()

    def subset(self, indices: Sequence[int]) -> "ResizedImages":
        """Some of the images; what one has decoded, the other need not."""
        part = copy.copy(self)
        part.samples = [self.samples[index] for index in indices]
        part._rows = self._rows[np.array(indices, np.int64)]
        return part

    def row(self, index: int) -> int:
        """An image's place in `dataset`."""
        return int(self._rows[index])

    def image(self, index: int) -> NDArray[np.uint8]:
        """(H, W, 3) RGB."""
        return self._decoded.images[int(self._rows[index])]

    def tensor(self, index: int) -> Tensor:
        """(3, H, W) uint8 RGB, channels last in memory."""
        return torch.from_numpy(self.image(index)).permute(2, 0, 1)

    def mask(self, index: int) -> NDArray[np.int16]:
        """(H, W) category indices, -1 for void."""
        return self._decoded.masks[int(self._rows[index])]

    def area_fractions(
        self, categories: int, indices: Sequence[int], threads: int
    ) -> NDArray[np.float64]:
        """(N, C) share of each category in the valid pixels of several masks."""
        fractions_NC = np.zeros((len(indices), categories))
        with ThreadPoolExecutor(threads) as pool:
            rows = pool.map(self._decoded.areas.__getitem__, self._rows[list(indices)].tolist())
            for row, known in enumerate(rows):
                fractions_NC[row, : len(known)] = known
        return fractions_NC
