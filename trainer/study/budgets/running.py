"""A study at work: labels within budgets, and their trainings in processes, several at once."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from trainer.annotators.mistakes import mistakes_named
from trainer.annotators.times import parse_labels, read_times
from trainer.contract import DatasetCard, Report, TrainConfig, WeakLabel
from trainer.contract.cards import load_card
from trainer.contract.lines import lines_of
from trainer.data.labels import write_labels
from trainer.data.views import Views
from trainer.errors import BadInput, describe
from trainer.recipes import RunSubject, apply_overrides, build
from trainer.report.file import is_finished, read_report
from trainer.run_folder.atomic import write_atomically
from trainer.run_folder.config import FILE, write_config
from trainer.study.budgets.labelling import (
    Annotators,
    Predictions,
    parse_predictions,
    ranked,
)
from trainer.study.budgets.plan import DENSE, SOURCE_ONLY, Cell, Plan, cells_of, supervision_of
from trainer.study.trainings import Trainings

LABELS, PLAN = "labels.jsonl", "study.json"
DECIDE = ("scenes", "source", "target", "validation", "times", "mistakes")
"""Fields of a plan that decide what is labelled."""


@dataclass(frozen=True)
class Domains:
    """Cards of the three domains."""

    source: DatasetCard
    target: DatasetCard
    validation: DatasetCard


def domains_of(plan: Plan, out: Path) -> Domains:
    """The cards that the plan names; scenes are drawn where it says so.

    Raises:
        BadInput: a domain is not named, or its card cannot be read.
    """
    if plan.scenes is None:
        named = {name: getattr(plan, name) for name in ("source", "target", "validation")}
        if missing := [name for name, card in named.items() if card is None]:
            raise BadInput(f"the study names no {missing[0]}: give --{missing[0]} CARD")
        return Domains(**{name: load_card(str(card)) for name, card in named.items()})
    looks = {"source": ("source", 1), "target": ("target", 2), "validation": ("target", 3)}
    drawn = {
        name: _drawn(out / "scenes" / name, look, seed, getattr(plan.scenes, name))
        for name, (look, seed) in looks.items()
    }
    return Domains(**drawn)


def _drawn(folder: Path, look: str, seed: int, count: int) -> DatasetCard:
    card = folder / "card.yaml"
    if not card.exists():
        options = ["--look", look, "--seed", str(seed), "--count", str(count), "--out", str(folder)]
        done = subprocess.run(  # noqa: S603 - our own painter
            [sys.executable, "-m", "scenes", *options], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BadInput(f"{folder}: drawing failed: {done.stderr.strip()}")
    return load_card(card)


@dataclass(frozen=True)
class Finished:
    """One run of the study that came to its end, and what its labels cost."""

    cell: Cell
    report: Report
    labels: tuple[WeakLabel, ...]

    @property
    def active_seconds(self) -> float:
        """Of labelling."""
        return sum(label.active_ms for label in self.labels) / 1000


class BudgetStudy:
    """A plan in a folder, where it can be gone on with."""

    def __init__(self, plan: Plan, out: Path, changes: Mapping[str, object]) -> None:
        """Args:
        plan: what is compared.
        out: the study's folder, made where it is missing.
        changes: of every run's configuration.
        """
        self.plan = plan
        self.out = out
        self.changes = changes
        self._labels: dict[Cell, tuple[WeakLabel, ...]] = {}
        self.cells = tuple(cells_of(plan))

    @cached_property
    def domains(self) -> Domains:
        """Raises BadInput, as `domains_of` does."""
        return domains_of(self.plan, self.out)

    @cached_property
    def _annotators(self) -> Annotators:
        times, mistakes = read_times(self.plan.times), mistakes_named(self.plan.mistakes)
        target = self.domains.target
        return Annotators(Views([target], target.categories), times, mistakes)

    def run_dir(self, cell: Cell) -> Path:
        """Where the run is, or will be."""
        return self.out / "runs" / cell.path

    def check(self) -> None:
        """See that all masks can be read, and that no folder has a run of another configuration.

        Raises:
            BadInput: naming what is wrong.
        """
        _ = self._annotators
        for cell in self.cells:
            path = self.run_dir(cell) / FILE
            wanted = self._config(cell).model_dump_json(indent=2).encode()
            if path.exists() and path.read_bytes() != wanted:
                raise BadInput(f"{path}: of another configuration; remove its folder to run anew")
        self._check_earlier()
        self.out.mkdir(parents=True, exist_ok=True)
        write_atomically(self.out / PLAN, self.plan.model_dump_json(indent=1).encode())

    def _check_earlier(self) -> None:
        """What is kept of labels has to be what would be labelled now."""
        path = self.out / PLAN
        if not path.exists():
            return
        try:
            earlier = Plan.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise BadInput(f"{path}: {describe(error)}") from error
        both = min(len(earlier.budgets), len(self.plan.budgets))
        changed = [name for name in DECIDE if getattr(earlier, name) != getattr(self.plan, name)]
        if earlier.budgets[:both] != self.plan.budgets[:both]:
            changed.append("budgets")
        if changed:
            raise BadInput(
                f"{path}: of a study with other {changed[0]}; choose another --out. Budgets can be "
                "added behind those that there are, and kinds, orders, recipes and seeds anywhere"
            )

    def labels_of(self, cell: Cell) -> tuple[WeakLabel, ...]:
        """What the annotators say within the budget; made once, and kept."""
        if not cell.is_labelled:
            return ()
        if cell not in self._labels:
            self._labels[cell] = self._read_labels(cell)
        return self._labels[cell]

    def _read_labels(self, cell: Cell) -> tuple[WeakLabel, ...]:
        path = self.run_dir(cell) / LABELS
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_labels(path, self._labelled(cell))
        return tuple(parse_labels(lines_of(path.read_bytes()), str(path)))

    def _labelled(self, cell: Cell) -> Sequence[WeakLabel]:
        before = cell.before
        given = self.labels_of(before) if before else ()
        models = list(self._predictions_before(cell)) if cell.needs_model else []
        now, earlier = [*models, {}, {}][:2]
        done = {label.image for label in given}
        left = [name for name in self._annotators.views.names if name not in done]
        everything = self._annotators.views.names if cell.order == "random" else left
        names = ranked(cell.order, everything, cell.seed, now, earlier)
        if cell.kind != "sweeps":
            names = [name for name in names if name not in done]
        return self._annotators.label(cell.kind, cell.seed, names, given, cell.budget)

    def _predictions_before(self, cell: Cell) -> Iterator[Predictions]:
        """Of the runs before a cell, the latest first."""
        before = cell.before
        while before is not None:
            if not self.adds_nothing(before):
                path = self.run_dir(before) / "predictions" / "predictions.jsonl"
                yield parse_predictions(lines_of(path.read_bytes()))
            before = before.before

    def adds_nothing(self, cell: Cell) -> bool:
        """Whether all images were labelled within the budget before: the run would be the same."""
        before = cell.before
        if not cell.is_labelled or before is None or not before.is_labelled:
            return False
        return self.labels_of(cell) == self.labels_of(before)

    def is_ready(self, cell: Cell) -> bool:
        """Whether all is there that the run needs."""
        needed = cell.before if cell.needs_model else _beginning(cell)
        if needed is None or is_finished(self.run_dir(needed)):
            return True
        return needed.is_labelled and self.is_ready(needed) and self.adds_nothing(needed)

    def prepare(self, cell: Cell) -> Path:
        """Make the run's folder, with all that a training needs."""
        run_dir = self.run_dir(cell)
        self.labels_of(cell)
        write_config(run_dir, self._config(cell))
        return run_dir

    def _config(self, cell: Cell) -> TrainConfig:
        domains = self.domains
        # Without masks in the card, no run can look at one.
        blind = domains.target.model_copy(update={"masks": None})
        subject = RunSubject(
            supervision=supervision_of(cell.kind),
            categories=domains.target.categories,
            source=domains.source,
            target=domains.target if cell.kind == DENSE else blind,
            labels=(self.run_dir(cell) / LABELS).resolve() if cell.is_labelled else None,
            validation=domains.validation,
        )
        sorts = cell.needs_model or (
            cell.kind == SOURCE_ONLY and set(self.plan.orders) != {"random"}
        )
        own: dict[str, object] = {
            "seed": cell.seed,
            "predict": sorts,
            "selection": "weak-labels" if cell.is_labelled else "last",
            "cache": str((self.out / "cache").resolve()),
        }
        changes = {**own, **self.plan.recipes[cell.recipe], **self.changes}
        from trainer.models.checkpoint import path_of  # noqa: PLC0415 - this imports torch

        config = apply_overrides(build(cell.recipe, subject), changes)
        begin = _beginning(cell)
        if begin is None or not config.warmup_steps:
            return config
        # All go on from one warm-up, which they would only repeat.
        start = path_of(self.run_dir(begin), config.warmup_steps).resolve()
        return apply_overrides(config, {"warmup_steps": 0, "start_from": str(start)})

    def finished(self) -> list[Finished]:
        """The runs that are finished, in the order of the plan.

        Raises:
            BadInput: a report or a label file is damaged.
        """
        return [
            Finished(cell, read_report(self.run_dir(cell)), self.labels_of(cell))
            for cell in self.cells
            if is_finished(self.run_dir(cell))
        ]


