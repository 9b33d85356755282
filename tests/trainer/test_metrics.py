import pytest
import torch

from trainer.metrics import confusion, f1, iou_per_category, mean_iou
from trainer.schedule import poly


def test_iou_of_hand_counted_pixels() -> None:
    truth = torch.tensor([[0, 0, 1, 1, -1, 0]])
    predicted = torch.tensor([[0, 1, 1, 1, 0, 2]])
    counts = confusion(predicted, truth, 4)
    assert counts.tolist() == [[1, 1, 1, 0], [0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    iou = iou_per_category(counts)
    assert iou == [pytest.approx(1 / 3), pytest.approx(2 / 3), None, None]
    assert mean_iou(iou) == pytest.approx(0.5)
    assert mean_iou([None]) is None


def test_f1_leaves_out_what_was_not_asked() -> None:
    truth = torch.tensor([[1, 1, 0, -1]])
    assert f1(torch.tensor([[True, False, True, True]]), truth) == pytest.approx(0.5)
    assert f1(torch.tensor([[False]]), torch.tensor([[0]])) is None


def test_poly_falls_from_one_to_zero() -> None:
    assert poly(0, 10) == 1
    assert poly(5, 10) == pytest.approx(0.5**0.9)
    assert poly(10, 10) == 0
    assert poly(0, 0) == 1
