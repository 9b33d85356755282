"""Predictions: a palette mask, presence probabilities and the uncertainty of each image."""

import colorsys
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from trainer.checkpoint import TrainedSegmenter
from trainer.contract import ImagePrediction
from trainer.data.decode import image_size
from trainer.data.images import ResizedImages
from trainer.evaluate import logits_of
from trainer.files import write_atomically
from trainer.losses.pixels import resize_logits
from trainer.losses.presence import smooth_maximum

LONGEST_SIDE = 2048
"""Logits are resized to at most this; a larger mask is the nearest pixel of that."""
GOLDEN_RATIO = 0.618033988749895


def predict_images(
    segmenter: TrainedSegmenter,
    images: ResizedImages,
    folder: Path,
    on_done: Callable[[int], None] = lambda _: None,
) -> None:
    """Write `folder/masks/*.png` and then, complete, `folder/predictions.jsonl`.

    `on_done` is told the number of images done after each.
    """
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    lines = []
    for index, logits in enumerate(logits_of(segmenter, images)):
        sample = images.samples[index]
        width, height = image_size(sample.image)
        mask = f"masks/{index:06d}-{_file_stem(sample.name)}.png"
        _save_mask(folder / mask, predicted_mask(logits, (width, height)), segmenter)
        prediction = ImagePrediction(
            image=sample.name,
            mask=mask,
            width=width,
            height=height,
            presence=presence_probabilities(segmenter, logits),
            uncertainty=uncertainty(logits),
        )
        lines.append(prediction.model_dump_json() + "\n")
        on_done(index + 1)
    write_atomically(folder / "predictions.jsonl", "".join(lines).encode())


def predicted_mask(logits_CHW: Tensor, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width) category indices at `size`, which is (width, height)."""
    width, height = size
    scale = min(1.0, LONGEST_SIDE / max(size))
    inner = (max(round(height * scale), 1), max(round(width * scale), 1))
    mask = resize_logits(logits_CHW[None], inner)[0].argmax(0).to(torch.uint8).cpu().numpy()
    if inner != (height, width):
        return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    return mask


def presence_probabilities(segmenter: TrainedSegmenter, logits_CHW: Tensor) -> dict[str, float]:
    """Probability sigmoid(gpool(O)) of each category by name."""
    scores = smooth_maximum(logits_CHW[None], segmenter.shape.smooth_max)[0].sigmoid().tolist()
    return {n: round(p, 4) for n, p in zip(segmenter.categories, scores, strict=True)}


def uncertainty(logits_CHW: Tensor) -> float:
    """Mean over pixels of the entropy, as a share of the largest there could be."""
    categories = logits_CHW.shape[0]
    if categories == 1:
        return 0.0
    log_p = logits_CHW.log_softmax(0)
    entropy = -(log_p.exp() * log_p).sum(0).mean() / np.log(categories)
    return round(float(entropy.clamp(0, 1)), 4)


def _save_mask(path: Path, mask: NDArray[np.uint8], segmenter: TrainedSegmenter) -> None:
    image = Image.fromarray(mask)
    colors = segmenter.shape.colors or palette(len(segmenter.categories))
    image.putpalette(b"".join(bytes.fromhex(color.removeprefix("#")) for color in colors))
    image.save(path, compress_level=7)


def palette(count: int) -> tuple[str, ...]:
    """`#rrggbb` for each category: hues far apart, in two brightnesses."""
    rgb = [
        colorsys.hsv_to_rgb(index * GOLDEN_RATIO % 1, 0.65, (0.95, 0.7)[index % 2])
        for index in range(count)
    ]
    return tuple("#" + "".join(f"{round(255 * part):02x}" for part in color) for color in rgb)


def _file_stem(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", PurePosixPath(name).stem)[:80] or "image"
