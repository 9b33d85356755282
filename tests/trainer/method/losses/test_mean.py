import pytest
import torch

from trainer.method.losses.mean import masked_mean, mean_of


def test_a_mean_of_nothing_is_zero_with_zero_gradient() -> None:
    values = torch.tensor([1.0, 2.0], requires_grad=True)
    mean = masked_mean(values, torch.tensor([False, False]))
    mean.backward()  # type: ignore[no-untyped-call]
    assert mean.item() == 0
    assert values.grad is not None
    assert not values.grad.any()


def test_only_what_is_counted_has_a_part_in_the_mean() -> None:
    values = torch.tensor([1.0, float("inf"), 5.0], requires_grad=True)
    mean = masked_mean(values, torch.tensor([True, False, True]))
    mean.backward()  # type: ignore[no-untyped-call]
    assert mean.item() == 3
    assert values.grad is not None
    assert values.grad.tolist() == [0.5, 0, 0.5]


def test_a_count_below_one_is_not_divided_by() -> None:
    assert mean_of(torch.tensor(0.0), torch.tensor(0)).item() == 0
    assert mean_of(torch.tensor(6.0), torch.tensor(3)).item() == pytest.approx(2)
