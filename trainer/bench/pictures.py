"""Image files that take as long to decode as photographs of streets."""

from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from trainer.contract import DatasetCard

CELLS = (16, 8)
"""Regions across and down: the masks' rectangles, the pictures' smooth colours."""
NOISE = 6
"""Grey levels to either side: PNG files of 2048 x 1024 then have about 4 MB."""
QUALITY = 95
"""Of JPEG files."""

Ending = Literal["png", "jpg"]


def draw_dataset(
    folder: Path,
    count: int,
    size: tuple[int, int],
    categories: tuple[str, ...],
    seed: int,
    ending: Ending = "png",
) -> DatasetCard:
    """Write `count` pictures of `size` = (width, height) and their masks, and give their card.

    Masks are PNG files, pictures are by their `ending`; JPEG as cameras write it.
    """
    random = np.random.default_rng(seed)
    width, height = size
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(count):
        colors = random.integers(0, 256, (CELLS[1], CELLS[0], 3), dtype=np.uint8)
        smooth = Image.fromarray(colors).resize(size, Image.Resampling.BICUBIC)
        noise = random.integers(-NOISE, NOISE + 1, (height, width, 3), dtype=np.int16)
        pixels = (np.asarray(smooth) + noise).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"images/{number:04d}.{ending}", quality=QUALITY)
        ids = random.integers(0, len(categories), (CELLS[1], CELLS[0]), dtype=np.uint8)
        mask = Image.fromarray(ids).resize(size, Image.Resampling.NEAREST)
        mask.save(folder / f"masks/{number:04d}.png")
    return DatasetCard(
        name=folder.name,
        root=folder,
        images=f"images/*.{ending}",
        masks="masks/{stem}.png",
        ids=dict(enumerate(categories)),
    )
