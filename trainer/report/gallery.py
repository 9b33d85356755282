"""Pictures of what a segmenter does, small enough to be part of a page.

With masks the worst and the best images beside their truth; without, the most uncertain and the
most certain of the predicted images.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import ValidationError

from trainer.contract import Breakdown, DatasetCard, ImagePrediction, ImageScore, TrainConfig
from trainer.contract.lines import lines_of
from trainer.contract.masks import MaskCodes, decode_mask, mask_codes
from trainer.data.decode import decode_image
from trainer.data.images import ResizedImages
from trainer.data.samples import Sample, list_samples
from trainer.errors import BadInput, describe
from trainer.inference.evaluate import extremes
from trainer.inference.masks import predicted_categories
from trainer.inference.predict import colors_of
from trainer.inference.segment import segment_images
from trainer.models.checkpoint import TrainedSegmenter, load_segmenter

WIDTH = 320
"""Of a picture, in pixels."""
QUALITY = 72
OPACITY = 0.6
NAMED = 4
"""So many categories are named in the text that stands for a picture."""


@dataclass(frozen=True)
class Picture:
    """One image of a page, and its words for who does not see it."""

    caption: str
    words: str
    uri: str
    width: int
    height: int


@dataclass(frozen=True)
class Example:
    """An image, what was predicted and, where there are masks, the truth."""

    name: str
    remark: str
    pictures: tuple[Picture, ...]


def examples(
    run_dir: Path, config: TrainConfig, breakdown: Breakdown | None, checkpoint: Path
) -> tuple[Example, ...]:
    """Pictures of a finished run, from its files.

    Raises:
        BadInput: a file that they are made from is not there any more; names it.
    """
    if config.validation and breakdown and breakdown.examples:
        return _against_truth(load_segmenter(checkpoint), config, config.validation, breakdown)
    return _by_certainty(run_dir, config)


def _against_truth(
    segmenter: TrainedSegmenter, config: TrainConfig, card: DatasetCard, breakdown: Breakdown
) -> tuple[Example, ...]:
    by_name = {sample.name: sample for sample in list_samples(card, with_masks=True)}
    scored = [each for each in breakdown.examples if each.image in by_name]
    chosen = [by_name[each.image] for each in scored]
    codes = mask_codes(card, config.categories)
    paint = _Paint(config.categories, colors_of(config))
    images = ResizedImages(chosen, segmenter.size)
    found = segment_images(segmenter, images, lambda index: decode_image(chosen[index].image))
    pictures = []
    for (logits, pixels), sample in zip(
        (each for batch in found for each in batch.each()), chosen, strict=True
    ):
        image = _thumbnail(pixels)
        (predicted,) = predicted_categories(logits, image.size)
        masks = {"prediction": predicted.cpu().numpy().astype(np.int16)}
        if sample.mask is not None:
            masks["truth"] = decode_mask(sample.mask, codes, image.size)
        pictures.append(paint.side_by_side(image, masks))
    return tuple(
        Example(score.image, _rank(score, position, len(scored)), each)
        for position, (score, each) in enumerate(zip(scored, pictures, strict=True))
    )


def _rank(score: ImageScore, position: int, count: int) -> str:
    side = "among the worst" if position < count / 2 else "among the best"
    return f"mIoU {100 * score.miou:.1f}, {side}"


def _by_certainty(run_dir: Path, config: TrainConfig) -> tuple[Example, ...]:
    read = _read_predictions(run_dir / "predictions")
    predictions = extremes(sorted(read, key=lambda each: -each.uncertainty))
    if not predictions:
        return ()
    samples = {sample.name: sample for sample in list_samples(config.target, with_masks=False)}
    paint = _Paint(config.categories, colors_of(config))
    return tuple(
        Example(
            each.image,
            f"uncertainty {100 * each.uncertainty:.0f} %, "
            + ("among the highest" if position < len(predictions) / 2 else "among the lowest"),
            _predicted(run_dir, each, samples[each.image], paint),
        )
        for position, each in enumerate(predictions)
        if each.image in samples
    )


def _read_predictions(folder: Path) -> list[ImagePrediction]:
    path = folder / "predictions.jsonl"
    if not path.exists():
        return []
    try:
        lines = lines_of(path.read_bytes())
        return [ImagePrediction.model_validate_json(line) for line in lines]
    except ValidationError as error:
        raise BadInput(f"{path}: {describe(error)}") from error


def _predicted(
    run_dir: Path, prediction: ImagePrediction, sample: Sample, paint: "_Paint"
) -> tuple[Picture, ...]:
    image = _thumbnail(decode_image(sample.image))
    lookup = np.arange(256, dtype=np.int16)
    mask = decode_mask(run_dir / "predictions" / prediction.mask, MaskCodes(lookup), image.size)
    return paint.side_by_side(image, {"prediction": mask})


def _thumbnail(pixels: NDArray[np.uint8]) -> Image.Image:
    image = Image.fromarray(pixels)
    height = max(round(image.height * WIDTH / image.width), 1)
    return image.resize((WIDTH, height), Image.Resampling.BILINEAR, reducing_gap=2.0)


@dataclass(frozen=True)
class _Paint:
    """Draws masks over images in the categories' colours."""

    categories: Sequence[str]
    colors: Sequence[str]

    def side_by_side(
        self, image: Image.Image, masks: Mapping[str, NDArray[np.int16]]
    ) -> tuple[Picture, ...]:
        return (
            _picture(image, "image", "The image as it is."),
            *(
                _picture(self._over(image, mask), name, f"The {name}: {self._words(mask)}.")
                for name, mask in masks.items()
            ),
        )

    def _over(self, image: Image.Image, mask: NDArray[np.int16]) -> Image.Image:
        table = np.array([list(bytes.fromhex(color[1:])) for color in self.colors], np.uint8)
        painted = Image.blend(image, Image.fromarray(table[mask.clip(0)]), OPACITY)
        return Image.composite(painted, image, Image.fromarray(mask >= 0))

    def _words(self, mask: NDArray[np.int16]) -> str:
        counts = np.bincount(mask[mask >= 0].ravel(), minlength=len(self.categories))
        largest = np.argsort(-counts, kind="stable")[:NAMED]
        total = max(counts.sum(), 1)
        shares = [
            f"{self.categories[index]} {100 * counts[index] / total:.0f} %"
            for index in largest
            if counts[index]
        ]
        return ", ".join(shares) or "nothing that counts"


def _picture(image: Image.Image, caption: str, words: str) -> Picture:
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=4)
    uri = "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
    return Picture(caption, words, uri, image.width, image.height)
