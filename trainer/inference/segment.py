"""What a segmenter says about the images of a dataset, in an order that keeps its device busy.

Images are decoded ahead in threads, and nothing here waits for the device.

Shapes: `B` image of a batch, `N` image, `C` category, `H W` pixel, `h w` logits.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.decode import decode_image, image_size
from trainer.data.images import ResizedImages
from trainer.device.cores import cores_here
from trainer.errors import NonFinite
from trainer.method.losses.pixels import resize_logits
from trainer.method.losses.presence import smooth_maximum
from trainer.models.checkpoint import TrainedSegmenter

BATCH_SIZE = 4
MOST_THREADS = 8
AHEAD = 2
"""Things that are made ready beyond those that the threads are at."""
AT_ONCE = 2
"""Batches that a CPU segments at the same time; each needs its memory."""

Item = TypeVar("Item")
Made = TypeVar("Made")
Extra = TypeVar("Extra")


@dataclass(frozen=True)
class Window:
    """Segment windows of the training size that overlap, and average their logits.

    Images are taken at `scale` times their own size. Windows are `stride` of a window apart.
    """

    scale: float = 1.0
    stride: float = 2 / 3


@dataclass(frozen=True)
class Segmented(Generic[Extra]):
    """Logits of images `first` and following, and what was read besides of each."""

    first: int
    logits: Tensor
    """(B, C, h, w), on the segmenter's device."""
    extras: tuple[Extra, ...]

    def each(self) -> Iterator[tuple[Tensor, Extra]]:
        """Logits (1, C, h, w) and what was read of each image."""
        # Not by index: the layout of a batch of one is then not seen to be channels last.
        return zip(torch.split(self.logits, 1), self.extras, strict=True)


def segment_images(
    segmenter: TrainedSegmenter,
    images: ResizedImages,
    read: Callable[[int], Extra],
    window: Window | None = None,
    batch_size: int = BATCH_SIZE,
) -> Generator[Segmented[Extra], None, None]:
    """Logits of all images of a dataset, batch by batch.

    Args:
        segmenter: on any device.
        images: at the segmenter's size.
        read: called for each image's index in a thread, together with decoding the image.
        window: None for the whole image at once; otherwise each batch is one image.
        batch_size: images, or windows, that go through the network together.

    Raises:
        BadInput: an image cannot be decoded; names the file.
    """
    together = 1 if window else batch_size

    def load(number: int) -> tuple[int, NDArray[np.uint8], tuple[Extra, ...]]:
        indices = range(number * together, min((number + 1) * together, len(images)))
        # NumPy, because torch would start a team of threads of its own in each of these.
        pixels = [_scaled(images, i, window.scale) if window else images.image(i) for i in indices]
        return indices.start, np.stack(pixels), tuple(read(index) for index in indices)

    def segment(loaded: tuple[int, NDArray[np.uint8], tuple[Extra, ...]]) -> Segmented[Extra]:
        first, pixels, extras = loaded
        with torch.inference_mode():
            images_B3HW = to_device(torch.from_numpy(pixels), device).movedim(-1, 1)
            logits = (
                _slide(segmenter, images_B3HW, window.stride, batch_size)
                if window
                else segmenter.logits(images_B3HW)
            )
        return Segmented(first, logits, extras)

    device = device_of(segmenter)
    with closing(map_ahead(load, range(-(-len(images) // together)))) as loads:
        if device.type == "cpu" and torch.get_num_threads() >= AT_ONCE:
            yield from _side_by_side(segment, loads)
        else:
            yield from map(segment, loads)


def _side_by_side(
    segment: Callable[[Item], Made], batches: Iterable[Item]
) -> Generator[Made, None, None]:
    """`segment` of each batch, in order, some at once with their share of torch's threads each.

    On a CPU one batch cannot keep all cores busy: parts of each layer are done by one thread.
    """
    threads = torch.get_num_threads()
    # Of the threads that begin after this, and for the time being of this one.
    torch.set_num_threads(threads // AT_ONCE)
    try:
        with closing(map_ahead(segment, batches, threads=AT_ONCE)) as segmented:
            yield from segmented
    finally:
        torch.set_num_threads(threads)


def presence_scores(segmenter: TrainedSegmenter, images: ResizedImages) -> Tensor:
    """(N, C) smooth maxima of all images (Eq. 1), on the host.

    Raises:
        BadInput: an image cannot be decoded; names the file.
        NonFinite: the network has diverged; names the image.
    """
    scores = [
        smooth_maximum(batch.logits, segmenter.shape.smooth_max)
        for batch in segment_images(segmenter, images, lambda _: None)
    ]
    return finite(torch.cat(scores).cpu(), images)


def finite(numbers_NK: Tensor, images: ResizedImages) -> Tensor:
    """The same numbers of each image.

    Raises:
        NonFinite: one is not finite; names the first such image.
    """
    if len(bad := torch.nonzero(~numbers_NK.isfinite().all(1))):
        raise diverged(images.samples[int(bad[0])].name)
    return numbers_NK


def diverged(image: str) -> NonFinite:
    """What to raise where a network says of an image what is not finite."""
    return NonFinite(f"what the network says of {image} is not finite: it has diverged")


def map_ahead(
    make: Callable[[Item], Made],
    items: Iterable[Item],
    group: int = 1,
    threads: int | None = None,
) -> Generator[Made, None, None]:
    """The results of `make`, in the order of the items, made in threads while earlier ones are used.

    For what lets other threads run: decoding, encoding, and the operations of torch.

    Args:
        make: called in a thread.
        items: taken as they are needed, in the caller's thread.
        group: how many items come at once, such as a batch, none of which waits for the next.
        threads: None for one on each core, up to a limit.
    """
    threads = threads or min(cores_here(), MOST_THREADS)
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[Made]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > (threads + AHEAD) * group:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def device_of(segmenter: TrainedSegmenter) -> torch.device:
    """Where the segmenter's weights are."""
    return next(segmenter.network.parameters()).device


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device, copied while the device and this thread go on."""
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)


def _scaled(images: ResizedImages, index: int, scale: float) -> NDArray[np.uint8]:
    path = images.samples[index].image
    width, height = image_size(path)
    return decode_image(path, (max(round(width * scale), 1), max(round(height * scale), 1)))


def _slide(
    segmenter: TrainedSegmenter, image_13HW: Tensor, stride: float, batch_size: int
) -> Tensor:
    """(1, C, H, W) mean of the logits of all windows over each pixel."""
    height, width = image_13HW.shape[-2:]
    window_w, window_h = min(segmenter.size[0], width), min(segmenter.size[1], height)
    corners = list(product(_starts(height, window_h, stride), _starts(width, window_w, stride)))
    total = torch.zeros((1, len(segmenter.categories), height, width), device=image_13HW.device)
    seen = torch.zeros_like(total[:, :1])
    for first in range(0, len(corners), batch_size):
        chosen = [
            (..., slice(top, top + window_h), slice(left, left + window_w))
            for top, left in corners[first : first + batch_size]
        ]
        logits = segmenter.logits(torch.cat([image_13HW[place] for place in chosen]))
        for place, of_window in zip(
            chosen, resize_logits(logits, (window_h, window_w)), strict=True
        ):
            total[place] += of_window
            seen[place] += 1
    return total / seen


def _starts(length: int, window: int, stride: float) -> list[int]:
    """Where windows begin so that they cover a length, the last at its end."""
    return [*range(0, length - window, max(round(window * stride), 1)), length - window]
