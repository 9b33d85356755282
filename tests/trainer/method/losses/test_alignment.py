import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.method import reference
from trainer.method.losses.alignment import (
    SOURCE,
    TARGET,
    category_domain_loss,
    category_pool,
    domain_loss,
)


def test_category_pool_of_hand_computed_attention() -> None:
    logits = torch.log(torch.tensor([[[[1.0, 3.0]], [[1.0, 1.0]]]]))
    features = torch.tensor([[[[4.0, 8.0]]]])
    pooled = category_pool(logits, features)
    assert pooled.flatten().tolist() == pytest.approx([0.25 * 4 + 0.75 * 8, 6])


def test_no_gradient_flows_through_the_attention() -> None:
    logits = torch.randn(2, 3, 4, 5, requires_grad=True)
    features = torch.randn(2, 6, 4, 5, requires_grad=True)
    category_pool(logits, features).square().sum().backward()
    assert logits.grad is None
    assert features.grad is not None
    assert features.grad.any()


def test_domain_loss_of_hand_computed_logits() -> None:
    logits = torch.tensor([[[[0.0, math.log(3)]]]])
    assert domain_loss(logits, TARGET).item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)
    assert domain_loss(logits, SOURCE).item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_category_domain_loss_is_a_mean_over_categories_and_then_over_images() -> None:
    logits = torch.tensor([[0.0, math.log(3), 9.0], [math.log(3), 9.0, 9.0], [9.0, 9.0, 9.0]])
    presence = torch.tensor([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [0.0, -1.0, 0.0]])
    expected = ((math.log(2) + math.log(4)) / 2 + math.log(4) + 0) / 3
    assert category_domain_loss(logits, SOURCE, presence).item() == pytest.approx(expected)


def test_absent_and_unasked_categories_get_exactly_no_gradient() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    presence = torch.tensor([[1.0, 0.0, -1.0], [0.0, 0.0, -1.0]])
    category_domain_loss(logits, TARGET, presence).backward()
    assert logits.grad is not None
    assert (logits.grad != 0).tolist() == [[True, False, False], [False, False, False]]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(0, 9999)
)
def test_losses_match_the_reference(
    images: int, categories: int, channels: int, side: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64) * 2

    logits, features = normal(images, categories, side, 2), normal(images, channels, side, 2)
    expected = reference.catpool(logits.tolist(), features.tolist())
    pooled = category_pool(logits, features)
    torch.testing.assert_close(pooled, torch.tensor(expected, dtype=torch.float64))
    domain_logits = normal(images, categories)
    presence = torch.randint(-1, 2, (images, categories), generator=generator).double()
    for domain in (SOURCE, TARGET):
        assert category_domain_loss(domain_logits, domain, presence).item() == pytest.approx(
            reference.masked_domain_loss(domain_logits.tolist(), domain, presence.tolist())
        )
