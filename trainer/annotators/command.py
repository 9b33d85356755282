"""The command `simulate`."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from trainer.annotators.mistakes import KNOWN, mistakes_named
from trainer.annotators.session import (
    FROM_PROJECT,
    Note,
    Outcome,
    Runs,
    Simulation,
    Watch,
    simulate,
)
from trainer.annotators.times import PUBLISHED
from trainer.command import one_line_errors, parse_overrides
from trainer.contract import Supervision
from trainer.contract.cards import load_card
from trainer.errors import FAILED, BadInput
from trainer.recipes import RECIPES

MOST_ANNOTATORS = 1000
STAGES = ("Reading masks", "Signing in", "Labelling", "Steps of training")
SECONDS_BETWEEN_LINES = 10.0


def simulate_command(  # noqa: PLR0913 - each is an option of the command
    project: Annotated[str, typer.Argument(help="Name or number of the project to label.")],
    masks: Annotated[
        list[str],
        typer.Option(
            metavar="CARD",
            help="Dataset with masks of the project's images. Can be given several times.",
        ),
    ],
    url: Annotated[str, typer.Option(help="Address of the server.")] = "http://127.0.0.1:8000",
    token: Annotated[
        str | None, typer.Option(envvar="WEAKSEG_TOKEN", help="API token to act with.")
    ] = None,
    email: Annotated[str | None, typer.Option(help="Account to sign in with, for a token.")] = None,
    password: Annotated[
        str | None, typer.Option(envvar="WEAKSEG_PASSWORD", help="Its own.")
    ] = None,
    annotators: Annotated[
        int,
        typer.Option(
            min=1,
            max=MOST_ANNOTATORS,
            help="How many at once, each with an account. Without an admin: 1, oneself.",
        ),
    ] = 4,
    labels: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many. Default: when none is left.")
    ] = None,
    speed: Annotated[
        float,
        typer.Option(
            min=0, help="Simulated seconds in a real one; 1 is as people work, 0 without waiting."
        ),
    ] = 0,
    times: Annotated[
        str,
        typer.Option(
            help=f"How long people take: {', '.join(PUBLISHED)}, {FROM_PROJECT} (fitted to the "
            "labels it has), or a label file to fit."
        ),
    ] = "literature",
    mistakes: Annotated[
        str, typer.Option(help=f"How often people err: {', '.join(KNOWN)}.")
    ] = "careful",
    sweep: Annotated[
        bool, typer.Option("--sweep", help="Sweep category by category in place of images.")
    ] = False,
    pictures: Annotated[bool, typer.Option(help="Fetch each picture, as a browser does.")] = True,
    runs_after: Annotated[
        str, typer.Option(metavar="COUNTS", help="Start runs after so many labels: 10,20,50.")
    ] = "",
    supervision: Annotated[
        list[Supervision] | None,
        typer.Option(help="Of these runs. Can be given several times. Default: image and point."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(help=f"Of these runs: {', '.join(RECIPES)}. Default: the project's."),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a field of these runs' config."),
    ] = None,
    accounts: Annotated[
        str,
        typer.Option(help="What their accounts are called, with -01 and so on."),
    ] = "simulated",
    seed: Annotated[int, typer.Option(min=0, help="Decides answers, mistakes and times.")] = 0,
    out: Annotated[Path | None, typer.Option("--json", help="File for what was measured.")] = None,
) -> None:
    """Label a project through a running server as people would who see the masks.

    Times of labels have the trails that a browser sends, so that all figures about people and costs
    are what such people would leave. What somebody answers of an image, and how long that takes,
    depends on the seed alone; which images each of several gets is for the server to say.

    An admin makes accounts (simulated-01 and so on) for the annotators. With `--runs-after` runs are
    started in between and waited for, which gives an accuracy page.

    Example: `weakseg simulate "Cambridge streets" --masks camvid/train:/data/camvid --annotators 8
    --speed 60`
    """
    with one_line_errors():
        wanted = Simulation(
            address=url,
            project=project,
            cards=tuple(map(load_card, masks)),
            token=token,
            email=email,
            password=password,
            annotators=annotators,
            labels=labels,
            speed=speed,
            times=times,
            mistakes=mistakes_named(mistakes),
            seed=seed,
            accounts=accounts,
            sweeps=sweep,
            fetches_pictures=pictures,
            runs=_runs(runs_after, supervision, recipe, change or []),
        )
        with _bars() as watch:
            outcome = asyncio.run(simulate(wanted, watch))
        _show(outcome)
        if out is not None:
            out.write_text(json.dumps(_figures(outcome), indent=1) + "\n", encoding="utf-8")
    if failed := [run for run in outcome.runs if run["state"] != "succeeded"]:
        typer.echo(f"error: run {failed[0]['id']} {failed[0]['state']}", err=True)
        raise typer.Exit(FAILED)


def _runs(
    counts: str, supervisions: list[Supervision] | None, recipe: str | None, changes: list[str]
) -> Runs | None:
    if not counts:
        if supervisions or recipe or changes:
            raise BadInput("--supervision, --recipe and --set are for runs: give --runs-after")
        return None
    numbers = [part.strip() for part in counts.split(",")]
    if not all(number.isdecimal() and int(number) for number in numbers):
        raise BadInput(f"--runs-after {counts!r}: write counts with commas between, such as 10,20")
    chosen = tuple(supervisions or (Supervision.IMAGE, Supervision.POINT))
    if Supervision.DENSE in chosen:
        raise BadInput("--supervision: the server has no masks for dense")
    return Runs(tuple(map(int, numbers)), chosen, recipe, parse_overrides(changes))


@contextmanager
def _bars() -> Iterator[Watch]:
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield Watch(*(_lines(console, what) for what in STAGES))
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    )  # fmt: skip
    with Progress(*columns, console=console) as progress:
        bars: dict[str, TaskID] = {}

        def moving(what: str) -> Any:
            def move(done: int, total: int | None) -> None:
                if what not in bars:
                    bars[what] = progress.add_task(what, total=total)
                progress.update(bars[what], completed=done, total=total)

            return move

        yield Watch(*map(moving, STAGES))


def _lines(console: Console, what: str) -> Note:
    """Progress as lines, now and then, for a log."""
    said = 0.0
    begun: float | None = None

    def say(done: int, total: int | None) -> None:
        nonlocal said, begun
        now = time.monotonic()
        begun = now if begun is None else begun
        if done == total or now - said > SECONDS_BETWEEN_LINES:
            said = now
            console.print(in_words(what, done, total, now - begun))

    return say


def in_words(what: str, done: int, total: int | None, seconds: float) -> str:
    """How far a stage is, and how long it still takes at the pace of its first `seconds`."""
    if total is None:
        return f"{what}: {done}"
    left = seconds * (total - done) / done if done else 0.0
    if left < SECONDS_BETWEEN_LINES:
        return f"{what}: {done} of {total}"
    words = f"{left / 60:.0f} min" if left >= 90 else f"{-(-left // 10) * 10:.0f} s"
    return f"{what}: {done} of {total}, about {words} left"


def _figures(outcome: Outcome) -> dict[str, Any]:
    tally = outcome.tally
    return {
        "labels": tally.labels,
        "skipped": tally.skipped,
        "lost": tally.lost,
        "sweep_pages": tally.sweeps,
        "active_seconds": tally.active_ms / 1000,
        "wall_seconds": tally.wall_ms / 1000,
        "seconds": round(outcome.seconds, 3),
        "retries": outcome.latencies.retries,
        "latencies": outcome.latencies.summary(),
        "runs": [
            {name: run[name] for name in ("id", "supervision", "state", "miou")}
            for run in outcome.runs
        ],
    }


def _show(outcome: Outcome) -> None:
    tally = outcome.tally
    done = f"{tally.sweeps} pages of sweeps" if tally.sweeps else f"{tally.labels} labels"
    besides = [
        f"{count} {what}"
        for what, count in (
            ("skipped, without a mask", tally.skipped),
            ("taken by others", tally.lost),
        )
        if count
    ]
    console = Console(stderr=True, highlight=False)
    console.print(
        f"{', '.join([done, *besides])}; {tally.active_ms / 60_000:.1f} minutes of simulated work "
        f"in {outcome.seconds:.1f} s"
    )
    table = Table("request", "answers", "median ms", "p95 ms", "p99 ms")
    for kind, found in outcome.latencies.summary().items():
        row = (found["answers"], found["p50_ms"], found["p95_ms"], found["p99_ms"])
        table.add_row(kind, *map(str, row))
    console.print(table)
    for run in outcome.runs:
        miou = "-" if run["miou"] is None else f"{100 * run['miou']:.1f}"
        console.print(f"run {run['id']}: {run['supervision']}, {run['state']}, mIoU {miou}")
    if outcome.accuracy_page:
        console.print(f"What the labels bought: {outcome.accuracy_page}")
