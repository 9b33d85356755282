"""Weak labels made from masks, as a perfect annotator would give them: for experiments."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from trainer.contract import DatasetCard, PointLabel, TileTags, WeakLabel
from trainer.contract.masks import MaskCodes, decode_mask, mask_codes
from trainer.data.decode import check_shapes
from trainer.data.labels import ABSENT, PRESENT
from trainer.data.presence import (
    area_fractions,
    presence_of,
    presence_thresholds,
    tile_area_fractions,
)
from trainer.data.samples import Sample, list_samples
from trainer.device.cores import cores_here
from trainer.errors import BadInput


def oracle_labels(
    card: DatasetCard,
    categories: tuple[str, ...],
    points: int = 1,
    *,
    tiles: tuple[int, int] | None = None,
    margin: int = 2,
    seed: int = 0,
) -> list[WeakLabel]:
    """The label of each image: presence by area (`presence_thresholds`), points at random pixels.

    A category is present in a tile when its fraction there is above the threshold that it has for
    images. A present category that is above it in no tile is told of the image alone.

    Args:
        card: a dataset with masks.
        categories: each that the card names is asked of every image, unless all of it is void.
        points: distinct points on each present category, fewer where it has fewer pixels.
        tiles: (rows, columns) of a grid whose tiles are asked; None: they are not.
        margin: pixels between a point and the border of its region, where that is wide enough.
        seed: decides the points.

    Raises:
        BadInput: naming dataset and file.
    """
    samples = list_samples(card, with_masks=True)
    codes = mask_codes(card, categories)

    def fractions_of(sample: Sample) -> NDArray[np.float64]:
        return area_fractions(read_mask(sample, codes), len(categories))

    with ThreadPoolExecutor(cores_here()) as pool:
        thresholds = presence_thresholds(np.stack(list(pool.map(fractions_of, samples))))
        asked = codes.asked(len(categories))
        annotator = _Annotator(categories, thresholds, asked, points, tiles, margin, seed)

        def label_of(number: int) -> WeakLabel:
            sample = samples[number]
            return annotator.label(number, sample.name, read_mask(sample, codes))

        # Again, because the masks of a large dataset do not fit into memory.
        return list(pool.map(label_of, range(len(samples))))


def read_mask(sample: Sample, codes: MaskCodes) -> NDArray[np.int16]:
    """(height, width) category indices of an image. Raises BadInput, naming the file."""
    if sample.mask is None:
        raise BadInput(f"image {sample.name!r} has no mask")
    check_shapes(sample.image, sample.mask)
    return decode_mask(sample.mask, codes)


@dataclass(frozen=True)
class _Annotator:
    categories: tuple[str, ...]
    thresholds: NDArray[np.float64]
    asked: NDArray[np.bool_]
    points: int
    grid: tuple[int, int] | None
    margin: int
    seed: int

    def label(self, number: int, name: str, mask: NDArray[np.int16]) -> WeakLabel:
        fractions_C = area_fractions(mask, len(self.categories))
        presence_C = presence_of(fractions_C, self.thresholds, self.asked)
        present_C = presence_C == PRESENT
        named = list(zip(self.categories, presence_C.tolist(), strict=True))
        return WeakLabel(
            image=name,
            width=mask.shape[1],
            height=mask.shape[0],
            present=tuple(category for category, known in named if known == PRESENT),
            absent=tuple(category for category, known in named if known == ABSENT),
            points=self._points(mask, present_C, number),
            tiles=self._tiles(mask, present_C, self.grid) if self.grid else None,
            annotator="oracle",
        )

    def _points(
        self, mask: NDArray[np.int16], present_C: NDArray[np.bool_], number: int
    ) -> tuple[PointLabel, ...]:
        random = np.random.default_rng((self.seed, number))
        return tuple(
            PointLabel(category=self.categories[index], x=column + 0.5, y=row + 0.5)
            for index in np.flatnonzero(present_C)
            for row, column in choose_pixels(mask == index, self.points, self.margin, random)
        )

    def _tiles(
        self, mask: NDArray[np.int16], present_C: NDArray[np.bool_], grid: tuple[int, int]
    ) -> TileTags:
        fractions = tile_area_fractions(mask, len(self.categories), grid)
        there = (fractions > self.thresholds[:, None, None]).reshape(len(self.categories), -1)
        present = {
            self.categories[index]: tuple(np.flatnonzero(there[index]).tolist())
            for index in np.flatnonzero(present_C & there.any(1))
        }
        return TileTags(rows=grid[0], cols=grid[1], present=present)


def choose_pixels(
    region: NDArray[np.bool_], points: int, margin: int, random: np.random.Generator
) -> list[tuple[int, int]]:
    """Distinct random pixels (row, column) of a region, `margin` off its border where it is wide
    enough; fewer than `points` where it has fewer."""
    inner = region
    for _ in range(margin):
        shrunk = np.asarray(
            Image.fromarray(inner.astype(np.uint8)).filter(ImageFilter.MinFilter(3))
        ).astype(bool)
        if np.count_nonzero(shrunk) < points:
            break
        inner = shrunk
    pixels = np.argwhere(inner)
    count = min(points, len(pixels))
    chosen = random.choice(len(pixels), size=count, replace=False)
    return [(int(row), int(column)) for row, column in pixels[chosen]]
