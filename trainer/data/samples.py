"""The images of a dataset, and their masks."""

import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from trainer.contract import DatasetCard, ListedImage
from trainer.contract.lines import lines_of
from trainer.contract.names import shown, why_no_dataset
from trainer.contract.walk import Pictures, Spellings, describe_left_out, pictures_of
from trainer.errors import BadInput, describe


@dataclass(frozen=True)
class Sample:
    """One image of a dataset; `name` is what label files call it."""

    name: str
    image: Path
    mask: Path | None = None


def list_samples(card: DatasetCard, *, with_masks: bool) -> tuple[Sample, ...]:
    """All images of a dataset in a fixed order. Masks are looked for only when they are asked for.

    Raises:
        BadInput: no image at all, a name that is refused, two of one name, or a file that is not
            there.
    """
    samples = _listed(card) if card.listing else _found(card)
    if reason := why_no_dataset([sample.name for sample in samples]):
        raise BadInput(f"dataset {card.name!r}: {reason}")
    spellings = Spellings()
    return tuple(_on_disk(card, sample, spellings, with_masks=with_masks) for sample in samples)


def say_left_out(*cards: DatasetCard | None) -> None:
    """Tell on stderr what the folders of the cards' images have besides them.

    Raises:
        BadInput: a card's pattern leads nowhere.
    """
    told: dict[tuple[Path, str], str] = {}
    for card in cards:
        if card is None or card.listing or (card.root, card.image_glob) in told:
            continue
        said = describe_left_out(_search(card).left_out)
        told[card.root, card.image_glob] = f"{shown(card.name)}: {said}\n" if said else ""
    sys.stderr.write("".join(told.values()))


def _listed(card: DatasetCard) -> list[Sample]:
    listing = card.root / (card.listing or "")
    try:
        lines = lines_of(listing.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"dataset {card.name!r}: cannot read {listing}: {error}") from error
    samples = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            listed = ListedImage.model_validate_json(line)
        except ValidationError as error:
            raise BadInput(f"{listing}:{number}: {describe(error)}") from error
        mask = card.root / listed.mask if listed.mask else None
        samples.append(Sample(listed.image, card.root / listed.path, mask))
    if not samples:
        raise BadInput(f"dataset {card.name!r}: no images at {listing}")
    return samples


def _found(card: DatasetCard) -> list[Sample]:
    found = _search(card)
    if not found.names:
        said = describe_left_out(found.left_out)
        where = card.root / card.image_glob
        raise BadInput(f"dataset {card.name!r}: no images at {where}{said and f' ({said})'}")
    samples = zip(found.names, found.paths, strict=True)
    return [Sample(name, path, card.mask_of(path)) for name, path in samples]


def _search(card: DatasetCard) -> Pictures:
    if not card.root.is_dir():
        raise BadInput(f"dataset {card.name!r}: root: {card.root} is not a folder")
    try:
        return pictures_of(card)
    except (ValueError, OSError) as error:
        raise BadInput(f"dataset {card.name!r}: images: {error}") from error


def _on_disk(
    card: DatasetCard, sample: Sample, spellings: Spellings, *, with_masks: bool
) -> Sample:
    """The sample with the paths that its files have on disk; without a mask unless it is wanted."""
    image = spellings.on_disk(sample.image)
    if not image.is_file():
        raise BadInput(f"dataset {card.name!r}: image {sample.image} is not there")
    if not with_masks:
        return Sample(sample.name, image)
    if sample.mask is None:
        raise BadInput(f"dataset {card.name!r}: image {sample.name!r} has no mask")
    mask = spellings.on_disk(sample.mask)
    if not mask.is_file():
        raise BadInput(f"dataset {card.name!r}: mask {sample.mask} is not there")
    return Sample(sample.name, image, mask)
