"""The study: what each kind of supervision and each term of the loss earns, on one pair of domains.

python -m trainer study --source SOURCE.yaml --target TARGET.yaml --validation VAL.yaml --out DIR

Every run is an ordinary run directory of its own below DIR/runs. A study that was stopped goes on
with the runs that are not finished.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from trainer.command import one_line_errors, parse_overrides
from trainer.contract import (
    DatasetCard,
    Evaluated,
    Record,
    Report,
    Score,
    Supervision,
    TrainConfig,
)
from trainer.data.cards import load_card
from trainer.data.labels import write_labels
from trainer.data.oracle import oracle_labels
from trainer.errors import BadInput
from trainer.files import write_atomically
from trainer.history import read_history
from trainer.recipes import RECIPES, RunSubject, apply_overrides, build


@dataclass(frozen=True)
class Labels:
    """Which oracle labels a variant trains on."""

    points: int = 1
    tiles: tuple[int, int] | None = None

    @property
    def file(self) -> str:
        """Name of the label file."""
        tiles = f"-tiles-{self.tiles[0]}x{self.tiles[1]}" if self.tiles else ""
        return f"points-{self.points}{tiles}.jsonl"


@dataclass(frozen=True)
class Variant:
    """One line of a table: a supervision, and what is changed of the recipe."""

    name: str
    supervision: Supervision
    labels: Labels = Labels()
    source: bool = True
    changes: Mapping[str, object] = field(default_factory=dict)


def _without(*terms: str) -> dict[str, object]:
    return {f"weights.{term}": 0 for term in terms}


SOURCE_ONLY, PSEUDO, IMAGE, POINT, DENSE = Supervision
PAPER = {"weights.source_presence": 0, "weights.absent": 0, "weights.self_training": 0}
ALIGNMENT = ("output_alignment", "category_alignment")

TABLES: Mapping[str, tuple[Variant, ...]] = {
    "supervision": (
        Variant("source-only", SOURCE_ONLY),
        Variant("pseudo", PSEUDO),
        Variant("image", IMAGE),
        Variant("point", POINT),
        Variant("dense", DENSE),
        Variant("image without source", IMAGE, source=False),
        Variant("point without source", POINT, source=False),
    ),
    "labels": (
        Variant("tiles 2x2", IMAGE, Labels(tiles=(2, 2))),
        Variant("tiles 3x3", IMAGE, Labels(tiles=(3, 3))),
        Variant("3 points", POINT, Labels(points=3)),
        Variant("5 points", POINT, Labels(points=5)),
    ),
    "terms": (
        Variant("pseudo, L_c alone", PSEUDO, changes=PAPER | _without(*ALIGNMENT)),
        Variant("pseudo, paper", PSEUDO, changes=PAPER),
        Variant("image, L_c alone", IMAGE, changes=PAPER | _without(*ALIGNMENT)),
        Variant("image, paper", IMAGE, changes=PAPER),
        Variant("image, no absent term", IMAGE, changes=_without("absent")),
        Variant("image, no source L_c", IMAGE, changes=_without("source_presence")),
        Variant("image, no alignment", IMAGE, changes=_without(*ALIGNMENT)),
        Variant("point, points alone", POINT, changes=PAPER | _without(*ALIGNMENT, "image_label")),
        Variant("point, paper", POINT, changes=PAPER),
        Variant("point, no self-training", POINT, changes=_without("self_training")),
        Variant("point, no alignment", POINT, changes=_without(*ALIGNMENT)),
        Variant("point, no running average", POINT, changes={"average_decay": 0}),
    ),
}


class Outcome(Record):
    """One finished run."""

    table: str
    variant: str
    seed: int
    report: Report
    evaluations: tuple[Evaluated, ...]
    """Those of the adaptation, in order."""


@dataclass(frozen=True)
class Study:
    """What is compared, and where."""

    source: DatasetCard
    target: DatasetCard
    validation: DatasetCard
    out: Path
    recipe: str
    changes: Mapping[str, object]

    def prepare(self, variant: Variant, seed: int) -> Path:
        """The variant's run directory; one with another configuration is refused.

        Raises:
            BadInput: the folder has a run of another configuration.
        """
        run_dir = self.out / "runs" / variant.name.replace(", ", "-").replace(" ", "-") / f"{seed}"
        config = self._config(variant, seed).model_dump_json(indent=2).encode()
        path = run_dir / "config.json"
        if path.exists() and path.read_bytes() != config:
            raise BadInput(f"{run_dir}: has a run of another config.json; remove it to run anew")
        run_dir.mkdir(parents=True, exist_ok=True)
        write_atomically(path, config)
        return run_dir

    def _config(self, variant: Variant, seed: int) -> TrainConfig:
        dense = variant.supervision is Supervision.DENSE
        oracle = variant.supervision.is_oracle
        # Without masks in the card, no run can look at one.
        target = self.target if dense else self.target.model_copy(update={"masks": None})
        subject = RunSubject(
            supervision=variant.supervision,
            categories=self.target.categories,
            source=self.source if variant.source else None,
            target=target,
            labels=(self.out / variant.labels.file).resolve() if oracle else None,
            validation=self.validation,
        )
        selection = "weak-labels" if oracle else "last"
        own = {"seed": seed, "predict": False, "selection": selection}
        changes = {**own, **self.changes, **variant.changes}
        return apply_overrides(build(self.recipe, subject), changes)

    def write_labels(self, labels: Labels) -> None:
        """Make the oracle labels of the target's masks, once."""
        path = self.out / labels.file
        if not path.exists():
            made = oracle_labels(
                self.target, self.target.categories, labels.points, tiles=labels.tiles
            )
            write_labels(path, made)


