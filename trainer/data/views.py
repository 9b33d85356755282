"""What there is to see in images: their masks, and what counts as present in them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.contract import DatasetCard
from trainer.contract.image_names import ImageNames, NoMatch
from trainer.contract.masks import MaskCodes, decode_mask, mask_codes
from trainer.data.decode import check_shapes
from trainer.data.presence import (
    area_fractions,
    presence_of,
    presence_thresholds,
    tile_area_fractions,
)
from trainer.data.samples import Sample, list_samples
from trainer.device.cores import cores_here
from trainer.errors import BadInput


@dataclass(frozen=True)
class View:
    """One image, as somebody sees it who makes no mistakes."""

    name: str
    mask: NDArray[np.int16]
    """(height, width) category indices, negative where there is none."""
    fractions: NDArray[np.float64]
    """(C,) share of each category."""
    presence: NDArray[np.int8]
    """(C,) 1 present, 0 absent, -1 cannot be told."""
    thresholds: NDArray[np.float64]
    """(C,) share above which a category counts as present, in an image and in a tile."""

    def tile_fractions(self, grid: tuple[int, int]) -> NDArray[np.float64]:
        """(C, R * K) share of each category in each tile of a grid of R rows and K columns."""
        fractions = tile_area_fractions(self.mask, len(self.fractions), grid)
        return fractions.reshape(len(self.fractions), -1)


@dataclass(frozen=True)
class _Known:
    sample: Sample
    codes: MaskCodes
    thresholds: NDArray[np.float64]


class Views:
    """The images of datasets with masks, by the names that label files have for them."""

    def __init__(
        self,
        cards: Sequence[DatasetCard],
        categories: tuple[str, ...],
        note: Callable[[int, int], object] | None = None,
    ) -> None:
        """Look at every mask: what counts as present depends on the whole dataset.

        Args:
            cards: an image that several have is the first one's.
            categories: those that are asked for; a card may lack some.
            note: told how many masks have been looked at, and of how many.

        Raises:
            BadInput: naming dataset and file.
        """
        self.categories = categories
        self._known: dict[str, _Known] = {}
        listed = [(card, list_samples(card, with_masks=True)) for card in cards]
        total, done = sum(len(samples) for _, samples in listed), 0
        for card, samples in listed:
            codes = mask_codes(card, categories)
            fractions = []
            for each in self._fractions(samples, codes):
                fractions.append(each)
                done += 1
                if note is not None:
                    note(done, total)
            thresholds = presence_thresholds(np.stack(fractions))
            for sample in samples:
                self._known.setdefault(sample.name, _Known(sample, codes, thresholds))
        self._names = ImageNames(self._known, "the datasets")

    @property
    def names(self) -> list[str]:
        """Of all images, in the order of the datasets."""
        return list(self._known)

    def of(self, name: str) -> View | None:
        """The image that a name, path or address means; None when there is none of this name.

        Raises:
            BadInput: its mask cannot be read.
        """
        try:
            found, _ = self._names.find(name)
        except NoMatch:
            return None
        return self[found]

    def __getitem__(self, name: str) -> View:
        """The image with exactly this name; raises BadInput when its mask cannot be read."""
        known = self._known[name]
        mask = read_mask(known.sample, known.codes)
        fractions = area_fractions(mask, len(self.categories))
        asked = known.codes.asked(len(self.categories))
        presence = presence_of(fractions, known.thresholds, asked)
        return View(known.sample.name, mask, fractions, presence, known.thresholds)

    def _fractions(
        self, samples: Sequence[Sample], codes: MaskCodes
    ) -> Iterator[NDArray[np.float64]]:
        def of(sample: Sample) -> NDArray[np.float64]:
            return area_fractions(read_mask(sample, codes), len(self.categories))

        with ThreadPoolExecutor(cores_here()) as pool:
            yield from pool.map(of, samples)


def read_mask(sample: Sample, codes: MaskCodes) -> NDArray[np.int16]:
    """(height, width) category indices of an image. Raises BadInput, naming the file."""
    if sample.mask is None:
        raise BadInput(f"image {sample.name!r} has no mask")
    check_shapes(sample.image, sample.mask)
    return decode_mask(sample.mask, codes)
