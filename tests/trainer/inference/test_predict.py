import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.trainer.inference.test_evaluate import LEVELS, NAMES, segmenter
from trainer.contract import ImagePrediction
from trainer.data.images import ResizedImages
from trainer.data.samples import Sample
from trainer.errors import BadInput
from trainer.inference.predict import LONGEST_SIDE, palette, predict_images, uncertainty
from trainer.inference.segment import Window


def write_images(folder: Path, sizes: list[tuple[int, int]]) -> list[Sample]:
    """Left half road, right half car."""
    samples = []
    for number, (width, height) in enumerate(sizes):
        grey = np.full((height, width), LEVELS[0], np.uint8)
        grey[:, width // 2 :] = LEVELS[2]
        path = folder / f"{number}.png"
        Image.fromarray(grey).convert("RGB").save(path)
        samples.append(Sample(f"a b/{number}.png", path))
    return samples


def predictions_of(folder: Path) -> list[ImagePrediction]:
    lines = (folder / "predictions.jsonl").read_text().splitlines()
    return [ImagePrediction.model_validate_json(line) for line in lines]


@pytest.mark.parametrize("window", [None, Window()])
@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_masks_have_their_images_sizes_in_order(
    tmp_path: Path, batch_size: int, window: Window | None
) -> None:
    sizes = [(12, 8), (24, 8), (12, 8), (40, 32), (6, 4)]
    images = ResizedImages(write_images(tmp_path, sizes), (12, 8))
    done: list[int] = []
    predict_images(segmenter(12, 8), images, tmp_path / "out", done.append, window, batch_size)
    assert done == [1, 2, 3, 4, 5]
    found = predictions_of(tmp_path / "out")
    assert [(each.width, each.height) for each in found] == sizes
    assert [each.image for each in found] == [f"a b/{number}.png" for number in range(5)]
    assert [each.mask for each in found] == [f"masks/{n:06d}-{n}.png" for n in range(5)]
    for each, (width, height) in zip(found, sizes, strict=True):
        with Image.open(tmp_path / "out" / each.mask) as opened:
            assert opened.mode == "P"
            assert opened.size == (width, height)
            assert opened.convert("RGB").getpixel((0, 0)) == tuple(bytes.fromhex(palette(3)[0][1:]))
            mask = np.asarray(opened)
        edge = width // 2
        assert (mask[:, : edge - 2] == 0).all()
        assert (mask[:, edge + 2 :] == 2).all()


def test_presence_is_calibrated_and_named(tmp_path: Path) -> None:
    images = ResizedImages(write_images(tmp_path, [(12, 8)]), (12, 8))
    shape = {"presence_scale": 0.5, "presence_offsets": (0.0, 1.0, 2.0)}
    predict_images(segmenter(12, 8, **shape), images, tmp_path / "out")
    (found,) = predictions_of(tmp_path / "out")
    # Half of the pixels have logit 0, the others are far away: the smooth maximum is log(1/2).
    expected = {
        "road": 1 / (1 + math.exp(-0.5 * math.log(0.5))),
        "car": 1 / (1 + math.exp(-0.5 * math.log(0.5) - 2)),
    }
    assert found.presence["road"] == pytest.approx(expected["road"], abs=1e-4)
    assert found.presence["car"] == pytest.approx(expected["car"], abs=1e-4)
    assert found.presence["sky"] < 1e-4
    assert tuple(found.presence) == NAMES
    assert found.uncertainty == pytest.approx(0, abs=1e-3)


def test_uncertainty_is_the_share_of_the_largest_entropy() -> None:
    certain, undecided = torch.zeros(1, 4, 2, 3), torch.zeros(1, 4, 2, 3)
    certain[:, 1] = 1000
    undecided[:, :2] = 1000
    found = uncertainty(torch.cat([certain, undecided, torch.zeros(1, 4, 2, 3)]))
    torch.testing.assert_close(found, torch.tensor([0.0, 0.5, 1.0]))
    assert uncertainty(torch.randn(2, 1, 3, 3)).tolist() == [0, 0]


def test_a_very_large_mask_is_scaled_up_from_a_smaller_one(tmp_path: Path) -> None:
    size = (LONGEST_SIDE * 2, 40)
    images = ResizedImages(write_images(tmp_path, [size]), (64, 32))
    predict_images(segmenter(64, 32), images, tmp_path / "out")
    (found,) = predictions_of(tmp_path / "out")
    with Image.open(tmp_path / "out" / found.mask) as opened:
        assert opened.size == size
        mask = np.asarray(opened)
    assert (mask[:, :1900] == 0).all()
    assert (mask[:, 2200:] == 2).all()


def test_who_listens_may_stop_it(tmp_path: Path) -> None:
    images = ResizedImages(write_images(tmp_path, [(12, 8)] * 40), (12, 8))

    def stop(count: int) -> None:
        if count == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        predict_images(segmenter(12, 8), images, tmp_path / "out", stop)
    assert not (tmp_path / "out" / "predictions.jsonl").exists()


def test_no_predictions_when_an_image_is_broken(tmp_path: Path) -> None:
    samples = write_images(tmp_path, [(12, 8)] * 3)
    samples[1].image.write_text("text")
    with pytest.raises(BadInput, match=r"1\.png: cannot"):
        predict_images(segmenter(12, 8), ResizedImages(samples, (12, 8)), tmp_path / "out")
    assert not (tmp_path / "out" / "predictions.jsonl").exists()


def test_lines_are_plain_json(tmp_path: Path) -> None:
    images = ResizedImages(write_images(tmp_path, [(12, 8)]), (12, 8))
    predict_images(segmenter(12, 8), images, tmp_path / "out")
    line = json.loads((tmp_path / "out" / "predictions.jsonl").read_text())
    assert set(line) == {"image", "mask", "width", "height", "presence", "uncertainty"}
