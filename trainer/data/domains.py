"""All data of one run, read and checked before the first step."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.contract import DatasetCard, TrainConfig
from trainer.data.batches import SourceBatches, TargetBatches
from trainer.data.cards import Sample, list_samples
from trainer.data.decode import id_lookup, image_size
from trainer.data.images import ResizedImages
from trainer.data.labels import TargetLabel, read_labels, unlabelled
from trainer.data.presence import area_fractions, presence_thresholds
from trainer.data.sampling import SOURCE_ORDER, Epochs, half_labelled
from trainer.data.splits import held_out
from trainer.data.transforms import JointTransforms
from trainer.errors import BadInput

MASKS_FOR_THRESHOLDS = 1000
"""So many masks tell well enough how large a category is where it is present."""


@dataclass(frozen=True)
class MaskedImages:
    """Images with dense masks, and the category of each raw id."""

    images: ResizedImages
    lookup: NDArray[np.int16]


@dataclass(frozen=True)
class LabelledImages:
    """Images with a weak label each."""

    images: ResizedImages
    labels: tuple[TargetLabel, ...]


@dataclass(frozen=True)
class Domains:
    """What a run trains on and what it is scored on."""

    source: SourceBatches | None
    """None for a run without a source domain."""
    target: TargetBatches
    all_target: ResizedImages
    """Every target image, also the held-out ones: what is predicted at the end."""
    labelled: int
    """Target images whose label is trained on."""
    validation: MaskedImages | None
    held_out: LabelledImages
    """Empty when there are validation masks or few labels."""


def load_domains(config: TrainConfig) -> Domains:
    """Read the datasets and labels of a run; target masks are never looked for.

    Raises:
        BadInput: naming the dataset, file, line or field.
    """
    size = (config.width, config.height)
    samples = list_samples(config.target, with_masks=False)
    labels = _read_target_labels(config, samples)
    apart = frozenset() if config.validation else held_out(labels)
    trained = {name: label for name, label in labels.items() if name not in apart}
    all_target = ResizedImages(samples, size)
    return Domains(
        source=_source_batches(config, config.source) if config.source else None,
        target=_target_batches(config, samples, trained, apart),
        all_target=all_target,
        labelled=len(trained),
        validation=load_masked(config.validation, config.categories, size)
        if config.validation
        else None,
        held_out=LabelledImages(
            ResizedImages([sample for sample in samples if sample.name in apart], size),
            tuple(labels[sample.name] for sample in samples if sample.name in apart),
        ),
    )


def load_masked(
    card: DatasetCard, categories: tuple[str, ...], size: tuple[int, int]
) -> MaskedImages:
    """A dataset whose masks are needed, at `size` = (width, height)."""
    lookup = id_lookup(card.ids, categories, dataset=card.name)
    return MaskedImages(ResizedImages(list_samples(card, with_masks=True), size, lookup), lookup)


def _source_batches(config: TrainConfig, card: DatasetCard) -> SourceBatches:
    images = load_masked(card, config.categories, config.source_size).images
    return SourceBatches(
        images,
        _thresholds(images, config),
        Epochs(len(images), (config.seed, SOURCE_ORDER)),
        config.batch_size,
        config.seed,
        _transforms(config),
    )


def _transforms(config: TrainConfig) -> JointTransforms:
    width, height = config.crop_width, config.crop_height
    return JointTransforms((width, height) if width and height else None, config.color_jitter)


def _thresholds(images: ResizedImages, config: TrainConfig) -> NDArray[np.float64]:
    step = -(-len(images) // MASKS_FOR_THRESHOLDS)
    masks = images.masks(range(0, len(images), step), threads=config.threads or 2)
    return presence_thresholds(
        np.stack([area_fractions(mask, len(config.categories)) for mask in masks])
    )


def _read_target_labels(
    config: TrainConfig, samples: tuple[Sample, ...]
) -> Mapping[str, TargetLabel]:
    if not config.supervision.is_oracle or config.labels is None:
        return {}
    by_name = {sample.name: sample for sample in samples}
    labels = read_labels(config.labels, config.categories, by_name)
    if not labels:
        raise BadInput(f"{config.labels}: no label for any image of {config.target.name!r}")
    for name, label in labels.items():
        size = image_size(by_name[name].image)
        if label.size != size:
            raise BadInput(
                f"{config.labels}: image {name!r} is {size[0]} x {size[1]}, "
                f"but its label says {label.size[0]} x {label.size[1]}"
            )
    return labels


def _target_batches(
    config: TrainConfig,
    samples: tuple[Sample, ...],
    labels: Mapping[str, TargetLabel],
    apart: frozenset[str],
) -> TargetBatches:
    used = [sample for sample in samples if sample.name not in apart]
    nothing = unlabelled(len(config.categories))
    of_used = [labels.get(sample.name, nothing) for sample in used]
    return TargetBatches(
        ResizedImages(used, (config.width, config.height)),
        of_used,
        half_labelled(
            np.array([(label.presence >= 0).any() for label in of_used]),
            config.batch_size,
            config.seed,
        ),
        config.batch_size,
        config.seed,
        _transforms(config),
    )
