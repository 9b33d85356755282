"""What a run should say of the masks it is given: what is void, and what cannot be asked of them."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from trainer.contract.masks import UNKNOWN, MaskCodes, decode_mask, stored_values
from trainer.data.images import ResizedImages
from trainer.data.samples import Sample
from trainer.errors import BadInput

MASKS = 100
"""So many, spread over the dataset, tell well enough how much of it is void."""
VALUES = 5
"""So many of the most frequent void values are told by themselves."""


def mask_notes(
    domain: str, images: ResizedImages, categories: Sequence[str], threads: int
) -> tuple[str, ...]:
    """Sentences about a domain's masks, of which at most `MASKS` are looked at.

    Args:
        domain: what to call it, such as `source`.
        images: with masks.
        categories: the run's.
        threads: so many masks at once.

    Raises:
        BadInput: a mask cannot be used, or all pixels of all masks are void.
    """
    codes = images.codes
    if codes is None:
        return ()
    samples = images.samples[:: -(-len(images) // MASKS)]
    with ThreadPoolExecutor(threads) as pool:
        counts = list(pool.map(lambda sample: _count(sample, codes, images.size), samples))
    total = sum(counts, Counter[int]())
    void = Counter({value: n for value, n in total.items() if codes.indices(np.array(value)) < 0})
    if len(samples) == len(images) and void.total() == total.total():
        raise BadInput(f"{domain}: masks: all pixels of all {len(images)} masks are void")
    notes = []
    if void:
        seen = _of(len(samples), len(images))
        notes.append(f"{domain}: of {seen} {_told(void, total.total(), codes)}")
    found = {categories[index] for index in codes.indices(np.array([*total])) if index >= 0}
    asked_C = codes.asked(len(categories))
    unasked = [name for name, asked in zip(categories, asked_C, strict=True) if not asked]
    if missing := [name for name in categories if name not in found and name not in unasked]:
        notes.append(f"{domain}: none of the masks looked at has {', '.join(missing)}")
    if unasked:
        notes.append(f"{domain}: its card does not name {', '.join(unasked)}: not asked there")
    return tuple(notes)


def _count(sample: Sample, codes: MaskCodes, size: tuple[int, int]) -> Counter[int]:
    path = sample.mask
    if path is None:
        raise LookupError(f"{sample.name} has no mask")
    values, counts = np.unique(stored_values(path, codes, size), return_counts=True)
    if (codes.indices(values) == UNKNOWN).any():
        decode_mask(path, codes)  # says what is wrong
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def _told(void: Counter[int], pixels: int, codes: MaskCodes) -> str:
    parts = [
        f"{_called(value, codes)} {_share(n, pixels)}" for value, n in void.most_common(VALUES)
    ]
    more = f" and {len(void) - VALUES} more" if len(void) > VALUES else ""
    return f"{_share(void.total(), pixels)} of the pixels are void: {', '.join(parts)}{more}"


def _called(value: int, codes: MaskCodes) -> str:
    name = codes.named.get(value)
    return f"{codes.called(value)} ({name})" if name else codes.called(value)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2g} %"


def _of(seen: int, there: int) -> str:
    return f"{there} masks" if seen == there else f"{seen} of {there} masks"
