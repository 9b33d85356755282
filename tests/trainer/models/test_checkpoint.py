import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from tests.trainer.conftest import shape_with
from trainer.contract import CheckpointInfo, Score
from trainer.errors import BadInput
from trainer.models.checkpoint import (
    Provenance,
    TrainedSegmenter,
    link_as,
    load_segmenter,
    read_safetensors,
    save_checkpoint,
)
from trainer.models.segmenter import SegmenterShape, build_segmenter

MADE_FROM = Provenance(config_sha256="c" * 64, labels_sha256=None)


def save(run_dir: Path, shape: SegmenterShape, step: int = 3) -> Path:
    trained = TrainedSegmenter(build_segmenter(shape).eval(), shape)
    saved = save_checkpoint(run_dir, step, trained, Score(miou=0.5), MADE_FROM)
    return run_dir / saved.path


def rewrite(path: Path, header: dict[str, object], **tensors: Tensor) -> None:
    """Change some of a checkpoint's header and tensors."""
    before, metadata = read_safetensors(path)
    shape = json.loads(metadata["segmenter"]) | header
    save_file(before | tensors, path, {"segmenter": json.dumps(shape)})


def complaint(path: Path) -> str:
    with pytest.raises(BadInput) as raised:
        load_segmenter(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    "shape",
    [
        shape_with(presence_scale=0.5, presence_offsets=(1.0, -2.0), colors=("#000000", "#ffffff")),
        shape_with(head="deeplab-v2", dilations=(6, 12, 18, 24)),
        shape_with(backbone="timm/convnext_atto", logit_stride=4),
        shape_with(backbone="timm/vit_tiny_patch16_224"),
    ],
    ids=lambda shape: f"{shape.backbone}-{shape.head}",
)
def test_what_was_saved_is_loaded(tmp_path: Path, shape: SegmenterShape) -> None:
    trained = TrainedSegmenter(build_segmenter(shape).eval(), shape)
    save_checkpoint(tmp_path, 3, trained, Score(), MADE_FROM)
    loaded = load_segmenter(tmp_path / "checkpoints/step-000003.safetensors")
    assert loaded.shape == shape
    assert not loaded.network.training
    images = torch.randint(0, 256, (1, 3, 32, 64), dtype=torch.uint8)
    with torch.inference_mode():
        assert torch.equal(loaded.network(images).logits, trained.network(images).logits)


def test_the_information_beside_it_is_of_the_file(tmp_path: Path) -> None:
    path = save(tmp_path, shape_with())
    info = CheckpointInfo.model_validate_json(path.with_suffix(".json").read_text())
    assert (info.step, info.size) == (3, path.stat().st_size)
    assert info.categories == ("road", "car")
    assert info.score == Score(miou=0.5)


def test_a_checkpoint_from_before_heads_were_chosen_still_loads(tmp_path: Path) -> None:
    path = save(tmp_path, shape_with())
    tensors, _ = read_safetensors(path)
    known = ("backbone", "categories", "feature_channels", "height", "width", "smooth_max")
    old = {name: value for name, value in shape_with() if name in known}
    save_file(tensors, path, {"segmenter": json.dumps(old)})
    loaded = load_segmenter(path)
    assert loaded.shape == shape_with()
    assert loaded.shape.logit_stride == 8
    assert "backbone.conv_stem.weight" in tensors
    assert "backbone.blocks.6.0.conv_pwl.weight" in tensors
    assert "head.classifier.weight" in tensors


class TestBadCheckpoints:
    def test_missing(self, tmp_path: Path) -> None:
        assert complaint(tmp_path / "x.safetensors").startswith("cannot read as safetensors: ")

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not this", b"\xff" * 64])
    def test_damaged(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "x.safetensors"
        path.write_bytes(content)
        assert complaint(path).startswith("cannot read as safetensors: ")

    def test_cut_off(self, tmp_path: Path) -> None:
        path = save(tmp_path, shape_with())
        path.write_bytes(path.read_bytes()[:-1])
        assert complaint(path).startswith("cannot read as safetensors: ")

    def test_weights_of_something_else(self, tmp_path: Path) -> None:
        path = tmp_path / "x.safetensors"
        save_file({"weight": torch.zeros(1)}, path)
        assert complaint(path) == "not a weakseg checkpoint: no 'segmenter' in its header"

    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ({"height": "tall"}, "header: height: "),
            ({"feature_channels": 12}, "header: feature_channels: "),
            ({"categories": []}, "header: categories: "),
            ({"head": "deeplab-v2", "dilations": [0]}, "header: dilations.0: "),
            ({"backbone": "resnet0"}, "header: backbone: no 'resnet0'"),
            ({"backbone": "timm/resnet0"}, "header: backbone: timm has no network 'resnet0'"),
        ],
    )
    def test_header(self, tmp_path: Path, header: dict[str, object], expected: str) -> None:
        path = save(tmp_path, shape_with())
        rewrite(path, header)
        assert complaint(path).startswith(expected)

    @pytest.mark.parametrize(
        ("head", "tensor"),
        [("fusion", "head.classifier.weight"), ("deeplab-v2", "head.branches.0.weight")],
    )
    def test_number_of_categories(self, tmp_path: Path, head: str, tensor: str) -> None:
        path = save(tmp_path, shape_with(head=head))
        rewrite(path, {"categories": ["road", "car", "sky"]})
        assert complaint(path) == (f"its header names 3 categories, but tensor {tensor!r} is of 2")

    @pytest.mark.parametrize("value", [float("nan"), float("-inf")])
    def test_a_tensor_that_is_not_finite(self, tmp_path: Path, value: float) -> None:
        path = save(tmp_path, shape_with())
        rewrite(path, {}, **{"head.classifier.bias": torch.tensor([0.0, value])})
        assert complaint(path) == "tensor 'head.classifier.bias' has values that are not finite"

    def test_missing_tensors(self, tmp_path: Path) -> None:
        path = save(tmp_path, shape_with())
        tensors, metadata = read_safetensors(path)
        del tensors["head.mix.0.weight"], tensors["backbone.bn1.bias"]
        save_file(tensors, path, metadata)
        assert complaint(path) == (
            "does not fit the network: lacks tensor 'backbone.bn1.bias' and 1 more"
        )

    def test_tensors_of_another_network(self, tmp_path: Path) -> None:
        path = save(tmp_path, shape_with())
        rewrite(path, {"backbone": "timm/resnet18"})
        assert complaint(path).startswith("does not fit the network: ")

    def test_width_of_features(self, tmp_path: Path) -> None:
        path = save(tmp_path, shape_with())
        rewrite(path, {"feature_channels": 24})
        assert complaint(path).startswith("does not fit the network: size mismatch for head.")


