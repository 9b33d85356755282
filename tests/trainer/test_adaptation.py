from pathlib import Path

import pytest
import torch

from trainer.adaptation import Adaptation, frozen, term_weights
from trainer.checkpoint import shape_of
from trainer.contract import DatasetCard, Supervision, TrainConfig
from trainer.data.batches import SourceBatch, TargetBatch
from trainer.errors import NonFiniteLoss
from trainer.models.segmenter import build_segmenter
from trainer.recipes import RunSubject, apply_overrides, build

CPU = torch.device("cpu")
TARGET_TERMS = {"output_alignment", "category_alignment", "image_label"}


def config_for(supervision: str, **overrides: object) -> TrainConfig:
    subject = RunSubject(
        supervision=Supervision(supervision),
        categories=("road", "building", "car"),
        source=DatasetCard(name="source"),
        target=DatasetCard(name="target"),
        labels=Path("labels.jsonl"),
    )
    return apply_overrides(build("tiny", subject), overrides)


def batches(presence: list[list[float]]) -> tuple[SourceBatch, TargetBatch]:
    generator = torch.Generator().manual_seed(5)
    images = torch.randn(4, 3, 48, 64, generator=generator)
    masks = torch.randint(0, 3, (2, 48, 64), generator=generator)
    points = torch.tensor([[0, 1, 0.3, 0.3], [1, 2, 0.6, 0.2], [1, 0, 0.9, 0.9]])
    return (
        SourceBatch(images[:2], masks, torch.ones(2, 3), ("s0.png", "s1.png")),
        TargetBatch(
            images[2:], torch.tensor(presence, dtype=torch.float32), points, ("t0.png", "t1.png")
        ),
    )


def adaptation_for(config: TrainConfig) -> Adaptation:
    torch.manual_seed(0)
    return Adaptation(config, build_segmenter(shape_of(config)), CPU)


def weights_of(adaptation: Adaptation) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in adaptation.segmenter.parameters()])


@pytest.mark.parametrize(
    ("supervision", "terms"),
    [
        ("source-only", {"source", "source_presence"}),
        ("pseudo", {"source", "source_presence"} | TARGET_TERMS),
        ("image", {"source", "source_presence", "absent"} | TARGET_TERMS),
        ("point", {"source", "source_presence", "absent", "point"} | TARGET_TERMS),
    ],
)
def test_each_supervision_has_its_terms(supervision: str, terms: set[str]) -> None:
    assert set(term_weights(config_for(supervision))) == terms


def test_the_image_label_weight_depends_on_who_labels() -> None:
    assert term_weights(config_for("pseudo"))["image_label"] == 0.01
    assert term_weights(config_for("image"))["image_label"] == 0.2
    fixed = config_for("image", **{"weights.image_label": 0.7})
    assert term_weights(fixed)["image_label"] == 0.7


@pytest.mark.parametrize(
    "name", ["output_alignment", "category_alignment", "image_label", "absent", "point"]
)
def test_each_term_can_be_switched_off_or_be_the_only_one(name: str) -> None:
    terms = ("output_alignment", "category_alignment", "image_label", "absent", "point")
    source, target = batches([[1, 1, 0], [1, -1, 1]])
    without = adaptation_for(config_for("point", **{f"weights.{name}": 0}))
    assert name not in without.step(0, source, target)
    alone = {f"weights.{each}": 0 for each in terms if each != name}
    losses = adaptation_for(config_for("point", **alone)).step(0, source, target)
    assert {each for each in losses if each in terms} == {name}


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
    source, target = batches([[1, 1, 0], [1, -1, 1]])
    adaptation = adaptation_for(config_for("point", discriminator_learning_rate=1e-3))
    before = [weight.clone() for weight in adaptation.discriminators.parameters()]
    adaptation.step(0, source, None)
    after = list(adaptation.discriminators.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    adaptation.step(1, source, target)
    after = list(adaptation.discriminators.parameters())
    assert not all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_discriminators_get_better_at_telling_apart() -> None:
    source, target = batches([[1, 1, 0], [1, -1, 1]])
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
    source, target = batches([[-1, -1, -1], [-1, -1, -1]])
    target = TargetBatch(target.images, target.presence, torch.zeros(0, 4), target.names)
    losses = adaptation_for(config_for(supervision)).step(0, source, target)
    assert all(loss == loss for loss in losses.values())
    if supervision != "pseudo":
        assert losses["image_label"] == losses["category_alignment"] == losses["absent"] == 0


def test_the_gradient_is_clipped_in_every_supervision() -> None:
    source, target = batches([[1, 1, 0], [1, -1, 1]])
    for supervision in Supervision:
        changed = {}
        for norm in (1e-6, 1e6):
            adaptation = adaptation_for(config_for(supervision, gradient_norm=norm))
            adaptation.segmenter_optimizer = torch.optim.SGD(adaptation.segmenter.parameters(), 1.0)
            adaptation._optimizers = (
                adaptation.segmenter_optimizer,
                adaptation.discriminator_optimizer,
            )
            adaptation._base_rates = [[1.0], [1e-4]]
            before = weights_of(adaptation)
            uses_target = supervision is not Supervision.SOURCE_ONLY
            adaptation.step(0, source, target if uses_target else None)
            after = weights_of(adaptation)
            changed[norm] = (after - before).norm().item()
        assert changed[1e-6] < 1e-4 < changed[1e6]


def test_a_loss_that_is_not_finite_names_the_batch_and_changes_nothing() -> None:
    source, target = batches([[1, 1, 0], [1, -1, 1]])
    target.images[0, 0, 0, 0] = float("nan")
    adaptation = adaptation_for(config_for("point"))
    before = {name: tensor.clone() for name, tensor in adaptation.segmenter.state_dict().items()}
    with pytest.raises(
        NonFiniteLoss, match=r"step 8: .*point.* s0\.png, s1\.png, t0\.png, t1\.png"
    ):
        adaptation.step(7, source, target)
    after = adaptation.segmenter.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_same_step_is_the_same_losses() -> None:
    source, target = batches([[1, 1, 0], [1, -1, 1]])
    first, second = (adaptation_for(config_for("pseudo")).step(3, source, target) for _ in range(2))
    assert first == second
