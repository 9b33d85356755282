"""The state of a run that was stopped, from which it goes on as if it had not been.

All that is random in a step follows from the seed and the step's number, so weights, optimizers
and the step are the whole state. One safetensors file holds them. The one before it is kept too,
for when a fault of the disk damages the newest. Where both are damaged, the newest checkpoint that
is whole gives at least the weights.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from pydantic import ValidationError
from safetensors.torch import save
from torch import Tensor

from trainer.contract import CheckpointSaved, Record, Score
from trainer.errors import BadInput, describe
from trainer.method.step import Adaptation
from trainer.models.checkpoint import (
    FOLDER,
    all_complete,
    load_segmenter,
    path_of,
    read_info,
    read_safetensors,
    tensors_of,
)
from trainer.models.weights import digest_of
from trainer.run_folder.atomic import write_atomically

T = TypeVar("T")
Prefers = Callable[[Score, Score | None], bool]
"""Whether a checkpoint with the first score takes the place of the best one so far."""
FILE = f"{FOLDER}/training-state.safetensors"
PREVIOUS = f"{FOLDER}/training-state-before.safetensors"


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


class Resumed(NamedTuple):
    """Where a run goes on."""

    position: Position
    notes: tuple[str, ...] = ()
    """What was damaged, and what was taken in its place."""


class _Damaged(Exception):
    """A state's file cannot be used; the message says why."""


def save_state(run_dir: Path, adaptation: Adaptation, position: Position) -> None:
    """Replace the run's training state; what it was stays under `PREVIOUS`."""
    path = run_dir / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = tensors_of_training(adaptation)
    header = {"position": position.model_dump_json(), "sha256": digest_of(tensors)}
    content = save(tensors, header)
    if path.exists():
        path.replace(run_dir / PREVIOUS)
    write_atomically(path, content)


def load_state(run_dir: Path, adaptation: Adaptation, start: Position, prefers: Prefers) -> Resumed:
    """Put a stopped run's state into `adaptation`; `start` is the position when there is none.

    In place of a state that is damaged it is the one before; when that is damaged too, the newest
    checkpoint that is whole, with new optimizers; and without any the start.

    Raises:
        BadInput: the state is of another configuration, other labels or another network.
    """
    notes: list[str] = []
    for path in (run_dir / FILE, run_dir / PREVIOUS):
        if not path.exists():
            continue
        try:
            tensors, position = _read(path)
        except _Damaged as error:
            notes.append(f"{path.name} is damaged and was passed over: {error}")
            continue
        _require_same_run(run_dir, position, start)
        try:
            restore(adaptation, tensors)
        except (KeyError, RuntimeError, ValueError) as error:
            raise BadInput(f"{path}: does not fit the run: {error}") from error
        return Resumed(position, _ending(notes, f"the run goes on from step {position.step}"))
    if notes and (saved := list(all_complete(run_dir, start.config_sha256))):
        position = _from_checkpoints(run_dir, adaptation, start, saved, prefers)
        what = f"the run goes on from the weights of step {position.step}, with new optimizers"
        return Resumed(position, _ending(notes, what))
    return Resumed(start, _ending(notes, "the run begins anew"))


def _from_checkpoints(
    run_dir: Path,
    adaptation: Adaptation,
    start: Position,
    saved: list[CheckpointSaved],
    prefers: Prefers,
) -> Position:
    """Put the newest checkpoint's weights into `adaptation`; what was known of the run then."""
    newest = saved[-1]
    path = path_of(run_dir, newest.step)
    trained = load_segmenter(path)
    best: Candidate | None = None
    for each in saved:
        if prefers(each.score, best.score if best else None):
            best = Candidate(step=each.step, score=each.score)
    scores = {each.step: each.score for each in saved}
    position = start.model_copy(
        update={
            "labels_sha256": read_info(path).labels_sha256,
            "step": newest.step,
            "source_only": scores.get(adaptation.config.warmup_steps),
            "latest": newest.score,
            "best": best,
            "presence_scale": trained.shape.presence_scale,
            "presence_offsets": trained.shape.presence_offsets,
        }
    )
    _require_same_run(run_dir, position, start)
    for network in (adaptation.segmenter, adaptation.average.network):
        network.load_state_dict(trained.network.state_dict())
    return position


def _ending(notes: list[str], what: str) -> tuple[str, ...]:
    return (f"{'; '.join(notes)}; {what}",) if notes else ()


def _read(path: Path) -> tuple[dict[str, Tensor], Position]:
    try:
        tensors, header = read_safetensors(path)
    except BadInput as error:
        raise _Damaged(str(error).removeprefix(f"{path}: ")) from error
    try:
        position = Position.model_validate_json(header.get("position", ""))
    except ValidationError as error:
        raise _Damaged(describe(error)) from error
    # States of earlier versions have no digest.
    if "sha256" in header and header["sha256"] != digest_of(tensors):
        raise _Damaged("its content is not what was written")
    return tensors, position


def _require_same_run(run_dir: Path, position: Position, start: Position) -> None:
    if position.config_sha256 != start.config_sha256:
        raise BadInput(f"{run_dir}: has a run of another config.json; use an empty folder")
    if position.labels_sha256 != start.labels_sha256:
        raise BadInput(f"{run_dir}: has a run with other labels; use an empty folder")


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


def tensors_of_training(
    adaptation: Adaptation, parts: Collection[str] | None = None
) -> dict[str, Tensor]:
    """The weights of networks and the moments of optimizers, on the host; of some `parts`, or of all."""
    tensors: dict[str, Tensor] = {}
    for name, network in _chosen(_networks(adaptation), parts):
        tensors |= {f"{name}/{key}": tensor for key, tensor in tensors_of(network).items()}
    for name, optimizer in _chosen(_optimizers(adaptation), parts):
        for index, moments in optimizer.state_dict()["state"].items():
            tensors |= {
                f"{name}/{index}/{key}": value.cpu().contiguous() for key, value in moments.items()
            }
    return tensors


def restore(
    adaptation: Adaptation, tensors: dict[str, Tensor], parts: Collection[str] | None = None
) -> None:
    """Put what `tensors_of_training` gave of these parts back.

    Raises:
        KeyError, RuntimeError, ValueError: it is of another network.
    """
    for name, network in _chosen(_networks(adaptation), parts):
        network.load_state_dict(_below(tensors, name))
    for name, optimizer in _chosen(_optimizers(adaptation), parts):
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _below(tensors, name).items():
            index, moment = key.split("/")
            state.setdefault(int(index), {})[moment] = _laid_out(tensor, weights[int(index)])
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def _chosen(named: Mapping[str, T], parts: Collection[str] | None) -> list[tuple[str, T]]:
    return [(name, each) for name, each in named.items() if parts is None or name in parts]


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
