"""Part `loading`: how much of a step is spent waiting for its batches."""

import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.bench.measure import Conditions, quartiles, rounds, synchronise
from trainer.bench.pictures import draw_dataset
from trainer.bench.result import Cell, PartResult, verdict
from trainer.bench.subject import CATEGORIES, config_for, make_adaptation
from trainer.contract import Supervision, TrainConfig
from trainer.contract.masks import mask_codes
from trainer.data.batches import SourceBatches, TargetBatches, loaded
from trainer.data.domains import load_domains
from trainer.data.images import ResizedImages
from trainer.method.step import Adaptation
from trainer.recipes import RunSubject


@dataclass(frozen=True)
class Extent:
    """How many files, and how many steps, of which the first are not counted."""

    files: int
    size: tuple[int, int]
    begun: int
    steps: int
    workers: tuple[int, ...] = (0, 2, 4)


QUICK = Extent(files=4, size=(128, 64), begun=1, steps=2, workers=(0,))
ON_CPU = Extent(files=8, size=(2048, 1024), begun=4, steps=6, workers=(0, 2))
ON_ACCELERATOR = Extent(files=48, size=(2048, 1024), begun=20, steps=60)


@dataclass(frozen=True)
class Pass:
    """Seconds of some steps."""

    waited: float
    total: float


@dataclass(frozen=True)
class Loading:
    """One way to come by batches."""

    source: SourceBatches
    target: TargetBatches
    cache: bool
    workers: int

    def take(self, adaptation: Adaptation, extent: Extent) -> Pass:
        """Train on batches from files; workers are started anew and have begun when it counts."""
        end = extent.begun + extent.steps
        pinned = adaptation.device.type == "cuda"
        source = loaded(self.source, range(end), self.workers, pin_memory=pinned)
        target = loaded(self.target, range(end), self.workers, pin_memory=pinned)
        waited, start = 0.0, time.perf_counter()
        for number in range(end):
            if number == extent.begun:
                synchronise(adaptation.device)
                waited, start = 0.0, time.perf_counter()
            asked = time.perf_counter()
            batches = next(source), next(target)
            waited += time.perf_counter() - asked
            adaptation.step(number, *batches)
        synchronise(adaptation.device)
        return Pass(waited, time.perf_counter() - start)


def measure(conditions: Conditions) -> PartResult:
    """Passes over files with and without the cache, with and without workers, in turn."""
    extent = ON_ACCELERATOR if conditions.on_accelerator else ON_CPU
    if conditions.quick:
        extent = QUICK
    with tempfile.TemporaryDirectory(prefix="weakseg-bench-") as name:
        config = _config(conditions, extent, Path(name))
        adaptation = make_adaptation(config)
        loadings = [
            Loading(*batches, cache, workers)
            for cache in (True, False)
            for batches in [_batches(config, cache=cache)]
            for workers in extent.workers
        ]
        passes = _in_turn(conditions, extent, adaptation, loadings)
    rows = [_row(loading, passes[number]) for number, loading in enumerate(loadings)]
    cached = [float(row["waiting_percent"] or 0) for row in rows if row["cache"] == "on"]
    return PartResult(
        part="loading",
        about=f"recipe {config.recipe}, {config.width} x {config.height}, batch "
        f"{config.batch_size} of each domain, {extent.steps} steps a pass"
        + ("" if conditions.source else f", PNG files of {extent.size[0]} x {extent.size[1]}"),
        rows=tuple(rows),
        verdicts=(
            verdict(
                "loading",
                min(cached),
                on_accelerator=conditions.on_accelerator,
                of="the best number of workers",
            ),
        ),
    )


def _config(conditions: Conditions, extent: Extent, folder: Path) -> TrainConfig:
    source, target = conditions.source, conditions.target
    if source is None or target is None:
        source = draw_dataset(folder / "source", extent.files, extent.size, CATEGORIES, seed=1)
        target = draw_dataset(folder / "target", extent.files, extent.size, CATEGORIES, seed=2)
    subject = RunSubject(
        Supervision.PSEUDO, source.categories, source, target.model_copy(update={"masks": None})
    )
    config = config_for(conditions, subject=subject, changes={"rare_category_temperature": None})
    return config.model_copy(update={"cache": folder / "cache"})


def _batches(config: TrainConfig, *, cache: bool) -> tuple[SourceBatches, TargetBatches]:
    domains = load_domains(config if cache else config.model_copy(update={"cache": None}))
    source, target = domains.source, domains.target
    if source is None or config.source is None:
        raise LookupError("the run that is measured has a source")
    if not cache:
        codes = mask_codes(config.source, config.categories)
        of_source = ResizedImages(source.images.samples, config.source_size, codes, memory_limit=0)
        of_target = ResizedImages(
            target.images.samples, (config.width, config.height), memory_limit=0
        )
        source, target = replace(source, images=of_source), replace(target, images=of_target)
    return source, target


def _in_turn(
    conditions: Conditions, extent: Extent, adaptation: Adaptation, loadings: list[Loading]
) -> list[list[Pass]]:
    """Passes of each, round by round, after one that fills the cache."""
    loadings[0].take(adaptation, extent)
    passes: list[list[Pass]] = [[] for _ in loadings]
    for _ in rounds(conditions):
        for loading, taken in zip(loadings, passes, strict=True):
            taken.append(loading.take(adaptation, extent))
    return passes


def _row(loading: Loading, passes: list[Pass]) -> dict[str, Cell]:
    shares = [100 * each.waited / each.total for each in passes]
    low, high = quartiles(shares)
    return {
        "cache": "on" if loading.cache else "off",
        "workers": loading.workers,
        "waiting_percent": statistics.median(shares),
        "low": low,
        "high": high,
        "pass_seconds": statistics.median(each.total for each in passes),
    }
