"""Batches of both domains. Batch n of a seed is always the same, so a run resumes anywhere.

Shapes: `B` image, `C` category, `H W` pixel, `P` point.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.images import ResizedImages
from trainer.data.labels import TargetLabel
from trainer.data.presence import area_fractions

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class SourceBatch:
    """Images with masks; presence follows from the masks."""

    images: Tensor
    """(B, 3, H, W), normalised."""
    masks: Tensor
    """(B, H, W) category indices, -1 for void."""
    presence: Tensor
    """(B, C) 1 present, 0 absent."""
    names: tuple[str, ...]

    def to(self, device: torch.device) -> "SourceBatch":
        """The same batch on another device."""
        return replace(
            self,
            images=self.images.to(device),
            masks=self.masks.to(device),
            presence=self.presence.to(device),
        )


@dataclass(frozen=True)
class TargetBatch:
    """Images with weak labels, which may be empty."""

    images: Tensor
    """(B, 3, H, W), normalised."""
    presence: Tensor
    """(B, C) 1 present, 0 absent, -1 not asked."""
    points: Tensor
    """(P, 4): image in the batch, category, x and y as fractions of width and height."""
    names: tuple[str, ...]

    def to(self, device: torch.device) -> "TargetBatch":
        """The same batch on another device."""
        return replace(
            self,
            images=self.images.to(device),
            presence=self.presence.to(device),
            points=self.points.to(device),
        )


def normalise(images: NDArray[np.uint8]) -> Tensor:
    """(B, H, W, 3) bytes to the (B, 3, H, W) that the backbone was trained on: (x - 127) / 128."""
    # NumPy, because torch would start a team of threads of its own in the thread that prefetches.
    scaled = (images.transpose(0, 3, 1, 2).astype(np.float32) - 127) / 128
    return torch.from_numpy(scaled)


def batch_indices(count: int, size: int, number: int, seed: Sequence[int]) -> NDArray[np.int64]:
    """Which of `count` things batch `number` takes, when shuffled epochs follow one another."""
    positions = np.arange(number * size, (number + 1) * size)
    epochs = positions // count
    orders = {
        epoch: np.random.default_rng([*seed, epoch]).permutation(count)
        for epoch in np.unique(epochs)
    }
    return np.array([orders[e][p % count] for e, p in zip(epochs, positions, strict=True)])


class SourceBatches:
    """Batches of the source domain by number."""

    def __init__(
        self, images: ResizedImages, thresholds: NDArray[np.float64], batch_size: int, seed: int
    ) -> None:
        self.images = images
        self.thresholds = thresholds
        self.batch_size = batch_size
        self.seed = seed

    def __call__(self, number: int) -> SourceBatch:
        """Batch `number`, from 0."""
        indices = batch_indices(len(self.images), self.batch_size, number, (self.seed, 1))
        flips = _flips(self.batch_size, (self.seed, 2, number))
        masks = np.stack(
            [_flip(self.images.mask(i), f) for i, f in zip(indices, flips, strict=True)]
        )
        fractions = [area_fractions(mask, len(self.thresholds)) for mask in masks]
        return SourceBatch(
            images=_images(self.images, indices, flips),
            masks=torch.from_numpy(masks.astype(np.int64)),
            presence=torch.from_numpy((np.stack(fractions) > self.thresholds).astype(np.float32)),
            names=tuple(self.images.samples[i].name for i in indices),
        )


class TargetBatches:
    """Batches of the target domain by number.

    At least half of a batch is labelled as long as any image is: a few labels among many images
    would else hardly be seen.
    """

    def __init__(
        self, images: ResizedImages, labels: Sequence[TargetLabel], batch_size: int, seed: int
    ) -> None:
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.seed = seed
        known = [(label.presence >= 0).any() for label in labels]
        self._labelled, self._unlabelled = np.flatnonzero(known), np.flatnonzero(~np.array(known))

    def __call__(self, number: int) -> TargetBatch:
        """Batch `number`, from 0."""
        indices = self._indices(number)
        flips = _flips(self.batch_size, (self.seed, 4, number))
        labels = [self.labels[i] for i in indices]
        points = [
            _points(position, label, flip)
            for position, (label, flip) in enumerate(zip(labels, flips, strict=True))
        ]
        return TargetBatch(
            images=_images(self.images, indices, flips),
            presence=torch.from_numpy(
                np.stack([label.presence for label in labels]).astype(np.float32)
            ),
            points=torch.from_numpy(np.concatenate(points)),
            names=tuple(self.images.samples[i].name for i in indices),
        )

    def _indices(self, number: int) -> NDArray[np.int64]:
        labelled, unlabelled = self._labelled, self._unlabelled
        share = len(labelled) / len(self.labels)
        of_labelled = max(round(self.batch_size * share), (self.batch_size + 1) // 2)
        if not len(labelled) or not len(unlabelled):
            of_labelled = self.batch_size if len(labelled) else 0
        of_unlabelled = self.batch_size - of_labelled
        chosen = []
        for group, size, stream in ((labelled, of_labelled, 3), (unlabelled, of_unlabelled, 5)):
            if size:
                chosen.append(group[batch_indices(len(group), size, number, (self.seed, stream))])
        return np.concatenate(chosen)


def _images(images: ResizedImages, indices: NDArray[np.int64], flips: NDArray[np.bool_]) -> Tensor:
    return normalise(
        np.stack([_flip(images.image(i), f) for i, f in zip(indices, flips, strict=True)])
    )


def _flips(count: int, seed: Sequence[int]) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random(count) < 0.5


Pixels = TypeVar("Pixels", NDArray[np.uint8], NDArray[np.int16])


def _flip(pixels: Pixels, flip: bool) -> Pixels:
    return pixels[:, ::-1] if flip else pixels


def _points(position: int, label: TargetLabel, flip: bool) -> NDArray[np.float32]:
    points = np.full((len(label.points), 4), position, np.float32)
    points[:, 1:] = label.points
    if flip:
        points[:, 2] = 1 - points[:, 2]
    return points


def prefetched(
    make: Callable[[int], Batch], first: int, end: int, ahead: int = 2
) -> Iterator[Batch]:
    """Batches `first` to `end` - 1, made in a thread while earlier ones are used."""
    with ThreadPoolExecutor(1) as pool:
        waiting = [pool.submit(make, number) for number in range(first, min(first + ahead, end))]
        for number in range(first, end):
            if number + ahead < end:
                waiting.append(pool.submit(make, number + ahead))
            yield waiting.pop(0).result()
