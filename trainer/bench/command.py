"""The command `bench`: measure, print tables, write JSON. Needs no torch before it is run."""

from pathlib import Path
from typing import Annotated

import typer

from trainer.bench.result import Clock
from trainer.command import loading, one_line_errors
from trainer.contract.cards import load_card
from trainer.errors import BadInput
from trainer.run_folder.atomic import write_atomically

PARTS = (
    "discriminators",
    "step",
    "features",
    "modes",
    "synchronisations",
    "loading",
    "predict",
)


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
    with loading():
        from trainer.bench.measure import Conditions  # noqa: PLC0415 - these import torch
        from trainer.bench.run import run  # noqa: PLC0415
        from trainer.device.setup import choose_device  # noqa: PLC0415

    with one_line_errors():
        if (source is None) != (target is None):
            raise BadInput("--source and --target go together")
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
        chosen = choose(parts)
        if out is not None and not out.parent.is_dir():
            raise BadInput(f"--out {out}: {out.parent} is not a folder")
        result = run(conditions, chosen)
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
