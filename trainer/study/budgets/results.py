"""What a study came to: `results.csv` for programs, `report.html` and a few lines for people."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trainer.curves import Interval
from trainer.errors import BadInput
from trainer.report.charts import CostCurve, cost_curves
from trainer.run_folder.atomic import write_atomically
from trainer.study.budgets.findings import (
    Choice,
    Effect,
    Fit,
    Mean,
    Way,
    choices,
    fits,
    order_effects,
    references,
)
from trainer.study.budgets.plan import DENSE, SOURCE_ONLY
from trainer.study.budgets.running import BudgetStudy, Finished, plan_as_text

CSV, PAGE = "results.csv", "report.html"
CURVE_POINTS = 60
NO_NUMBER = "-"


def write_findings(study: BudgetStudy) -> str:
    """Write `results.csv` and `report.html`; gives what is found in plain text.

    Raises:
        BadInput: no run with labels is finished.
    """
    runs = study.finished()
    if not any(run.cell.is_labelled for run in runs):
        raise BadInput(f"{study.out}: no run with labels is finished")
    write_atomically(study.out / CSV, as_csv(study, runs).encode())
    findings = Findings.of(runs)
    write_atomically(study.out / PAGE, _page(study, runs, findings).encode())
    return findings.text()


def as_csv(study: BudgetStudy, runs: Sequence[Finished]) -> str:
    """One line a run; an unknown value is empty."""
    categories = list(dict.fromkeys(name for run in runs for name in run.report.score.iou))
    text = io.StringIO()
    rows = [_row(study, run) for run in runs]
    writer = csv.DictWriter(text, [*rows[0], *(f"iou {name}" for name in categories)])
    writer.writeheader()
    for row, run in zip(rows, runs, strict=True):
        of_categories = {f"iou {name}": run.report.score.iou.get(name) for name in categories}
        writer.writerow(row | of_categories)
    return text.getvalue()


def _row(study: BudgetStudy, run: Finished) -> dict[str, object]:
    score, cell = run.report.score, run.cell
    return {
        "recipe": cell.recipe,
        "kind": cell.kind,
        "order": cell.order,
        "seed": cell.seed,
        "budget_seconds": cell.budget,
        "active_seconds": run.active_seconds,
        "images": len(run.labels),
        "answers": sum(len(label.present) + len(label.absent) for label in run.labels),
        "points": sum(len(label.points) for label in run.labels),
        "miou": score.miou,
        "presence_f1": score.presence_f1,
        "weak_label_score": score.weak_label_score,
        "run_seconds": round(run.report.seconds, 1),
        "run": study.run_dir(cell).relative_to(study.out).as_posix(),
    }


@dataclass(frozen=True)
class Findings:
    """What the page shows."""

    choices: Sequence[Choice]
    effects: Sequence[Effect]
    fits: Sequence[Fit]
    references: Mapping[tuple[str, str], Mean]

    @classmethod
    def of(cls, runs: Sequence[Finished]) -> "Findings":
        """From the finished runs."""
        return cls(choices(runs), order_effects(runs), fits(runs), references(runs))

    def answers(self) -> list[str]:
        """For each budget, in a sentence, how to spend it."""
        return [_answer(choice) for choice in self.choices]

    def orders(self) -> list[str]:
        """For each order, in a sentence, whether it pays."""
        return [_of_order(effect) for effect in self.effects]

    def whether_orders_pay(self) -> str:
        """All orders in one sentence, which says no more than the seeds allow."""
        if not self.effects:
            return "Nobody knows: the study has random order alone."
        if all(effect.gain.half is None for effect in self.effects):
            return "Nobody knows: one seed tells nothing from chance."
        several = len({effect.recipe for effect in self.effects}) > 1
        by_verdict: dict[str, list[str]] = {}
        for effect in self.effects:
            name = f"{effect.kind}, {effect.order} first"
            named = f"{name} ({effect.recipe})" if several else name
            by_verdict.setdefault(effect.verdict, []).append(named)
        found = [
            f"it {verdict}: {', and '.join(by_verdict.pop(verdict))}"
            for verdict in ("pays", "costs")
            if verdict in by_verdict
        ]
        if not found:
            return "No order is better or worse than a random one beyond chance."
        others = ["the others do nothing beyond chance"] if by_verdict else []
        said = "; ".join([*found, *others])
        return f"{said[0].upper()}{said[1:]}."

    def text(self) -> str:
        """All sentences."""
        sentences = (*self.answers(), self.whether_orders_pay(), *self.orders())
        lines = [f"- {sentence}" for sentence in sentences]
        return "\n".join([_table(self.choices), "", *lines])


def duration(seconds: float) -> str:
    """In the largest unit that leaves a number over 2 or so."""
    if seconds < 120:
        return f"{seconds:g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def in_percent(value: Mean | None) -> str:
    """Mean and half of its interval."""
    if value is None:
        return NO_NUMBER
    half = "" if value.half is None else f" ± {100 * value.half:.1f}"
    return f"{100 * value.mean:.1f}{half}"


def called(way: Way, *, several: bool = False) -> str:
    """A way in words; with the recipe, where there are several."""
    recipe, kind, order = way
    return f"{kind}, {order}, {recipe}" if several else f"{kind}, {order}"


def _several(ways: Iterable[Way]) -> bool:
    return len({recipe for recipe, _, _ in ways}) > 1


def _answer(choice: Choice) -> str:
    several = _several([choice.best, *(way for way, _ in choice.others)])
    said = (
        f"With {duration(choice.budget)} of labelling: {called(choice.best, several=several)} "
        f"(mIoU {in_percent(choice.miou)})"
    )
    if not choice.alike:
        return f"{said}."
    if len(choice.alike) == len(choice.others):
        return f"{said}; no other way is worse beyond chance."
    names = "; ".join(called(way, several=several) for way in choice.alike)
    return f"{said}; not worse beyond chance: {names}."


def _of_order(effect: Effect) -> str:
    parts = ", ".join(
        f"{100 * gain:+.1f} at {duration(budget)}" for budget, gain in effect.by_budget
    )
    sign = f"{100 * effect.gain.mean:+.1f}"
    half = "" if effect.gain.half is None else f" ± {100 * effect.gain.half:.1f}"
    return (
        f"{effect.kind}, {effect.order} first ({effect.recipe}): {sign}{half} points of mIoU over "
        f"random at equal seconds: {effect.verdict} ({parts})."
    )


def _table(found: Sequence[Choice]) -> str:
    """The mIoU of each way at each budget, as Markdown."""
    ways = sorted({way for choice in found for way in _means(choice)})
    several = _several(ways)
    head = ["way", *(duration(choice.budget) for choice in found)]
    rows = [
        [called(way, several=several), *(in_percent(_means(choice).get(way)) for choice in found)]
        for way in ways
    ]
    lines = [head, ["---", *["--:"] * len(found)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _means(choice: Choice) -> dict[Way, Mean]:
    return {choice.best: choice.miou, **dict(choice.others)}


def _page(study: BudgetStudy, runs: Sequence[Finished], findings: Findings) -> str:
    environment = Environment(
        loader=PackageLoader("trainer.study.budgets", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "percent": in_percent, "interval": _interval}
    return environment.get_template("page.html.j2").render(
        study=study,
        name=study.out.resolve().name,
        findings=findings,
        ways=sorted({way for choice in findings.choices for way in _means(choice)}),
        means=[_means(choice) for choice in findings.choices],
        charts=_charts(findings),
        rows=[_row(study, run) for run in runs],
        missing=len(study.cells) - len(runs),
        plan=plan_as_text(study.plan),
    )


def _interval(found: Interval | None, *, signed: bool = False) -> str:
    if found is None:
        return NO_NUMBER
    form = "+.1f" if signed else ".1f"
    low, high = (format(100 * bound, form) for bound in (found.low, found.high))
    return f"{100 * found.estimate:{form}} ({low} to {high})"


def _charts(findings: Findings) -> list[tuple[str, Markup]]:
    """Kinds of label side by side, and for each kind the orders of work."""
    charts = []
    for recipe in dict.fromkeys(fit.way[0] for fit in findings.fits):
        of_recipe = [fit for fit in findings.fits if fit.way[0] == recipe]
        plain = [fit for fit in of_recipe if fit.way[2] == "random"]
        if plain:
            title = f"Kinds of label, in random order: {recipe}"
            charts.append((title, _chart(findings, recipe, plain, title, by=1)))
        for kind in dict.fromkeys(fit.way[1] for fit in of_recipe):
            orders = [fit for fit in of_recipe if fit.way[1] == kind]
            if len(orders) > 1:
                title = f"Orders of work, with {kind}: {recipe}"
                charts.append((title, _chart(findings, recipe, orders, title, by=2)))
    return charts


def _chart(findings: Findings, recipe: str, shown: Sequence[Fit], title: str, *, by: int) -> Markup:
    """`by` is the part of a way that tells the series apart."""
    levels = [
        (kind, findings.references[recipe, kind].mean)
        for kind in (SOURCE_ONLY, DENSE)
        if (recipe, kind) in findings.references
    ]
    series = [
        CostCurve(fit.way[by], list(zip(fit.hours, fit.mious, strict=True)), _line(fit))
        for fit in shown
    ]
    return Markup(cost_curves(series, levels, title))  # noqa: S704 - drawn here


def _line(fit: Fit) -> list[tuple[float, float, float, float]]:
    if fit.curve is None:
        return []
    longest = max(fit.hours)
    found = []
    for number in range(CURVE_POINTS + 1):
        hours = longest * number / CURVE_POINTS
        value = fit.curve.value(hours)
        found.append((hours, value.estimate, value.low, value.high))
    return found


def page_of(study: BudgetStudy) -> Path:
    """Where the page is."""
    return study.out / PAGE
