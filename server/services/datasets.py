"""Dataset cards: the YAML files below `settings.datasets`, known by their file name."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from server.errors import Conflict, NotFound
from server.schemas.project import DatasetOut
from server.settings import get_settings
from trainer.contract import DatasetCard

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"}
)  # fmt: skip


class UnusableCard(Conflict):
    """A card that is there and cannot be used; the message names the file and the field."""

    code = "unusable-dataset"


def list_all() -> list[DatasetOut]:
    """Every card by name, those with a problem included."""
    return [_describe(name) for name in sorted(_files())]


def get(name: str) -> DatasetCard:
    """The card of a name, with an absolute root.

    Raises NotFound when there is no such card, UnusableCard when its file is wrong.
    """
    files = _files()
    if name not in files:
        known = ", ".join(sorted(files)) or "none"
        raise NotFound(f"there is no dataset {name!r}; known are: {known}", code="unknown-dataset")
    return _read(files[name])


def get_usable(name: str, categories: set[str]) -> DatasetCard:
    """A card whose images and masks can be trained on or scored with for these categories.

    Raises NotFound, UnusableCard.
    """
    card = get(name)
    if problem := _problem(card):
        raise UnusableCard(f"dataset {name!r}: {problem}")
    if not categories & set(card.ids.values()):
        raise UnusableCard(
            f"dataset {name!r}: its ids name {', '.join(sorted(set(card.ids.values())))}; "
            f"none of them is a category of the project"
        )
    return card


def count_images(card: DatasetCard) -> int:
    """Number of images that the card names. Raises UnusableCard when they cannot be listed."""
    try:
        if card.listing is not None:
            with (card.root / card.listing).open(encoding="utf-8") as lines:
                return sum(1 for line in lines if line.strip())
        return sum(path.suffix.lower() in IMAGE_SUFFIXES for path in card.root.glob(card.images))
    except (OSError, ValueError, NotImplementedError) as error:
        raise UnusableCard(f"dataset {card.name!r}: cannot list its images: {error}") from error


def _files() -> dict[str, Path]:
    folder = get_settings().datasets
    return {path.stem: path for path in folder.glob("*.yaml") if path.is_file()}


def _read(path: Path) -> DatasetCard:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UnusableCard(f"{path.name}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise UnusableCard(f"{path.name}: a dataset card is a mapping of fields")
    try:
        card = DatasetCard.model_validate({"name": path.stem} | content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UnusableCard(f"{path.name}: {field}: {first['msg']}") from error
    if card.name != path.stem:
        raise UnusableCard(f"{path.name}: name: {card.name!r} must be the file's, {path.stem!r}")
    return card.model_copy(update={"root": (path.parent / card.root).resolve()})


def _problem(card: DatasetCard) -> str | None:
    """Why the images and masks of a card cannot be used; None when they can."""
    if not card.root.is_dir():
        return f"root: {card.root} is not a folder"
    try:
        images = count_images(card)
    except UnusableCard as error:
        return error.detail
    if not images:
        return f"there are no images at {card.root / (card.listing or card.images)}"
    return _problem_with_masks(card)


def _problem_with_masks(card: DatasetCard) -> str | None:
    if not _has_masks(card):
        return "masks: the card does not say where the masks are"
    if not card.ids:
        return "ids: the card does not say which mask id is which category"
    return None


def _has_masks(card: DatasetCard) -> bool:
    return card.masks is not None or card.listing is not None


def _describe(name: str) -> DatasetOut:
    try:
        card = get(name)
    except (NotFound, UnusableCard) as error:
        return DatasetOut(
            name=name, description="", images=0, has_masks=False, categories=[],
            problem=error.detail,
        )  # fmt: skip
    problem = _problem(card)
    return DatasetOut(
        name=name,
        description=card.description,
        images=0 if problem else count_images(card),
        has_masks=_has_masks(card),
        categories=list(dict.fromkeys(card.ids.values())),
        problem=problem,
    )
