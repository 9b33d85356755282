import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from trainer.inference import masks
from trainer.inference.masks import predicted_categories
from trainer.method.losses.pixels import resize_logits


def one_mask(logits_Chw: object, width: int, height: int) -> list[list[int]]:
    (mask,) = predicted_categories(torch.tensor(logits_Chw).float()[None], (width, height))
    found: list[list[int]] = mask.tolist()
    return found


@pytest.mark.parametrize(
    ("width", "height"), [(15, 12), (7, 75), (3, 2), (5, 4), (10, 8), (83, 61), (400, 7)]
)
@pytest.mark.parametrize("at_once", [1, 700, masks.AT_ONCE])
def test_categories_are_the_largest_of_the_resized_logits(
    monkeypatch: pytest.MonkeyPatch, width: int, height: int, at_once: int
) -> None:
    monkeypatch.setattr(masks, "AT_ONCE", at_once)
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    expected = resize_logits(logits, (height, width)).argmax(1)
    for layout in (torch.contiguous_format, torch.channels_last):
        found = predicted_categories(logits.contiguous(memory_format=layout), (width, height))
        assert (found.shape, found.dtype) == ((2, height, width), torch.uint8)
        assert torch.equal(found.long(), expected)


def pixel_by_pixel(logits_Chw: NDArray[np.float32], width: int, height: int) -> NDArray[np.float64]:
    """(C, height, width) in double precision: centres lie in the middle of their share of pixels."""
    categories, rows, columns = logits_Chw.shape
    resized = np.empty((categories, height, width))
    for y, x in np.ndindex(height, width):
        down = min(max((y + 0.5) * rows / height - 0.5, 0), rows - 1)
        across = min(max((x + 0.5) * columns / width - 0.5, 0), columns - 1)
        top, left = int(down), int(across)
        bottom, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
        down, across = down - top, across - left
        corner = logits_Chw.astype(np.float64)
        above = corner[:, top, left] * (1 - across) + corner[:, top, right] * across
        below = corner[:, bottom, left] * (1 - across) + corner[:, bottom, right] * across
        resized[:, y, x] = above * (1 - down) + below * down
    return resized


few_values = st.integers(-2, 2).map(float)
any_values = st.floats(-100, 100, width=32)


@given(data=st.data(), values=st.sampled_from([few_values, any_values]))
def test_no_pixel_has_a_category_that_another_exceeds(
    data: st.DataObject, values: st.SearchStrategy[float]
) -> None:
    side = st.integers(1, 4)
    shape = data.draw(st.tuples(st.integers(1, 5), side, side))
    logits = data.draw(arrays(np.float32, shape, elements=values))
    height, width = (data.draw(st.integers(1, 6)) * length for length in shape[1:])
    height, width = height + data.draw(st.integers(0, 3)), width + data.draw(st.integers(0, 3))
    found = np.array(one_mask(logits, width, height))
    resized = pixel_by_pixel(logits, width, height)
    of_found = np.take_along_axis(resized, found[None], 0)[0]
    # Which of two that are equal but for rounding wins may depend on who rounds.
    assert (of_found >= resized.max(0) - 1e-6 * np.abs(logits).max(initial=1)).all()


def test_a_border_runs_where_two_logits_are_equal() -> None:
    # Centres at x = 1.5 and 5.5; 3 (1 - t) = t at t = 3/4, x = 4.5.
    assert one_mask([[[3, 0]], [[0, 1]]], 8, 2) == [[0, 0, 0, 0, 0, 1, 1, 1]] * 2


def test_a_category_that_wins_at_no_centre_may_win_between_them() -> None:
    # Centres at x = 3.5 and 11.5; 4 (1 - t) = 3 at x = 5.5, 4 t = 3 at x = 9.5.
    row = [0] * 6 + [2] * 4 + [1] * 6
    assert one_mask([[[4, 0]], [[0, 4]], [[3, 3]]], 16, 2) == [row] * 2


def test_the_first_of_equal_categories_wins() -> None:
    apart = [[0, 1], [2, 0]]
    assert one_mask([apart, apart], 9, 7) == [[0] * 9] * 7
    assert one_mask([[[-1, -1], [-1, -1]], apart, apart], 9, 7) == [[1] * 9] * 7
    assert one_mask([[[0, 0]], [[0, 1]], [[0, 1]]], 4, 2) == [[0, 1, 1, 1]] * 2


def test_there_may_be_256_categories() -> None:
    logits = np.zeros((256, 1, 2))
    logits[254, 0, 0] = logits[255, 0, 1] = 1
    assert one_mask(logits, 4, 2) == [[254, 254, 255, 255]] * 2
