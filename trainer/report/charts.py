"""Charts as SVG that becomes part of an HTML page and takes its colours from the page.

Matplotlib draws with stand-in colours; each is then replaced by a CSS variable of the page, so one
drawing serves a light and a dark page and paper.
"""

import io
import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trainer.contract import ReliabilityBin
from trainer.run_folder.atomic import sha256

INK, MUTED, GRID = "#010101", "#020202", "#030303"
SERIES = ("#040404", "#050505", "#060606", "#070707", "#080808", "#090909")
_VARIABLES = {INK: "--ink", MUTED: "--muted", GRID: "--line"} | {
    color: f"--series-{number}" for number, color in enumerate(SERIES, start=1)
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_MARKERS = "os^Dv*"
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)))
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "weakseg",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
}
COLUMNS = 3
INCHES = (2.6, 1.6)
"""Of one small chart."""
BESIDE, BELOW, ABOVE, OUTSIDE = 0.7, 0.3, 0.25, 0.1
"""Inches that its numbers and its title take, and of the edge to the right of all."""


@dataclass(frozen=True)
class Series:
    """One line of a chart: values by step."""

    name: str
    values: dict[int, float]


def small_multiples(series: Sequence[Series], marks: Collection[int], describe: str) -> str:
    """One small chart for each series, since each has its own unit; lines mark some steps."""
    rows = max(-(-len(series) // COLUMNS), 1)
    width, height = INCHES[0] * COLUMNS, INCHES[1] * rows
    with mpl.rc_context(_STYLE):
        # Laid out by hand: to measure all texts takes longer than to draw them.
        figure = Figure(figsize=(width, height))
        figure.subplots_adjust(
            left=BESIDE / width,
            right=1 - OUTSIDE / width,
            bottom=BELOW / height,
            top=1 - ABOVE / height,
            wspace=BESIDE / ((width - OUTSIDE) / COLUMNS - BESIDE),
            hspace=(BELOW + ABOVE) / (height / rows - BELOW - ABOVE),
        )
        for number, each in enumerate(series, start=1):
            axes = figure.add_subplot(rows, COLUMNS, number)
            axes.plot(list(each.values), list(each.values.values()), color=SERIES[0])
            axes.set_title(each.name)
            _mark(axes, marks)
        return _inline(figure, describe)


def lines(series: Sequence[Series], marks: Collection[int], describe: str) -> str:
    """All series in one chart of shares, told apart by marker and dash as well as by colour."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(INCHES[0] * COLUMNS, 3), layout="constrained")
        axes = figure.add_subplot()
        for number, each in enumerate(series):
            style = number % len(SERIES)
            axes.plot(
                list(each.values),
                list(each.values.values()),
                color=SERIES[style],
                marker=_MARKERS[style],
                linestyle=_DASHES[style],
                label=each.name,
            )
        axes.set_ylim(0, 1)
        axes.set_xlabel("step")
        _mark(axes, marks)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return _inline(figure, describe)


@dataclass(frozen=True)
class CostCurve:
    """Accuracies of runs over hours of labelling, and the curve through them."""

    name: str
    points: Sequence[tuple[float, float]]
    """(hours, share)."""
    line: Sequence[tuple[float, float, float, float]] = ()
    """(hours, expected share, and where it is with its interval); empty: no curve."""


def cost_curves(
    series: Sequence[CostCurve], levels: Sequence[tuple[str, float]], describe: str
) -> str:
    """Runs, their curves with intervals, and named levels as lines across; minutes below two hours."""
    longest = max((hours for each in series for hours, _ in each.points), default=1.0)
    unit, scale = ("minutes", 60.0) if longest < 2 else ("hours", 1.0)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(INCHES[0] * COLUMNS, 3.4), layout="constrained")
        axes = figure.add_subplot()
        for number, each in enumerate(series):
            style = number % len(SERIES)
            hours, shares = zip(*each.points, strict=True)
            axes.plot(
                [scale * hour for hour in hours], shares, color=SERIES[style],
                marker=_MARKERS[style], linestyle="none", label=each.name,
            )  # fmt: skip
            if each.line:
                at, expected, low, high = zip(*each.line, strict=True)
                times = [scale * hour for hour in at]
                axes.plot(times, expected, color=SERIES[style], linestyle=_DASHES[style])
                axes.fill_between(times, low, high, color=SERIES[style], alpha=0.12, linewidth=0)
        for name, level in levels:
            axes.axhline(level, color=MUTED, linestyle=":", linewidth=1)
            axes.annotate(
                name, (1, level), xycoords=("axes fraction", "data"), ha="right", va="bottom",
                color=MUTED,
            )  # fmt: skip
        axes.set_xlabel(f"{unit} of labelling")
        axes.set_ylabel("mIoU")
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g}")
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
        return _inline(figure, describe)


def reliability_diagram(bins: Iterable[ReliabilityBin], describe: str) -> str:
    """Share that is present over mean probability, above the number of answers of each interval."""
    bins = tuple(bins)
    confidences = [each.confidence for each in bins]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(4.2, 4.2))
        figure.subplots_adjust(left=0.18, right=0.98, bottom=0.11, top=0.98, hspace=0.1)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        above.plot([0, 1], [0, 1], color=MUTED, linestyle="--", label="perfect")
        above.plot(
            confidences,
            [each.frequency for each in bins],
            color=SERIES[0],
            marker="o",
            label="this run",
        )
        above.set_ylabel("share that is present")
        above.set_ylim(-0.02, 1.02)
        above.legend(loc="upper left")
        below.bar(confidences, [each.count for each in bins], width=0.04, color=SERIES[0])
        below.set_ylabel("answers")
        below.set_yscale("symlog", linthresh=1)
        below.set_yticks(_powers(max((each.count for each in bins), default=1)))
        below.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        below.set_xlabel("probability of being present")
        below.set_xlim(-0.02, 1.02)
        return _inline(figure, describe)


def _powers(largest: int) -> list[int]:
    return [10**power for power in range(math.ceil(math.log10(max(largest, 2))) + 1)]


def _mark(axes: Axes, marks: Collection[int]) -> None:
    for step in marks:
        axes.axvline(step, color=MUTED, linestyle=":", linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def _inline(figure: Figure, describe: str) -> str:
    """The figure as an `<svg>` element that scales and refers to nothing outside of itself."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=_NO_METADATA)
    opening, content = file.getvalue().split("<svg", 1)[1].split(">", 1)
    box = re.findall(r'viewBox="([^"]*)"', opening)[0]
    content = re.sub(r"<style.*?</style>", "", content, flags=re.DOTALL)
    content = re.sub(r"font-family: [^;\"]*", "font-family: inherit", content)
    # Ids are those of the whole page, on which several charts come to stand.
    own = sha256(content.encode())[:8]
    content = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>c{own}-", content)
    for stand_in, variable in _VARIABLES.items():
        content = content.replace(stand_in, f"var({variable})")
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(describe)}">{content}'
