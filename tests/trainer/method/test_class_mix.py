from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from tests.trainer.method.test_step import OF_LABELS, SOURCE, adaptation_for, batches, config_for
from trainer.contract import Supervision
from trainer.method.class_mix import chosen_pixels, mixed
from trainer.method.terms import term_weights
from trainer.models.checkpoint import shape_of
from trainer.models.segmenter import build_segmenter
from trainer.recipes import RecipeError

ALONE = {f"weights.{name}": 0 for name in (*OF_LABELS, "self_training")} | {"weights.class_mix": 1}


@given(
    st.lists(
        st.lists(st.integers(-1, 4), min_size=12, max_size=12),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 1000),
)
def test_half_of_the_categories_of_each_mask_are_chosen_whole(
    masks: list[list[int]], seed: int
) -> None:
    masks_BHW = torch.tensor(masks).view(-1, 3, 4)
    torch.manual_seed(seed)
    chosen_BHW = chosen_pixels(masks_BHW, 5)
    for mask, chosen in zip(masks_BHW, chosen_BHW, strict=True):
        there = set(mask.unique().tolist()) - {-1}
        inside = set(mask[chosen].tolist())
        assert inside <= there
        assert inside.isdisjoint(mask[~chosen].tolist())
        assert len(inside) == (len(there) + 1) // 2


def test_each_category_is_chosen_as_often() -> None:
    mask = torch.tensor([[[0, 1], [3, -1]]]).expand(3000, -1, -1)
    torch.manual_seed(0)
    shares = chosen_pixels(mask, 4).double().mean(0)
    assert shares.flatten().tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 0], abs=0.03)


def test_chosen_pixels_are_the_sources() -> None:
    source, target = batches()
    pixels = torch.rand(2, 48, 64) < 0.5
    images = mixed(source, target, pixels)
    assert isinstance(images, Tensor)
    for number in range(2):
        for row, column in ((0, 0), (7, 31), (47, 63)):
            from_ = source if pixels[number, row, column] else target
            assert torch.equal(images[number, :, row, column], from_.images[number, :, row, column])
    assert torch.equal(images == source.images, pixels[:, None].expand(-1, 3, -1, -1))


def test_maps_of_a_pasted_object_are_those_of_its_pixels() -> None:
    height, width, left = 48, 192, 64
    torch.manual_seed(3)
    segmenter = build_segmenter(shape_of(config_for("pseudo", backbone="efficientnet-lite0")))
    segmenter.freeze(2)
    source, target = (
        replace(batch, images=(255 * torch.rand(2, 3, height, width)).byte()) for batch in batches()
    )
    pixels = (torch.arange(width) >= left).expand(2, height, width)
    pasted = mixed(source, target, pixels)
    assert isinstance(pasted, Tensor)
    source_maps, target_maps, pasted_maps = (
        segmenter.begin(images) for images in (source.images, target.images, pasted)
    )
    maps = mixed(replace(source, begun=source_maps), replace(target, begun=target_maps), pixels)
    for cells, ours, theirs, of_pasted in zip(
        maps, source_maps, target_maps, pasted_maps, strict=True
    ):
        edge, reach = cells.shape[-1] // 3, 6
        assert torch.equal(cells, torch.cat([theirs[..., :edge], ours[..., edge:]], -1))
        for far in (slice(edge - reach), slice(edge + reach, None)):
            torch.testing.assert_close(cells[..., far], of_pasted[..., far])


@pytest.mark.parametrize("sure", [True, False])
def test_pasted_pixels_follow_masks_and_the_others_a_teacher_that_is_sure(*, sure: bool) -> None:
    source, target = batches([[1, 1, 0], [1, 1, 0]])
    source = replace(source, masks=torch.zeros_like(source.masks))
    source.masks[:, :, 32:] = 2
    adaptation = adaptation_for(config_for("image", **ALONE, mask_stride=1))
    average, network = adaptation.average.network, adaptation.segmenter
    with torch.no_grad():
        average.head.get_parameter("classifier.weight").zero_()
        # Absent, it is not what the teacher is heard to say.
        said = torch.tensor([0.0, 5.0, 9.0]) if sure else torch.zeros(3)
        average.head.get_parameter("classifier.bias").copy_(said)
        network.head.get_parameter("classifier.weight").zero_()
        network.head.get_parameter("classifier.bias").copy_(torch.tensor([1.0, 2.0, 4.0]))
    loss_of = -F.log_softmax(torch.tensor([1.0, 2.0, 4.0]), 0)
    taught = loss_of[1] if sure else 0
    # Half of each image is pasted, of one of its two categories.
    of_image = [float(loss_of[pasted] + taught) / 2 for pasted in (0, 2)]
    of_both = [(one + other) / 2 for one in of_image for other in of_image]
    losses = adaptation.step(0, source, target)
    assert set(losses) == SOURCE | {"class_mix"}
    assert any(float(losses["class_mix"]) == pytest.approx(each, abs=1e-5) for each in of_both)


def test_what_is_mixed_follows_from_the_step_alone() -> None:
    losses = [adaptation_for(config_for("pseudo", **ALONE)).step(n, *batches()) for n in (4, 4, 5)]
    assert losses[0]["class_mix"] == losses[1]["class_mix"] != losses[2]["class_mix"]


def test_nothing_is_mixed_in_a_step_without_the_source() -> None:
    adaptation = adaptation_for(config_for("pseudo", **ALONE))
    assert adaptation.step(0, None, batches()[1])["class_mix"] == 0


def test_mixing_needs_both_domains_and_labels_of_images() -> None:
    on = {"weights.class_mix": 1}
    assert {s for s in Supervision if "class_mix" in term_weights(config_for(s, **on))} == {
        Supervision.PSEUDO,
        Supervision.IMAGE,
        Supervision.POINT,
    }
    assert "class_mix" not in term_weights(config_for("point", source=False, **on))


def test_images_of_two_sizes_cannot_be_mixed_but_by_crops() -> None:
    sizes = {"weights.class_mix": 1, "source_height": 60, "source_width": 80}
    with pytest.raises(RecipeError, match=r"class_mix.*80 x 60.*64 x 48"):
        config_for("pseudo", **sizes)
    config_for("pseudo", **sizes, crop_height=32, crop_width=32)
