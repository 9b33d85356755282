"""Making a project's gold images: the trainer reads the source's masks, the server imports.

It may be begun as often as one likes: what is there already is left as it is.
"""

import contextlib
import hashlib
import io
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any
from uuid import uuid4

from PIL import Image as PillowImage
from PIL import ImageOps
from pydantic import ValidationError
from sqlalchemy import exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from server import trainer_commands, worker
from server.db import session_scope
from server.errors import WeaksegError
from server.models import GoldImage, GoldSet, Image, Project
from server.models.gold import GoldState
from server.models.image import ImageState
from server.pictures import BadPicture, Picture, verify_picture
from server.processes import bound_to_parent
from server.services import datasets
from server.services.images import files
from server.settings import get_settings
from server.storage import get_storage
from trainer.contract import GoldSample
from trainer.contract.lines import lines_of
from trainer.contract.names import comparable

POLL_SECONDS = 0.5
MAX_ERROR = 2000
NAMES_OF_A_LENGTH = 10
"""So many random names are tried before they get longer."""

_random = SystemRandom()


class NotMade(Exception):
    """Gold images cannot be made; the message is for people."""


class Stopped(Exception):
    """This worker is to end; another goes on."""


@dataclass(frozen=True)
class _Order:
    project_id: int
    count: int
    seed: int
    source: str
    ids: Mapping[str, int]
    """Id of each category by name, in the order of the masks' indices."""


def due(session: Session) -> list[int]:
    """Ids of the projects that wait for gold images."""
    waiting = GoldSet.state == GoldState.MAKING
    return list(session.scalars(select(GoldSet.project_id).where(waiting)))


def make(project_id: int, *, command: Sequence[str] = trainer_commands.GOLD) -> None:
    """Make what is missing of a project's gold images, and note how it ended."""
    error = None
    try:
        with session_scope(read_only=True) as session:
            order = _order(session, project_id)
        if order is None:
            return
        get_settings().data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=get_settings().data, prefix="gold-") as folder:
            _draw(order, Path(folder), command)
            _import_all(order, Path(folder))
    except Stopped:
        return
    except NotMade as failure:
        error = str(failure)
    with session_scope() as session:
        stored = session.get_one(GoldSet, project_id)
        stored.state = GoldState.FAILED if error else GoldState.READY
        stored.error = error[:MAX_ERROR] if error else None


def _order(session: Session, project_id: int) -> _Order | None:
    stored = session.get(GoldSet, project_id)
    if stored is None or stored.state != GoldState.MAKING:
        return None
    project = session.get_one(Project, project_id)
    names = {category.id: category.name for category in project.categories}
    if project.source is None:
        raise NotMade("this project has no source domain")
    if set(stored.category_ids) - names.keys():
        raise NotMade("a category was removed meanwhile")
    ids = {names[i]: i for i in stored.category_ids}
    return _Order(project_id, stored.wanted, stored.seed, project.source, ids)


def _draw(order: _Order, folder: Path, command: Sequence[str]) -> None:
    """Let the trainer copy images and masks into the folder."""
    try:
        card = datasets.get_usable(order.source, set(order.ids))
    except WeaksegError as error:
        raise NotMade(error.detail) from error
    path = folder / "card.yaml"
    path.write_text(card.model_dump_json(by_alias=True, exclude_defaults=True), encoding="utf-8")
    started = trainer_commands.gold(
        path, folder, order.count, order.seed, order.ids, program=command
    )
    with (folder / "errors.txt").open("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(  # noqa: S603
            bound_to_parent(started), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=errors, env=trainer_commands.environment(),
        )  # fmt: skip
        status = _wait(process)
        errors.seek(0)
        last = (errors.read().strip().splitlines() or [f"it ended with status {status}"])[-1]
    if status != 0:
        raise NotMade(last.removeprefix("error: "))


def _wait(process: subprocess.Popen[bytes]) -> int:
    """The status at the end. Raises Stopped, when the process has been ended too."""
    while not worker.stopping.is_set():
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(POLL_SECONDS)
    process.kill()
    process.wait()
    raise Stopped


def _import_all(order: _Order, folder: Path) -> None:
    with session_scope(read_only=True) as session:
        there = select(GoldImage.number).where(GoldImage.project_id == order.project_id)
        known = set(session.scalars(there))
    lines = lines_of((folder / "gold.jsonl").read_bytes())
    for number, line in enumerate(lines):
        if worker.stopping.is_set():
            raise Stopped
        if number in known:
            continue
        try:
            _import(order, folder, number, GoldSample.model_validate_json(line))
        except (BadPicture, ValidationError, OSError) as error:
            raise NotMade(f"image {number} of the source domain: {error}") from error


