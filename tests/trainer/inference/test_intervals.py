"""Bootstrap intervals against the metrics themselves, of images that are drawn one by one."""

import numpy as np
import pytest
import torch

from trainer.contract import Interval
from trainer.inference import intervals, metrics

IMAGES, NAMES = 12, ("road", "sky", "car", "nowhere")


def drawn() -> list[list[int]]:
    """Each draw as a list of images, as often as they are in it."""
    return [np.repeat(range(IMAGES), row.astype(int)).tolist() for row in intervals._draws(IMAGES)]


def between(values: list[float | None]) -> tuple[float, float]:
    known = [value for value in values if value is not None]
    low, high = np.quantile(known, [0.1, 0.9])
    return float(low), float(high)


def of(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def test_a_draw_is_of_as_many_images_and_the_same_for_whatever_is_scored() -> None:
    assert {len(images) for images in drawn()} == {IMAGES}
    assert drawn() == drawn()


def test_iou_as_of_the_confusion_of_the_images_of_each_draw() -> None:
    random = np.random.default_rng(1)
    confusions = random.integers(0, 50, (IMAGES, 4, 4))
    confusions[:, 3] = 0  # nowhere in the truth
    counts = np.stack(
        [confusions.diagonal(axis1=1, axis2=2), confusions.sum(2), confusions.sum(1)], 1
    )

    found = intervals.iou_intervals(counts, NAMES, ("road", "car"))

    by_draw = [
        metrics.iou_per_category(torch.from_numpy(confusions[images].sum(0))) for images in drawn()
    ]
    assert of(found["miou"]) == pytest.approx(between([metrics.mean_iou(iou) for iou in by_draw]))
    assert of(found["iou.car"]) == pytest.approx(between([iou[2] for iou in by_draw]))
    scored = [metrics.mean_iou([iou[0], iou[2]]) for iou in by_draw]
    assert of(found["miou_of_scored"]) == pytest.approx(between(scored))
    assert "iou.nowhere" not in found


def test_labels_as_of_the_metrics_of_the_images_of_each_draw() -> None:
    random = np.random.default_rng(2)
    scores = random.integers(0, 6, (IMAGES, 4)).astype(float)  # many are alike
    truth = random.integers(-1, 2, (IMAGES, 4))
    predicted = scores > 2
    clicks = random.integers(0, 3, (IMAGES, 4))
    hits = np.minimum(clicks, random.integers(0, 3, (IMAGES, 4)))

    found = intervals.label_intervals(scores, predicted, truth, clicks, hits)

    f1, precision, accuracy, score = [], [], [], []
    for images in drawn():
        t = torch.from_numpy(truth[images])
        f1.append(metrics.f1(torch.from_numpy(predicted[images]), t))
        precision.append(metrics.mean_average_precision(torch.from_numpy(scores[images]), t))
        right, all_clicks = hits[images].sum(0), clicks[images].sum(0)
        accuracy.append(right.sum() / all_clicks.sum())
        balanced = metrics.mean_known(
            [r / c if c else None for r, c in zip(right, all_clicks, strict=True)]
        )
        tags = metrics.mean_known((f1[-1], precision[-1]))
        score.append(metrics.mean_known((tags, balanced)))
    assert of(found["presence_f1"]) == pytest.approx(between(f1))
    assert of(found["presence_average_precision"]) == pytest.approx(between(precision))
    assert of(found["point_accuracy"]) == pytest.approx(between(accuracy))
    assert of(found["weak_label_score"]) == pytest.approx(between(score))


def test_without_points_nothing_is_said_of_them() -> None:
    scores, truth = np.arange(8.0).reshape(4, 2), np.array([[0, 1], [1, 0], [0, 1], [1, 0]])
    found = intervals.presence_intervals(scores, scores > 3, truth)
    assert set(found) == {"presence_f1", "presence_average_precision"}
    none = np.zeros_like(truth)
    assert "point_accuracy" not in intervals.label_intervals(scores, scores > 3, truth, none, none)
