"""Any timm network that offers feature maps, as `timm/NAME`.

Wightman, "PyTorch Image Models", https://github.com/huggingface/pytorch-image-models.
"""

import difflib
from collections.abc import Iterable
from functools import partial
from typing import Any

import timm
import torch
from torch import Tensor, nn

from trainer.errors import BadInput
from trainer.models.backbone import IMAGENET_MEAN, IMAGENET_STD, Backbone, Rgb
from trainer.models.weights import Weights, first_line, last_line

PREFIX = "timm/"
STRIDES = (4, 8, 16, 32)
DENSE_STRIDE = 8
_STEM_STRIDE = 2
_ANY_SIZE: tuple[dict[str, Any], ...] = (
    {"dynamic_img_size": True, "dynamic_img_pad": True},
    {"strict_img_size": False, "feature_cls": "getter"},
    {},
)
"""What makes a transformer take images of any size, and others do not know."""


def timm_backbone(name: str, size: tuple[int, int], finest: int, dilated: bool) -> Backbone:
    """The network `timm/NAME`, such as `timm/resnet50`, `timm/convnext_tiny` or `timm/pvt_v2_b2`.

    The maps used are the last ones of strides `finest` to 32; where none of these is offered, the
    last of the finest. When `dilated`, it is the last map alone, at stride 8 where timm can replace
    strides by dilations, else at its own.

    Args:
        name: with the prefix `timm/`.
        size: (height, width) of images.
        finest: 4 or 8.
        dilated: whether a head wants one dense map.

    Raises:
        BadInput: there is no such network, or it has no maps, or does not take this size.
    """
    architecture = name.removeprefix(PREFIX)
    if not timm.is_model(architecture):
        close = difflib.get_close_matches(architecture, timm.list_models(), 1)
        hint = f"; did you mean '{PREFIX}{close[0]}'?" if close else ""
        raise BadInput(f"backbone: timm has no network {architecture!r}{hint}")
    network = _with_maps(architecture, dilated)
    seen = _probe(name, network, size)
    strides = network.feature_info.reduction()
    maps = (len(strides) - 1,) if dilated else _useful(strides, finest)
    _freeze_unused(network, [seen[index] for index in maps])
    mean, std = _normalisation(architecture)
    names = tuple(network.state_dict())
    return Backbone(
        network=network,
        channels=tuple(seen[index].shape[1] for index in maps),
        maps=maps,
        stages=tuple(_stages(network)),
        imagenet=partial(_pretrained, architecture, names),
        rename=partial(_rename, architecture, names),
        mean=mean,
        std=std,
    )


def _with_maps(architecture: str, dilated: bool) -> Any:
    if dilated:
        try:
            return _create(architecture, features_only=True, output_stride=DENSE_STRIDE)
        except (TypeError, AssertionError, NotImplementedError):
            pass
    try:
        return _create(architecture, features_only=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise BadInput(
            f"backbone: timm's {architecture!r} offers no feature maps: {first_line(error)}"
        ) from error


def _create(architecture: str, **options: Any) -> Any:
    """The network with the first of the options for any size that it knows."""
    *special, plain = _ANY_SIZE
    for any_size in special:
        try:
            return timm.create_model(architecture, **options, **any_size)
        except TypeError:
            continue
    return timm.create_model(architecture, **options, **plain)


def _probe(name: str, network: Any, size: tuple[int, int]) -> list[Tensor]:
    """Maps of a small image whose sides leave the same rest as `size`'s."""
    height, width = (64 + side % 64 for side in size)
    try:
        maps: list[Tensor] = network.eval()(torch.zeros(1, 3, height, width))
    except (AssertionError, RuntimeError, ValueError) as error:
        raise BadInput(
            f"backbone: {name!r} does not take images of height {size[0]} and width {size[1]}: "
            f"{first_line(error)}"
        ) from error
    if [each.shape[1] for each in maps] != network.feature_info.channels():
        raise BadInput(f"backbone: the maps of {name!r} are not (batch, channel, height, width)")
    return maps


def _freeze_unused(network: nn.Module, maps: Iterable[Tensor]) -> None:
    """Mark what no map depends on, such as a last norm before a classifier, as not trained."""
    parameters = list(network.parameters())
    total = torch.stack([each.sum() for each in maps]).sum()
    gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.requires_grad_(gradient is not None)


def _useful(strides: list[int], finest: int) -> tuple[int, ...]:
    last = {stride: index for index, stride in enumerate(strides)}
    return tuple(last[s] for s in STRIDES if s >= finest and s in last) or (last[min(strides)],)


def _stages(network: Any) -> Iterable[str]:
    """The modules that make the maps behind the stem, by the name that each has in `network`."""
    names = {name for name, _ in network.named_modules()}
    for stage in network.feature_info.info:
        module = stage["module"]
        flat = module.replace(".", "_")
        known = {module, flat, module.replace(".", "_", 1), f"model.{module}"} & names
        if stage["reduction"] > _STEM_STRIDE and known:
            yield known.pop()


def _normalisation(architecture: str) -> tuple[Rgb, Rgb]:
    facts = timm.get_pretrained_cfg(architecture)
    if facts is None:
        return IMAGENET_MEAN, IMAGENET_STD
    (r, g, b), (r_std, g_std, b_std) = facts.mean, facts.std
    return (255 * r, 255 * g, 255 * b), (255 * r_std, 255 * g_std, 255 * b_std)


def _pretrained(architecture: str, names: tuple[str, ...]) -> tuple[str, Weights]:
    """The weights from the hub's cache or the network.

    Raises:
        BadInput: there are none, or they cannot be had.
    """
    origin = f"timm's weights of {architecture!r}"
    try:
        return origin, _mapped(_filled(architecture, None), names)
    except Exception as error:  # each kind of hub and client has errors of its own
        raise BadInput(
            f"{origin}: cannot be had: {first_line(error)}; "
            "download the file elsewhere and name it in initial_weights (--weights)"
        ) from error


def _rename(architecture: str, names: tuple[str, ...], weights: Weights, origin: str) -> Weights:
    """Weights of the whole classifier, as timm publishes them, to those of the network with maps.

    Raises:
        BadInput: they are not all of the classifier's.
    """
    if weights.keys() == set(names):
        return weights
    try:
        return _mapped(_filled(architecture, weights), names)
    except (RuntimeError, KeyError, AttributeError) as error:
        raise BadInput(
            f"{origin}: not the weights of timm's {architecture!r}: {last_line(error)}"
        ) from error


def _filled(architecture: str, weights: Weights | None) -> Weights:
    """The classifier with its weights, read as strictly as timm can.

    timm reads strictly when the classifier is complete, but not for each of its networks; there,
    a tensor that it left out is another one when the network is built again.
    """
    overlay = {} if weights is None else {"pretrained_cfg_overlay": {"state_dict": dict(weights)}}
    built = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = _create(architecture, pretrained=True, **overlay)
        built.append(network.state_dict())
    first, second = built
    return {name: tensor for name, tensor in first.items() if tensor.equal(second[name])}


def _mapped(weights: Weights, names: Iterable[str]) -> Weights:
    """Weights of a classifier by the `names` of its network with maps, flattened or nested."""
    flat = {name.replace(".", "_"): tensor for name, tensor in weights.items()}
    own = {name: name.removeprefix("model.").replace(".", "_") for name in names}
    return {name: flat[key] for name, key in own.items() if key in flat}