def _import(order: _Order, folder: Path, number: int, sample: GoldSample) -> None:
    content = (folder / sample.image).read_bytes()
    picture = verify_picture(content, get_settings())
    mask = _mask(folder / sample.mask, picture)
    with session_scope(read_only=True) as session:
        look = _some_look(session, order.project_id)
    if look is not None and look != _Look(picture.width, picture.height, picture.suffix):
        picture = _looking_so(picture, look)
        fitted = ImageOps.fit(mask, (look.width, look.height), PillowImage.Resampling.NEAREST)
        sample = _seen_in(sample, list(order.ids), mask, fitted)
        mask = fitted
    columns = files.store(hashlib.sha256(content).hexdigest(), picture)
    # The same picture may be imported as one of the project's own: that is another image.
    columns["content_hash"] = None
    mask_key = f"projects/{order.project_id}/gold/{number:05}.mask"
    # A byte a pixel, row by row: any of them is read without decoding the others.
    get_storage().put_bytes(mask_key, mask.tobytes())
    truth = {
        "number": number,
        "present": [order.ids[name] for name in sample.present],
        "absent": [order.ids[name] for name in sample.absent],
        "mask_key": mask_key,
    }
    # Another worker may have imported the same just now.
    with contextlib.suppress(IntegrityError), session_scope() as session:
        _insert(session, order.project_id, columns, truth)


@dataclass(frozen=True)
class _Look:
    """What is told of a picture besides what is on it."""

    width: int
    height: int
    suffix: str


def _some_look(session: Session, project_id: int) -> _Look | None:
    """That of one of the project's own images; None while none of them was looked at."""
    is_ready = Image.is_own_of(project_id), Image.state == ImageState.READY
    columns = Image.width, Image.height, Image.storage_key
    found = session.execute(select(*columns).where(*is_ready).order_by(func.random()).limit(1))
    for width, height, key in found:
        if width and height and key:
            return _Look(width, height, Path(key).suffix)
    return None


_SAVING: dict[str, dict[str, Any]] = {
    ".jpeg": {"format": "JPEG", "quality": 92},
    ".png": {"format": "PNG"},
    ".webp": {"format": "WEBP", "quality": 92},
}


def _looking_so(picture: Picture, look: _Look) -> Picture:
    """The picture in another size, its middle cut out where its shape is another, and as another file."""
    with PillowImage.open(io.BytesIO(picture.content)) as opened:
        fitted = ImageOps.fit(opened.convert("RGB"), (look.width, look.height))
    content = io.BytesIO()
    fitted.save(content, **_SAVING[look.suffix])
    return verify_picture(content.getvalue(), get_settings())


def _seen_in(
    sample: GoldSample, names: Sequence[str], mask: PillowImage.Image, part: PillowImage.Image
) -> GoldSample:
    """What is known of a part of a picture, by its mask.

    What takes less than half the share that it had is not known to be large enough any more, and
    what is gone is absent.
    """
    before, after = mask.histogram(), part.histogram()
    whole, cut = sum(before), sum(after)
    left = {name: (after[place] * whole, before[place] * cut) for place, name in enumerate(names)}
    present = tuple(name for name in sample.present if 2 * left[name][0] >= left[name][1])
    gone = tuple(name for name in sample.present if left[name][0] == 0)
    return sample.model_copy(update={"present": present, "absent": (*sample.absent, *gone)})


def _mask(path: Path, picture: Picture) -> PillowImage.Image:
    """The index of each pixel's category. Raises BadPicture."""
    with PillowImage.open(path, formats=("PNG",)) as mask:
        if mask.mode != "L" or mask.size != (picture.width, picture.height):
            raise BadPicture(
                f"its mask is {mask.mode} of {mask.width} x {mask.height} pixels, "
                f"not L of {picture.width} x {picture.height}"
            )
        return mask.copy()


def _insert(
    session: Session, project_id: int, columns: dict[str, Any], truth: dict[str, Any]
) -> None:
    image = Image(
        project_id=project_id, gold=True, split="train", external_id=f"gold/{uuid4().hex}",
        alias=_name_like_others(session, project_id), **columns,
    )  # fmt: skip
    session.add(image)
    session.flush()
    session.add(GoldImage(image_id=image.id, project_id=project_id, **truth))


def _name_like_others(session: Session, project_id: int) -> str:
    """The name of one of the project's own images with other digits."""
    own = Image.project_id == project_id
    some = select(Image.external_id).where(Image.is_own_of(project_id))
    template = session.scalar(some.order_by(func.random()).limit(1)) or "image-0000"
    for attempt in range(10 * NAMES_OF_A_LENGTH):
        name = _with_other_digits(template, longer_by=attempt // NAMES_OF_A_LENGTH)
        taken = exists().where(
            own, or_(Image.comparable_id == comparable(name), Image.alias == name)
        )
        if not session.scalar(select(taken)):
            return name
    raise NotMade(f"no name like {template!r} is free")


def _with_other_digits(name: str, *, longer_by: int) -> str:
    stem, dot, suffix = name.rpartition(".")
    if not dot:
        stem, suffix = name, ""
    if not re.search(r"\d", stem):
        stem += "-0000"

    def digits(match: re.Match[str]) -> str:
        return "".join(_random.choices("0123456789", k=len(match[0]) + longer_by))

    return re.sub(r"\d+", digits, stem, flags=re.ASCII)[:400] + dot + suffix
