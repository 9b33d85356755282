from pathlib import Path

import pytest
import torch
from torch import nn

from tests.trainer.conftest import MakeRun, Street
from tests.trainer.run.test_train import many_labels
from trainer.contract import Score
from trainer.data.domains import load_domains
from trainer.models.checkpoint import TrainedSegmenter, shape_of
from trainer.models.segmenter import build_segmenter
from trainer.run.selection import Evaluator, is_better, merged
from trainer.run_folder.config import read_config


@pytest.mark.parametrize(
    ("rule", "score", "best", "preferred"),
    [
        ("last", Score(miou=0.9), None, False),
        ("masks", Score(miou=0.3), None, True),
        ("masks", Score(weak_label_score=0.3), None, False),
        ("masks", Score(miou=0.3), Score(miou=0.4), False),
        ("masks", Score(miou=0.5, weak_label_score=0.1), Score(miou=0.4), True),
        ("weak-labels", Score(miou=0.1, weak_label_score=0.5), Score(weak_label_score=0.4), True),
        ("weak-labels", Score(miou=0.9), Score(weak_label_score=0.4), False),
        ("weak-labels", Score(weak_label_score=0.4), Score(weak_label_score=0.4), True),
    ],
)
def test_the_rule_alone_decides(
    rule: str, score: Score, best: Score | None, preferred: bool
) -> None:
    assert is_better(rule, score, best) == preferred


def test_masks_and_labels_make_one_score() -> None:
    on_masks = Score(miou=0.4, iou={"road": 0.4}, presence_f1=0.7)
    on_labels = Score(point_accuracy=0.8, weak_label_score=0.5, presence_f1=0.9)
    assert merged(on_masks, on_labels) == Score(
        miou=0.4, iou={"road": 0.4}, presence_f1=0.7, point_accuracy=0.8, weak_label_score=0.5
    )
    assert merged(Score(), on_labels) == on_labels


class Counter:
    """Counts the images that go through a network."""

    def __init__(self, network: nn.Module) -> None:
        self.images = 0
        network.register_forward_pre_hook(self._count)

    def _count(self, _: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.images += len(inputs[0])


def evaluator_and_segmenter(run_dir: Path) -> tuple[Evaluator, TrainedSegmenter]:
    config, _ = read_config(run_dir)
    torch.manual_seed(0)
    shape = shape_of(config)
    segmenter = TrainedSegmenter(build_segmenter(shape).eval(), shape)
    return Evaluator(config, load_domains(config)), segmenter


def test_held_out_images_are_segmented_once_to_calibrate_and_to_score(
    make_run: MakeRun, tmp_path: Path
) -> None:
    run_dir = make_run(**many_labels(tmp_path, 20), validation=None)
    evaluator, segmenter = evaluator_and_segmenter(run_dir)
    seen = Counter(segmenter.network)
    calibrated, measured = evaluator.assess(segmenter)
    assert seen.images == measured.breakdown.images == 2
    assert calibrated.shape.presence_offsets
    assert evaluator.measure(calibrated) == measured
    before = evaluator.measure(segmenter).score
    assert before.presence_error != measured.score.presence_error
    assert before.point_accuracy == measured.score.point_accuracy


def test_without_held_out_labels_the_source_calibrates(make_run: MakeRun) -> None:
    evaluator, segmenter = evaluator_and_segmenter(make_run())
    seen = Counter(segmenter.network)
    calibrated, measured = evaluator.assess(segmenter)
    assert seen.images == 8 + 3  # of the source and of validation
    assert calibrated.shape.presence_offsets
    assert measured.score.miou is not None
    assert evaluator.measure(calibrated) == measured


@pytest.mark.parametrize("supervision", ["pseudo", "source-only"])
def test_a_category_that_the_source_does_not_name_is_not_calibrated_as_absent(
    make_run: MakeRun, street: Street, supervision: str
) -> None:
    """Its offset is the one that all share: nothing was asked of it."""
    lacking = street.source.model_copy(update={"ids": {0: "road", 1: "building"}, "void": (2,)})
    evaluator, segmenter = evaluator_and_segmenter(
        make_run(supervision, source=lacking, labels=None)
    )
    road, building, car = evaluator.assess(segmenter)[0].shape.presence_offsets
    # Road and building are in every image of the source, which raises what all share.
    assert 0 < car < min(road, building)


def test_without_source_and_labels_nothing_is_calibrated(make_run: MakeRun) -> None:
    evaluator, segmenter = evaluator_and_segmenter(make_run(source=None, warmup_steps=0))
    calibrated, measured = evaluator.assess(segmenter)
    assert calibrated == segmenter
    assert measured.breakdown.unit == "pixels"
