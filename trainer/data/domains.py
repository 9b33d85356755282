"""All data of one run, read and checked before the first step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainer.contract import DatasetCard, Supervision, TrainConfig
from trainer.contract.masks import MaskCodes, mask_codes
from trainer.data.batches import FourierStyle, SourceBatches, TargetBatches
from trainer.data.cache import Cache
from trainer.data.decode import image_size
from trainer.data.images import ResizedImages
from trainer.data.labels import (
    NOT_ASKED,
    PRESENT,
    TargetLabel,
    grid_of,
    read_labels,
    to_arrays,
    unlabelled,
)
from trainer.data.marking import Question
from trainer.data.mask_notes import mask_notes
from trainer.data.oracle import oracle_labels
from trainer.data.presence import presence_of, presence_thresholds
from trainer.data.samples import Sample, list_samples
from trainer.data.sampling import (
    LABELLED_ORDER,
    SOURCE_ORDER,
    Epochs,
    Order,
    RareCategories,
    half_labelled,
)
from trainer.data.see_through import SeeThrough
from trainer.data.splits import held_out, held_out_of_each
from trainer.data.transforms import JointTransforms
from trainer.device.cores import cores_here
from trainer.errors import BadInput

MASKS_FOR_THRESHOLDS = 1000
"""So many masks tell well enough how large a category is where it is present."""


@dataclass(frozen=True)
class MaskedImages:
    """Images with dense masks, and how stored values of the masks become categories."""

    images: ResizedImages
    lookup: MaskCodes


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
    """Empty when there are few labels, or none, or the run is scored and selected by masks."""
    notes: tuple[str, ...] = ()
    """What a person should know of the masks before the first step."""


@dataclass(frozen=True)
class ReadSpec:
    """How images and masks of any domain are read."""

    categories: tuple[str, ...]
    cache: Path | None
    threads: int

    def cache_of(self, card: DatasetCard) -> Cache | None:
        """Where the dataset's decoded images are kept, if they are."""
        return Cache(self.cache, card.name, self.threads) if self.cache else None

    def masked(self, card: DatasetCard, size: tuple[int, int]) -> MaskedImages:
        """A dataset whose masks are needed, at `size` = (width, height)."""
        return load_masked(card, self.categories, size, self.cache_of(card))


@dataclass(frozen=True)
class BatchSpec:
    """How the batches of either domain are drawn."""

    global_batch_size: int
    """Images of one domain in a step, in all processes together."""
    seed: int
    rare_category_temperature: float | None
    transforms: JointTransforms


@dataclass(frozen=True)
class SourceSpec:
    """The source domain of a run."""

    card: DatasetCard
    size: tuple[int, int]
    """(width, height), as of the target."""
    fda_beta: float | None
    """None: no images in the style of the target."""
    see_through: tuple[int, ...]
    """Categories that are shown bare."""


@dataclass(frozen=True)
class TargetSpec:
    """The target domain of a run."""

    card: DatasetCard
    size: tuple[int, int]
    labels: Path | None
    """The label file, where labels of people teach or score."""
    has_masks: bool
    """Whether its masks are opened: dense supervision."""
    holds_out: bool
    """Whether some labels are kept apart, to score by."""
    of_each: bool
    """Whether these are some of each category."""
    teaches: bool
    """Whether labels are trained on, or are there to score held-out images alone."""


def load_domains(config: TrainConfig, part: tuple[int, int] = (0, 1)) -> Domains:
    """Read the datasets and labels of a run.

    The target's masks are looked for when supervision is dense, and never otherwise.

    Args:
        config: the run.
        part: (p, n) makes the batches of the p-th of n processes, of `batch_size` images each.

    Raises:
        BadInput: naming the dataset, file, line or field.
    """
    read, batch = _read_spec(config), _batch_spec(config, processes=part[1])
    target = _load_target(_target_spec(config), read)
    grid = grid_of(target.trained.values())
    held_out_indices = [i for i, s in enumerate(target.images.samples) if s.name in target.apart]
    source = None
    if spec := _source_spec(config):
        source = _source_batches(spec, read, batch, target, grid)
    validation = None
    if config.validation:
        validation = read.masked(config.validation, (config.width, config.height))
        validation.images.prepare()
    masked: dict[str, ResizedImages | None] = {
        "source": source.images if source else None,
        "target": target.images,
        "validation": validation.images if validation else None,
    }
    return Domains(
        source=source and replace(source, part=part),
        target=replace(_target_batches(target, read, batch, grid, source), part=part),
        all_target=target.images,
        labelled=len(target.trained),
        validation=validation,
        held_out=LabelledImages(
            target.images.subset(held_out_indices),
            tuple(target.labels[target.images.samples[i].name] for i in held_out_indices),
        ),
        notes=tuple(
            note
            for domain, images in masked.items()
            if images is not None
            for note in mask_notes(domain, images, read.categories, read.threads)
        ),
    )


