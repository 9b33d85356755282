"""Warm-ups that later runs take over: to the bit what they would have come to themselves."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer.conftest import MakeRun, lines_of
from tests.trainer.run.test_train import SMALL
from trainer.report.file import read_report
from trainer.run.progress import Reporter
from trainer.run.stopping import StopSignals
from trainer.run.train import SUCCEEDED, Run, train
from trainer.run.warm_up import MOST_KEPT
from trainer.run_folder.config import read_config

# The adjustment makes the source's term of presence one that depends on whose the labels are.
CHANGES = {
    **SMALL, "warmup_steps": 3, "steps": 2, "evaluate_every": 2, "report_every": 1, "predict": False,
    "presence_logit_adjustment": 1.0,
}  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "warm-ups"


def trained(make_run: MakeRun, supervision: str, name: str, **changes: object) -> Path:
    run_dir = make_run(supervision, name, **CHANGES | changes)
    assert train(run_dir) == SUCCEEDED
    return run_dir


def first_step(run_dir: Path) -> int:
    (started,) = (line for line in lines_of(run_dir) if line["kind"] == "started")
    assert isinstance(started["first_step"], int)
    return started["first_step"]


def test_a_run_that_takes_a_warm_up_over_is_the_one_that_did_it_itself(
    make_run: MakeRun, kept: Path
) -> None:
    trained(make_run, "point", "first", warm_ups=kept)
    (file,) = kept.iterdir()
    own, taken = (
        trained(make_run, "image", name, warm_ups=folder, evaluate_every=1)
        for name, folder in (("own", None), ("taken", kept))
    )
    assert list(kept.iterdir()) == [file], "image and point share it"
    assert (first_step(own), first_step(taken)) == (0, 3)
    for step in (3, 4, 5):
        one, other = (
            load_file(run / f"checkpoints/step-{step:06d}.safetensors") for run in (own, taken)
        )
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
    reports = [read_report(run) for run in (own, taken)]
    assert "3 steps of warm-up are those of an earlier run (warm_ups)" in reports[1].notes
    same = [each.model_copy(update={"seconds": 0, "notes": ()}) for each in reports]
    assert same[0] == same[1]
    assert same[0].source_only is not None


def path_of(make_run: MakeRun, supervision: str, name: str, **changes: object) -> Path | None:
    """Where a run that has not begun would keep its warm-up."""
    run_dir = make_run(supervision, name, **CHANGES | changes)
    with Reporter(run_dir) as report, StopSignals() as stop:
        return Run(run_dir, report, stop, None).warm_up.path


@pytest.mark.parametrize(
    ("supervision", "changes"),
    [
        ("image", {}),
        ("pseudo", {"presence_logit_adjustment": 0.0}),
        ("point", {"evaluate_every": 1, "discriminator_hidden": 8, "predict": True}),
        ("point", {"schedule_steps": 9, "steps": 1}),
        ("image", {"weights": {"source_overlap": 0.5, "absent": 0.5, "class_mix": 1}}),
        ("point", {"source_every": 2, "point_logit_adjustment": 0.5}),
    ],
)
def test_what_comes_after_a_warm_up_is_no_part_of_it(
    make_run: MakeRun, kept: Path, supervision: str, changes: dict[str, object]
) -> None:
    before = {name: changes[name] for name in ("presence_logit_adjustment", "schedule_steps") if name in changes}  # fmt: skip
    # Those without adjustment differ by whose labels they have all the same: nobody loses but time.
    alike = "source-only" if supervision == "pseudo" else "point"
    one = path_of(make_run, alike, "one", warm_ups=kept, **before)
    assert one == path_of(make_run, supervision, "other", warm_ups=kept, **changes)
    assert one is not None


@pytest.mark.parametrize(
    ("supervision", "changes"),
    [
        ("source-only", {}),
        ("point", {"seed": 1}),
        ("point", {"steps": 3}),
        ("point", {"learning_rate": 1e-3}),
        ("point", {"height": 48}),
        ("point", {"feature_cache_bytes": 2**30}),
        ("point", {"warmup_steps": 2}),
        ("point", {"pixel_adaptation": "fda"}),
        ("point", {"weights": {"source_overlap": 0.4}}),
        ("point", {"warm_ups": None}),
    ],
)
def test_what_would_warm_up_otherwise_has_another(
    make_run: MakeRun, kept: Path, supervision: str, changes: dict[str, object]
) -> None:
    one = path_of(make_run, "point", "one", warm_ups=kept)
    other = path_of(make_run, supervision, "other", **{"warm_ups": kept} | changes)
    assert one != other
    assert (other is None) == (not {"pixel_adaptation", "warm_ups"}.isdisjoint(changes))


def test_another_picture_of_the_source_makes_another_warm_up(
    make_run: MakeRun, kept: Path, tmp_path: Path
) -> None:
    one = path_of(make_run, "point", "one", warm_ups=kept)
    source = read_config(tmp_path / "one")[0].source
    assert source is not None
    image = next((tmp_path / "one").parent.joinpath(source.root).glob("images/*"))
    times = image.stat()
    os.utime(image, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    other = path_of(make_run, "point", "other", warm_ups=kept)
    os.utime(image, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert one != other


def test_a_damaged_warm_up_is_done_again_and_only_the_last_few_are_kept(
    make_run: MakeRun, kept: Path
) -> None:
    trained(make_run, "point", "first", warm_ups=kept)
    (file,) = kept.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert first_step(trained(make_run, "point", "second", warm_ups=kept)) == 0
    assert file.read_bytes() == whole
    for number in range(MOST_KEPT):
        (kept / f"other-warm-up-{number}.safetensors").write_bytes(b"")
    (kept / "other").write_bytes(b"not ours")
    trained(make_run, "point", "third", warm_ups=kept, seed=1)
    assert len(list(kept.glob("*-warm-up-*"))) == MOST_KEPT
    assert (kept / "other").exists()
    assert not file.exists(), "it was used longest ago"
