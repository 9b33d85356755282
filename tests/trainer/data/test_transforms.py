import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.data.transforms import JointTransforms, Picture

WIDTH, HEIGHT = 12, 8


def picture(points: list[list[float]] | None = None) -> Picture:
    """Red counts columns, green counts rows, and the mask is the same as one number."""
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    image = torch.stack([columns, rows, torch.zeros_like(rows)]).to(torch.uint8)
    return Picture(
        image,
        mask=(rows * WIDTH + columns).to(torch.int16),
        points=torch.tensor(points or []).reshape(-1, 3),
    )


def mask_at(changed: Picture, x: float, y: float) -> int:
    assert changed.mask is not None
    height, width = changed.mask.shape
    return int(changed.mask[int(y * height), int(x * width)])


def tensors_of(changed: Picture) -> list[Tensor | None]:
    return [changed.image, changed.mask, changed.points, changed.whole]


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    crop=st.sampled_from([None, (5, 4), (12, 8), (1, 8)]),
    places=st.lists(st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1)), max_size=6),
)
def test_points_stay_on_their_pixel_and_masks_on_their_image(
    seed: int, crop: tuple[int, int] | None, places: list[tuple[int, int]]
) -> None:
    points = [
        [number, (column + 0.5) / WIDTH, (row + 0.5) / HEIGHT]
        for number, (column, row) in enumerate(places)
    ]
    changed = JointTransforms(crop)(picture(points), (seed,), 0)
    assert changed.mask is not None
    assert changed.points is not None
    assert changed.image.shape[-2:] == ((crop[1], crop[0]) if crop else (HEIGHT, WIDTH))
    red, green, _ = changed.image.long()
    assert torch.equal(green * WIDTH + red, changed.mask.long())
    there = set(changed.mask.flatten().tolist())
    kept = {int(number): (x, y) for number, x, y in changed.points.tolist()}
    for number, (column, row) in enumerate(places):
        on_mask = row * WIDTH + column
        assert (number in kept) == (on_mask in there)
        if number in kept:
            assert mask_at(changed, *kept[number]) == on_mask


def test_a_picture_tells_whether_it_was_mirrored() -> None:
    seen = set()
    for seed in range(8):
        changed = JointTransforms()(picture(), (seed,), 0)
        flipped = bool(changed.image[0, 0, 0] == WIDTH - 1)
        assert changed.view == changed.mirrored == flipped
        seen.add(flipped)
    assert seen == {True, False}


def test_the_whole_picture_of_a_crop_is_flipped_with_it() -> None:
    for seed in range(8):
        changed = JointTransforms((6, 4))(picture(), (seed,), 0)
        assert changed.whole is not None
        assert changed.whole.shape == (3, 4, 6)
        rising = bool(changed.whole[0, 0, 0] < changed.whole[0, 0, -1])
        assert rising == bool(changed.image[0, 0, 0] < changed.image[0, 0, -1])
        assert rising != changed.mirrored


@pytest.mark.parametrize("edge", [0.0, 1.0])
def test_a_click_on_the_very_edge_is_kept(edge: float) -> None:
    for seed in range(6):
        changed = JointTransforms()(picture([[0, edge, edge]]), (seed,), 0)
        assert changed.points is not None
        assert changed.points[0, 1].item() in (pytest.approx(0), pytest.approx(1))


def test_jitter_changes_colours_alone() -> None:
    still, jittered = JointTransforms((6, 4)), JointTransforms((6, 4), color_jitter=0.5)
    before = picture([[1, 0.3, 0.4]])
    for seed in range(5):
        changed, same = jittered(before, (seed,), 0), still(before, (seed,), 0)
        assert not torch.equal(changed.image, same.image)
        assert changed.mirrored == same.mirrored
        for one, other in zip(tensors_of(changed)[1:3], tensors_of(same)[1:3], strict=True):
            assert one is not None
            assert other is not None
            assert torch.equal(one, other)


def test_the_seed_alone_decides_and_other_random_numbers_do_not_notice() -> None:
    transforms = JointTransforms((6, 4), color_jitter=0.5)
    torch.manual_seed(1)
    first = transforms(picture(), (3, 4), 0)
    after = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), after)
    second = transforms(picture(), (3, 4), 0)
    assert torch.equal(first.image, second.image)
    images = {transforms(picture(), (3, seed), 0).image.numpy().tobytes() for seed in range(9)}
    assert len(images) > 5


def test_an_image_may_have_so_many_colours_in_all_runs() -> None:
    transforms = JointTransforms(color_jitter=0.5, colorings=2)
    assert transforms.views == 4
    seen: dict[tuple[int, int], bytes] = {}
    for seed in range(40):
        row = seed % 2
        changed = transforms(picture(), (seed,), row)
        of_view = seen.setdefault((row, changed.view), changed.image.numpy().tobytes())
        assert changed.image.numpy().tobytes() == of_view
        assert changed.view % 2 == bool(changed.mask is not None and changed.mask[0, 0])
    assert len(seen) == len(set(seen.values())) == 8


@pytest.mark.parametrize(
    ("transforms", "views"),
    [
        (JointTransforms(), 2),
        (JointTransforms(colorings=3), 2),
        (JointTransforms(color_jitter=0.5), None),
        (JointTransforms(color_jitter=0.5, colorings=3), 6),
        (JointTransforms((6, 4), color_jitter=0.5, colorings=3), None),
    ],
)
def test_how_many_pictures_are_made_of_an_image(
    transforms: JointTransforms, views: int | None
) -> None:
    assert transforms.views == views
