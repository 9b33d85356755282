"""No weight ever takes in a number that is not finite, and no step waits to find out."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from trainer.errors import NonFiniteLoss


@dataclass(frozen=True)
class _Asked:
    """A step's verdict on its way from the device."""

    step: int
    finite: Tensor
    terms: tuple[str, ...]
    names: tuple[str, ...]
    arrived: torch.cuda.Event | None

    def read(self) -> None:
        if self.arrived:
            self.arrived.synchronize()
        verdicts = self.finite.tolist()
        if not all(verdicts):
            bad = [t for t, finite in zip(self.terms, verdicts, strict=False) if not finite]
            raise NonFiniteLoss(self.step, ", ".join(bad) or "a loss elsewhere", self.names)


class FiniteGuard:
    """Makes fused optimizers leave all weights alone in a step that is not finite.

    The device itself decides, through the flag by which gradient scalers skip a step. The host
    reads the verdict one step later on an accelerator, when it has long arrived, and at once on
    a CPU; no later step is taken before it has.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]) -> None:
        self._optimizers = optimizers
        self._asked: _Asked | None = None

    def admit(
        self, step: int, values: Tensor, terms: tuple[str, ...], names: tuple[str, ...]
    ) -> None:
        """Decide whether the optimizers' next step changes anything.

        Args:
            step: the step's number, from 1.
            values: (T,) the losses and gradient norms that must be finite.
            terms: what each of them is called.
            names: the images of the batch.

        Raises:
            NonFiniteLoss: of this step, or on an accelerator of the one before.
        """
        self.settle()
        finite = values.isfinite()
        bad = finite.logical_not().any().to(torch.float32)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(bad, dist.ReduceOp.MAX)
        for optimizer in self._optimizers:
            optimizer.found_inf = bad  # type: ignore[attr-defined]
        verdicts = torch.cat([finite, (bad == 0)[None]])
        arrived = None
        if verdicts.is_cuda:
            verdicts = verdicts.to("cpu", non_blocking=True)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
        self._asked = _Asked(step, verdicts, terms, names, arrived)
        if arrived is None:
            self.settle()

    def settle(self) -> None:
        """Wait for the verdict on the last step.

        Raises:
            NonFiniteLoss: naming the step, what was not finite, and the images.
        """
        asked, self._asked = self._asked, None
        if asked:
            asked.read()
