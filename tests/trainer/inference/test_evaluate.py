from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from tests.trainer.conftest import shape_with
from trainer.contract import Score
from trainer.contract.masks import MaskCodes
from trainer.data.images import ResizedImages
from trainer.data.labels import TargetLabel
from trainer.data.samples import Sample
from trainer.errors import NonFinite
from trainer.inference.evaluate import (
    Measured,
    measure_on_masks,
    score_on_masks,
    see_labels,
    weak_label_score,
)
from trainer.inference.predict import predict_images
from trainer.inference.segment import Window, presence_scores
from trainer.models.checkpoint import TrainedSegmenter
from trainer.models.heads import Segmentation

NAMES = ("road", "sky", "car")
LEVELS = (0, 100, 200)
"""Grey of each category in the images that `ByGrey` can read."""


class ByGrey(nn.Module):
    """Calls a pixel by its grey: certain, and right where an image shows its own mask."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.Parameter(torch.tensor(LEVELS, dtype=torch.float32))

    def forward(self, images: Tensor) -> Segmentation:
        distance = images.float().mean(1, keepdim=True) - self.levels[:, None, None]
        return Segmentation(-distance.abs(), images.float())


def segmenter(width: int = 6, height: int = 4, **fields: object) -> TrainedSegmenter:
    shape = shape_with(categories=NAMES, height=height, width=width, **fields)
    return TrainedSegmenter(ByGrey(), shape)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Drawn:
    """A dataset of small masks and what the images show, as category indices."""

    images: ResizedImages
    lookup: MaskCodes


def draw(
    folder: Path, shown: list[np.ndarray], truth: list[np.ndarray], size: tuple[int, int]
) -> Drawn:
    samples = []
    for number, (seen, mask) in enumerate(zip(shown, truth, strict=True)):
        image, file = folder / f"{number}.png", folder / f"{number}-mask.png"
        Image.fromarray(np.array(LEVELS, np.uint8)[seen]).convert("RGB").save(image)
        Image.fromarray(mask.astype(np.uint8)).save(file)
        samples.append(Sample(f"image-{number}", image, file))
    lookup = np.full(256, -1, np.int16)
    lookup[:3] = range(3)
    codes = MaskCodes(lookup)
    return Drawn(ResizedImages(samples, size, codes), codes)


TRUTH = [
    np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 2, 2], [0, 0, 0, 255, 2, 2]]),
    np.array([[1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]),
]


def shown_with_errors() -> list[np.ndarray]:
    shown = [np.where(mask == 255, 0, mask) for mask in TRUTH]
    shown[0][2, 4] = 0  # one car pixel seen as road
    shown[1][3, :3] = 2  # three road pixels seen as car
    return shown


def test_scores_of_hand_counted_masks(tmp_path: Path) -> None:
    drawn = draw(tmp_path, shown_with_errors(), TRUTH, (6, 4))
    measured = measure_on_masks(segmenter(), drawn.images, drawn.lookup, scored=("road", "sky"))
    # Truth: road 7 + 18, sky 12 + 6, car 4 + 0.
    assert measured.breakdown.confusion == ((22, 0, 3), (0, 18, 0), (1, 0, 3))
    road, sky, car = 22 / 26, 1.0, 3 / 7
    assert measured.score.iou == pytest.approx({"road": road, "sky": sky, "car": car})
    assert measured.score.miou == pytest.approx((road + sky + car) / 3)
    assert measured.score.miou_of_scored == pytest.approx((road + sky) / 2)
    assert (measured.breakdown.images, measured.breakdown.unit) == (2, "pixels")
    assert score_on_masks(segmenter(), drawn.images, drawn.lookup).miou_of_scored is None
    # The second image's car is nowhere in its truth, so only road and sky count there.
    worst, best = measured.breakdown.examples
    assert (worst.image, worst.miou) == ("image-0", pytest.approx((7 / 8 + 1 + 3 / 4) / 3))
    assert (best.image, best.miou) == ("image-1", pytest.approx((15 / 18 + 1) / 2))


def test_masks_are_compared_at_their_own_size(tmp_path: Path) -> None:
    truth = [np.kron(mask, np.ones((5, 3), int)) for mask in TRUTH]
    truth[1] = truth[1][:10]
    shown = [np.where(mask == 255, 0, mask) for mask in truth]
    drawn = draw(tmp_path, shown, truth, (18, 20))
    measured = measure_on_masks(segmenter(18, 20), drawn.images, drawn.lookup)
    counts = np.array(measured.breakdown.confusion)
    assert counts.sum() == 23 * 15 + 10 * 18
    assert measured.score.miou is not None
    assert measured.score.miou > 0.8


def test_windows_see_every_pixel_of_the_original(tmp_path: Path) -> None:
    # Stripes of one pixel, which an image of half the size cannot show.
    stripes = np.tile(np.array([[0], [2]]), (16, 48))
    drawn = draw(tmp_path, [stripes], [stripes], (16, 12))
    shrunk = score_on_masks(segmenter(16, 12), drawn.images, drawn.lookup)
    sliding = score_on_masks(segmenter(16, 12), drawn.images, drawn.lookup, window=Window())
    assert sliding.miou == 1
    assert shrunk.miou is not None
    assert shrunk.miou < 0.6


def test_presence_is_told_from_calibrated_probabilities(tmp_path: Path) -> None:
    drawn = draw(tmp_path, shown_with_errors(), TRUTH, (6, 4))
    # Scores are negative distances, so without an offset nothing seems present.
    assert score_on_masks(segmenter(), drawn.images, drawn.lookup).presence_f1 == 0
    calibrated = segmenter(presence_offsets=(8, 8, 8))
    score = score_on_masks(calibrated, drawn.images, drawn.lookup)
    assert score.presence_f1 == pytest.approx(2 * 5 / (2 * 5 + 1))
    sure_of_all = segmenter(presence_offsets=(1e4, 1e4, 1e4))
    score = score_on_masks(sure_of_all, drawn.images, drawn.lookup)
    assert score.presence_error == pytest.approx(1 / 6)


def measure_on_labels(
    segmenter: TrainedSegmenter, images: ResizedImages, labels: list[TargetLabel]
) -> Measured:
    return see_labels(segmenter, images, labels).measured(segmenter.shape)


def label(presence: tuple[int, ...], *points: tuple[int, float, float]) -> TargetLabel:
    return TargetLabel(
        np.array(presence, np.int8), np.array(points, np.float32).reshape(-1, 3), size=(6, 4)
    )


def test_points_are_counted_by_category(tmp_path: Path) -> None:
    drawn = draw(tmp_path, shown_with_errors(), TRUTH, (6, 4))
    row = {number: (number + 0.5) / 4 for number in range(4)}
    column = {number: (number + 0.5) / 6 for number in range(6)}
    labels = [
        label((1, 1, 1), (0, column[0], row[3]), (1, column[2], row[0]), (2, column[4], row[2])),
        label((1, 1, -1), (0, column[1], row[1]), (0, column[0], row[3]), (0, column[5], row[3])),
    ]
    measured = measure_on_labels(segmenter(), drawn.images, labels)
    assert measured.breakdown.confusion == ((3, 0, 1), (0, 1, 0), (1, 0, 0))
    assert measured.breakdown.unit == "points"
    score = measured.score
    assert score.point_accuracy == pytest.approx(4 / 6)
    assert score.balanced_point_accuracy == pytest.approx((3 / 4 + 1 + 0) / 3)
    road, sky, car = 0.75 / (1 + 1), 1.0, 0.0
    assert score.point_miou == pytest.approx((road + sky + car) / 3)
    tags = (score.presence_f1, score.presence_average_precision)
    assert tags == (0, None)  # one of a kind: no category is present in one and absent in another
    assert score.weak_label_score == pytest.approx((0 + (3 / 4 + 1 + 0) / 3) / 2)
    assert score.miou is None
    # Both images are drawn, or one of them twice: 2 of 3, 2 of 3, or 4 of 6.
    accuracy = measured.breakdown.intervals["point_accuracy"]
    assert (accuracy.low, accuracy.high) == pytest.approx((2 / 3, 2 / 3))


def test_what_is_measured_on_masks_has_intervals_around_it(tmp_path: Path) -> None:
    drawn = draw(tmp_path, shown_with_errors(), TRUTH, (6, 4))
    measured = measure_on_masks(segmenter(), drawn.images, drawn.lookup)
    interval = measured.breakdown.intervals["miou"]
    assert measured.score.miou is not None
    assert interval.low <= measured.score.miou <= interval.high
    assert {"iou.road", "iou.sky", "presence_f1"} <= measured.breakdown.intervals.keys()


def test_a_perfect_segmenter_has_a_perfect_weak_label_score(tmp_path: Path) -> None:
    shown = [np.where(mask == 255, 0, mask) for mask in TRUTH]
    drawn = draw(tmp_path, shown, TRUTH, (6, 4))
    labels = [
        label((1, 1, 1), (0, 0.1, 0.9), (1, 0.5, 0.1), (2, 0.9, 0.6)),
        label((1, 1, 0), (0, 0.1, 0.9), (1, 0.5, 0.1)),
    ]
    calibrated = segmenter(presence_offsets=(8, 8, 8))
    score = measure_on_labels(calibrated, drawn.images, labels).score
    assert (score.point_accuracy, score.point_miou) == (1, 1)
    assert score.weak_label_score == pytest.approx(1)


def test_without_points_the_tags_alone_score(tmp_path: Path) -> None:
    drawn = draw(tmp_path, shown_with_errors(), TRUTH, (6, 4))
    measured = measure_on_labels(
        segmenter(presence_offsets=(8, 8, 8)), drawn.images, [label((1, 1, 1)), label((1, 1, 0))]
    )
    score = measured.score
    assert measured.breakdown.confusion == ()
    assert (score.point_accuracy, score.point_miou) == (None, None)
    # Both images show three pixels of car, so they come together: one of two is right.
    assert score.presence_average_precision == 0.5
    assert score.presence_f1 == pytest.approx(10 / 11)
    assert score.weak_label_score == pytest.approx((0.5 + 10 / 11) / 2)
    assert weak_label_score(Score()) is None


def test_a_network_that_has_diverged_is_told_with_the_image(tmp_path: Path) -> None:
    drawn = draw(tmp_path, shown_with_errors(), TRUTH, (6, 4))
    broken = segmenter()
    with torch.no_grad():
        next(broken.network.parameters())[1] = torch.nan
    labels = [TargetLabel(np.array([1, 1, 0], np.int8), np.zeros((0, 3), np.float32), (6, 4))] * 2
    for look in (
        lambda: measure_on_masks(broken, drawn.images, drawn.lookup),
        lambda: see_labels(broken, drawn.images, labels),
        lambda: presence_scores(broken, drawn.images),
        lambda: predict_images(broken, drawn.images, tmp_path / "out"),
    ):
        with pytest.raises(NonFinite, match="image-0 is not finite"):
            look()
    assert not (tmp_path / "out").exists()