class TestLinks:
    def test_stand_for_a_step_and_outlive_it(self, tmp_path: Path) -> None:
        path = save(tmp_path, shape_with())
        content, info = path.read_bytes(), path.with_suffix(".json").read_text()
        link_as(tmp_path, 3, "best")
        path.unlink()
        path.with_suffix(".json").unlink()
        best = tmp_path / "checkpoints/best.safetensors"
        assert best.read_bytes() == content
        assert best.with_suffix(".json").read_text() == info
        load_segmenter(best)

    def test_can_be_moved_and_made_again(self, tmp_path: Path) -> None:
        paths = {step: save(tmp_path, shape_with(), step) for step in (3, 6)}
        for step in (3, 6, 6, 3):
            link_as(tmp_path, step, "best")
            best = tmp_path / "checkpoints/best.safetensors"
            assert best.samefile(paths[step])
            assert json.loads(best.with_suffix(".json").read_text())["step"] == step
        assert not list(tmp_path.glob("checkpoints/.*"))
        assert all(path.exists() for path in paths.values())

    def test_are_copies_where_there_are_no_links(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", refuse)
        paths = {step: save(tmp_path, shape_with(), step) for step in (3, 6)}
        for step in (3, 6, 6):
            link_as(tmp_path, step, "last")
            last = tmp_path / "checkpoints/last.safetensors"
            assert last.read_bytes() == paths[step].read_bytes()
            assert not last.samefile(paths[step])
        assert not list(tmp_path.glob("checkpoints/.*"))


def test_a_prediction_may_be_the_mean_of_both_ways_to_look(tmp_path: Path) -> None:
    loaded = load_segmenter(save(tmp_path, shape_with(mirrored_prediction=True)))
    images = torch.randint(0, 256, (2, 3, 32, 64), dtype=torch.uint8)
    with torch.inference_mode():
        logits = loaded.logits(images)
        one, other = (loaded.network(each).logits for each in (images, images.flip(-1)))
        of_mirrored = loaded.logits(images.flip(-1))
    assert not torch.allclose(one, other.flip(-1), atol=1e-3)
    torch.testing.assert_close(logits, (one + other.flip(-1)) / 2)
    torch.testing.assert_close(of_mirrored, logits.flip(-1))


def test_the_mirror_image_may_be_looked_at_enlarged(tmp_path: Path) -> None:
    shape = shape_with(mirrored_prediction=True, mirrored_scale=1.5)
    loaded = load_segmenter(save(tmp_path, shape))
    images = torch.randint(0, 256, (2, 3, 33, 64), dtype=torch.uint8)
    # As another library enlarges: Pillow takes the four neighbours too, where nothing shrinks.
    large = np.stack([
        np.stack([
            np.asarray(Image.fromarray(channel).resize((96, 50), Image.Resampling.BILINEAR))
            for channel in image[..., ::-1].astype(np.float32)
        ])
        for image in images.numpy()
    ])  # fmt: skip
    with torch.inference_mode():
        logits = loaded.logits(images)
        of_floats = loaded.logits(images.float())
        seen, enlarged = loaded.network(images).logits, loaded.network(torch.tensor(large)).logits
    height, width = seen.shape[-2:]
    assert enlarged.shape[-1] == 3 * width // 2
    back = torch.nn.functional.interpolate(enlarged.flip(-1), (height, width), mode="bilinear")
    torch.testing.assert_close(logits, (seen + back) / 2, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(of_floats, logits)
    assert not torch.allclose(back, seen, atol=1e-3)
