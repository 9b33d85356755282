"""The command `study`: train what is not finished, then make the tables."""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from trainer.command import one_line_errors, parse_overrides
from trainer.contract.cards import load_card
from trainer.errors import BadInput
from trainer.recipes import RECIPES
from trainer.report.file import is_finished, read_report
from trainer.study.plan import TABLES, Study, Variant
from trainer.study.results import mean_and_spread, read_outcome, write_results
from trainer.study.trainings import Trainings

Wanted = tuple[str, Variant, int]
"""Table, variant and seed of one run."""


def study_command(  # noqa: PLR0913 - each is an option of the command
    source: Annotated[
        str, typer.Option(metavar="CARD", help="Source domain, with masks to learn from.")
    ],
    target: Annotated[
        str,
        typer.Option(
            metavar="CARD", help="Target domain, with masks: the weak labels are made of them."
        ),
    ],
    validation: Annotated[
        str,
        typer.Option(
            metavar="CARD", help="Other images of the target domain, with masks to score on."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the study, to make or to go on with.")],
    recipe: Annotated[
        str, typer.Option(help=f"What the runs have in common: {', '.join(RECIPES)}.")
    ] = "cpu-small",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each variant.")] = 3,
    tables: Annotated[
        str, typer.Option(metavar="NAMES", help="Which tables, with commas between.")
    ] = ",".join(TABLES),
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VARIANT", help="Only this line of the tables. Can be given several times."
        ),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change a field of every run's configuration, such as steps=1000. Can be given "
            "several times.",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=1, help="Runs at once. Each has its share of the cores, unless `threads` is set."
        ),
    ] = 1,
    dry: Annotated[
        bool, typer.Option("--dry", help="Run nothing: only make the tables of what is finished.")
    ] = False,
) -> None:
    """Compare kinds of supervision and terms of the loss, each trained with several seeds.

    Every line of a table is a variant: `point without source`, for example, learns from clicked
    points alone. Labels are what a perfect annotator would give, made of the target's masks; no
    training but the upper bound `dense` sees those. Each run is a run folder of its own in
    OUT/runs. The tables, with means and standard deviations over seeds, go to OUT/results.md and
    the terminal, and every number to OUT/results.json.

    A study that was stopped (Ctrl+C or SIGTERM) goes on where it was with the same command, also
    with another `--jobs`. On a CPU, several runs at once get more done than one after another.

    Example: `python -m trainer study --source gta5:/data/gta5 --target street.yaml
    --validation street-val.yaml --out study --tables supervision --jobs 2`
    """
    with one_line_errors():
        chosen = _known("--tables", [name.strip() for name in tables.split(",")], TABLES)
        wanted = list(_wanted(chosen, only, seeds))
        study = Study(
            load_card(source),
            load_card(target),
            load_card(validation),
            out,
            recipe,
            parse_overrides(change or []),
        )
        if not dry:
            run_all(study, wanted, jobs)
        outcomes = [o for table, v, seed in wanted if (o := read_outcome(study, table, v, seed))]
        write_results(study, outcomes)


def _known(option: str, names: Sequence[str], known: Collection[str]) -> Sequence[str]:
    if unknown := [name for name in names if name not in known]:
        raise BadInput(f"{option}: unknown {unknown[0]!r}; known are {', '.join(known)}")
    return tuple(dict.fromkeys(names))


def _wanted(tables: Sequence[str], only: Sequence[str] | None, seeds: int) -> Iterator[Wanted]:
    """Seed by seed, so that a study that is stopped early has whole tables of fewer seeds."""
    names = [variant.name for table in tables for variant in TABLES[table]]
    chosen = _known("--only", only or names, names)
    for seed in range(seeds):
        for table in tables:
            for variant in TABLES[table]:
                if variant.name in chosen:
                    yield table, variant, seed


def run_all(study: Study, wanted: Sequence[Wanted], jobs: int) -> None:
    """Train what is not finished, each run in a process of its own.

    Args:
        study: what the runs are of.
        wanted: they begin in this order.
        jobs: so many at once; each has its share of the cores unless the study sets `threads`.

    Raises:
        BadInput: a run failed; the message says which and why. The others were stopped, and go on
            where they were the next time, as after SIGTERM and Ctrl+C.
    """
    for _, variant, seed in wanted:
        study.run_dir(variant, seed)
    study.check_data()
    study.out.mkdir(parents=True, exist_ok=True)
    for _, variant, _ in wanted:
        study.write_labels(variant.labels)
    names = {
        study.prepare(variant, seed): f"{variant.name}, seed {seed}" for _, variant, seed in wanted
    }
    waiting = deque(run_dir for run_dir in names if not is_finished(run_dir))
    bar = _bar()
    with bar, Trainings(jobs, sharing="threads" not in study.changes) as trainings:
        runs = bar.add_task("", total=len(names), completed=len(names) - len(waiting))
        while waiting or trainings.run_dirs:
            while waiting and trainings.has_room:
                trainings.start(waiting.popleft())
            bar.update(runs, description="\n".join(names[each] for each in trainings.run_dirs))
            finished = trainings.next_finished()
            miou = mean_and_spread([read_report(finished).score.miou])
            bar.console.print(f"{names[finished]}: mIoU {miou}", highlight=False)
            bar.advance(runs)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
