from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from trainer.contract.masks import MaskCodes
from trainer.data.images import ResizedImages
from trainer.data.samples import Sample
from trainer.data.see_through import OPEN, SeeThrough, with_gaps

BLACK, GREEN, WHITE = (0, 0, 0), (20, 160, 40), (255, 255, 255)


def plain(color: Sequence[int], height: int, width: int) -> torch.Tensor:
    return torch.tensor(color, dtype=torch.uint8).view(3, 1, 1).expand(3, height, width)


def crown(height: int, width: int) -> NDArray[np.bool_]:
    """A disc right of the middle."""
    rows, columns = np.mgrid[:height, :width]
    return np.hypot(rows - height / 2, columns - width * 0.6) < height / 3


@settings(deadline=None, max_examples=25)
@given(
    height=st.integers(80, 160),
    width=st.integers(80, 160),
    seed=st.integers(0, 1000),
)
def test_behind_a_crown_one_sees_as_much_as_is_said(height: int, width: int, seed: int) -> None:
    where = crown(height, width)
    image, behind = plain(BLACK, height, width), plain(WHITE, height, width)
    shown = with_gaps(image, where, behind.float(), np.random.default_rng(seed))
    assert shown.dtype == torch.uint8
    assert torch.equal(shown[:, ~where], image[:, ~where])
    open_ = shown[0].numpy()[where]
    assert OPEN[0] - 0.02 < (open_ > open_.max() / 2).mean() < OPEN[1] + 0.02
    assert open_.max() > 0.69 * 255
    again = with_gaps(image, where, behind.float(), np.random.default_rng(seed))
    assert torch.equal(shown, again)


def test_other_random_numbers_are_other_branches() -> None:
    where, behind = crown(60, 80), plain(WHITE, 60, 80).float()
    one, other = (
        with_gaps(plain(GREEN, 60, 80), where, behind, np.random.default_rng(seed))
        for seed in (1, 2)
    )
    assert (one != other)[:, where].float().mean() > 0.3


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
def test_a_category_of_few_pixels_is_no_error(size: tuple[int, int]) -> None:
    where = np.zeros((30, 40), bool)
    where[3 : 3 + size[0], 5 : 5 + size[1]] = True
    behind = plain(WHITE, 30, 40).float()
    shown = with_gaps(plain(GREEN, 30, 40), where, behind, np.random.default_rng(0))
    assert torch.equal(shown[:, ~where], plain(GREEN, 30, 40)[:, ~where])


@pytest.fixture
def images(tmp_path: Path) -> ResizedImages:
    """Forty scenes: white above, a green crown (category 1) in all but the first four."""
    samples = []
    for number in range(40):
        where = crown(48, 64) if number >= 4 else np.zeros((48, 64), bool)
        pixels = np.full((48, 64, 3), WHITE, np.uint8)
        pixels[24:] = (90, 90, 90 + number)
        pixels[where] = GREEN
        paths = [tmp_path / f"{kind}-{number}.png" for kind in ("image", "mask")]
        for path, content in zip(paths, (pixels, where.astype(np.uint8)), strict=True):
            Image.fromarray(content).save(path)
        samples.append(Sample(f"{number}.png", *paths))
    lookup = np.full(256, -1, np.int16)
    lookup[:2] = (0, 1)
    return ResizedImages(samples, (64, 48), MaskCodes(lookup))


def test_about_half_of_the_images_that_have_it_are_changed(images: ResizedImages) -> None:
    see_through = SeeThrough(images, (1,))
    changed = []
    for index in range(len(images)):
        shown, image = see_through(index), images.tensor(index)
        differs = (shown != image).any(0).numpy()
        assert not differs[images.mask(index) != 1].any()
        if differs.any():
            changed.append(index)
        assert torch.equal(shown, see_through(index))
    assert 10 <= len(changed) <= 26
    assert min(changed) >= 4
    # What an image looks like follows from its place in the dataset, not in the part that is used.
    part = SeeThrough(images.subset([changed[1], changed[0]]), (1,))
    differs = (part(0) != images.tensor(changed[1])).any(0).numpy()
    assert differs.any()


def test_a_category_that_no_image_has_changes_none(images: ResizedImages) -> None:
    see_through = SeeThrough(images, (7,))
    assert all(torch.equal(see_through(n), images.tensor(n)) for n in range(len(images)))
