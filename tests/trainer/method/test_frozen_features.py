import errno
import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from tests.trainer.conftest import PRODUCTS_OWN, MakeConfig
from trainer.contract import TrainConfig
from trainer.data.batches import SourceBatch, TargetBatch
from trainer.data.domains import Domains, load_domains
from trainer.method.frozen_features import FOLDER, KeptFeatures, keep_features, remove_features
from trainer.models.checkpoint import shape_of
from trainer.models.segmenter import Begun, Segmenter, build_segmenter

A_PICTURE = 24 * 12 * 16 * 2 + 4
"""Bytes: channels, rows, columns, half precision, checksum."""
SOURCE, TARGET = 2 * 8 * A_PICTURE, 2 * 6 * A_PICTURE

FROZEN = PRODUCTS_OWN | {"frozen_stages": 2, "feature_cache_bytes": 10**9}


class Kept:
    """What is kept for one run of the street."""

    def __init__(self, config: TrainConfig, run_dir: Path) -> None:
        torch.manual_seed(1)
        self.segmenter: Segmenter = build_segmenter(shape_of(config))
        self.segmenter.freeze(config.frozen_stages)
        self.domains: Domains = load_domains(config)
        assert self.domains.source is not None
        domains = {"source": self.domains.source, "target": self.domains.target}
        self.features: KeptFeatures = keep_features(config, self.segmenter, domains, run_dir)
        self.made = 0
        begin = self.segmenter.begin

        def counting(images: Tensor) -> Begun:
            self.made += 1
            return begin(images)

        self.segmenter.begin = counting  # type: ignore[method-assign]

    def source(self, number: int) -> SourceBatch:
        assert self.domains.source is not None
        batch = self.features.begin("source", self.domains.source(number))
        assert batch is not None
        return batch

    def target(self, number: int) -> TargetBatch:
        batch = self.features.begin("target", self.domains.target(number))
        assert batch is not None
        return batch


def same(one: Begun | None, other: Begun | None) -> bool:
    assert one is not None
    assert other is not None
    return len(one) == len(other) and all(map(torch.equal, one, other))


@pytest.fixture
def config(make_config: MakeConfig) -> TrainConfig:
    return make_config(**FROZEN)


@pytest.mark.parametrize(
    ("changes", "views"),
    [
        ({}, 2),
        ({"color_jitter": 0.5, "colorings": 2}, 4),
        ({"see_through": ("building",)}, 2),
        ({"frozen_stages": 5, "logit_stride": 4}, 2),
    ],
)
def test_each_picture_is_made_once_and_read_afterwards(
    config: TrainConfig, tmp_path: Path, changes: dict[str, object], views: int
) -> None:
    kept = Kept(config.model_copy(update=changes), tmp_path)
    first = [(kept.source(number), kept.target(number)) for number in range(40 * views)]
    assert kept.made == views * (8 + 6)
    for number, (source, target) in enumerate(first):
        for earlier, later in ((source, kept.source(number)), (target, kept.target(number))):
            assert earlier.begun is not None
            assert later.begun is not None
            exact = kept.segmenter.begin(later.images)
            for once, again, made in zip(earlier.begun, later.begun, exact, strict=True):
                assert torch.equal(once, again)
                torch.testing.assert_close(again.float(), made, rtol=1e-3, atol=1e-3)
                assert again.is_contiguous(memory_format=torch.channels_last)


def test_what_is_kept_is_told(config: TrainConfig, tmp_path: Path) -> None:
    (note,) = Kept(config, tmp_path).features.notes
    assert note == (
        "what the first 2 stages make of the images is kept on disk: up to "
        f"{(SOURCE + TARGET) / 1e6:.1f} MB in the run's folder"
    )
    assert list((tmp_path / FOLDER).iterdir())
    remove_features(tmp_path)
    assert not (tmp_path / FOLDER).exists()
    remove_features(tmp_path)


