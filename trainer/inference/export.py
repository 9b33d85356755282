"""A checkpoint as an ONNX model that needs neither this program nor torch.

Shapes: `B` image, `C` category, `H W` pixel of the image, `h w` feature grid.
"""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trainer.errors import BadInput
from trainer.inference.calibration import presence_probabilities
from trainer.method.losses.pixels import resize_logits
from trainer.method.losses.presence import smooth_maximum
from trainer.models.checkpoint import TrainedSegmenter
from trainer.run_folder.atomic import write_atomically

OUTPUTS = ("logits", "mask", "presence")
TOLERANCE = 1e-3
"""Of outputs against torch's, as a share of the largest logit, and of probabilities."""
MASK_TOLERANCE = 1e-3
"""Share of pixels that may change category: those where two are as likely."""


class Deployed(nn.Module):
    """Bytes to what users want: logits, mask and presence."""

    def __init__(self, segmenter: TrainedSegmenter) -> None:
        super().__init__()
        self.network, self._segmenter = segmenter.network, segmenter

    def forward(self, images_B3HW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (B, C, h, w), masks (B, H, W) of category indices, presence (B, C) in 0..1."""
        shape = self._segmenter.shape
        logits_BCHW = self._segmenter.logits(images_B3HW)
        size = (images_B3HW.shape[-2], images_B3HW.shape[-1])
        masks_BHW = resize_logits(logits_BCHW, size).argmax(1).to(torch.uint8)
        scores_BC = smooth_maximum(logits_BCHW, shape.smooth_max)
        return logits_BCHW, masks_BHW, presence_probabilities(shape, scores_BC)


@dataclass(frozen=True)
class Difference:
    """How far ONNX Runtime's answers are from torch's on a random image."""

    logits: float
    """Largest difference, as a share of the largest logit."""
    mask: float
    """Share of pixels of another category."""
    presence: float
    """Largest difference of a probability."""

    @property
    def is_small(self) -> bool:
        """Whether the two compute the same, but for rounding."""
        return (
            self.logits <= TOLERANCE and self.mask <= MASK_TOLERANCE and self.presence <= TOLERANCE
        )


def export(segmenter: TrainedSegmenter, out: Path, size: tuple[int, int]) -> Difference:
    """Write `out` and say how far it is from the network it was made of.

    Its input `images` is uint8 (batch, 3, H, W), RGB, with any batch and the H and W of `size`,
    (height, width); the outputs are those of `Deployed`. Categories and colours are in its
    metadata as JSON lists.

    Raises:
        BadInput: a package is missing, or the model does not compute what the network does;
            then nothing is written.
    """
    content = _onnx(segmenter, size)
    difference = compare(segmenter, content, size)
    if not difference.is_small:
        raise BadInput(f"{out}: not written: ONNX Runtime computes otherwise: {difference}")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, content)
    return difference


def _onnx(segmenter: TrainedSegmenter, size: tuple[int, int]) -> bytes:
    try:
        import onnx_ir  # noqa: PLC0415 - an optional package
        import onnxscript  # noqa: F401, PLC0415
    except ImportError as error:
        raise _missing(error) from error
    with warnings.catch_warnings():
        # torch 2.11 warns here of a call that is its own.
        warnings.filterwarnings("ignore", ".*LeafSpec", FutureWarning)
        program = torch.onnx.export(
            Deployed(segmenter).eval(),
            (_random_images(2, size),),
            dynamo=True,
            input_names=["images"],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            verbose=False,
        )
    if program is None:
        raise BadInput("torch gave no ONNX program")
    program.model.metadata_props.update(
        {
            "categories": json.dumps(segmenter.categories),
            "colors": json.dumps(segmenter.shape.colors),
        }
    )
    content: bytes = onnx_ir.to_proto(program.model).SerializeToString()
    return content


def compare(segmenter: TrainedSegmenter, content: bytes, size: tuple[int, int]) -> Difference:
    """Run a model in ONNX Runtime and the segmenter in torch on one random image.

    Raises:
        BadInput: ONNX Runtime is not installed.
    """
    try:
        import onnxruntime  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise _missing(error) from error
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    images = _random_images(1, size)
    found: list[NDArray[np.generic]] = session.run(list(OUTPUTS), {"images": images.numpy()})
    with torch.inference_mode():
        expected = [each.numpy() for each in Deployed(segmenter).eval()(images)]
    (logits, mask, presence), (true_logits, true_mask, true_presence) = found, expected
    largest = max(float(np.abs(true_logits).max()), 1e-6)
    return Difference(
        logits=float(np.abs(logits - true_logits).max()) / largest,
        mask=float(np.mean(mask != true_mask)),
        presence=float(np.abs(presence - true_presence).max()),
    )


def _random_images(count: int, size: tuple[int, int]) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, *size), dtype=torch.uint8, generator=random)


def _missing(error: ImportError) -> BadInput:
    return BadInput(f"{error.name or error} is not installed: pip install 'weakseg[export]'")
