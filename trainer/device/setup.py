"""The device that computes, and what makes it fast."""

import ctypes
import re

import torch

from trainer.contract import TrainConfig
from trainer.device.cores import cores_here
from trainer.errors import BadInput

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
"""Parameters of `mallopt`, from malloc.h of the GNU C library."""
KEPT_UP_TO = {M_MMAP_THRESHOLD: 32 * 1024**2, M_TRIM_THRESHOLD: 2**31 - 1, M_TOP_PAD: 256 * 1024**2}
"""Bytes. The C library takes no more for the first two."""


def prepare_device(config: TrainConfig) -> torch.device:
    """Choose the device and set what makes it fast.

    Raises:
        BadInput: the configuration asks for a device that is not there.
    """
    torch.set_num_threads(config.threads or cores_here())
    _keep_freed_memory()
    # The adversarial gradients are so small that denormals double the time of a step on a CPU.
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("highest" if config.precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = config.precision != "fp32"
    torch.backends.cudnn.benchmark = True
    return choose_device(config.device)


def _keep_freed_memory() -> None:
    """Let a step use again what the step before has freed, where the C library is GNU's.

    It would give most of it back to the kernel, whose clean pages cost a network on a CPU up to a
    quarter of its step. The most that a process needs stays the same.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # another C library, or no Unix
        return
    for parameter, value in KEPT_UP_TO.items():
        mallopt(parameter, value)


def choose_device(name: str) -> torch.device:
    """The device of a name: `cpu`, `cuda`, `cuda:N`, or `auto` for CUDA where it is there.

    Raises:
        BadInput: there is no such device.
    """
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if there else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise BadInput(f"device: {name!r} is not one of auto, cpu, cuda, cuda:N")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= there:
        how_many = f"there are {there} CUDA devices" if there else "there is no CUDA device"
        raise BadInput(f"device: {name!r} is asked for, but {how_many}")
    if device.index is not None:
        torch.cuda.set_device(device)
    return device
