"""Folders of drawn scenes, as datasets with their card: a series is a look and a seed."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import yaml
from PIL import Image, ImageColor

from scenes.category import Category
from scenes.compose import compose
from scenes.style import Look
from trainer.contract import DatasetCard
from trainer.errors import BadInput
from trainer.run_folder.atomic import write_atomically

CATEGORIES: tuple[str, ...] = tuple(category.label for category in Category)
"""Names in the order of their ids in masks, from 0."""

COLORS: tuple[str, ...] = (
    "#7fb8e6",
    "#8c5a46",
    "#c9c6bd",
    "#804080",
    "#e8429c",
    "#5f9e32",
    "#f2d21f",
    "#c7986b",
    "#1f3fbf",
    "#e0213a",
    "#14b8a6",
)
"""One colour per category, for masks that people look at."""

SIZE = (480, 360)
"""Width and height of a scene unless another size is asked for."""

_JPEG_QUALITY = {Look.SOURCE: 92, Look.TARGET: 76}
_PALETTE = [channel for color in COLORS for channel in ImageColor.getrgb(color)]


@dataclass(frozen=True)
class Scene:
    """A picture (RGB) and its mask (palette image; a pixel's value is its category's id, no void)."""

    image: Image.Image
    mask: Image.Image


def render_scene(look: Look, seed: int, index: int, size: tuple[int, int] = SIZE) -> Scene:
    """Draw one scene of the endless series that `look` and `seed` name.

    Args:
        look: the domain.
        seed: which series, from 0.
        index: which scene of it, from 0.
        size: width and height in pixels.
    """
    image, mask = compose(Look(look), seed, index, size)
    mask.putpalette(_PALETTE)
    return Scene(image, mask)


@dataclass(frozen=True)
class _Series:
    """What a folder of scenes was written from; kept beside them as `scenes.json`."""

    look: Look
    seed: int
    count: int
    size: tuple[int, int]
    with_masks: bool

    def as_json(self) -> str:
        return json.dumps(vars(self), indent=2) + "\n"


def write_domain(  # noqa: PLR0913 - what is written, and how
    folder: Path,
    look: Look,
    count: int,
    seed: int,
    size: tuple[int, int] = SIZE,
    progress: Callable[[int], None] | None = None,
    with_masks: bool = True,
    processes: int = 2,
) -> Path:
    """Write `images/*.jpg`, `masks/*.png` and the dataset card `card.yaml`; answer the card's path.

    What is already there is not drawn again, so that an interrupted call is completed by the next one.

    Args:
        folder: where to; made when it is not there.
        look: the domain.
        count: how many scenes.
        seed: which series of scenes.
        size: width and height in pixels.
        progress: told how many scenes are there so far.
        with_masks: without, the card names no masks and none are written.
        processes: how many draw at the same time.

    Raises:
        BadInput: when the folder holds scenes of another series, or the numbers make no sense.
    """
    series = _Series(Look(look), seed, count, size, with_masks)
    _check(series)
    _claim(folder, series)
    for part in ("images", "masks") if with_masks else ("images",):
        (folder / part).mkdir(exist_ok=True)
    missing = [index for index in range(count) if not _is_there(folder, series, index)]
    done = count - len(missing)
    with _mapper(min(processes, len(missing) // 4)) as draw_all:
        for _ in draw_all(partial(_write_scene, folder, series), missing):
            done += 1
            if progress:
                progress(done)
    card = folder / "card.yaml"
    if not card.exists():
        write_atomically(card, _describe(series).encode())
    return card


def _check(series: _Series) -> None:
    if series.count < 1:
        raise BadInput(f"count: {series.count} scenes cannot be written, at least one can")
    if series.seed < 0:
        raise BadInput(f"seed: {series.seed} is less than 0")
    if not all(32 <= side <= 4096 for side in series.size):
        raise BadInput(f"size: {series.size[0]} x {series.size[1]} is not within 32 to 4096 pixels")


def _claim(folder: Path, series: _Series) -> None:
    """Say what the folder is for, or find that it is for something else."""
    note = folder / "scenes.json"
    if not note.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(note, series.as_json().encode())
    elif note.read_text(encoding="utf-8") != series.as_json():
        raise BadInput(f"{note}: the folder holds another series of scenes; choose an empty folder")


def _names(folder: Path, index: int) -> tuple[Path, Path]:
    return folder / "images" / f"scene-{index:05d}.jpg", folder / "masks" / f"scene-{index:05d}.png"


def _is_there(folder: Path, series: _Series, index: int) -> bool:
    image, mask = _names(folder, index)
    return image.exists() and (mask.exists() or not series.with_masks)


def _write_scene(folder: Path, series: _Series, index: int) -> None:
    scene = render_scene(series.look, series.seed, index, series.size)
    image, mask = _names(folder, index)
    if series.with_masks:
        _save(scene.mask, mask, optimize=True)
    _save(scene.image, image, quality=_JPEG_QUALITY[series.look])


def _save(picture: Image.Image, path: Path, **options: Any) -> None:
    # Not below images/ or masks/, where a half-written file could be taken for a picture.
    unfinished = path.parent.parent / f".{path.name}"
    picture.save(unfinished, None, **options)
    unfinished.replace(path)


Mapper = Callable[[Callable[[int], None], Iterable[int]], Iterator[None]]


@contextmanager
def _mapper(processes: int) -> Iterator[Mapper]:
    if processes < 2:
        yield map
        return
    # Spawned, since forking a process that has threads is not safe.
    with ProcessPoolExecutor(processes, get_context("spawn"), _end_with_parent) as pool:
        yield pool.map


def _end_with_parent() -> None:
    """Leave no process behind when the one that asked is killed: the pool itself would wait on."""

    def watch() -> None:
        if (parent := parent_process()) is not None:
            parent.join()
            os._exit(1)

    Thread(target=watch, daemon=True).start()


def _describe(series: _Series) -> str:
    card = DatasetCard(
        name=f"Drawn streets, {series.look.value} look",
        images="images/*.jpg",
        masks="masks/{stem}.png" if series.with_masks else None,
        ids=dict(enumerate(CATEGORIES)) if series.with_masks else {},
        description=f"{series.count} scenes of series {series.seed}, drawn by the computer.",
    )
    fields = card.model_dump(mode="json", exclude_none=True) | {"ids": card.ids}
    return yaml.safe_dump(fields, sort_keys=False)


def contact_sheet(path: Path, seed: int = 2, columns: int = 6) -> None:
    """Write a JPEG with rows of source pictures, their masks, target pictures and their masks."""
    width, height, gap = 264, 198, 4
    sheet = Image.new("RGB", (columns * (width + gap) - gap, 4 * (height + gap) - gap), "white")
    for row, look in enumerate(Look):
        for column in range(columns):
            scene = render_scene(look, seed, column, (2 * width, 2 * height))
            for line, picture in enumerate((scene.image, scene.mask.convert("RGB"))):
                place = (column * (width + gap), (2 * row + line) * (height + gap))
                sheet.paste(picture.reduce(2), place)
    sheet.save(path, quality=86)
