"""Part `features`: steps that read what frozen stages make, against steps that compute it."""

import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from trainer.bench.measure import Conditions, ratio, side_by_side
from trainer.bench.result import Cell, PartResult
from trainer.bench.subject import Batches, Stepper, config_for
from trainer.contract import TrainConfig
from trainer.method.frozen_features import FrozenFeatures, open_rows, shapes_of_features

SIZES = ((320, 240), (480, 360))
QUICK_SIZES = ((64, 48), (96, 72))
"""(width, height)."""


class Reader(Stepper):
    """A run whose frozen stages' features are read from a file for each step."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        super().__init__(config)
        segmenter = self.adaptation.segmenter
        shapes = shapes_of_features(segmenter, (config.width, config.height))
        rows = open_rows(folder / f"{config.width}-{config.height}.rows", shapes)
        self._features = FrozenFeatures(segmenter, shapes, rows)

    def batches(self) -> Batches:
        """The same images at every step, the source's before the target's."""
        source, target = super().batches()
        first = torch.arange(len(source.images))
        return (
            self._features.begin(replace(source, views=first)),
            self._features.begin(replace(target, views=first + len(first))),
        )


def measure(conditions: Conditions) -> PartResult:
    """Steps at two sizes, each with features from a file and computed."""
    configs = {
        (width, height): _config(conditions, width, height)
        for width, height in (QUICK_SIZES if conditions.quick else SIZES)
    }
    steps: dict[tuple[str, str], Stepper] = {}
    with tempfile.TemporaryDirectory(prefix="weakseg-bench-") as folder:
        for (width, height), config in configs.items():
            steps[f"{width} x {height}", "computed"] = Stepper(config)
            steps[f"{width} x {height}", "read"] = Reader(config, Path(folder))
        named = {f"{size}, {features}": step for (size, features), step in steps.items()}
        timings = side_by_side(conditions, named)
    first = next(iter(timings.values()))
    rows: list[dict[str, Cell]] = [
        {
            "size": size,
            "features": features,
            **timings[f"{size}, {features}"].row(),
            "percent_of_the_first": 100 * ratio(timings[f"{size}, {features}"], first),
        }
        for size, features in steps
    ]
    config = next(iter(configs.values()))
    return PartResult(
        part="features",
        about=f"{config.backbone}, the first {config.frozen_stages} stages frozen, logits at stride "
        f"{config.logit_stride}, point labels with self-training, batch {config.batch_size} of each "
        "domain",
        rows=tuple(rows),
    )


def _config(conditions: Conditions, width: int, height: int) -> TrainConfig:
    light = {"backbone": "efficientnet-lite0", "head": "fusion", "frozen_stages": 2}
    size = {"width": width, "height": height, "source_width": None, "source_height": None}
    changes = {**light, **size, "logit_stride": 4, "weights.self_training": 1}
    return config_for(conditions, changes=changes)
