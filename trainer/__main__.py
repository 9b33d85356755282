"""Command line of the trainer. Needs no server and no database."""

import json
import os

# OpenMP's threads wait for each other by spinning. On a machine that does anything besides, each
# then burns the time that the other needs, and a step takes several times as long. This is read
# when torch is loaded, which is left to the commands that need it: the others begin at once.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# The gradients of the category discriminators are hundreds of megabytes that are touched once a
# step: with huge pages the kernel is asked for them some hundred times less often.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from trainer.annotators.command import simulate_command
from trainer.bench.command import bench_command
from trainer.command import loading, one_line_errors, parse_overrides
from trainer.contract import DatasetCard, Score, Supervision, TileTags
from trainer.contract.cards import load_card, resolve_card
from trainer.data.gold import make_gold
from trainer.data.labels import write_labels
from trainer.data.marking import Question
from trainer.data.oracle import oracle_labels
from trainer.data.samples import list_samples, say_left_out
from trainer.errors import BadInput
from trainer.recipes import RECIPES, RunSubject, apply_overrides, build
from trainer.run_folder.config import FILE as CONFIG
from trainer.run_folder.config import new_config, read_config
from trainer.study.command import study_command
from trainer.terminal import Screen, open_closed_streams

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Train, score and use segmentation models that adapt to images with weak labels.",
    epilog="A CARD is a YAML file that says where a dataset's images and masks are, or NAME:ROOT "
    "for a dataset that is known by name, such as camvid:/data/camvid.",
)
app.command("study")(study_command)
app.command("simulate")(simulate_command)
app.command("bench")(bench_command)

AS_TRAINED, AT_OWN_SIZE = "whole images, resized as in training", "windows of the training size"

Checkpoint = Annotated[
    Path, typer.Argument(help="A .safetensors file, such as RUN_DIR/checkpoints/last.safetensors.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Sliding = Annotated[
    bool, typer.Option(help=f"Segment {AT_OWN_SIZE} that overlap, in place of {AS_TRAINED}.")
]
Scale = Annotated[
    float, typer.Option(min=0.01, max=10, help="With --sliding: of each image's own size.")
]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="Images, or windows, at once. Default: a few.")
]


@app.command("train")
def train_command(  # noqa: PLR0913 - each is an option of the command
    run_dir: Annotated[
        Path | None,
        typer.Argument(
            help="Folder with a config.json to train, or to go on with.", show_default=False
        ),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Name of a recipe; `recipes` lists them.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="CARD", help="Source domain, with masks. None: labels alone."),
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="CARD", help="Target domain.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Weak labels of the target (JSON lines).")
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(metavar="CARD", help="Target images with masks, to score on alone."),
    ] = None,
    supervision: Annotated[
        Supervision | None, typer.Option(help="Default: point with --labels, else pseudo.")
    ] = None,
    categories: Annotated[
        str | None,
        typer.Option(
            help="Names with commas between. Default: those of the source's card, or else "
            "of the target's."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="File with the backbone's ImageNet weights.")
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Checkpoint whose network the run begins with.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to make.")] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a field of the configuration, such as "
            "steps=1000 or weights.point=0.5. Can be given several times.",
        ),
    ] = None,
) -> None:
    """Train RUN_DIR, or make a run of a recipe in a new folder and train it.

    A run that was stopped (Ctrl+C or SIGTERM) goes on where it was when it is started again with
    `train RUN_DIR`. Everything is written into its folder. Progress goes, as lines of JSON, to
    RUN_DIR/progress.jsonl, and to stdout unless that is a terminal, which shows bars.

    To train on several devices, put `torchrun --nproc-per-node N -m trainer` in place of
    `python -m trainer`.

    Example: `python -m trainer train --recipe cpu-small --source gta5:/data/gta5
    --target street.yaml --labels labels.jsonl --out runs/first`
    """
    with one_line_errors():
        overrides = parse_overrides(change or [])
        files = {"initial_weights": weights, "start_from": start_from}
        overrides |= {name: str(file.resolve()) for name, file in files.items() if file}
        of_new_run = {
            "--recipe": recipe,
            "--source": source,
            "--target": target,
            "--labels": labels,
            "--validation": validation,
            "--supervision": supervision,
            "--categories": categories,
            "--out": out,
        }
        if run_dir is not None:
            if surplus := [name for name, value in of_new_run.items() if value is not None]:
                raise BadInput(f"RUN_DIR has its own {CONFIG}; {surplus[0]} does not go with it")
            changed = overrides and apply_overrides(read_config(run_dir)[0], overrides)
            new = new_config(run_dir, changed) if changed else None
        else:
            if not (recipe and target and out):
                raise BadInput("give RUN_DIR, or all of --recipe --target --out")
            source_card, target_card = source and load_card(source), load_card(target)
            subject = RunSubject(
                supervision=supervision or (Supervision.POINT if labels else Supervision.PSEUDO),
                categories=_categories(categories, source_card or target_card),
                source=source_card or None,
                target=target_card,
                labels=labels and labels.resolve(),
                validation=load_card(validation) if validation else None,
            )
            run_dir = out
            new = new_config(run_dir, apply_overrides(build(recipe, subject), overrides))
    with loading():
        from trainer.run.train import train

    raise typer.Exit(train(run_dir, new))


