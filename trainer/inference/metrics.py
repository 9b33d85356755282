"""Metrics as functions of counts, probabilities and three-valued presence.

Shapes: `C` category, `N` image; presence truth is 1 present, 0 absent, -1 not asked.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from trainer.contract import ReliabilityBin

BINS = 15
"""M of Guo et al., "On Calibration of Modern Neural Networks", ICML 2017."""


def confusion(predicted: Tensor, truth: Tensor, categories: int) -> Tensor:
    """(C, C) counts of pixels by truth (row) and prediction (column); void truth (< 0) is left out.

    On the tensors' device and without waiting for it: void pixels are counted in a cell of their
    own, because leaving them out by a mask, or `bincount`, would ask the device for a size.
    """
    void = categories**2
    pairs = truth.long() * categories + predicted.long()
    pairs = pairs.where(truth >= 0, void).flatten()
    counts = torch.zeros(void + 1, dtype=torch.int64, device=pairs.device)
    counts.scatter_add_(0, pairs, torch.ones_like(pairs))
    return counts[:void].reshape(categories, categories)


def iou_per_category(confusion_CC: Tensor) -> list[float | None]:
    """Intersection over union; None for a category that is nowhere in the truth."""
    counts = confusion_CC.double()
    hit, truth = counts.diagonal(), counts.sum(1)
    return _known(hit / (truth + counts.sum(0) - hit), truth)


def mean_known(values: Iterable[float | None]) -> float | None:
    """Mean over the values that are known; None when none is."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def mean_iou(of_categories: Iterable[float | None]) -> float | None:
    """Mean over the categories that are in the masks; None with fewer than two.

    With one alone nothing can be mistaken for another, and a network that knows that one is perfect.
    """
    known = [iou for iou in of_categories if iou is not None]
    return sum(known) / len(known) if len(known) > 1 else None


def accuracy_per_category(confusion_CC: Tensor) -> list[float | None]:
    """Share of each category's truth that is predicted right; None where there is none."""
    counts = confusion_CC.double()
    return _known(counts.diagonal() / counts.sum(1), counts.sum(1))


def balanced(confusion_CC: Tensor) -> Tensor:
    """(C, C) shares of each category's truth by prediction, as if all were equally large.

    Points are clicked as often on a pole as on the road, so their counts say nothing of areas.
    """
    counts = confusion_CC.double()
    return counts / counts.sum(1, keepdim=True).clamp(min=1)


def f1(predicted: Tensor, truth: Tensor) -> float | None:
    """F1 of 'present' over all asked pairs (truth 1 or 0; -1 does not count).

    None when nothing is present, neither by truth nor by prediction.
    """
    asked = truth >= 0
    predicted, truth = predicted[asked].bool(), truth[asked].bool()
    hits = (predicted & truth).sum().item()
    wrong = (predicted ^ truth).sum().item()
    return 2 * hits / (2 * hits + wrong) if hits + wrong else None


def mean_average_precision(scores_NC: Tensor, truth_NC: Tensor) -> float | None:
    """Mean over categories of the average precision of presence; None when no category has one.

    Only categories that are present in one asked image and absent in another can be ranked.
    """
    return mean_known(map(_average_precision, scores_NC.T, truth_NC.T))


def _average_precision(scores_N: Tensor, truth_N: Tensor) -> float | None:
    """Area under precision over recall, in steps; images of the same score come together."""
    asked = truth_N >= 0
    scores, order = scores_N[asked].sort(descending=True)
    present = truth_N[asked][order].double()
    if not 0 < present.sum() < len(present):
        return None
    last_of_its_score = torch.ones_like(scores, dtype=torch.bool)
    last_of_its_score[:-1] = scores[1:] != scores[:-1]
    hits = present.cumsum(0)[last_of_its_score]
    images = torch.arange(1, len(scores) + 1)[last_of_its_score]
    gained = hits.diff(prepend=hits.new_zeros(1))
    return float((gained * hits / images).sum() / present.sum())


def reliability(
    probabilities: Tensor, truth: Tensor, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """Asked presence probabilities in intervals of equal width, the empty ones left out."""
    asked = truth >= 0
    p, present = probabilities[asked].double(), truth[asked].double()
    index = (p * bins).long().clamp(max=bins - 1)
    zeros = torch.zeros(bins, dtype=torch.float64)
    counts = zeros.index_add(0, index, torch.ones_like(p))
    confidence, frequency = (zeros.index_add(0, index, each) / counts for each in (p, present))
    return tuple(
        ReliabilityBin(count=int(n), confidence=float(c), frequency=float(f))
        for n, c, f in zip(counts, confidence, frequency, strict=True)
        if n > 0
    )


def calibration_error(bins: Iterable[ReliabilityBin]) -> float | None:
    """Expected calibration error (Guo et al. 2017, Eq. 3) of binned probabilities; None of none."""
    bins = tuple(bins)
    total = sum(each.count for each in bins)
    if not total:
        return None
    return sum(each.count * abs(each.confidence - each.frequency) for each in bins) / total


def _known(values: Tensor, counts: Tensor) -> list[float | None]:
    return [
        value if count > 0 else None
        for value, count in zip(values.tolist(), counts.tolist(), strict=True)
    ]
