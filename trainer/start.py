"""What a run starts from: its device and its network."""

import re

import torch

from trainer.checkpoint import load_segmenter, shape_of
from trainer.contract import TrainConfig
from trainer.contract.names import comparable
from trainer.cores import cores_here
from trainer.errors import BadInput
from trainer.models.segmenter import Segmenter, SegmenterShape, build_segmenter


def prepare_device(config: TrainConfig) -> torch.device:
    """Choose the device and set what makes it fast.

    Raises:
        BadInput: the configuration asks for a device that is not there.
    """
    torch.set_num_threads(config.threads or cores_here())
    # The adversarial gradients are so small that denormals double the time of a step on a CPU.
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("highest" if config.precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = config.precision != "fp32"
    torch.backends.cudnn.benchmark = True
    return choose_device(config.device)


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


def start_network(config: TrainConfig) -> Segmenter:
    """The network before the first step: with ImageNet's weights, or those of `start_from`.

    Raises:
        BadInput: the weights cannot be had, or are of another network.
    """
    shape = shape_of(config)
    torch.manual_seed(config.seed)
    if config.start_from is None:
        segmenter = build_segmenter(shape)
        segmenter.load_initial_weights(config.initial_weights, config.initial_weights_sha256)
        return segmenter
    begun = load_segmenter(config.start_from)
    if difference := _difference(begun.shape, shape):
        raise BadInput(f"{config.start_from}: start_from: {difference}")
    # Built anew: a loaded network is no longer one to train.
    segmenter = build_segmenter(shape)
    segmenter.load_state_dict(begun.network.state_dict())
    return segmenter


def _difference(theirs: SegmenterShape, ours: SegmenterShape) -> str | None:
    """What keeps the weights of one network from being those of the other."""
    if len(theirs.categories) != len(ours.categories):
        return f"has {len(theirs.categories)} categories, the run has {len(ours.categories)}"
    for number, pair in enumerate(zip(theirs.categories, ours.categories, strict=True)):
        if comparable(pair[0]) != comparable(pair[1]):
            return f"category {number} is {pair[0]!r}, in the run it is {pair[1]!r}"
    for name in ("backbone", "head", "dilations", "feature_channels"):
        if getattr(theirs, name) != getattr(ours, name):
            return f"has {name} {getattr(theirs, name)!r}, the run has {getattr(ours, name)!r}"
    return None
