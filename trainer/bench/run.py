"""Measure parts of the bench one after another, and print what each found."""

import datetime
import os
import platform
import shlex
import sys
from collections.abc import Iterable
from types import MappingProxyType

import torch
from rich.console import Console
from rich.table import Table

from trainer.bench import (
    discriminators,
    features,
    loading,
    modes,
    predict,
    step,
    synchronisations,
)
from trainer.bench.measure import Conditions, device_name
from trainer.bench.result import BenchResult, Cell, Environment, PartResult
from trainer.bench.subject import config_for
from trainer.device.setup import prepare_device

MEASURES = MappingProxyType(
    {
        module.__name__.rpartition(".")[2]: module.measure
        for module in (discriminators, step, features, modes, synchronisations, loading, predict)
    }
)
SPREAD = ("low", "high")
LARGE = 1000
WIDTH = 120
"""Of what is printed into a file."""


def run(conditions: Conditions, parts: Iterable[str]) -> BenchResult:
    """Measure some parts one after another, each printed as soon as it is measured."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    prepare_device(config_for(conditions))
    environment = _environment(conditions)
    console.print(_table_of(environment))
    results = []
    for name in parts:
        with console.status(f"measuring {name}"):
            results.append(MEASURES[name](conditions))
        _print(console, results[-1])
    return BenchResult(environment=environment, parts=tuple(results))


def _environment(conditions: Conditions) -> Environment:
    return Environment(
        device=device_name(conditions.device),
        torch=torch.__version__,
        cuda=torch.version.cuda if conditions.on_accelerator else None,
        python=platform.python_version(),
        cores=len(os.sched_getaffinity(0)),
        threads=torch.get_num_threads(),
        float32_matmul_precision=torch.get_float32_matmul_precision(),
        cudnn_allow_tf32=torch.backends.cudnn.allow_tf32,
        clock=conditions.clock,
        load_average=os.getloadavg(),
        measured_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        command=shlex.join(["python", "-m", "trainer", *sys.argv[1:]]),
    )


def _table_of(environment: Environment) -> Table:
    table = Table(show_header=False)
    for name, value in environment.model_dump().items():
        table.add_row(name.replace("_", " "), _text(value))
    return table


def _print(console: Console, result: PartResult) -> None:
    columns = [name for name in result.rows[0] if name not in SPREAD]
    table = Table(*(name.replace("_", " ") for name in columns), title=result.part)
    table.caption = result.about
    for row in result.rows:
        table.add_row(*(_with_spread(row, name) for name in columns))
    console.print(table)
    for line in (*(each.line for each in result.verdicts), *result.notes):
        console.print(line, markup=False, highlight=False)


def _with_spread(row: dict[str, Cell], column: str) -> str:
    """A cell, with the quartiles where they follow it in the row."""
    names = list(row)
    text = _text(row[column])
    if tuple(names[names.index(column) + 1 :][:2]) != SPREAD:
        return text
    return f"{text} ({' - '.join(_text(row[name]) for name in SPREAD)})"


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < LARGE else f"{cell:.0f}"
    if isinstance(cell, tuple):
        return ", ".join(map(_text, cell))
    return str(cell)