def _beginning(cell: Cell) -> Cell | None:
    """The source-only run that a cell goes on from."""
    before = cell.before
    while before is not None and before.is_labelled:
        before = before.before
    return before


class Told:
    """Whom a study tells of its progress."""

    def moved(self, done: int, total: int, at_work: Sequence[str], eta: float | None) -> None:
        """So many of so many runs are finished; `eta` seconds are left, None: not known yet."""

    def came(self, what: str, report: Report) -> None:
        """A run has come to its end."""


def run_study(study: BudgetStudy, jobs: int, told: Told) -> None:
    """Label and train what is not finished.

    Args:
        study: what is run.
        jobs: so many trainings at once; each has its share of the cores unless the study sets
            `threads`.
        told: of the progress.

    Raises:
        BadInput: the data are wrong, or a run failed; the others were stopped, and go on where they
            were the next time, as after SIGTERM and Ctrl+C.
    """
    study.check()
    waiting = [cell for cell in study.cells if not is_finished(study.run_dir(cell))]
    done = len(study.cells) - len(waiting)
    names: dict[Path, Cell] = {}
    clock = _Clock(jobs)
    with Trainings(jobs, sharing="threads" not in study.changes) as trainings:
        while waiting or trainings.run_dirs:
            for cell in _startable(study, waiting, trainings):
                waiting.remove(cell)
                if study.adds_nothing(cell):
                    done += 1
                    continue
                run_dir = study.prepare(cell)
                names[run_dir] = cell
                clock.begin(run_dir)
                trainings.start(run_dir)
            at_work = [str(names[each]) for each in trainings.run_dirs]
            left = len(waiting) + len(at_work)
            told.moved(done, len(study.cells), at_work, clock.left(left))
            if not at_work:
                continue
            ended = trainings.next_finished()
            clock.end(ended)
            _remove_what_resumes(ended)
            done += 1
            told.came(str(names[ended]), read_report(ended))
    told.moved(done, len(study.cells), [], 0)


def _remove_what_resumes(run_dir: Path) -> None:
    """Of a finished run, what only one that was stopped needs: most of its room on disk."""
    for path in run_dir.glob("checkpoints/training-state*"):
        path.unlink()


def _startable(study: BudgetStudy, waiting: Sequence[Cell], trainings: Trainings) -> Iterator[Cell]:
    """Those that can be begun now, while there is room."""
    for cell in list(waiting):
        if not trainings.has_room:
            return
        if study.is_ready(cell):
            yield cell


class _Clock:
    """How long it will take yet, by how long runs took."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self._begun: dict[Path, float] = {}
        self._took: list[float] = []

    def begin(self, run_dir: Path) -> None:
        self._begun[run_dir] = time.monotonic()

    def end(self, run_dir: Path) -> None:
        self._took.append(time.monotonic() - self._begun[run_dir])

    def left(self, runs: int) -> float | None:
        """Seconds for so many more; None before the first has ended."""
        if not self._took:
            return None
        return statistics.mean(self._took) * runs / self._jobs


def plan_as_text(plan: Plan) -> str:
    """For the page: what was compared, as the file had it."""
    return json.dumps(plan.model_dump(mode="json", exclude_none=True), indent=1)
