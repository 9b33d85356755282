import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.trainer.conftest import CATEGORIES, Street, shape_with
from trainer.data.images import ResizedImages
from trainer.data.samples import Sample, list_samples
from trainer.errors import BadInput
from trainer.inference.segment import Window, map_ahead, segment_images
from trainer.method.losses.pixels import resize_logits
from trainer.models.checkpoint import TrainedSegmenter
from trainer.models.segmenter import build_segmenter

SHAPE = shape_with(categories=CATEGORIES, height=48)


@pytest.fixture(scope="module")
def segmenter() -> TrainedSegmenter:
    torch.manual_seed(3)
    return TrainedSegmenter(build_segmenter(SHAPE).eval(), SHAPE)


def dataset(street: Street) -> ResizedImages:
    return ResizedImages(list_samples(street.target, with_masks=False), SHAPE_SIZE)


SHAPE_SIZE = (SHAPE.width, SHAPE.height)


def network_alone(segmenter: TrainedSegmenter, pixels: np.ndarray) -> Tensor:
    with torch.inference_mode():
        return segmenter.network(torch.from_numpy(pixels)[None].permute(0, 3, 1, 2)).logits


@pytest.fixture
def threads_of_torch() -> Iterator[Callable[[int], None]]:
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("batch_size", [1, 4, 6, 7])
def test_logits_are_those_of_each_image_alone(
    segmenter: TrainedSegmenter,
    street: Street,
    threads_of_torch: Callable[[int], None],
    batch_size: int,
    threads: int,
) -> None:
    images = dataset(street)
    threads_of_torch(threads)
    batches = list(segment_images(segmenter, images, str, batch_size=batch_size))
    assert torch.get_num_threads() == threads
    assert [batch.first for batch in batches] == list(range(0, 6, batch_size))
    assert [extra for batch in batches for extra in batch.extras] == list("012345")
    logits = torch.cat([batch.logits for batch in batches])
    alone = torch.cat([network_alone(segmenter, images.image(index)) for index in range(6)])
    torch.testing.assert_close(logits, alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("window", [None, Window()])
def test_both_ways_to_look_are_taken_where_the_shape_says_so(
    segmenter: TrainedSegmenter, street: Street, window: Window | None
) -> None:
    both = TrainedSegmenter(
        segmenter.network, SHAPE.model_copy(update={"mirrored_prediction": True})
    )
    images = dataset(street)
    plain, mean = (
        torch.cat([batch.logits for batch in segment_images(each, images, str, window)])
        for each in (segmenter, both)
    )
    assert not torch.allclose(plain, mean, atol=1e-3)
    if window is None:
        with torch.inference_mode():
            first = both.logits(torch.from_numpy(images.image(0))[None].permute(0, 3, 1, 2))
        torch.testing.assert_close(mean[:1], first, atol=1e-4, rtol=1e-4)


def test_batches_side_by_side_share_the_threads(
    segmenter: TrainedSegmenter, street: Street, threads_of_torch: Callable[[int], None]
) -> None:
    threads_of_torch(4)
    both, seen = threading.Barrier(2, timeout=30), set[int]()

    def look(*_: object) -> None:
        seen.add(torch.get_num_threads())
        both.wait()

    hook = segmenter.network.register_forward_hook(look)
    try:
        # Each waits in the network until the other is there too.
        assert len(list(segment_images(segmenter, dataset(street), str, batch_size=1))) == 6
    finally:
        hook.remove()
    assert seen == {2}


def test_torch_has_its_threads_again_when_nobody_wants_the_rest(
    segmenter: TrainedSegmenter,
    street: Street,
    tmp_path: Path,
    threads_of_torch: Callable[[int], None],
) -> None:
    threads_of_torch(2)
    with closing(segment_images(segmenter, dataset(street), str, batch_size=1)) as batches:
        assert next(batches).extras == ("0",)
    assert torch.get_num_threads() == 2
    (tmp_path / "broken.png").write_text("text")
    broken = ResizedImages([Sample("broken", tmp_path / "broken.png")], SHAPE_SIZE)
    with pytest.raises(BadInput, match=r"broken\.png"):
        list(segment_images(segmenter, broken, str))
    assert torch.get_num_threads() == 2


def test_a_window_as_large_as_the_image_is_the_whole_image(
    segmenter: TrainedSegmenter, street: Street
) -> None:
    images = dataset(street)
    window = Window(scale=0.8)  # 80 x 60 becomes 64 x 48, the segmenter's size
    (first, *_) = segment_images(segmenter, images, str, window)
    expected = resize_logits(network_alone(segmenter, images.image(0)), (48, 64))
    torch.testing.assert_close(first.logits, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_windows_that_overlap_are_averaged_and_cover_the_image(
    segmenter: TrainedSegmenter, street: Street, batch_size: int
) -> None:
    (first, *rest) = segment_images(
        segmenter, dataset(street), str, Window(scale=1, stride=0.5), batch_size
    )
    assert len(rest) == 5
    with Image.open(street.root / "target/images/000.png") as opened:
        pixels = np.asarray(opened)
    total, seen = np.zeros((3, 60, 80)), np.zeros((60, 80))
    for top, left in itertools.product((0, 12), (0, 16)):
        part = np.ascontiguousarray(pixels[top : top + 48, left : left + 64])
        logits = resize_logits(network_alone(segmenter, part), (48, 64))[0].double()
        total[:, top : top + 48, left : left + 64] += logits.numpy()
        seen[top : top + 48, left : left + 64] += 1
    assert seen.min() == 1
    assert seen.max() == 4
    np.testing.assert_allclose(first.logits[0].numpy(), total / seen, atol=1e-4)


def test_an_image_smaller_than_the_window_is_one_window(
    segmenter: TrainedSegmenter, street: Street
) -> None:
    (first, *_) = segment_images(segmenter, dataset(street), str, Window(scale=0.5))
    assert first.logits.shape == (1, 3, 30, 40)


def test_things_are_made_ahead_in_order_and_no_further_than_needed() -> None:
    made: list[int] = []
    lock = threading.Lock()

    def make(number: int) -> int:
        with lock:
            made.append(number)
        return number * number

    taken = map_ahead(make, range(1000))
    assert [next(taken) for _ in range(3)] == [0, 1, 4]
    taken.close()
    assert len(made) < 50
    assert list(map_ahead(make, [])) == []
    assert list(map_ahead(make, range(20), group=4)) == [number * number for number in range(20)]


def test_a_broken_image_is_named(segmenter: TrainedSegmenter, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_text("text")
    images = ResizedImages([Sample("broken", tmp_path / "broken.png")], SHAPE_SIZE)
    with pytest.raises(BadInput, match=r"broken\.png: cannot decode the image"):
        list(segment_images(segmenter, images, str))
