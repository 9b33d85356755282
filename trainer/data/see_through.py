"""Bare trees: renderings whose trees stand in full leaf, shown with branches and what is behind them.

To who annotates photographs the crown of a bare tree is tree, with all the sky in it. A network
that has seen crowns of leaves alone calls it sky, and neither tags nor its own predictions tell
it otherwise: where a tree is, they do not say how far it reaches.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from trainer.data.images import ResizedImages

GAPS = 8
"""Stream of random numbers, beside those of `trainer.data.batches` and `trainer.data.transforms`."""
SHARE = 0.5
"""Of the images, at most: those without a tree stay as they are."""
SKY = 0.6
"""Share of the gaps through which the upper third of another image is seen, else that image whole."""
OPEN = (0.35, 0.8)
"""Least and largest share of a category's area through which one sees."""
LINES = ((40, 3.0), (18, 2.0), (8, 1.2))
"""Branches of three sizes: pixels between two of them, and how thick, in images of `HEIGHT`."""
HEIGHT = 360


@dataclass(frozen=True)
class SeeThrough:
    """Shows about every other image of a dataset with gaps in some of its categories.

    Which images and what gaps follows from an image's place in the dataset alone, so that what
    frozen stages make of it can be kept for other runs.
    """

    images: ResizedImages
    """With masks."""
    categories: tuple[int, ...]

    def __call__(self, index: int) -> Tensor:
        """(3, H, W) uint8: an image with its gaps, if it has any."""
        image = self.images.tensor(index)
        random = np.random.default_rng((GAPS, self.images.row(index)))
        if random.random() >= SHARE:
            return image
        where_HW = np.isin(self.images.mask(index), self.categories)
        if not where_HW.any():
            return image
        behind = self.images.tensor(int(random.integers(len(self.images))))
        if random.random() < SKY:
            upper = behind[None, :, : -(-behind.shape[1] // 3)].float()
            behind = F.interpolate(upper, behind.shape[1:], mode="bilinear")[0]
        return with_gaps(image, where_HW, behind, random)

    @property
    def follows_from(self) -> tuple[object, ...]:
        """What the gaps follow from besides the images and the files of their masks."""
        codes = self.images.codes
        return (*self.categories, *((codes.digest(), codes.channel) if codes else ()))


def with_gaps(
    image: Tensor, where_HW: NDArray[np.bool_], behind: Tensor, random: np.random.Generator
) -> Tensor:
    """`image` (3, H, W) uint8 that shows `behind` between branches where told; the same elsewhere.

    Branches keep the image's colours, darker and greyer by chance, and have soft edges.

    Args:
        image: what has the branches.
        where_HW: true at one pixel at least.
        behind: (3, H, W), 0 to 255.
        random: decides the branches, how open they are and their colours.
    """
    scale = image.shape[1] / HEIGHT * random.uniform(0.5, 1.3)
    rows, columns = (np.flatnonzero(where_HW.any(axis)) for axis in (1, 0))
    box = np.s_[..., rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    where_hw = torch.from_numpy(where_HW[box])
    distance_hw = _to_next_branch((where_hw.shape[0], where_hw.shape[1]), scale, random)
    half_width = np.quantile(distance_hw[where_hw].numpy(), 1 - random.uniform(*OPEN))
    open_hw = (distance_hw - half_width + 0.5).clamp(0, 1) * random.uniform(0.7, 1)
    own = image[box].float() * random.uniform(0.35, 1)
    own += random.uniform(0, 1) * (own.mean(0, keepdim=True) - own)
    own += open_hw * (behind[box] - own)
    shown = image.clone()
    shown[box] = torch.where(where_hw, own.round().clamp(0, 255).to(torch.uint8), image[box])
    return shown


def _to_next_branch(size: tuple[int, int], scale: float, random: np.random.Generator) -> Tensor:
    """(h, w) about how many pixels it is to the next line of a random net, less to a thick one."""
    nets = [_net(size, max(3, round(scale * apart)), random) / thick for apart, thick in LINES]
    return torch.stack(nets).amin(0)


def _net(size: tuple[int, int], apart: int, random: np.random.Generator) -> Tensor:
    """(h, w) pixels to the next line of a net whose meshes are about `apart` pixels wide.

    Lines are where smooth noise changes its sign: to the first order it is as far from there as
    the noise is large against its slope.
    """
    coarse = random.normal(size=(size[0] // apart + 3, size[1] // apart + 3))
    grid = torch.from_numpy(coarse).float()[None, None]
    fine = (size[0] + 1, size[1] + 1)
    noise = F.interpolate(grid, fine, mode="bicubic")[0, 0]
    slope = torch.hypot(noise.diff(dim=0)[:, :-1], noise.diff(dim=1)[:-1])
    return noise[:-1, :-1].abs() / (slope + 1e-3)
