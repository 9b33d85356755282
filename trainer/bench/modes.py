"""Part `modes`: one step in each precision and memory layout, against the FLOP limit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from trainer.bench.measure import Conditions, Timing, side_by_side, synchronise
from trainer.bench.result import Cell, PartResult
from trainer.bench.subject import Stepper, config_for
from trainer.contract import TrainConfig
from trainer.device.setup import prepare_device
from trainer.method.step import Adaptation


@dataclass(frozen=True)
class Mode:
    """One way to compute the same step."""

    precision: str
    channels_last: bool = True
    compile: bool = False

    @property
    def name(self) -> str:
        """As in the table."""
        layout = "" if self.channels_last else ", channels first"
        return f"{self.precision}{layout}{', compiled' if self.compile else ''}"


@dataclass(frozen=True)
class Work:
    """What every mode does."""

    flops: int
    """Of a step."""
    images: int
    """Of a step."""
    product: int
    """FLOP of the matrix product that is the limit."""


def modes_of(conditions: Conditions) -> tuple[Mode, ...]:
    """Those that differ on the device: on a CPU tf32 is fp32."""
    precisions = ("fp32", "tf32", "bf16") if conditions.on_accelerator else ("fp32", "bf16")
    return (
        *(Mode(precision) for precision in precisions),
        *(Mode(precision, channels_last=False) for precision in precisions),
        *(Mode(precision, compile=True) for precision in precisions if not conditions.quick),
    )


def measure(conditions: Conditions) -> PartResult:
    """Steps of all modes in turn, and in the same rounds a large matrix product of each precision."""
    runs: dict[str, Callable[[], object]] = {}
    memory: dict[str, int | None] = {}
    notes: list[str] = []
    size = _matrix_size(conditions)
    modes = modes_of(conditions)
    for mode in modes:
        try:
            stepper, memory[mode.name] = _prepare(conditions, mode)
        except RuntimeError as error:  # no compiler, or not enough memory
            notes.append(f"{mode.name}: {str(error).strip().splitlines()[0]}")
            continue
        runs[mode.name] = stepper
        if _product(mode) not in runs:
            runs[_product(mode)] = partial(_multiply, stepper.config, _matrix(stepper.config, size))
    config = config_for(conditions)
    work = Work(count_flops(Stepper(config)), images=2 * config.batch_size, product=2 * size**3)
    timings = side_by_side(conditions, runs)
    rows = [_row(mode, timings, memory[mode.name], work) for mode in modes if mode.name in timings]
    best = min(rows, key=lambda row: float(row["seconds"] or 0))
    return PartResult(
        part="modes",
        about=f"the step of `step`: {work.flops / 1e9:.4g} GFLOP, forward and backward; the limit is "
        f"that of a product of two {size} x {size} matrices in the same precision",
        rows=tuple(rows),
        notes=(
            f"the best, {best['mode']}, reaches {best['percent_of_limit']:.3g} % of its FLOP limit",
            *notes,
        ),
    )


def _row(mode: Mode, timings: dict[str, Timing], memory: int | None, work: Work) -> dict[str, Cell]:
    timing = timings[mode.name]
    limit = work.product / timings[_product(mode)].median
    return {
        "mode": mode.name,
        **timing.row(),
        "images_per_second": work.images / timing.median,
        "peak_memory_mib": None if memory is None else round(memory / 2**20),
        "gflop_per_second": work.flops / timing.median / 1e9,
        "limit_gflop_per_second": limit / 1e9,
        "percent_of_limit": 100 * work.flops / timing.median / limit,
    }


def _prepare(conditions: Conditions, mode: Mode) -> tuple[Stepper, int | None]:
    """A run in a mode that has taken its first steps, and its own peak of memory."""
    device = conditions.device
    before = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0
    stepper = Stepper(
        config_for(conditions, changes={"precision": mode.precision, "compile": mode.compile})
    )
    if not mode.channels_last:
        use_channels_first(stepper.adaptation)
    stepper()
    if device.type != "cuda":
        return stepper, None
    stepper()
    synchronise(device)
    torch.cuda.reset_peak_memory_stats(device)
    stepper()
    synchronise(device)
    return stepper, torch.cuda.max_memory_allocated(device) - before


def use_channels_first(adaptation: Adaptation) -> None:
    """Undo the layout that the product chooses, of weights and of images."""
    segmenter = adaptation.segmenter
    segmenter.to(memory_format=torch.contiguous_format)

    def contiguous(_: torch.nn.Module, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(each.contiguous() for each in images)

    segmenter.backbone.register_forward_pre_hook(contiguous)


def count_flops(run: Callable[[], object]) -> int:
    """Floating-point operations of matrix products and convolutions in one call."""
    with FlopCounterMode(
        display=False, custom_mapping={torch.ops.aten.convolution_backward: _of_backward}
    ) as counter:
        run()
    flops: int = counter.get_total_flops()
    return flops


def _of_backward(*shapes: Any, out_shape: Any = None, **_: Any) -> int:  # noqa: ARG001
    """Each of a convolution's two gradients costs what its forward pass did, whatever its groups.

    The counter's own formula takes a depthwise convolution's gradient for a dense one's.
    """
    of_output, of_images, of_weights = shapes[:3]
    transposed, output_mask = shapes[7], shapes[10]
    forward: int = conv_flop_count(of_images, of_weights, of_output, transposed=transposed)
    gradients: int = sum(output_mask[:2])
    return forward * gradients


def _matrix_size(conditions: Conditions) -> int:
    if conditions.quick:
        return 64
    return 8192 if conditions.on_accelerator else 1536


def _product(mode: Mode) -> str:
    return f"matrix product, {mode.precision}"


def _matrix(config: TrainConfig, size: int) -> Tensor:
    dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
    return torch.randn(size, size, device=config.device).to(dtype)


def _multiply(config: TrainConfig, matrix: Tensor) -> Tensor:
    prepare_device(config)
    return matrix @ matrix
