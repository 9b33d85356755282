"""The end of a warm-up, kept for later runs that would repeat it step by step.

A warm-up sees the source alone, so that runs which differ by their target, its labels, their scores or
what comes after it begin with the same one. In the folder `warm_ups` its end lies under a name that follows
from all that it follows from. A run that takes it over comes to the same weights, to the bit, as one that does
not. No picture and no label is kept there.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from trainer.contract import TrainConfig
from trainer.data.batches import SourceBatches
from trainer.data.cache import Cache
from trainer.errors import BadInput
from trainer.method.step import Adaptation
from trainer.method.terms import SOURCE_TERMS, term_weights
from trainer.models.checkpoint import read_safetensors, tensors_of
from trainer.models.weights import digest_of
from trainer.run.resume import restore, tensors_of_training
from trainer.run_folder.atomic import write_atomically

PARTS = ("segmenter", "average", "segmenter_optimizer")
"""What steps on the source alone change."""
OF_OTHER_THINGS = frozenset(
    {
        "recipe", "supervision", "colors", "target", "validation", "labels", "initial_weights",
        "initial_weights_sha256", "start_from", "loader_workers", "cache", "warm_ups", "feature_cache_bytes",
        "pseudo_labels", "pseudo_threshold", "pseudo_sure_share", "presence_dropout",
        "point_logit_adjustment", "source_every", "weights",
        "discriminator_hidden", "discriminator_projection", "output_discriminator_width",
        "output_alignment_scale", "discriminator_learning_rate", "report_every", "evaluate_every",
        "selection", "hold_out", "scored_categories", "mirrored_prediction", "mirrored_scale",
        "predict",
    }
)  # fmt: skip
"""Fields on which no step of a warm-up depends, but for those that `_follows_from` looks at itself."""
MOST_KEPT = 4
"""In a folder; of more, those that were not used for longest are removed."""


@dataclass(frozen=True)
class WarmUp:
    """Where the end of a run's warm-up is, or will be; without a path nothing is kept."""

    path: Path | None = None

    def keep(self, adaptation: Adaptation) -> None:
        """Keep it, unless it is there or the disk does not take it."""
        if self.path is None or self.path.exists():
            return
        tensors = tensors_of_training(adaptation, PARTS)
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self.path, save(tensors, {"sha256": digest_of(tensors)}))
            _remove_oldest(self.path.parent)

    def take_over(self, adaptation: Adaptation) -> bool:
        """Whether it is there and whole; then `adaptation` is as it was at its end."""
        if self.path is None or not self.path.exists():
            return False
        try:
            tensors, header = read_safetensors(self.path)
        except BadInput:
            tensors, header = {}, {}
        if not tensors or header.get("sha256") != digest_of(tensors):
            with suppress(OSError):
                self.path.unlink()
            return False
        restore(adaptation, tensors, PARTS)
        with suppress(OSError):
            os.utime(self.path)
        return True


def warm_up_of(
    config: TrainConfig, adaptation: Adaptation, source: SourceBatches | None, *, alone: bool
) -> WarmUp:
    """Where a run's warm-up is kept.

    Args:
        config: the run's.
        adaptation: before the first step.
        source: what it warms up on.
        alone: whether one process trains the run; several keep nothing.
    """
    if not (config.warm_ups and config.warmup_steps and alone):
        return WarmUp()
    if config.source is None or source is None or source.style is not None:
        return WarmUp()
    samples = source.images.dataset
    files = [sample.image for sample in samples] + [s.mask for s in samples if s.mask]
    cache = Cache(config.warm_ups, config.source.name)
    path = cache.path("warm-up", files, _follows_from(config, adaptation, source))
    return WarmUp(path.with_suffix(".safetensors"))


def _follows_from(
    config: TrainConfig, adaptation: Adaptation, source: SourceBatches
) -> list[object]:
    """What a warm-up is made of besides the files of the source."""
    fields = config.model_dump(mode="json", exclude=set(OF_OTHER_THINGS))
    if config.schedule_steps is not None:
        del fields["steps"]
    # Of the terms those of the source alone.
    weights = term_weights(config)
    fields["weights"] = {term.name: weights.get(term.name) for term in SOURCE_TERMS}
    tensors: dict[str, Tensor] = tensors_of(adaptation.segmenter)
    known = hashlib.sha256()
    for array in (source.thresholds, source.asked, source.shares, source.frequencies):
        known.update(array.tobytes())
    return [
        json.dumps(fields, sort_keys=True),
        # How common categories are counts only where labels of people tell it of the target.
        config.supervision.is_oracle,
        # Without kept features the first stages compute in full precision.
        bool(config.feature_cache_bytes),
        digest_of(tensors),
        known.hexdigest(),
        *(source.grid or ()),
        *(torch.__version__, adaptation.device.type, torch.get_num_threads()),
    ]


def _remove_oldest(folder: Path) -> None:
    kept = sorted(folder.glob("*-warm-up-*.safetensors"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-MOST_KEPT]:
        path.unlink(missing_ok=True)
