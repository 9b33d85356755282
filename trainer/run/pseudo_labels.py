"""Pseudo image labels that are made once, by the network as the warm-up left it.

A network that only a source has taught scores nearly every category of nearly every image above
the paper's threshold: a smooth maximum is not calibrated across domains, so labels made online
say that everything is everywhere. Which of two images scores higher tells more. How many images
have a category is taken from the source, whose masks know.

Shapes: `N` image, `C` category.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from trainer.contract import WeakLabel
from trainer.data.decode import image_size
from trainer.data.images import ResizedImages
from trainer.data.labels import (
    ABSENT,
    NOT_ASKED,
    PRESENT,
    TargetLabel,
    read_labels,
    unlabelled,
    write_labels,
)
from trainer.inference.segment import presence_scores
from trainer.models.checkpoint import TrainedSegmenter

FILE = "pseudo-labels.jsonl"


def ranked_presence(scores_NC: Tensor, shares_C: Tensor, sure_share: float) -> Tensor:
    """(N, C) three-valued presence from how images rank by a category's score.

    The `shares_C` of the images with the highest scores have the category, the others lack it.
    Around the border between the two, images are not labelled: on either side 1 - `sure_share` of
    the smaller of both groups. A category that is in all images of the source, or in none, leaves
    nothing open. Of a category whose share is not known (NaN), nothing is said.

    Args:
        scores_NC: presence scores, of any scale.
        shares_C: share of images with each category, 0 to 1, or NaN.
        sure_share: 0 labels the larger group's surest images alone, 1 labels all.
    """
    ranks_NC = scores_NC.argsort(dim=0, stable=True).argsort(dim=0)
    above_NC = 1 - (ranks_NC.to(torch.float64) + 0.5) / len(scores_NC)
    shares_C = shares_C.to(torch.float64)
    open_C = (1 - sure_share) * torch.minimum(shares_C, 1 - shares_C)
    presence_NC = torch.full(scores_NC.shape, NOT_ASKED, dtype=torch.int8)
    # A comparison with NaN is false, which leaves a category that is not known as it is.
    presence_NC[above_NC < shares_C - open_C] = PRESENT
    presence_NC[above_NC > shares_C + open_C] = ABSENT
    return presence_NC


def write_pseudo_labels(
    run_dir: Path,
    segmenter: TrainedSegmenter,
    images: ResizedImages,
    shares_C: Tensor,
    sure_share: float,
) -> None:
    """Write into the run's folder what `segmenter` takes to be in each image, as a label file.

    Args:
        run_dir: the run's folder.
        segmenter: judges the images.
        images: of the target domain, at the segmenter's size.
        shares_C: share of the source's images with each category, or NaN.
        sure_share: as in `ranked_presence`.

    Raises:
        BadInput: an image cannot be decoded; names the file.
        OSError: the file cannot be written.
    """
    presence_NC = ranked_presence(presence_scores(segmenter, images), shares_C, sure_share)
    labels = []
    for sample, presence in zip(images.samples, presence_NC.tolist(), strict=True):
        width, height = image_size(sample.image)
        known = list(zip(segmenter.categories, presence, strict=True))
        labels.append(
            WeakLabel(
                image=sample.name,
                width=width,
                height=height,
                present=tuple(name for name, value in known if value == PRESENT),
                absent=tuple(name for name, value in known if value == ABSENT),
                annotator="pseudo",
            )
        )
    write_labels(run_dir / FILE, labels)


def read_pseudo_labels(
    run_dir: Path, categories: Sequence[str], images: ResizedImages
) -> list[TargetLabel]:
    """The label of each image that `write_pseudo_labels` has written.

    Raises:
        BadInput: the file is missing, or a line of it is damaged; names it.
    """
    names = [sample.name for sample in images.samples]
    labels = read_labels(run_dir / FILE, categories, names)
    nothing = unlabelled(len(categories))
    return [labels.get(name, nothing) for name in names]
