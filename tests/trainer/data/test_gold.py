import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from trainer.__main__ import app
from trainer.contract import DatasetCard, GoldSample
from trainer.data.gold import make_gold
from trainer.data.marking import Question
from trainer.data.oracle import oracle_labels
from trainer.errors import BadInput

IDS = {7: "road", 8: "car", 9: "sky"}
SIZE = (50, 40)


def town(folder: Path, count: int = 6, **fields: object) -> DatasetCard:
    """Roads with a car that grows from image to image; the mask's first pixel is of no category."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(count):
        mask = np.full((SIZE[1], SIZE[0]), 7, np.uint8)
        mask[10 : 10 + number * number, 20:40] = 8
        mask[0, 0] = 0
        Image.fromarray(mask).save(folder / f"masks/{number}.png")
        Image.new("RGB", SIZE, (40 * number, 0, 0)).save(folder / f"images/{number}.JPG")
    fields = {"name": "town", "root": folder, "images": "images/*", "masks": "masks/{stem}.png",
              "ids": IDS, "void": [0]} | fields  # fmt: skip
    (folder / "card.yaml").write_text(json.dumps(fields, default=str))
    return DatasetCard.model_validate(fields)


def read(out: Path) -> list[GoldSample]:
    lines = (out / "gold.jsonl").read_text().splitlines()
    return [GoldSample.model_validate_json(line) for line in lines]


def mask_of(out: Path, sample: GoldSample) -> NDArray[np.uint8]:
    with Image.open(out / sample.mask) as mask:
        return np.array(mask)


def number_of(out: Path, sample: GoldSample, source: Path) -> str:
    """Which of the source's images it is a byte for byte copy of."""
    content = (out / sample.image).read_bytes()
    [found] = [p for p in (source / "images").iterdir() if p.read_bytes() == content]
    return found.stem


def test_images_are_copied_with_their_masks_and_what_the_oracle_says(tmp_path: Path) -> None:
    card, out = town(tmp_path / "town"), tmp_path / "out"
    categories = ("sky", "car", "road")
    made = make_gold(card, categories, 6, seed=1, out=out)
    assert made == read(out)
    perfect = oracle_labels(card, Question(categories))
    truth = {Path(label.image).stem: label for label in perfect}
    assert {bool(sample.present) for sample in made} == {True}
    for sample in made:
        number = number_of(out, sample, card.root)
        label = truth.pop(number)
        assert sample.present == label.present
        # The mask of 0 has no car; that of 1 has one which is too small to count.
        too_small = ("car",) if number == "1" else ()
        assert sample.absent == tuple(name for name in label.absent if name not in too_small)
        mask = mask_of(out, sample)
        assert mask[0, 0] == 255
        assert (mask[:10, 1:] == 2).all()
        assert (mask == 1).sum() == min(30, int(number) ** 2) * 20
        assert ("car" in label.absent) == (number in "01")
    assert not truth


def test_a_seed_decides_and_more_images_begin_with_the_same(tmp_path: Path) -> None:
    card = town(tmp_path / "town")

    def drawn(count: int, seed: int) -> list[str]:
        out = tmp_path / f"{count}-{seed}"
        made = make_gold(card, card.categories, count, seed=seed, out=out)
        return [number_of(out, sample, card.root) for sample in made]

    assert drawn(6, 1)[:3] == drawn(3, 1)
    assert len(drawn(100, 1)) == 6
    assert len({tuple(drawn(6, seed)) for seed in (1, 2, 3)}) > 1


def test_what_the_card_does_not_know_is_neither_present_nor_absent(tmp_path: Path) -> None:
    card = town(tmp_path / "town")
    [sample] = make_gold(card, ("road", "tram"), 1, seed=0, out=tmp_path / "out")
    assert (sample.present, sample.absent) == (("road",), ())


def test_a_mask_has_the_size_of_its_image(tmp_path: Path) -> None:
    card = town(tmp_path / "town", count=1)
    Image.new("RGB", (100, 80)).save(card.root / "images/0.JPG")
    [sample] = make_gold(card, ("road",), 1, seed=0, out=tmp_path / "out")
    assert mask_of(tmp_path / "out", sample).shape == (80, 100)


def test_bad_input_is_named_and_leaves_no_listing(tmp_path: Path) -> None:
    card = town(tmp_path / "town")
    with pytest.raises(BadInput, match="256 categories: a mask has room for 255"):
        make_gold(card, tuple(map(str, range(256))), 1, seed=0, out=tmp_path / "out")
    (card.root / "masks/3.png").unlink()
    with pytest.raises(BadInput, match=r"masks/3\.png is not there"):
        make_gold(card, ("road",), 1, seed=0, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_takes_the_categories_in_order(tmp_path: Path) -> None:
    town(tmp_path / "town")
    out = tmp_path / "out"
    arguments = ["gold", "--source", str(tmp_path / "town/card.yaml"), "--out", str(out),
                 "--count", "2", "--seed", "3", "--category", "car", "--category", "road"]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stderr) == (0, f"2 images in {out}\n")
    first = read(out)[0]
    assert "road" in first.present
    assert mask_of(out, first)[1, 1] == 1


def test_no_torch_is_loaded() -> None:
    code = "import sys, trainer.data.gold; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