def _read_spec(config: TrainConfig) -> ReadSpec:
    return ReadSpec(config.categories, config.cache, config.threads or cores_here())


def _batch_spec(config: TrainConfig, processes: int) -> BatchSpec:
    width, height = config.crop_width, config.crop_height
    return BatchSpec(
        # Batch n of all processes is one batch, of which each takes its part.
        global_batch_size=config.batch_size * processes,
        seed=config.seed,
        rare_category_temperature=config.rare_category_temperature,
        transforms=JointTransforms(
            (width, height) if width and height else None, config.color_jitter, config.colorings
        ),
    )


def _source_spec(config: TrainConfig) -> SourceSpec | None:
    if config.source is None:
        return None
    fda_beta = config.fda_beta if config.pixel_adaptation == "fda" else None
    see_through = tuple(config.categories.index(name) for name in config.see_through)
    return SourceSpec(config.source, config.source_size, fda_beta, see_through)


def _target_spec(config: TrainConfig) -> TargetSpec:
    holds_out = config.hold_out or config.selection == "weak-labels"
    return TargetSpec(
        card=config.target,
        size=(config.width, config.height),
        labels=config.labels if config.supervision.is_oracle or holds_out else None,
        has_masks=config.supervision is Supervision.DENSE,
        holds_out=holds_out or config.validation is None,
        of_each=config.hold_out,
        teaches=config.supervision.learns_without_source,
    )


def load_masked(
    card: DatasetCard,
    categories: tuple[str, ...],
    size: tuple[int, int],
    cache: Cache | None = None,
) -> MaskedImages:
    """A dataset whose masks are needed, at `size` = (width, height)."""
    codes = mask_codes(card, categories)
    samples = list_samples(card, with_masks=True)
    return MaskedImages(ResizedImages(samples, size, codes, cache=cache), codes)


@dataclass(frozen=True)
class _Target:
    """The target domain: all images, all labels by image name, and what is trained on."""

    images: ResizedImages
    labels: Mapping[str, TargetLabel]
    apart: frozenset[str]
    """Images that are held out."""
    spec: TargetSpec

    @property
    def trained(self) -> dict[str, TargetLabel]:
        """Labels that are trained on."""
        kept = self.labels if self.spec.teaches else {}
        return {name: label for name, label in kept.items() if name not in self.apart}

    @property
    def used(self) -> ResizedImages:
        """Images that are trained on."""
        samples = enumerate(self.images.samples)
        return self.images.subset([i for i, s in samples if s.name not in self.apart])


def _load_target(spec: TargetSpec, read: ReadSpec) -> _Target:
    if spec.has_masks:
        images = read.masked(spec.card, spec.size).images
    else:
        samples = list_samples(spec.card, with_masks=False)
        images = ResizedImages(samples, spec.size, cache=read.cache_of(spec.card))
    images.prepare(masks=spec.has_masks)
    labels = _target_labels(spec, read.categories, images.samples)
    return _Target(images, labels, _apart(spec, labels), spec)


def _apart(spec: TargetSpec, labels: Mapping[str, TargetLabel]) -> frozenset[str]:
    if not spec.holds_out:
        return frozenset()
    if spec.of_each:
        return held_out_of_each({name: label.presence for name, label in labels.items()})
    return held_out(labels)


def _target_labels(
    spec: TargetSpec, categories: tuple[str, ...], samples: Sequence[Sample]
) -> Mapping[str, TargetLabel]:
    """Labels of a person; those that the masks would give when supervision is dense."""
    if spec.labels:
        return _read_labels(spec.labels, spec.card, categories, samples)
    if spec.has_masks:
        index = {name: number for number, name in enumerate(categories)}
        perfect = oracle_labels(spec.card, Question(categories, points=1))
        return {label.image: to_arrays(label, index) for label in perfect}
    return {}


def _read_labels(
    path: Path, card: DatasetCard, categories: tuple[str, ...], samples: Sequence[Sample]
) -> Mapping[str, TargetLabel]:
    by_name = {sample.name: sample for sample in samples}
    labels = read_labels(path, categories, by_name)
    if not labels:
        raise BadInput(f"{path}: no label for any image of {card.name!r}")
    for name, label in labels.items():
        size = image_size(by_name[name].image)
        if label.size != size:
            raise BadInput(
                f"{path}: image {name!r} is {size[0]} x {size[1]}, "
                f"but its label says {label.size[0]} x {label.size[1]}"
            )
    return labels


