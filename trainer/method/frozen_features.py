"""What a segmenter's frozen stages make of images: made once, then read in place of computed.

An image gives the same at every step, and so do its mirror image and each of its other colours,
where it has only so many. All are kept in half precision, and rounded also in the step that makes them, so that no step depends on what an earlier
one has kept.

Shapes: `B` image, `E` channel, `H W` pixel, `h w` cell of a map.
"""

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.contract import TrainConfig
from trainer.data.batches import SourceBatch, SourceBatches, TargetBatch, TargetBatches
from trainer.data.cache import Cache, KeptRows, row_bytes
from trainer.models.segmenter import Segmenter
from trainer.models.weights import digest_of

FOLDER = "features"
"""In the folder of a run without a `cache`."""
MARGIN = 1024**3
"""Bytes of the disk that are left free."""
HALF = np.dtype(np.float16)

Batch = TypeVar("Batch", SourceBatch, TargetBatch)
Batches = SourceBatches | TargetBatches
Shapes = tuple[tuple[int, int, int], ...]


class FrozenFeatures:
    """Gives the batches of one domain what the frozen stages make of their images.

    Args:
        segmenter: one that can begin.
        shapes: (h, w, E) of each map that it makes of an image.
        rows: all maps of an image one after the other, by `view_of`; None: computed each time.
    """

    def __init__(self, segmenter: Segmenter, shapes: Shapes, rows: KeptRows | None) -> None:
        self._segmenter, self._shapes, self._rows = segmenter, shapes, rows

    def begin(self, batch: Batch) -> Batch:
        """The batch, which is on the host, with `begun`."""
        if batch.views is None:
            raise LookupError("a batch of pictures to which there is no end")
        sizes = [math.prod(shape) for shape in self._shapes]
        begun = np.empty((len(batch.images), sum(sizes)), HALF)
        for number, view in enumerate(batch.views.tolist()):
            if self._rows is None or not self._rows.read(view, begun[number]):
                # One at a time: what is made of an image must not depend on those beside it.
                begun[number] = _begin(self._segmenter, batch.images[number : number + 1])
                if self._rows is not None:
                    self._rows.write(view, begun[number])
        # Channels last, as the network computes.
        parts = torch.from_numpy(begun).split_with_sizes(sizes, 1)
        maps = tuple(
            part.contiguous().view(-1, *shape).movedim(-1, 1)
            for part, shape in zip(parts, self._shapes, strict=True)
        )
        on_host = self._segmenter.mean.device.type == "cpu"
        return replace(batch, begun=maps if on_host else tuple(m.pin_memory() for m in maps))


@dataclass
class KeptFeatures:
    """What a run keeps of its domains."""

    of: dict[str, FrozenFeatures] = field(default_factory=dict)
    """By the name of a domain."""
    notes: tuple[str, ...] = ()
    """How much is kept where, or why not."""

    def begin(self, domain: str, batch: Batch | None) -> Batch | None:
        """A domain's batch as it is to be segmented."""
        return self.of[domain].begin(batch) if batch and domain in self.of else batch


def keep_features(
    config: TrainConfig, segmenter: Segmenter, domains: Mapping[str, Batches], run_dir: Path
) -> KeptFeatures:
    """Find room for what the frozen stages make of each domain's images.

    Args:
        config: bounds the room; its `cache` shares what is kept with other runs.
        segmenter: on its device, with the weights that it is trained with, its stages frozen.
        domains: batches by the name of their domain.
        run_dir: where it is kept without a `cache`.
    """
    kept, total = KeptFeatures(), 0
    if not (config.frozen_stages and config.feature_cache_bytes):
        return kept
    reasons: dict[str, list[str]] = {}
    for name, batches in domains.items():
        try:
            shapes = _shapes_of(config, segmenter, batches, total)
            # Without rows too, so that what a run gives does not depend on the room on its disk.
            kept.of[name] = FrozenFeatures(segmenter, shapes, None)
            rows = _open(_path(config, segmenter, batches, shapes, run_dir), shapes, batches)
            kept.of[name] = FrozenFeatures(segmenter, shapes, rows)
            total += _needed(shapes, batches)
        except _NotKept as error:
            reasons.setdefault(str(error), []).append(name)
    what = f"what the first {config.frozen_stages} stages make of the images"
    if total:
        where = f"in {config.cache}, for later runs too" if config.cache else "in the run's folder"
        kept.notes += (f"{what} is kept on disk: up to {_told(total)} {where}",)
    for why, names in reasons.items():
        of = f" of {' and '.join(names)}"
        kept.notes += (f"{what}{of} is computed at every step: {why}",)
    return kept


