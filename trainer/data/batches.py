"""Batches of both domains. Batch n of a seed is always the same, so a run resumes anywhere.

Shapes: `B` image, `C` category, `H W` pixel, `P` point, `R K` tile (row, column).
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from multiprocessing.context import BaseContext
from typing import Generic, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from trainer.data.fourier import with_low_frequencies_of
from trainer.data.images import ResizedImages
from trainer.data.labels import TargetLabel
from trainer.data.presence import area_fractions, presence_of, tile_area_fractions
from trainer.data.sampling import Order, positions_of
from trainer.data.see_through import SeeThrough
from trainer.data.transforms import JointTransforms, Picture
from trainer.errors import BadInput

Batch = TypeVar("Batch")

SOURCE_CHANGES, TARGET_CHANGES, STYLES = 2, 4, 6
"""Streams of random numbers, beside those of `trainer.data.sampling`."""


class _Tensors:
    """A record of tensors that moves as one."""

    def to(self, device: torch.device) -> Self:
        """The same batch on another device; copies from pinned memory do not wait."""
        return self._with(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Self:
        """The same batch in memory from which copies to an accelerator need not wait."""
        return self._with(lambda tensor: tensor.pin_memory())

    def _with(self, change: Callable[[Tensor], Tensor]) -> Self:
        def changed(value: object) -> object:
            if isinstance(value, tuple):
                return tuple(map(changed, value))
            return change(value) if isinstance(value, Tensor) else value

        named = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return replace(self, **{name: changed(value) for name, value in named.items()})  # type: ignore[type-var]


@dataclass(frozen=True)
class SourceBatch(_Tensors):
    """Images with masks. Presence follows from the masks, from those of the crops when cropping."""

    images: Tensor
    """(B, 3, H, W) uint8, RGB."""
    masks: Tensor
    """(B, H, W) int64 category indices, -1 for void."""
    presence: Tensor
    """(B, C) float: 1 present, 0 absent, -1 where the masks cannot tell."""
    names: tuple[str, ...]
    tile_presence: Tensor | None = None
    """(B, C, R, K) float, as `presence`; None when the run has no tiles."""
    frequencies: Tensor | None = None
    """(C,) share of each category in the pixels of the dataset; None: not known."""
    shares: Tensor | None = None
    """(C,) share of the dataset's images that have each category, 1/2 where that is not known."""
    views: Tensor | None = None
    """(B,) int64: `view_of` each image; None where there is no end to the pictures of an image."""
    begun: tuple[Tensor, ...] | None = None
    """Maps (B, E, h, w), float16: what the segmenter's frozen stages make of the images, where known."""


@dataclass(frozen=True)
class TargetBatch(_Tensors):
    """Images with weak labels, which may be empty. Labels speak of whole pictures, never of crops."""

    images: Tensor
    """(B, 3, H, W) uint8, RGB; crops when cropping."""
    presence: Tensor
    """(B, C) float: 1 present, 0 absent, -1 not asked."""
    points: Tensor
    """(P, 4) float: image in the batch, category, x and y as fractions of the images' width and
    height; when cropping, those inside the crops."""
    names: tuple[str, ...]
    tile_presence: Tensor | None = None
    """(B, C, R, K) float: 1 present, 0 absent, -1 not asked; None when the run has no tiles."""
    masks: Tensor | None = None
    """(B, H, W) int64 category indices, -1 for void; None unless supervision is dense."""
    clicked: Tensor | None = None
    """(C,) share of each category among the clicked points of the dataset; None: not known."""
    frequencies: Tensor | None = None
    """(C,) share of each category in the pixels of the source, as of the source; of a category
    that it lacks, as among the clicked points. None: not known."""
    shares: Tensor | None = None
    """(C,) share of the labelled images that have each category, 1/2 where nobody was asked."""
    whole: Tensor | None = None
    """(B, 3, H, W) uint8: the whole pictures at the crops' size; None when not cropping."""
    views: Tensor | None = None
    """As of the source."""
    begun: tuple[Tensor, ...] | None = None
    """As of the source."""


def view_of(row: int, view: int, views: int) -> int:
    """The number of one of a dataset's pictures, of which each image has `views`."""
    return views * row + view


