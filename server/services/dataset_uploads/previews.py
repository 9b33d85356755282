"""A picture of a dataset under what its mask says, for people to see whether the two belong together."""

import io
import json
from itertools import islice
from pathlib import Path

from PIL import Image

from server.errors import NotFound
from server.models import DatasetUpload
from server.services.dataset_uploads import checking, receiving, uploads
from server.services.dataset_uploads.checking import LISTING, PAIRS
from server.settings import get_settings
from trainer.contract.names import comparable
from trainer.contract.pictures import Rules, picture_size, read_picture

WIDTH = 640
STRENGTH = 0.55
MOST = 100
"""Pairs that can be looked at."""
PALETTE = (
    (128, 64, 128), (0, 110, 240), (107, 142, 35), (220, 20, 60), (250, 170, 30), (0, 190, 190),
    (244, 35, 232), (70, 70, 70), (152, 251, 152), (190, 153, 153), (119, 11, 32), (102, 102, 156),
)  # fmt: skip
STRANGE = (255, 0, 255)


def lines_of(upload: DatasetUpload) -> list[dict[str, str]]:
    """The first pairs: of the dataset once it is one, before that as they were last found."""
    folder = receiving.folder_of(upload)
    path = folder / (LISTING if upload.state == "ready" else PAIRS)
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in islice(lines, MOST)]


def overlay(upload: DatasetUpload, number: int) -> bytes:
    """The pair with this number, counted from 0, as WebP. Raises NotFound also where it cannot be drawn."""
    lines = lines_of(upload)
    if not 0 <= number < len(lines):
        raise NotFound(f"upload {upload.id} has no pair {number}")
    folder, line = receiving.folder_of(upload), lines[number]
    try:
        return _drawn(folder / line["path"], folder / line["mask"], upload)
    except (OSError, ValueError) as error:
        raise NotFound(f"pair {number} of upload {upload.id} can not be drawn") from error


def _drawn(image: Path, mask: Path, upload: DatasetUpload) -> bytes:
    # They bring numpy along, which a web process does without until then.
    import numpy as np  # noqa: PLC0415

    from trainer.contract.masks import UNKNOWN, readable_values  # noqa: PLC0415

    settings = get_settings()
    rules = Rules(most_pixels=settings.max_image_pixels, longest_side=settings.max_image_side)
    width, height = picture_size(image, rules)
    picture_size(mask, rules)
    size = (min(WIDTH, width), max(1, round(height * min(WIDTH, width) / width)))
    picture = read_picture(image, rules, at_least=size).image.resize(size)
    card = uploads.card_of(upload.card, upload.name)
    codes = checking.codes_of(card, mask)
    indices = codes.indices(readable_values(mask, codes, size))
    colors = np.array([*(PALETTE[i % len(PALETTE)] for i in range(len(card.categories))), STRANGE])
    layer = np.where(indices >= 0, indices, len(card.categories)).clip(0, len(card.categories))
    shown = (indices >= 0) | ((indices == UNKNOWN) & bool(card.categories))
    under = np.asarray(picture, dtype=np.float32)
    over = colors[layer].astype(np.float32)
    drawn = np.where(shown[..., None], under * (1 - STRENGTH) + over * STRENGTH, under)
    buffer = io.BytesIO()
    Image.fromarray(drawn.astype(np.uint8)).save(buffer, "WEBP", quality=82, method=0)
    return buffer.getvalue()


def color_of(card_categories: tuple[str, ...], name: str) -> str:
    """In which colour a category is drawn, `#rrggbb`."""
    place = list(map(comparable, card_categories)).index(comparable(name))
    return "#" + "".join(f"{part:02x}" for part in PALETTE[place % len(PALETTE)])
