"""What makes the device fast."""

import platform
import resource

import pytest
import torch

from trainer.contract import DatasetCard, Supervision
from trainer.device.setup import prepare_device
from trainer.recipes import RunSubject, build

MEGABYTES_16 = 4 * 1024**2
"""As so many floats."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is the GNU C library's")
def test_a_step_uses_the_memory_of_the_step_before() -> None:
    card = DatasetCard(name="target")
    subject = RunSubject(Supervision.DENSE, ("road",), source=None, target=card)
    prepare_device(build("tiny", subject).model_copy(update={"device": "cpu", "threads": 1}))
    faults = [_page_faults_of_a_step() for _ in range(5)]
    pages_of_one = MEGABYTES_16 * 4 // resource.getpagesize()
    assert faults[-1] < pages_of_one, faults


def _page_faults_of_a_step() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [torch.zeros(MEGABYTES_16) for _ in range(12)]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    del held
    return after - before
