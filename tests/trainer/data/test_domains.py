import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import resize

from tests.trainer.conftest import CATEGORIES, MakeConfig, Street, paint, weak_label
from trainer.contract import DatasetCard
from trainer.data.batches import loaded
from trainer.data.domains import Domains, load_domains
from trainer.data.labels import write_labels
from trainer.errors import BadInput

Load = Callable[..., Domains]


@pytest.fixture
def load(make_config: MakeConfig) -> Load:
    return lambda *args, **changes: load_domains(make_config(*args, **changes))


@pytest.fixture
def masked_target(tmp_path: Path) -> DatasetCard:
    """Twenty target images with masks."""
    paint(tmp_path / "masked", 20, (80, 60), seed=5)
    ids = dict(enumerate(CATEGORIES))
    return DatasetCard(name="masked", root=tmp_path / "masked", masks="masks/{stem}.png", ids=ids)


def names_of(make: Callable[[int], object], batches: int) -> list[str]:
    return [name for number in range(batches) for name in make(number).names]  # type: ignore[attr-defined]


def test_a_batch_is_bytes_and_truth_of_both_domains(load: Load) -> None:
    domains = load()
    assert domains.source is not None
    source, target = domains.source(0), domains.target(0)
    for batch in (source, target):
        assert (batch.images.dtype, batch.images.shape) == (torch.uint8, (2, 3, 48, 64))
        assert (batch.presence.dtype, batch.presence.shape) == (torch.float32, (2, 3))
        assert batch.tile_presence is None
    assert (source.masks.dtype, source.masks.shape) == (torch.int64, (2, 48, 64))
    assert target.points.shape[1] == 4
    assert target.masks is None
    assert target.whole is None
    for row, name in enumerate(source.names):
        has_car = int(Path(name).stem) % 3 > 0
        assert source.presence[row].tolist() == [1, 1, has_car]
        assert bool((source.masks[row] == 2).any()) == has_car


def test_without_a_source_there_is_none(load: Load) -> None:
    assert load(source=None, warmup_steps=0).source is None


def test_the_source_has_a_size_of_its_own(load: Load) -> None:
    domains = load(source_height=32, source_width=96)
    assert domains.source is not None
    batch = domains.source(0)
    assert (batch.images.shape[-2:], batch.masks.shape[-2:]) == ((32, 96), (32, 96))
    assert domains.target(0).images.shape[-2:] == (48, 64)


@pytest.mark.parametrize("supervision", ["source-only", "pseudo", "image", "point"])
def test_target_masks_are_never_opened_unless_supervision_is_dense(
    load: Load, masked_target: DatasetCard, tmp_path: Path, supervision: str
) -> None:
    labels = tmp_path / "labels.jsonl"
    write_labels(labels, [weak_label(masked_target.root, "images/001.png")])
    for mask in (masked_target.root / "masks").iterdir():
        mask.write_text("no mask")
    broken = masked_target.model_copy(update={"ids": {}})
    domains = load(supervision, target=broken, labels=labels, cache=tmp_path / "cache")
    assert domains.target(0).masks is None
    assert len(domains.all_target) == 20
    assert not list((tmp_path / "cache").glob("masked-masks*"))


def test_dense_supervision_opens_the_targets_masks(load: Load, masked_target: DatasetCard) -> None:
    domains = load("dense", target=masked_target, labels=None)
    assert domains.labelled == 20
    batch = domains.target(0)
    assert batch.masks is not None
    assert (batch.masks.dtype, batch.masks.shape) == (torch.int64, (2, 48, 64))
    present = [[bool((mask == c).any()) for c in range(3)] for mask in batch.masks]
    assert batch.presence.tolist() == present


def test_dense_supervision_without_a_mask_names_the_image(
    load: Load, masked_target: DatasetCard
) -> None:
    (masked_target.root / "masks/007.png").unlink()
    with pytest.raises(BadInput, match=r"mask .*007\.png is not there"):
        load("dense", target=masked_target, labels=None)
    with pytest.raises(BadInput, match=r"image 'images/000\.png' has no mask"):
        load("dense", target=masked_target.model_copy(update={"masks": None}), labels=None)


