import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.trainer.method import reference
from trainer.contract import DatasetCard, Supervision, TrainConfig
from trainer.data.batches import SourceBatch, TargetBatch
from trainer.errors import NonFiniteLoss
from trainer.method.losses.pixels import sample_logits
from trainer.method.losses.presence import smooth_maximum
from trainer.method.nan_guard import FiniteGuard
from trainer.method.step import Adaptation, frozen, make_accelerator
from trainer.method.terms import term_weights
from trainer.models.checkpoint import shape_of
from trainer.models.segmenter import build_segmenter
from trainer.recipes import RunSubject, apply_overrides, build

CPU = torch.device("cpu")
ADVERSARIAL = {"output_alignment", "category_alignment"}
SOURCE = {"source", "source_presence", "source_overlap"}
POINTS = {"point", "self_training"}
OF_LABELS = ("output_alignment", "category_alignment", "image_label", "absent", "point")
"""Terms of the target that a run with points has besides self-training."""
SMALLEST = "timm/test_efficientnet"
LABELS = [[1.0, 1.0, 0.0], [1.0, -1.0, 1.0]]


def config_for(supervision: str, *, source: bool = True, **overrides: object) -> TrainConfig:
    subject = RunSubject(
        supervision=Supervision(supervision),
        categories=("road", "building", "car"),
        source=DatasetCard(name="source") if source else None,
        target=DatasetCard(name="target"),
        labels=Path("labels.jsonl"),
    )
    return apply_overrides(build("tiny", subject), {"backbone": SMALLEST} | overrides)


def batches(presence: list[list[float]] = LABELS) -> tuple[SourceBatch, TargetBatch]:
    generator = torch.Generator().manual_seed(5)
    images = 255 * torch.rand(4, 3, 48, 64, generator=generator)
    masks = torch.randint(0, 3, (2, 48, 64), generator=generator)
    points = torch.tensor([[0, 1, 0.3, 0.3], [1, 2, 0.6, 0.2], [1, 0, 0.9, 0.9]])
    return (
        SourceBatch(images[:2], masks, torch.ones(2, 3), ("s0.png", "s1.png")),
        TargetBatch(images[2:], torch.tensor(presence), points, ("t0.png", "t1.png")),
    )


def adaptation_for(config: TrainConfig) -> Adaptation:
    torch.manual_seed(0)
    segmenter = build_segmenter(shape_of(config))
    return Adaptation(config, segmenter, make_accelerator(config, CPU))


def weights_of(adaptation: Adaptation) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in adaptation.segmenter.parameters()])


@pytest.mark.parametrize(
    ("supervision", "terms"),
    [
        ("source-only", SOURCE),
        ("pseudo", SOURCE | ADVERSARIAL | {"image_label"}),
        ("image", SOURCE | ADVERSARIAL | {"image_label", "absent"}),
        ("point", SOURCE | ADVERSARIAL | {"image_label", "absent", *POINTS}),
        ("dense", SOURCE | {"dense", "dense_overlap"}),
    ],
)
def test_each_supervision_has_its_terms(supervision: str, terms: set[str]) -> None:
    assert set(term_weights(config_for(supervision))) == terms


@pytest.mark.parametrize(
    ("supervision", "terms"),
    [
        ("image", {"image_label", "absent"}),
        ("point", {"image_label", "absent", *POINTS}),
        ("dense", {"dense", "dense_overlap"}),
    ],
)
def test_without_a_source_there_is_nothing_to_align(supervision: str, terms: set[str]) -> None:
    assert set(term_weights(config_for(supervision, source=False))) == terms


def test_self_training_needs_points() -> None:
    on = {"weights.self_training": 1}
    with_it = {s for s in Supervision if "self_training" in term_weights(config_for(s, **on))}
    assert with_it == {Supervision.POINT}


def test_the_image_label_weight_depends_on_who_labels() -> None:
    assert term_weights(config_for("pseudo"))["image_label"] == 0.01
    assert term_weights(config_for("pseudo", pseudo_labels="ranked"))["image_label"] == 0.2
    assert term_weights(config_for("image"))["image_label"] == 0.2
    fixed = config_for("image", **{"weights.image_label": 0.7})
    assert term_weights(fixed)["image_label"] == 0.7


