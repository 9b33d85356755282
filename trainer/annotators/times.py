"""How long people take for a label: a linear model of its parts, published or fitted to labels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from trainer.contract import Places, WeakLabel
from trainer.contract.lines import lines_of
from trainer.contract.record import Fraction, Record
from trainer.errors import BadInput, describe

Seconds = Annotated[float, Field(ge=0, le=86_400)]

LEAST_LABELS = 20
"""Fewer labels with a time say too little of how long people take."""
PRIOR_LABELS = 2.0
"""A fitted time is drawn to the published one as strongly as so many labels would draw it."""
ROUNDS = 2000


@dataclass(frozen=True)
class Work:
    """What somebody did for one label, as far as it takes time."""

    present: Sequence[str] = ()
    """Categories that were ticked."""
    absent: int = 0
    """Categories that were looked for and left alone."""
    points: int = 0
    pointed: int = 0
    """Categories with a point or more."""
    tiles: int = 0
    """Tiles that were pressed, of all categories together."""

    @classmethod
    def of(cls, present: Sequence[str], absent: int, places: Places) -> "Work":
        """What it takes to say this of an image."""
        tiles = places.tiles.present.values() if places.tiles else ()
        return cls(
            present=present,
            absent=absent,
            points=len(places.points),
            pointed=len({point.category for point in places.points}),
            tiles=sum(map(len, tiles)),
        )

    @property
    def actions(self) -> int:
        """How often something was pressed."""
        return len(self.present) + self.points + self.tiles


class TimeModel(Record):
    """Seconds for each part of a label; what a label takes on average is their sum."""

    image: Seconds = 0
    """To look at an image at all."""
    absent: Seconds = 0
    """For each category that is looked for and not there."""
    present: Seconds = 0
    """For each category that is ticked."""
    categories: dict[str, Seconds] = Field(default={})
    """In place of `present`, for the categories named here."""
    pointing: Seconds = 0
    """To turn to the points of an image, when it is asked for any."""
    point: Seconds = 0
    """For the first point on a category."""
    further_point: Seconds = 0
    """For each further point on the same category."""
    tile: Seconds = 0
    """For each tile that is pressed."""
    swept: Seconds = 0
    """For each image of a sweep, in which one category is asked."""
    spread: float = Field(default=0.4, ge=0, le=3)
    """Standard deviation of the logarithm of a label's time about the mean of its kind."""
    between_people: float = Field(default=0.2, ge=0, le=3)
    """Standard deviation of the logarithm of a person's pace about everybody's."""
    break_chance: Fraction = 0.02
    """Of leaving an image for a while, which is wall time and no active time."""
    break_seconds: Seconds = 60
    """Mean length of such a break."""

    def mean_seconds(self, work: Work, *, asks_points: bool) -> float:
        """What such a label takes on average.

        Args:
            work: its parts.
            asks_points: whether points were asked for, also where nothing was there to click.
        """
        ticked = sum(self.categories.get(name, self.present) for name in work.present)
        further = work.points - work.pointed
        return (
            self.image
            + self.absent * work.absent
            + ticked
            + self.pointing * asks_points
            + self.point * work.pointed
            + self.further_point * further
            + self.tile * work.tiles
        )

    def draw(self, mean: float, pace: float, random: np.random.Generator) -> float:
        """Seconds of one label whose mean is `mean`, by somebody who takes `pace` times as long.

        Lognormal, with this mean whatever the spread.
        """
        return mean * pace * _with_mean_one(self.spread, random)

    def draw_pace(self, random: np.random.Generator) -> float:
        """How many times as long as everybody one person takes."""
        return _with_mean_one(self.between_people, random)


def _with_mean_one(spread: float, random: np.random.Generator) -> float:
    return float(np.exp(spread * random.standard_normal() - spread**2 / 2))


LITERATURE = TimeModel(
    absent=1.0, present=1.0, point=1.4, further_point=0.9, tile=0.9, swept=1.0, image=0.0
)
"""Bearman et al., "What's the Point", ECCV 2016: one second to answer for a category, 2.4 for one
that is there and gets its first click, 0.9 for every click after it. Nobody has published times of
tiles and sweeps: a tile counts as a further click, an image of a sweep as one category."""
PAPER = TimeModel(image=30.0, pointing=15.0, tile=0.9, swept=1.0)
"""Paul et al., ECCV 2020, for Cityscapes: 30 seconds for the tags of an image, 45 with a point on
each category."""
PUBLISHED: Mapping[str, TimeModel] = MappingProxyType({"literature": LITERATURE, "paper": PAPER})


