"""Dataset cards: the YAML files below `settings.datasets`, and those of what was uploaded, known by their file name."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from server.db import session_scope
from server.errors import BadInput, Conflict, NotFound, first_complaint
from server.models import AuditEvent
from server.schemas.project import DatasetOut
from server.services import audit
from server.services.audit import Thing
from server.settings import get_settings
from trainer.contract import DatasetCard
from trainer.contract.names import (
    LONGEST_PATH,
    comparable,
    nearly_named,
    shown,
    why_no_dataset,
    why_refused,
)
from trainer.contract.walk import Spellings, describe_left_out, pictures_of

DATASET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


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
    contents, problem = _examine(card)
    if problem:
        raise UnusableCard(f"dataset {name!r}: {problem}")
    if not set(map(comparable, categories)) & set(map(comparable, card.categories)):
        raise UnusableCard(
            f"dataset {name!r}: its ids name {', '.join(sorted(card.categories))}; "
            f"none of them is a category of the project"
        )
    if near := nearly_named(card.categories, sorted(categories)):
        raise UnusableCard(
            f"dataset {name!r}: its {near[0]!r} is no category of the project; "
            f"did you mean {near[1]!r}?"
        )
    if strange := _strange_ids(card, contents.first):
        raise UnusableCard(f"dataset {name!r}: {strange}")
    return card


def add(path: Path, name: str | None = None) -> DatasetCard:
    """Make the card of a file known under a name; images and masks stay where they are.

    Without a name, it is called as its file or, when that is `card.yaml`, as its folder.
    The audit log has a line unless it was known so before. Raises UnusableCard when the file, its
    images or its masks are wrong, Conflict when another dataset has the name.
    """
    if name is None:
        path = path.resolve()
        name = path.parent.name if path.stem == "card" else path.stem
    if not DATASET_NAME.fullmatch(name):
        raise BadInput(f"a dataset's name has letters, digits, dots and dashes, not {name!r}")
    card = _parse(path).model_copy(update={"name": name})
    contents, problem = _examine(card)
    if problem := problem or _strange_ids(card, contents.first):
        raise UnusableCard(f"{path}: {problem}")
    folder = get_settings().datasets
    known = folder / f"{name}.yaml"
    uploaded = name in _files() and not known.exists()
    if uploaded or (known.exists() and _read(known) != card):
        raise Conflict(f"there is another dataset {name!r} already", code="name-taken")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = known.with_suffix(".part")
    unfinished.write_text(yaml.safe_dump(_as_content(card, folder), sort_keys=False), "utf-8")
    with session_scope() as session:
        if not known.exists():
            after = {"images": contents.images, "masks": _has_masks(card)}
            audit.record(session, AuditEvent.DATASET_ADDED, Thing("dataset", name), after=after)
        unfinished.replace(known)
    return card


def is_there(name: str) -> bool:
    """Whether a card has this name, whatever is wrong with it, in letters of either size."""
    return name.lower() in {known.lower() for known in _files()}


def put_uploaded(name: str, fields: dict[str, Any]) -> None:
    """Make the card of an uploaded dataset known; what it says has been looked at.

    Raises Conflict when another dataset has taken the name meanwhile.
    """
    folder = get_settings().uploaded_cards
    path = folder / f"{name}.yaml"
    if is_there(name) and not path.exists():
        raise Conflict(f"there is another dataset {name!r} already", code="name-taken")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(yaml.safe_dump({"name": name, **fields}, sort_keys=False), "utf-8")
    unfinished.replace(path)


def forget_uploaded(name: str) -> None:
    """Remove the card of an uploaded dataset, if there is one."""
    (get_settings().uploaded_cards / f"{name}.yaml").unlink(missing_ok=True)


def require(name: str) -> Path:
    """Where the card of a name is, whatever is wrong with it. Raises NotFound."""
    files = _files()
    if name not in files:
        raise NotFound(f"there is no dataset {name!r}", code="unknown-dataset")
    return files[name]


def forget(name: str) -> None:
    """Remove a card; its images and masks stay. Raises NotFound."""
    require(name).unlink(missing_ok=True)


def _as_content(card: DatasetCard, folder: Path) -> dict[str, Any]:
    """The card's fields; a root below the folder stays relative, so that both may be moved."""
    content: dict[str, Any] = card.model_dump(mode="json", exclude_defaults=True)
    if card.root.is_relative_to(folder.resolve()):
        content["root"] = card.root.relative_to(folder.resolve()).as_posix()
    return content


