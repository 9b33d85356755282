"""Images whose true answers are known: some of a dataset's, with their masks."""

import io
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.contract import VOID_INDEX, DatasetCard, GoldSample
from trainer.contract.masks import MaskCodes, decode_mask, mask_codes
from trainer.data.decode import check_shapes, image_size
from trainer.data.labels import ABSENT, PRESENT
from trainer.data.presence import area_fractions, presence_of, presence_thresholds
from trainer.data.samples import Sample, list_samples
from trainer.device.cores import cores_here
from trainer.errors import BadInput
from trainer.run_folder.atomic import made_whole, naming, write_atomically

LISTING = "gold.jsonl"


def make_gold(
    card: DatasetCard, categories: tuple[str, ...], count: int, *, seed: int, out: Path
) -> list[GoldSample]:
    """Copy randomly drawn images of a dataset, with index masks and what is present in each.

    A category is present by the rule of `oracle_labels`, and absent where the mask has none of it:
    people who find what that rule calls too small are not wrong. With the same seed, more images
    begin with the same ones.

    Args:
        card: a dataset with masks.
        categories: at most 255, in the order of the masks' indices; 255 is void.
        count: how many images; fewer where the dataset has fewer.
        seed: decides which ones.
        out: a folder, made where it is missing: `images/`, `masks/` and, last, `gold.jsonl`.

    Raises:
        BadInput: naming dataset and file.
    """
    if len(categories) > VOID_INDEX:
        raise BadInput(f"{len(categories)} categories: a mask has room for {VOID_INDEX}")
    samples = list_samples(card, with_masks=True)
    codes = mask_codes(card, categories)
    fractions_NC = _fractions(samples, codes, len(categories))
    asked_C = codes.asked(len(categories))
    presence_NC = presence_of(fractions_NC, presence_thresholds(fractions_NC), asked_C)
    absent_NC = (presence_NC == ABSENT) & (fractions_NC == 0)
    drawn = np.random.default_rng(seed).permutation(len(samples))[:count]
    with made_whole(out) as place:
        for folder in ("images", "masks"):
            (place / folder).mkdir()
        made = [
            GoldSample(
                image=_copy(samples[index].image, place, number),
                mask=_write_mask(_mask(samples[index], codes, resized=True), place, number),
                present=_named(categories, presence_NC[index] == PRESENT),
                absent=_named(categories, absent_NC[index]),
            )
            for number, index in enumerate(drawn)
        ]
        lines = "".join(f"{sample.model_dump_json()}\n" for sample in made)
        write_atomically(place / LISTING, lines.encode())
    return made


def _named(categories: tuple[str, ...], chosen_C: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(categories[index] for index in np.flatnonzero(chosen_C))


def _fractions(
    samples: tuple[Sample, ...], codes: MaskCodes, categories: int
) -> NDArray[np.float64]:
    def fractions_of(sample: Sample) -> NDArray[np.float64]:
        return area_fractions(_mask(sample, codes), categories)

    with ThreadPoolExecutor(cores_here()) as pool:
        return np.stack(list(pool.map(fractions_of, samples)))


def _mask(sample: Sample, codes: MaskCodes, *, resized: bool = False) -> NDArray[np.int16]:
    """A sample's category indices; `resized` to its image, so that a click is found in it."""
    if sample.mask is None:
        raise BadInput(f"image {sample.name!r} has no mask")
    check_shapes(sample.image, sample.mask)
    return decode_mask(sample.mask, codes, image_size(sample.image) if resized else None)


def _copy(image: Path, out: Path, number: int) -> Path:
    path = Path("images") / f"{number:05}{image.suffix.lower()}"
    with naming(out / path):
        shutil.copyfile(image, out / path)
    return path


def _write_mask(mask: NDArray[np.int16], out: Path, number: int) -> Path:
    path = Path("masks") / f"{number:05}.png"
    content = io.BytesIO()
    Image.fromarray(np.where(mask < 0, VOID_INDEX, mask).astype(np.uint8)).save(content, "PNG")
    write_atomically(out / path, content.getvalue())
    return path
