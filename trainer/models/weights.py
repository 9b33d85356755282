"""Weights that a network starts from: read from a file, checked, put in place.

Nothing here ever leaves a tensor at its random values in silence: what does not fit is an error.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path
from textwrap import shorten

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from trainer.errors import BadInput

Weights = dict[str, Tensor]


def first_line(error: BaseException) -> str:
    """What an error says, without the advice below its first line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def last_line(error: BaseException) -> str:
    """What torch complains of first when tensors do not fit: a line below the first."""
    return shorten((str(error).strip().splitlines() or [type(error).__name__])[-1].strip(), 200)


def read_weights(file: Path, sha256: str | None = None) -> Weights:
    """The named tensors of a safetensors file, or of a PyTorch file without running its pickle.

    Raises:
        BadInput: the file is missing, damaged, has another sha256 or holds other things.
    """
    try:
        if sha256 is not None:
            _check_sha256(file, sha256)
        if file.suffix == ".safetensors":
            return load_file(file)
        content = torch.load(file, map_location="cpu", weights_only=True)
    except BadInput:
        raise
    except Exception as error:  # a damaged file fails in any way
        raise BadInput(f"{file}: cannot read the weights: {first_line(error)}") from error
    if not isinstance(content, dict) or not all(isinstance(t, Tensor) for t in content.values()):
        raise BadInput(f"{file}: holds other things than named tensors")
    return dict(content)


def _check_sha256(file: Path, expected: str) -> None:
    with file.open("rb") as opened:
        found = hashlib.file_digest(opened, "sha256").hexdigest()
    if found != expected:
        raise BadInput(f"{file}: its sha256 is {found}, not {expected}")


def digest_of(weights: Weights) -> str:
    """The sha256 of the names and bytes of tensors on the host."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def check_finite(weights: Weights, origin: str) -> None:
    """Refuse weights that are not all finite.

    Raises:
        BadInput: names the first tensor with a NaN or an infinity.
    """
    for name, tensor in weights.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise BadInput(f"{origin}: tensor {name!r} has values that are not finite")


def put_weights(
    network: nn.Module,
    weights: Weights,
    origin: str,
    *,
    unused: Collection[str] = (),
    fresh: Collection[str] = (),
) -> None:
    """Load weights by name, all of them into all of the network.

    Args:
        network: what is loaded into.
        weights: tensors by the network's own names.
        origin: where they are from, for errors.
        unused: modules that the weights may have and the network does not, its classifier.
        fresh: modules of the network that the weights do not have and that stay as they are.

    Raises:
        BadInput: a tensor is missing, unknown or of another shape.
    """
    wanted = {name: t for name, t in weights.items() if not _is_in(name, unused)}
    try:
        missing, unknown = network.load_state_dict(wanted, strict=False)
    except RuntimeError as error:
        raise BadInput(f"{origin}: does not fit the network: {last_line(error)}") from error
    for verb, names in (("lacks", missing), ("has the unknown", unknown)):
        if surprising := [name for name in names if not _is_in(name, fresh)]:
            more = f" and {len(surprising) - 1} more" if len(surprising) > 1 else ""
            raise BadInput(
                f"{origin}: does not fit the network: {verb} tensor {surprising[0]!r}{more}"
            )


def _is_in(tensor: str, modules: Collection[str]) -> bool:
    return any(tensor == module or tensor.startswith(f"{module}.") for module in modules)