@dataclass(frozen=True)
class Contents:
    """What is where a card says."""

    images: int
    first: Path | None = None
    """None: the images are listed in a file."""
    left_out: str = ""
    """What there is besides images, in words."""


def contents_of(card: DatasetCard) -> Contents:
    """The images that the card names. Raises UnusableCard when they cannot be listed."""
    try:
        if card.listing is not None:
            with (card.root / card.listing).open(encoding="utf-8") as lines:
                return Contents(sum(1 for line in lines if line.strip()))
        found = pictures_of(card)
    except (OSError, ValueError) as error:
        raise UnusableCard(f"dataset {card.name!r}: cannot list its images: {error}") from error
    if reason := why_no_dataset(found.names):
        raise UnusableCard(f"dataset {card.name!r}: {reason}")
    left_out = describe_left_out(found.left_out)
    return Contents(len(found.names), next(found.paths, None), left_out)


def _files() -> dict[str, Path]:
    settings = get_settings()
    folders = settings.uploaded_cards, settings.datasets
    return {path.stem: path for each in folders for path in each.glob("*.yaml") if path.is_file()}


def _read(path: Path) -> DatasetCard:
    card = _parse(path)
    if card.name != path.stem:
        raise UnusableCard(f"{path.name}: name: {card.name!r} must be the file's, {path.stem!r}")
    return card


def _parse(path: Path) -> DatasetCard:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UnusableCard(f"{path.name}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise UnusableCard(f"{path.name}: a dataset card is a mapping of fields")
    try:
        card = DatasetCard.model_validate({"name": path.stem} | content)
    except ValidationError as error:
        field, message = first_complaint(error)
        # What is wrong between fields is said of none; its message names them.
        where = f"{path.name}: {field}" if field else path.name
        raise UnusableCard(f"{where}: {message}") from error
    root = (path.parent / card.root).resolve()
    if reason := why_refused(str(root), LONGEST_PATH):
        raise UnusableCard(f"{path.name}: root: {shown(str(root))}: {reason}")
    return card.model_copy(update={"root": root})


def _examine(card: DatasetCard) -> tuple[Contents, str | None]:
    """What is there, and why it and its masks cannot be used; None when they can."""
    if not card.root.is_dir():
        return Contents(0), f"root: {card.root} is not a folder"
    try:
        contents = contents_of(card)
    except UnusableCard as error:
        return Contents(0), error.detail
    if not contents.images:
        where = f"there are no images at {card.root / (card.listing or card.image_glob)}"
        return contents, f"{where} ({contents.left_out})" if contents.left_out else where
    return contents, _problem_with_masks(card, contents.first)


def _problem_with_masks(card: DatasetCard, first: Path | None) -> str | None:
    if not _has_masks(card):
        return "masks: the card does not say where the masks are"
    if not card.categories:
        return "ids: the card does not say which mask id is which category"
    if first is not None:
        # One look: that the pattern is right. The trainer looks at each.
        mask = card.mask_of(first)
        if mask is None or not Spellings().on_disk(mask).is_file():
            return f"masks: there is no mask {mask} for {first.name}"
    return None


def _strange_ids(card: DatasetCard, first: Path | None) -> str | None:
    """What the first mask has that the card does not know; the trainer looks at all of them."""
    mask = first and card.mask_of(first)
    if mask is None:
        return None
    # It brings numpy along, which a web process does without until then.
    from trainer.contract.masks import strange_ids  # noqa: PLC0415

    return strange_ids(Spellings().on_disk(mask), card)


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
    contents, problem = _examine(card)
    problem = problem or _strange_ids(card, contents.first)
    return DatasetOut(
        name=name,
        description=card.description,
        images=contents.images,
        has_masks=_has_masks(card),
        categories=list(card.categories),
        problem=problem,
    )