def test_later_runs_read_what_is_in_the_cache(config: TrainConfig, tmp_path: Path) -> None:
    shared = config.model_copy(update={"cache": tmp_path / "cache"})
    first = Kept(shared, tmp_path / "first")
    made = [first.target(number).begun for number in range(12)]
    remove_features(tmp_path / "first")
    second = Kept(shared.model_copy(update={"head_learning_rate_factor": 1.0}), tmp_path / "second")
    assert all(same(one, second.target(n).begun) for n, one in enumerate(made))
    assert second.made == 0
    assert "later runs" in second.features.notes[0]
    colored = {"color_jitter": 0.5, "colorings": 1}
    for changes in ({"frozen_stages": 1}, colored, colored | {"color_jitter": 0.4}):
        other = Kept(shared.model_copy(update=changes), tmp_path / "second")
        other.target(0)
        assert other.made
    for seen_through in (("building",), ("car",)):
        bare = Kept(shared.model_copy(update={"see_through": seen_through}), tmp_path / "second")
        for number in range(12):
            bare.source(number)
            bare.target(number)
        assert bare.made >= 8  # the source's anew, the target's as before


def test_other_weights_are_other_features(config: TrainConfig, tmp_path: Path) -> None:
    shared = config.model_copy(update={"cache": tmp_path})
    Kept(shared, tmp_path).target(0)
    kept = Kept(shared, tmp_path)
    with torch.no_grad():
        kept.segmenter.backbone.get_parameter("blocks.1.0.bn1.weight")[0] += 1
    domains = {"target": kept.domains.target}
    kept.features = keep_features(shared, kept.segmenter, domains, tmp_path)
    kept.made = 0
    kept.target(0)
    assert kept.made == 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"crop_height": 32, "crop_width": 32}, "of source and target .* crops, colours or styles"),
        ({"color_jitter": 0.5}, "of source and target is .* crops, colours or styles"),
        ({"pixel_adaptation": "fda"}, "of source is computed at every step: crops, colours or st"),
        ({"backbone": "timm/resnet18"}, "of source and target .*: timm/resnet18 cannot be divided"),
        ({"feature_cache_bytes": SOURCE - 1}, "of source .*: 0.1 MB are more than feature_cache_b"),
        ({"feature_cache_bytes": SOURCE + TARGET - 1}, "of target is computed at every step: 0.1"),
    ],
)
def test_what_is_not_kept_is_computed_as_before_and_told(
    make_config: MakeConfig, tmp_path: Path, changes: dict[str, object], why: str
) -> None:
    kept = Kept(make_config(**FROZEN | changes), tmp_path)
    *_, note = kept.features.notes
    assert re.search(why, note), note
    untouched = {"source": kept.source(0), "target": kept.target(0)}
    assert {name for name, batch in untouched.items() if batch.begun is None} == {
        name for name in ("source", "target") if name in note.partition(" is ")[0]
    }


@pytest.mark.parametrize("changes", [{"frozen_stages": 0}, {"feature_cache_bytes": 0}])
def test_without_anything_to_keep_there_is_nothing_to_tell(
    make_config: MakeConfig, tmp_path: Path, changes: dict[str, object]
) -> None:
    kept = Kept(make_config(**FROZEN | changes), tmp_path)
    assert kept.features.notes == ()
    assert kept.target(0).begun is None
    assert not list(tmp_path.iterdir())


def test_a_disk_without_room_changes_no_number(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Kept(config, tmp_path / "room").target(0).begun
    nearly_full = SimpleNamespace(free=1024**3 + TARGET - 1)
    monkeypatch.setattr("shutil.disk_usage", lambda _: nearly_full)
    without = Kept(config, tmp_path / "none")
    assert "of source and target is computed" in without.features.notes[0]
    assert "the disk has no room for" in without.features.notes[0]
    for _ in range(2):
        assert same(without.target(0).begun, expected)
    assert without.made == 4


def test_a_disk_that_fills_meanwhile_changes_no_number(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [Kept(config, tmp_path / "room").target(n).begun for n in range(4)]
    kept = Kept(config, tmp_path / "full")
    kept.target(0)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwritev", full)
    assert all(same(kept.target(n).begun, each) for n, each in enumerate(expected))


def test_a_folder_that_cannot_be_made_is_told(config: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file")
    (note,) = Kept(config, tmp_path).features.notes
    assert "of source and target is computed at every step: cannot write on disk: " in note
