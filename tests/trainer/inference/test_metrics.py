from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trainer.contract import ReliabilityBin
from trainer.inference.metrics import (
    accuracy_per_category,
    balanced,
    calibration_error,
    confusion,
    f1,
    iou_per_category,
    mean_average_precision,
    mean_known,
    reliability,
)


def test_iou_of_hand_counted_pixels() -> None:
    truth = torch.tensor([[0, 0, 1, 1, -1, 0]])
    predicted = torch.tensor([[0, 1, 1, 1, 0, 2]])
    counts = confusion(predicted, truth, 4)
    assert counts.tolist() == [[1, 1, 1, 0], [0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    iou = iou_per_category(counts)
    assert iou == [pytest.approx(1 / 3), pytest.approx(2 / 3), None, None]
    assert mean_known(iou) == pytest.approx(0.5)
    assert mean_known([None]) is None
    assert accuracy_per_category(counts) == [pytest.approx(1 / 3), 1.0, None, None]


@given(
    arrays.arrays(
        np.int16,
        st.tuples(st.integers(0, 5), st.integers(0, 5)),
        elements={"min_value": -1, "max_value": 3},
    ),
    st.randoms(use_true_random=False),
)
def test_confusion_counts_as_a_loop_does(truth: np.ndarray, random: object) -> None:
    predicted = np.array([random.randrange(4) for _ in range(truth.size)]).reshape(truth.shape)  # type: ignore[attr-defined]
    expected = np.zeros((4, 4), int)
    for row, column in zip(truth.flat, predicted.flat, strict=True):
        if row >= 0:
            expected[row, column] += 1
    counted = confusion(torch.from_numpy(predicted), torch.from_numpy(truth), 4)
    assert (counted.numpy() == expected).all()


def test_f1_leaves_out_what_was_not_asked() -> None:
    truth = torch.tensor([[1, 1, 0, -1]])
    assert f1(torch.tensor([[True, False, True, True]]), truth) == pytest.approx(0.5)
    assert f1(torch.tensor([[False]]), torch.tensor([[0]])) is None


def test_average_precision_of_a_hand_made_ranking() -> None:
    # Ranked: present, absent, present; the unasked 0.95 does not count.
    scores = torch.tensor([[0.9], [0.95], [0.8], [0.7]])
    truth = torch.tensor([[1], [-1], [0], [1]])
    assert mean_average_precision(scores, truth) == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_a_category_that_is_always_or_never_there_has_no_average_precision() -> None:
    scores = torch.rand(3, 3)
    truth = torch.tensor([[1, 0, 1], [1, 0, -1], [1, 0, 1]])
    assert mean_average_precision(scores, truth) is None
    assert mean_average_precision(torch.zeros(0, 3), torch.zeros(0, 3)) is None


def slow_average_precision(scores: Sequence[float], truth: Sequence[int]) -> float:
    """Precision and recall at every threshold, counted anew each time."""
    total, recall_before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        chosen = [t for s, t in zip(scores, truth, strict=True) if s >= threshold]
        recall = sum(chosen) / sum(truth)
        total += (recall - recall_before) * sum(chosen) / len(chosen)
        recall_before = recall
    return total


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), min_size=2, max_size=12))
def test_average_precision_is_that_of_all_thresholds(pairs: list[tuple[int, int]]) -> None:
    scores, truth = [float(s) for s, _ in pairs], [t for _, t in pairs]
    found = mean_average_precision(torch.tensor(scores)[:, None], torch.tensor(truth)[:, None])
    if 0 < sum(truth) < len(truth):
        assert found == pytest.approx(slow_average_precision(scores, truth))
    else:
        assert found is None


def test_reliability_of_hand_made_probabilities() -> None:
    probabilities = torch.tensor([[0.1, 0.3, 1.0], [0.9, 0.8, 0.5]])
    truth = torch.tensor([[0, 1, 1], [1, 0, -1]])
    low, high = reliability(probabilities, truth, bins=2)
    assert (low.count, high.count) == (2, 3)
    assert (low.confidence, low.frequency) == (pytest.approx(0.2), 0.5)
    assert (high.confidence, high.frequency) == (pytest.approx(0.9), pytest.approx(2 / 3))
    assert calibration_error([low, high]) == pytest.approx((2 * 0.3 + 3 * (0.9 - 2 / 3)) / 5)
    assert reliability(probabilities, torch.full((2, 3), -1)) == ()
    assert calibration_error([]) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([-1, 0, 1])), max_size=20))
def test_every_asked_probability_is_in_its_interval(pairs: list[tuple[float, int]]) -> None:
    probabilities = torch.tensor([p for p, _ in pairs], dtype=torch.float64)
    truth = torch.tensor([t for _, t in pairs])
    bins = reliability(probabilities, truth)
    assert sum(each.count for each in bins) == sum(t >= 0 for _, t in pairs)
    assert all(isinstance(each, ReliabilityBin) for each in bins)
    assert [each.confidence for each in bins] == sorted(each.confidence for each in bins)


def test_balanced_counts_weigh_every_category_alike() -> None:
    points = torch.tensor([[6, 2, 0], [1, 1, 0], [0, 0, 0]])
    shares = balanced(points)
    assert shares.tolist() == [[0.75, 0.25, 0], [0.5, 0.5, 0], [0, 0, 0]]
    assert iou_per_category(shares) == [0.75 / 1.5, 0.5 / 1.25, None]
    assert accuracy_per_category(shares) == accuracy_per_category(points)
