"""Checkpoints: one safetensors file with all that is needed to use the segmenter.

segmenter = load_segmenter(Path("step-000600.safetensors"))
logits = segmenter.logits(images)
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from trainer.contract import CheckpointInfo, CheckpointSaved, Score, TrainConfig
from trainer.errors import BadInput, describe
from trainer.models.segmenter import Segmenter, SegmenterShape, build_segmenter
from trainer.models.weights import Weights, check_finite, put_weights
from trainer.run_folder.atomic import sha256, sha256_of, write_atomically

FOLDER = "checkpoints"
CLASSIFIERS = ("head.classifier.weight", "head.branches.0.weight")
"""Tensors whose first dimension is the categories, one for each kind of head."""


@dataclass(frozen=True)
class TrainedSegmenter:
    """A network in evaluation mode, and what it was trained for."""

    network: Segmenter
    shape: SegmenterShape

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the logits' channels, in order."""
        return self.shape.categories

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) that images are resized to."""
        return self.shape.width, self.shape.height

    def logits(self, images_B3HW: Tensor) -> Tensor:
        """(B, C, h, w) of RGB images of any size, bytes or floats in 0..255.

        Where the shape says `mirrored_prediction`, they are the mean of those of the image and of its
        mirror image, the latter enlarged by `mirrored_scale`.
        """
        seen: Tensor = self.network(images_B3HW).logits
        if not self.shape.mirrored_prediction:
            return seen
        turned = images_B3HW.flip(-1)
        if self.shape.mirrored_scale != 1:
            turned = _resized(turned.float(), _enlarged(images_B3HW, self.shape.mirrored_scale))
        mirrored = _resized(self.network(turned).logits.flip(-1), (seen.shape[-2], seen.shape[-1]))
        return (seen + mirrored) / 2


def _enlarged(images_B3HW: Tensor, scale: float) -> tuple[int, int]:
    """(height, width) of images enlarged by a factor."""
    return round(scale * images_B3HW.shape[-2]), round(scale * images_B3HW.shape[-1])


def _resized(maps_BCHW: Tensor, size: tuple[int, int]) -> Tensor:
    """Images or logits at (height, width), bilinear between pixel centres; as they are if of that size."""
    if maps_BCHW.shape[-2:] == size:
        return maps_BCHW
    return F.interpolate(maps_BCHW, size, mode="bilinear", align_corners=False)


def shape_of(config: TrainConfig) -> SegmenterShape:
    """What a run's checkpoints say about their network."""
    names = SegmenterShape.model_fields.keys() & TrainConfig.model_fields.keys()
    return SegmenterShape.model_validate({name: getattr(config, name) for name in names})


@dataclass(frozen=True)
class Provenance:
    """What a checkpoint was made from."""

    config_sha256: str
    labels_sha256: str | None


def save_checkpoint(
    run_dir: Path, step: int, segmenter: TrainedSegmenter, score: Score, made_from: Provenance
) -> CheckpointSaved:
    """Write `checkpoints/step-NNNNNN.safetensors` and the `CheckpointInfo` beside it."""
    path = path_of(run_dir, step)
    path.parent.mkdir(parents=True, exist_ok=True)
    # One entry alone: several are written in an order that changes, and the hash with it.
    header = {"segmenter": segmenter.shape.model_dump_json()}
    content = save(tensors_of(segmenter.network), header)
    digest = sha256(content)
    info = CheckpointInfo(
        step=step,
        categories=segmenter.categories,
        backbone=segmenter.shape.backbone,
        height=segmenter.shape.height,
        width=segmenter.shape.width,
        score=score,
        config_sha256=made_from.config_sha256,
        labels_sha256=made_from.labels_sha256,
        sha256=digest,
        size=len(content),
    )
    write_atomically(path, content)
    write_atomically(path.with_suffix(".json"), info.model_dump_json(indent=2).encode())
    return CheckpointSaved(
        step=step,
        path=path.relative_to(run_dir).as_posix(),
        sha256=digest,
        size=len(content),
        score=score,
    )


