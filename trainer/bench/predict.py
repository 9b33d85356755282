"""Part `predict`: images to files of predictions, against the network alone."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from trainer.bench.measure import Conditions, Timing, ratio, side_by_side
from trainer.bench.pictures import Ending, draw_dataset
from trainer.bench.result import Cell, PartResult, Verdict, verdict
from trainer.bench.subject import CATEGORIES, config_for
from trainer.contract import TrainConfig
from trainer.data.images import ResizedImages
from trainer.data.samples import list_samples
from trainer.device.setup import prepare_device
from trainer.inference.predict import predict_images
from trainer.inference.segment import BATCH_SIZE
from trainer.models.checkpoint import TrainedSegmenter, shape_of
from trainer.models.segmenter import build_segmenter

SMALL, LARGE = (480, 360), (2048, 1024)
"""Width and height of CamVid's photographs as often shared, and of Cityscapes'."""


@dataclass(frozen=True)
class _Files:
    ending: Ending
    size: tuple[int, int]
    target: str

    def __str__(self) -> str:
        return f"{self.ending} files of {self.size[0]} x {self.size[1]}"


FILES = (
    _Files("png", SMALL, "predict"),
    _Files("jpg", LARGE, "predict large"),
    _Files("png", LARGE, "predict large"),
)
QUICK_FILES = (_Files("jpg", (96, 72), "predict"),)


def measure(conditions: Conditions) -> PartResult:
    """Decoding, network, masks at the original size and their files, against the network alone."""
    config = config_for(conditions)
    segmenter = _segmenter(config, prepare_device(config))
    count = BATCH_SIZE * (2 if conditions.quick else 16 if conditions.on_accelerator else 6)
    rows: list[dict[str, Cell]] = []
    verdicts: list[Verdict] = []
    for files in QUICK_FILES if conditions.quick else FILES:
        timings = _timings(conditions, segmenter, files, count)
        for name, timing in timings.items():
            rows.append(
                {
                    "files": str(files),
                    "what": name,
                    **timing.row(),
                    "images_per_second": count / timing.median,
                }
            )
        figure = ratio(timings["network"], timings["predict"])
        on_accelerator = conditions.on_accelerator
        verdicts.append(verdict(files.target, figure, on_accelerator=on_accelerator, of=str(files)))
    return PartResult(
        part="predict",
        about=f"{count} images, batch {BATCH_SIZE}, {config.backbone} at "
        f"{config.width} x {config.height}, {_looks(config)}; predict: from image files to mask files",
        rows=tuple(rows),
        verdicts=tuple(verdicts),
    )


def _looks(config: TrainConfig) -> str:
    if not config.mirrored_prediction:
        return "one look"
    return f"and at the mirror image, {config.mirrored_scale:g} times as large"


def _timings(
    conditions: Conditions, segmenter: TrainedSegmenter, files: _Files, count: int
) -> dict[str, Timing]:
    with tempfile.TemporaryDirectory(prefix="weakseg-bench-") as name:
        folder = Path(name)
        card = draw_dataset(
            folder / "target", count, files.size, CATEGORIES, seed=3, ending=files.ending
        )
        samples = list_samples(card, with_masks=False)

        def predict() -> None:
            images = ResizedImages(samples, segmenter.size, memory_limit=0)
            predict_images(segmenter, images, folder / "predictions")

        width, height = segmenter.size
        batch = torch.randint(256, (BATCH_SIZE, height, width, 3), dtype=torch.uint8)
        batch = batch.movedim(-1, 1).to(conditions.device)

        # It looks as often as the recipe lets it, which costs the same with files.
        @torch.inference_mode()
        def network() -> None:
            for _ in range(count // BATCH_SIZE):
                segmenter.logits(batch)

        return side_by_side(conditions, {"network": network, "predict": predict})


def _segmenter(config: TrainConfig, device: torch.device) -> TrainedSegmenter:
    torch.manual_seed(config.seed)
    network = build_segmenter(shape_of(config)).eval().requires_grad_(False)
    network.to(device).to(memory_format=torch.channels_last)
    return TrainedSegmenter(network, shape_of(config))
