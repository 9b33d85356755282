from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from trainer.data.batches import TargetBatches, batch_indices, normalise, prefetched
from trainer.data.cards import Sample
from trainer.data.images import ResizedImages
from trainer.data.labels import TargetLabel, unlabelled
from trainer.errors import BadInput


def test_normalise_is_what_the_backbone_expects() -> None:
    images = np.array([[[[127, 255, 0]]]], np.uint8)
    assert normalise(images).flatten().tolist() == [0, 1, -127 / 128]


def test_every_epoch_takes_each_image_once() -> None:
    taken = np.concatenate([batch_indices(5, 2, number, (0, 1)) for number in range(10)])
    for epoch in range(4):
        assert sorted(taken[epoch * 5 : epoch * 5 + 5]) == [0, 1, 2, 3, 4]
    assert not np.array_equal(taken[:5], taken[5:10])
    assert np.array_equal(batch_indices(5, 2, 7, (0, 1)), taken[14:16])


@pytest.fixture
def images(tmp_path: Path) -> ResizedImages:
    samples = []
    for number in range(8):
        path = tmp_path / f"{number}.png"
        pixels = np.zeros((4, 8, 3), np.uint8)
        pixels[:, :4] = 200
        Image.fromarray(pixels).save(path)
        samples.append(Sample(f"{number}.png", path))
    return ResizedImages(samples, (8, 4))


def labelled(x: float = 0.25) -> TargetLabel:
    return TargetLabel(np.array([1, 0], np.int8), np.array([[0, x, 0.5]], np.float32), (8, 4))


def test_points_are_flipped_with_their_image(images: ResizedImages) -> None:
    batches = TargetBatches(images, [labelled()] * 8, batch_size=4, seed=3)
    seen = set()
    for number in range(6):
        batch = batches(number)
        for image, category, x, y in batch.points.tolist():
            pixels = batch.images[int(image)]
            assert pixels[0, 2, int(x * 8)] > 0.5
            assert (category, y) == (0, 0.5)
            seen.add(x)
    assert seen == {0.25, 0.75}


def test_a_few_labels_fill_half_of_every_batch(images: ResizedImages) -> None:
    labels = [labelled(), *[unlabelled(2)] * 7]
    batches = TargetBatches(images, labels, batch_size=4, seed=0)
    for number in range(5):
        batch = batches(number)
        assert batch.names[:2] == ("0.png", "0.png")
        assert "0.png" not in batch.names[2:]
        assert batch.presence.tolist() == [[1, 0]] * 2 + [[-1, -1]] * 2
        assert batch.points[:, 0].tolist() == [0, 1]


def test_without_labels_all_images_are_taken(images: ResizedImages) -> None:
    batches = TargetBatches(images, [unlabelled(2)] * 8, batch_size=4, seed=0)
    assert len({name for number in (0, 1) for name in batches(number).names}) == 8
    assert batches(0).points.shape == (0, 4)
    assert (batches(0).presence == -1).all()


def test_images_beyond_the_memory_limit_are_decoded_anew(images: ResizedImages) -> None:
    limited = ResizedImages(images.samples, (8, 4), memory_limit=100)
    first = limited.image(0)
    assert limited.image(0) is first
    assert limited.image(1) is not limited.image(1)
    assert np.array_equal(limited.image(1), limited.image(1))


def test_prefetched_batches_come_in_order_and_with_their_errors() -> None:
    assert list(prefetched(lambda number: number * 10, 3, 7)) == [30, 40, 50, 60]

    def make(number: int) -> torch.Tensor:
        if number == 2:
            raise BadInput("image 2")
        return torch.zeros(1)

    batches = prefetched(make, 0, 5)
    next(batches)
    next(batches)
    with pytest.raises(BadInput, match="image 2"):
        next(batches)
