"""One run on several processes, as `torchrun` starts them: what they must agree on.

With one process nothing here waits for anything.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import cast

import torch
import torch.distributed as dist
from accelerate import Accelerator
from torch import Tensor

from trainer.errors import BadInput, in_one_line

PATIENCE = timedelta(days=1)
"""The others wait at most so long while the main process scores and saves alone. One that has
died is noticed at once, by its closed connection."""


class FailedElsewhere(Exception):
    """Another process of the run cannot go on."""


def is_main_process() -> bool:
    """Whether this process is the one that speaks and writes files; also before a run begins."""
    return os.environ.get("RANK", "0") == "0"  # noqa: TID251 - set by torchrun, no setting of ours


def leave() -> None:
    """End the connections to the other processes."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


class Processes:
    """The processes of one run, which all come here in the same order."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self.count: int = accelerator.num_processes
        self.is_main: bool = accelerator.is_main_process
        # Hosts talk among themselves: an agreement must not wait for what accelerators still do.
        self._hosts: dist.ProcessGroup | None = None
        if self.count > 1:
            self._hosts = cast(dist.ProcessGroup, dist.new_group(backend="gloo", timeout=PATIENCE))

    @property
    def part(self) -> tuple[int, int]:
        """(number of this process, how many there are)."""
        return self._accelerator.process_index, self.count

    def any(self, flag: bool) -> bool:
        """Whether any process says yes."""
        if self._hosts is None:
            return flag
        answer = torch.tensor(int(flag))
        dist.all_reduce(answer, dist.ReduceOp.MAX, group=self._hosts)
        return bool(answer)

    def mean(self, values: Tensor) -> Tensor:
        """The mean over processes of each value."""
        if self.count > 1:
            dist.all_reduce(values)
        return values / self.count

    @contextmanager
    def together(self) -> Iterator[None]:
        """Go on only when every process could do what is inside; otherwise none does.

        Raises:
            BadInput, OSError, MemoryError, RuntimeError: what went wrong in this process.
            FailedElsewhere: what went wrong in another one.
        """
        failure: Exception | None = None
        try:
            yield
        except (BadInput, OSError, MemoryError, RuntimeError) as error:
            failure = error
        if self.any(failure is not None):
            elsewhere = self._tell(failure)
            raise failure or FailedElsewhere(elsewhere)

    def alone(self, work: Callable[[], None]) -> None:
        """Let the main process work while the others wait."""
        with self.together():
            if self.is_main:
                work()

    def _tell(self, failure: Exception | None) -> str:
        """Tell the others of a failure; what the first process that has one says of it."""
        if self._hosts is None:
            return "" if failure is None else in_one_line(failure)
        told: list[str | None] = [None] * self.count
        mine = None if failure is None else in_one_line(failure)
        dist.all_gather_object(told, mine, group=self._hosts)
        return next((message for message in told if message is not None), "")
