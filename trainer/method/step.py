"""One step of training: the segmenter against frozen discriminators, then the discriminators."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from trainer.contract import TrainConfig
from trainer.data.batches import SourceBatch, TargetBatch
from trainer.method.discrimination import DiscriminatorInput, Discriminators, Losses
from trainer.method.nan_guard import FiniteGuard
from trainer.method.objective import Objective
from trainer.method.schedule import poly
from trainer.method.terms import term_weights
from trainer.models.average import WeightAverage
from trainer.models.segmenter import Segmenter

MIXED_PRECISION = {"fp32": "no", "tf32": "no", "bf16": "bf16"}


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Let gradients flow through the module without reaching its weights."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)


def make_accelerator(config: TrainConfig, device: torch.device) -> Accelerator:
    """Device, precision and processes of a run; under torchrun, all processes are one run."""
    return Accelerator(mixed_precision=MIXED_PRECISION[config.precision], cpu=device.type == "cpu")


class Adaptation:
    """Segmenter, discriminators and their optimizers, moved on by one step at a time."""

    def __init__(self, config: TrainConfig, segmenter: Segmenter, accelerator: Accelerator) -> None:
        self.config = config
        self.accelerator = accelerator
        self.device = accelerator.device
        segmenter.freeze(config.frozen_stages, config.frozen_norms)
        self.segmenter = segmenter.to(self.device).to(memory_format=torch.channels_last)
        self.average = WeightAverage(self.segmenter, config.average_decay)
        self.discriminators = Discriminators(config, term_weights(config), segmenter.features).to(
            self.device
        )
        self.discriminators.to(memory_format=torch.channels_last)
        self.objective = Objective(config, self.discriminators)
        self.segmenter_optimizer = segmenter_optimizer(config, segmenter)
        self._optimizers: list[torch.optim.Optimizer] = [self.segmenter_optimizer]
        self.discriminator_optimizer: torch.optim.Optimizer | None = None
        if len(self.discriminators):
            self.discriminator_optimizer = torch.optim.Adam(
                self.discriminators.parameters(),
                lr=config.discriminator_learning_rate,
                betas=(0.9, 0.99),
                fused=True,
            )
            self._optimizers.append(self.discriminator_optimizer)
        self._base_rates = [[g["lr"] for g in o.param_groups] for o in self._optimizers]
        self._guard = FiniteGuard(self._optimizers)
        if config.compile:
            segmenter.compile()
        self._segment = accelerator.prepare_model(segmenter)
        self._tell_apart = (
            accelerator.prepare_model(self.discriminators)
            if len(self.discriminators)
            else self.discriminators
        )

    def step(
        self, number: int, source: SourceBatch | None, target: TargetBatch | None
    ) -> dict[str, Tensor]:
        """Train on one batch, of the source alone during the warm-up (`target` is None).

        The host does not wait for the device, on which the results stay.

        Args:
            number: steps done before this one; with the seed it decides all that is random.
            source: None without a source domain.
            target: None during the warm-up and without adaptation.

        Returns:
            Each term, before its weight.

        Raises:
            NonFiniteLoss: before any weight is changed by the step that it names; on an
                accelerator it may come with the next step, or with `settle`.
        """
        process = self.accelerator.process_index
        torch.manual_seed((self.config.seed * 1_000_003 + number) * 1_009 + process)
        self._set_rates(number)
        losses, norm = self._compute_gradients(source, target)
        names = (source.names if source else ()) + (target.names if target else ())
        values = torch.stack([*losses.values(), norm])
        self._guard.admit(number + 1, values, (*losses, "gradient"), names)
        for optimizer in self._optimizers:
            optimizer.step()
            optimizer.zero_grad()
        self.average.update(number + 1)
        return losses

    def settle(self) -> None:
        """Wait until it is known that the last step was finite.

        Raises:
            NonFiniteLoss: it was not.
        """
        self._guard.settle()

    @property
    def learning_rates(self) -> dict[str, float]:
        """Of the latest step: `backbone`, `head`, and `discriminators` where there are any."""
        names = ("backbone", "head", "discriminators")
        groups = [group for optimizer in self._optimizers for group in optimizer.param_groups]
        return {name: group["lr"] for name, group in zip(names, groups, strict=False)}

    def _compute_gradients(
        self, source: SourceBatch | None, target: TargetBatch | None
    ) -> tuple[Losses, Tensor]:
        self.segmenter.train()
        losses: Losses = {}
        on_source = on_target = None
        with frozen(self.discriminators):
            if source:
                # Two backward passes make one step: only the last sends gradients around.
                source = source.to(self.device)
                with self.accelerator.no_sync(self._segment) if target else nullcontext():
                    of_source, on_source = self.objective.on_source(
                        self._segment,
                        source,
                        show=target is not None and len(self.discriminators) > 0,
                    )
                    self._backward(of_source)
                losses |= of_source
            if target:
                of_target, on_target = self.objective.on_target(
                    self._segment,
                    target.to(self.device),
                    teacher=self.average.network,
                    source=source,
                )
                self._backward(of_target)
                losses |= of_target
        norm = nn.utils.clip_grad_norm_(self.segmenter.parameters(), self.config.gradient_norm)
        return _detached(losses | self._train_discriminators(on_source, on_target)), norm

    def _train_discriminators(
        self, on_source: DiscriminatorInput | None, on_target: DiscriminatorInput | None
    ) -> Losses:
        if not (on_source and on_target):
            return {}
        losses: Losses = self._tell_apart(on_source, on_target)
        self.accelerator.backward(torch.stack(list(losses.values())).sum())
        return losses

    def _backward(self, losses: Losses) -> None:
        weights = self.objective.weights
        total = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
        self.accelerator.backward(total)

    def _set_rates(self, number: int) -> None:
        config = self.config
        factor = poly(number, config.schedule_steps or config.warmup_steps + config.steps)
        for optimizer, rates in zip(self._optimizers, self._base_rates, strict=True):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor


def segmenter_optimizer(config: TrainConfig, segmenter: Segmenter) -> torch.optim.Optimizer:
    """The segmenter's optimizer: its backbone, and its head at a higher rate."""
    rate, head_rate = config.learning_rate, config.learning_rate * config.head_learning_rate_factor
    groups = [
        {"params": [w for w in segmenter.backbone.parameters() if w.requires_grad], "lr": rate},
        {"params": list(segmenter.head.parameters()), "lr": head_rate},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(
            groups, momentum=config.momentum, weight_decay=config.weight_decay, fused=True
        )
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)


def _detached(losses: Losses) -> Losses:
    return {name: loss.detach() for name, loss in losses.items()}
