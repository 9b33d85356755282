"""How good a network is while it trains, and which of a run's checkpoints is its result.

Shapes: `N` image, `C` category.
"""

from functools import cached_property

import torch
from torch import Tensor

from trainer.contract import Breakdown, Score, TrainConfig
from trainer.data.domains import Domains
from trainer.data.images import ResizedImages
from trainer.data.presence import presence_of
from trainer.device.cores import cores_here
from trainer.inference.calibration import fit_presence
from trainer.inference.evaluate import LabelsSeen, Measured, measure_on_masks, see_labels
from trainer.inference.segment import presence_scores
from trainer.models.checkpoint import TrainedSegmenter

SOURCE_IMAGES = 50
"""So many images of the source calibrate presence where no weak labels are held out."""


class Evaluator:
    """Calibrates, scores and compares the networks of one run."""

    def __init__(self, config: TrainConfig, domains: Domains) -> None:
        self._scored = config.scored_categories
        self._validation, self._held_out = domains.validation, domains.held_out
        self._source = domains.source
        self._threads = config.threads or cores_here()
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

    def assess(self, segmenter: TrainedSegmenter) -> tuple[TrainedSegmenter, Measured]:
        """The segmenter with presence that is calibrated by what is known, and how good it is."""
        seen = self._see_held_out(segmenter)
        calibrated = self._calibrated(segmenter, seen)
        return calibrated, self._measured(calibrated, seen)

    def measure(self, segmenter: TrainedSegmenter) -> Measured:
        """How good a segmenter is with the calibration that it has.

        The score is of the validation masks and of the held-out weak labels, as far as there are
        any; what stands behind it is of the masks, or else of the labels.
        """
        return self._measured(segmenter, self._see_held_out(segmenter))

    def _see_held_out(self, segmenter: TrainedSegmenter) -> LabelsSeen | None:
        if not self._held_out.labels:
            return None
        return see_labels(segmenter, self._held_out.images, self._held_out.labels)

    def _calibrated(self, segmenter: TrainedSegmenter, seen: LabelsSeen | None) -> TrainedSegmenter:
        if seen is not None:
            scores_NC, presence_NC = seen.scores, seen.presence
        elif self._some_of_source is not None:
            images, presence_NC = self._some_of_source
            scores_NC = presence_scores(segmenter, images)
        else:
            return segmenter
        scale, offsets = fit_presence(scores_NC, presence_NC)
        calibrated = {"presence_scale": scale, "presence_offsets": offsets}
        return TrainedSegmenter(segmenter.network, segmenter.shape.model_copy(update=calibrated))

    def _measured(self, segmenter: TrainedSegmenter, seen: LabelsSeen | None) -> Measured:
        measured = Measured(Score(), Breakdown(images=0, unit="pixels"))
        if seen is not None:
            measured = seen.measured(segmenter.shape)
        if self._validation:
            on_masks = measure_on_masks(
                segmenter, self._validation.images, self._validation.lookup, self._scored
            )
            score = merged(on_masks.score, measured.score)
            intervals = measured.breakdown.intervals | on_masks.breakdown.intervals
            told = {"intervals": intervals}
            measured = Measured(score, on_masks.breakdown.model_copy(update=told))
        return measured

    @cached_property
    def _some_of_source(self) -> tuple[ResizedImages, Tensor] | None:
        """Images of the source and (N, C) presence in them, by the thresholds of training."""
        if self._source is None:
            return None
        images, thresholds = self._source.images, self._source.thresholds
        chosen = range(0, len(images), -(-len(images) // SOURCE_IMAGES))
        fractions_NC = images.area_fractions(len(thresholds), chosen, self._threads)
        presence_NC = presence_of(fractions_NC, thresholds, self._source.asked)
        return images.subset(chosen), torch.from_numpy(presence_NC).long()


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
