"""Metrics as functions of counts."""

import torch
from torch import Tensor


def confusion(predicted: Tensor, truth: Tensor, categories: int) -> Tensor:
    """(C, C) counts of pixels by truth (row) and prediction (column); void truth (< 0) is left out."""
    valid = truth >= 0
    pairs = truth[valid].long() * categories + predicted[valid].long()
    return torch.bincount(pairs, minlength=categories**2).reshape(categories, categories)


def iou_per_category(confusion_CC: Tensor) -> list[float | None]:
    """Intersection over union; None for a category that is nowhere in the truth."""
    counts = confusion_CC.double()
    hit, truth = counts.diagonal(), counts.sum(1)
    iou = hit / (truth + counts.sum(0) - hit)
    return [float(value) if there > 0 else None for value, there in zip(iou, truth, strict=True)]


def mean_iou(iou: list[float | None]) -> float | None:
    """Mean over the categories that are in the truth; None when none is."""
    known = [value for value in iou if value is not None]
    return sum(known) / len(known) if known else None


def f1(predicted: Tensor, truth: Tensor) -> float | None:
    """F1 of 'present' over all asked pairs (truth 1 or 0; -1 does not count).

    None when nothing is present, neither by truth nor by prediction.
    """
    asked = truth >= 0
    predicted, truth = predicted[asked].bool(), truth[asked].bool()
    hits = (predicted & truth).sum().item()
    wrong = (predicted ^ truth).sum().item()
    return 2 * hits / (2 * hits + wrong) if hits + wrong else None
