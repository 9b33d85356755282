import numpy as np
import pytest

from trainer.data.presence import area_fractions, presence_thresholds
from trainer.data.splits import held_out


def test_fractions_are_of_the_valid_pixels() -> None:
    mask = np.array([[0, 0, 1, -1, -1, 0]], np.int16)
    assert area_fractions(mask, 3).tolist() == [0.75, 0.25, 0]
    assert area_fractions(np.full((2, 2), -1, np.int16), 3).tolist() == [0, 0, 0]


def test_thresholds_are_a_fixed_point_that_drops_stray_pixels() -> None:
    fractions = np.array([[0.5, 0.0], [0.3, 0.0], [0.01, 0.0]])
    # All three: 0.1 * 0.27 = 0.027 drops the last; then 0.1 * 0.4 = 0.04 changes nothing more.
    assert presence_thresholds(fractions).tolist() == pytest.approx([0.04, 0])


def test_a_tenth_is_held_out_by_name_alone() -> None:
    names = [f"image-{number}" for number in range(40)]
    chosen = held_out(names)
    assert len(chosen) == 4
    assert held_out(names[::-1]) == chosen
    assert held_out(names[:19]) == frozenset()
