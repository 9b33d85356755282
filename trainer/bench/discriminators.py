"""Part `discriminators`: those of all categories at once against one module for each."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from trainer.bench.measure import Conditions, ratio, side_by_side
from trainer.bench.result import PartResult, verdict
from trainer.bench.subject import config_for
from trainer.device.setup import prepare_device
from trainer.models.discriminators import CategoryDiscriminators

FULL = {"categories": 19, "features": 2048, "hidden": 2048}
QUICK = {"categories": 5, "features": 64, "hidden": 32}
BATCH = 4
TOLERANCE = 1e-2
"""Of logits near 0, in tf32 with its 10 bits."""
PROJECTION = 4
"""The slim variant projects to one of so many parts of the features."""


class ModuleList(nn.Module):
    """The same discriminators as a loop over modules: what is compared with."""

    def __init__(self, batched: CategoryDiscriminators) -> None:
        super().__init__()
        self.networks = nn.ModuleList(
            self._network(batched, category) for category in range(len(batched.weights[0]))
        )

    @staticmethod
    def _network(batched: CategoryDiscriminators, category: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for weights, biases in zip(batched.weights, batched.biases, strict=True):
            layer = nn.Linear(weights.shape[1], weights.shape[2], device=weights.device)
            layer.weight = nn.Parameter(weights.detach()[category].T.contiguous())
            layer.bias = nn.Parameter(biases.detach()[category, 0].clone())
            layers += [layer, nn.ReLU()]
        return nn.Sequential(*layers[:-1])

    def forward(self, pooled_BCE: Tensor) -> Tensor:
        """Domain logits (B, C)."""
        pairs = zip(self.networks, pooled_BCE.unbind(1), strict=True)
        return torch.cat([network(features_BE) for network, features_BE in pairs], dim=1)


def measure(conditions: Conditions) -> PartResult:
    """Forward and backward passes, gradients of the features included.

    Raises:
        RuntimeError: the modules do not compute the same.
    """
    device = prepare_device(config_for(conditions))
    shape = QUICK if conditions.quick else FULL
    torch.manual_seed(0)
    batched = CategoryDiscriminators(**shape).to(device)
    modules = {
        "batched": batched,
        "module list": ModuleList(batched),
        "slim": CategoryDiscriminators(**shape, projection=shape["features"] // PROJECTION).to(
            device
        ),
    }
    pooled_BCE = torch.randn(
        BATCH, shape["categories"], shape["features"], device=device, requires_grad=True
    )
    check_same(batched, modules["module list"], pooled_BCE)
    runs: dict[str, Callable[[], object]] = {
        name: partial(_forward_backward, module, pooled_BCE) for name, module in modules.items()
    }
    timings = side_by_side(conditions, runs)
    ratios = {name: ratio(timings["module list"], timing) for name, timing in timings.items()}
    return PartResult(
        part="discriminators",
        about=f"forward + backward, {shape}, batch {BATCH}, slim projection "
        f"{shape['features'] // PROJECTION}",
        rows=tuple(
            {
                "variant": name,
                "parameters": sum(weight.numel() for weight in modules[name].parameters()),
                **timing.row(),
                "list_over_this": ratios[name],
            }
            for name, timing in timings.items()
        ),
        verdicts=(
            verdict("discriminators", ratios["batched"], on_accelerator=conditions.on_accelerator),
        ),
    )


def check_same(one: nn.Module, other: nn.Module, pooled_BCE: Tensor) -> None:
    """See that two modules compute the same.

    Raises:
        RuntimeError: they do not; says by how much.
    """
    with torch.no_grad():
        difference = (one(pooled_BCE) - other(pooled_BCE)).abs().max().item()
    if difference > TOLERANCE:
        raise RuntimeError(f"batched discriminators and module list differ by {difference:.2g}")


def _forward_backward(module: nn.Module, pooled_BCE: Tensor) -> None:
    module.zero_grad()
    pooled_BCE.grad = None
    module(pooled_BCE).sum().backward()
