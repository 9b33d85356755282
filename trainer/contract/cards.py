"""Dataset cards: where images and masks are, and what the masks say."""

import re
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from trainer.contract.names import LONGEST_PATH, comparable, shown, why_refused
from trainer.contract.patterns import filled, glob_of, names_in, values_in
from trainer.contract.ready_cards import ready_card
from trainer.contract.record import Record
from trainer.errors import BadInput, describe


class ListedImage(Record):
    """One line of a listing: an image's name in label files, and where its files are."""

    image: str
    path: Path
    mask: Path | None = None


class DatasetCard(Record):
    """Where a dataset's images and masks are, and which raw mask value is which category.

    Images come either from a pattern below `root` or from `listing`, a JSONL file of `ListedImage`.
    In a pattern, `*` and `{name}` stand for any part of one file's or folder's name; what `{name}`
    stands for in an image's path is filled in where it stands in `masks`, and `{stem}` there is the
    image's file name without its ending.

    `extends: gta5` takes every field that the card does not give itself from a ready-made card
    (`ready_cards`); it is resolved when the card is read.
    """

    name: str = Field(min_length=1, max_length=100)
    root: Path = Path()
    images: str = "images/*"
    masks: str | None = None
    """Pattern below `root`, such as `masks/{stem}.png`."""
    split: str | None = Field(default=None, pattern=r"^[\w.-]+$")
    """What `{split}` stands for in the patterns; None: any name, so all splits."""
    listing: Path | None = None
    ids: dict[int, str] = Field(default={})
    """Category of each raw id, for masks of one channel."""
    colors: dict[str, str] = Field(default={})
    """Category of each colour, `#804080` or `128,64,128`, for masks that are coloured pictures."""
    void: tuple[int | str, ...] | Literal["others"] | None = None
    """Ids (negative ones too) or colours that are of no category. Any value of a mask that is neither
    here nor of a category is an error; with `others`, whatever has no category is void."""
    mask_channel: int | None = Field(default=None, ge=0, le=3)
    """The channel that holds the ids, where masks have several."""
    description: str = ""

    @property
    def categories(self) -> tuple[str, ...]:
        """All categories that the card names, in its order."""
        names: dict[str, str] = {}
        for name in (*self.ids.values(), *self.colors.values()):
            names.setdefault(comparable(name), name)
        return tuple(names.values())

    @property
    def image_glob(self) -> str:
        """Finds the images below `root`, where there is no listing."""
        return glob_of(self._with_split(self.images))

    def is_image(self, path: Path) -> bool:
        """Whether a path that `image_glob` finds has the same text for the same placeholder."""
        pattern = self._with_split(self.images)
        return not names_in(pattern) or bool(values_in(pattern, self._below_root(path)))

    def mask_of(self, image: Path) -> Path | None:
        """Where the mask of an image below `root` is; None when the card does not say."""
        if self.masks is None:
            return None
        values = values_in(self._with_split(self.images), self._below_root(image)) or {}
        return self.root / filled(self._with_split(self.masks), values | {"stem": image.stem})

    def _below_root(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _with_split(self, pattern: str) -> str:
        return filled(pattern, {"split": self.split} if self.split else {})

    @model_validator(mode="before")
    @classmethod
    def _extended(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "extends" not in content:
            return content
        own = {name: value for name, value in content.items() if name != "extends"}
        return ready_card(str(content["extends"])) | own

    @field_validator("colors")
    @classmethod
    def _of_one_form(cls, colors: dict[str, str]) -> dict[str, str]:
        return {hexadecimal(color): category for color, category in colors.items()}

    @field_validator("void", mode="before")
    @classmethod
    def _void_is_listed(cls, void: Any) -> Any:
        if void is None or void == "others":
            return void
        listed = void if isinstance(void, list | tuple) else [void]
        if any(isinstance(each, bool) or not isinstance(each, int | str) for each in listed):
            raise ValueError("write a list of ids or colours, or `others`")
        return tuple(listed)

    @field_validator("void")
    @classmethod
    def _colors_of_one_form(
        cls, void: tuple[int | str, ...] | str | None
    ) -> tuple[int | str, ...] | str | None:
        if not isinstance(void, tuple):
            return void
        return tuple(hexadecimal(each) if isinstance(each, str) else each for each in void)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.ids and self.colors:
            raise ValueError("ids and colors: a mask has either")
        of_void = str if self.colors else int
        if isinstance(self.void, tuple) and (
            wrong := [each for each in self.void if not isinstance(each, of_void)]
        ):
            raise ValueError(f"void: {wrong[0]!r} among {'colours' if self.colors else 'ids'}")
        if self.mask_channel is not None and self.colors:
            raise ValueError("mask_channel goes with ids, not with colors")
        unknown = names_in(self.masks or "") - names_in(self.images) - {"stem", "split"}
        if unknown and self.listing is None:
            raise ValueError(f"masks: {{{min(unknown)}}} is not in images: {self.images}")
        return self


def hexadecimal(color: str) -> str:
    """`#rrggbb` of a colour that may also be written as three numbers, `128,64,128`."""
    if re.fullmatch("#[0-9a-fA-F]{6}", color):
        return color.lower()
    parts = [int(part) for part in re.findall(r"\d+", color)]
    if not re.fullmatch(r"\s*\d+(\s*[, ]\s*\d+){2}\s*", color) or max(parts) > 255:
        raise ValueError(f"{color!r} is not a colour: write #804080 or 128,64,128")
    return "#" + "".join(f"{part:02x}" for part in parts)


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
    """The card with an absolute root, where a relative one is below `folder`.

    Raises:
        BadInput: the root's path cannot be written into a run's files.
    """
    root = (folder / card.root).resolve()
    if reason := why_refused(str(root), LONGEST_PATH):
        raise BadInput(f"dataset {card.name!r}: root: {shown(str(root))}: {reason}")
    return card.model_copy(update={"root": root})