def test_labels_are_held_out_for_the_score(load: Load, masked_target: DatasetCard) -> None:
    for changes in ({"validation": None}, {"selection": "weak-labels"}):
        domains = load("dense", target=masked_target, labels=None, **changes)
        apart = [sample.name for sample in domains.held_out.images.samples]
        assert (len(apart), domains.labelled, len(domains.all_target)) == (2, 18, 20)
        assert not set(names_of(domains.target, 30)) & set(apart)
        for label in domains.held_out.labels:
            assert set(label.points[:, 0]) == set(np.flatnonzero(label.presence == 1))
    domains = load("dense", target=masked_target, labels=None)
    assert not domains.held_out.labels


def test_a_run_without_labels_may_be_selected_by_held_out_ones(
    load: Load, masked_target: DatasetCard, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.jsonl"
    names = [f"images/{number:03d}.png" for number in range(20)]
    write_labels(labels, [weak_label(masked_target.root, name) for name in names])
    domains = load("pseudo", target=masked_target, labels=labels, selection="weak-labels")
    assert (len(domains.held_out.labels), domains.labelled) == (2, 0)
    for number in range(10):
        assert (domains.target(number).presence == -1).all()
        assert len(domains.target(number).points) == 0


def test_tiles_reach_both_domains(load: Load, street: Street, tmp_path: Path) -> None:
    labels = tmp_path / "labels.jsonl"
    tags = {"rows": 2, "cols": 2, "present": {"building": [0, 1], "road": [2, 3], "car": [0]}}
    label = {"image": "images/001.png", "width": 80, "height": 60} | {"tiles": tags}
    other = {"image": "images/002.png", "width": 80, "height": 60} | {"absent": ["car"]}
    labels.write_text("\n".join(json.dumps(each) for each in (label, other)))
    domains = load("image", labels=labels)
    assert domains.source is not None
    seen = set()
    for number in range(8):
        target, source = domains.target(number), domains.source(number)
        assert target.tile_presence is not None
        assert source.tile_presence is not None
        assert source.tile_presence.shape == target.tile_presence.shape == (2, 3, 2, 2)
        # Road below, building above, in the source's masks as in the labels.
        assert (source.tile_presence[:, 0, 1] == 1).all()
        assert (source.tile_presence[:, 1, 1] == 0).all()
        for row, name in enumerate(target.names):
            tiles = target.tile_presence[row].tolist()
            if name == "images/001.png":
                assert tiles[:2] == [[[0, 0], [1, 1]], [[1, 1], [0, 0]]]
                seen.add(str(tiles[2]))
            elif name == "images/002.png":
                assert tiles == [[[-1, -1]] * 2, [[-1, -1]] * 2, [[0, 0]] * 2]
            else:
                assert (target.tile_presence[row] == -1).all()
    assert seen == {"[[1.0, 0.0], [0.0, 0.0]]", "[[0.0, 1.0], [0.0, 0.0]]"}


@pytest.mark.parametrize("crop", [{}, {"crop_height": 32, "crop_width": 32}])
def test_tiles_are_mirrored_with_the_whole_picture(
    load: Load, tmp_path: Path, crop: dict[str, int]
) -> None:
    labels = tmp_path / "labels.jsonl"
    tags = {"rows": 1, "cols": 3, "present": {"road": [0], "car": [1, 2]}}
    label = {"image": "images/001.png", "width": 80, "height": 60} | {"tiles": tags}
    labels.write_text(json.dumps(label))
    target = load("image", labels=labels, **crop).target
    index = [sample.name for sample in target.images.samples].index("images/001.png")
    seen = set()
    for number in range(12):
        batch = target(number)
        assert batch.tile_presence is not None
        for row, name in enumerate(batch.names):
            if name == "images/001.png":
                shown = batch.images[row] if batch.whole is None else batch.whole[row]
                own = resize(target.images.tensor(index), list(shown.shape[-2:]))
                mirrored = differ(shown, own.flip(-1)) < differ(shown, own)
                road, _, car = batch.tile_presence[row, :, 0].tolist()
                assert road == ([0, 0, 1] if mirrored else [1, 0, 0])
                assert car == ([1, 1, 0] if mirrored else [0, 1, 1])
                seen.add(mirrored)
    assert seen == {True, False}


def differ(one: Tensor, other: Tensor) -> float:
    return (one.float() - other.float()).abs().mean().item()


def test_crops_keep_the_whole_pictures_label(load: Load) -> None:
    domains = load(crop_height=32, crop_width=32, color_jitter=0.2)
    assert domains.source is not None
    whole = load()
    for number in range(4):
        source, target = domains.source(number), domains.target(number)
        assert source.images.shape == target.images.shape == (2, 3, 32, 32)
        assert target.whole is not None
        assert (target.whole.shape, target.whole.dtype) == ((2, 3, 32, 32), torch.uint8)
        assert torch.equal(target.presence, whole.target(number).presence)
        assert len(target.points) <= len(whole.target(number).points)
        assert ((target.points[:, 2:] >= 0) & (target.points[:, 2:] <= 1)).all()
        for row in range(2):
            there = [bool((source.masks[row] == c).any()) for c in range(3)]
            claimed = source.presence[row].bool().tolist()
            assert all(has or not claims for has, claims in zip(there, claimed, strict=True))


def test_the_target_knows_how_often_each_category_is_clicked_and_how_large_it_is(
    load: Load, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.jsonl"
    clicks = [("road", 3), ("building", 1), ("car", 4)]
    points = [{"category": name, "x": 5, "y": 5} for name, count in clicks for _ in range(count)]
    line = {"image": "000.png", "width": 80, "height": 60, "points": points}
    line["present"] = list(CATEGORIES)
    labels.write_text(json.dumps(line))
    paint(tmp_path / "part", 3, (64, 48), seed=0)
    card = {"name": "part", "root": tmp_path / "part", "masks": "masks/{stem}.png"}
    card |= {"ids": {0: "road", 2: "car"}, "void": [1, 255]}
    domains = load("point", source=card, labels=labels)
    assert domains.source is not None
    batch = domains.target(0)
    assert batch.clicked is not None
    assert batch.frequencies is not None
    assert batch.clicked.tolist() == [3 / 8, 1 / 8, 4 / 8]
    road, _, car = domains.source.frequencies.tolist()
    # The source has no building, which says nothing of how large buildings are.
    np.testing.assert_allclose(batch.frequencies.tolist(), [road, 1 / 8, car], rtol=1e-6)
    without = load("point", source=None, warmup_steps=0, labels=labels).target(0)
    assert (without.clicked, without.frequencies) == (None, None)
    assert load("image").target(0).clicked is not None  # its labels have points, though unused


def test_both_domains_know_how_common_each_category_is_among_images(
    load: Load, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.jsonl"
    said = [(["road", "car"], []), (["road"], ["car"]), (["road"], ["car"])]
    lines = [
        {"image": f"00{i}.png", "width": 80, "height": 60, "present": present, "absent": absent}
        for i, (present, absent) in enumerate(said)
    ]
    labels.write_text("\n".join(map(json.dumps, lines)))
    domains = load("image", labels=labels)
    shares = domains.target(0).shares
    assert shares is not None
    # Nobody was asked for buildings.
    np.testing.assert_allclose(shares.tolist(), [1, 0.5, 1 / 3], rtol=1e-6)
    assert domains.source is not None
    of_source = domains.source(0).shares
    assert of_source is not None
    np.testing.assert_allclose(
        of_source.tolist(), np.nan_to_num(domains.source.shares, nan=0.5), rtol=1e-6
    )


def test_rare_categories_are_sampled_on_both_domains(load: Load) -> None:
    """Cars are in two of three images."""
    domains = load("image", rare_category_temperature=0.05)
    assert domains.source is not None
    for make in (domains.source, domains.target):
        names = names_of(make, 60)
        with_car = sum(int(Path(name).stem) % 3 > 0 for name in names) / len(names)
        assert with_car > 0.8


def test_rare_sampling_needs_no_labels(load: Load) -> None:
    domains = load("pseudo", rare_category_temperature=0.05)
    assert len(set(names_of(domains.target, 3))) == 6


@pytest.mark.parametrize("changes", [{}, {"rare_category_temperature": 0.5}])
def test_a_source_that_is_all_void_is_an_error(
    load: Load, tmp_path: Path, changes: dict[str, object]
) -> None:
    paint(tmp_path / "void", 2, (32, 32), seed=0)
    for path in (tmp_path / "void/masks").iterdir():
        Image.new("L", (32, 32), 99).save(path)
    card = {"name": "void", "root": tmp_path / "void", "masks": "masks/{stem}.png"}
    card |= {"ids": {0: "road"}, "void": [99]}
    with pytest.raises(BadInput, match="'void': masks: not one pixel of 2 masks is of a category"):
        load(source=card, **changes)


def test_validation_masks_that_are_all_void_are_an_error(load: Load, tmp_path: Path) -> None:
    paint(tmp_path / "void", 2, (32, 32), seed=0)
    card = {"name": "void", "root": tmp_path / "void", "masks": "masks/{stem}.png"}
    card |= {"ids": {7: "road"}, "void": "others"}
    with pytest.raises(BadInput, match="validation: masks: all pixels of all 2 masks are void"):
        load(validation=card)


def test_what_is_void_and_what_is_not_asked_is_counted_by_value(load: Load, tmp_path: Path) -> None:
    paint(tmp_path / "part", 4, (64, 48), seed=0)
    card = {"name": "part", "root": tmp_path / "part", "masks": "masks/{stem}.png"}
    card |= {"ids": {0: "road", 1: "tram"}, "void": [2, 255]}
    for number in range(4):
        mask = np.zeros((48, 64), np.uint8)
        mask[:12] = 1
        mask[12:18] = 2
        Image.fromarray(mask).save(tmp_path / f"part/masks/{number:03d}.png")
    notes = load(source=card).notes
    assert notes == (
        "source: of 4 masks 38 % of the pixels are void: id 1 (tram) 25 %, id 2 12 %",
        "source: its card does not name building, car: not asked there",
    )
    masks = tmp_path / "part/masks"
    for path in masks.iterdir():
        Image.new("L", (64, 48), 1).save(path)
    missing = card | {"ids": {0: "road", 1: "building"}}
    assert "source: none of the masks looked at has road" in load(source=missing).notes


def slow_presence(mask: list[list[int]], threshold: list[float], asked: list[bool]) -> list[int]:
    pixels = [value for row in mask for value in row if value >= 0]
    if not pixels:
        return [-1] * len(threshold)
    return [
        int(pixels.count(index) / len(pixels) > threshold[index]) if asked[index] else -1
        for index in range(len(threshold))
    ]


@pytest.mark.parametrize("temperature", [None, 0.5])
def test_a_category_that_the_source_card_does_not_name_is_never_asked(
    load: Load, tmp_path: Path, temperature: float | None
) -> None:
    """In batches, tiles, shares and the order of images, against loops over pixels."""
    paint(tmp_path / "part", 6, (64, 48), seed=0)
    Image.new("L", (64, 48), 255).save(tmp_path / "part/masks/005.png")
    card = {"name": "part", "root": tmp_path / "part", "masks": "masks/{stem}.png"}
    card |= {"ids": {0: "road", 2: "car"}, "void": [1, 255]}
    labels = tmp_path / "labels.jsonl"
    tiles = {"rows": 2, "cols": 2, "present": {"building": [0]}}
    labels.write_text(json.dumps({"image": "000.png", "width": 80, "height": 60, "tiles": tiles}))
    source = load("image", source=card, labels=labels, rare_category_temperature=temperature).source
    assert source is not None
    thresholds, asked = source.thresholds.tolist(), [True, False, True]
    assert source.asked.tolist() == asked
    seen = set()
    for number in range(9):
        batch = source(number)
        assert batch.tile_presence is not None
        for row, name in enumerate(batch.names):
            seen.add(name)
            mask = batch.masks[row].tolist()
            assert batch.presence[row].tolist() == slow_presence(mask, thresholds, asked)
            for r in range(2):
                for k in range(2):
                    part = [line[32 * k : 32 * k + 32] for line in mask[24 * r : 24 * r + 24]]
                    expected = slow_presence(part, thresholds, asked)
                    assert batch.tile_presence[row, :, r, k].tolist() == expected
    # An image that is all void tells of no category, so none is sampled for its sake.
    assert ("images/005.png" in seen) is (temperature is None)
    present = [slow_presence(source.images.mask(n).tolist(), thresholds, asked) for n in range(5)]
    np.testing.assert_allclose(
        source.shares, [1, np.nan, sum(each[2] for each in present) / 5], equal_nan=True
    )


def test_every_source_image_is_shown_with_and_without_a_style(load: Load, tmp_path: Path) -> None:
    paint(tmp_path / "grey", 2, (64, 48), seed=0)
    for path in (tmp_path / "grey/images").iterdir():
        Image.new("RGB", (64, 48), (10, 20, 30)).save(path)
    target = {"name": "grey", "root": tmp_path / "grey"}
    domains = load("pseudo", target=target, pixel_adaptation="fda", fda_beta=0.001)
    plain = load("pseudo", target=target)
    assert domains.source is not None
    assert plain.source is not None
    means: dict[str, list[list[float]]] = {}
    for number in range(8):
        batch = domains.source(number)
        for name, image in zip(batch.names, batch.images.double(), strict=True):
            means.setdefault(name, []).append(image.mean((1, 2)).tolist())
    assert len(means) == 8
    for of_image in means.values():
        styled, own = sorted(of_image)
        # What is below 0 is clipped, which lifts the mean.
        assert styled[0] < own[0] - 20
    again = domains.source(3)
    assert torch.equal(again.images, domains.source(3).images)


def test_the_source_alone_is_seen_through(load: Load) -> None:
    plain, bare = load("pseudo"), load("pseudo", see_through=("building",))
    assert plain.source is not None
    assert bare.source is not None
    changed = set()
    for number in range(8):
        before, after = plain.source(number), bare.source(number)
        assert torch.equal(before.masks, after.masks)
        differs = (before.images != after.images).any(1)
        building = before.masks == 1
        assert not differs[~building].any()
        changed |= {name for name, each in zip(after.names, differs, strict=True) if each.any()}
        assert torch.equal(plain.target(number).images, bare.target(number).images)
    assert 0 < len(changed) < 8


@pytest.mark.parametrize(
    "changes",
    [{}, {"pixel_adaptation": "fda", "color_jitter": 0.3, "see_through": ("building", "car")}],
)
def test_workers_make_the_same_batches(
    load: Load, tmp_path: Path, changes: dict[str, object]
) -> None:
    domains = load(cache=tmp_path / "cache", rare_category_temperature=0.5, **changes)
    assert domains.source is not None
    here = load(rare_category_temperature=0.5, **changes)
    assert here.source is not None
    torch.manual_seed(99)
    for number, batch in enumerate(loaded(domains.source, range(3, 6), workers=1), start=3):
        expected = here.source(number)
        assert batch.names == expected.names
        assert torch.equal(batch.images, expected.images)
        assert torch.equal(batch.masks, expected.masks)
        assert torch.equal(batch.presence, expected.presence)


def test_batches_do_not_depend_on_what_was_made_before(load: Load) -> None:
    first, second = load(crop_height=32, crop_width=32), load(crop_height=32, crop_width=32)
    for number in range(5):
        first.target(number)
    torch.manual_seed(7)
    one, other = first.target(2), second.target(2)
    assert torch.equal(one.images, other.images)
    assert torch.equal(one.points, other.points)
    assert one.names == other.names
    assert not torch.equal(first.target(3).images, one.images)


def test_a_batch_moves_as_one(load: Load) -> None:
    batch = load(crop_height=32, crop_width=32).target(0).to(torch.device("meta"))
    for tensor in (batch.images, batch.presence, batch.points, batch.whole):
        assert tensor is not None
        assert tensor.device.type == "meta"
    assert batch.tile_presence is None
    assert len(batch.names) == 2


def without_images(folder: Path) -> None:
    for path in (folder / "source/images").iterdir():
        path.unlink()


def mask_missing(folder: Path) -> None:
    (folder / "source/masks/003.png").unlink()


def unknown_id(folder: Path) -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[0, :5] = 77
    Image.fromarray(mask).save(folder / "source/masks/003.png")


def mask_of_another_shape(folder: Path) -> None:
    Image.new("L", (64, 64)).save(folder / "source/masks/003.png")


def mask_broken(folder: Path) -> None:
    (folder / "source/masks/003.png").write_bytes(b"\x89PNG")


def bad_line(folder: Path) -> None:
    path = folder / "labels.jsonl"
    path.write_text(path.read_text() + '{"image": "images/000.png"\n')


def label_of_a_missing_image(folder: Path) -> None:
    (folder / "target/images/004.png").unlink()


def no_label(folder: Path) -> None:
    (folder / "labels.jsonl").write_text("\n")


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        (without_images, r"dataset 'source': no images at .*source/images/\*"),
        (mask_missing, r"dataset 'source': mask .*source/masks/003\.png is not there"),
        (unknown_id, r"source/masks/003\.png: id 77 on 5 pixels is neither a category"),
        (mask_of_another_shape, r"source/masks/003\.png: 64 x 64 is not the shape of its image"),
        (mask_broken, r"source/masks/003\.png: cannot read the image"),
        (bad_line, r"labels\.jsonl:7: Invalid JSON"),
        (label_of_a_missing_image, r"labels\.jsonl:5: image: 'images/004\.png' is not in"),
        (no_label, r"labels\.jsonl: no label for any image of 'target'"),
    ],
)
@pytest.mark.parametrize("with_cache", [False, True])
def test_corrupted_input_is_one_line_that_names_the_place(
    load: Load,
    street: Street,
    tmp_path: Path,
    corrupt: Callable[[Path], None],
    message: str,
    with_cache: bool,
) -> None:
    shutil.copytree(street.root, tmp_path / "copy")
    corrupt(tmp_path / "copy")
    source = street.source.model_copy(update={"root": tmp_path / "copy/source", "void": ()})
    target = street.target.model_copy(update={"root": tmp_path / "copy/target"})
    cache = {"cache": tmp_path / "cache"} if with_cache else {}
    with pytest.raises(BadInput, match=message) as raised:
        load(source=source, target=target, labels=tmp_path / "copy/labels.jsonl", **cache)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("supervision", "labelled"), [("source-only", 0), ("pseudo", 0), ("image", 18)]
)
def test_runs_of_any_supervision_can_be_scored_by_the_same_labels_and_learn_from_none_of_them(
    load: Load, masked_target: DatasetCard, tmp_path: Path, supervision: str, labelled: int
) -> None:
    labels = tmp_path / "labels.jsonl"
    names = [f"images/{number:03d}.png" for number in range(20)]
    write_labels(labels, [weak_label(masked_target.root, name) for name in names])
    domains = load(supervision, target=masked_target, labels=labels, hold_out=True)
    apart = [sample.name for sample in domains.held_out.images.samples]
    assert (len(apart), domains.labelled) == (2, labelled)
    assert not set(names_of(domains.target, 30)) & set(apart)
    again = load("point", target=masked_target, labels=labels, hold_out=True)
    assert [sample.name for sample in again.held_out.images.samples] == apart
