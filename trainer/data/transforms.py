"""Random changes of a picture together with its mask and its points."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

HUE_SHARE = 0.25
"""Hue turns by a quarter of the jitter's strength: more makes trees blue."""
COLORS = 8
"""Stream of random numbers, beside those of `trainer.data.batches`."""


@dataclass(frozen=True)
class Picture:
    """An image and what is known about places in it.

    `points` are category, x and y, as fractions of the image's width and height.
    """

    image: Tensor
    """(3, H, W) uint8."""
    mask: Tensor | None = None
    """(H, W) category indices."""
    points: Tensor | None = None
    """(P, 3) float32."""
    whole: Tensor | None = None
    """(3, h, w) uint8: the whole picture at the size of the crop; None when nothing was cropped."""
    view: int = 0
    """Which of the pictures that are made of an image this is, where there are only so many."""
    mirrored: bool = False
    """Whether left and right have changed places."""


class JointTransforms:
    """Flip, crop and colour jitter; what is chosen follows from a seed alone.

    Args:
        crop: (width, height) of random crops, at most the picture's own; None: no crop.
        color_jitter: strength s of brightness, contrast and saturation (factor 1 - s to 1 + s) and
            of hue (by s / 4 of a turn); 0 leaves colours as they are.
        colorings: an image and its mirror image have so many colours each, of which one is chosen;
            None: other colours each time.
    """

    def __init__(
        self,
        crop: tuple[int, int] | None = None,
        color_jitter: float = 0.0,
        colorings: int | None = None,
    ) -> None:
        s = color_jitter
        self._flip = v2.RandomHorizontalFlip()
        self._crop = v2.RandomCrop((crop[1], crop[0])) if crop else None
        self._shrink = v2.Resize((crop[1], crop[0])) if crop else None
        self._jitter = v2.ColorJitter(s, s, s, HUE_SHARE * s) if s else None
        self._colorings = colorings if s else 1
        self.views = None if crop or self._colorings is None else 2 * self._colorings
        """How many pictures are made of an image; None: there is no end to them."""

    def __call__(self, picture: Picture, seed: Sequence[int], row: int) -> Picture:
        """The picture changed; of a crop's points those inside it are left.

        Args:
            picture: of the image that `row` names in its dataset.
            seed: decides what is chosen; from among the colours that the image has, where there
                are so many, which are the same in every run.
            row: of the image.
        """
        with _seeded(seed):
            changed = self._flip(_wrap(picture))
            mirrored, whole = bool(changed.pop("columns")[0, 0]), None
            if self._crop and self._shrink:
                whole = self._shrink(changed["image"])
                changed = self._crop(changed)
            if self._colorings is None:
                changed["image"], whole = self._colored(changed["image"], whole)
                coloring = 0
            else:
                coloring = int(torch.randint(self._colorings, ()))
        view = 2 * coloring + mirrored
        if self._colorings is not None:
            with _seeded((COLORS, row, view)):
                changed["image"], whole = self._colored(changed["image"], whole)
        inside = _unwrap(changed, picture)
        return replace(inside, whole=_plain(whole), view=view, mirrored=mirrored)

    def _colored(self, image: Tensor, whole: Tensor | None) -> tuple[Tensor, Tensor | None]:
        if self._jitter is None:
            return image, whole
        return self._jitter(image), None if whole is None else self._jitter(whole)


@contextmanager
def _seeded(seed: Sequence[int]) -> Iterator[None]:
    """Let torch's generator of the CPU, which v2 draws from, follow `seed`; then as before."""
    with torch.random.fork_rng(devices=[]):
        (state,) = np.random.SeedSequence(seed).generate_state(1, np.uint64)
        # torch.manual_seed would reset the accelerators' generators besides.
        torch.default_generator.manual_seed(int(state))
        yield


def _wrap(picture: Picture) -> dict[str, Tensor]:
    wrapped: dict[str, Tensor] = {
        "image": tv_tensors.Image(picture.image),
        "columns": tv_tensors.Mask(torch.tensor([[0, 1]])),  # tell whether all was mirrored
    }
    if picture.mask is not None:
        wrapped["mask"] = tv_tensors.Mask(picture.mask)
    if picture.points is not None:
        height, width = picture.image.shape[-2:]
        # Key points name a pixel's centre by its index, labels count it at index + 0.5.
        pixels = picture.points[:, 1:] * torch.tensor([width, height]) - 0.5
        wrapped["points"] = tv_tensors.KeyPoints(pixels, canvas_size=(height, width))
    return wrapped


def _unwrap(changed: dict[str, Tensor], before: Picture) -> Picture:
    image = changed["image"].as_subclass(Tensor)
    points = None
    if before.points is not None:
        height, width = image.shape[-2:]
        places = (changed["points"].as_subclass(Tensor) + 0.5) / torch.tensor([width, height])
        inside = ((places >= 0) & (places <= 1)).all(1)
        points = torch.cat([before.points[inside, :1], places[inside]], dim=1)
    return Picture(image, mask=_plain(changed.get("mask")), points=points)


def _plain(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.as_subclass(Tensor)