def _source_batches(
    spec: SourceSpec,
    read: ReadSpec,
    batch: BatchSpec,
    target: _Target,
    grid: tuple[int, int] | None,
) -> SourceBatches:
    masked = read.masked(spec.card, spec.size)
    images, asked_C = masked.images, masked.lookup.asked(len(read.categories))
    images.prepare(masks=True)
    rare = batch.rare_category_temperature is not None
    # Rare categories are looked for in all masks, how large a category is in some of them.
    step = 1 if rare else -(-len(images) // MASKS_FOR_THRESHOLDS)
    fractions_NC = images.area_fractions(
        len(read.categories), range(0, len(images), step), threads=read.threads
    )
    if not fractions_NC.any():
        raise BadInput(
            f"dataset {spec.card.name!r}: masks: not one pixel of {len(fractions_NC)} masks is of a "
            f"category of the run; all is void"
        )
    thresholds = presence_thresholds(fractions_NC)
    presence_NC = presence_of(fractions_NC, thresholds, asked_C)
    style = None
    if spec.fda_beta is not None:
        style = FourierStyle(target.used, spec.fda_beta, batch.seed)
    # The images with a style are appended to the images as they are.
    forms = 2 if style else 1
    return SourceBatches(
        images,
        thresholds,
        asked_C,
        _shares(presence_NC),
        fractions_NC.mean(0),
        _source_order(batch, forms, fractions_NC, presence_NC, len(images)),
        batch.global_batch_size,
        batch.seed,
        batch.transforms,
        see_through=SeeThrough(images, spec.see_through) if spec.see_through else None,
        style=style,
        grid=grid,
    )


def _shares(presence_NC: NDArray[np.int8]) -> NDArray[np.float64]:
    """(C,) share of the images that have a category among those that tell of it; NaN without any."""
    asked_C = (presence_NC != NOT_ASKED).sum(0)
    present_C = (presence_NC == PRESENT).sum(0)
    return np.where(asked_C > 0, present_C / np.maximum(asked_C, 1), np.nan)


def _source_order(
    batch: BatchSpec,
    forms: int,
    fractions_NC: NDArray[np.float64],
    presence_NC: NDArray[np.int8],
    images: int,
) -> Order:
    temperature, seed = batch.rare_category_temperature, (batch.seed, SOURCE_ORDER)
    if temperature is None:
        return Epochs(images * forms, seed)
    present_NC = np.tile(presence_NC == PRESENT, (forms, 1))
    return RareCategories(present_NC, fractions_NC.mean(0), temperature, seed)


def _target_batches(
    target: _Target,
    read: ReadSpec,
    batch: BatchSpec,
    grid: tuple[int, int] | None,
    source: SourceBatches | None,
) -> TargetBatches:
    used, trained = target.used, target.trained
    nothing = unlabelled(len(read.categories), grid)
    labels = [trained.get(sample.name, nothing) for sample in used.samples]
    known = np.array([(label.presence >= 0).any() for label in labels])
    rare = _rare_order(batch, [label for label, k in zip(labels, known, strict=True) if k])
    clicked, frequencies = _clicked(labels, len(read.categories)), None
    if source is None:
        clicked = None
    elif clicked is not None:
        frequencies = np.where(source.frequencies > 0, source.frequencies, clicked)
    return TargetBatches(
        used,
        labels,
        half_labelled(known, batch.global_batch_size, batch.seed, rare),
        batch.global_batch_size,
        batch.seed,
        batch.transforms,
        with_masks=target.spec.has_masks,
        clicked=clicked,
        frequencies=frequencies,
        shares=_shares(np.stack([label.presence for label in labels])),
    )


def _clicked(labels: Sequence[TargetLabel], categories: int) -> NDArray[np.float64] | None:
    """(C,) share of each category among the points of labels; None without any."""
    clicked_P = np.concatenate([label.points[:, 0] for label in labels]).astype(int)
    counts_C = np.bincount(clicked_P, minlength=categories)
    return counts_C / counts_C.sum() if len(clicked_P) else None


def _rare_order(batch: BatchSpec, labelled: Sequence[TargetLabel]) -> RareCategories | None:
    """Tags give the target's frequencies for free; without any there is nothing to draw by."""
    temperature = batch.rare_category_temperature
    if temperature is None or not labelled:
        return None
    present_NC = np.stack([label.presence == PRESENT for label in labelled])
    if not present_NC.any():
        return None
    seed = (batch.seed, LABELLED_ORDER)
    return RareCategories(present_NC, present_NC.mean(0), temperature, seed)