@dataclass(frozen=True)
class FourierStyle:
    """Shows source images with the low frequencies of target images (`trainer.data.fourier`)."""

    targets: ResizedImages
    beta: float
    seed: int

    def __call__(self, image: Tensor, position: int) -> Tensor:
        """`image` (3, H, W) with the look of a target image that the position decides."""
        random = np.random.default_rng((self.seed, STYLES, position))
        target = self.targets.tensor(int(random.integers(len(self.targets))))
        return with_low_frequencies_of(image, target, self.beta)


@dataclass(frozen=True)
class SourceBatches:
    """Batches of the source domain by number."""

    images: ResizedImages
    thresholds: NDArray[np.float64]
    """(C,) area fraction above which a category counts as present."""
    asked: NDArray[np.bool_]
    """(C,) whether the dataset's card names a category: of others its masks tell nothing."""
    shares: NDArray[np.float64]
    """(C,) share of the images in which a category is present; NaN where that is not known."""
    frequencies: NDArray[np.float64]
    """(C,) share of each category in the valid pixels of an image, on average."""
    order: Order
    """Among the images, or with a style among twice as many: as they are, then with a style."""
    batch_size: int
    """Images in a batch of all processes together."""
    seed: int
    transforms: JointTransforms
    part: tuple[int, int] = (0, 1)
    """(p, n): only what the p-th of n processes takes of each batch."""
    see_through: SeeThrough | None = None
    style: FourierStyle | None = None
    grid: tuple[int, int] | None = None
    """(rows, columns) of the run's tiles."""

    def __call__(self, number: int) -> SourceBatch:
        """Batch `number`, from 0."""
        positions = positions_of(number, self.batch_size, self.part).tolist()
        numbers = self.order(np.array(positions)).tolist()
        pictures = [
            self._picture(index, position)
            for index, position in zip(numbers, positions, strict=True)
        ]
        masks = _stack([picture.mask for picture in pictures])
        return SourceBatch(
            images=_stack([picture.image for picture in pictures]),
            masks=masks.long(),
            presence=self._presence(masks),
            names=tuple(self.images.samples[n % len(self.images)].name for n in numbers),
            tile_presence=self._tile_presence(masks, self.grid) if self.grid else None,
            frequencies=torch.from_numpy(self.frequencies).float(),
            shares=_floats(np.nan_to_num(self.shares, nan=0.5)),
            views=_views(self.images, numbers, pictures, self.views),
        )

    @property
    def views(self) -> int | None:
        """How many pictures are made of an image; None: there is no end to them."""
        return None if self.style else self.transforms.views

    def _picture(self, number: int, position: int) -> Picture:
        with_style, index = divmod(number, len(self.images))
        image = (self.see_through or self.images.tensor)(index)
        if self.style and with_style:
            image = self.style(image, position)
        picture = Picture(image, mask=torch.from_numpy(self.images.mask(index)))
        seed = (self.seed, SOURCE_CHANGES, position)
        return self.transforms(picture, seed, self.images.row(index))

    def _presence(self, masks: Tensor) -> Tensor:
        count = len(self.thresholds)
        fractions = np.stack([area_fractions(mask, count) for mask in masks.numpy()])
        return torch.from_numpy(presence_of(fractions, self.thresholds, self.asked)).float()

    def _tile_presence(self, masks: Tensor, grid: tuple[int, int]) -> Tensor:
        count = len(self.thresholds)
        fractions = np.stack([tile_area_fractions(mask, count, grid) for mask in masks.numpy()])
        presence_BRKC = presence_of(np.moveaxis(fractions, 1, -1), self.thresholds, self.asked)
        return torch.from_numpy(presence_BRKC).movedim(-1, 1).float()