def path_of(run_dir: Path, step: int) -> Path:
    """Where the checkpoint of a step is."""
    return run_dir / FOLDER / f"step-{step:06d}.safetensors"


def read_info(path: Path) -> CheckpointInfo:
    """What the JSON beside a checkpoint says.

    Raises:
        OSError: it is not there.
        ValidationError: it is damaged.
    """
    return CheckpointInfo.model_validate_json(path.with_suffix(".json").read_bytes())


def find_complete(run_dir: Path, step: int, config_sha256: str) -> CheckpointSaved | None:
    """The checkpoint of a step, if its file is what the JSON beside it says.

    None too when a run of another configuration saved it.
    """
    path = path_of(run_dir, step)
    try:
        info = read_info(path)
        is_ours = (info.step, info.config_sha256) == (step, config_sha256)
        if not is_ours or path.stat().st_size != info.size or sha256_of(path) != info.sha256:
            return None
    except (OSError, ValidationError):
        return None
    return CheckpointSaved(
        step=step,
        path=path.relative_to(run_dir).as_posix(),
        sha256=info.sha256,
        size=info.size,
        score=info.score,
    )


def all_complete(run_dir: Path, config_sha256: str) -> Iterator[CheckpointSaved]:
    """A run's checkpoints that are whole, in order of steps."""
    for path in sorted((run_dir / FOLDER).glob("step-*.safetensors")):
        number = path.stem.removeprefix("step-")
        if number.isdecimal() and (saved := find_complete(run_dir, int(number), config_sha256)):
            yield saved


def link_as(run_dir: Path, step: int, name: Literal["last", "best"]) -> None:
    """Make `checkpoints/NAME.safetensors` and `.json` the checkpoint of a step.

    A hard link, which costs nothing and outlives the removal of the step's own file; a copy where
    the file system has none. Each of the two files is replaced at once.
    """
    source = path_of(run_dir, step)
    for file in (source, source.with_suffix(".json")):
        _replace_by_link(file, file.with_name(f"{name}{file.suffix}"))


def _replace_by_link(file: Path, link: Path) -> None:
    temporary = link.with_name(f".{link.name}.partial")
    temporary.unlink(missing_ok=True)
    try:
        os.link(file, temporary)
    except OSError:
        write_atomically(link, file.read_bytes())
        return
    # Renaming one link to a file over another does nothing and would leave the temporary one.
    if link.exists() and temporary.samefile(link):
        temporary.unlink()
    else:
        temporary.replace(link)


def load_segmenter(path: Path, device: str | torch.device = "cpu") -> TrainedSegmenter:
    """Read a checkpoint, which is only ever safetensors.

    Raises:
        BadInput: the file is missing, damaged or not a checkpoint of this program, its tensors are
            of another network or number of categories, or one is not finite.
    """
    tensors, header = read_safetensors(path)
    try:
        shape = SegmenterShape.model_validate_json(header["segmenter"])
    except KeyError as error:
        raise BadInput(f"{path}: not a weakseg checkpoint: no 'segmenter' in its header") from error
    except ValidationError as error:
        raise BadInput(f"{path}: header: {describe(error)}") from error
    try:
        network = build_segmenter(shape)
    except BadInput as error:
        raise BadInput(f"{path}: header: {error}") from error
    _check_categories(tensors, shape, path)
    check_finite(tensors, str(path))
    put_weights(network, tensors, str(path))
    return TrainedSegmenter(network.to(device).eval(), shape)


def _check_categories(tensors: Weights, shape: SegmenterShape, path: Path) -> None:
    for name in CLASSIFIERS:
        if name in tensors and len(tensors[name]) != len(shape.categories):
            raise BadInput(
                f"{path}: its header names {len(shape.categories)} categories, "
                f"but tensor {name!r} is of {len(tensors[name])}"
            )


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors and the header's metadata of a file.

    Raises:
        BadInput: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise BadInput(f"{path}: cannot read as safetensors: {error}") from error


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """A network's tensors as a file holds them."""
    return {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
