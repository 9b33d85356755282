"""Which file is a picture and which a mask, and which belong together: by their names alone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from trainer.contract.names import comparable

IMAGE_FOLDERS = frozenset({"images", "image", "imgs", "img", "rgb", "leftimg8bit", "jpegimages"})
MASK_FOLDERS = frozenset({
    "masks", "mask", "labels", "label", "gt", "gtfine", "annotations", "annotation",
    "segmentation", "segmentationclass", "semantic",
})  # fmt: skip
_MASK_ENDING = re.compile(
    r"[-_.](masks?|labels?|gt|seg|labelids|labeltrainids|gtfine_labelids|gtfine_labeltrainids)$",
    re.IGNORECASE,
)
_IMAGE_ENDING = re.compile(r"[-_.](leftimg8bit|image|rgb|img)$", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """What a name says of its file."""

    is_mask: bool
    key: str
    """The same for a picture and its mask: the path without the folder of its kind and the ending."""


@dataclass
class Pairs:
    """Pictures with their masks, and what is wrong with the rest."""

    found: list[tuple[str, str, str]] = field(default_factory=list)
    """(key, name of the picture, name of the mask), in order of keys."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    """(name, reason)"""


def part_of(name: str) -> Part:
    """What a path says: by the folder `images` or `masks` in it that is deepest, or by its ending."""
    *folders, file = name.split("/")
    stem = file.rpartition(".")[0] or file
    kind = None
    for place in range(len(folders) - 1, -1, -1):
        folder = folders[place].lower()
        if folder in IMAGE_FOLDERS or folder in MASK_FOLDERS:
            kind = folder in MASK_FOLDERS
            folders = folders[:place] + folders[place + 1 :]
            break
    bare = _MASK_ENDING.sub("", stem)
    is_mask = kind if kind is not None else bare != stem
    stem = bare if is_mask else _IMAGE_ENDING.sub("", stem)
    return Part(is_mask, "/".join([*folders, stem]))


def pair(names: Iterable[str]) -> Pairs:
    """Pictures and masks of one key, each once."""
    kinds: tuple[dict[str, list[str]], dict[str, list[str]]] = ({}, {})
    keys: dict[str, str] = {}
    for name in names:
        part = part_of(name)
        key = comparable(part.key)
        keys.setdefault(key, part.key)
        kinds[part.is_mask].setdefault(key, []).append(name)
    images, masks = kinds
    small = {key.lower(): min(files) for key, files in masks.items() if key not in images}
    result = Pairs()
    for key in sorted(images.keys() | masks.keys()):
        ours, theirs = sorted(images.get(key, [])), sorted(masks.get(key, []))
        for kind, files in (("picture", ours), ("mask", theirs)):
            for other in files[1:]:
                result.problems.append((other, f"{files[0]} is the {kind} of this name already"))
        if ours and theirs:
            result.found.append((keys[key], ours[0], theirs[0]))
        elif ours:
            near = small.get(key.lower())
            hint = f"; {near} differs in capital letters" if near else ""
            result.problems.append((ours[0], f"there is no mask for this picture{hint}"))
        else:
            result.problems.append((theirs[0], "there is no picture for this mask"))
    return result
