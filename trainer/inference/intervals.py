"""How far scores would move with other images: the percentile bootstrap of Efron (1979).

Images are drawn with replacement. A draw is how often each image is in it, so that the metrics of
all draws are sums with weights. The draws are the same for the same number of images, whatever is
scored: runs that are scored on the same images differ by what they predict alone.

Shapes: `N` image, `C` category, `B` draw; `_N3C` are hits, truth and prediction of a category.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.contract import Interval

Floats = NDArray[np.float64]
Counts = NDArray[np.integer[Any]]

DRAWS = 200
SHARES = (0.1, 0.9)
"""Between these quantiles of the draws lies an interval."""


def iou_intervals(
    counts_N3C: Counts, categories: Sequence[str], scored: Sequence[str] = ()
) -> dict[str, Interval]:
    """Of mean IoU, of the mean over the `scored` categories, and of the IoU of each category.

    Args:
        counts_N3C: pixels of each image.
        categories: names.
        scored: names of those over which a second mean is reported; none: it is not.
    """
    sums_B3C = np.einsum("bn,nkc->bkc", _draws(len(counts_N3C)), counts_N3C.astype(float))
    hits, truth, predicted = sums_B3C[:, 0], sums_B3C[:, 1], sums_B3C[:, 2]
    iou_BC = _share(hits, truth + predicted - hits)
    iou_BC[truth == 0] = np.nan
    listed = np.isin(categories, scored)
    values = {"miou": _mean(iou_BC, fewest=2), "miou_of_scored": _mean(iou_BC[:, listed], fewest=2)}
    values |= {f"iou.{name}": iou_BC[:, i] for i, name in enumerate(categories)}
    return intervals_of(values)


def label_intervals(
    scores_NC: Floats,
    predicted_NC: NDArray[np.bool_],
    truth_NC: Counts,
    clicks_NC: Counts,
    hits_NC: Counts,
) -> dict[str, Interval]:
    """Of what held-out weak labels say.

    Args:
        scores_NC: by which presence is ranked.
        predicted_NC: whether a category is called present.
        truth_NC: 1 present, 0 absent, -1 not asked.
        clicks_NC: held-out points of each category.
        hits_NC: those of them whose pixel is predicted right.
    """
    draws = _draws(len(scores_NC))
    asked, present = truth_NC >= 0, truth_NC == 1
    right = draws @ (predicted_NC & present).sum(1)
    wrong = draws @ (asked & (predicted_NC != present)).sum(1)
    f1 = _share(2 * right, 2 * right + wrong)
    columns = zip(scores_NC.T, truth_NC.T, strict=True)
    precision_BC = np.stack([_average_precision(draws, *column) for column in columns], 1)
    precision = _mean(precision_BC)
    clicks_BC, hits_BC = draws @ clicks_NC, draws @ hits_NC
    balanced = _mean(_share(hits_BC, clicks_BC))
    tags = _mean(np.stack([f1, precision], 1))
    return intervals_of(
        {
            "presence_f1": f1,
            "presence_average_precision": precision,
            "point_accuracy": _share(hits_BC.sum(1), clicks_BC.sum(1)),
            "balanced_point_accuracy": balanced,
            "weak_label_score": _mean(np.stack([tags, balanced], 1)),
        }
    )


def presence_intervals(
    scores_NC: Floats, predicted_NC: NDArray[np.bool_], truth_NC: Counts
) -> dict[str, Interval]:
    """Of presence alone, where no points were held out."""
    none = np.zeros_like(truth_NC)
    found = label_intervals(scores_NC, predicted_NC, truth_NC, none, none)
    return {name: found[name] for name in found if name.startswith("presence")}


def intervals_of(values: Mapping[str, Floats]) -> dict[str, Interval]:
    """By name, from one value for each draw; left out where a draw in five or more has none."""
    return {
        name: Interval(low=float(low), high=float(high))
        for name, drawn in values.items()
        if np.isnan(drawn).mean() < 0.2
        for low, high in [np.nanquantile(drawn, SHARES).clip(0, 1)]
    }


def _draws(images: int) -> Floats:
    """(B, N) how often each image is drawn."""
    equal = np.full(images, 1 / images)
    return np.random.default_rng(0).multinomial(images, equal, DRAWS).astype(float)


def _share(part: Floats, whole: Floats) -> Floats:
    """NaN of nothing."""
    shares = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares


def _mean(values_BC: Floats, fewest: int = 1) -> Floats:
    """(B,) over what is known; NaN where too few are."""
    known = ~np.isnan(values_BC)
    count = known.sum(1)
    means = _share(np.where(known, values_BC, 0).sum(1), count.astype(float))
    return np.where(count >= fewest, means, np.nan)


def _average_precision(draws: Floats, scores_N: Floats, truth_N: Counts) -> Floats:
    """(B,) area under precision over recall, in steps; images of one score come together."""
    asked = truth_N >= 0
    order = np.argsort(-scores_N[asked], kind="stable")
    scores, present = scores_N[asked][order], truth_N[asked][order] == 1
    if not len(scores):
        return np.full(len(draws), np.nan)
    weights = draws[:, asked][:, order]
    # Where the images end that have the score of each.
    last = np.searchsorted(-scores, -scores, side="right") - 1
    hits, seen = np.cumsum(weights * present, 1), np.cumsum(weights, 1)
    precision = np.nan_to_num(_share(hits[:, last], seen[:, last]))
    found = _share((weights * present * precision).sum(1), hits[:, -1])
    return np.where(hits[:, -1] < seen[:, -1], found, np.nan)
