"""Commands that the trainer carries out. It takes the place of this process."""

import os
import sys

import typer

from server import trainer_commands


def study(context: typer.Context) -> None:
    """What labels are worth, by studies that train: `python -m trainer study`."""
    # In place of this process: torch stays out of the server, and signals reach the study.
    os.execv(sys.executable, trainer_commands.study(context.args))  # noqa: S606


def simulate(context: typer.Context) -> None:
    """Simulated annotators label a project of a running server: `python -m trainer simulate`."""
    os.execv(sys.executable, trainer_commands.simulate(context.args))  # noqa: S606
