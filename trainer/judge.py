"""How good a network is while it trains, and which of a run's checkpoints is its result.

Shapes: `N` image, `C` category.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer.calibration import fit_presence
from trainer.checkpoint import TrainedSegmenter
from trainer.contract import Breakdown, Score, TrainConfig
from trainer.data.batches import SourceBatches
from trainer.data.domains import Domains
from trainer.data.images import ResizedImages
from trainer.data.presence import area_fractions
from trainer.evaluate import Measured, measure_on_labels, measure_on_masks
from trainer.inference import segment_images
from trainer.losses.presence import smooth_maximum

SOURCE_IMAGES = 50
"""So many images of the source calibrate presence where no weak labels are held out."""


@dataclass(frozen=True)
class Answers:
    """Images of which it is known what is present."""

    images: ResizedImages
    presence: Tensor
    """(N, C): 1 present, 0 absent, -1 not asked."""


class Judge:
    """Calibrates, scores and compares the networks of one run."""

    def __init__(self, config: TrainConfig, domains: Domains) -> None:
        self._scored = config.scored_categories
        self._validation, self._held_out = domains.validation, domains.held_out
        self._source = domains.source
        self._rule = config.selection
        if self._rule == "weak-labels" and not self._held_out.labels:
            self._rule = "last"
        self.selection = self._in_words(config)

    def _in_words(self, config: TrainConfig) -> str:
        if self._rule == "masks" and self._validation:
            return f"best mean IoU on {len(self._validation.images)} validation masks"
        if self._rule == "weak-labels":
            return f"best score on {len(self._held_out.labels)} held-out weak labels"
        if config.selection == "weak-labels":
            return "last step: there are too few weak labels to hold any out"
        return "last step"

    def prefers(self, score: Score, best: Score | None) -> bool:
        """Whether a checkpoint takes the place of the best one so far."""
        return is_better(self._rule, score, best)

    def calibrate(self, segmenter: TrainedSegmenter) -> TrainedSegmenter:
        """The segmenter with presence probabilities that fit what is known of some images."""
        answers = self._answers()
        if answers is None:
            return segmenter
        scores_NC = _presence_scores(segmenter, answers.images)
        scale, offsets = fit_presence(scores_NC, answers.presence)
        calibrated = {"presence_scale": scale, "presence_offsets": offsets}
        return TrainedSegmenter(segmenter.network, segmenter.shape.model_copy(update=calibrated))

    def score(self, segmenter: TrainedSegmenter) -> Score:
        """On the validation masks and on the held-out weak labels, as far as there are any."""
        return self.measure(segmenter).score

    def measure(self, segmenter: TrainedSegmenter) -> Measured:
        """The score and, of the masks where there are any, what stands behind it."""
        measured = Measured(Score(), Breakdown(images=0, unit="pixels"))
        if self._held_out.labels:
            measured = measure_on_labels(segmenter, self._held_out.images, self._held_out.labels)
        if self._validation:
            on_masks = measure_on_masks(
                segmenter, self._validation.images, self._validation.lookup, self._scored
            )
            score = merged(on_masks.score, measured.score)
            measured = Measured(score, on_masks.breakdown)
        return measured

    def _answers(self) -> Answers | None:
        if self._held_out.labels:
            presence = np.stack([label.presence for label in self._held_out.labels])
            return Answers(self._held_out.images, torch.from_numpy(presence))
        return None if self._source is None else _answers_of_masks(self._source)


def is_better(rule: str, score: Score, best: Score | None) -> bool:
    """Whether by a rule of selection a score beats the best one so far, if there is any."""
    value, before = (
        {"masks": each.miou, "weak-labels": each.weak_label_score}.get(rule) if each else None
        for each in (score, best)
    )
    if value is None:
        return False
    # On a tie the later one: it has learned longer, and few labels cannot tell the two apart.
    return before is None or value >= before


def merged(on_masks: Score, on_labels: Score) -> Score:
    """One score of two; what masks tell is taken from them, the rest from weak labels."""
    known = {name: value for name, value in on_masks if value is not None and value != {}}
    return on_labels.model_copy(update=known)


def _answers_of_masks(source: SourceBatches) -> Answers:
    """What some images of the source contain, by the same thresholds as in training."""
    every = -(-len(source.images) // SOURCE_IMAGES)
    chosen = range(0, len(source.images), every)
    images = source.images.subset(chosen)
    fractions_NC = np.stack(
        [area_fractions(source.images.mask(index), len(source.thresholds)) for index in chosen]
    )
    return Answers(images, torch.from_numpy(fractions_NC > source.thresholds).long())


def _presence_scores(segmenter: TrainedSegmenter, images: ResizedImages) -> Tensor:
    """(N, C) smooth maxima of all images, on the host."""
    scores = [
        smooth_maximum(batch.logits, segmenter.shape.smooth_max)
        for batch in segment_images(segmenter, images, lambda _: None)
    ]
    return torch.cat(scores).cpu()