@pytest.mark.parametrize("name", OF_LABELS)
def test_each_term_can_be_switched_off_or_be_the_only_one(name: str) -> None:
    without = adaptation_for(config_for("point", **{f"weights.{name}": 0}))
    assert name not in without.step(0, *batches())
    alone = {f"weights.{each}": 0 for each in OF_LABELS if each != name}
    losses = adaptation_for(config_for("point", **alone)).step(0, *batches())
    assert {each for each in losses if each in OF_LABELS} == {name}


def test_masks_are_compared_at_every_so_many_pixels() -> None:
    every, second = (
        adaptation_for(config_for("source-only", mask_stride=stride)).step(0, batches()[0], None)
        for stride in (1, 2)
    )
    same, changed = {"source_presence"}, {"source", "source_overlap"}
    assert {name for name in every if every[name] == second[name]} == same
    assert {name for name in every if every[name] != second[name]} == changed


def test_frequent_categories_of_the_source_are_taken_for_granted() -> None:
    source = replace(batches()[0], frequencies=torch.tensor([0.98, 0.01, 0.01]))
    usual, adjusted = (
        adaptation_for(config_for("source-only", source_logit_adjustment=tau)).step(0, source, None)
        for tau in (0, 1)
    )
    assert adjusted["source"] > usual["source"]  # a third of the pixels is of each category
    assert adjusted["source_overlap"] == usual["source_overlap"]


def test_clicks_do_not_say_how_large_a_category_is() -> None:
    source, target = batches()
    frequencies, clicked = torch.tensor([0.9, 0.06, 0.04]), torch.full((3,), 1 / 3)
    told = replace(target, clicked=clicked, frequencies=frequencies)
    points = {
        (strength, tau): float(
            adaptation_for(
                config_for("point", point_logit_adjustment=strength, source_logit_adjustment=tau)
            ).step(0, source, told)["point"]
        )
        for strength in (0, 1)
        for tau in (0, 1)
    }
    # Logits that take all categories for alike, as with tau 1, are those of clicks that do.
    assert points[1, 1] == pytest.approx(points[0, 1], rel=1e-5)
    assert points[0, 0] == pytest.approx(points[0, 1], rel=1e-5)
    # By Bayes, what is likely at a clicked pixel: p(c | pixel) * clicked_c / frequency_c.
    logits = adaptation_for(config_for("point")).segmenter(target.images).logits.detach()
    expected = []
    for of_point, category in zip(
        sample_logits(logits, target.points).tolist(), target.points[:, 1].int(), strict=True
    ):
        odds = [
            p * click / frequency
            for p, click, frequency in zip(
                reference.softmax(of_point), clicked.tolist(), frequencies.tolist(), strict=True
            )
        ]
        expected.append(-math.log(odds[category] / sum(odds)))
    assert points[1, 0] == pytest.approx(sum(expected) / len(expected), rel=1e-4)


def test_tags_of_nearly_all_images_say_little() -> None:
    source, target = batches()
    half, common = torch.full((3,), 0.5), torch.tensor([0.95, 0.5, 0.2])

    def losses(supervision: str, shares: torch.Tensor, strength: float) -> dict[str, float]:
        config = config_for(supervision, presence_logit_adjustment=strength)
        of_target = None if supervision == "source-only" else replace(target, shares=shares)
        return adaptation_for(config).step(0, replace(source, shares=shares), of_target)

    usual, adjusted = losses("image", common, 0), losses("image", common, 1)
    assert usual == losses("image", half, 1) == losses("image", half, 0)
    changed = {name for name in usual if usual[name] != adjusted[name]}
    assert changed >= {"image_label", "source_presence"}
    # By Bayes, as likely as in a domain in which half of the images have it, times how many do.
    network = adaptation_for(config_for("image")).segmenter
    scores = smooth_maximum(network(source.images).logits).detach()
    expected = []
    for of_image, presence in zip(scores.tolist(), source.presence.tolist(), strict=True):
        for score, share, is_there in zip(of_image, common.tolist(), presence, strict=True):
            there, not_there = (
                share / (1 + math.exp(-score)),
                (1 - share) / (1 + math.exp(score)),
            )
            expected.append(-math.log((there if is_there else not_there) / (there + not_there)))
    assert adjusted["source_presence"] == pytest.approx(sum(expected) / len(expected), rel=1e-4)
    assert losses("pseudo", common, 1) == losses("pseudo", common, 0)
    assert losses("source-only", common, 1) == losses("source-only", common, 0)


