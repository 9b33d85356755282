"""What a bench finds, and the targets that it is held against."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from trainer.contract import Record

Cell = str | float | int | None
Clock = Literal["wall", "process"]
"""What the clock on the wall shows, or what the process's threads used of the host's cores. On a CPU
that other programs use too, only the latter tells what work costs; it knows nothing of waiting."""


class Environment(Record):
    """Where and how all the figures of one file were measured."""

    device: str
    torch: str
    cuda: str | None
    python: str
    cores: int
    threads: int
    float32_matmul_precision: str
    cudnn_allow_tf32: bool
    clock: str
    """`wall` or `process`; loading is always measured by the wall's."""
    command: str
    measured_at: str
    load_average: tuple[float, float, float]
    """Of the machine as the bench began: what other programs wanted of it."""


class Verdict(Record):
    """One figure against its target."""

    target: str
    figure: float
    limit: float
    met: bool
    line: str


class PartResult(Record):
    """What one part found."""

    part: str
    about: str
    rows: tuple[dict[str, Cell], ...]
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()


class BenchResult(Record):
    """The file that a bench writes."""

    environment: Environment
    parts: tuple[PartResult, ...]


@dataclass(frozen=True)
class Target:
    """What a figure must be."""

    figure: str
    on_accelerator: float
    on_cpu: float
    at_least: bool
    unit: str = ""


TARGETS = MappingProxyType(
    {
        "discriminators": Target("module list / batched", 3, 1, at_least=True, unit="x"),
        "overhead": Target(
            "weak labels and alignment above a plain step", 15, 25, at_least=False, unit=" %"
        ),
        "synchronisations": Target(
            "host synchronisations inside a step", 0, 0, at_least=False, unit=""
        ),
        "loading": Target(
            "share of a step spent waiting for batches, with the cache",
            10,
            10,
            at_least=False,
            unit=" %",
        ),
        "predict": Target("predict / bare network", 0.8, 0.8, at_least=True, unit="x"),
        "predict large": Target("predict / bare network", 0.8, 0.5, at_least=True, unit="x"),
    }
)


def verdict(name: str, figure: float, *, on_accelerator: bool, of: str = "") -> Verdict:
    """Hold a figure against a target.

    Args:
        name: the target's, in `TARGETS`.
        figure: in the target's unit.
        on_accelerator: which of its two limits counts.
        of: what the figure is of, where a target has several.
    """
    target = TARGETS[name]
    limit = target.on_accelerator if on_accelerator else target.on_cpu
    met = figure >= limit if target.at_least else figure <= limit
    bound = "at least" if target.at_least else "at most"
    subject = f"{target.figure}, {of}" if of else target.figure
    line = (
        f"{subject}: {figure:.3g}{target.unit} "
        f"(target {bound} {limit:g}{target.unit}): {'met' if met else 'missed'}"
    )
    return Verdict(target=name, figure=figure, limit=limit, met=met, line=line)
