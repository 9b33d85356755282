import json
import sys
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from typer.testing import CliRunner

from tests.trainer.conftest import shape_with
from trainer.__main__ import app
from trainer.contract import Score
from trainer.errors import BadInput
from trainer.inference.export import compare, export
from trainer.models.checkpoint import Provenance, TrainedSegmenter, save_checkpoint
from trainer.models.segmenter import build_segmenter

SIZE = (32, 64)


def trained(**changes: object) -> TrainedSegmenter:
    fields: dict[str, object] = {
        "backbone": "timm/test_resnet",
        "head": "deeplab-v2",
        "colors": ("#112233", "#445566"),
        "presence_scale": 0.5,
        "presence_offsets": (0.25, -1.0),
    }
    shape = shape_with(**fields | changes)
    return TrainedSegmenter(build_segmenter(shape).eval(), shape)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedSegmenter, Path]:
    run_dir = tmp_path_factory.mktemp("run")
    segmenter = trained()
    saved = save_checkpoint(run_dir, 1, segmenter, Score(), Provenance("c" * 64, None))
    return segmenter, run_dir / saved.path


def test_a_model_looks_both_ways_where_its_segmenter_does(tmp_path: Path) -> None:
    segmenter = trained(mirrored_prediction=True, mirrored_scale=1.5)
    assert export(segmenter, tmp_path / "model.onnx", SIZE).is_small
    plain = TrainedSegmenter(segmenter.network, trained().shape)
    content = (tmp_path / "model.onnx").read_bytes()
    assert not compare(plain, content, SIZE).is_small


@pytest.fixture(scope="module")
def exported(checkpoint: tuple[TrainedSegmenter, Path]) -> tuple[TrainedSegmenter, Path, str]:
    segmenter, path = checkpoint
    out = path.parent / "new" / "model.onnx"
    result = CliRunner().invoke(app, ["export", str(path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    return segmenter, out, result.stdout


def test_the_model_says_what_the_segmenter_says(
    exported: tuple[TrainedSegmenter, Path, str],
) -> None:
    segmenter, out, _ = exported
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    for count in (1, 3):
        images = torch.randint(0, 256, (count, 3, *SIZE), dtype=torch.uint8)
        answers = session.run(["logits", "mask", "presence"], {"images": images.numpy()})
        logits, mask, presence = (torch.from_numpy(each) for each in answers)
        with torch.inference_mode():
            expected = segmenter.network(images).logits
        torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-5)
        assert mask.dtype == torch.uint8
        upsampled = torch.nn.functional.interpolate(expected, SIZE, mode="bilinear")
        assert (mask == upsampled.argmax(1)).double().mean() > 0.999
        pooled = expected.exp().mean((2, 3)).log()
        wanted = torch.sigmoid(0.5 * pooled + torch.tensor([0.25, -1.0]))
        torch.testing.assert_close(presence, wanted, rtol=1e-3, atol=1e-4)


def test_the_model_says_what_its_channels_are(
    exported: tuple[TrainedSegmenter, Path, str],
) -> None:
    model = onnx.load(exported[1])
    metadata = {each.key: json.loads(each.value) for each in model.metadata_props}
    assert metadata["categories"] == ["road", "car"]
    assert metadata["colors"] == ["#112233", "#445566"]
    (images,) = model.graph.input
    batch, *rest = images.type.tensor_type.shape.dim
    assert batch.dim_param == "batch"
    assert [each.dim_value for each in rest] == [3, *SIZE]
    assert images.type.tensor_type.elem_type == onnx.TensorProto.UINT8


def test_the_command_tells_how_close_it_is(exported: tuple[TrainedSegmenter, Path, str]) -> None:
    told = json.loads(exported[2])
    assert (told["height"], told["width"]) == SIZE
    assert all(0 <= value <= 1e-3 for value in told["max_difference"].values())


def test_another_network_is_noticed(exported: tuple[TrainedSegmenter, Path, str]) -> None:
    segmenter, out, _ = exported
    content = out.read_bytes()
    assert compare(segmenter, content, SIZE).is_small
    with torch.no_grad():
        segmenter.network.head.branches[0].bias[0] += 0.1
    assert not compare(segmenter, content, SIZE).is_small
    with torch.no_grad():
        segmenter.network.head.branches[0].bias[0] -= 0.1


def test_logits_at_stride_4_are_exported_as_they_are(tmp_path: Path) -> None:
    segmenter, out = trained(head="fusion", logit_stride=4), tmp_path / "model.onnx"
    assert export(segmenter, out, SIZE).is_small
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": torch.zeros(1, 3, *SIZE).byte().numpy()})
    assert logits.shape == (1, 2, 8, 16)


@pytest.mark.parametrize("package", ["onnx_ir", "onnxscript"])
def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BadInput, match=rf"^{package} is not installed: pip install"):
        export(trained(), tmp_path / "model.onnx", SIZE)
    assert not list(tmp_path.iterdir())


def test_a_missing_runtime_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BadInput, match=r"^onnxruntime is not installed: pip install"):
        compare(trained(), b"", SIZE)


def test_a_bad_checkpoint_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["export", str(tmp_path / "x.safetensors"), "--out", "y.onnx"])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {tmp_path / 'x.safetensors'}: cannot read")
    assert result.stderr.count("\n") == 1
