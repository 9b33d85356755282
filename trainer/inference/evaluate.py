"""Scores of a segmenter, on dense masks or on weak labels that were held out.

Counts stay on the segmenter's device until the last image; then they are copied once.

Shapes: `N` image, `C` category, `P` point; `_3C` are hits, truth and prediction of a category.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.contract import Breakdown, ImageScore, ReliabilityBin, Score
from trainer.contract.masks import MaskCodes, decode_mask
from trainer.data.images import ResizedImages
from trainer.data.labels import TargetLabel
from trainer.data.presence import area_fractions, presence_of, presence_thresholds
from trainer.errors import BadInput
from trainer.inference.calibration import presence_probabilities
from trainer.inference.intervals import iou_intervals, label_intervals, presence_intervals
from trainer.inference.masks import predicted_categories
from trainer.inference.metrics import (
    accuracy_per_category,
    balanced,
    calibration_error,
    confusion,
    f1,
    iou_per_category,
    mean_average_precision,
    mean_iou,
    mean_known,
    reliability,
)
from trainer.inference.segment import Window, device_of, finite, segment_images, to_device
from trainer.method.losses.pixels import sample_logits
from trainer.method.losses.presence import smooth_maximum
from trainer.models.checkpoint import TrainedSegmenter
from trainer.models.segmenter import SegmenterShape

EXAMPLES = 3
"""So many of the worst and so many of the best images are named."""
PRESENT_ABOVE = 0.5

Ranked = TypeVar("Ranked")


@dataclass(frozen=True)
class Measured:
    """A score and what stands behind it."""

    score: Score
    breakdown: Breakdown


def score_on_masks(
    segmenter: TrainedSegmenter,
    images: ResizedImages,
    lookup: MaskCodes,
    scored: Sequence[str] = (),
    window: Window | None = None,
) -> Score:
    """The score of `measure_on_masks` alone."""
    return measure_on_masks(segmenter, images, lookup, scored, window).score


def measure_on_masks(
    segmenter: TrainedSegmenter,
    images: ResizedImages,
    lookup: MaskCodes,
    scored: Sequence[str] = (),
    window: Window | None = None,
) -> Measured:
    """Mean IoU and IoU at the masks' own size, and presence against the masks' presence.

    Args:
        segmenter: what is scored, on any device.
        images: at the segmenter's size, with masks.
        lookup: how raw values of the masks become categories.
        scored: categories over which a second mean IoU is reported.
        window: None for whole images at the segmenter's size.

    Raises:
        BadInput: an image or a mask cannot be decoded, and names the file; or all masks are void.
        NonFinite: the network has diverged; names the image.
    """
    categories, device = len(segmenter.categories), device_of(segmenter)

    def read(index: int) -> NDArray[np.int16]:
        path = images.samples[index].mask
        if path is None:
            raise LookupError(f"{images.samples[index].name} has no mask")
        return decode_mask(path, lookup)

    total_CC = torch.zeros(categories, categories, dtype=torch.int64, device=device)
    counts, scores, fractions = [], [], []
    for batch in segment_images(segmenter, images, read, window):
        for logits, mask in batch.each():
            (predicted,) = predicted_categories(logits, (mask.shape[1], mask.shape[0]))
            counts_CC = confusion(predicted, to_device(torch.from_numpy(mask), device), categories)
            total_CC += counts_CC
            counts.append(torch.stack([counts_CC.diagonal(), counts_CC.sum(1), counts_CC.sum(0)]))
            fractions.append(area_fractions(mask, categories))
        scores.append(smooth_maximum(batch.logits, segmenter.shape.smooth_max))
    fractions_NC = np.stack(fractions)
    truth_NC = presence_of(
        fractions_NC, presence_thresholds(fractions_NC), lookup.asked(categories)
    )
    scores_NC = finite(torch.cat(scores).cpu(), images)
    presence = _presence(segmenter.shape, scores_NC, torch.from_numpy(truth_NC).long())
    confusion_CC = total_CC.cpu()
    if not confusion_CC.any():
        raise BadInput(f"all pixels of all {len(images)} masks are void: nothing to score on")
    counts_N3C = torch.stack(counts).cpu()
    iou = dict(zip(segmenter.categories, iou_per_category(confusion_CC), strict=True))
    return Measured(
        Score(
            miou=mean_iou(iou.values()),
            miou_of_scored=mean_iou(iou[name] for name in scored),
            iou=iou,
            presence_f1=presence.f1,
            presence_error=calibration_error(presence.reliability),
            presence_average_precision=presence.average_precision,
        ),
        Breakdown(
            images=len(images),
            unit="pixels",
            confusion=_rows(confusion_CC),
            reliability=presence.reliability,
            examples=_examples(images, counts_N3C),
            intervals=iou_intervals(counts_N3C.numpy(), segmenter.categories, scored)
            | presence_intervals(scores_NC.double().numpy(), presence.predicted.numpy(), truth_NC),
        ),
    )


@dataclass(frozen=True)
class LabelsSeen:
    """What a network says of images with weak labels, before presence is calibrated."""

    scores: Tensor
    """(N, C) smooth maxima of the logits, on the host."""
    presence: Tensor
    """(N, C) of the labels: 1 present, 0 absent, -1 not asked."""
    points: Tensor
    """(C, C) clicked pixels by the label's category and the predicted one."""
    clicks: Tensor
    """(N, C) clicked pixels of each image by the label's category."""
    hits: Tensor
    """(N, C) those that are predicted right."""

    def measured(self, shape: SegmenterShape) -> Measured:
        """The score with the calibration of a shape, and the number that chooses a checkpoint."""
        presence = _presence(shape, self.scores, self.presence)
        clicked = int(self.points.sum())
        hits = int(self.points.diagonal().sum())
        score = Score(
            point_accuracy=hits / clicked if clicked else None,
            balanced_point_accuracy=mean_known(accuracy_per_category(self.points)),
            point_miou=mean_known(iou_per_category(balanced(self.points))),
            presence_f1=presence.f1,
            presence_error=calibration_error(presence.reliability),
            presence_average_precision=presence.average_precision,
        )
        return Measured(
            score.model_copy(update={"weak_label_score": weak_label_score(score)}),
            Breakdown(
                images=len(self.scores),
                unit="points",
                confusion=_rows(self.points) if clicked else (),
                reliability=presence.reliability,
                intervals=label_intervals(
                    self.scores.double().numpy(),
                    presence.predicted.numpy(),
                    self.presence.numpy(),
                    self.clicks.numpy(),
                    self.hits.numpy(),
                ),
            ),
        )


