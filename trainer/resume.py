"""The state of a run that was stopped, from which it goes on as if it had not been.

All that is random in a step follows from the seed and the step's number, so weights, optimizers
and the step are the whole state. One safetensors file holds them; only the newest is kept.
"""

from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors.torch import save
from torch import Tensor

from trainer.adaptation import Adaptation
from trainer.checkpoint import FOLDER, read_safetensors, tensors_of
from trainer.contract import Record, Score
from trainer.errors import BadInput, describe
from trainer.files import write_atomically

FILE = f"{FOLDER}/training-state.safetensors"


class Candidate(Record):
    """A checkpoint that may be the run's result."""

    step: int
    score: Score


class Position(Record):
    """How far a run has come."""

    config_sha256: str
    labels_sha256: str | None
    step: int = 0
    """Steps done, warm-up and adaptation together."""
    seconds: float = 0
    source_only: Score | None = None
    latest: Score = Score()
    """Score of the newest evaluation."""
    best: Candidate | None = None
    """None as long as nothing is selected by its score."""
    presence_scale: float = 1.0
    """Of the newest evaluation, as `presence_offsets` are."""
    presence_offsets: tuple[float, ...] = ()


def save_state(run_dir: Path, adaptation: Adaptation, position: Position) -> None:
    """Replace the run's training state."""
    path = run_dir / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, save(_tensors(adaptation), {"position": position.model_dump_json()}))


def load_state(run_dir: Path, adaptation: Adaptation, start: Position) -> Position:
    """Put a stopped run's state into `adaptation`; `start` is the position when there is none.

    Raises:
        BadInput: the state is damaged, or of another configuration or other labels.
    """
    path = run_dir / FILE
    if not path.exists():
        return start
    tensors, header = read_safetensors(path)
    try:
        position = Position.model_validate_json(header.get("position", ""))
    except ValidationError as error:
        raise BadInput(f"{path}: {describe(error)}") from error
    if position.config_sha256 != start.config_sha256:
        raise BadInput(f"{run_dir}: has a run of another config.json; use an empty folder")
    if position.labels_sha256 != start.labels_sha256:
        raise BadInput(f"{run_dir}: has a run with other labels; use an empty folder")
    try:
        _restore(adaptation, tensors)
    except (KeyError, RuntimeError, ValueError) as error:
        raise BadInput(f"{path}: does not fit the run: {error}") from error
    return position


def _networks(adaptation: Adaptation) -> dict[str, torch.nn.Module]:
    return {
        "segmenter": adaptation.segmenter,
        "average": adaptation.average.network,
        "discriminators": adaptation.discriminators,
    }


def _optimizers(adaptation: Adaptation) -> dict[str, torch.optim.Optimizer]:
    optimizers = {"segmenter_optimizer": adaptation.segmenter_optimizer}
    if adaptation.discriminator_optimizer:
        optimizers["discriminator_optimizer"] = adaptation.discriminator_optimizer
    return optimizers


def _tensors(adaptation: Adaptation) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, network in _networks(adaptation).items():
        tensors |= {f"{name}/{key}": tensor for key, tensor in tensors_of(network).items()}
    for name, optimizer in _optimizers(adaptation).items():
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= {
                f"{name}/{index}/{key}": value.cpu().contiguous() for key, value in moments.items()
            }
    return tensors


def _restore(adaptation: Adaptation, tensors: dict[str, Tensor]) -> None:
    for name, network in _networks(adaptation).items():
        network.load_state_dict(_below(tensors, name))
    for name, optimizer in _optimizers(adaptation).items():
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _below(tensors, name).items():
            index, moment = key.split("/")
            state.setdefault(int(index), {})[moment] = _laid_out(tensor, weights[int(index)])
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def _laid_out(moment: Tensor, weight: Tensor) -> Tensor:
    """The moment in its weight's memory layout: fused optimizers walk through both at once."""
    if moment.shape != weight.shape:
        return moment  # a count
    return torch.empty_like(weight, device=moment.device, dtype=moment.dtype).copy_(moment)


def _below(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}/"
    return {
        key.removeprefix(prefix): tensor
        for key, tensor in tensors.items()
        if key.startswith(prefix)
    }
