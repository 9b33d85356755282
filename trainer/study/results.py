"""What the runs of a study came to, as tables for people and as numbers for programs."""

import json
import statistics
from collections.abc import Sequence

from rich.console import Console

from trainer.contract import Evaluated, Record, Report, Score
from trainer.errors import BadInput
from trainer.report.file import is_finished, read_report
from trainer.run_folder.atomic import write_atomically
from trainer.run_folder.progress_log import read_history
from trainer.study.plan import DENSE, SOURCE_ONLY, TABLES, Study, Variant


class Outcome(Record):
    """One finished run."""

    table: str
    variant: str
    seed: int
    report: Report
    evaluations: tuple[Evaluated, ...]
    """Those of the adaptation, in order."""


def read_outcome(study: Study, table: str, variant: Variant, seed: int) -> Outcome | None:
    """What a run came to; None when it is not finished.

    Raises:
        BadInput: the run is of another configuration, or its report is damaged.
    """
    run_dir = study.run_dir(variant, seed)
    if not is_finished(run_dir):
        return None
    evaluations = sorted(read_history(run_dir).evaluations.items())
    return Outcome(
        table=table,
        variant=variant.name,
        seed=seed,
        report=read_report(run_dir).model_copy(update={"breakdown": None}),
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
    from rich.markdown import Markdown  # noqa: PLC0415 - no other command needs it

    Console().print(Markdown(text))


def results_text(outcomes: Sequence[Outcome]) -> str:
    """The study's tables as Markdown: mIoU, IoU of each category, and how well checkpoints are
    chosen without masks."""
    gap = _gap(outcomes)
    parts = [
        f"### {table.capitalize()}\n\n" + _scores(found, gap)
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


def _gap(outcomes: Sequence[Outcome]) -> tuple[float, float] | None:
    """Mean mIoU with the source alone and with masks of the target, between which labels lie."""
    known = {name: _mean_miou(same) for name, same in _by_variant(outcomes).items()}
    none, all_masks = known.get(SOURCE_ONLY.value), known.get(DENSE.value)
    return None if none is None or all_masks is None or none == all_masks else (none, all_masks)


def _mean_miou(outcomes: Sequence[Outcome]) -> float | None:
    known = [o.report.score.miou for o in outcomes if o.report.score.miou is not None]
    return statistics.mean(known) if known else None


def _share_of(gap: tuple[float, float] | None, outcomes: Sequence[Outcome]) -> str:
    miou = _mean_miou(outcomes)
    if gap is None or miou is None:
        return "-"
    none, all_masks = gap
    return f"{100 * (miou - none) / (all_masks - none):.0f} %"


def _scores(outcomes: Sequence[Outcome], gap: tuple[float, float] | None) -> str:
    rows = [
        (
            name,
            mean_and_spread([o.report.score.miou for o in same]),
            _share_of(gap, same),
            ", ".join(mean_and_spread([o.report.score.miou]) for o in same),
            f"{statistics.mean(o.report.seconds for o in same) / 60:.1f}",
            same[0].report.selection,
        )
        for name, same in _by_variant(outcomes).items()
    ]
    return _table(
        ("variant", "mIoU", "of the gap", "of each seed", "minutes a run", "checkpoint"), rows
    )


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
                mean_and_spread([outcome.report.score.miou for outcome in same]),
                mean_and_spread([each[-1][1] for each in pairs]),
                mean_and_spread([_best(outcome) for outcome in same]),
                _mean_number([c for c in correlations if c is not None]),
            )
        )
    header = ("variant", "selected", "last", "best by the masks", "rank correlation")
    return _table(header, rows)


def _best(outcome: Outcome) -> float | None:
    """The highest mIoU of a checkpoint, that after the warm-up among them."""
    scores = [outcome.report.source_only, *(each.score for each in outcome.evaluations)]
    known = (score.miou for score in scores if score and score.miou is not None)
    return max(known, default=None)


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


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
