"""Slow references of the losses in plain Python floats, written from the paper's formulas."""

import math
from collections.abc import Sequence

Grid = Sequence[Sequence[float]]


def binary_cross_entropy(logit: float, truth: float) -> float:
    probability = 1 / (1 + math.exp(-logit))
    return -(truth * math.log(probability) + (1 - truth) * math.log(1 - probability))


def gpool(grid: Grid, k: float) -> float:
    values = [value for row in grid for value in row]
    return math.log(sum(math.exp(k * value) for value in values) / len(values)) / k


def presence_loss(scores: Grid, presence: Grid) -> float:
    terms = [
        binary_cross_entropy(score, truth)
        for scores_of_image, truths in zip(scores, presence, strict=True)
        for score, truth in zip(scores_of_image, truths, strict=True)
        if truth >= 0
    ]
    return sum(terms) / len(terms) if terms else 0.0


def softmax(values: Sequence[float]) -> list[float]:
    total = sum(math.exp(value) for value in values)
    return [math.exp(value) / total for value in values]


def absent_loss(logits: Sequence[Sequence[Grid]], presence: Grid) -> float:
    terms = []
    for image, truths in zip(logits, presence, strict=True):
        if len(image) == 1:
            continue
        for row in range(len(image[0])):
            for column in range(len(image[0][0])):
                p = softmax([channel[row][column] for channel in image])
                terms += [-math.log(1 - p[c]) for c, truth in enumerate(truths) if truth == 0]
    return sum(terms) / len(terms) if terms else 0.0


def catpool(logits: Sequence[Sequence[Grid]], features: Sequence[Sequence[Grid]]) -> list[Grid]:
    pooled = []
    for channels, maps in zip(logits, features, strict=True):
        of_image = []
        for channel in channels:
            attention = softmax([value for row in channel for value in row])
            flat = [[value for row in feature for value in row] for feature in maps]
            of_image.append(
                [sum(a * f for a, f in zip(attention, each, strict=True)) for each in flat]
            )
        pooled.append(of_image)
    return pooled


def masked_domain_loss(logits: Grid, domain: float, presence: Grid) -> float:
    per_image = []
    for values, truths in zip(logits, presence, strict=True):
        terms = [
            binary_cross_entropy(value, domain)
            for value, truth in zip(values, truths, strict=True)
            if truth == 1
        ]
        per_image.append(sum(terms) / max(len(terms), 1))
    return sum(per_image) / len(per_image)


def cross_entropy(logits: Sequence[float], category: int) -> float:
    return -math.log(softmax(logits)[category])
