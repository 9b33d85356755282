import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.method.losses.overlap import overlap_loss


def one_minus_iou(predicted: Tensor, masks: Tensor, category: int) -> float:
    known = masks >= 0
    there, found = (masks == category) & known, (predicted == category) & known
    return 1 - ((there & found).sum() / (there | found).sum()).item()


def slow(logits: Tensor, masks: Tensor) -> float:
    """The Lovász extension by its definition: pixel by pixel, the set of the wrong ones grows."""
    losses = []
    for of_image, mask in zip(logits.softmax(1), masks, strict=True):
        known = (mask >= 0).flatten()
        for category, p in enumerate(of_image):
            truth = (mask == category).flatten()[known]
            if not truth.any():
                continue
            errors = (truth.double() - p.flatten()[known].double()).abs()
            loss, before, wrong = 0.0, 0.0, torch.zeros_like(truth)
            for pixel in errors.argsort(descending=True).tolist():
                wrong[pixel] = True
                intersection = (truth & ~wrong).sum().item()
                union = (truth | wrong).sum().item()
                loss += errors[pixel].item() * (1 - intersection / union - before)
                before = 1 - intersection / union
            losses.append(loss)
    return sum(losses) / len(losses) if losses else 0.0


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(0, 9999))
def test_it_is_the_extension_of_the_jaccard_loss(
    images: int, categories: int, side: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(images, categories, side, side, generator=generator).double()
    masks = torch.randint(-1, categories, (images, side, side), generator=generator)
    assert overlap_loss(logits, masks).item() == pytest.approx(slow(logits, masks))


@settings(max_examples=25)
@given(st.integers(2, 4), st.integers(2, 5), st.integers(0, 9999))
def test_of_a_sure_network_it_is_one_minus_the_iou(categories: int, side: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    predicted = torch.randint(0, categories, (1, side, side), generator=generator)
    masks = torch.randint(-1, categories, (1, side, side), generator=generator)
    sure = 1000.0 * torch.nn.functional.one_hot(predicted, categories).movedim(-1, 1)
    there = [each for each in range(categories) if (masks == each).any()]
    expected = sum(one_minus_iou(predicted, masks, each) for each in there) / max(len(there), 1)
    assert overlap_loss(sure, masks).item() == pytest.approx(expected, abs=1e-6)
