import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.method.losses.alignment import category_pool
from trainer.method.losses.presence import smooth_maximum
from trainer.method.losses.regions import (
    absent_cells,
    region_pool,
    region_presence,
    region_scores,
    tile_pool,
    tile_shares,
    tile_smooth_maximum,
    tiles_of_cells,
)

GRIDS = st.tuples(st.integers(1, 4), st.integers(1, 4))
SIZES = st.tuples(st.integers(1, 7), st.integers(1, 7))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def share(cell: int, cells: int, tile: int, tiles: int) -> float:
    """Share of a cell in the mean over a tile, by their overlap."""
    low, high = tile * cells / tiles, (tile + 1) * cells / tiles
    return max(0.0, min(cell + 1, high) - max(cell, low)) / (high - low)


def test_a_cell_on_the_border_belongs_to_both_tiles() -> None:
    shares = tile_shares(3, 2, torch.zeros((), dtype=torch.float64))
    assert shares.tolist() == [pytest.approx([2 / 3, 1 / 3, 0]), pytest.approx([0, 1 / 3, 2 / 3])]


def test_tiles_of_an_even_grid_are_the_parts_by_themselves() -> None:
    logits, features = noise(2, 3, 4, 6), noise(2, 5, 4, 6, seed=1)
    scores = tile_smooth_maximum(logits, (2, 3), 1.5)
    pooled = tile_pool(logits, features, (2, 3))
    assert scores.shape == (2, 3, 2, 3)
    assert pooled.shape == (2, 2, 3, 3, 5)
    for row in range(2):
        for column in range(3):
            part = (..., slice(2 * row, 2 * row + 2), slice(2 * column, 2 * column + 2))
            torch.testing.assert_close(scores[:, :, row, column], smooth_maximum(logits[part], 1.5))
            torch.testing.assert_close(
                pooled[:, row, column], category_pool(logits[part], features[part])
            )


@settings(max_examples=25, deadline=None)
@given(SIZES, st.floats(0.3, 4))
def test_one_tile_is_the_whole_image(size: tuple[int, int], sharpness: float) -> None:
    logits, features = noise(1, 2, *size), noise(1, 3, *size, seed=1)
    torch.testing.assert_close(
        tile_smooth_maximum(logits, (1, 1), sharpness)[..., 0, 0],
        smooth_maximum(logits, sharpness),
    )
    torch.testing.assert_close(
        tile_pool(logits, features, (1, 1))[:, 0, 0], category_pool(logits, features)
    )


@settings(max_examples=25, deadline=None)
@given(SIZES, GRIDS, st.floats(0.3, 4))
def test_any_grid_matches_the_reference(
    size: tuple[int, int], grid: tuple[int, int], sharpness: float
) -> None:
    (height, width), (rows, columns) = size, grid
    logits, features = noise(1, 2, height, width), noise(1, 2, height, width, seed=1)
    scores = tile_smooth_maximum(logits, grid, sharpness)
    pooled = tile_pool(logits, features, grid)
    for row in range(rows):
        for column in range(columns):
            shares = {
                (y, x): share(y, height, row, rows) * share(x, width, column, columns)
                for y in range(height)
                for x in range(width)
            }
            for c in range(2):
                terms = {
                    at: part * math.exp(sharpness * logits[0, c][at].item())
                    for at, part in shares.items()
                }
                expected = math.log(sum(terms.values())) / sharpness
                assert scores[0, c, row, column].item() == pytest.approx(expected)
                weights = {
                    at: part * math.exp(logits[0, c][at].item()) for at, part in shares.items()
                }
                total = sum(weights.values())
                for e in range(2):
                    mean = sum(w / total * features[0, e][at].item() for at, w in weights.items())
                    assert pooled[0, row, column, c, e].item() == pytest.approx(mean)


def test_no_gradient_flows_through_the_attention_of_tiles() -> None:
    logits, features = noise(1, 2, 5, 4).requires_grad_(), noise(1, 3, 5, 4).requires_grad_()
    tile_pool(logits, features, (2, 3)).square().sum().backward()
    assert logits.grad is None
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_a_tile_score_learns_from_its_own_cells_alone() -> None:
    logits = noise(1, 1, 4, 4).requires_grad_()
    tile_smooth_maximum(logits, (2, 2), 1.0)[0, 0, 0, 1].backward()
    assert logits.grad is not None
    assert logits.grad[0, 0, :2, 2:].all()
    assert logits.grad.count_nonzero() == 4
    assert logits.grad.sum().item() == pytest.approx(1)


def test_tiles_spread_over_cells_by_their_shares() -> None:
    values = torch.tensor([[[[1.0, 0.0]]]])
    cells = tiles_of_cells(values, (2, 3))
    assert cells[0, 0].tolist() == [pytest.approx([1, 0.5, 0])] * 2


def test_regions_are_the_whole_image_and_then_its_tiles_row_by_row() -> None:
    logits, features = noise(1, 2, 4, 6), noise(1, 3, 4, 6, seed=1)
    whole = torch.tensor([[1.0, 0.0]])
    tiles = torch.tensor([[[[1.0, 0.0, -1.0]] * 2, [[0.0] * 3] * 2]])
    assert region_presence(whole, tiles)[0].T.tolist() == [[1, 1, 0, -1, 1, 0, -1], [0] * 7]
    scores, pooled = region_scores(logits, tiles, 1.5), region_pool(logits, features, tiles)
    assert torch.equal(scores[:, 0], smooth_maximum(logits, 1.5))
    assert torch.equal(
        scores[0, 1:].T.reshape(2, 2, 3), tile_smooth_maximum(logits, (2, 3), 1.5)[0]
    )
    assert torch.equal(pooled[:, 0], category_pool(logits, features))
    assert torch.equal(pooled[0, 5], tile_pool(logits, features, (2, 3))[0, 1, 1])


def test_without_tiles_the_whole_image_is_the_only_region() -> None:
    logits, features = noise(1, 2, 4, 6), noise(1, 3, 4, 6, seed=1)
    whole = torch.tensor([[1.0, 0.0]])
    assert region_presence(whole, None).tolist() == [[[1, 0]]]
    assert torch.equal(region_scores(logits, None, 1.5)[:, 0], smooth_maximum(logits, 1.5))
    assert torch.equal(region_pool(logits, features, None)[:, 0], category_pool(logits, features))


def test_a_category_is_absent_where_the_image_or_a_tile_says_so() -> None:
    logits = torch.zeros(1, 2, 2, 2)
    whole = torch.tensor([[1.0, 0.0]])
    left_alone = torch.tensor([[[[1.0, 0.0]], [[0.0, 0.0]]]])
    assert absent_cells(whole, None, logits).flatten().tolist() == [0, 1]
    found = absent_cells(whole, left_alone, logits)
    assert found[0].tolist() == [[[0, 1], [0, 1]], [[1, 1], [1, 1]]]