def study_command(  # noqa: PLR0913 - each is an option of the command
    source: Annotated[str, typer.Option(help="Card of the source domain.")],
    target: Annotated[
        str, typer.Option(help="Card of the target domain, with masks for oracle labels.")
    ],
    validation: Annotated[str, typer.Option(help="Card of the masks that are scored.")],
    out: Annotated[Path, typer.Option(help="Folder of the study.")],
    recipe: Annotated[str, typer.Option(help=f"One of {', '.join(RECIPES)}.")] = "cpu-small",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each variant.")] = 3,
    tables: Annotated[str, typer.Option(help="Which, with commas.")] = ",".join(TABLES),
    only: Annotated[
        list[str] | None, typer.Option(help="Name of a variant; several times for several.")
    ] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="key=value")] = None,
    dry: Annotated[bool, typer.Option(help="Only make the tables of what is finished.")] = False,
) -> None:
    """Run every variant with every seed, and write results.json and results.md."""
    with one_line_errors():
        wanted = list(_wanted(_known("--tables", tables.split(","), TABLES), only, seeds))
        study = Study(
            load_card(source),
            load_card(target),
            load_card(validation),
            out,
            recipe,
            parse_overrides(change or []),
        )
        out.mkdir(parents=True, exist_ok=True)
        if not dry:
            run_all(study, wanted)
        outcomes = [o for table, v, seed in wanted if (o := read_outcome(study, table, v, seed))]
        write_results(study, outcomes)


def _known(option: str, names: Sequence[str], known: Collection[str]) -> Sequence[str]:
    if unknown := [name for name in names if name not in known]:
        raise BadInput(f"{option}: unknown {unknown[0]!r}; known are {', '.join(known)}")
    return names


def _wanted(
    tables: Sequence[str], only: Sequence[str] | None, seeds: int
) -> Iterator[tuple[str, Variant, int]]:
    """Seed by seed, so that a study that is stopped early has whole tables of fewer seeds."""
    names = [variant.name for table in tables for variant in TABLES[table]]
    chosen = _known("--only", only or names, names)
    for seed in range(seeds):
        for table in tables:
            for variant in TABLES[table]:
                if variant.name in chosen:
                    yield table, variant, seed


def run_all(study: Study, wanted: Sequence[tuple[str, Variant, int]]) -> None:
    """Run what is not finished, one after another, each in a process of its own.

    Raises:
        BadInput: a run failed; the message says which and why.
    """
    for _, variant, _ in wanted:
        study.write_labels(variant.labels)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task("study", total=len(wanted))
        for _, variant, seed in wanted:
            bar.update(task, description=f"{variant.name}, seed {seed}")
            run_dir = study.prepare(variant, seed)
            if not (run_dir / "report.json").exists():
                _run(run_dir)
            bar.advance(task)


