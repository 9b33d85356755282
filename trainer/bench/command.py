"""The command `bench`: measure, print tables, write JSON."""

import datetime
import os
import platform
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from trainer.bench import discriminators, loading, modes, predict, step, synchronisations
from trainer.bench.measure import Clock, Conditions, device_name
from trainer.bench.result import BenchResult, Cell, Environment, PartResult
from trainer.bench.subject import config_for
from trainer.command import one_line_errors
from trainer.data.cards import load_card
from trainer.errors import BadInput
from trainer.files import write_atomically
from trainer.start import choose_device, prepare_device

PARTS = MappingProxyType(
    {
        module.__name__.rpartition(".")[2]: module.measure
        for module in (discriminators, step, modes, synchronisations, loading, predict)
    }
)
SPREAD = ("low", "high")
LARGE = 1000
WIDTH = 120
"""Of what is printed into a file."""


def bench_command(  # noqa: PLR0913 - each is an option of the command
    parts: Annotated[str, typer.Option(help=f"Some of {','.join(PARTS)}.")] = ",".join(PARTS),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    repeat: Annotated[int, typer.Option(min=1, help="Rounds of each comparison.")] = 7,
    seconds: Annotated[
        float, typer.Option(min=0, help="No round of a comparison begins after so long.")
    ] = 120.0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="On a CPU; default: all cores.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Card, for loading from real files.")] = None,
    target: Annotated[str | None, typer.Option(help="Card, for loading from real files.")] = None,
    out: Annotated[Path | None, typer.Option(help="JSON file to write.")] = None,
    clock: Annotated[
        Clock, typer.Option(help="process: CPU seconds, for a CPU that others use too.")
    ] = "wall",
    quick: Annotated[bool, typer.Option(help="Tiny shapes: to see that it works.")] = False,
) -> None:
    """Measure how fast training and prediction are, each part against its target."""
    with one_line_errors():
        conditions = Conditions(
            device=choose_device(device),
            repeat=repeat,
            seconds=seconds,
            threads=threads,
            clock=clock,
            quick=quick,
            source=load_card(source) if source else None,
            target=load_card(target) if target else None,
        )
        result = run(conditions, choose(parts))
        if out is not None:
            write_atomically(out, result.model_dump_json(indent=2).encode())


def choose(names: str) -> tuple[str, ...]:
    """The parts of a list that commas divide.

    Raises:
        BadInput: there is no such part.
    """
    chosen = tuple(name.strip() for name in names.split(","))
    if unknown := [name for name in chosen if name not in PARTS]:
        raise BadInput(f"parts: no {unknown[0]!r}; there are {', '.join(PARTS)}")
    return chosen


def run(conditions: Conditions, parts: Iterable[str]) -> BenchResult:
    """Measure some parts one after another, each printed as soon as it is measured."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    prepare_device(config_for(conditions))
    environment = _environment(conditions)
    console.print(_table_of(environment))
    results = []
    for name in parts:
        with console.status(f"measuring {name}"):
            results.append(PARTS[name](conditions))
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
