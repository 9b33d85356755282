import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from trainer.data.batches import TargetBatches, loaded, view_of
from trainer.data.images import ResizedImages
from trainer.data.labels import TargetLabel, unlabelled
from trainer.data.samples import Sample
from trainer.data.sampling import half_labelled
from trainer.data.transforms import JointTransforms
from trainer.errors import BadInput, in_one_line, is_memory_full


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


def target_batches(
    images: ResizedImages, labels: list[TargetLabel], *, crop: tuple[int, int] | None = None
) -> TargetBatches:
    known = np.array([(label.presence >= 0).any() for label in labels])
    order = half_labelled(known, 4, seed=3)
    return TargetBatches(images, labels, order, 4, 3, JointTransforms(crop))


def test_points_are_flipped_with_their_image(images: ResizedImages) -> None:
    batches = target_batches(images, [labelled()] * 8)
    seen = set()
    for number in range(6):
        batch = batches(number)
        assert batch.images.dtype == torch.uint8
        for image, category, x, y in batch.points.tolist():
            pixels = batch.images[int(image)]
            assert pixels[0, 2, int(x * 8)] == 200
            assert (category, y) == (0, 0.5)
            seen.add(x)
    assert seen == {0.25, 0.75}


def test_views_tell_every_picture_apart(images: ResizedImages) -> None:
    """Of a part of a dataset, by the places of its images in the whole."""
    part = images.subset([6, 2, 3, 7])
    batches = target_batches(part, [labelled()] * 4)
    seen: dict[int, tuple[str, bool]] = {}
    for number in range(12):
        batch = batches(number)
        assert batch.views is not None
        for view, name, pixels in zip(batch.views.tolist(), batch.names, batch.images, strict=True):
            mirrored = bool(pixels[0, 0, 0] == 0)
            assert seen.setdefault(view, (name, mirrored)) == (name, mirrored)
    assert seen == {
        view_of(row, mirrored, 2): (f"{row}.png", mirrored)
        for row in (2, 3, 6, 7)
        for mirrored in (False, True)
    }


def test_pictures_that_are_changed_otherwise_have_no_views(images: ResizedImages) -> None:
    assert target_batches(images, [labelled()] * 8, crop=(4, 4))(0).views is None


def test_a_few_labels_fill_half_of_every_batch(images: ResizedImages) -> None:
    labels = [labelled(), *[unlabelled(2)] * 7]
    batches = target_batches(images, labels)
    for number in range(5):
        batch = batches(number)
        assert batch.names[:2] == ("0.png", "0.png")
        assert "0.png" not in batch.names[2:]
        assert batch.presence.tolist() == [[1, 0]] * 2 + [[-1, -1]] * 2
        assert batch.points[:, 0].tolist() == [0, 1]


def test_without_labels_all_images_are_taken(images: ResizedImages) -> None:
    batches = target_batches(images, [unlabelled(2)] * 8)
    assert len({name for number in (0, 1) for name in batches(number).names}) == 8
    assert batches(0).points.shape == (0, 4)
    assert (batches(0).presence == -1).all()


def test_images_beyond_the_memory_limit_are_decoded_anew(images: ResizedImages) -> None:
    limited = ResizedImages(images.samples, (8, 4), memory_limit=100)
    first = limited.image(0)
    assert limited.image(0) is first
    assert limited.image(1) is not limited.image(1)
    assert np.array_equal(limited.image(1), limited.image(1))


def tens(number: int) -> torch.Tensor:
    if number == 7:
        raise BadInput("image 7: cannot decode")
    return torch.tensor(number * 10)


@pytest.mark.parametrize("pin_memory", [True, False])
def test_batches_are_pinned_for_a_device_that_is_used_and_not_for_one_that_is_there(
    monkeypatch: pytest.MonkeyPatch, pin_memory: bool
) -> None:
    told: dict[str, object] = {}

    def loader(dataset: object, **options: object) -> list[torch.Tensor]:
        told.update(options)
        return []

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("trainer.data.batches.DataLoader", loader)
    assert list(loaded(tens, range(1), pin_memory=pin_memory)) == []
    assert told["pin_memory"] == pin_memory


@pytest.mark.parametrize("workers", [0, 2])
def test_loaded_batches_come_in_order_and_with_their_errors(workers: int) -> None:
    batches = loaded(tens, range(3, 9), workers)
    assert [next(batches).item() for _ in range(4)] == [30, 40, 50, 60]
    with pytest.raises(BadInput, match=r"^image 7: cannot decode$"):
        next(batches)


def killed_at_4(number: int) -> torch.Tensor:
    if number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return torch.tensor(number)


def test_a_worker_that_the_kernel_killed_is_told_as_full_memory() -> None:
    batches = loaded(killed_at_4, range(3, 6), workers=1)
    with pytest.raises(RuntimeError) as error:
        list(batches)
    assert is_memory_full(error.value)
    assert in_one_line(error.value).startswith("a process that prepares batches was killed")
    assert "fewer loader_workers" in in_one_line(error.value)
