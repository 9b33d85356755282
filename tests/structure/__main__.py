"""The command: `python -m tests.structure [FOLDER] [--json]`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tests.structure.measures import measure

INTRODUCTION = (
    "Measure how a checkout is built: its rooms, what imports what, what a change touches."
)


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.structure", description=INTRODUCTION)
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="checkout (this one)")
    parser.add_argument("--json", action="store_true", help="all figures as JSON")
    given = parser.parse_args()
    figures = measure(given.folder)
    sys.stdout.write(json.dumps(figures, indent=2) if given.json else _table(figures))
    sys.stdout.write("\n")


def _table(figures: dict[str, Any]) -> str:
    rows = [f"{'room':44}{'parts':>6}{'arrows':>8}{'modules':>9}{'lines':>8}"]
    rows += [
        f"{room['path']:44}{room['parts']:6}{room['arrows']:8}{room['modules']:9}{room['lines']:8}"
        for room in figures["rooms"]
    ]
    for name, figure in figures.items():
        if name != "rooms":
            parts = figure.items() if isinstance(figure, dict) else ((b, a) for a, b in figure)
            rows += ["", name, *(f"  {part:66}{count:7}" for part, count in parts)]
    return "\n".join(rows)


main()