@pytest.mark.parametrize("network", ["vit_tiny_patch16_dinov3_qkvb", "pvt_v2_b0", "test_convnext"])
def test_a_transformer_or_its_like_learns_behind_its_frozen_stages(network: str) -> None:
    changes = {"backbone": f"timm/{network}", "logit_stride": 4, "frozen_stages": 2}
    adaptation = adaptation_for(config_for("point", **changes))
    before = {name: weight.clone() for name, weight in adaptation.segmenter.named_parameters()}
    adaptation.step(0, *batches())
    for name, weight in adaptation.segmenter.named_parameters():
        assert torch.equal(weight, before[name]) != weight.requires_grad, name
    assert not all(weight.requires_grad for weight in adaptation.segmenter.parameters())


def test_frozen_lets_gradients_through_without_reaching_the_weights() -> None:
    layer = torch.nn.Linear(2, 1)
    inputs = torch.ones(1, 2, requires_grad=True)
    with frozen(layer):
        layer(inputs).sum().backward()
    assert layer.weight.grad is None
    assert inputs.grad is not None
    assert inputs.grad.any()
    assert layer.weight.requires_grad


def test_discriminators_learn_only_from_their_own_loss() -> None:
    source, target = batches()
    adaptation = adaptation_for(config_for("point", discriminator_learning_rate=1e-3))
    before = [weight.clone() for weight in adaptation.discriminators.parameters()]
    adaptation.step(0, source, None)
    after = list(adaptation.discriminators.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    adaptation.step(1, source, target)
    after = list(adaptation.discriminators.parameters())
    assert not all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_discriminators_get_better_at_telling_apart() -> None:
    source, target = batches()
    adaptation = adaptation_for(
        config_for(
            "point", discriminator_learning_rate=1e-2, learning_rate=1e-9, warmup_steps=0, steps=99
        )
    )
    losses = [adaptation.step(number, source, target) for number in range(25)]
    assert losses[-1]["output_discriminator"] < 0.9 * losses[0]["output_discriminator"]
    assert losses[-1]["category_discriminators"] < 0.9 * losses[0]["category_discriminators"]


@pytest.mark.parametrize("supervision", ["pseudo", "image", "point"])
def test_unlabelled_batches_stay_finite(supervision: str) -> None:
    source, target = batches([[-1.0] * 3] * 2)
    target = replace(target, points=torch.zeros(0, 4))
    losses = adaptation_for(config_for(supervision)).step(0, source, target)
    assert all(loss.isfinite() for loss in losses.values())
    if supervision != "pseudo":
        assert losses["image_label"] == losses["category_alignment"] == losses["absent"] == 0


@pytest.mark.parametrize("supervision", list(Supervision))
@pytest.mark.parametrize("norm", [1e-6, 1e6])
def test_the_gradient_is_clipped_in_every_supervision(
    supervision: Supervision, norm: float
) -> None:
    source, target = batches()
    target = replace(target, masks=source.masks)
    adaptation = adaptation_for(
        config_for(
            supervision,
            gradient_norm=norm,
            optimizer="sgd",
            momentum=0,
            weight_decay=0,
            learning_rate=1,
            head_learning_rate_factor=1,
        )
    )
    before = weights_of(adaptation)
    adaptation.step(0, source, None if supervision is Supervision.SOURCE_ONLY else target)
    moved = (weights_of(adaptation) - before).norm().item()
    assert moved < 1e-4 if norm < 1 else moved > 1e-4


def test_a_loss_that_is_not_finite_names_the_batch_and_changes_nothing() -> None:
    source, target = batches()
    adaptation = adaptation_for(config_for("point"))
    with torch.no_grad():
        adaptation.segmenter.head.get_parameter("classifier.bias")[1] = torch.nan
    before = {name: tensor.clone() for name, tensor in adaptation.segmenter.state_dict().items()}
    with pytest.raises(
        NonFiniteLoss, match=r"step 8: .*point.* s0\.png, s1\.png, t0\.png, t1\.png"
    ):
        adaptation.step(7, source, target)
    after = adaptation.segmenter.state_dict()
    torch.testing.assert_close(after, before, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.SGD])
