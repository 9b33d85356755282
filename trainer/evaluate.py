"""Scores of a segmenter, on dense masks or on weak labels that were held out."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.checkpoint import TrainedSegmenter
from trainer.contract import Score
from trainer.data.decode import decode_mask
from trainer.data.images import ResizedImages
from trainer.data.labels import TargetLabel
from trainer.data.presence import area_fractions, presence_thresholds
from trainer.losses.pixels import resize_logits, sample_logits
from trainer.losses.presence import smooth_maximum
from trainer.metrics import confusion, f1, iou_per_category, mean_iou

BATCH_SIZE = 4


def logits_of(segmenter: TrainedSegmenter, images: ResizedImages) -> Iterator[Tensor]:
    """Logits (C, h, w) of each image of a dataset, in order."""
    device = next(segmenter.network.parameters()).device
    for first in range(0, len(images), BATCH_SIZE):
        indices = range(first, min(first + BATCH_SIZE, len(images)))
        pixels = np.stack([images.image(index) for index in indices])
        batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        with torch.inference_mode():
            yield from segmenter.network(batch.to(device)).logits


def score_on_masks(
    segmenter: TrainedSegmenter, images: ResizedImages, lookup: NDArray[np.int16]
) -> Score:
    """Score mIoU and IoU at the masks' own size, and F1 of presence against the masks' presence."""
    count = len(segmenter.categories)
    total = torch.zeros(count, count, dtype=torch.int64)
    fractions, scores = [], []
    for sample, logits in zip(images.samples, logits_of(segmenter, images), strict=True):
        if sample.mask is None:
            raise LookupError(f"{sample.name} has no mask")
        mask = decode_mask(sample.mask, lookup)
        height, width = mask.shape
        predicted = resize_logits(logits[None], (height, width))[0].argmax(0).cpu()
        total += confusion(predicted, torch.from_numpy(mask), count)
        fractions.append(area_fractions(mask, count))
        scores.append(smooth_maximum(logits[None], segmenter.shape.smooth_max)[0].cpu())
    truth = np.stack(fractions) > presence_thresholds(np.stack(fractions))
    iou = iou_per_category(total)
    return Score(
        miou=mean_iou(iou),
        iou=dict(zip(segmenter.categories, iou, strict=True)),
        presence_f1=f1(torch.stack(scores) > 0, torch.from_numpy(truth).long()),
    )


def score_on_labels(
    segmenter: TrainedSegmenter, images: ResizedImages, labels: Sequence[TargetLabel]
) -> Score:
    """F1 of presence and the share of points whose pixel is predicted right."""
    scores, right = [], []
    for label, logits in zip(labels, logits_of(segmenter, images), strict=True):
        scores.append(smooth_maximum(logits[None], segmenter.shape.smooth_max)[0].cpu())
        points = torch.from_numpy(np.pad(label.points, ((0, 0), (1, 0))))
        predicted = sample_logits(logits[None].cpu(), points).argmax(1)
        right.append(predicted == points[:, 1].long())
    hits = torch.cat(right)
    truth = torch.from_numpy(np.stack([label.presence for label in labels]))
    return Score(
        presence_f1=f1(torch.stack(scores) > 0, truth.long()),
        point_accuracy=hits.double().mean().item() if len(hits) else None,
    )
