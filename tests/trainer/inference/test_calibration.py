import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.trainer.conftest import shape_with
from trainer.inference.calibration import fit_presence, presence_probabilities
from trainer.models.segmenter import SegmenterShape


def shape(scale: float = 1.0, offsets: tuple[float, ...] = ()) -> SegmenterShape:
    return shape_with(presence_scale=scale, presence_offsets=offsets)


def unlikeliness(
    scores: torch.Tensor, presence: torch.Tensor, scale: float, offsets: object
) -> float:
    logits = scale * scores.double() + torch.tensor(offsets, dtype=torch.float64)
    loss = F.binary_cross_entropy_with_logits(
        logits, presence.clamp(min=0).double(), reduction="none"
    )
    return loss[presence >= 0].sum().item()


def test_probabilities_are_the_sigmoid_of_the_calibrated_scores() -> None:
    scores = torch.tensor([[0.0, 2.0], [-1.0, 0.0]])
    torch.testing.assert_close(presence_probabilities(shape(), scores), scores.sigmoid())
    torch.testing.assert_close(
        presence_probabilities(shape(2, (1, -1)), scores),
        torch.tensor([[1.0, 3.0], [-1.0, -1.0]]).sigmoid(),
    )


def test_a_known_scale_and_known_offsets_are_found_again() -> None:
    random = np.random.default_rng(0)
    scores = torch.from_numpy(random.normal(0, 4, (4000, 3)))
    true_scale, true_offsets = 0.6, (1.5, 0.0, -1.0)
    p = (true_scale * scores + torch.tensor(true_offsets)).sigmoid()
    presence = torch.from_numpy((random.random((4000, 3)) < p.numpy()).astype(np.float32))
    presence[random.random((4000, 3)) < 0.3] = -1
    scale, offsets = fit_presence(scores, presence)
    assert scale == pytest.approx(true_scale, abs=0.03)
    assert offsets == pytest.approx(true_offsets, abs=0.15)
    assert fit_presence(scores, presence) == (scale, offsets)


def test_nothing_asked_is_the_identity() -> None:
    scale, offsets = fit_presence(torch.randn(5, 2), torch.full((5, 2), -1.0))
    assert (scale, offsets) == (1, (0, 0))
    assert fit_presence(torch.zeros(0, 2), torch.zeros(0, 2)) == (1, (0, 0))


def test_a_category_with_few_answers_keeps_close_to_what_all_share() -> None:
    random = np.random.default_rng(1)
    scores = torch.from_numpy(random.normal(0, 2, (500, 3)))
    presence = torch.from_numpy((random.random((500, 3)) < (scores + 3).sigmoid().numpy()) * 1.0)
    presence[2:, 2] = -1
    _, offsets = fit_presence(scores, presence)
    assert offsets[:2] == pytest.approx((3, 3), abs=0.6)
    assert abs(offsets[2] - sum(offsets[:2]) / 2) < 1


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_answers_give_a_finite_calibration_that_fits_no_worse(data: st.DataObject) -> None:
    size = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 3)))
    scores = torch.from_numpy(
        data.draw(arrays.arrays(np.float32, size, elements=st.floats(-60, 60, width=32)))
    )
    presence = torch.from_numpy(
        data.draw(arrays.arrays(np.float32, size, elements=st.sampled_from([-1.0, 0.0, 1.0])))
    )
    scale, offsets = fit_presence(scores, presence)
    assert 0 < scale < 1e3
    assert all(abs(offset) < 100 for offset in offsets)
    before = unlikeliness(scores, presence, 1, (0,) * size[1])
    assert unlikeliness(scores, presence, scale, offsets) <= before + 1e-6
