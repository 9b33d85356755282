import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainer.data.presence import area_fractions, presence_thresholds, tile_area_fractions
from trainer.data.splits import held_out, held_out_of_each


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


def slow_tile_fractions(
    mask: NDArray[np.int16], categories: int, grid: tuple[int, int]
) -> list[list[list[float]]]:
    counts: dict[tuple[int, int], list[int]] = {}
    (height, width), (rows, columns) = mask.shape, grid
    for row in range(height):
        for column in range(width):
            tile = int((row + 0.5) / height * rows), int((column + 0.5) / width * columns)
            if mask[row, column] >= 0:
                counts.setdefault(tile, [0] * categories)[mask[row, column]] += 1
    return [
        [
            [
                of_tile[category] / sum(of_tile) if (of_tile := counts.get((r, k))) else 0.0
                for k in range(columns)
            ]
            for r in range(rows)
        ]
        for category in range(categories)
    ]


@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_fractions_of_tiles(height: int, width: int, rows: int, columns: int, seed: int) -> None:
    mask = np.random.default_rng(seed).integers(-1, 3, (height, width)).astype(np.int16)
    fractions = tile_area_fractions(mask, 3, (rows, columns))
    assert fractions.shape == (3, rows, columns)
    np.testing.assert_allclose(fractions, slow_tile_fractions(mask, 3, (rows, columns)))


def test_one_tile_is_the_whole_mask() -> None:
    mask = np.random.default_rng(0).integers(-1, 3, (7, 5)).astype(np.int16)
    np.testing.assert_allclose(
        tile_area_fractions(mask, 3, (1, 1))[:, 0, 0], area_fractions(mask, 3)
    )


def test_a_tenth_of_each_category_is_held_out_and_of_a_rare_one_at_least_one() -> None:
    """200 images: all show the first category, 40 the second, 4 the third, 2 the fourth."""
    counts = (200, 40, 4, 2)
    presence = {
        f"{n}.png": np.array([n % 200 < counts[0], n < 40, 50 <= n < 54, 60 <= n < 62], np.int8)
        for n in range(200)
    }
    chosen = held_out_of_each(presence)
    shown = np.stack([presence[name] for name in chosen]).sum(0)
    assert len(chosen) == 20
    assert shown[1] >= 4
    assert shown[2] >= 1
    assert held_out_of_each(dict(reversed(presence.items()))) == chosen
    assert held_out_of_each({name: presence[name] for name in list(presence)[:19]}) == frozenset()


def test_a_category_that_is_not_asked_takes_no_image() -> None:
    presence = {f"{n}.png": np.array([1, -1], np.int8) for n in range(30)}
    assert held_out_of_each(presence) == held_out(presence)