def _categories(names: str | None, card: DatasetCard) -> tuple[str, ...]:
    if names is not None:
        return tuple(name.strip() for name in names.split(",") if name.strip())
    if not card.categories:
        raise BadInput(f"dataset {card.name!r}: its card names no categories; give --categories")
    return card.categories


@app.command()
def recipes() -> None:
    """List the recipes: what each is for, and what it takes."""
    for recipe in RECIPES.values():
        typer.echo(f"{recipe.name}\n    {recipe.description}\n")


@app.command()
def make_oracle_labels(
    card: Annotated[str, typer.Option(metavar="CARD", help="Dataset with masks.")],
    out: Annotated[Path, typer.Option(help="Label file to write.")],
    points: Annotated[int, typer.Option(min=0, help="Points on each present category.")] = 1,
    tiles: Annotated[str, typer.Option(help="Grid of tiles to tag, such as 2x3.")] = "",
    margin: Annotated[int, typer.Option(min=0, help="Pixels from a region's border.")] = 2,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Write the label file that a perfect annotator would give; categories are the card's."""
    with one_line_errors():
        dataset = load_card(card)
        question = Question(dataset.categories, points, _grid(tiles) if tiles else None)
        say_left_out(dataset)
        labels = oracle_labels(dataset, question, margin=margin, seed=seed)
        write_labels(out, labels)
    typer.echo(f"{len(labels)} labels in {out}", err=True)


def _grid(text: str) -> tuple[int, int]:
    try:
        rows, columns = (int(part) for part in text.split("x"))
        TileTags(rows=rows, cols=columns)
    except ValueError as error:
        raise BadInput(f"--tiles {text!r}: write ROWSxCOLUMNS, each 1 to 16") from error
    return rows, columns


@app.command()
def gold(
    source: Annotated[str, typer.Option(metavar="CARD", help="Dataset with masks.")],
    count: Annotated[int, typer.Option(min=1, help="How many images.")],
    out: Annotated[Path, typer.Option(help="Folder for images/, masks/ and gold.jsonl.")],
    category: Annotated[
        list[str] | None,
        typer.Option(help="Can be given several times, in the masks' order. Default: the card's."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Draw images of a dataset whose masks tell what a person should answer."""
    with one_line_errors():
        card = load_card(source)
        say_left_out(card)
        made = make_gold(card, tuple(category or card.categories), count, seed=seed, out=out)
    typer.echo(f"{len(made)} images in {out}", err=True)


@app.command()
def evaluate(
    checkpoint: Checkpoint,
    target: Annotated[str, typer.Option(metavar="CARD", help="Dataset with masks.")],
    sliding: Sliding = False,
    scale: Scale = 1.0,
    device: Device = "auto",
) -> None:
    """Score a checkpoint on a dataset with masks: JSON on stdout, a table on stderr."""
    with loading():
        from trainer.data.domains import load_masked
        from trainer.data.mask_notes import mask_notes
        from trainer.device.cores import cores_here
        from trainer.device.setup import choose_device
        from trainer.inference.evaluate import score_on_masks
        from trainer.inference.segment import Window
        from trainer.models.checkpoint import load_segmenter

    with one_line_errors():
        segmenter = load_segmenter(checkpoint, choose_device(device))
        card = load_card(target)
        say_left_out(card)
        masked = load_masked(card, segmenter.categories, segmenter.size)
        for note in mask_notes("target", masked.images, segmenter.categories, cores_here()):
            typer.echo(note, err=True)
        with Screen() as screen, screen.working(f"scoring {len(masked.images)} images"):
            window = Window(scale) if sliding else None
            score = score_on_masks(segmenter, masked.images, masked.lookup, window=window)
    typer.echo(score.model_dump_json())
    Console(stderr=True).print(_table(score))
    if score.miou is None:
        typer.echo(
            "no mean IoU: the masks have one category alone, and any guess is right", err=True
        )


def _table(score: Score) -> Table:
    table = Table("category", "IoU")
    for name, iou in score.iou.items():
        table.add_row(name, "-" if iou is None else f"{100 * iou:.1f}")
    table.add_row("mean", "-" if score.miou is None else f"{100 * score.miou:.1f}")
    return table


@app.command()
def predict(  # noqa: PLR0913 - each is an option of the command
    checkpoint: Checkpoint,
    images: Annotated[Path, typer.Option(help="Folder with images, searched in depth.")],
    out: Annotated[Path, typer.Option(help="Folder for masks/ and predictions.jsonl.")],
    sliding: Sliding = False,
    scale: Scale = 1.0,
    batch_size: BatchSize = None,
    device: Device = "auto",
) -> None:
    """Write a mask, presence probabilities and the uncertainty of each image of a folder."""
    with loading():
        from trainer.data.images import ResizedImages
        from trainer.device.setup import choose_device
        from trainer.inference.predict import predict_images
        from trainer.inference.segment import BATCH_SIZE, Window
        from trainer.models.checkpoint import load_segmenter

    with one_line_errors():
        segmenter = load_segmenter(checkpoint, choose_device(device))
        every = DatasetCard(name="images", root=images, images="**/*")
        card = resolve_card(every, Path())
        say_left_out(card)
        found = ResizedImages(list_samples(card, with_masks=False), segmenter.size)
        with Screen() as screen, screen.working("predicting", total=len(found)) as done:
            window = Window(scale) if sliding else None
            predict_images(segmenter, found, out, done, window, batch_size or BATCH_SIZE)
    typer.echo(json.dumps({"images": len(found), "out": str(out)}))


@app.command()
def report(
    run_dir: Annotated[Path, typer.Argument(help="Folder of a run that has finished.")],
) -> None:
    """Make RUN_DIR/report.html anew from what the run wrote."""
    from trainer.report.page import remake_page

    with one_line_errors():
        page = remake_page(run_dir, read_config(run_dir)[0])
    typer.echo(str(page))


@app.command("export")
def export_command(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, such as best.safetensors.")],
    out: Annotated[Path, typer.Option(help="ONNX file to write.")],
    height: Annotated[int | None, typer.Option(min=1, help="Default: as trained.")] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Default: as trained.")] = None,
) -> None:
    """Write a checkpoint as an ONNX model, checked against ONNX Runtime."""
    with loading():
        from trainer.inference.export import export
        from trainer.models.checkpoint import load_segmenter

    with one_line_errors():
        segmenter = load_segmenter(checkpoint)
        size = (height or segmenter.shape.height, width or segmenter.shape.width)
        difference = export(segmenter, out, size)
    typer.echo(
        json.dumps(
            {
                "out": str(out),
                "height": size[0],
                "width": size[1],
                "max_difference": {
                    "logits": difference.logits,
                    "mask": difference.mask,
                    "presence": difference.presence,
                },
            }
        )
    )


if __name__ == "__main__":
    open_closed_streams()
    app()
