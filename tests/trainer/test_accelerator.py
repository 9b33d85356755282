"""A run on an accelerator gives what a run on a CPU gives. Skipped where there is none."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.trainer.conftest import MakeRun, Street, lines_of
from trainer.data.images import ResizedImages
from trainer.data.samples import list_samples
from trainer.inference.predict import predict_images
from trainer.models.checkpoint import load_segmenter
from trainer.run.train import SUCCEEDED, train

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator"),
]

ALIKE = {"presence_dropout": 0, "precision": "fp32", "report_every": 1}
"""Devices draw other random numbers, and tf32 rounds."""


def losses_of(run_dir: Path) -> list[dict[str, float]]:
    """The terms of each step."""
    lines = [line["losses"] for line in lines_of(run_dir) if line["kind"] == "progress"]
    return [dict(line) for line in lines if isinstance(line, dict)]


def trained(run_dir: Path) -> Path:
    assert train(run_dir) == SUCCEEDED
    return run_dir


def trained_elsewhere(run_dir: Path) -> Path:
    """As `trained`, in a process of its own: one keeps to the precision of its first run."""
    subprocess.run(
        [sys.executable, "-m", "trainer", "train", run_dir], check=True, stdout=subprocess.DEVNULL
    )
    return run_dir


@pytest.mark.parametrize("supervision", ["pseudo", "image", "point", "dense"])
def test_its_losses_are_those_of_a_cpu(make_run: MakeRun, street: Street, supervision: str) -> None:
    changes: dict[str, object] = dict(ALIKE)
    if supervision == "dense":
        changes["target"] = street.validation
    of = {
        device: losses_of(trained(make_run(supervision, name=device, device=device, **changes)))
        for device in ("cpu", "cuda")
    }
    assert len(of["cpu"]) == len(of["cuda"]) > 0
    for on_cpu, on_gpu in zip(of["cpu"][:3], of["cuda"][:3], strict=True):
        assert on_gpu == pytest.approx(on_cpu, rel=0.02, abs=1e-3)


@pytest.mark.parametrize(
    "changes", [{"precision": "bf16"}, {"precision": "tf32"}, {"compile": True}]
)
def test_what_makes_it_fast_changes_little(make_run: MakeRun, changes: dict[str, object]) -> None:
    plain = losses_of(trained_elsewhere(make_run(name="plain", device="cuda", **ALIKE)))
    fast = losses_of(trained_elsewhere(make_run(name="fast", device="cuda", **ALIKE | changes)))
    assert fast[0] == pytest.approx(plain[0], rel=0.1, abs=0.02)


def test_its_checkpoint_predicts_on_a_cpu_what_it_does_there(
    make_run: MakeRun, street: Street, tmp_path: Path
) -> None:
    run_dir = trained(make_run(device="cuda", precision="fp32"))
    masks = []
    for device in ("cpu", "cuda"):
        segmenter = load_segmenter(run_dir / "checkpoints/last.safetensors", device)
        samples = list_samples(street.target, with_masks=False)
        images = ResizedImages(samples, segmenter.size)
        predict_images(segmenter, images, tmp_path / device)
        paths = sorted((tmp_path / device).rglob("*.png"))
        masks.append(np.stack([np.asarray(Image.open(path)) for path in paths]))
    assert (masks[0] == masks[1]).mean() > 0.999