def test_the_device_holds_back_an_update_before_the_host_knows(
    optimizer: type[torch.optim.Optimizer],
) -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    descent = optimizer([weight], lr=0.1, fused=True)  # type: ignore[call-arg]
    guard = FiniteGuard([descent])
    with pytest.raises(NonFiniteLoss, match=r"step 3: gradient is not finite; .* a\.png"):
        guard.admit(3, torch.tensor([1.0, torch.inf]), ("source", "gradient"), ("a.png",))
    weight.grad = torch.tensor([torch.nan, 1.0])
    descent.step()
    assert weight.tolist() == [1, 1]
    guard.admit(4, torch.tensor([1.0]), ("source",), ("a.png",))
    weight.grad = torch.tensor([1.0, 1.0])
    descent.step()
    assert (weight < 1).all()


def test_the_same_step_is_the_same_losses() -> None:
    first, second = (adaptation_for(config_for("pseudo")).step(3, *batches()) for _ in range(2))
    assert first == second


def test_tiles_teach_where_a_category_is() -> None:
    _, target = batches([[1.0] * 3] * 2)
    top_left_alone = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    tiles = torch.stack([torch.ones(2, 2), torch.full((2, 2), -1.0), top_left_alone])
    target = replace(target, tile_presence=tiles.expand(2, 3, 2, 2))
    config = config_for(
        "image", source=False, warmup_steps=0, steps=60, **{"weights.image_label": 5}
    )
    adaptation = adaptation_for(config)
    for number in range(60):
        adaptation.step(number, None, target)
    adaptation.segmenter.eval()
    with torch.inference_mode():
        car = adaptation.segmenter(target.images).logits.softmax(1)[:, 2]
    rows, columns = car.shape[-2] // 2, car.shape[-1] // 2
    there = car[:, :rows, :columns].mean()
    elsewhere = torch.stack([car[:, rows:].mean(), car[:, :rows, columns:].mean()]).max()
    assert there > 2 * elsewhere


def test_dense_masks_are_learned() -> None:
    source, target = batches()
    target = replace(target, masks=torch.full_like(source.masks, 2))
    adaptation = adaptation_for(config_for("dense", source=False, learning_rate=3e-3))
    losses = [adaptation.step(number, None, target)["dense"] for number in range(5)]
    assert losses[-1] < 0.5 * losses[0]


def test_of_a_crop_only_absence_is_learned() -> None:
    """A category that the whole image has need not be in the crop, which it must not be pushed to."""
    source, target = batches()
    whole = torch.zeros_like(target.images)
    losses = {}
    for name, crop in (("one", target.images), ("other", 255 - target.images)):
        batch = replace(target, images=crop, whole=whole, presence=torch.ones(2, 3))
        config = config_for("image", presence_dropout=0.0)
        losses[name] = adaptation_for(config).step(0, source, batch)
    assert losses["one"]["image_label"] == losses["other"]["image_label"]
    assert losses["one"]["output_alignment"] != losses["other"]["output_alignment"]


def test_self_training_follows_the_running_average_without_what_is_absent() -> None:
    source, target = batches([[1, 1, 0], [1, 1, 0]])
    target = replace(target, points=torch.tensor([[0, 1, 0.1, 0.1], [1, 1, 0.1, 0.1]]))
    others = {f"weights.{name}": 0 for name in OF_LABELS}
    config = config_for("point", learning_rate=3e-3, **others, **{"weights.self_training": 10})
    adaptation = adaptation_for(config)
    average = adaptation.average.network
    with torch.no_grad():  # the average sees the absent category everywhere, and then building
        average.head.get_parameter("classifier.bias").copy_(torch.tensor([0.0, 30.0, 33.0]))
    for number in range(8):
        losses = adaptation.step(number, source, target)
        assert set(losses) == SOURCE | {"self_training"}
    adaptation.segmenter.eval()
    with torch.inference_mode():
        predicted = adaptation.segmenter(target.images).logits.argmax(1)
    assert (predicted == 1).double().mean() > 0.9
    assert all(weight.grad is None for weight in average.parameters())


def test_the_output_discriminator_may_see_less_than_the_image() -> None:
    source, target = batches()
    seen = []
    adaptation = adaptation_for(config_for("pseudo", output_alignment_scale=0.6))
    discriminator = adaptation.discriminators["output"]
    discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    adaptation.step(0, source, None)
    assert seen == []
    adaptation.step(1, source, target)
    assert set(seen) == {(2, 3, 32, 38)}  # a side is never less than its convolutions need
    assert len(seen) == 3
