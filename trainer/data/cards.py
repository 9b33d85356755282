"""Dataset cards: where images and masks are."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import ValidationError

from trainer.contract import DatasetCard, ListedImage
from trainer.errors import BadInput, describe

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"}


@dataclass(frozen=True)
class Sample:
    """One image of a dataset; `name` is what label files call it."""

    name: str
    image: Path
    mask: Path | None = None


def load_card(card: Path | str) -> DatasetCard:
    """Read a YAML card, whose relative root is below its folder, or make one of `NAME:ROOT`.

    Args:
        card: a file, or a ready-made card and where the dataset lies, such as `gta5:/data/gta5`
            or, for one split, `cityscapes/val:/data/cityscapes`.

    Raises:
        BadInput: naming the file and the field.
    """
    name, colon, root = str(card).partition(":")
    if colon and not Path(card).exists():
        return _ready(name, Path(root))
    path = Path(card)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"{path}: cannot read the dataset card: {error}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path}: a dataset card is a mapping of fields")
    return resolve_card(_parse(content, str(path)), path.parent)


def _ready(name: str, root: Path) -> DatasetCard:
    name, slash, split = name.partition("/")
    fields: dict[str, object] = {"extends": name, "root": root}
    if slash:
        fields["split"] = split
    return resolve_card(_parse(fields, f"{name}:{root}"), Path())


def _parse(fields: dict[str, object], place: str) -> DatasetCard:
    try:
        return DatasetCard.model_validate(fields)
    except ValidationError as error:
        raise BadInput(f"{place}: {describe(error)}") from error


def resolve_card(card: DatasetCard, folder: Path) -> DatasetCard:
    """The card with an absolute root, where a relative one is below `folder`."""
    return card.model_copy(update={"root": (folder / card.root).resolve()})


def list_samples(card: DatasetCard, *, with_masks: bool) -> tuple[Sample, ...]:
    """All images of a dataset in a fixed order. Masks are looked for only when they are asked for.

    Raises:
        BadInput: no image at all, two of one name, or a file that is not there.
    """
    samples = _listed(card) if card.listing else _globbed(card)
    if not samples:
        where = card.root / (card.listing or card.image_glob)
        raise BadInput(f"dataset {card.name!r}: no images at {where}")
    names = [sample.name for sample in samples]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"dataset {card.name!r}: image {twice!r} is there twice")
    for sample in samples:
        _check_files(card, sample, with_masks=with_masks)
    if with_masks:
        return tuple(samples)
    return tuple(Sample(sample.name, sample.image) for sample in samples)


def _listed(card: DatasetCard) -> list[Sample]:
    listing = card.root / (card.listing or "")
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
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
    return samples


def _globbed(card: DatasetCard) -> list[Sample]:
    if not card.root.is_dir():
        raise BadInput(f"dataset {card.name!r}: root: {card.root} is not a folder")
    try:
        paths = sorted(card.root.glob(card.image_glob))
    except (ValueError, NotImplementedError) as error:
        raise BadInput(f"dataset {card.name!r}: images: {error}") from error
    return [
        Sample(path.relative_to(card.root).as_posix(), path, card.mask_of(path))
        for path in paths
        if path.suffix.lower() in IMAGE_SUFFIXES and card.is_image(path)
    ]


def _check_files(card: DatasetCard, sample: Sample, *, with_masks: bool) -> None:
    if not sample.image.is_file():
        raise BadInput(f"dataset {card.name!r}: image {sample.image} is not there")
    if not with_masks:
        return
    if sample.mask is None:
        raise BadInput(f"dataset {card.name!r}: image {sample.name!r} has no mask")
    if not sample.mask.is_file():
        raise BadInput(f"dataset {card.name!r}: mask {sample.mask} is not there")
