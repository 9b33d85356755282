import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainer.method import reference
from trainer.method.losses.overlap import overlap_loss
from trainer.method.losses.pixels import (
    ABSENT_SHARE,
    adjusted_logits,
    mask_loss,
    point_loss,
    pseudo_masks,
    resize_logits,
    sample_logits,
    self_training_loss,
    thinned,
)


def test_mask_loss_counts_pixels_that_are_not_void() -> None:
    logits = torch.log(torch.tensor([[[[1.0, 1.0, 7.0]], [[1.0, 3.0, 1.0]]]]))
    masks = torch.tensor([[[0, 1, -1]]])
    assert mask_loss(logits, masks).item() == pytest.approx((math.log(2) + math.log(4 / 3)) / 2)


def test_adjusted_logits_answer_for_a_world_of_other_frequencies() -> None:
    # By Bayes: where the frequencies are these, p(c | pixel) is proportional to them.
    balanced = torch.tensor([0.2, 0.5, 0.3])
    frequencies = torch.tensor([0.7, 0.1, 0.2])
    logits = balanced.log()[None, :, None, None].expand(1, 3, 2, 2)
    expected = balanced * frequencies / (balanced * frequencies).sum()
    torch.testing.assert_close(
        adjusted_logits(logits, frequencies, 1).softmax(1)[0, :, 1, 0], expected
    )
    torch.testing.assert_close(adjusted_logits(logits, frequencies, 0), logits)
    assert adjusted_logits(logits, torch.tensor([1.0, 0.0, 0.0]), 0.5).isfinite().all()


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1, 2, 4, 8]))
def test_thinned_masks_are_what_a_resized_one_has_at_the_centres_of_its_cells(
    height: int, width: int, stride: int
) -> None:
    masks = torch.arange(height * width).reshape(1, height, width)
    size = [max(height // stride, 1), max(width // stride, 1)]
    resized = torch.nn.functional.interpolate(masks[None].double(), size, mode="nearest-exact")
    assert torch.equal(thinned(masks, stride), resized[0].long())


@pytest.mark.parametrize("loss_of", [mask_loss, overlap_loss])
def test_masks_of_void_alone_are_zero_and_teach_nothing(
    loss_of: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> None:
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = loss_of(logits, torch.full((1, 2, 2), -1))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_point_loss_is_a_mean_over_the_points_of_all_images() -> None:
    logits = torch.log(torch.tensor([[[[1.0]], [[1.0]]], [[[3.0]], [[1.0]]]]))
    points = torch.tensor([[0, 0, 0.5, 0.5], [1, 0, 0.1, 0.9], [1, 1, 0.9, 0.1]])
    expected = (math.log(2) + math.log(4 / 3) + math.log(4)) / 3
    assert point_loss(logits, points).item() == pytest.approx(expected)


def test_point_loss_without_points_is_zero() -> None:
    logits = torch.randn(2, 3, 2, 2, requires_grad=True)
    loss = point_loss(logits, torch.zeros(0, 4))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_only_images_with_points_get_a_gradient() -> None:
    logits = torch.randn(3, 2, 4, 4, requires_grad=True)
    point_loss(logits, torch.tensor([[1, 0, 0.3, 0.7]])).backward()
    assert logits.grad is not None
    assert logits.grad.flatten(1).any(1).tolist() == [False, True, False]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.integers(0, 9999)
)
def test_point_loss_reads_the_resized_logits_at_the_clicked_pixel(
    images: int, categories: int, height: int, width: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, categories, height, width, generator=generator).double()
    scale = 6
    resized = resize_logits(logits, (height * scale, width * scale))
    points, expected = [], []
    for _ in range(5):
        image = int(torch.randint(images, (), generator=generator))
        category = int(torch.randint(categories, (), generator=generator))
        row = int(torch.randint(height * scale, (), generator=generator))
        column = int(torch.randint(width * scale, (), generator=generator))
        x, y = (column + 0.5) / (width * scale), (row + 0.5) / (height * scale)
        points.append([image, category, x, y])
        expected.append(resized[image, :, row, column])
    at_points = torch.tensor(points, dtype=torch.float64)
    torch.testing.assert_close(sample_logits(logits, at_points), torch.stack(expected))
    losses = [
        reference.cross_entropy(pixel.tolist(), int(point[1]))
        for pixel, point in zip(expected, points, strict=True)
    ]
    assert point_loss(logits, at_points).item() == pytest.approx(sum(losses) / len(losses))


def test_a_pseudo_mask_keeps_little_of_what_is_absent() -> None:
    p = torch.tensor([0.6, 0.3, 0.1])
    logits = p.log()[None, :, None, None].expand(1, 3, 2, 2)
    absent = torch.tensor([[1.0, 0.0, 0.0]])[..., None, None]
    in_the_corner = torch.tensor([[0, 2, 0.0, 0.0]])
    masks, sureness = pseudo_masks(logits, absent, in_the_corner, (4, 6))
    assert masks.shape == sureness.shape == (1, 4, 6)
    assert (masks[:, 2:] == 1).all()
    expected = 0.3 / (0.6 * ABSENT_SHARE + 0.3 + 0.1)
    assert sureness[:, 2:].flatten().tolist() == [pytest.approx(expected)] * 12


def test_an_image_without_points_teaches_nothing() -> None:
    logits = torch.randn(3, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    points = torch.tensor([[1, 0, 0.5, 0.5]])
    _, sureness = pseudo_masks(logits, torch.zeros(3, 2, 1, 1), points, (4, 4))
    assert sureness.flatten(1).any(1).tolist() == [False, True, False]


def test_a_category_that_is_nearly_certain_may_be_tiny_and_missed_by_the_tag() -> None:
    logits = torch.tensor([0.99999, 0.00001]).log()[None, :, None, None]
    absent = torch.tensor([[1.0, 0.0]])[..., None, None]
    masks, _ = pseudo_masks(logits, absent, torch.zeros(0, 4), (1, 1))
    assert masks.item() == 0


def test_clicked_pixels_and_their_neighbours_are_what_was_clicked() -> None:
    logits = torch.tensor([5.0, 0.0, 0.0])[None, :, None, None].expand(2, 3, 4, 5)
    points = torch.tensor([[1, 2, 2.5 / 10, 4.5 / 8], [0, 1, 9.9 / 10, 0.1 / 8]])
    masks, sureness = pseudo_masks(logits, torch.zeros(2, 3, 1, 1), points, (8, 10))
    assert (masks[1, 3:6, 1:4] == 2).all()
    assert (masks[1] == 2).sum() == 9
    assert (masks[0, :2, 8:] == 1).all()
    assert (masks[0] == 1).sum() == 4
    assert (sureness[1, 3:6, 1:4] == 1).all()
    assert (sureness[1, 0] < 1).all()


def test_self_training_counts_each_pixel_by_its_sureness() -> None:
    logits = torch.log(torch.tensor([[[[1.0, 1.0]], [[1.0, 3.0]]]])).requires_grad_()
    masks, sureness = torch.tensor([[[0, 1]]]), torch.tensor([[[0.5, 0.0]]])
    loss = self_training_loss(logits, masks, sureness)
    loss.backward()
    assert loss.item() == pytest.approx(0.5 * math.log(2) / 2)
    assert logits.grad is not None
    assert not logits.grad[..., 1].any()
