import hashlib
import os
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.trainer.models.conftest import MakeSegmenter
from trainer.errors import BadInput
from trainer.models.segmenter import Segmenter


@pytest.fixture
def classifier() -> dict[str, Tensor]:
    """EfficientNet-Lite0 as timm publishes it."""
    return dict(timm.create_model("tf_efficientnet_lite0").state_dict())


@pytest.fixture
def segmenter(make_segmenter: MakeSegmenter) -> Segmenter:
    return make_segmenter()


def complaint(segmenter: Segmenter, file: Path, sha256: str | None = None) -> str:
    with pytest.raises(BadInput) as raised:
        segmenter.load_initial_weights(file, sha256)
    message = str(raised.value)
    assert message.startswith(f"{file}: ")
    assert "\n" not in message
    return message.removeprefix(f"{file}: ")


@pytest.mark.parametrize("variant", ["lite0", "lite2"])
def test_the_packaged_weights_reach_every_tensor(
    make_segmenter: MakeSegmenter, variant: str
) -> None:
    first, second = (make_segmenter(f"efficientnet-{variant}") for _ in range(2))
    random = {n: t.clone() for n, t in first.backbone.state_dict().items()}
    first.load_initial_weights()
    second.load_initial_weights()
    for name, tensor in first.backbone.state_dict().items():
        assert torch.equal(tensor, second.backbone.state_dict()[name])
        if tensor.is_floating_point():
            assert not torch.equal(tensor, random[name]), name


@pytest.mark.parametrize("variant", ["lite0", "lite2"])
def test_the_packaged_weights_tell_pictures_apart(
    make_segmenter: MakeSegmenter, variant: str
) -> None:
    """Tensors in a wrong order would fit as well, but the maps would be noise or vanish."""
    segmenter = make_segmenter(f"efficientnet-{variant}")
    segmenter.load_initial_weights()
    gradient = torch.linspace(0, 255, 64).expand(1, 3, 64, 64)
    flat = torch.full_like(gradient, 127)
    edges = segmenter.backbone((gradient - 127) / 128)[0]
    nothing = segmenter.backbone((flat - 127) / 128)[0]
    assert edges.isfinite().all()
    assert 0.1 < (edges - nothing).std() < 20


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_file_s_weights_reach_every_tensor(
    segmenter: Segmenter, classifier: dict[str, Tensor], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"weights.{suffix}"
    if suffix == "pth":
        torch.save(classifier, path)
    else:
        save_file(classifier, path)
    segmenter.load_initial_weights(path, hashlib.sha256(path.read_bytes()).hexdigest())
    for name, tensor in segmenter.backbone.state_dict().items():
        assert torch.equal(tensor, classifier[name])


def test_missing_file(segmenter: Segmenter, tmp_path: Path) -> None:
    for suffix in ("pth", "safetensors"):
        message = complaint(segmenter, tmp_path / f"nothing.{suffix}")
        assert message.startswith("cannot read the weights: ")
        assert "No such file" in message


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_damaged_file(segmenter: Segmenter, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(b"not a network")
    assert complaint(segmenter, path).startswith("cannot read the weights: ")


def test_another_sha256(
    segmenter: Segmenter, classifier: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(classifier, path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert complaint(segmenter, path, "0" * 64) == f"its sha256 is {found}, not {'0' * 64}"


def test_a_sha256_of_no_file(segmenter: Segmenter) -> None:
    with pytest.raises(BadInput, match=r"^initial_weights_sha256: .* without initial_weights$"):
        segmenter.load_initial_weights(None, "0" * 64)


class Command:
    """A pickle that runs a command when it is loaded."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def test_no_pickle_is_run(segmenter: Segmenter, tmp_path: Path) -> None:
    path, witness = tmp_path / "weights.pth", tmp_path / "witness"
    torch.save({"conv_stem.weight": Command(f"touch {witness}")}, path)
    assert complaint(segmenter, path).startswith("cannot read the weights: ")
    assert not witness.exists()


def test_other_things_than_tensors(segmenter: Segmenter, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"epoch": 3}, path)
    assert complaint(segmenter, path) == "holds other things than named tensors"


def test_another_network(segmenter: Segmenter, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(nn.Linear(2, 3).state_dict(), path)
    assert "does not fit the network: lacks tensor 'conv_stem.weight' and" in complaint(
        segmenter, path
    )


def test_one_missing_tensor(
    segmenter: Segmenter, classifier: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    del classifier["blocks.3.1.bn2.bias"]
    torch.save(classifier, path)
    assert complaint(segmenter, path) == (
        "does not fit the network: lacks tensor 'blocks.3.1.bn2.bias'"
    )


def test_one_tensor_too_many(
    segmenter: Segmenter, classifier: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(classifier | {"blocks.9.weight": torch.zeros(1)}, path)
    assert complaint(segmenter, path) == (
        "does not fit the network: has the unknown tensor 'blocks.9.weight'"
    )


def test_another_shape(segmenter: Segmenter, classifier: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(classifier | {"bn1.weight": torch.zeros(7)}, path)
    message = complaint(segmenter, path)
    assert message.startswith("does not fit the network: size mismatch for bn1.weight")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_tensor_that_is_not_finite_is_named(
    segmenter: Segmenter, classifier: dict[str, Tensor], tmp_path: Path, value: float
) -> None:
    path = tmp_path / "weights.pth"
    classifier["blocks.3.1.bn2.bias"][4] = value
    torch.save(classifier, path)
    assert complaint(segmenter, path) == (
        "tensor 'blocks.3.1.bn2.bias' has values that are not finite"
    )
