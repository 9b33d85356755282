"""Small datasets made in the test: coloured rectangles as street furniture."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from trainer.contract import DatasetCard, PointLabel, Supervision, TrainConfig, WeakLabel
from trainer.data.labels import write_labels
from trainer.models.segmenter import SegmenterShape
from trainer.recipes import RunSubject, build
from trainer.report import page

CATEGORIES = ("road", "building", "car")
COLORS = ((90, 90, 90), (170, 80, 60), (40, 60, 200))


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


CHARTS = "trainer.report.page._charts"
DRAW = page._charts


@pytest.fixture(scope="package", autouse=True)
def _no_charts() -> Iterator[None]:
    """Matplotlib takes longer to draw them than so short a run takes: left out unless asked for."""
    none = dict.fromkeys(("losses", "scores", "reliability"), "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CHARTS, lambda *_: none)
        yield


@contextmanager
def charts() -> Iterator[None]:
    """For what draws, or looks at, the charts of a run's page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CHARTS, DRAW)
        yield


@pytest.fixture
def drawn_charts() -> Iterator[None]:
    """For a test that looks at the charts of a run's page."""
    with charts():
        yield


@pytest.fixture(autouse=True)
def _numbers_as_before() -> Iterator[None]:
    """A training flushes denormals in its whole process, which here is that of other tests too."""
    yield
    torch.set_flush_denormal(False)


def paint(folder: Path, count: int, size: tuple[int, int], seed: int) -> None:
    """Write `count` images and masks: road below, building above, a car in two of three."""
    random = np.random.default_rng(seed)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    width, height = size
    for number in range(count):
        mask = np.zeros((height, width), np.uint8)
        mask[: height // 2] = 1
        if number % 3:
            left = int(random.integers(0, width // 2))
            mask[height // 3 : 2 * height // 3, left : left + width // 3] = 2
        image = np.array(COLORS, np.int16)[mask] + random.integers(-20, 20, (height, width, 3))
        stem = f"{number:03d}"
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"images/{stem}.png")
        Image.fromarray(mask).save(folder / f"masks/{stem}.png")


def weak_label(folder: Path, name: str) -> WeakLabel:
    """The label of one painted image, with one point on each present category."""
    with Image.open(folder / "masks" / Path(name).name) as opened:
        mask = np.asarray(opened)
    present = [category for index, category in enumerate(CATEGORIES) if (mask == index).any()]
    points = []
    for category in present:
        row, column = np.argwhere(mask == CATEGORIES.index(category))[7]
        points.append(PointLabel(category=category, x=column + 0.5, y=row + 0.5))
    return WeakLabel(
        image=name,
        width=mask.shape[1],
        height=mask.shape[0],
        present=tuple(present),
        absent=tuple(c for c in CATEGORIES if c not in present),
        points=tuple(points),
    )


@dataclass(frozen=True)
class Street:
    """Source and target folders, cards and labels."""

    root: Path
    source: DatasetCard
    target: DatasetCard
    validation: DatasetCard
    labels: Path
    weights: Path
    """That `BACKBONE` starts from."""


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Street:
    """Eight source pairs, six labelled target images without masks, three validation pairs."""
    root = tmp_path_factory.mktemp("street")
    paint(root / "source", 8, (64, 48), seed=1)
    paint(root / "target", 6, (80, 60), seed=2)
    paint(root / "validation", 3, (80, 60), seed=3)
    names = [f"images/{number:03d}.png" for number in range(6)]
    labels = root / "labels.jsonl"
    write_labels(labels, [weak_label(root / "target", name) for name in names])
    for mask in (root / "target" / "masks").iterdir():
        mask.unlink()
    ids = dict(enumerate(CATEGORIES))
    source, target, validation = (
        DatasetCard(name=name, root=root / name, masks=masks, ids=ids)
        for name, masks in (
            ("source", "masks/{stem}.png"),
            ("target", None),
            ("validation", "masks/{stem}.png"),
        )
    )
    weights = root / "weights.safetensors"
    torch.manual_seed(0)
    save_file(timm.create_model(BACKBONE.removeprefix("timm/")).state_dict(), weights)
    return Street(root, source, target, validation, labels, weights)


MakeConfig = Callable[..., TrainConfig]
MakeRun = Callable[..., Path]
BACKBONE = "timm/test_efficientnet"
"""Of the kind of the product's own with a thirtieth of its weights: most of a step is the backbone."""
FROZEN = 3
"""Of the backbone's five stages: a step then takes less time, and a saved run less room."""
PRODUCTS_OWN: dict[str, object] = {
    "backbone": "efficientnet-lite0", "initial_weights": None, "frozen_stages": 6
}  # fmt: skip
"""For a test of what depends on the backbone that the recipes name: most of its stages are frozen."""


@pytest.fixture(scope="session")
def make_config(street: Street) -> MakeConfig:
    """The configuration of a `tiny` run on the street with some fields changed.

    The backbone is a small one, most of it is frozen, and nothing of it kept, unless the fields say
    otherwise.
    """

    def make(supervision: str = "point", **changes: object) -> TrainConfig:
        subject = RunSubject(
            supervision=Supervision(supervision),
            categories=CATEGORIES,
            source=street.source,
            target=street.target,
            labels=street.labels,
            validation=street.validation,
        )
        quick = {
            "backbone": BACKBONE, "initial_weights": street.weights,
            "threads": 1, "frozen_stages": FROZEN, "feature_cache_bytes": 0,
        }  # fmt: skip
        return TrainConfig.model_validate(build("tiny", subject).model_dump() | quick | changes)

    return make


@pytest.fixture
def make_run(make_config: MakeConfig, tmp_path: Path) -> MakeRun:
    """Write a run directory of the `tiny` recipe with some fields changed."""

    def make(supervision: str = "point", name: str = "run", **changes: object) -> Path:
        return begin(tmp_path / name, make_config(supervision, **changes))

    return make


def begin(run_dir: Path, config: TrainConfig) -> Path:
    """Make a run directory."""
    run_dir.mkdir()
    (run_dir / "config.json").write_text(config.model_dump_json())
    return run_dir


def copy_of(run_dir: Path, to: Path) -> Path:
    """A run directory like another, for a test that changes it; what was linked there is linked."""
    subprocess.run(["cp", "-a", run_dir, to], check=True)
    return to


def shape_with(**changes: object) -> SegmenterShape:
    """Two categories, 16 feature channels, images of 32 x 64, unless told otherwise."""
    fields: dict[str, object] = {
        "backbone": "efficientnet-lite0",
        "categories": ("road", "car"),
        "feature_channels": 16,
        "height": 32,
        "width": 64,
        "smooth_max": 1.0,
    }
    return SegmenterShape.model_validate(fields | changes)


def lines_of(run_dir: Path) -> list[dict[str, object]]:
    """The progress lines of a run."""
    return [json.loads(line) for line in (run_dir / "progress.jsonl").read_text().splitlines()]


@pytest.fixture
def cards(street: Street, tmp_path: Path) -> dict[str, str]:
    """The street's cards as files: their paths by name."""
    paths = {}
    for card in (street.source, street.target, street.validation):
        path = tmp_path / f"{card.name}.yaml"
        path.write_text(yaml.safe_dump(card.model_dump(mode="json", exclude_defaults=True)))
        paths[card.name] = str(path)
    return paths