def read_times(text: str) -> TimeModel:
    """The times by a published name, or fitted to a label file (`.jsonl`).

    Raises:
        BadInput: neither, or a file with too few times.
    """
    if text in PUBLISHED:
        return PUBLISHED[text]
    path = Path(text)
    if path.suffix != ".jsonl":
        raise BadInput(f"times: {text!r} is none of {', '.join(PUBLISHED)} and no .jsonl file")
    try:
        lines = lines_of(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot read the labels: {error}") from error
    return fit_times(parse_labels(lines, str(path)), str(path))


def parse_labels(lines: Iterable[str], where: str) -> list[WeakLabel]:
    """The labels of a file's lines.

    Raises:
        BadInput: naming `where`, the line and the field.
    """
    labels = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            labels.append(WeakLabel.model_validate_json(line))
        except ValidationError as error:
            raise BadInput(f"{where}:{number}: {describe(error)}") from error
    return labels


def fit_times(labels: Iterable[WeakLabel], where: str) -> TimeModel:
    """The times that explain the active times of labels best.

    Least squares without negative times. Each time is drawn a little to the published one
    (`LITERATURE`), which decides what the labels cannot tell apart: in a project that asks for all
    categories, what an image takes and what its absent categories take. Then once more with a time for
    each category that was ticked, all drawn to what was found for them together. Labels that answer for one category alone,
    among others that answer for more, are of sweeps.

    Args:
        labels: those without an active time are left out.
        where: what they are of, for the error.

    Raises:
        BadInput: fewer than `LEAST_LABELS` have a time.
    """
    timed = [label for label in labels if label.active_ms > 0]
    if len(timed) < LEAST_LABELS:
        raise BadInput(
            f"{where}: {len(timed)} labels with an active time; fitting times takes {LEAST_LABELS}"
        )
    most = max(_answers(label) for label in timed)
    swept = [label for label in timed if most > 1 and _answers(label) == 1 and not label.points]
    whole = [label for label in timed if label not in swept] if swept else timed
    if len(whole) < LEAST_LABELS:
        whole = []
    fitted = _fit_whole(whole) if whole else LITERATURE
    if not swept:
        return fitted
    mean = float(np.mean([label.active_ms for label in swept])) / 1000
    return fitted.model_copy(update={"swept": mean})


def _answers(label: WeakLabel) -> int:
    return len(label.present) + len(label.absent)


PARTS = ("image", "absent", "present", "point", "further_point", "tile")


def _fit_whole(labels: Sequence[WeakLabel]) -> TimeModel:
    works = [Work.of(label.present, len(label.absent), label.places) for label in labels]
    seconds_N = np.array([label.active_ms for label in labels]) / 1000
    counts_NP = np.array(
        [
            (1, w.absent, len(w.present), w.pointed, w.points - w.pointed, w.tiles)
            for w in works
        ],
        float,
    )  # fmt: skip
    published = np.array([getattr(LITERATURE, part) for part in PARTS])
    times = non_negative_least_squares(counts_NP, seconds_N, published)
    common = dict(zip(PARTS, times.tolist(), strict=True))
    names = sorted({name for work in works for name in work.present})
    ticked_NC = np.array([[name in work.present for name in names] for work in works], float)
    ticked_NC = ticked_NC.reshape(len(works), len(names))
    others = [part for part in PARTS if part != "present"]
    apart = counts_NP[:, [PARTS.index(part) for part in others]]
    prior = [*(common[part] for part in others), *[common["present"]] * len(names)]
    found = non_negative_least_squares(
        np.hstack([apart, ticked_NC]), seconds_N, np.array(prior)
    ).tolist()
    fitted = LITERATURE.model_copy(
        update=dict(zip(others, found[: len(others)], strict=True))
        | {"present": common["present"]}
        | {"categories": dict(zip(names, found[len(others) :], strict=True))}
    )
    return fitted.model_copy(update={"spread": _spread_about(fitted, works, seconds_N)})


def _spread_about(model: TimeModel, works: Sequence[Work], seconds_N: NDArray[np.float64]) -> float:
    means = [model.mean_seconds(work, asks_points=work.points > 0) for work in works]
    logs = np.log(seconds_N / np.maximum(means, 1e-3))
    return min(float(np.std(logs)), 3.0)


def non_negative_least_squares(
    design_NP: NDArray[np.float64], values_N: NDArray[np.float64], prior_P: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(P,) coefficients, none below 0, with the least squared error and distance from a prior.

    Minimises |design x - values|^2 + w |x - prior|^2 over x >= 0 by coordinate descent; w is
    `PRIOR_LABELS`. The second term makes the minimum unique.
    """
    gram = design_NP.T @ design_NP + PRIOR_LABELS * np.eye(len(prior_P))
    target = design_NP.T @ values_N + PRIOR_LABELS * prior_P
    found = prior_P.copy()
    for _ in range(ROUNDS):
        before = found.copy()
        for index in range(len(found)):
            rest = target[index] - gram[index] @ found + gram[index, index] * found[index]
            found[index] = max(rest / gram[index, index], 0.0)
        if np.abs(found - before).max(initial=0) < 1e-9:
            break
    return found
