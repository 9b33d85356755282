"""The report of a run: `report.json` for programs, `report.html` for people.

The page is made from the run's files alone and is one file that refers to nothing outside of itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic import ValidationError

from trainer.contract import (
    Breakdown,
    Evaluated,
    Report,
    Score,
    TrainConfig,
    WeakLabel,
)
from trainer.contract.lines import lines_of
from trainer.errors import BadInput
from trainer.inference.predict import colors_of
from trainer.models.checkpoint import path_of
from trainer.report.charts import Series, lines, reliability_diagram, small_multiples
from trainer.report.file import read_report, write_report_file
from trainer.report.gallery import examples
from trainer.run_folder.atomic import write_atomically
from trainer.run_folder.progress_log import History, read_history

PAGE = "report.html"
LARGEST_TABLE = 40
"""Categories up to which the whole confusion matrix is shown."""
CONFUSIONS = 8
SCORES = {
    "miou": "mIoU",
    "miou_of_scored": "mIoU of the scored categories",
    "weak_label_score": "weak-label score",
    "point_miou": "mIoU of points",
    "point_accuracy": "points right",
    "balanced_point_accuracy": "points right, mean over categories",
    "presence_f1": "presence F1",
    "presence_average_precision": "presence average precision",
    "presence_error": "presence calibration error (less is better)",
}
"""Fields of `Score` in the order of their weight, and what people call them."""


def write_report(run_dir: Path, config: TrainConfig, report: Report) -> None:
    """Write `report.json` and `report.html`.

    Args:
        run_dir: a run whose checkpoints, predictions and progress lines are on disk.
        config: the run's, with absolute paths.
        report: what the run amounts to.
    """
    write_report_file(run_dir, report)
    _write_page(run_dir, config, report)


def remake_page(run_dir: Path, config: TrainConfig) -> Path:
    """Make `report.html` anew from the run's files; gives its path.

    Raises:
        BadInput: there is no `report.json`, or it is damaged.
    """
    return _write_page(run_dir, config, read_report(run_dir))


def _write_page(run_dir: Path, config: TrainConfig, report: Report) -> Path:
    environment = Environment(
        loader=PackageLoader("trainer.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": _percent, "duration": _duration}
    page = environment.get_template("page.html.j2").render(
        config=config,
        report=report,
        labels=_count_labels(config),
        headline=_headline(report),
        charts=_charts(config, report, read_history(run_dir)),
        categories=_iou_rows(config, report),
        confusion=_confusion(config, report.breakdown),
        legend=list(zip(config.categories, colors_of(config), strict=True)),
        **_pictures(run_dir, config, report),
    )
    path = run_dir / PAGE
    write_atomically(path, page.encode())
    return path


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


@dataclass(frozen=True)
class LabelCount:
    """What the label file holds."""

    images: int = 0
    answers: int = 0
    points: int = 0
    seconds: float = 0


def _count_labels(config: TrainConfig) -> LabelCount | None:
    if config.labels is None or not config.supervision.is_oracle or not config.labels.exists():
        return None
    texts = lines_of(config.labels.read_bytes())
    try:
        labels = [WeakLabel.model_validate_json(text) for text in texts if text.strip()]
    except ValidationError:
        # Not the labels of the run any more, which were checked before it began.
        return None
    return LabelCount(
        images=len({label.image for label in labels}),
        answers=sum(len(label.present) + len(label.absent) for label in labels),
        points=sum(len(label.points) for label in labels),
        seconds=sum(label.active_ms for label in labels) / 1000,
    )


@dataclass(frozen=True)
class Number:
    """One headline figure."""

    name: str
    value: float
    before: float | None
    """The same at the end of the warm-up."""


def _headline(report: Report) -> list[Number]:
    before = report.source_only or Score()
    return [
        Number(name, value, getattr(before, field_name))
        for field_name, name in SCORES.items()
        if (value := getattr(report.score, field_name)) is not None
    ]


def _charts(config: TrainConfig, report: Report, history: History) -> Mapping[str, Markup]:
    marks = {config.warmup_steps or report.selected_step, report.selected_step}
    charts = dict.fromkeys(("losses", "scores", "reliability"), "")
    curves = [Series(name.replace("_", " "), by_step) for name, by_step in history.losses().items()]
    if curves:
        rates = {step: line.learning_rate for step, line in sorted(history.progress.items())}
        curves.append(Series("learning rate", rates))
        charts["losses"] = small_multiples(curves, marks, _in_words(curves, "Losses by step"))
    scores = [
        Series(name, by_step)
        for field_name, name in SCORES.items()
        if (by_step := _score_by_step(history.evaluations.values(), field_name))
    ]
    if scores:
        charts["scores"] = lines(scores, marks, _in_words(scores, "Scores by step"))
    if report.breakdown and (bins := report.breakdown.reliability):
        words = "; ".join(
            f"{100 * b.confidence:.0f} % said, {100 * b.frequency:.0f} % true" for b in bins
        )
        charts["reliability"] = reliability_diagram(bins, f"Reliability of presence: {words}.")
    return {name: Markup(svg) for name, svg in charts.items()}  # noqa: S704 - made by `charts`


def _score_by_step(evaluations: Iterable[Evaluated], field_name: str) -> dict[int, float]:
    ordered = sorted(evaluations, key=lambda line: line.step)
    values = {line.step: getattr(line.score, field_name) for line in ordered}
    return {step: value for step, value in values.items() if value is not None}


def _in_words(series: Sequence[Series], title: str) -> str:
    each = (
        f"{one.name} from {next(iter(one.values.values())):.3g} to {list(one.values.values())[-1]:.3g}"
        for one in series
    )
    return f"{title}: {'; '.join(each)}."


@dataclass(frozen=True)
class CategoryRow:
    """One line of the table of categories."""

    name: str
    iou: float | None
    before: float | None

    @property
    def gain(self) -> float | None:
        """IoU less that at the end of the warm-up."""
        if self.iou is None or self.before is None:
            return None
        return self.iou - self.before


def _iou_rows(config: TrainConfig, report: Report) -> list[CategoryRow]:
    if not report.score.iou:
        return []
    before = report.source_only.iou if report.source_only else {}
    return [
        CategoryRow(name, report.score.iou.get(name), before.get(name))
        for name in config.categories
    ]


@dataclass(frozen=True)
class Confused:
    """How often one category is called another."""

    truth: str
    predicted: str
    share: float


@dataclass(frozen=True)
class Confusion:
    """Shares of each category's truth by prediction, in the order of the categories."""

    rows: tuple[tuple[str, tuple[float, ...]], ...]
    largest: tuple[Confused, ...]
    complete: bool
    """Whether all categories fit a table."""


def _confusion(config: TrainConfig, breakdown: Breakdown | None) -> Confusion | None:
    if breakdown is None or not breakdown.confusion:
        return None
    names = config.categories
    rows = tuple(
        (name, tuple(count / sum(row) for count in row))
        for name, row in zip(names, breakdown.confusion, strict=True)
        if sum(row)
    )
    confused = [
        Confused(truth, predicted, share)
        for truth, shares in rows
        for predicted, share in zip(names, shares, strict=True)
        if predicted != truth and share > 0
    ]
    largest = sorted(confused, key=lambda each: -each.share)[:CONFUSIONS]
    return Confusion(rows, tuple(largest), complete=len(names) <= LARGEST_TABLE)


def _pictures(run_dir: Path, config: TrainConfig, report: Report) -> dict[str, object]:
    checkpoint = path_of(run_dir, report.selected_step)
    try:
        shown, why_not = examples(run_dir, config, report.breakdown, checkpoint), ""
    except BadInput as error:
        # Images or checkpoints may be gone when the page is made anew; its numbers still hold.
        shown, why_not = (), str(error)
    return {"examples": shown, "why_no_examples": why_not}
