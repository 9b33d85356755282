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
from trainer.study.budgets.command import study_budgets
from trainer.study.budgets.plan import ready_plans
from trainer.study.plan import TABLES, Study, Variant
from trainer.study.results import mean_and_spread, read_outcome, write_results
from trainer.study.trainings import Trainings

RECIPE, SEEDS = "cpu-small", 3
"""Of tables, where nobody says others."""

Wanted = tuple[str, Variant, int]
"""Table, variant and seed of one run."""


def study_command(  # noqa: PLR0913 - each is an option of the command
    out: Annotated[Path, typer.Option(help="Folder of the study, to make or to go on with.")],
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY",
            help=f"{', '.join(ready_plans())}, or a file (YAML): labels within budgets of seconds. "
            "Without it: the tables of kinds of supervision and terms.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="CARD", help="Source domain, with masks to learn from.")
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="CARD", help="Target domain, with masks: the weak labels are made of them."
        ),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="CARD", help="Other images of the target domain, with masks to score on."
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help=f"What the runs of tables have in common: {', '.join(RECIPES)}. Default: {RECIPE}."
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help=f"Runs of each variant. Default: STUDY's own, or {SEEDS}."),
    ] = None,
    tables: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help=f"Which tables, with commas between. Default: {','.join(TABLES)}.",
        ),
    ] = None,
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
        bool, typer.Option("--dry", help="Run nothing: only tell of what is finished.")
    ] = False,
) -> None:
    """What labels are worth: kinds of them within budgets, or the terms of the loss.

    With STUDY, simulated annotators label within budgets of seconds, by kind of label and order of
    work; each budget trains. OUT/report.html has the curves, what the next hour brings, and the
    answer: with this budget, label this way. OUT/results.csv has every number. `demo` takes ten
    minutes on two cores; `camvid` and `gta5-cityscapes` need the data.

    Without STUDY, every line of a table is a variant: `point without source`, for example, learns
    from clicked points alone. Labels are what a perfect annotator would give, made of the target's
    masks; no training but the upper bound `dense` sees those. The tables, with means and standard
    deviations over seeds, go to OUT/results.md and the terminal, and every number to
    OUT/results.json.

    Each run is a run folder of its own in OUT/runs. A study that was stopped (Ctrl+C or SIGTERM)
    goes on where it was with the same command, also with another `--jobs`. On a CPU, several runs at
    once get more done than one after another.

    Examples: `python -m trainer study demo --out demo-study --jobs 2`, and
    `python -m trainer study --source gta5:/data/gta5 --target street.yaml
    --validation street-val.yaml --out study --tables supervision --jobs 2`
    """
    with one_line_errors():
        domains = {"source": source, "target": target, "validation": validation}
        changes = parse_overrides(change or [])
        if study is not None:
            of_tables = {"--recipe": recipe, "--tables": tables, "--only": only}
            if surplus := [name for name, value in of_tables.items() if value]:
                raise BadInput(f"{surplus[0]} is for tables; STUDY says what is compared")
            given = {name: value for name, value in (domains | {"seeds": seeds}).items() if value}
            study_budgets(study, out, given, changes, jobs=None if dry else jobs)
            return
        if missing := [name for name, card in domains.items() if card is None]:
            raise BadInput(f"give --{missing[0]}, or the STUDY: {', '.join(ready_plans())}")
        names = [name.strip() for name in (tables or ",".join(TABLES)).split(",")]
        chosen = _known("--tables", names, TABLES)
        wanted = list(_wanted(chosen, only, seeds or SEEDS))
        cards = [load_card(str(card)) for card in domains.values()]
        of_source, of_target, of_validation = cards
        compared = Study(of_source, of_target, of_validation, out, recipe or RECIPE, changes)
        if not dry:
            run_all(compared, wanted, jobs)
        outcomes = [
            outcome
            for table, variant, seed in wanted
            if (outcome := read_outcome(compared, table, variant, seed))
        ]
        write_results(compared, outcomes)


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