def see_labels(
    segmenter: TrainedSegmenter, images: ResizedImages, labels: Sequence[TargetLabel]
) -> LabelsSeen:
    """Segment images with weak labels.

    Args:
        segmenter: on any device; its calibration does not matter.
        images: at the segmenter's size.
        labels: one of each image.

    Raises:
        BadInput: an image cannot be decoded; names the file.
        NonFinite: the network has diverged; names the image.
    """
    categories, device = len(segmenter.categories), device_of(segmenter)
    points_CC = torch.zeros(categories, categories, dtype=torch.int64, device=device)
    scores, clicks, hits = [], [], []
    for batch in segment_images(segmenter, images, lambda index: labels[index].points):
        points_P4 = to_device(_points(batch.extras), device)
        predicted_P = sample_logits(batch.logits, points_P4).max(1).indices
        image_P, truth_P = points_P4[:, 0].long(), points_P4[:, 1].long()
        points_CC += confusion(predicted_P, truth_P, categories)
        none_NC = torch.zeros(len(batch.extras), categories, dtype=torch.int64, device=device)
        one_P, right_P = torch.ones_like(truth_P), (predicted_P == truth_P).long()
        clicks.append(none_NC.index_put((image_P, truth_P), one_P, accumulate=True))
        hits.append(none_NC.index_put((image_P, truth_P), right_P, accumulate=True))
        scores.append(smooth_maximum(batch.logits, segmenter.shape.smooth_max))
    presence_NC = torch.from_numpy(np.stack([label.presence for label in labels])).long()
    return LabelsSeen(
        finite(torch.cat(scores).cpu(), images),
        presence_NC,
        points_CC.cpu(),
        torch.cat(clicks).cpu(),
        torch.cat(hits).cpu(),
    )


def weak_label_score(score: Score) -> float | None:
    """How good a segmenter is by held-out weak labels alone, in 0..1: what selection maximises.

    The mean of what tags say (F1 and average precision of presence) and what points say (accuracy,
    all categories alike, as in a mean IoU). Tags rank checkpoints with less noise, since every
    image answers for every category; only points notice a category that is found in the wrong
    place. Where there is but one of them, it stands for both.
    """
    tags = mean_known((score.presence_f1, score.presence_average_precision))
    return mean_known((tags, score.balanced_point_accuracy))


@dataclass(frozen=True)
class _Presence:
    """How presence compares with its truth."""

    f1: float | None
    average_precision: float | None
    predicted: Tensor
    """(N, C) whether it is called present."""
    reliability: tuple[ReliabilityBin, ...]


def _presence(shape: SegmenterShape, scores_NC: Tensor, truth_NC: Tensor) -> _Presence:
    scores_NC = scores_NC.double()
    probabilities = presence_probabilities(shape, scores_NC)
    predicted_NC = probabilities > PRESENT_ABOVE
    return _Presence(
        f1=f1(predicted_NC, truth_NC),
        predicted=predicted_NC,
        # Of the scores, because probabilities that are rounded to 1 have no order.
        average_precision=mean_average_precision(scores_NC, truth_NC),
        reliability=reliability(probabilities, truth_NC),
    )


def _points(of_images: Sequence[NDArray[np.float32]]) -> Tensor:
    """(P, 4) points of a batch: image in the batch, category, x, y."""
    return torch.from_numpy(
        np.concatenate(
            [
                np.pad(points, ((0, 0), (1, 0)), constant_values=position)
                for position, points in enumerate(of_images)
            ]
        )
    )


def _rows(counts_CC: Tensor) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in counts_CC.tolist())


def _examples(images: ResizedImages, counts_N3C: Tensor) -> tuple[ImageScore, ...]:
    """The worst and the best images by the mean IoU of the categories that each has."""
    hits, truth, predicted = counts_N3C.double().unbind(1)
    there = truth > 0
    iou_NC = (hits / (truth + predicted - hits)).where(there, 0)
    miou_N = iou_NC.sum(1) / there.sum(1)
    ranked = [
        ImageScore(image=images.samples[index].name, miou=miou_N[index].item())
        for index in miou_N.argsort(stable=True).tolist()
        if there[index].any()
    ]
    return extremes(ranked)


def extremes(ranked: Sequence[Ranked]) -> tuple[Ranked, ...]:
    """The first and the last `EXAMPLES`, in order; all where there are no more than those."""
    between = range(EXAMPLES, len(ranked) - EXAMPLES)
    return tuple(each for place, each in enumerate(ranked) if place not in between)
