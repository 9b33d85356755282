"""The part of the command `study` that runs a study's file."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from trainer.contract import Report
from trainer.study.budgets.plan import read_plan
from trainer.study.budgets.running import BudgetStudy, Told, run_study


def study_budgets(
    name: str,
    out: Path,
    fields: Mapping[str, object],
    changes: Mapping[str, object],
    *,
    jobs: int | None,
) -> None:
    """Run a study's file and write what it came to.

    Args:
        name: of a ready study, or a path.
        out: the study's folder.
        fields: of the file, that take the place of its own.
        changes: of every run's configuration.
        jobs: trainings at once; None: run nothing, only write.

    Raises:
        BadInput: naming what is wrong.
    """
    # Charts take a second to load, and no other command has them.
    from trainer.study.budgets.results import page_of, write_findings  # noqa: PLC0415

    study = BudgetStudy(read_plan(name, fields), out, changes)
    if jobs is not None:
        console = Console(stderr=True, highlight=False)
        with _Screen(console) as screen:
            run_study(study, jobs, screen)
    text = write_findings(study)
    from rich.markdown import Markdown  # noqa: PLC0415 - no other command needs it

    Console().print(Markdown(text))
    Console(stderr=True, highlight=False, soft_wrap=True).print(page_of(study))


class _Screen(Told):
    """A bar with what is at work and how long it takes yet; lines where nobody sees bars."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("reading masks", total=None, left="")
        self._left = ""

    def __enter__(self) -> "_Screen":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def moved(self, done: int, total: int, at_work: Sequence[str], eta: float | None) -> None:
        self._left = "" if eta is None else f"about {timedelta(seconds=round(eta))} left"
        self._done = f"{done} of {total}"
        self._bar.update(
            self._task,
            description="\n".join(at_work),
            completed=done,
            total=total,
            left=self._left,
        )

    def came(self, what: str, report: Report) -> None:
        miou = "-" if report.score.miou is None else f"{100 * report.score.miou:.1f}"
        besides = "" if self._console.is_terminal else f" ({self._done}; {self._left})"
        self._console.print(f"{what}: mIoU {miou}{besides}")
