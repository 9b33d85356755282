import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.trainer.method import reference
from trainer.method.losses.presence import (
    absent_loss,
    adjusted_scores,
    log_other,
    presence_loss,
    pseudo_presence,
    smooth_maximum,
)


@st.composite
def logits_and_presence(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    images, categories = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    height, width = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    shape = (images, categories, height, width)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64) * 3
    presence = draw(
        st.lists(
            st.lists(st.sampled_from((1.0, 0.0, -1.0)), min_size=categories, max_size=categories),
            min_size=images,
            max_size=images,
        )
    )
    return logits, torch.tensor(presence, dtype=torch.float64)


def absent_everywhere(presence_BC: Tensor) -> Tensor:
    return (presence_BC == 0).to(presence_BC.dtype)[..., None, None]


def test_smooth_maximum_of_hand_computed_logits() -> None:
    logits = torch.tensor([[[[0.0, math.log(3)]]]])
    assert smooth_maximum(logits).item() == pytest.approx(math.log((1 + 3) / 2))
    assert smooth_maximum(logits, sharpness=2).item() == pytest.approx(math.log((1 + 9) / 2) / 2)


def test_smooth_maximum_approaches_the_maximum_and_stays_finite() -> None:
    logits = torch.tensor([[[[-300.0, 5.0, 700.0]]]])
    assert smooth_maximum(logits, sharpness=100).item() == pytest.approx(700, abs=0.02)


def test_presence_loss_of_hand_computed_scores() -> None:
    scores = torch.tensor([[0.0, math.log(3)], [5.0, math.log(3)]])
    presence = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
    expected = (math.log(2) + math.log(4) + math.log(4 / 3)) / 3
    assert presence_loss(scores, presence).item() == pytest.approx(expected)


def test_adjusted_scores_add_the_log_odds_of_the_share_of_images() -> None:
    scores = torch.tensor([[[1.0, 0.0, -2.0]]])
    adjusted = adjusted_scores(scores, torch.tensor([0.5, 0.9, 0.25]), 1.0)
    expected = [1.0, math.log(9), -2 - math.log(3)]
    assert adjusted.flatten().tolist() == pytest.approx(expected, rel=1e-5)
    # Of all or none a sample says no more than that it is many or few.
    certain = adjusted_scores(scores, torch.tensor([1.0, 0.0, 0.5]), 1.0).flatten()
    assert certain.tolist() == pytest.approx([1 + math.log(99), -math.log(99), -2], rel=1e-4)


def test_presence_loss_of_a_certain_wrong_score_keeps_its_gradient() -> None:
    scores = torch.tensor([[-200.0]], requires_grad=True)
    loss = presence_loss(scores, torch.tensor([[1.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(200)
    assert scores.grad is not None
    assert scores.grad.item() == pytest.approx(-1)


def test_what_was_not_asked_gets_exactly_no_gradient() -> None:
    scores = torch.tensor([[3.0, -2.0, 1.0]], requires_grad=True)
    presence_loss(scores, torch.tensor([[-1.0, 1.0, -1.0]])).backward()
    assert scores.grad is not None
    assert scores.grad[0, 0] == 0
    assert scores.grad[0, 2] == 0
    assert scores.grad[0, 1] < 0


def test_pseudo_presence_is_above_the_threshold_and_carries_no_gradient() -> None:
    scores = torch.logit(torch.tensor([[0.1, 0.2, 0.21, 0.9]])).requires_grad_()
    presence = pseudo_presence(scores, 0.2)
    assert presence[:, [0, 2, 3]].tolist() == [[0, 1, 1]]
    assert not presence.requires_grad


def test_absent_loss_of_hand_computed_logits() -> None:
    logits = torch.log(torch.tensor([[[[1.0]], [[2.0]], [[5.0]]]]))
    presence = torch.tensor([[0.0, 0.0, 1.0]])
    expected = (-math.log(1 - 1 / 8) - math.log(1 - 2 / 8)) / 2
    assert absent_loss(logits, absent_everywhere(presence)).item() == pytest.approx(expected)


def test_absent_loss_stays_exact_where_the_absent_category_is_certain() -> None:
    logits = torch.tensor([[[[100.0]], [[0.0]]]], requires_grad=True)
    loss = absent_loss(logits, absent_everywhere(torch.tensor([[0.0, 1.0]])))
    loss.backward()
    assert loss.item() == pytest.approx(100)
    assert logits.grad is not None
    assert logits.grad.flatten().tolist() == pytest.approx([1, -1])


@settings(max_examples=25, deadline=None)
@given(logits_and_presence(), st.floats(0.2, 5))
def test_losses_match_the_reference(drawn: tuple[Tensor, Tensor], sharpness: float) -> None:
    logits, presence = drawn
    logits.requires_grad_()
    scores = smooth_maximum(logits, sharpness)
    expected = [[reference.gpool(grid, sharpness) for grid in image] for image in logits.tolist()]
    torch.testing.assert_close(scores, torch.tensor(expected, dtype=torch.float64))
    loss = presence_loss(scores, presence)
    assert loss.item() == pytest.approx(reference.presence_loss(expected, presence.tolist()))
    negative = absent_loss(logits, absent_everywhere(presence))
    assert negative.item() == pytest.approx(
        reference.absent_loss(logits.tolist(), presence.tolist())
    )
    (loss + negative).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_empty_presence_gives_zero_and_zero_gradients() -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    nothing = torch.full((2, 3), -1.0)
    loss = presence_loss(smooth_maximum(logits), nothing) + absent_loss(
        logits, absent_everywhere(nothing)
    )
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_absence_counts_only_where_it_is_known() -> None:
    logits = torch.log(torch.tensor([[[[1.0, 4.0]], [[3.0, 4.0]]]])).requires_grad_()
    absent = torch.tensor([[[[1.0, 0.25]], [[0.0, 0.0]]]])
    loss = absent_loss(logits, absent)
    assert loss.item() == pytest.approx((-math.log(3 / 4) - 0.25 * math.log(1 / 2)) / 1.25)
    only_left = torch.tensor([[[[1.0, 0.0]], [[0.0, 0.0]]]])
    absent_loss(logits, only_left).backward()
    assert logits.grad is not None
    assert not logits.grad[..., 1].any()
    assert logits.grad[..., 0].all()


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.floats(0.1, 30), st.integers(0, 10_000))
def test_log_other_is_that_of_the_summed_others(categories: int, scale: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(1, categories, 2, 3, generator=generator, dtype=torch.float64)
    expected = torch.stack(
        [torch.cat([logits[:, :c], logits[:, c + 1 :]], 1).logsumexp(1) for c in range(categories)],
        dim=1,
    ) - logits.logsumexp(1, keepdim=True)
    torch.testing.assert_close(log_other(logits), expected, rtol=1e-9, atol=1e-12)
    single = log_other(logits.float()).double()
    torch.testing.assert_close(single, expected, rtol=1e-4, atol=1e-6)