def _run(run_dir: Path) -> None:
    command = [sys.executable, "-m", "trainer", "train", str(run_dir)]
    done = subprocess.run(  # noqa: S603
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode or not (run_dir / "report.json").exists():
        why = done.stderr.strip().splitlines()[-1:] or ["it was interrupted"]
        raise BadInput(f"{run_dir}: {why[0].removeprefix('error: ')}")


def read_outcome(study: Study, table: str, variant: Variant, seed: int) -> Outcome | None:
    """What a run came to; None when it is not finished."""
    run_dir = study.prepare(variant, seed)
    try:
        report = Report.model_validate_json((run_dir / "report.json").read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise BadInput(f"{run_dir}/report.json: {error}") from error
    evaluations = sorted(read_history(run_dir).evaluations.items())
    return Outcome(
        table=table,
        variant=variant.name,
        seed=seed,
        report=report.model_copy(update={"breakdown": None}),
        evaluations=tuple(line for _, line in evaluations if line.phase == "adaptation"),
    )


def write_results(study: Study, outcomes: Sequence[Outcome]) -> None:
    """Write `results.json` and `results.md`, and show the latter."""
    if not outcomes:
        raise BadInput(f"{study.out}: no run is finished")
    runs = [outcome.model_dump(mode="json") for outcome in outcomes]
    write_atomically(study.out / "results.json", json.dumps(runs, indent=1).encode())
    text = results_text(outcomes)
    write_atomically(study.out / "results.md", text.encode())
    Console().print(Markdown(text))


def results_text(outcomes: Sequence[Outcome]) -> str:
    """The study's tables as Markdown: mIoU, IoU of each category, and how well checkpoints are
    chosen without masks."""
    parts = [
        f"### {table.capitalize()}\n\n" + _scores(found)
        for table in TABLES
        if (found := [outcome for outcome in outcomes if outcome.table == table])
    ]
    supervision = [outcome for outcome in outcomes if outcome.table == "supervision"]
    if supervision:
        parts.append("### IoU of each category\n\n" + _categories(supervision))
    if chosen := [outcome for outcome in outcomes if _weak_scores(outcome)]:
        parts.append("### Choosing a checkpoint without masks\n\n" + _selection(chosen))
    return "\n\n".join(parts) + "\n"


def _by_variant(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    grouped: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        grouped.setdefault(outcome.variant, []).append(outcome)
    return grouped


def _scores(outcomes: Sequence[Outcome]) -> str:
    rows = [
        (
            name,
            mean_and_spread([o.report.score.miou for o in same]),
            ", ".join(_percent(o.report.score.miou) for o in same),
            f"{statistics.mean(o.report.seconds for o in same) / 60:.1f}",
            _choice(same[0]),
        )
        for name, same in _by_variant(outcomes).items()
    ]
    return _table(("variant", "mIoU", "of each seed", "minutes a run", "checkpoint"), rows)


def _choice(outcome: Outcome) -> str:
    return "last" if outcome.report.selection.startswith("last") else "by held-out weak labels"


def _categories(outcomes: Sequence[Outcome]) -> str:
    grouped = _by_variant(outcomes)
    names = list(outcomes[0].report.score.iou)
    rows = [
        (
            name,
            *(
                mean_and_spread([o.report.score.iou.get(name) for o in same])
                for same in grouped.values()
            ),
        )
        for name in names
    ]
    return _table(("category", *grouped), rows)


def _weak_scores(outcome: Outcome) -> list[tuple[float, float]]:
    """(weak-label score, mIoU) of each evaluation that has both."""
    scores: list[Score] = [evaluation.score for evaluation in outcome.evaluations]
    return [
        (score.weak_label_score, score.miou)
        for score in scores
        if score.weak_label_score is not None and score.miou is not None
    ]


def _selection(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for name, same in _by_variant(outcomes).items():
        pairs = [_weak_scores(outcome) for outcome in same]
        correlations = [rank_correlation(*zip(*each, strict=True)) for each in pairs]
        rows.append(
            (
                name,
                mean_and_spread([max(each)[1] for each in pairs]),
                mean_and_spread([each[-1][1] for each in pairs]),
                mean_and_spread([max(miou for _, miou in each) for each in pairs]),
                _mean_number([c for c in correlations if c is not None]),
            )
        )
    header = ("variant", "by held-out weak labels", "last", "best by the masks", "rank correlation")
    return _table(header, rows)


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's rank correlation; None when either is constant or has fewer than three values."""
    if len(one) < 3 or len(set(one)) == 1 or len(set(other)) == 1:
        return None
    return statistics.correlation(_ranks(one), _ranks(other))


def _ranks(values: Sequence[float]) -> list[float]:
    """Rank of each value; equal ones share the mean of theirs."""
    ordered = sorted(values)
    return [ordered.index(value) + (ordered.count(value) - 1) / 2 for value in values]


def mean_and_spread(shares: Sequence[float | None]) -> str:
    """Mean and sample standard deviation of shares, in percent; `-` without any."""
    known = [100 * share for share in shares if share is not None]
    if not known:
        return "-"
    spread = f" ± {statistics.stdev(known):.1f}" if len(known) > 1 else ""
    return f"{statistics.mean(known):.1f}{spread}"


def _mean_number(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.2f}" if values else "-"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
