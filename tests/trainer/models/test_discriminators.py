import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from trainer.models.discriminators import CategoryDiscriminators, OutputDiscriminator


def test_output_discriminator_judges_patches_of_32_pixels() -> None:
    assert OutputDiscriminator(3, width=4)(torch.rand(2, 3, 64, 96)).shape == (2, 1, 2, 3)


def test_published_sizes() -> None:
    with torch.device("meta"):
        category = CategoryDiscriminators(19, 2048, 2048)
        output = OutputDiscriminator(19)
    assert round(sum(w.numel() for w in category.parameters()) / 1e6, 1) == 159.5
    channels = [layer.weight.shape[0] for layer in output if hasattr(layer, "weight")]
    assert channels == [64, 128, 256, 512, 1]


def test_a_shared_projection_makes_them_slim() -> None:
    with torch.device("meta"):
        slim = CategoryDiscriminators(19, 2048, 256, projection=256)
    projection = 2048 * 256 + 256
    each = 2 * (256 * 256 + 256) + 256 + 1
    assert sum(weight.numel() for weight in slim.parameters()) == projection + 19 * each


def as_list(together: CategoryDiscriminators) -> nn.ModuleList:
    """The same networks as ordinary modules, one a category."""
    alone = nn.ModuleList()
    for index in range(together.weights[0].shape[0]):
        layers: list[nn.Module] = []
        for weight, bias in zip(together.weights, together.biases, strict=True):
            linear = nn.Linear(weight.shape[1], weight.shape[2], dtype=weight.dtype)
            with torch.no_grad():
                linear.weight.copy_(weight[index].T)
                linear.bias.copy_(bias[index, 0])
            layers += [linear, nn.ReLU()]
        alone.append(nn.Sequential(*layers[:-1]))
    return alone


def slow(together: CategoryDiscriminators, alone: nn.ModuleList, pooled: Tensor) -> Tensor:
    """Domain logits (N, C) of features (N, C, E), a category at a time."""
    columns = [each(together.projection(pooled[:, i]))[:, 0] for i, each in enumerate(alone)]
    return torch.stack(columns, 1)


@settings(deadline=None, max_examples=20)
@given(
    leading=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    categories=st.integers(1, 4),
    projection=st.sampled_from([None, 3]),
    seed=st.integers(0, 100),
)
def test_they_are_a_list_of_networks(
    leading: list[int], categories: int, projection: int | None, seed: int
) -> None:
    torch.manual_seed(seed)
    together = CategoryDiscriminators(categories, 5, 7, projection).double()
    alone = as_list(together)
    pooled = torch.randn(*leading, categories, 5, dtype=torch.float64, requires_grad=True)
    twin = pooled.detach().flatten(0, -3).requires_grad_()
    logits, expected = together(pooled), slow(together, alone, twin)
    assert logits.shape == (*leading, categories)
    torch.testing.assert_close(logits.flatten(0, -2), expected)

    judged = torch.randn_like(expected)
    shared = list(together.projection.parameters())
    ours = torch.autograd.grad(
        (logits.flatten(0, -2) * judged).sum(),
        [pooled, *together.weights, *together.biases, *shared],
    )
    theirs = torch.autograd.grad((expected * judged).sum(), [twin, *alone.parameters(), *shared])
    torch.testing.assert_close(ours[0].flatten(0, -3), theirs[0])
    by_layer = [theirs[1 + layer : 1 + 6 * categories : 6] for layer in range(6)]
    for layer in range(3):
        torch.testing.assert_close(ours[1 + layer], torch.stack([w.T for w in by_layer[2 * layer]]))
        torch.testing.assert_close(ours[4 + layer][:, 0], torch.stack(by_layer[2 * layer + 1]))
    for mine, true in zip(ours[7:], theirs[1 + 6 * categories :], strict=True):
        torch.testing.assert_close(mine, true)


@pytest.mark.parametrize("projection", [None, 4])
def test_categories_do_not_reach_each_other(projection: int | None) -> None:
    category = CategoryDiscriminators(3, 4, 8, projection)
    category(torch.randn(2, 3, 4))[:, 1].sum().backward()
    for weight in (*category.weights, *category.biases):
        assert weight.grad is not None
        assert not weight.grad[[0, 2]].any()
    assert category.weights[2].grad[1].any()


def test_they_start_as_torch_s_linear_layers_do() -> None:
    category = CategoryDiscriminators(3, 64, 256)
    for weight, bias, width in zip(category.weights, category.biases, (64, 256, 256), strict=True):
        assert weight.abs().max() <= width**-0.5
        assert bias.abs().max() <= width**-0.5
        assert weight.abs().mean().item() == pytest.approx(width**-0.5 / 2, rel=0.1)
