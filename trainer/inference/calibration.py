"""Presence probabilities that mean what they say: sigmoid(scale * s + offset of the category).

The smooth maximum s of softmax logits has a free offset and a free unit. One scale for all
(temperature scaling, Guo et al. 2017) and an offset for each category (Platt 1999) set them.

Shapes: `N` image, `C` category; presence is 1 present, 0 absent, -1 not asked.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.models.segmenter import SegmenterShape

SCALE_PRIOR, SHARED_PRIOR, CATEGORY_PRIOR = 1.0, 0.01, 1.0
"""Precisions of the normal priors of log(scale), of the offset that all categories share, and of
each category's own part of its offset. The last is worth about four undecided images: a category
with few answers, or with the same answer always, keeps close to the shared offset."""
ROUNDS = 200


def presence_probabilities(shape: SegmenterShape, scores: Tensor) -> Tensor:
    """Probabilities of presence from smooth maxima of any shape (..., C)."""
    calibrated = shape.presence_scale * scores
    if shape.presence_offsets:
        calibrated = calibrated + scores.new_tensor(shape.presence_offsets)
    return calibrated.sigmoid()


def fit_presence(scores_NC: Tensor, presence_NC: Tensor) -> tuple[float, tuple[float, ...]]:
    """The scale and offsets under which the answers are most likely, with the priors above.

    Nothing asked gives the identity: scale 1 and offsets 0. The answer is the same every time.
    """
    scores = scores_NC.detach().to("cpu", torch.float64)
    presence = presence_NC.to("cpu", torch.float64)
    asked = (presence >= 0).double()
    log_scale, shared, own = (
        torch.zeros(count, dtype=torch.float64, requires_grad=True)
        for count in (1, 1, scores.shape[1])
    )
    optimizer = torch.optim.LBFGS(
        [log_scale, shared, own],
        max_iter=ROUNDS,
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def negative_log_likelihood() -> Tensor:
        optimizer.zero_grad()
        logits = log_scale.exp() * scores + shared + own
        loss = F.binary_cross_entropy_with_logits(
            logits, presence.clamp(min=0), weight=asked, reduction="sum"
        )
        for value, precision in (
            (log_scale, SCALE_PRIOR),
            (shared, SHARED_PRIOR),
            (own, CATEGORY_PRIOR),
        ):
            loss = loss + precision / 2 * value.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(negative_log_likelihood)  # type: ignore[no-untyped-call]
    return log_scale.exp().item(), tuple((shared + own).tolist())