def remove_features(run_dir: Path) -> None:
    """Give back what is kept in a run's folder."""
    shutil.rmtree(run_dir / FOLDER, ignore_errors=True)


def shapes_of_features(segmenter: Segmenter, size: tuple[int, int]) -> Shapes:
    """(h, w, E) of each map of what a segmenter that can begin makes of an image (width, height)."""
    width, height = size
    maps = segmenter.begin(
        torch.zeros(1, 3, height, width, dtype=torch.uint8, device=segmenter.mean.device)
    )
    return tuple((each.shape[2], each.shape[3], each.shape[1]) for each in maps)


def open_rows(path: Path, shapes: Shapes) -> KeptRows:
    """The file of what is made of images, whose maps lie in a row one after the other.

    Raises:
        OSError: it cannot be made.
    """
    return KeptRows(path, _row(shapes), HALF)


def _row(shapes: Shapes) -> tuple[int]:
    return (sum(math.prod(shape) for shape in shapes),)


class _NotKept(Exception):
    """Why a domain's features are not kept."""


def _shapes_of(config: TrainConfig, segmenter: Segmenter, batches: Batches, total: int) -> Shapes:
    """Of what is made of an image, if that of all may be kept beside `total` bytes."""
    if not segmenter.can_begin:
        raise _NotKept(f"{config.backbone} cannot be divided behind them")
    if batches.views is None:
        raise _NotKept("crops, colours or styles change the images each time")
    shapes = shapes_of_features(segmenter, batches.images.size)
    if total + (needed := _needed(shapes, batches)) > config.feature_cache_bytes:
        raise _NotKept(f"{_told(needed)} are more than feature_cache_bytes leaves")
    return shapes


def _needed(shapes: Shapes, batches: Batches) -> int:
    """Bytes for all pictures that are made of all images."""
    return len(batches.images) * (batches.views or 0) * row_bytes(_row(shapes), HALF)


def _begin(segmenter: Segmenter, image_13HW: Tensor) -> NDArray[np.float16]:
    """All maps of one image, one after the other, each (h, w, E)."""
    maps = segmenter.begin(image_13HW.to(segmenter.mean.device))
    rows = [each[0].movedim(0, -1).to(torch.float16).flatten() for each in maps]
    return torch.cat(rows).cpu().numpy()


def _path(
    config: TrainConfig, segmenter: Segmenter, batches: Batches, shapes: Shapes, run_dir: Path
) -> Path:
    """Named by all that the rows follow from."""
    weights = {name: tensor.cpu() for name, tensor in segmenter.begins_with().items()}
    follows_from: list[object] = [
        digest_of(weights),
        *(config.backbone, config.head, *chain(*shapes), *batches.images.size),
        *(torch.__version__, segmenter.mean.device.type, config.precision),
        *((config.color_jitter, batches.views) if config.color_jitter else ()),
    ]
    cache = Cache(config.cache or run_dir / FOLDER, f"{config.backbone}-{config.frozen_stages}")
    files = [sample.image for sample in batches.images.dataset]
    if isinstance(batches, SourceBatches) and batches.see_through:
        files += [sample.mask for sample in batches.images.dataset if sample.mask]
        follows_from += batches.see_through.follows_from
    return cache.path("features", files, follows_from).with_suffix(".rows")


def _open(path: Path, shapes: Shapes, batches: Batches) -> KeptRows:
    needed = _needed(shapes, batches)
    try:
        rows = open_rows(path, shapes)
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        raise _NotKept(f"cannot write on disk: {error.strerror}") from error
    if needed - rows.size > free - MARGIN:
        raise _NotKept(f"the disk has no room for {_told(needed)}")
    return rows


def _told(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
