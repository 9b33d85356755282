"""Every ready-made card against a miniature of the published layout."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from trainer.contract.cards import load_card
from trainer.contract.masks import decode_mask, mask_codes
from trainer.contract.ready_cards import ready_names
from trainer.data.samples import list_samples
from trainer.errors import BadInput

CITYSCAPES = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign",
    "vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "train",
    "motorcycle", "bicycle",
)  # fmt: skip
SYNTHIA = tuple(c for c in CITYSCAPES if c not in ("terrain", "truck", "train"))
CAMVID = (
    "Sky", "Building", "Pole", "Road", "Pavement", "Tree", "SignSymbol", "Fence", "Car",
    "Pedestrian", "Bicyclist",
)  # fmt: skip


def write_ids(path: Path, ids: NDArray[np.uint8]) -> None:
    Image.fromarray(ids).save(path)


def write_palette(path: Path, ids: NDArray[np.uint8]) -> None:
    image = Image.fromarray(ids)
    image.putpalette([255 - value // 3 for value in range(768)])
    image.save(path)


def write_16_bits(path: Path, ids: NDArray[np.uint8]) -> None:
    """Three channels of 16 bits, which Pillow does not write: ids, instances of up to 16 bits, 0."""
    height, width = ids.shape
    deep = np.zeros((height, width, 3), ">u2")
    deep[..., 0], deep[..., 1] = ids, 40_000
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(content)) + kind + content
            + struct.pack(">I", zlib.crc32(kind + content))
            for kind, content in chunks
        )
    )  # fmt: skip


def write_colors(path: Path, colors: list[tuple[int, int, int]]) -> None:
    Image.fromarray(np.array([colors], np.uint8)).save(path)


Write = Callable[[Path, NDArray[np.uint8]], None]
FRAME = "aachen/aachen_000000_000019"

LAYOUTS: list[tuple[str, str, str, Write, list[int], tuple[str, ...], list[int]]] = [
    (
        "cityscapes",
        f"leftImg8bit/train/{FRAME}_leftImg8bit.png",
        f"gtFine/train/{FRAME}_gtFine_labelIds.png",
        write_ids,
        [0, 3, 7, 8, 11, 17, 24, 25, 31, 33, 29],
        CITYSCAPES,
        [-1, -1, 0, 1, 2, 5, 11, 12, 16, 18, -1],
    ),
    (
        "gta5",
        "images/00001.png",
        "labels/00001.png",
        write_palette,
        [0, 7, 21, 22, 23, 26, 34],
        CITYSCAPES,
        [-1, 0, 8, 9, 10, 13, -1],
    ),
    (
        "synthia",
        "RGB/0000000.png",
        "GT/LABELS/0000000.png",
        write_16_bits,
        [0, 1, 2, 3, 4, 10, 17, 21, 22, 16],
        SYNTHIA,
        [-1, 9, 2, 0, 1, 10, 11, 3, -1, -1],
    ),
    (
        "kitti",
        "training/image_2/000000_10.png",
        "training/semantic/000000_10.png",
        write_ids,
        [7, 26, 255],
        CITYSCAPES,
        [0, 13, -1],
    ),
    (
        "bdd100k",
        "images/10k/train/0004a4c0-d4dff0ad.jpg",
        "labels/sem_seg/masks/train/0004a4c0-d4dff0ad.png",
        write_ids,
        [0, 18, 255],
        CITYSCAPES,
        [0, 18, -1],
    ),
    (
        "idd",
        "leftImg8bit/train/201/frame0029_leftImg8bit.jpg",
        "gtFine/train/201/frame0029_gtFine_labellevel3Ids.png",
        write_ids,
        [0, 2, 3, 4, 8, 9, 24, 25, 255],
        CITYSCAPES,
        [0, 1, 9, 11, -1, 13, 8, 10, -1],
    ),
    (
        "camvid",
        "train/0001TP_006690.png",
        "trainannot/0001TP_006690.png",
        write_ids,
        [0, 3, 10, 11],
        CAMVID,
        [0, 3, 10, -1],
    ),
]


@pytest.mark.parametrize(
    ("name", "image", "mask", "write", "raw", "categories", "expected"),
    LAYOUTS,
    ids=[layout[0] for layout in LAYOUTS],
)
def test_every_card_reads_its_published_layout(
    tmp_path: Path,
    name: str,
    image: str,
    mask: str,
    write: Write,
    raw: list[int],
    categories: tuple[str, ...],
    expected: list[int],
) -> None:
    for path in (tmp_path / image, tmp_path / mask):
        path.parent.mkdir(parents=True)
    Image.new("RGB", (len(raw), 1)).save(tmp_path / image)
    write(tmp_path / mask, np.array([raw], np.uint8))
    card = load_card(f"{name}:{tmp_path}")
    (sample,) = list_samples(card, with_masks=True)
    assert (sample.name, sample.mask) == (image, tmp_path / mask)
    assert set(card.categories) <= set(categories)
    assert sample.mask is not None
    assert decode_mask(sample.mask, mask_codes(card, categories)).tolist() == [expected]
    write(tmp_path / mask, np.array([[200] * len(raw)], np.uint8))
    with pytest.raises(BadInput, match=rf"id 200 on {len(raw)} pixels is neither"):
        decode_mask(sample.mask, mask_codes(card, categories))


def test_the_coloured_camvid(tmp_path: Path) -> None:
    for folder in ("701_StillsRaw_full", "LabeledApproved_full"):
        (tmp_path / folder).mkdir()
    Image.new("RGB", (4, 1)).save(tmp_path / "701_StillsRaw_full/0001TP_006690.png")
    mask = tmp_path / "LabeledApproved_full/0001TP_006690_L.png"
    write_colors(mask, [(128, 128, 128), (0, 128, 192), (192, 128, 192), (0, 0, 0)])
    card = load_card(f"camvid-colors:{tmp_path}")
    (sample,) = list_samples(card, with_masks=True)
    assert sample.mask == mask
    assert card.categories == CAMVID
    assert decode_mask(mask, mask_codes(card, CAMVID)).tolist() == [[0, 10, 8, -1]]
    write_colors(mask, [(128, 128, 128), (1, 2, 3), (1, 2, 3), (9, 9, 9)])
    with pytest.raises(BadInput, match=r"_L\.png: colour #010203 on 2 pixels .* \(and 1 more\)"):
        decode_mask(mask, mask_codes(card, CAMVID))


def test_the_order_of_categories_is_that_of_the_benchmarks() -> None:
    assert load_card("cityscapes:.").categories == CITYSCAPES
    assert load_card("gta5:.").categories == CITYSCAPES
    assert load_card("kitti:.").categories == CITYSCAPES
    assert load_card("bdd100k:.").categories == CITYSCAPES
    assert load_card("synthia:.").categories == SYNTHIA
    assert load_card("camvid:.").categories == CAMVID
    assert load_card("idd:.").categories == tuple(c for c in CITYSCAPES if c != "train")


def test_every_ready_card_is_tried_here() -> None:
    tried = {layout[0] for layout in LAYOUTS} | {"camvid-colors", "folder"}
    assert set(ready_names()) == tried


def test_a_folder_needs_no_card(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "images/a.jpg")
    (sample,) = list_samples(load_card(f"folder:{tmp_path}"), with_masks=False)
    assert sample.name == "images/a.jpg"


def test_a_split_is_chosen_by_name(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for folder, ending in (("leftImg8bit", "leftImg8bit"), ("gtFine", "gtFine_labelIds")):
            path = tmp_path / folder / split / f"ulm/ulm_{split}_{ending}.png"
            path.parent.mkdir(parents=True)
            Image.new("L", (2, 2), 7).save(path)
    for name, frames in (
        ("cityscapes", ["ulm_train"]),
        ("cityscapes/val", ["ulm_val"]),
    ):
        samples = list_samples(load_card(f"{name}:{tmp_path}"), with_masks=True)
        assert [s.image.name for s in samples] == [f"{f}_leftImg8bit.png" for f in frames]
        assert [s.mask and s.mask.name for s in samples] == [
            f"{f}_gtFine_labelIds.png" for f in frames
        ]


def test_a_card_may_extend_a_ready_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: gta5\nname: gta-small\nroot: data\nimages: images/000*.png\n")
    card = load_card(path)
    assert (card.name, card.root) == ("gta-small", tmp_path / "data")
    assert (card.images, card.masks) == ("images/000*.png", "labels/{stem}.png")
    assert card.categories == CITYSCAPES


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "gta6:/data",
            "gta6:/data: extends: no ready-made card 'gta6'; there are bdd100k, camvid,",
        ),
        ("camvid/../x:/data", "camvid:/data: split: "),
        ("gta5", "gta5: cannot read the dataset card"),
        ("gta5:/no/such/folder", "dataset 'gta5': root: /no/such/folder is not a folder"),
    ],
)
def test_what_is_no_card_is_named(given: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        list_samples(load_card(given), with_masks=False)
    assert message in str(raised.value)
