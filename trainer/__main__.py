"""Command line of the trainer: train, evaluate, predict. Needs no server and no database."""

import json
import os

# OpenMP's threads wait for each other by spinning. On a machine that does anything besides, each
# then burns the time that the other needs, and a step takes several times as long. This is read
# when torch is loaded, so it comes before the imports.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from trainer.checkpoint import load_segmenter
from trainer.contract import DatasetCard, Score, Supervision, TrainConfig
from trainer.data.cards import list_samples, load_card
from trainer.data.domains import load_masked
from trainer.data.images import ResizedImages
from trainer.data.oracle import card_categories, make_oracle_labels
from trainer.errors import BadInput
from trainer.evaluate import score_on_masks
from trainer.files import write_atomically
from trainer.predict import predict_images
from trainer.recipes import RECIPES, RunSubject, apply_overrides, build
from trainer.start import read_config
from trainer.train import BAD_INPUT, train

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command("make-oracle-labels")(make_oracle_labels)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Bad input ends the program with one line on stderr and status 2."""
    try:
        yield
    except BadInput as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from error


@app.command("train")
def train_command(  # noqa: PLR0913 - each is an option of the command
    run_dir: Annotated[
        Path | None, typer.Argument(help="Folder with config.json, and labels.jsonl where needed.")
    ] = None,
    recipe: Annotated[str | None, typer.Option(help=f"One of {', '.join(RECIPES)}.")] = None,
    source: Annotated[Path | None, typer.Option(help="Card of the source domain.")] = None,
    target: Annotated[Path | None, typer.Option(help="Card of the target domain.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Label file of the target.")] = None,
    validation: Annotated[Path | None, typer.Option(help="Card with target masks.")] = None,
    supervision: Annotated[
        Supervision | None, typer.Option(help="Default: point with labels, else pseudo.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to make.")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, such as weights.point=0.5.")
    ] = None,
) -> None:
    """Train RUN_DIR, or make a run from a recipe; started again, a run goes on where it stopped."""
    with one_line_errors():
        overrides = parse_overrides(change or [])
        if run_dir is not None:
            if given := [name for name in (recipe, source, target, labels, out) if name]:
                raise BadInput(f"RUN_DIR has its own config.json; {given[0]} does not go with it")
            if overrides:
                write_config(run_dir, apply_overrides(read_config(run_dir)[0], overrides))
        else:
            if not (recipe and source and target and out):
                raise BadInput("give RUN_DIR, or all of --recipe --source --target --out")
            card = load_card(source)
            subject = RunSubject(
                supervision=supervision or (Supervision.POINT if labels else Supervision.PSEUDO),
                categories=card_categories(card),
                source=card,
                target=load_card(target),
                labels=labels and labels.resolve(),
                validation=load_card(validation) if validation else None,
            )
            out.mkdir(parents=True, exist_ok=True)
            write_config(out, apply_overrides(build(recipe, subject), overrides))
            run_dir = out
    raise typer.Exit(train(run_dir))


def parse_overrides(changes: list[str]) -> dict[str, object]:
    """`key=value` texts as overrides."""
    overrides: dict[str, object] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise BadInput(f"--set {change!r}: write key=value")
        overrides[name.strip()] = value.strip()
    return overrides


def write_config(run_dir: Path, config: TrainConfig) -> None:
    """Write `config.json`, so that the folder always says what was run."""
    write_atomically(run_dir / "config.json", config.model_dump_json(indent=2).encode())


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument()],
    target: Annotated[Path, typer.Option(help="Card of a dataset with masks.")],
) -> None:
    """Print the score of a checkpoint on a dataset with masks, as JSON on stdout."""
    with one_line_errors():
        segmenter = load_segmenter(checkpoint)
        dataset = load_masked(load_card(target), segmenter.categories, segmenter.size)
        score = score_on_masks(segmenter, dataset.images, dataset.lookup)
    typer.echo(score.model_dump_json())
    Console(stderr=True).print(_table(score))


def _table(score: Score) -> Table:
    table = Table("category", "IoU")
    for name, iou in score.iou.items():
        table.add_row(name, "-" if iou is None else f"{100 * iou:.1f}")
    table.add_row("mean", "-" if score.miou is None else f"{100 * score.miou:.1f}")
    return table


@app.command()
def predict(
    checkpoint: Annotated[Path, typer.Argument()],
    images: Annotated[Path, typer.Option(help="Folder with images, searched in depth.")],
    out: Annotated[Path, typer.Option(help="Folder for masks and predictions.jsonl.")],
) -> None:
    """Write masks and presence probabilities of a folder of images."""
    with one_line_errors():
        segmenter = load_segmenter(checkpoint)
        card = DatasetCard(name=images.name or "images", root=images.resolve(), images="**/*")
        samples = list_samples(card, with_masks=False)
        predict_images(segmenter, ResizedImages(samples, segmenter.size), out)
    typer.echo(json.dumps({"images": len(samples), "out": str(out)}))


if __name__ == "__main__":
    app()
