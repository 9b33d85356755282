"""Weak labels made from masks, as a perfect annotator would give them: for experiments.

python -m trainer.data.oracle --card CARD --out labels.jsonl --points 1 --seed 0
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from trainer.contract import DatasetCard, PointLabel, WeakLabel
from trainer.data.cards import Sample, list_samples, load_card
from trainer.data.decode import MaskCodes, check_shapes, decode_mask, mask_codes
from trainer.data.presence import area_fractions, presence_thresholds
from trainer.errors import BadInput
from trainer.files import write_atomically

MARGIN = 2
"""Pixels between a point and the border of its region, where the region is wide enough."""


def oracle_labels(
    card: DatasetCard, categories: tuple[str, ...], points: int = 1, seed: int = 0
) -> list[WeakLabel]:
    """The label of each image: presence by area (`presence_thresholds`), points at random pixels.

    Args:
        card: a dataset with masks.
        categories: every one of them is asked of every image.
        points: so many for each present category.
        seed: decides the points; the same for any order of images.

    Raises:
        BadInput: naming dataset and file.
    """
    samples = list_samples(card, with_masks=True)
    codes = mask_codes(card, categories)
    fractions = np.stack(
        [area_fractions(_mask(sample, codes), len(categories)) for sample in samples]
    )
    present_NC = fractions > presence_thresholds(fractions)
    return [
        _label(sample.name, _mask(sample, codes), present_C, categories, (points, seed, number))
        for number, (sample, present_C) in enumerate(zip(samples, present_NC, strict=True))
    ]


def _mask(sample: Sample, codes: MaskCodes) -> NDArray[np.int16]:
    if sample.mask is None:
        raise BadInput(f"image {sample.name!r} has no mask")
    check_shapes(sample.image, sample.mask)
    return decode_mask(sample.mask, codes)


def _label(
    name: str,
    mask: NDArray[np.int16],
    present_C: NDArray[np.bool_],
    categories: tuple[str, ...],
    choice: tuple[int, int, int],
) -> WeakLabel:
    points, seed, number = choice
    random = np.random.default_rng((seed, number))
    clicked = [
        PointLabel(category=categories[index], x=column + 0.5, y=row + 0.5)
        for index in np.flatnonzero(present_C)
        for row, column in _choose_pixels(mask == index, points, random)
    ]
    return WeakLabel(
        image=name,
        width=mask.shape[1],
        height=mask.shape[0],
        present=tuple(c for c, there in zip(categories, present_C, strict=True) if there),
        absent=tuple(c for c, there in zip(categories, present_C, strict=True) if not there),
        points=tuple(clicked),
        annotator="oracle",
    )


def _choose_pixels(
    region: NDArray[np.bool_], count: int, random: np.random.Generator
) -> list[tuple[int, int]]:
    """Random pixels (row, column) of a region, off its border where it is wide enough."""
    inner = region
    for _ in range(MARGIN):
        shrunk = np.asarray(
            Image.fromarray(inner.astype(np.uint8)).filter(ImageFilter.MinFilter(3))
        ).astype(bool)
        inner = shrunk if shrunk.any() else inner
    pixels = np.argwhere(inner)
    chosen = random.choice(len(pixels), size=min(count, len(pixels)), replace=False)
    return [(int(row), int(column)) for row, column in pixels[chosen]]


app = typer.Typer(add_completion=False)


@app.command()
def make_oracle_labels(
    card: Annotated[Path, typer.Option(help="Dataset card with masks.")],
    out: Annotated[Path, typer.Option(help="Label file to write.")],
    points: Annotated[int, typer.Option(min=0, help="Points for each present category.")] = 1,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Write the label file that a perfect annotator would give; categories are the card's."""
    try:
        dataset = load_card(card)
        labels = oracle_labels(dataset, card_categories(dataset), points, seed)
        write_atomically(out, "".join(f"{each.model_dump_json()}\n" for each in labels).encode())
    except (BadInput, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{len(labels)} labels in {out}", err=True)


def card_categories(card: DatasetCard) -> tuple[str, ...]:
    """The categories that a card names, in its order."""
    return card.categories


if __name__ == "__main__":
    app()