@dataclass(frozen=True)
class TargetBatches:
    """Batches of the target domain by number."""

    images: ResizedImages
    labels: Sequence[TargetLabel]
    """One for each image, all with tiles of one grid or all without."""
    order: Order
    batch_size: int
    """Images in a batch of all processes together."""
    seed: int
    transforms: JointTransforms
    part: tuple[int, int] = (0, 1)
    """(p, n): only what the p-th of n processes takes of each batch."""
    with_masks: bool = False
    """Open the target's masks: for dense supervision alone."""
    clicked: NDArray[np.float64] | None = None
    """(C,) share of each category among the clicked points; None without points or source."""
    frequencies: NDArray[np.float64] | None = None
    """(C,) share of each category in the pixels of the source; None as `clicked`."""
    shares: NDArray[np.float64] | None = None
    """(C,) share of the labelled images that have a category; NaN where nobody was asked."""

    def __call__(self, number: int) -> TargetBatch:
        """Batch `number`, from 0."""
        positions = positions_of(number, self.batch_size, self.part)
        indices = self.order(positions).tolist()
        pictures = [
            self.transforms(
                self._picture(index), (self.seed, TARGET_CHANGES, position), self.images.row(index)
            )
            for index, position in zip(indices, positions.tolist(), strict=True)
        ]
        presence = np.stack([self.labels[index].presence for index in indices])
        tiles = [self._tiles(index, one) for index, one in zip(indices, pictures, strict=True)]
        masks = _stack_any([picture.mask for picture in pictures])
        return TargetBatch(
            images=_stack([picture.image for picture in pictures]),
            presence=torch.from_numpy(presence).float(),
            points=_points([picture.points for picture in pictures]),
            names=tuple(self.images.samples[index].name for index in indices),
            tile_presence=_stack_any(tiles),
            masks=masks.long() if masks is not None else None,
            clicked=_floats(self.clicked),
            frequencies=_floats(self.frequencies),
            shares=None if self.shares is None else _floats(np.nan_to_num(self.shares, nan=0.5)),
            whole=_stack_any([picture.whole for picture in pictures]),
            views=_views(self.images, indices, pictures, self.views),
        )

    @property
    def views(self) -> int | None:
        """How many pictures are made of an image; None: there is no end to them."""
        return self.transforms.views

    def _picture(self, index: int) -> Picture:
        label = self.labels[index]
        return Picture(
            self.images.tensor(index),
            mask=torch.from_numpy(self.images.mask(index)) if self.with_masks else None,
            points=torch.from_numpy(label.points),
        )

    def _tiles(self, index: int, picture: Picture) -> Tensor | None:
        """(C, R, K) of the whole picture, also where it was cropped."""
        tiles = self.labels[index].tiles
        if tiles is None:
            return None
        presence = torch.from_numpy(tiles).float()
        return presence.flip(-1) if picture.mirrored else presence


def _floats(shares: NDArray[np.float64] | None) -> Tensor | None:
    return None if shares is None else torch.from_numpy(shares).float()


def _stack(tensors: Sequence[Tensor | None]) -> Tensor:
    return torch.stack([tensor for tensor in tensors if tensor is not None])


def _stack_any(tensors: Sequence[Tensor | None]) -> Tensor | None:
    return None if tensors[0] is None else _stack(tensors)


def _views(
    images: ResizedImages,
    indices: Sequence[int],
    pictures: Sequence[Picture],
    views: int | None,
) -> Tensor | None:
    if views is None:
        return None
    pairs = zip(indices, pictures, strict=True)
    return torch.tensor([view_of(images.row(index), each.view, views) for index, each in pairs])


def _points(points: Sequence[Tensor | None]) -> Tensor:
    numbered = [
        torch.nn.functional.pad(of_image, (1, 0), value=float(number))
        for number, of_image in enumerate(points)
        if of_image is not None
    ]
    return torch.cat(numbered)


class _Numbered(Dataset[Batch | Exception], Generic[Batch]):
    """Makes batches by number; what goes wrong is handed on, as a worker's traceback is no line."""

    def __init__(self, make: Callable[[int], Batch]) -> None:
        self._make = make

    def __getitem__(self, number: int) -> Batch | Exception:
        try:
            return self._make(number)
        except (BadInput, OSError, MemoryError) as error:
            return error


def loaded(
    make: Callable[[int], Batch],
    numbers: Sequence[int],
    workers: int = 0,
    *,
    pin_memory: bool = False,
) -> Iterator[Batch]:
    """Batches in order, made ahead of time by `workers` processes.

    Args:
        make: gives the batch of a number; with workers it travels to them pickled.
        numbers: of the batches.
        workers: 0 makes each batch when it is asked for, in this process.
        pin_memory: for batches that go to a CUDA device.

    Raises:
        BadInput, OSError, MemoryError: from `make`, at the batch that it concerns.
    """
    loader = DataLoader(
        _Numbered(make),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        multiprocessing_context=_worker_context() if workers else None,
        pin_memory=pin_memory,
    )
    for batch in loader:
        if isinstance(batch, Exception):
            raise batch
        yield batch


def _worker_context() -> BaseContext:
    # A fork of this process would copy the locks of its threads in the state that they are in.
    # The server of forks has one thread and loads torch once for all workers.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context
