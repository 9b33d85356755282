import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.data.sampling import (
    Epochs,
    RareCategories,
    half_labelled,
    positions_of,
    rare_category_probabilities,
)


def test_every_epoch_takes_each_image_once() -> None:
    order = Epochs(5, (0, 1))
    taken = np.concatenate([order(positions_of(number, 2)) for number in range(10)])
    for epoch in range(4):
        assert sorted(taken[epoch * 5 : epoch * 5 + 5]) == [0, 1, 2, 3, 4]
    assert not np.array_equal(taken[:5], taken[5:10])
    assert np.array_equal(order(positions_of(7, 2)), taken[14:16])


def test_rare_categories_are_drawn_by_daformers_rule() -> None:
    # exp((1 - f) / 0.5) of f = 0.5 and 0: e^1 and e^2; the third category is nowhere.
    probabilities = rare_category_probabilities(
        np.array([0.5, 0.0, 0.0]), 0.5, np.array([True, True, False])
    )
    assert probabilities.tolist() == pytest.approx([1 / (1 + np.e), np.e / (1 + np.e), 0])
    with pytest.raises(ValueError, match="no category is present"):
        rare_category_probabilities(np.zeros(2), 1.0, np.array([False, False]))


def test_a_low_temperature_does_not_overflow() -> None:
    probabilities = rare_category_probabilities(np.array([0.9, 0.1]), 1e-4, np.array([True, True]))
    assert probabilities.tolist() == pytest.approx([0, 1])


def test_an_image_is_drawn_for_a_category_that_it_shows() -> None:
    present_NC = np.array([[1, 0], [1, 0], [1, 0], [1, 1], [0, 0]], bool)
    order = RareCategories(present_NC, np.array([0.9, 0.01]), 0.5, (7,))
    drawn = order(np.arange(2000))
    assert set(drawn) == {0, 1, 2, 3}
    assert (drawn == 3).mean() > 0.8
    assert np.array_equal(order(np.arange(100, 120)), drawn[100:120])
    assert not np.array_equal(
        RareCategories(present_NC, np.zeros(2), 1.0, (8,))(np.arange(50)),
        RareCategories(present_NC, np.zeros(2), 1.0, (7,))(np.arange(50)),
    )


def test_how_often_a_category_is_drawn_is_its_probability() -> None:
    present_NC = np.eye(3, dtype=bool)
    order = RareCategories(present_NC, np.array([0.7, 0.2, 0.1]), 0.5, (0,))
    shares = np.bincount(order(np.arange(4000)), minlength=3) / 4000
    assert np.abs(shares - order.probabilities).max() < 0.03


@settings(deadline=None)
@given(
    labelled=st.integers(0, 9),
    unlabelled=st.integers(0, 9),
    size=st.integers(1, 5),
    number=st.integers(0, 50),
)
def test_half_of_a_batch_is_labelled(
    labelled: int, unlabelled: int, size: int, number: int
) -> None:
    if not labelled + unlabelled:
        return
    labelled_N = np.arange(labelled + unlabelled) < labelled
    batch = half_labelled(labelled_N, size, seed=1)(positions_of(number, size))
    assert len(batch) == size
    of_labelled = int(labelled_N[batch].sum())
    if labelled and unlabelled:
        assert of_labelled >= size / 2
        assert of_labelled == size or of_labelled >= size * labelled / (labelled + unlabelled) - 1
    else:
        assert of_labelled == (size if labelled else 0)


def test_parts_of_a_batch_are_the_batch() -> None:
    order = half_labelled(np.arange(10) < 3, 4, seed=0)
    whole = order(positions_of(6, 4))
    parts = [order(positions_of(6, 4, (part, 2))) for part in (0, 1)]
    assert np.array_equal(np.stack(parts, 1).ravel(), whole)
