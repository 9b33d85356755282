"""The command lines of the trainer and of the painter of scenes.

Each is always a process of its own: torch stays out of the server's, and a crash ends the work alone.
`program` stands in for the trainer in tests.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from server.settings import get_settings
from trainer.contract.pictures import MOST_PIXELS

_PROGRAM = (sys.executable, "-m")
_TRAINER = (*_PROGRAM, "trainer")
TRAIN, GOLD = (*_TRAINER, "train"), (*_TRAINER, "gold")


def environment() -> dict[str, str]:
    """This process's, with the settings that a trainer shares: `.env` is read by the server alone."""
    most_pixels = str(get_settings().max_image_pixels)
    return {**os.environ, MOST_PIXELS: most_pixels}  # noqa: TID251 - handed on as a whole


def train(run_dir: Path, program: Sequence[str] = TRAIN) -> list[str]:
    """Begin or go on with the run whose directory this is."""
    return [*program, str(run_dir)]


def gold(
    source: Path, out: Path, count: int, seed: int, categories: Iterable[str],
    program: Sequence[str] = GOLD,
) -> list[str]:  # fmt: skip
    """Copy images and masks of a source domain, with the categories' indices in this order."""
    options = ["--source", str(source), "--out", str(out), "--count", str(count),
               "--seed", str(seed)]  # fmt: skip
    return [*program, *options, *(f"--category={name}" for name in categories)]


def scenes(out: Path, look: str, count: int, seed: int, *, masks: bool) -> list[str]:
    """Draw street scenes."""
    options = ["--out", str(out), "--look", look, "--count", str(count), "--seed", str(seed)]
    return [*_PROGRAM, "scenes", *options, *([] if masks else ["--no-masks"])]


def study(arguments: Iterable[str]) -> list[str]:
    """What labels are worth, by studies that train."""
    return [*_TRAINER, "study", *arguments]


def simulate(arguments: Iterable[str]) -> list[str]:
    """Label a project through a running server, as people would who see the masks."""
    return [*_TRAINER, "simulate", *arguments]
