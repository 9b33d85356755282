import torch
import torch.nn.functional as F

from trainer.models.discriminators import CategoryDiscriminators, OutputDiscriminator


def test_output_discriminator_judges_patches_of_32_pixels() -> None:
    assert OutputDiscriminator(3, width=4)(torch.rand(2, 3, 64, 96)).shape == (2, 1, 2, 3)


def test_published_sizes() -> None:
    category = CategoryDiscriminators(19, 2048, 2048)
    assert round(sum(w.numel() for w in category.parameters()) / 1e6, 1) == 159.5
    channels = [
        layer.weight.shape[0] for layer in OutputDiscriminator(19) if hasattr(layer, "weight")
    ]
    assert channels == [64, 128, 256, 512, 1]


def test_each_category_has_a_network_of_its_own() -> None:
    category = CategoryDiscriminators(3, 4, 8)
    pooled = torch.randn(2, 3, 4)
    together = category(pooled)
    for index in range(3):
        hidden = pooled[:, index]
        for layer in range(2):
            hidden = F.relu(hidden @ category.weights[layer][index] + category.biases[layer][index])
        alone = hidden @ category.weights[2][index] + category.biases[2][index]
        torch.testing.assert_close(together[:, index], alone[:, 0])


def test_categories_do_not_reach_each_other() -> None:
    category = CategoryDiscriminators(3, 4, 8)
    category(torch.randn(2, 3, 4))[:, 1].sum().backward()
    grad = category.weights[0].grad
    assert grad is not None
    assert grad.flatten(1).any(1).tolist() == [False, True, False]
