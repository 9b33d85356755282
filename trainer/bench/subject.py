"""What is measured: the product's own step, on batches of made-up bytes.

Shapes: `B` image, `C` category, `H W` pixel, `P` point.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from accelerate.state import AcceleratorState

from trainer.bench.measure import Conditions
from trainer.contract import DatasetCard, Supervision, TrainConfig
from trainer.data.batches import SourceBatch, TargetBatch
from trainer.device.setup import prepare_device
from trainer.method.step import Adaptation, make_accelerator
from trainer.models.checkpoint import shape_of
from trainer.models.segmenter import build_segmenter
from trainer.recipes import RunSubject, apply_overrides, build

CATEGORIES = tuple(f"category {number}" for number in range(19))
"""As many as Cityscapes has."""
POINTS_AN_IMAGE = 10

Batches = tuple[SourceBatch, TargetBatch]


def config_for(
    conditions: Conditions,
    supervision: Supervision = Supervision.POINT,
    subject: RunSubject | None = None,
    changes: Mapping[str, object] | None = None,
) -> TrainConfig:
    """The run that is measured: DeepLab-v2 on an accelerator, the light network on a CPU.

    Args:
        conditions: decide the recipe and the device.
        supervision: of the run, without a `subject`.
        subject: where there are real data.
        changes: of the recipe, as for `apply_overrides`.
    """
    subject = subject or RunSubject(
        supervision=supervision,
        categories=CATEGORIES,
        source=DatasetCard(name="source"),
        target=DatasetCard(name="target"),
        labels=Path("labels.jsonl"),
    )
    fields: dict[str, object] = {"device": str(conditions.device), "threads": conditions.threads}
    recipe = "tiny" if conditions.quick else "cpu-small"
    if conditions.on_accelerator and not conditions.quick:
        recipe = "gta5-to-cityscapes"
        fields |= {"source_width": 1024, "source_height": 512}
    return apply_overrides(build(recipe, subject), {**fields, **(changes or {})})


def make_adaptation(config: TrainConfig) -> Adaptation:
    """Networks with random weights, which are as fast as trained ones, and all that trains them."""
    device = prepare_device(config)
    torch.manual_seed(config.seed)
    segmenter = build_segmenter(shape_of(config))
    # Accelerate keeps the first precision for the life of a process, which trains one run. Here
    # several runs are compared in one; each network keeps the precision that it was given.
    AcceleratorState._reset_state(reset_partial_state=True)
    return Adaptation(config, segmenter, make_accelerator(config, device))


def synthetic_batches(config: TrainConfig) -> Batches:
    """A batch of each domain: random bytes, half the categories present, points where clicked."""
    random = torch.Generator().manual_seed(config.seed)
    count, categories = config.batch_size, len(config.categories)

    def images(width: int, height: int) -> torch.Tensor:
        drawn = torch.randint(256, (count, height, width, 3), generator=random, dtype=torch.uint8)
        return drawn.movedim(-1, 1)

    def masks(width: int, height: int) -> torch.Tensor:
        return torch.randint(-1, categories, (count, height, width), generator=random)

    def presence() -> torch.Tensor:
        return torch.randint(2, (count, categories), generator=random).float()

    places = torch.rand(count * POINTS_AN_IMAGE, 2, generator=random)
    image = torch.arange(count).repeat_interleave(POINTS_AN_IMAGE)[:, None]
    clicked = torch.randint(categories, (len(places), 1), generator=random)
    size = (config.width, config.height)
    source = SourceBatch(
        images(*config.source_size), masks(*config.source_size), presence(), ("source",) * count
    )
    target = TargetBatch(
        images(*size),
        presence(),
        torch.cat([image, clicked, places], dim=1).float(),
        ("target",) * count,
        masks=masks(*size) if config.supervision is Supervision.DENSE else None,
    )
    pin = torch.cuda.is_available()
    return (source.pin_memory(), target.pin_memory()) if pin else (source, target)


class Stepper:
    """Takes the next step of a run, on the same batches again and again."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.adaptation = make_adaptation(config)
        self._batches = synthetic_batches(config)
        self._number = 0

    def batches(self) -> Batches:
        """What the next step takes; its target is left out where a run does not train on it."""
        return self._batches

    def __call__(self) -> None:
        """One step, with the precision that the configuration asks for."""
        prepare_device(self.config)
        source, target = self.batches()
        only_source = self.config.supervision is Supervision.SOURCE_ONLY
        self.adaptation.step(self._number, source, None if only_source else target)
        self._number += 1
