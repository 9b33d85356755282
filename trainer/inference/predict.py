"""Predictions: a palette mask, presence probabilities and the uncertainty of each image.

The device segments one batch while threads decode the next and encode the masks of the last.
"""

import colorsys
import math
import re
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from trainer.contract import ImagePrediction, TrainConfig
from trainer.data.decode import image_size
from trainer.data.images import ResizedImages
from trainer.inference.calibration import presence_probabilities
from trainer.inference.masks import predicted_categories
from trainer.inference.segment import (
    BATCH_SIZE,
    Segmented,
    Window,
    diverged,
    map_ahead,
    segment_images,
)
from trainer.method.losses.presence import smooth_maximum
from trainer.models.checkpoint import TrainedSegmenter
from trainer.models.segmenter import SegmenterShape
from trainer.run_folder.atomic import made_whole, naming, write_atomically

LONGEST_SIDE = 2048
"""Logits are resized to at most this; a larger mask is the nearest pixel of that."""
GOLDEN_RATIO = 0.618033988749895
DIGITS = 4
RUNS_OF_PIXELS = 3
"""zlib's strategy Z_RLE: a mask is long runs of one category. Against PNG's usual way, files are a
fifth smaller and made in two thirds of the time."""

Size = tuple[int, int]
"""(width, height)."""


def predict_images(
    segmenter: TrainedSegmenter,
    images: ResizedImages,
    folder: Path,
    on_done: Callable[[int], None] = lambda _: None,
    window: Window | None = None,
    batch_size: int = BATCH_SIZE,
) -> None:
    """Write `folder/masks/*.png` and `folder/predictions.jsonl`, all of them or nothing.

    Args:
        segmenter: on any device.
        images: at the segmenter's size.
        folder: made when it is not there.
        on_done: told the number of images done after each.
        window: None for whole images at the segmenter's size.
        batch_size: images that go through the network together.

    Raises:
        BadInput: an image cannot be decoded; names the file.
        NonFinite: the network has diverged; names the image.
    """
    lines = []
    with (
        made_whole(folder) as place,
        closing(_found(segmenter, images, window, batch_size)) as found,
        closing(map_ahead(_Writer(place, segmenter.shape), found, group=batch_size)) as predictions,
    ):
        for prediction in predictions:
            lines.append(prediction.model_dump_json() + "\n")
            on_done(len(lines))
        write_atomically(place / "predictions.jsonl", "".join(lines).encode())


def _found(
    segmenter: TrainedSegmenter, images: ResizedImages, window: Window | None, batch_size: int
) -> Generator["_FoundInOne", None, None]:
    """What was found in each image, in order."""

    def size_of(index: int) -> Size:
        return image_size(images.samples[index].image)

    for batch in segment_images(segmenter, images, size_of, window, batch_size):
        found = _Found.on_device(segmenter.shape, batch)
        for position in range(len(batch.extras)):
            index = batch.first + position
            yield _FoundInOne(found, position, index, images.samples[index].name)


@dataclass(frozen=True)
class _Found:
    """What was found in a batch, on its way from the device in two copies."""

    masks: Tensor
    """uint8 categories of all images' pixels, one image after another."""
    numbers: Tensor
    """(B, C + 1): presence probabilities and, last, the uncertainty."""
    sizes: tuple[Size, ...]
    copied: torch.cuda.Event | None

    @classmethod
    def on_device(cls, shape: SegmenterShape, batch: Segmented[Size]) -> "_Found":
        masks = [
            predicted_categories(logits, _decoded_size(size)).flatten()
            for logits, size in batch.each()
        ]
        presence = presence_probabilities(shape, smooth_maximum(batch.logits, shape.smooth_max))
        numbers = torch.cat([presence, uncertainty(batch.logits)[:, None]], 1)
        copies = [each.to("cpu", non_blocking=True) for each in (torch.cat(masks), numbers)]
        event = None
        if batch.logits.is_cuda:
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record()
        return cls(copies[0], copies[1], batch.extras, event)

    def image(self, position: int) -> tuple[NDArray[np.uint8], list[float]]:
        """Mask at its original size, and numbers, of one image; waits until they are copied."""
        if self.copied is not None:
            self.copied.synchronize()
        pixels = [width * height for width, height in map(_decoded_size, self.sizes)]
        first, size = sum(pixels[:position]), self.sizes[position]
        inner = _decoded_size(size)
        mask = self.masks[first : first + pixels[position]].reshape(inner[1], inner[0]).numpy()
        if inner != size:
            mask = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
        return mask, self.numbers[position].tolist()


@dataclass(frozen=True)
class _FoundInOne:
    """What was found in one image, which is at `position` of its batch."""

    batch: _Found
    position: int
    index: int
    name: str


@dataclass(frozen=True)
class _Writer:
    """Writes one image's mask."""

    folder: Path
    shape: SegmenterShape

    def __call__(self, found: _FoundInOne) -> ImagePrediction:
        pixels, (*presence, doubt) = found.batch.image(found.position)
        if not math.isfinite(sum(presence) + doubt):
            raise diverged(found.name)
        mask = f"masks/{found.index:06d}-{_file_stem(found.name)}.png"
        image = Image.fromarray(pixels)
        image.putpalette(b"".join(bytes.fromhex(color[1:]) for color in colors_of(self.shape)))
        path = self.folder / mask
        with naming(path):
            path.parent.mkdir(exist_ok=True)
            image.save(path, compress_type=RUNS_OF_PIXELS)
        return ImagePrediction(
            image=found.name,
            mask=mask,
            width=image.width,
            height=image.height,
            presence={
                category: round(p, DIGITS)
                for category, p in zip(self.shape.categories, presence, strict=True)
            },
            uncertainty=round(doubt, DIGITS),
        )


def _decoded_size(size: Size) -> Size:
    scale = min(1.0, LONGEST_SIDE / max(size))
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def uncertainty(logits_BCHW: Tensor) -> Tensor:
    """(B,) mean over pixels of the entropy, as a share of the largest there could be."""
    categories = logits_BCHW.shape[1]
    if categories == 1:
        return logits_BCHW.new_zeros(len(logits_BCHW))
    log_p = logits_BCHW.log_softmax(1)
    entropy = -(log_p.exp() * log_p).sum(1).mean((1, 2)) / math.log(categories)
    return entropy.clamp(0, 1)


def colors_of(shape: SegmenterShape | TrainConfig) -> tuple[str, ...]:
    """`#rrggbb` of each category in masks."""
    return shape.colors or palette(len(shape.categories))


def palette(count: int) -> tuple[str, ...]:
    """`#rrggbb` for each category: hues far apart, in two brightnesses."""
    rgb = [
        colorsys.hsv_to_rgb(index * GOLDEN_RATIO % 1, 0.65, (0.95, 0.7)[index % 2])
        for index in range(count)
    ]
    return tuple("#" + "".join(f"{round(255 * part):02x}" for part in color) for color in rgb)


def _file_stem(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", PurePosixPath(name).stem)[:80] or "image"
