"""Command line: draw a domain, or the contact sheet."""

import argparse
import sys
from pathlib import Path

from scenes.domain import SIZE, contact_sheet, write_domain
from scenes.style import Look
from trainer.errors import BadInput


def main(arguments: list[str] | None = None) -> int:
    """Command line: write a domain or the contact sheet; answers the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m scenes", description="Draw street scenes with exact masks."
    )
    parser.add_argument("--out", type=Path, help="folder to write a domain into")
    parser.add_argument("--look", choices=[look.value for look in Look], default=Look.SOURCE.value)
    parser.add_argument("--count", type=int, default=10, help="number of scenes (10)")
    parser.add_argument("--seed", type=int, default=0, help="which series of scenes (0)")
    parser.add_argument(
        "--size", type=int, nargs=2, default=SIZE, metavar=("WIDTH", "HEIGHT"), help="(480 360)"
    )
    parser.add_argument("--no-masks", action="store_true", help="write pictures alone")
    parser.add_argument("--contact-sheet", type=Path, metavar="FILE", help="write an overview JPEG")
    options = parser.parse_args(arguments)
    if not options.out and not options.contact_sheet:
        parser.error("say --out DIR or --contact-sheet FILE")
    try:
        _run(options)
    except (BadInput, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


def _run(options: argparse.Namespace) -> None:
    if options.contact_sheet:
        contact_sheet(options.contact_sheet)
    if options.out:
        card = write_domain(
            options.out,
            Look(options.look),
            options.count,
            options.seed,
            size=(options.size[0], options.size[1]),
            with_masks=not options.no_masks,
        )
        sys.stdout.write(f"{card}\n")


if __name__ == "__main__":
    sys.exit(main())
